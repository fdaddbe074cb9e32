"""Query strings on their way upstream."""

import pytest

from colobus.gateway.query import Query


@pytest.mark.parametrize(
    ("raw", "name", "values"),
    [
        (None, "a", []),
        (b"", "a", []),
        (b"a=1", "a", ["1"]),
        (b"a=1&b=2&a=3", "a", ["1", "3"]),
        (b"a", "a", [True]),
        (b"a=", "a", [""]),
        (b"a=b=c", "a", ["b=c"]),
        (b"a+b=c+d%20e", "a b", ["c d e"]),
        (b"%61=1", "a", ["1"]),
        (b"a=%C3%A9", "a", ["é"]),
        (b"a=%FF", "a", ["\udcff"]),
        (b"A=1", "a", []),
        (b"&&a=1&", "a", ["1"]),
    ],
)
def test_values_are_decoded(raw: bytes | None, name: str, values: list[object]) -> None:
    assert list(Query(raw).get_all(name)) == values


@pytest.mark.parametrize(
    ("raw", "name", "left"),
    [
        (None, "a", None),
        (b"a=1", "a", None),
        (b"a=1&b=%20+&a&c", "a", b"b=%20+&c"),
        (b"%61=1&b", "a", b"b"),
        (b"b=1", "a", b"b=1"),
        (b"b=1&", "a", b"b=1&"),
    ],
)
def test_removing_leaves_the_other_arguments_their_bytes(
    raw: bytes | None, name: str, left: bytes | None
) -> None:
    query = Query(raw)
    query.remove(name)
    assert query.raw == left


@pytest.mark.parametrize(
    ("raw", "name", "value", "result"),
    [
        (None, "a", "1", b"a=1"),
        (b"a=0&b=%20&a=1", "a", "2", b"b=%20&a=2"),
        (b"b", "a b", "é&=\udcff/", b"b&a%20b=%C3%A9%26%3D%FF%2F"),
    ],
)
def test_setting_replaces_and_encodes(
    raw: bytes | None, name: str, value: str, result: bytes
) -> None:
    query = Query(raw)
    query.set(name, value)
    assert query.raw == result
    assert list(query.get_all(name)) == [value]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"a=1&b=2", b"c=1&b=2"),
        (b"a=1&c=9&a=2", b"c=1&c=2"),
        (b"x&a", b"x&c"),
        (b"%61=1%20+", b"c=1%20+"),
        (b"b=2&c=9", b"b=2&c=9"),
        (None, None),
    ],
)
def test_renaming_replaces_those_of_the_new_name(raw: bytes | None, expected: bytes | None) -> None:
    query = Query(raw)
    query.rename("a", "c")
    assert query.raw == expected


def test_renaming_to_itself_changes_nothing() -> None:
    query = Query(b"a=1&%61=2")
    query.rename("a", "a")
    assert query.raw == b"a=1&%61=2"


def test_adding_keeps_what_is_there() -> None:
    query = Query(None)
    query.add("a b", "1&2")
    query.add("a b", "=")
    assert query.raw == b"a%20b=1%262&a%20b=%3D"
