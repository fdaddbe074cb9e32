"""Values as columns hold them: which type a field has, and whether a value can be found in it.

A filter compares in the column's own type. What cannot be a value of the column (text that is no
UUID, a string where a number is stored, text that is not Unicode) matches no row, in every
implementation alike, instead of being an error of one database and a conversion of another.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from colobus.errors import PluginError
from colobus.model.kind import Kind
from colobus.model.schema import describe, is_uuid, whole_numbers

__all__ = [
    "MOST_INDEXED_BYTES",
    "Value",
    "column_types",
    "comparable",
    "criteria",
    "is_exact",
    "is_storable",
    "is_too_long_for_an_index",
]

Value = str | int | float | bool | list[Any] | dict[str, Any]
"""What a column holds."""

INTEGER_LIMIT = 2**63
"""One past the largest integer of a 64-bit column (SQLite INTEGER, PostgreSQL bigint)."""

EXACT_FLOAT_LIMIT = 2**53
"""Whole numbers up to here are exact in a double precision column."""

MOST_INDEXED_BYTES = 2_000
"""Of text that is looked for, in UTF-8: an entry of a PostgreSQL index has at most 2704 bytes, a
third of a page, and a group of fields shares one."""


@cache
def column_types(kind: Kind) -> Mapping[str, str]:
    """Return field -> its type in Kong's words; ``integer`` is a number that is always whole.

    Raises:
        PluginError: a field of the entity has no type of :mod:`colobus.model.schema`.
    """
    types: dict[str, str] = {}
    whole = whole_numbers(kind.model)
    for name, shown in describe(kind.model)["fields"].items():
        if "type" not in shown:
            raise PluginError(f"field '{name}' of entity '{kind.name}' has no type")
        types[name] = "integer" if name in whole else shown["type"]
    return types


def criteria(kind: Kind, where: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return ``where`` in the columns' own types (None: absent), or None if no row can match.

    Raises:
        KeyError: the kind has no such field.
    """
    types = column_types(kind)
    found = {name: comparable(types[name], value) for name, value in where.items()}
    if any(found[name] is None and where[name] is not None for name in found):
        return None
    return found


def comparable(type_name: str, value: object) -> Value | None:
    """Return ``value`` as a column of that type holds it, or None when none can hold it."""
    match value:
        case bool():
            return value if type_name == "boolean" else None
        case int() | float():
            return _number(type_name, value)
        case str():
            return _text(type_name, value)
        case list():
            return value if type_name == "array" else None
        case dict():
            return value if type_name == "table" else None
        case _:
            return None


def _number(type_name: str, value: float) -> int | float | None:
    if type_name in ("integer", "timestamp"):
        is_whole = isinstance(value, int) or value.is_integer()
        return int(value) if is_whole and -INTEGER_LIMIT <= value < INTEGER_LIMIT else None
    if type_name == "number":
        return value if abs(value) <= EXACT_FLOAT_LIMIT else None
    return None


def _text(type_name: str, value: str) -> str | None:
    if type_name == "id":
        return value.lower() if is_uuid(value) else None
    return value if type_name in ("string", "url") and is_storable(value) else None


def is_storable(value: object) -> bool:
    """Say whether every database can hold ``value``: no NUL and no lone surrogate in any text."""
    match value:
        case str():
            return value.isprintable() or not any(
                character == "\0" or "\ud800" <= character <= "\udfff" for character in value
            )
        case list():
            return all(map(is_storable, value))
        case dict():
            return all(is_storable(key) and is_storable(item) for key, item in value.items())
        case _:
            return True


def is_too_long_for_an_index(value: object) -> bool:
    """Say whether not every database can have ``value``, which is storable, in an index."""
    if not isinstance(value, str) or len(value) * 4 <= MOST_INDEXED_BYTES:
        return False
    return len(value.encode()) > MOST_INDEXED_BYTES


def is_exact(type_name: str, value: str) -> bool:
    """Say whether a column of that type can hold exactly ``value``.

    Look-ups of the data path compare exactly: their answers are cached under the value asked for,
    and fall by the value that is stored.
    """
    return comparable(type_name, value) == value
