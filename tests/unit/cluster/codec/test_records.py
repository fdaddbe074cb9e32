"""Maps to records and back."""

from dataclasses import dataclass
from typing import Any

import pytest

from colobus.cluster.codec.records import (
    Field,
    Kind,
    Record,
    binary,
    flag,
    list_of,
    map_of,
    nested,
    number,
    optional,
    signed,
    text,
    unsigned,
)
from colobus.errors import ClusterProtocolError


@dataclass(frozen=True, slots=True)
class Thing:
    name: str = ""
    size: int = 0
    data: bytes = b""


THING = Record(
    Thing,
    "Thing",
    Field("Size", "size", unsigned(8)),
    Field("Name", "name", text()),
    Field("Data", "data", binary(), omit_zero=True),
)


def test_keys_are_written_in_byte_order_and_zeros_left_out_where_asked() -> None:
    assert list(THING.dump(Thing("a", 1, b"x"))) == ["Data", "Name", "Size"]
    assert THING.dump(Thing()) == {"Name": "", "Size": 0}


def test_missing_and_nil_are_zero_and_unknown_keys_are_ignored() -> None:
    assert THING.load({b"Size": None, b"Other": 1, 7: 8}) == Thing()


@pytest.mark.parametrize("value", [None, [], b"", 1])
def test_a_record_is_a_map(value: object) -> None:
    with pytest.raises(ClusterProtocolError, match="Thing is not a map"):
        THING.load(value)


def test_an_error_names_the_field() -> None:
    with pytest.raises(ClusterProtocolError, match=r"Thing\.Size: number out of range"):
        THING.load({b"Size": 256})
    with pytest.raises(ClusterProtocolError, match=r"Thing\.Size: number out of range"):
        THING.dump(Thing(size=256))


@pytest.mark.parametrize(
    ("kind", "wire", "value"),
    [
        (unsigned(32), 0xFFFFFFFF, 0xFFFFFFFF),
        (signed(64), -(1 << 63), -(1 << 63)),
        (number(), 2, 2.0),
        (number(), 1.5, 1.5),
        (flag(), True, True),
        (text(), b"\xc3\xa9\xff", "\xe9\udcff"),
        (binary(sizes=(0, 4)), b"abcd", b"abcd"),
        (list_of(text()), [b"a", None], ("a", "")),
        (map_of(unsigned(8)), {b"a": 1, b"b": None}, {"a": 1, "b": 0}),
        (nested(THING, Thing()), {b"Size": 1}, Thing(size=1)),
        (list_of(optional(nested(THING, None))), [None, {}], (None, Thing())),
        (list_of(nested(THING, Thing("none"))), [None], (Thing("none"),)),
    ],
)
def test_values_are_read(kind: Kind, wire: object, value: object) -> None:
    assert kind.load(wire) == value


@pytest.mark.parametrize(
    ("kind", "wire"),
    [
        (unsigned(16), -1),
        (unsigned(16), 65536),
        (unsigned(16), True),
        (unsigned(16), 1.0),
        (unsigned(16), b"1"),
        (signed(8), 128),
        (signed(8), -129),
        (number(), True),
        (number(), b"1"),
        (flag(), 1),
        (text(), 1),
        (text(), []),
        (binary(), "text"),
        (binary(sizes=(0, 4)), b"abc"),
        (list_of(text()), {}),
        (list_of(text()), [1]),
        (map_of(text()), []),
        (map_of(text()), {b"a": 1}),
        (map_of(text()), {1: b"a"}),
    ],
)
def test_values_of_another_type_are_refused(kind: Kind, wire: object) -> None:
    with pytest.raises(ClusterProtocolError):
        kind.load(wire)


@pytest.mark.parametrize(
    ("kind", "value", "wire"),
    [
        (binary(), b"", None),
        (binary(nil_when_empty=False), b"", b""),
        (list_of(text()), (), []),
        (list_of(text(), nil_when_empty=True), (), None),
        (map_of(text()), {}, {}),
        (optional(text()), None, None),
        (optional(text()), "a", "a"),
        (number(), 1, 1.0),
    ],
)
def test_values_are_written(kind: Kind, value: Any, wire: object) -> None:
    written = kind.dump(value)
    assert (written, type(written)) == (wire, type(wire))
