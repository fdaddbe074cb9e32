"""Authorization and Proxy-Authorization, as plugins read them."""

from base64 import b64encode

import pytest

from colobus.plugins.credentials import (
    TEXT_LIMIT,
    basic_credentials,
    decoded_base64,
    is_possible,
    is_presented,
    presented,
)
from colobus.testing.exchange import MemoryRequest

BOTH = [("authorization", "own"), ("Proxy-Authorization", "proxy"), ("Authorization", "second")]


def test_the_proxys_header_comes_first() -> None:
    request = MemoryRequest(headers=BOTH)
    assert list(presented(request, hide=False)) == ["proxy", "own"]
    assert request.headers == BOTH


def test_hidden_headers_go_as_they_are_consulted() -> None:
    request = MemoryRequest(headers=BOTH)
    values = presented(request, hide=True)
    assert next(values) == "proxy"
    assert request.headers == [BOTH[0], BOTH[2]]
    assert next(values) == "own"
    assert request.headers == []
    assert list(values) == []


def test_an_empty_header_is_presented_too() -> None:
    assert is_presented(MemoryRequest(headers=[("Authorization", "")]))
    assert is_presented(MemoryRequest(headers=[("proxy-authorization", "x")]))
    assert not is_presented(MemoryRequest(headers=[("Proxy-Authenticate", "x")]))


@pytest.mark.parametrize(
    ("content", "pair"),
    [
        (b"u:p", ("u", "p")),
        (b"u:p:q", ("u", "p:q")),
        (b"u:", ("u", "")),
        (b"\xff:\xc3\xa9", ("\udcff", "é")),
        (b"u", None),
        (b":p", None),
        (b"", None),
    ],
)
def test_user_and_password_are_parted_at_the_first_colon(
    content: bytes, pair: tuple[str, str] | None
) -> None:
    assert basic_credentials("Basic " + b64encode(content).decode()) == pair


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("", b""), ("YQ==", b"a"), ("YQ", b"a"), ("YWI=", b"ab"), ("YWI", b"ab"), ("YWJj", b"abc"),
        ("Y", None), ("Y!==", None), ("Y Q", None), ("YQ==YQ==", None), ("é", None),
    ],
)  # fmt: skip
def test_base64_is_decoded_strictly_save_for_its_padding(text: str, content: bytes | None) -> None:
    assert decoded_base64(text) == content


@pytest.mark.parametrize("text", ["", "a\0", "\udcff", "a" * (TEXT_LIMIT + 1)])
def test_what_no_row_can_have(text: str) -> None:
    assert not is_possible(text)
    assert is_possible("é" + text.strip("\0\udcff")[:9])
