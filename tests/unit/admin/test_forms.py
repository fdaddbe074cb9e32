"""Parameter sources, key expansion and their bounds (reference: admin-api §1.2)."""

from typing import Any

import pytest

from colobus.admin.forms import MAX_DEPTH, MAX_FIELDS, parameters
from colobus.errors import SchemaError

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
UNPARSABLE = {"message": "Cannot parse JSON body"}


def problems(query: str, content_type: str, body: bytes) -> dict[str, Any]:
    """Return what a POST is refused for."""
    with pytest.raises(SchemaError) as caught:
        parameters("POST", query, content_type, body)
    return caught.value.fields


@pytest.mark.parametrize(
    ("content_type", "body", "expected"),
    [
        (FORM, b"", {}),
        (FORM, b"a=1&b=2", {"a": "1", "b": "2"}),
        (FORM, b"a=1&a=2", {"a": "2"}),
        (FORM, b"foo", {"foo": True}),
        (FORM, b"foo=", {"foo": ""}),
        (FORM, b"&&a=1&", {"a": "1"}),
        (FORM, b"a=1=2", {"a": "1=2"}),
        (FORM, b"a=x+y%2Bz%20%26", {"a": "x y+z &"}),
        (FORM, b"a%20b=1", {"a b": "1"}),
        (FORM, "a=Jürgen".encode(), {"a": "Jürgen"}),
        (FORM, b"a=J%C3%BCrgen", {"a": "Jürgen"}),
        (FORM + "; charset=UTF-8", b"a=1", {"a": "1"}),
        ("Application/X-WWW-Form-URLencoded", b"a=1", {"a": "1"}),
        (JSON, b'{"a": 1, "b": "x", "c": true, "d": null, "e": [1], "f": 1.5}',
         {"a": 1, "b": "x", "c": True, "d": None, "e": [1], "f": 1.5}),
        (JSON, b'{"a": 1, "a": 2}', {"a": 2}),
        (JSON, b" {} ", {}),
        (JSON, b"[]", {}),
        ("APPLICATION/JSON; charset=utf-8", b'{"a": 1}', {"a": 1}),
        ("text/x; application/json", b'{"a": 1}', {"a": 1}),
        (JSON, '{"a": "ü"}'.encode(), {"a": "ü"}),
        (JSON, b'{"a": "\\ud83d\\ude00"}', {"a": "\U0001f600"}),
        (JSON, b'{"a": 9223372036854775807}', {"a": 2**63 - 1}),
        ("text/plain", b"a=1", {}),
        ("application/www-form-urlencoded", b"a=1", {}),
        ("", b"a=1", {}),
    ],
)  # fmt: skip
def test_what_a_body_says(content_type: str, body: bytes, expected: dict[str, Any]) -> None:
    assert parameters("POST", "", content_type, body) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"config.limit=10", {"config": {"limit": "10"}}),
        (b"config.a.b=1&config.a.c=2", {"config": {"a": {"b": "1", "c": "2"}}}),
        (b"a[b][c]=1", {"a": {"b": {"c": "1"}}}),
        (b"a[b]=1&a[c]=2&a.d=3", {"a": {"b": "1", "c": "2", "d": "3"}}),
        (b"a[b.c]=1", {"a": {"b": {"c": "1"}}}),
        (b"hosts[1]=x&hosts[2]=y", {"hosts": {"1": "x", "2": "y"}}),
        (b"hosts[]=x", {"hosts": {"": "x"}}),
        (b"a%5Bb%5D=1", {"a": {"b": "1"}}),
        (b"a[b=1", {"a[b": "1"}),
        (b"a]b[=1", {"a]b[": "1"}),
        (b"[a]=1", {"[a]": "1"}),
        (b"config=x&config.a=1", {"config": {"a": "1"}}),
        (b"config.a=1&config=x", {"config": "x"}),
    ],
)
def test_bracket_and_dotted_keys_are_nested(body: bytes, expected: dict[str, Any]) -> None:
    assert parameters("POST", "", FORM, body) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"config.a": 1}', {"config": {"a": 1}}),
        (b'{"config": {"a.b": 1, "c": 2}}', {"config": {"a": {"b": 1}, "c": 2}}),
        (b'{"config": {"a": {"x": 1}}, "config.a.y": 2}', {"config": {"a": {"x": 1, "y": 2}}}),
        (b'{"list": [{"a.b": 1}]}', {"list": [{"a": {"b": 1}}]}),
        (b'{"hosts[1]": "x"}', {"hosts": {"1": "x"}}),
        (b'{"hosts": {}}', {"hosts": {}}),
    ],
)
def test_json_keys_are_nested_too(body: bytes, expected: dict[str, Any]) -> None:
    assert parameters("POST", "", JSON, body) == expected


