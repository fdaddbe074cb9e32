"""Rules of transformers, and what they do to members of JSON."""

import json

import pytest
from hypothesis import given, strategies as st

from colobus.plugins.transformation import JsonMembers, NestedTooDeepError, split_item


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ("h:v", ("h", "v")),
        ("h2:value:2", ("h2", "value:2")),
        ("h::v", ("h", "v")),
        ("h:", ("h", None)),
        ("h", ("h", None)),
        (":v", ("", "v")),
    ],
)
def test_a_rule_is_taken_apart(item: str, expected: tuple[str, str | None]) -> None:
    assert split_item(item) == expected


def members(text: str) -> JsonMembers:
    found = JsonMembers.parse(text.encode())
    assert found is not None
    return found


@pytest.mark.parametrize(
    "text",
    ["", "[]", "5", "{", '{"a"', '{"a":1,}', '{"a":1}x', "{a:1}", '{"a":1 "b":2}', '{"a":tru}'],
)
def test_what_is_no_object_has_no_members(text: str) -> None:
    assert JsonMembers.parse(text.encode()) is None


def test_bytes_that_are_no_text_have_no_members() -> None:
    assert JsonMembers.parse(b'{"a":"\xff"}') is None


@pytest.mark.parametrize(
    "text",
    [
        '{"a":1.10,"b":12345678901234567890,"c":1e400,"d":[ ],"e":{ "x" : [] }}',
        '{"a":' + "9" * 5000 + "}",
        '{"a":"\\u0041\\ud800","a":"\u00e9"}',
    ],
)
def test_values_that_nobody_names_keep_every_byte(text: str) -> None:
    assert members(text).encode().decode() == text


def test_nesting_has_a_bound_and_says_so() -> None:
    with pytest.raises(NestedTooDeepError):
        JsonMembers.parse(b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}")


@pytest.mark.parametrize(
    ("old", "expected"),
    [
        ('"x"', ["x", "new"]),
        ('["x"]', ["x", "new"]),
        ("[ ]", ["new"]),
        ('[{"y":[1]}, 2 ]', [{"y": [1]}, 2, "new"]),
        ("5", [5, "new"]),
        ("true", [True, "new"]),
        ('{"y":1}', [{"y": 1}, "new"]),
        ("false", ["new"]),
        ("null", ["new"]),
    ],
)
def test_appending_makes_a_list(old: str, expected: list[object]) -> None:
    found = members(f'{{"a":{old},"b":1}}')
    found.append("a", "new")
    assert json.loads(found.encode()) == {"a": expected, "b": 1}


def test_appending_to_nothing_makes_a_list_of_one() -> None:
    found = members("{}")
    found.append("a", 'say "hi"')
    assert json.loads(found.encode()) == {"a": ['say "hi"']}


def test_a_repeated_member_is_changed_as_a_whole() -> None:
    found = members('{"a":1,"b":2,"a":3}')
    found.remove("a")
    assert found.encode() == b'{"b":2}'
    found = members('{"a":1,"b":2,"a":3}')
    found.replace("a", "x")
    assert found.encode() == b'{"a":"x","b":2}'


def test_false_counts_as_absent_and_null_does_not() -> None:
    found = members('{"f":false,"n":null}')
    assert not found.has("f")
    assert found.has("n")
    found.add("f", "v")
    assert found.encode() == b'{"f":"v","n":null}'


def test_renaming_takes_the_place_of_what_has_the_name() -> None:
    found = members('{"a":1,"b":2,"c":3}')
    found.rename("a", "c")
    found.rename("gone", "b")
    assert found.encode() == b'{"c":1,"b":2}'


@given(st.dictionaries(st.text(), st.recursive(st.none() | st.integers() | st.text(), st.lists)))
def test_any_object_is_read_and_written(value: dict[str, object]) -> None:
    for text in (json.dumps(value), json.dumps(value, ensure_ascii=False, indent=1)):
        try:
            body = text.encode()
        except UnicodeEncodeError:
            continue
        found = JsonMembers.parse(body)
        assert found is not None
        assert json.loads(found.encode()) == value
