"""Header text between bytes and str."""

import pytest

from colobus.gateway.headers import MAX_KEYS, header_key, header_line, keys, text


@pytest.mark.parametrize("value", [b"", b"plain", "é".encode(), b"\xff\xfe"])
def test_values_keep_their_bytes_on_the_way_through_a_plugin(value: bytes) -> None:
    assert header_line("X", text(value)) == b"X: " + value + b"\r\n"


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("a\r\nX-Forged: 1", b"X: a  X-Forged: 1\r\n"),
        ("a\0b\x7f\x1f", b"X: a b\r\n"),
        ("  a\tb ", b"X: a\tb\r\n"),
    ],
)
def test_a_value_cannot_leave_its_line(value: str, line: bytes) -> None:
    assert header_line("X", value) == line


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a\r\n", "é", "(x)"])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is no header name"):
        header_line(name, "1")


def test_folded_names_are_remembered_in_bounded_number() -> None:
    for number in range(3 * MAX_KEYS):
        assert header_key(f"X-Name-{number}") == b"x-name-%d" % number
    assert len(keys) <= MAX_KEYS
