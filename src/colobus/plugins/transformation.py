"""What the transformers have in common: their rules, headers, and members of JSON objects.

A rule is text, ``name:value``; several colons behind the name count as one, and the value may
hold more. Rules are taken apart once for each configuration.
"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Protocol

from colobus.model.schema import Array, Check

__all__ = [
    "Content",
    "HeaderValues",
    "Headers",
    "JsonMembers",
    "NestedTooDeepError",
    "Rules",
    "Values",
    "change_headers",
    "change_values",
    "rules_of",
    "split_item",
]

is_header_name = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+").fullmatch
skip_space = re.compile(r"[ \t\n\r]*").match


def split_item(item: object) -> tuple[str, str | None]:
    """Return name and value of a rule; None for an empty value."""
    name, _, value = str(item).partition(":")
    return name, value.lstrip(":") or None


def _check_values(items: list[Any]) -> list[Any]:
    for item in items:
        if not isinstance(item, str) or ":" not in item:
            raise ValueError(f"key '{item}' has no value")
    return items


def _check_headers(items: list[Any]) -> list[Any]:
    # kong 0.10 takes any text for a header's name, and fails with each request.
    for item in _check_values(items):
        name, _ = split_item(item)
        if is_header_name(name) is None:
            raise ValueError(f"'{name}' is no header name")
    return items


Values = Annotated[Array[Any], Check(_check_values)]
"""Rules that need a value."""

HeaderValues = Annotated[Array[Any], Check(_check_headers)]
"""Rules that need a value, for headers."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What is to be changed of one part of a message, taken apart, in the order it is done."""

    remove: tuple[str, ...] = ()
    rename: tuple[tuple[str, str], ...] = ()
    replace: tuple[tuple[str, str | None], ...] = ()
    add: tuple[tuple[str, str], ...] = ()
    append: tuple[tuple[str, str], ...] = ()

    @property
    def is_any(self) -> bool:
        """Whether there is a rule at all."""
        return bool(self.remove or self.rename or self.replace or self.add or self.append)


def rules_of(
    *,
    remove: Sequence[object] = (),
    rename: Sequence[object] = (),
    replace: Sequence[object] = (),
    add: Sequence[object] = (),
    append: Sequence[object] = (),
) -> Rules:
    """Take rules apart. Without a value there is nothing to add, and no name to give."""
    return Rules(
        tuple(str(name) for name in remove),
        _valued(rename),
        tuple(split_item(item) for item in replace),
        _valued(add),
        _valued(append),
    )


def _valued(items: Iterable[object]) -> tuple[tuple[str, str], ...]:
    pairs = (split_item(item) for item in items)
    return tuple((name, value) for name, value in pairs if name and value is not None)


class Headers(Protocol):
    """The headers of a request or of an answer."""

    def get_header(self, name: str) -> str | None:
        """Return the first value of the header."""

    def get_headers(self, name: str) -> list[str]:
        """Return every value of the header."""

    def set_header(self, name: str, value: str) -> None:
        """Replace every header of that name by one."""

    def add_header(self, name: str, value: str) -> None:
        """Add a header line."""

    def remove_header(self, name: str) -> None:
        """Remove every header of that name."""


def change_headers(headers: Headers, rules: Rules) -> None:
    """Apply rules to headers."""
    for name in rules.remove:
        headers.remove_header(name)
    for old, new in rules.rename:
        _rename_header(headers, old, new)
    for name, value in rules.replace:
        if headers.get_header(name) is not None:
            if value is None:
                headers.remove_header(name)
            else:
                headers.set_header(name, value)
    for name, value in rules.add:
        if headers.get_header(name) is None:
            headers.set_header(name, value)
    for name, value in rules.append:
        headers.add_header(name, value)


def _rename_header(headers: Headers, old: str, new: str) -> None:
    values = headers.get_headers(old)
    if not values or is_header_name(new) is None or old.lower() == new.lower():
        return
    headers.remove_header(old)
    headers.set_header(new, values[0])
    for value in values[1:]:
        headers.add_header(new, value)


class Content(Protocol):
    """A body, taken apart."""

    def has(self, name: str) -> bool:
        """Say whether there is anything of that name."""

    def remove(self, name: str) -> None:
        """Remove everything of that name."""

    def rename(self, old: str, new: str) -> None:
        """Give what is named ``old`` the name ``new``, in place of what has it; if there is any."""

    def replace(self, name: str, value: str) -> None:
        """Give what is named so another value."""

    def add(self, name: str, value: str) -> None:
        """Add a value."""

    def append(self, name: str, value: str) -> None:
        """Add a value behind those of that name."""

    def encode(self) -> bytes:
        """Return the body."""


