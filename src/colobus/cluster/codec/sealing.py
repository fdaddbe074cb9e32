"""Encryption of datagrams and stream frames: AES in GCM mode (reference: memberlist §2.6).

A sealed message is a version byte, a nonce, and ciphertext with its tag; version 0 pads the text
first. Which version a peer uses is its choice; the version byte itself is not authenticated.
"""

from collections.abc import Iterable
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from colobus.errors import ClusterProtocolError, UnsealedError

__all__ = ["NONCE_SIZE", "OVERHEAD", "open_sealed", "seal"]

NONCE_SIZE: Final = 12
_TAG_SIZE: Final = 16
_BLOCK_SIZE: Final = 16
# The least a sealed message of version 1 has, and all it adds.
OVERHEAD: Final = 1 + NONCE_SIZE + _TAG_SIZE


def seal(cipher: AESGCM, plain: bytes, nonce: bytes, associated: bytes = b"") -> bytes:
    """Return ``plain`` sealed in version 1, the one Serf always uses.

    ``nonce`` must be 12 bytes that this key never sealed with before.
    """
    return b"\x01" + nonce + cipher.encrypt(nonce, plain, associated)


def open_sealed(ciphers: Iterable[AESGCM], sealed: bytes, associated: bytes = b"") -> bytes:
    """Return the content of a sealed message of version 0 or 1, trying each cipher in order.

    Raises:
        UnsealedError: too short, another version, or no cipher opens it.
        ClusterProtocolError: the padding is wrong.
    """
    if len(sealed) < OVERHEAD:
        raise UnsealedError("sealed message is too short")
    version = sealed[0]
    if version > 1:
        raise UnsealedError(f"encryption version {version} is not supported")
    nonce, rest = sealed[1 : 1 + NONCE_SIZE], sealed[1 + NONCE_SIZE :]
    for cipher in ciphers:
        try:
            plain = cipher.decrypt(nonce, rest, associated)
        except InvalidTag:
            continue
        return plain if version == 1 else _without_padding(plain)
    raise UnsealedError("No installed keys could decrypt the message")


def _without_padding(padded: bytes) -> bytes:
    """Return the text without its PKCS #7 padding, of which there is always some."""
    length = padded[-1] if padded else 0
    if not 1 <= length <= _BLOCK_SIZE or padded[-length:] != bytes((length,)) * length:
        raise ClusterProtocolError("padding of a sealed message is wrong")
    return padded[:-length]
