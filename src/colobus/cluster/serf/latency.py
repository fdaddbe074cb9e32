"""What rides on acks: our coordinate, and after it whatever the owner appends (serf §10)."""

import logging
from collections.abc import Callable
from random import Random

from colobus.cluster.codec.coordinate import decode_ack_payload, encode_ack_payload
from colobus.cluster.coordinates import Coordinate, CoordinateClient
from colobus.cluster.serf.facts import Fact, PeerReported
from colobus.errors import ClusterError

__all__ = ["EXTENSION_LIMIT", "Latency"]

logger = logging.getLogger(__name__)

# Measured: agents ignore this much after the coordinate; a datagram has room for more.
EXTENSION_LIMIT = 1024
# As many as there are members.
MOST_PEERS = 1 << 16


class Latency:
    """Our coordinate, those of the peers that acknowledged our pings, and the extension."""

    def __init__(self, rng: Random, emit: Callable[[Fact], None]) -> None:
        self._client = CoordinateClient(rng)
        self._emit = emit
        self._extension = b""
        self._payload = encode_ack_payload(self._client.coordinate)
        self._peers: dict[str, Coordinate] = {}

    @property
    def own(self) -> Coordinate:
        """Where this node is."""
        return self._client.coordinate

    @property
    def resets(self) -> int:
        """How often the coordinate had to start anew."""
        return self._client.resets

    def coordinate_of(self, name: str) -> Coordinate | None:
        """Return where a peer said it is."""
        return self._peers.get(name)

    def forget(self, name: str) -> None:
        """Drop what is known of a peer."""
        self._peers.pop(name, None)
        self._client.forget(name)

    def payload(self) -> bytes:
        """Return what our acks carry."""
        return self._payload

    def extend(self, extension: bytes) -> None:
        """Append ``extension``, one MessagePack map, to our acks from now on.

        Raises:
            ClusterError: it is longer than real agents are known to ignore.
        """
        if len(extension) > EXTENSION_LIMIT:
            raise ClusterError(f"extension exceeds limit of {EXTENSION_LIMIT} bytes")
        self._extension = extension
        self._payload = encode_ack_payload(self._client.coordinate, extension)

    def measured(self, name: str, rtt_s: float, payload: bytes) -> None:
        """Learn from an ack to a direct ping of ours."""
        try:
            decoded = decode_ack_payload(payload)
            if decoded is None:
                return
            coordinate, extension = decoded
            if extension:
                self._emit(PeerReported(name, extension))
            self._client.update(name, coordinate, rtt_s)
        except ClusterError as exc:
            logger.debug("no coordinate of %r: %s", name, exc)
            return
        if name not in self._peers and len(self._peers) >= MOST_PEERS:
            del self._peers[next(iter(self._peers))]
        self._peers[name] = coordinate
        self._payload = encode_ack_payload(self._client.coordinate, self._extension)
