"""How a setting is declared: once, beside its type, in one of the section classes.

Loader, command line, documents and their tests all read these declarations.
"""

import enum
from collections.abc import Callable, Iterator
from dataclasses import MISSING, dataclass, field, fields, replace
from typing import Any, TypeVar

from colobus.config.kinds import Kind

__all__ = ["Declaration", "Effect", "declarations", "optional", "setting"]

T = TypeVar("T")

_KEY = "declaration"


class Effect(enum.Enum):
    """What a setting does when it is set."""

    FULL = enum.auto()
    PENDING = enum.auto()  # checked and kept; the feature is not part of this version
    NONE = enum.auto()  # names something that Colobus does not have


@dataclass(frozen=True, slots=True)
class Declaration:
    """Everything known about one setting.

    Attributes:
        name: as files and the Admin API spell it.
        kind: of its values.
        default: its value when no source gives one; None for one that is unset then.
        default_text: what the documents say of the default when it depends on the machine.
        help: what it is for, in full sentences.
        is_optional: True if it may be unset.
        is_secret: its value never appears in logs, messages or the Admin API.
        effect: whether it does anything.
        old_names: further names it is accepted under; a dotted one only in files.
        difference: how and why the default differs from 0.10.4; empty if it does not.
    """

    name: str
    kind: Kind[Any]
    default: Any
    default_text: str
    help: str
    is_optional: bool
    is_secret: bool
    effect: Effect
    old_names: tuple[str, ...]
    difference: str

    def is_unset(self, value: object) -> bool:
        """Tell whether ``value`` stands for nothing: no text would bring it back."""
        return value == () or (self.is_optional and value is None)


def setting(
    kind: Kind[T],
    default: T | Callable[[], T],
    help_text: str,
    *,
    default_text: str = "",
    effect: Effect = Effect.FULL,
    old_names: tuple[str, ...] = (),
    difference: str = "",
) -> T:
    """Declare a setting that always has a value; ``default`` may be a function of no argument."""
    declaration = Declaration(
        "", kind, default, default_text, help_text,
        is_optional=False, is_secret=False, effect=effect, old_names=old_names,
        difference=difference,
    )  # fmt: skip
    if callable(default):
        made: T = field(default_factory=default, metadata={_KEY: declaration})
        return made
    declared: T = field(default=default, metadata={_KEY: declaration})
    return declared


def optional(
    kind: Kind[T],
    help_text: str,
    *,
    is_secret: bool = False,
    effect: Effect = Effect.FULL,
    old_names: tuple[str, ...] = (),
) -> T | None:
    """Declare a setting that has no value unless it is given one."""
    declaration = Declaration(
        "", kind, None, "", help_text,
        is_optional=True, is_secret=is_secret, effect=effect, old_names=old_names, difference="",
    )  # fmt: skip
    declared: T | None = field(default=None, metadata={_KEY: declaration})
    return declared


def declarations(section: type) -> Iterator[Declaration]:
    """Yield the declarations of a section class, in the order they are written."""
    for item in fields(section):
        declaration: Declaration = item.metadata[_KEY]
        default = item.default if item.default_factory is MISSING else item.default_factory()
        yield replace(declaration, name=item.name, default=default)
