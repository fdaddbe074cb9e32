"""Arguments in request bodies."""

import pytest

from colobus.plugins.body import ARGUMENT_LIMIT, NO_ARGUMENTS, can_parse, parse

FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=XX"

TWO_PARTS = (
    b"preamble\r\n--XX\r\n"
    b'Content-Disposition: form-data; name="apikey"\r\n\r\n'
    b"k1\r\nk2"
    b"\r\n--XX\r\n"
    b'content-disposition: form-data; name=other; filename="f.txt"\r\n'
    b"Content-Type: text/plain\r\n\r\n"
    b"text\r\n--XX--\r\nepilogue"
)


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        (None, False),
        ("", False),
        ("text/plain", False),
        (FORM, True),
        ("application/www-form-urlencoded", True),
        ("Application/JSON; charset=utf-8", True),
        ("multipart/form-data; boundary=x", True),
        ("multipart/mixed; boundary=x", False),
    ],
)
def test_three_content_types_hold_arguments(content_type: str | None, expected: bool) -> None:
    assert can_parse(content_type) is expected
    assert (parse(content_type, b"{}") is not NO_ARGUMENTS) is expected


@pytest.mark.parametrize(
    ("body", "values"),
    [
        (b"apikey=k", ["k"]),
        (b"a=1&apikey=k&b=2", ["k"]),
        (b"apikey=1&apikey=2", ["1", "2"]),
        (b"apikey=", [""]),
        (b"apikey", [True]),
        (b"apikey=a%20b+c=d", ["a b c=d"]),
        (b"%61pikey=k", ["k"]),
        (b"apikey=\xc3\xa9%C3%A9", ["éé"]),
        (b"apikey=%ff", ["\udcff"]),
        (b"ApiKey=k&xapikey=k", []),
        (b"", []),
    ],
)
def test_forms(body: bytes, values: list[object]) -> None:
    assert list(parse(FORM, body).get_all("apikey")) == values


def test_a_form_without_an_argument_keeps_the_bytes_of_the_others() -> None:
    arguments = parse(FORM, b"a=%7e&apikey=1&b&apikey=2&a=+%zz&%61pikey=3")
    assert arguments.without("apikey") == b"a=%7e&b&a=+%zz"


def test_of_a_form_the_first_hundred_arguments_are_looked_at() -> None:
    body = b"a=1&" * (ARGUMENT_LIMIT - 1) + b"in=1&out=1&rest=1"
    arguments = parse(FORM, body)
    assert list(arguments.get_all("in")) == ["1"]
    assert list(arguments.get_all("out")) == []
    assert arguments.without("out") == body
    assert arguments.without("a") == b"in=1&out=1&rest=1"


@pytest.mark.parametrize(
    ("body", "values"),
    [
        (b'{"apikey":"k"}', ["k"]),
        (b'{"apikey":"a","apikey":"b"}', ["b"]),
        (b'{"apikey":["a"]}', [["a"]]),
        (b'{"apikey":{"a":1}}', [{"a": 1}]),
        (b'{"apikey":12}', [12]),
        (b'{"apikey":true}', [True]),
        (b'{"apikey":false}', []),
        (b'{"apikey":null}', []),
        (b"{}", []),
        (b'["apikey"]', []),
        (b"{", []),
        (b"\xff", []),
        (b"[" * 100_000, []),
        (b"", []),
    ],
)
def test_json(body: bytes, values: list[object]) -> None:
    assert list(parse("application/json", body).get_all("apikey")) == values


def test_json_without_a_member_stays_json() -> None:
    arguments = parse("application/json", b'{"a": [1, {"b": "\xc3\xa9"}], "apikey": "k"}')
    assert arguments.without("apikey") == b'{"a":[1,{"b":"\\u00e9"}]}'


def test_multipart_forms() -> None:
    arguments = parse(MULTIPART, TWO_PARTS)
    assert list(arguments.get_all("apikey")) == ["k1\r\nk2"]
    assert list(arguments.get_all("other")) == ["text"]
    assert list(arguments.get_all("preamble")) == []


def test_a_multipart_form_without_a_part_keeps_the_bytes_of_the_others() -> None:
    assert parse(MULTIPART, TWO_PARTS).without("apikey") == (
        b"preamble\r\n--XX\r\n"
        b'content-disposition: form-data; name=other; filename="f.txt"\r\n'
        b"Content-Type: text/plain\r\n\r\n"
        b"text\r\n--XX--\r\nepilogue"
    )
    assert parse(MULTIPART, TWO_PARTS).without("nothing") == TWO_PARTS


def test_a_multipart_body_may_begin_with_its_boundary() -> None:
    body = b'--XX\r\nContent-Disposition: form-data; name="apikey"\r\n\r\nk\r\n--XX--\r\n'
    arguments = parse('multipart/form-data; boundary="XX"', body)
    assert list(arguments.get_all("apikey")) == ["k"]
    assert arguments.without("apikey") == b"--XX--\r\n"
    assert arguments.without("x") == body


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", TWO_PARTS),
        ("multipart/form-data; boundary=", TWO_PARTS),
        ("multipart/form-data; boundary=\xe9", TWO_PARTS),
        (MULTIPART, b""),
        (MULTIPART, b"--XX\r\nno disposition\r\n\r\nk\r\n--XX--"),
        (MULTIPART, b"--XX\r\nContent-Disposition: form-data\r\n\r\nk\r\n--XX--"),
        (MULTIPART, b'--XX--\r\nContent-Disposition: form-data; name="apikey"\r\n\r\nk'),
    ],
)
def test_a_broken_multipart_body_has_no_arguments(content_type: str, body: bytes) -> None:
    assert list(parse(content_type, body).get_all("apikey")) == []


def test_of_a_multipart_body_the_first_hundred_parts_are_looked_at() -> None:
    part = b'\r\n--XX\r\nContent-Disposition: form-data; name="%s"\r\n\r\nk'
    body = part % b"a" * (ARGUMENT_LIMIT - 1) + part % b"in" + part % b"out" + b"\r\n--XX--"
    arguments = parse(MULTIPART, body)
    assert list(arguments.get_all("in")) == ["k"]
    assert list(arguments.get_all("out")) == []
    assert b'"out"' in arguments.without("out")


def test_no_arguments_are_none() -> None:
    assert list(NO_ARGUMENTS.get_all("apikey")) == []
    assert NO_ARGUMENTS.without("apikey") == b""
