"""Signatures of tokens (RFC 7518 §3), and which tokens were found right before.

The algorithm is the credential's, never the token's alone: whoever calls has compared the two. So
a public key is never taken for a shared secret. ``none`` is no algorithm here at all.
"""

import hashlib
import hmac
from collections.abc import Callable

from colobus.plugins.credentials import decoded_base64
from colobus.plugins.jwt.keys import p256_key, rsa_key
from colobus.plugins.jwt.token import Token

__all__ = ["TokenCache", "UnusableKeyError", "is_signed_by", "usable_key"]

COORDINATE_BYTES = 32
"""Bytes of r and of s in a signature over P-256 (RFC 7518 §3.4)."""

TOKENS_KEPT = 4096
"""Verified tokens remembered per worker; a token and its claims take some KiB at most."""


class UnusableKeyError(ValueError):
    """The credential has no key that its algorithm can use."""


def usable_key(text: str | None, *, is_base64: bool) -> bytes:
    """Return the key in the bytes that signatures are made with.

    Raises:
        UnusableKeyError: there is none.
    """
    if not text:
        raise UnusableKeyError
    if not is_base64:
        return text.encode()
    key = decoded_base64(text.replace("-", "+").replace("_", "/"))
    if not key:
        raise UnusableKeyError
    return key


def is_signed_by(token: Token, key: bytes) -> bool:
    """Say whether the token is signed by ``key``, of the algorithm that the token names.

    Raises:
        UnusableKeyError: the algorithm cannot use this key.
    """
    return _CHECKS[token.algorithm](token, key)


def _is_hs256(token: Token, key: bytes) -> bool:
    return hmac.compare_digest(hmac.digest(key, token.signed, hashlib.sha256), token.signature)


def _is_rs256(token: Token, key: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256

    public = rsa_key(_text(key))
    if public is None:
        raise UnusableKeyError
    try:
        public.verify(token.signature, token.signed, PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True


def _is_es256(token: Token, key: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
    from cryptography.hazmat.primitives.hashes import SHA256

    public = p256_key(_text(key))
    if public is None:
        raise UnusableKeyError
    if len(token.signature) != 2 * COORDINATE_BYTES:
        return False
    r, s = (
        int.from_bytes(half)
        for half in (token.signature[:COORDINATE_BYTES], token.signature[COORDINATE_BYTES:])
    )
    try:
        public.verify(encode_dss_signature(r, s), token.signed, ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True


def _text(key: bytes) -> str:
    return key.decode("utf-8", "replace")


_CHECKS: dict[str, Callable[[Token, bytes], bool]] = {
    "HS256": _is_hs256,
    "RS256": _is_rs256,
    "ES256": _is_es256,
}


class TokenCache:
    """Tokens whose signature was found right, each with the key it was checked by.

    A token that is known costs neither parsing nor arithmetic. It is good only as long as the
    credential still has that key; times are for the caller to check with each request. Tokens
    are kept by digest, keys as they are in the worker's other memory. The oldest make room.
    """

    def __init__(self, limit: int = TOKENS_KEPT) -> None:
        self._limit = limit
        self._tokens: dict[bytes, tuple[Token, bytes]] = {}

    def __len__(self) -> int:
        return len(self._tokens)

    def get(self, text: str) -> Token | None:
        """Return the token if its text is known."""
        known = self._tokens.get(_digest(text))
        return None if known is None else known[0]

    def is_known(self, text: str, key: bytes) -> bool:
        """Say whether the token was found to be signed by ``key``."""
        known = self._tokens.get(_digest(text))
        return known is not None and hmac.compare_digest(known[1], key)

    def keep(self, text: str, token: Token, key: bytes) -> None:
        """Remember a token that was found to be signed by ``key``."""
        if len(self._tokens) >= self._limit:
            del self._tokens[next(iter(self._tokens))]
        self._tokens[_digest(text)] = (token, key)

    def forget(self, text: str) -> None:
        """Forget a token, one that expired for example."""
        self._tokens.pop(_digest(text), None)


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()
