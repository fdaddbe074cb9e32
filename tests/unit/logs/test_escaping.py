"""No text of a client gets out of its place in a log line; both builds."""

from types import ModuleType

import pytest
from hypothesis import given, strategies

from support.builds import load_builds

ESCAPING = list(load_builds("colobus.logs.escaping").values())


@pytest.mark.parametrize("escaping", ESCAPING)
@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, b"-"),
        (b"", b""),
        (b"curl/8.5.0 (x; [y])", b"curl/8.5.0 (x; [y])"),
        (b'x" 200 0', rb"x\x22 200 0"),
        (b"a\\b", rb"a\x5Cb"),
        (b"a\r\nb\tc\0", rb"a\x0D\x0Ab\x09c\x00"),
        (b"caf\xc3\xa9 \x7f", rb"caf\xC3\xA9 \x7F"),
    ],
)
def test_a_value_between_quotes_is_escaped_as_nginx_does(
    escaping: ModuleType, value: bytes | None, shown: bytes
) -> None:
    assert escaping.escaped(value) == shown


@pytest.mark.parametrize("escaping", ESCAPING)
@pytest.mark.parametrize(
    ("value", "shown"), [(b"", b"-"), (b"bob", b"bob"), (b"a b", rb"a\x20b"), (b'"', rb"\x22")]
)
def test_a_value_without_quotes_stays_one_word(
    escaping: ModuleType, value: bytes, shown: bytes
) -> None:
    assert escaping.escaped_word(value) == shown


@pytest.mark.parametrize("escaping", ESCAPING)
@given(value=strategies.binary())
def test_no_value_leaves_its_place(escaping: ModuleType, value: bytes) -> None:
    shown = escaping.escaped(value)
    assert all(32 <= byte < 127 for byte in shown)
    assert b'"' not in shown
    assert shown.decode("ascii").encode().decode("unicode_escape").encode("latin-1") == value
