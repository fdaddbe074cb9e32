"""Serf's own broadcasts: intents before queries before events (reference: serf §3)."""

from collections.abc import Callable
from enum import Enum

from colobus.cluster.swim.broadcasts import BroadcastQueue

__all__ = ["BroadcastKind", "SerfBroadcasts"]


class BroadcastKind(Enum):
    """The queues, in the order in which they are drained."""

    INTENT = "intent"
    QUERY = "query"
    EVENT = "event"


class SerfBroadcasts:
    """Three queues whose entries never replace each other.

    Args:
        largest: bytes of a message that fits a packet alone. Larger ones are not queued: they
            would stay for ever, and spread by push/pull anyway (serf §7).
        wake: told the time whenever something was queued.
    """

    def __init__(self, largest: int, wake: Callable[[float], None]) -> None:
        self._largest = largest
        self._wake = wake
        self._queues = {kind: BroadcastQueue() for kind in BroadcastKind}

    def length(self, kind: BroadcastKind) -> int:
        """Return how many messages of a kind are queued."""
        return len(self._queues[kind])

    def clear(self) -> None:
        """Forget everything."""
        for queue in self._queues.values():
            queue.clear()

    def add(
        self,
        kind: BroadcastKind,
        payload: bytes,
        now: float,
        finished: Callable[[float], None] | None = None,
    ) -> None:
        """Queue a Serf message, type byte first, exactly as it came or was encoded."""
        if len(payload) <= self._largest:
            self._queues[kind].add(payload, now, finished=finished)
            self._wake(now)

    def take(self, room: int, overhead: int, limit: int, now: float) -> list[bytes]:
        """Return what fits a packet; see ``BroadcastQueue.take``."""
        taken: list[bytes] = []
        for queue in self._queues.values():
            more = queue.take(room, overhead, limit, now)
            room -= sum(map(len, more)) + overhead * len(more)
            taken += more
        return taken
