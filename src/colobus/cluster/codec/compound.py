"""Several messages in one datagram, and how many bytes of it they may take (reference: memberlist §2.1, §2.4).

A compound is the type byte, a number of parts, their lengths, then the parts back to back. The
sizes here are those a sender counts when it fills a datagram from its queues.
"""

from collections.abc import Sequence
from typing import Final

from colobus.cluster.codec.type_bytes import MessageType
from colobus.errors import ClusterProtocolError

__all__ = ["HEADER_SIZE", "MAX_PARTS", "PART_SIZE", "USER_PART_SIZE", "join", "split"]

HEADER_SIZE: Final = 2
PART_SIZE: Final = 2
# A Serf message also needs the type byte of the user message around it.
USER_PART_SIZE: Final = PART_SIZE + 1
# memberlist 0.2.2 computes twice the number of parts in 8 bits.
MAX_PARTS: Final = 127
_MAX_PART_LENGTH: Final = 0xFFFF


def join(messages: Sequence[bytes]) -> bytes:
    """Return the messages, each type byte first, as one: one of them as it is, more as a compound.

    Raises:
        ClusterProtocolError: no message, more than 127, or one longer than 65 535 bytes.
    """
    if len(messages) == 1:
        return messages[0]
    if not 0 < len(messages) <= MAX_PARTS:
        raise ClusterProtocolError(f"a compound cannot hold {len(messages)} messages")
    if max(map(len, messages)) > _MAX_PART_LENGTH:
        raise ClusterProtocolError("a message is too long for a compound")
    lengths = b"".join(len(message).to_bytes(2, "big") for message in messages)
    return b"".join((bytes((MessageType.COMPOUND, len(messages))), lengths, *messages))


def split(data: bytes) -> tuple[tuple[bytes, ...], int]:
    """Return the parts of a compound, its type byte left out, and how many were cut off.

    Raises:
        ClusterProtocolError: the list of lengths is incomplete.
    """
    if not data:
        raise ClusterProtocolError("compound is empty")
    count = data[0]
    position = 1 + 2 * count
    if len(data) < position:
        raise ClusterProtocolError("compound ends within its lengths")
    parts = []
    for start in range(1, position, 2):
        length = int.from_bytes(data[start : start + 2], "big")
        if position + length > len(data):
            break
        parts.append(data[position : position + length])
        position += length
    return tuple(parts), count - len(parts)
