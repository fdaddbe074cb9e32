"""Maps to frozen records and back, from one declaration per record. Knows no message.

A receiver ignores keys it does not know and takes zero or empty for missing ones and for nil; a
sender writes every key, in byte order (reference: memberlist §1). Of a key given twice the last one counts.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from colobus.errors import ClusterProtocolError

__all__ = [
    "Field",
    "Kind",
    "MessageTable",
    "Record",
    "binary",
    "flag",
    "list_of",
    "map_of",
    "nested",
    "number",
    "optional",
    "signed",
    "text",
    "unsigned",
]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Kind:
    """How the values of a field are read and written.

    Attributes:
        zero: what a missing value and nil stand for.
        load: makes the value from MessagePack's, or raises ClusterProtocolError.
        dump: the reverse.
    """

    zero: object
    load: Callable[[object], object]
    dump: Callable[[Any], object]


@dataclass(frozen=True, slots=True)
class Field:
    """One key of a record. ``omit_zero`` leaves a zero value out when writing."""

    key: str
    attribute: str
    kind: Kind
    omit_zero: bool = False


class Record(Generic[T]):
    """The declaration of one record: its class and its fields."""

    def __init__(self, build: Callable[..., T], name: str, *fields: Field) -> None:
        self._build = build
        self._name = name
        self._fields = sorted(fields, key=lambda field: field.key.encode())
        self._keys = [field.key.encode() for field in self._fields]

    def load(self, value: object) -> T:
        """Return the record that ``value`` holds.

        Raises:
            ClusterProtocolError: no map, or a field of another type or out of its range.
        """
        if not isinstance(value, dict):
            raise ClusterProtocolError(f"{self._name} is not a map")
        values: dict[str, object] = {}
        for field, key in zip(self._fields, self._keys, strict=True):
            given = value.get(key)
            if given is None:
                values[field.attribute] = field.kind.zero
                continue
            try:
                values[field.attribute] = field.kind.load(given)
            except ClusterProtocolError as exc:
                raise ClusterProtocolError(f"{self._name}.{field.key}: {exc}") from exc
        return self._build(**values)

    def dump(self, record: T) -> dict[str, object]:
        """Return the map that stands for ``record``, in the order it is written in.

        Raises:
            ClusterProtocolError: a number that does not fit its field.
        """
        values: dict[str, object] = {}
        for field in self._fields:
            value = getattr(record, field.attribute)
            if field.omit_zero and value == field.kind.zero:
                continue
            try:
                values[field.key] = field.kind.dump(value)
            except ClusterProtocolError as exc:
                raise ClusterProtocolError(f"{self._name}.{field.key}: {exc}") from exc
        return values


class MessageTable(Generic[T]):
    """The messages of one protocol by their type byte."""

    def __init__(self, *rows: tuple[int, type[T], tuple[Field, ...]]) -> None:
        self._records = {
            kind: Record(build, build.__name__, *fields) for kind, build, fields in rows
        }
        self._kinds = {build: kind for kind, build, _ in rows}

    def find(self, kind: int) -> Record[T] | None:
        """Return the record of a type byte, or None for one that has none."""
        return self._records.get(kind)

    def dump(self, message: T) -> tuple[int, dict[str, object]]:
        """Return the type byte of ``message`` and the map that stands for it.

        Raises:
            ClusterProtocolError: a number that does not fit its field.
        """
        kind = self._kinds[type(message)]
        return kind, self._records[kind].dump(message)


def _integer(lowest: int, highest: int) -> Kind:
    def check(value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise ClusterProtocolError("not a whole number")
        if not lowest <= value <= highest:
            raise ClusterProtocolError("number out of range")
        return int(value)

    return Kind(0, check, check)


def unsigned(bits: int) -> Kind:
    """Return the kind of whole numbers from 0 to 2**bits - 1."""
    return _integer(0, (1 << bits) - 1)


def signed(bits: int) -> Kind:
    """Return the kind of whole numbers of ``bits`` bits with sign."""
    return _integer(-(1 << (bits - 1)), (1 << (bits - 1)) - 1)


def number() -> Kind:
    """Return the kind of 64-bit floating point numbers; whole ones are read as well."""

    def load_number(value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ClusterProtocolError("not a number")
        return float(value)

    return Kind(0.0, load_number, float)


def flag() -> Kind:
    """Return the kind of booleans."""

    def load_flag(value: object) -> bool:
        if not isinstance(value, bool):
            raise ClusterProtocolError("not a boolean")
        return value

    return Kind(False, load_flag, bool)


def _load_bytes(value: object) -> bytes:
    if not isinstance(value, bytes):
        raise ClusterProtocolError("not raw bytes")
    return value


def _load_text(value: object) -> str:
    return _load_bytes(value).decode("utf-8", errors="surrogateescape")


def text() -> Kind:
    """Return the kind of texts; bytes that are not UTF-8 come and go as surrogate escapes."""
    return Kind("", _load_text, str)


def binary(*, nil_when_empty: bool = True, sizes: tuple[int, ...] = ()) -> Kind:
    """Return the kind of byte strings, optionally of the given sizes only.

    Go writes a slice that was never made as nil and an empty one as raw: see each field.
    """

    def load_binary(value: object) -> bytes:
        data = _load_bytes(value)
        if sizes and len(data) not in sizes:
            raise ClusterProtocolError(f"{len(data)} bytes, not one of {sizes}")
        return data

    def dump_binary(value: bytes) -> bytes | None:
        return load_binary(value) or (None if nil_when_empty else b"")

    return Kind(b"", load_binary, dump_binary)


def list_of(kind: Kind, *, nil_when_empty: bool = False) -> Kind:
    """Return the kind of lists, kept as tuples, of values of ``kind``."""

    def load_list(value: object) -> tuple[object, ...]:
        if not isinstance(value, list):
            raise ClusterProtocolError("not a list")
        return tuple([kind.zero if item is None else kind.load(item) for item in value])

    def dump_list(value: tuple[object, ...]) -> list[object] | None:
        return [kind.dump(item) for item in value] or (None if nil_when_empty else [])

    return Kind((), load_list, dump_list)


def map_of(kind: Kind) -> Kind:
    """Return the kind of maps from text to values of ``kind``."""

    def load_map(value: object) -> dict[str, object]:
        if not isinstance(value, dict):
            raise ClusterProtocolError("not a map")
        return {
            _load_text(key): kind.zero if item is None else kind.load(item)
            for key, item in value.items()
        }

    def dump_map(value: Mapping[str, object]) -> dict[str, object]:
        return {key: kind.dump(item) for key, item in value.items()}

    return Kind(MappingProxyType({}), load_map, dump_map)


def nested(record: Record[Any], zero: object) -> Kind:
    """Return the kind of records within a record; ``zero`` stands for a missing one."""
    return Kind(zero, record.load, record.dump)


def optional(kind: Kind) -> Kind:
    """Return ``kind`` with None, written as nil, beside its values."""
    return Kind(None, kind.load, lambda value: None if value is None else kind.dump(value))
