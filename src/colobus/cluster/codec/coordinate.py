"""A network coordinate as the payload of an acknowledgement (reference: serf §10).

After the coordinate a payload may go on: real agents ignore what follows, so that is where nodes
of one kind can tell each other more. An agent that finds something before it, or another version
byte, loses the coordinate.
"""

from typing import Final

from colobus.cluster.codec.dialect import load_prefix, pack_old
from colobus.cluster.codec.limits import PACKET_LIMITS
from colobus.cluster.codec.records import Field, Record, list_of, number
from colobus.cluster.coordinates import Coordinate
from colobus.errors import ClusterProtocolError

__all__ = ["COORDINATE", "decode_ack_payload", "encode_ack_payload"]

_VERSION: Final = 1
COORDINATE: Final = Record(
    Coordinate,
    "Coordinate",
    Field("Vec", "vector", list_of(number(), nil_when_empty=True)),
    Field("Error", "error", number()),
    Field("Adjustment", "adjustment", number()),
    Field("Height", "height", number()),
)


def encode_ack_payload(coordinate: Coordinate, extension: bytes = b"") -> bytes:
    """Return the payload that says where this node is, followed by ``extension``."""
    return bytes((_VERSION,)) + pack_old(COORDINATE.dump(coordinate)) + extension


def decode_ack_payload(payload: bytes) -> tuple[Coordinate, bytes] | None:
    """Return the coordinate and what follows it, or None of an empty payload.

    The coordinate may be unusable (``Coordinate.is_valid``).

    Raises:
        ClusterProtocolError: another version, or no coordinate.
    """
    if not payload:
        return None
    if payload[0] != _VERSION:
        raise ClusterProtocolError(f"coordinate version {payload[0]} is not supported")
    value, end = load_prefix(payload[1:], PACKET_LIMITS)
    return COORDINATE.load(value), payload[1 + end :]
