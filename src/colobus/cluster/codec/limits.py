"""Most a peer may make this node hold, in one place, each with where the number comes from."""

from dataclasses import dataclass
from typing import Final

from colobus.cluster.codec.dialect import ObjectLimits

__all__ = ["DATAGRAM_SIZE", "NODE_LIMITS", "PACKET_LIMITS", "STATE_LIMITS", "StreamLimits"]

# A UDP datagram; also all that its compressed parts may unpack to: agents fill datagrams to 1400
# bytes before they compress, and send at most an event of 9216 bytes at once (reference: serf §7).
DATAGRAM_SIZE: Final = 65536

# Any message in a datagram, and every message of a stream but the state of Serf. The largest maps
# hold tags, 512 bytes of them at two bytes or more per value.
PACKET_LIMITS: Final = ObjectLimits(size=DATAGRAM_SIZE, items=16384)

# One node of a push/pull: 7 keys, 512 bytes of meta (reference: memberlist §9, MetaMaxSize), and a name.
NODE_LIMITS: Final = ObjectLimits(size=DATAGRAM_SIZE, items=256)

# The state of Serf: 20 MiB (reference: memberlist §2.2). Its values are two per member (status times), one
# per member that left, and four per recorded event: room for 65 536 members and 16 384 events.
STATE_LIMITS: Final = ObjectLimits(size=20 << 20, items=1 << 18)


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """Most one stream may carry in one direction.

    Attributes:
        size: bytes on the wire, and bytes after unpacking: 20 MiB (reference: memberlist §2.2).
        packed: bytes of a compressed frame. Unpacking 4 MiB takes half a second of one core, and
            as many nodes as are allowed pack into less.
        nodes: records in a push/pull. memberlist allows 2**20, which would let a frame of as many
            bytes become objects of 150 MB; the largest pools known have some ten thousand nodes.
    """

    size: int = 20 << 20
    packed: int = 4 << 20
    nodes: int = 1 << 16
