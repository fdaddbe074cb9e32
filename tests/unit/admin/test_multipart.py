"""Multipart bodies: plain parts, files, odd but legal framing, malformed ones."""

import pytest

from colobus.admin.multipart import multipart_fields
from colobus.errors import SchemaError

TYPE = "multipart/form-data; boundary=XX"


def part(name: str, value: str, extra: str = "", headers: str = "") -> str:
    disposition = f'Content-Disposition: form-data; name="{name}"{extra}\r\n{headers}'
    return f"--XX\r\n{disposition}\r\n{value}\r\n"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("--XX--\r\n", []),
        ("--XX--", []),
        (part("a", "1") + "--XX--\r\n", [("a", "1")]),
        (part("a", "1") + part("b", "") + "--XX--", [("a", "1"), ("b", "")]),
        (part("a", "1\r\n2\n3") + "--XX--", [("a", "1\r\n2\n3")]),
        (part("cert", "PEM\n", '; filename="c.pem"', "Content-Type: text/plain\r\n") + "--XX--",
         [("cert", "PEM\n")]),
        (part("config.a", "ü") + "--XX--", [("config.a", "ü")]),
        ("This is a preamble.\r\n" + part("a", "1") + "--XX--\r\nand an epilogue", [("a", "1")]),
        (part("a", "x --XX y") + "--XX--", [("a", "x --XX y")]),
    ],
)  # fmt: skip
def test_each_part_is_a_field(body: str, expected: list[tuple[str, str]]) -> None:
    assert list(multipart_fields(TYPE, body.encode())) == expected


def test_a_boundary_may_be_quoted() -> None:
    body = (part("a", "1") + "--XX--").encode()
    assert list(multipart_fields('Multipart/Form-Data; charset=utf-8; boundary="XX"', body)) == [
        ("a", "1")
    ]


def test_a_type_without_a_boundary_has_no_parts() -> None:
    assert list(multipart_fields("multipart/form-data", b"anything")) == []


@pytest.mark.parametrize(
    "body",
    [
        "junk",
        part("a", "1"),
        part("a", "1").replace("\r\n", "\n") + "--XX--",
        "--XX\r\n\r\nno headers\r\n--XX--",
        "--XX\r\nContent-Disposition: form-data\r\n\r\nno name\r\n--XX--",
        "--XX\r\nContent-Type: text/plain\r\n\r\nno disposition\r\n--XX--",
        "--XX\r\nbad header\r\n\r\n1\r\n--XX--",
    ],
)
def test_what_is_not_made_of_parts_is_an_error(body: str) -> None:
    with pytest.raises(SchemaError) as caught:
        list(multipart_fields(TYPE, body.encode()))
    assert caught.value.fields == {"message": "Cannot parse multipart body"}
