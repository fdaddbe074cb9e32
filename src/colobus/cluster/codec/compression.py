"""The compressed form of a message: a type byte, then the algorithm and the packed bytes."""

from dataclasses import dataclass
from typing import Final

from colobus.cluster.codec import lzw
from colobus.cluster.codec.dialect import pack_old
from colobus.cluster.codec.records import Field, Record, binary, unsigned
from colobus.cluster.codec.type_bytes import MessageType
from colobus.errors import ClusterProtocolError

__all__ = ["pack", "unpack"]

_LZW: Final = 0  # the only algorithm there is


@dataclass(frozen=True, slots=True)
class _Compressed:
    """The body of a compressed message."""

    algorithm: int
    data: bytes


_COMPRESSED: Final = Record(
    _Compressed,
    "Compressed",
    Field("Algo", "algorithm", unsigned(8)),
    Field("Buf", "data", binary(nil_when_empty=False)),
)


def pack(message: bytes) -> bytes:
    """Return ``message``, type byte first, in its compressed form, which may be longer."""
    value = _COMPRESSED.dump(_Compressed(_LZW, lzw.compress(message)))
    return bytes((MessageType.COMPRESS,)) + pack_old(value)


def unpack(value: object, limit: int) -> bytes:
    """Return the message, type byte first, in the body ``value`` of a compressed one.

    Raises:
        ClusterProtocolError: another algorithm, a body that cannot be unpacked, or more than
            ``limit`` bytes.
    """
    body = _COMPRESSED.load(value)
    if body.algorithm != _LZW:
        raise ClusterProtocolError(f"compression algorithm {body.algorithm} is unknown")
    return lzw.decompress(body.data, limit)
