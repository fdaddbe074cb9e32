"""The queue of what everybody must hear, each entry sent a limited number of times.

Knows lengths and counts, nothing of what the payloads say.
"""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable
from dataclasses import dataclass

__all__ = ["Broadcast", "BroadcastQueue"]

# Serf cuts its queues to this size every 30 s (reference: serf §3); here it is never exceeded.
MOST_ENTRIES = 4096

Finished = Callable[[float], None]


@dataclass(slots=True, eq=False)
class Broadcast:
    """One entry. ``transmits`` counts how often it was handed out."""

    payload: bytes
    number: int
    name: str | None = None
    finished: Finished | None = None
    transmits: int = 0


def _rank(broadcast: Broadcast) -> tuple[int, int]:
    """Return the order within a tier: longest first, then newest first."""
    return -len(broadcast.payload), -broadcast.number


def _length(broadcast: Broadcast) -> int:
    return -len(broadcast.payload)


class BroadcastQueue:
    """Broadcasts by urgency: fewer transmits first, then longer, then newer.

    An entry leaves when it has been sent as often as the limit says, when a newer one of its name
    replaces it, or when the queue is full and it is the one sent most often. In each case its
    ``finished`` is called with the time (reference: memberlist §5).
    """

    def __init__(self, most_entries: int = MOST_ENTRIES) -> None:
        self._most_entries = most_entries
        # Number of transmits -> its entries, sorted by ``_rank``.
        self._tiers: dict[int, list[Broadcast]] = {}
        self._by_name: dict[str, Broadcast] = {}
        self._size = 0
        self._numbered = 0

    def __len__(self) -> int:
        """Return the number of entries."""
        return self._size

    def add(
        self,
        payload: bytes,
        now: float,
        *,
        name: str | None = None,
        finished: Finished | None = None,
    ) -> None:
        """Queue ``payload``; an entry with a name takes the place of the older one."""
        replaced = self._by_name.get(name) if name is not None else None
        if replaced is not None:
            self._drop(replaced)
        dropped = self._least_urgent() if self._size >= self._most_entries else None
        if dropped is not None:
            self._drop(dropped)
        self._numbered += 1
        self._insert(Broadcast(payload, self._numbered, name, finished))
        _finish((replaced, dropped), now)

    def take(self, room: int, overhead: int, limit: int, now: float) -> list[bytes]:
        """Return payloads for one packet, each counted as one transmit.

        Args:
            room: bytes the packet has left.
            overhead: bytes each payload costs beyond its own.
            limit: transmits after which an entry is finished.
            now: passed to ``finished``.
        """
        if not self._size:
            return []
        taken: list[Broadcast] = []
        for transmits in sorted(self._tiers):
            tier = self._tiers[transmits]
            while tier:
                # The first entry that is not too long; those before it stay for a roomier packet.
                place = bisect_left(tier, overhead - room, key=_length)
                if place == len(tier):
                    break
                broadcast = tier.pop(place)
                room -= overhead + len(broadcast.payload)
                taken.append(broadcast)
            if not tier:
                del self._tiers[transmits]
        self._requeue(taken, limit, now)
        return [broadcast.payload for broadcast in taken]

    def clear(self) -> None:
        """Forget everything; nothing is told that it finished."""
        self._tiers.clear()
        self._by_name.clear()
        self._size = 0

    def _requeue(self, taken: list[Broadcast], limit: int, now: float) -> None:
        spent = []
        for broadcast in taken:
            self._size -= 1
            broadcast.transmits += 1
            if broadcast.transmits < limit:
                self._insert(broadcast)
            else:
                self._unname(broadcast)
                spent.append(broadcast)
        _finish(spent, now)

    def _insert(self, broadcast: Broadcast) -> None:
        tier = self._tiers.setdefault(broadcast.transmits, [])
        insort(tier, broadcast, key=_rank)
        if broadcast.name is not None:
            self._by_name[broadcast.name] = broadcast
        self._size += 1

    def _drop(self, broadcast: Broadcast) -> None:
        tier = self._tiers[broadcast.transmits]
        del tier[bisect_left(tier, _rank(broadcast), key=_rank)]
        if not tier:
            del self._tiers[broadcast.transmits]
        self._unname(broadcast)
        self._size -= 1

    def _unname(self, broadcast: Broadcast) -> None:
        if broadcast.name is not None:
            self._by_name.pop(broadcast.name, None)

    def _least_urgent(self) -> Broadcast:
        return self._tiers[max(self._tiers)][-1]


def _finish(broadcasts: Iterable[Broadcast | None], now: float) -> None:
    for broadcast in broadcasts:
        if broadcast is not None and broadcast.finished is not None:
            broadcast.finished(now)