def change_values(content: Content, rules: Rules) -> None:
    """Replace, add and append what rules name."""
    for name, value in rules.replace:
        if not content.has(name):
            continue
        if value is None:
            content.remove(name)
        else:
            content.replace(name, value)
    for name, value in rules.add:
        if not content.has(name):
            content.add(name, value)
    for name, value in rules.append:
        content.append(name, value)


class NestedTooDeepError(ValueError):
    """JSON is nested deeper than it can be read."""


# Numbers are passed on as text, so none of them need be converted, however long.
DECODER: Final = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str)


class JsonMembers:
    """The members of a JSON object. Values that no rule names keep every byte.

    A member that is ``false`` counts as absent to ``replace``, ``add`` and ``append``, as in
    kong 0.10; ``null`` is there.
    """

    def __init__(self, members: list[tuple[str, str]]) -> None:
        self._members = members

    @classmethod
    def parse(cls, body: bytes) -> "JsonMembers | None":
        """Return the members; None when ``body`` is no JSON object.

        Raises:
            NestedTooDeepError: nobody can tell.
        """
        try:
            return cls(_members_of(body.decode()))
        except RecursionError:
            raise NestedTooDeepError("JSON nested too deeply") from None
        except (ValueError, IndexError):
            return None

    def encode(self) -> bytes:
        """Return the object."""
        members = ",".join(f"{_quoted(name)}:{value}" for name, value in self._members)
        return f"{{{members}}}".encode("utf-8", "surrogatepass")

    def has(self, name: str) -> bool:
        """Say whether there is such a member, other than ``false``."""
        return any(key == name and value != "false" for key, value in self._members)

    def remove(self, name: str) -> None:
        """Remove the member, also where it is repeated."""
        self._members = [member for member in self._members if member[0] != name]

    def rename(self, old: str, new: str) -> None:
        """Give a member another name, in place of one that has it."""
        if old != new and any(key == old for key, _ in self._members):
            self.remove(new)
            self._members = [(new if key == old else key, value) for key, value in self._members]

    def replace(self, name: str, value: str) -> None:
        """Give the member another value."""
        self._set(name, _quoted(value))

    def add(self, name: str, value: str) -> None:
        """Add a member."""
        self._set(name, _quoted(value))

    def append(self, name: str, value: str) -> None:
        """Make the member a list, if it is none, and put the value at its end."""
        old = [found for key, found in self._members if key == name and found != "false"]
        items = _items(old[-1]) if old else ""
        self._set(name, f"[{items},{_quoted(value)}]" if items else f"[{_quoted(value)}]")

    def _set(self, name: str, value: str) -> None:
        """Replace the first member of that name and drop the others; put a new one at the end."""
        kept: list[tuple[str, str]] = []
        is_set = False
        for member in self._members:
            if member[0] != name:
                kept.append(member)
            elif not is_set:
                kept.append((name, value))
                is_set = True
        if not is_set:
            kept.append((name, value))
        self._members = kept


def _members_of(text: str) -> list[tuple[str, str]]:
    """Return names and values, the values as they are written.

    Raises:
        ValueError: it is no JSON object.
        IndexError: it ends too early.
    """
    members: list[tuple[str, str]] = []
    at = _expect(text, _skip(text, 0), "{")
    if text[at] == "}":
        return _ended(text, at, members)
    while True:
        if text[at] != '"':
            raise ValueError("a member has a name")
        name, at = DECODER.raw_decode(text, at)
        at = _expect(text, _skip(text, at), ":")
        _, end = DECODER.raw_decode(text, at)
        members.append((name, text[at:end]))
        at = _skip(text, end)
        if text[at] == "}":
            return _ended(text, at, members)
        at = _expect(text, at, ",")


def _ended(text: str, at: int, members: list[tuple[str, str]]) -> list[tuple[str, str]]:
    if _skip(text, at + 1) != len(text):
        raise ValueError("text behind the object")
    return members


def _expect(text: str, at: int, mark: str) -> int:
    if text[at] != mark:
        raise ValueError(f"no {mark}")
    return _skip(text, at + 1)


def _skip(text: str, at: int) -> int:
    found = skip_space(text, at)
    return at if found is None else found.end()


def _items(value: str) -> str:
    """Return what stands in a list made of ``value``, without its brackets."""
    if value == "null":
        return ""
    return value[1:-1].strip() if value.startswith("[") else value


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
