"""Encryption of datagrams and frames."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from colobus.cluster.codec.sealing import OVERHEAD, open_sealed, seal
from colobus.errors import ClusterProtocolError
from support.serf_vectors import load

VECTORS = {vector["name"]: vector for vector in load("codec")["crypto"] if "sealed" in vector}
KEY, OTHER = AESGCM(bytes(range(16))), AESGCM(bytes(32))
NONCE = bytes(range(12))


def cipher(vector: dict[str, Any]) -> AESGCM:
    return AESGCM(bytes.fromhex(vector["key"]))


@pytest.mark.parametrize("name", VECTORS)
def test_a_sealed_datagram_of_either_version_is_opened(name: str) -> None:
    vector = VECTORS[name]
    sealed = bytes.fromhex(vector["sealed"])
    assert open_sealed([OTHER, cipher(vector)], sealed).hex() == vector["plain"]


@pytest.mark.parametrize("name", [name for name in VECTORS if "_v1_" in name])
def test_sealing_gives_version_1(name: str) -> None:
    vector = VECTORS[name]
    sealed = seal(cipher(vector), bytes.fromhex(vector["plain"]), bytes.fromhex(vector["nonce"]))
    assert sealed.hex() == vector["sealed"]
    assert len(sealed) == len(vector["plain"]) // 2 + OVERHEAD


def padded(plain: bytes) -> bytes:
    """Return ``plain``, padded by whoever calls, sealed in version 0."""
    return b"\x00" + NONCE + KEY.encrypt(NONCE, plain, None)


def test_padding_is_removed_even_if_it_is_all() -> None:
    assert open_sealed([KEY], padded(b"\x10" * 16)) == b""
    assert open_sealed([KEY], padded(b"x" * 15 + b"\x01")) == b"x" * 15


@pytest.mark.parametrize(
    ("sealed", "reason"),
    [
        (b"", "too short"),
        (bytes(28), "too short"),
        (b"\x02" + bytes(40), "version 2"),
        (seal(OTHER, b"text", NONCE), "No installed keys could decrypt the message"),
        (seal(KEY, b"text", NONCE, b"label"), "No installed keys could decrypt the message"),
        (padded(b""), "padding"),
        (padded(b"text\x00"), "padding"),
        (padded(b"x" * 20 + b"\x11"), "padding"),
        (padded(b"text\x01\x02"), "padding"),
        (padded(b"\x03\x03"), "padding"),
    ],
)
def test_what_cannot_be_opened_is_refused(sealed: bytes, reason: str) -> None:
    with pytest.raises(ClusterProtocolError, match=reason):
        open_sealed([KEY], sealed)


def test_every_changed_bit_after_the_version_is_noticed() -> None:
    sealed = seal(KEY, b"text", NONCE, b"associated")
    for position in range(1, len(sealed)):
        broken = bytearray(sealed)
        broken[position] ^= 1
        with pytest.raises(ClusterProtocolError):
            open_sealed([KEY], bytes(broken), b"associated")