def test_a_body_overrides_the_query() -> None:
    assert parameters("POST", "a=q&b=q", FORM, b"a=f") == {"a": "f", "b": "q"}
    assert parameters("PATCH", "a=q&b=q&flag", JSON, b'{"a": 5}') == {
        "a": 5,
        "b": "q",
        "flag": True,
    }


def test_a_nested_key_of_the_query_joins_that_of_the_body() -> None:
    found = parameters("POST", "config.a=1", JSON, b'{"config": {"b": 2}}')
    assert found == {"config": {"a": "1", "b": 2}}


@pytest.mark.parametrize(
    "body",
    [
        b"", b" ", b"{", b"garbage", b"null", b"5", b'"x"', b"[1]", b'["a"]', b'{"a": NaN}',
        b'{"a": Infinity}', b'{"a": -Infinity}', b'{"a": 1e999}', b'{"a": ' + b"9" * 400 + b"}",
        b'{"a": ' + b"9" * 5000 + b"}", b'{"a": "\xff"}', b"\xef\xbb\xbf{}", b'{"a": 1} x',
        b'{"a":' * 100_000, b"[" * 100_000,
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_json_that_cannot_be_taken_is_an_error_of_a_write(method: str, body: bytes) -> None:
    with pytest.raises(SchemaError) as caught:
        parameters(method, "", JSON, body)
    assert caught.value.fields == UNPARSABLE


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "ODD"])
def test_other_methods_ignore_a_bad_body(method: str) -> None:
    assert parameters(method, "a=1", JSON, b"{") == {"a": "1"}
    assert parameters(method, "a=1", JSON, b"") == {"a": "1"}
    assert parameters(method, "a=1", "multipart/form-data; boundary=X", b"junk") == {"a": "1"}
    assert parameters(method, "a=1", JSON, b'{"a": 2}') == {"a": 2}


def test_an_integer_beyond_64_bits_is_a_float() -> None:
    assert parameters("POST", "", JSON, b'{"a": 1000000000000000000000000000000}') == {"a": 1e30}


def test_at_most_a_hundred_fields_are_read() -> None:
    form = "&".join(f"k{number}=v" for number in range(MAX_FIELDS + 50))
    assert list(parameters("POST", "", FORM, form.encode())) == [f"k{n}" for n in range(MAX_FIELDS)]
    assert len(parameters("GET", form, "", b"")) == MAX_FIELDS


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (FORM, b"a" + b"[b]" * MAX_DEPTH + b"=1"),
        (FORM, b"a" + b"[b]" * 100_000 + b"=1"),
        (FORM, b"a" + b".b" * 100_000 + b"=1"),
        (JSON, b'{"a":' * (MAX_DEPTH + 1) + b"1" + b"}" * (MAX_DEPTH + 1)),
        (JSON, b'{"a":' + b"[" * 500 + b"]" * 500 + b"}"),
    ],
)
def test_nesting_is_bounded(content_type: str, body: bytes) -> None:
    assert problems("", content_type, body) == {
        "message": f"parameters are nested deeper than {MAX_DEPTH} levels"
    }


def test_deep_nesting_below_the_bound_is_taken() -> None:
    depth = MAX_DEPTH - 1
    found: Any = parameters("POST", "", JSON, b'{"a":' * depth + b"1" + b"}" * depth)
    for _ in range(depth):
        found = found["a"]
    assert found == 1


@pytest.mark.parametrize(
    ("query", "content_type", "body"),
    [
        ("", FORM, b"a=%FF"),
        ("", FORM, b"a=\xff"),
        ("a=%FF", FORM, b""),
        ("", FORM, b"a=%00"),
        ("", JSON, b'{"a": "\\ud800"}'),
        ("", JSON, b'{"a": {"b": ["x\\u0000"]}}'),
        ("", JSON, b'{"a": {"\\udfff": 1}}'),
        ("", "multipart/form-data; boundary=X",
         b'--X\r\nContent-Disposition: form-data; name="a"\r\n\r\n\xff\r\n--X--'),
    ],
)  # fmt: skip
def test_text_that_a_datastore_cannot_keep_is_refused(
    query: str, content_type: str, body: bytes
) -> None:
    assert problems(query, content_type, body) == {"a": "a is not a valid text"}


def test_a_filter_may_be_any_text() -> None:
    assert parameters("GET", "a=%FF", "", b"") == {"a": "\udcff"}
