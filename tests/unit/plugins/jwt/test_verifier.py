"""Keys, and the tokens that a worker remembers."""

import hashlib
import hmac

import pytest

from colobus.plugins.jwt.keys import p256_key, rsa_key
from colobus.plugins.jwt.token import Token
from colobus.plugins.jwt.verifier import TokenCache, UnusableKeyError, is_signed_by, usable_key

TOKEN = Token("HS256", {}, b"a.b", hmac.digest(b"k", b"a.b", hashlib.sha256))


@pytest.mark.parametrize(
    ("text", "key"), [("a_-=", b"k\xff"), ("YQ", b"a"), ("YQ==", b"a"), ("+/+/", b"\xfb\xff\xbf")]
)
def test_both_alphabets_of_base64_are_taken(text: str, key: bytes) -> None:
    assert usable_key(text, is_base64=True) == key
    assert usable_key(text, is_base64=False) == text.encode()


@pytest.mark.parametrize(
    ("text", "is_base64"), [(None, False), ("", False), ("!", True), ("=", True)]
)
def test_what_is_no_key_is_refused(text: str | None, is_base64: bool) -> None:
    with pytest.raises(UnusableKeyError):
        usable_key(text, is_base64=is_base64)


def test_a_shared_secret_signs() -> None:
    assert is_signed_by(TOKEN, b"k")
    assert not is_signed_by(TOKEN, b"x")


def test_a_text_that_is_no_key_is_none() -> None:
    private = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"
    for text in ("", "\udc80".encode("utf-8", "replace").decode(), private):
        assert rsa_key(text) is None
        assert p256_key(text) is None


def test_a_token_is_known_by_the_key_it_was_checked_with() -> None:
    cache = TokenCache()
    assert cache.get("t") is None
    assert not cache.is_known("t", b"k")
    cache.keep("t", TOKEN, b"k")
    assert cache.get("t") is TOKEN
    assert cache.is_known("t", b"k")
    assert not cache.is_known("t", b"new")
    cache.forget("t")
    cache.forget("t")
    assert cache.get("t") is None


def test_the_oldest_tokens_make_room() -> None:
    cache = TokenCache(limit=2)
    for text in ("a", "b", "b", "c"):
        cache.keep(text, TOKEN, b"k")
    assert len(cache) == 2
    assert cache.get("a") is None
    assert cache.get("c") is TOKEN
