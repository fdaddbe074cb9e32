"""User events: each delivered once, and kept for those who were away (reference: serf §7)."""

from colobus.cluster.messages import EventSlot, RecordedEvent, UserEvent
from colobus.cluster.serf.lamport import LamportClock

__all__ = ["EventRing"]

SLOTS = 512
# Events of one Lamport time, one per node that had not yet heard of the others; more are dropped
# as if they were duplicates.
MOST_PER_SLOT = 1024
# What a push/pull may carry (``codec.limits``) and a bound on memory; beyond it the slots of the
# oldest times go.
MOST_EVENTS = 8192
MOST_BYTES = 4 << 20


class EventRing:
    """The last 512 Lamport times and their events.

    Attributes:
        least_time: events before are never delivered: set when we join and want no old ones.
    """

    def __init__(self, clock: LamportClock) -> None:
        self.least_time = 0
        self._clock = clock
        # In the order in which the slots were begun, which is nearly that of their times.
        self._slots: dict[int, tuple[int, dict[RecordedEvent, None]]] = {}
        self._events = 0
        self._bytes = 0

    def __len__(self) -> int:
        """Return the number of events kept."""
        return self._events

    def accept(self, event: UserEvent) -> bool:
        """Keep an event; return whether it is new, to be delivered and passed on."""
        self._clock.witness(event.time)
        is_too_old = self._clock.time > SLOTS and event.time < self._clock.time - SLOTS
        if event.time < self.least_time or is_too_old:
            return False
        number = event.time % SLOTS
        slot = self._slots.get(number)
        if slot is None or slot[0] != event.time:
            self._drop(number)
            slot = self._slots[number] = (event.time, {})
        # Whether it may be coalesced makes no other event of it (§7).
        recorded = RecordedEvent(event.name, event.payload)
        is_refused = recorded in slot[1] or len(slot[1]) >= MOST_PER_SLOT
        if is_refused or not self._make_room(_size(recorded), number):
            return False
        slot[1][recorded] = None
        self._events += 1
        self._bytes += _size(recorded)
        return True

    def slots(self) -> tuple[EventSlot, ...]:
        """Return what is kept, for a push/pull; empty slots need not be told (§4)."""
        return tuple(
            EventSlot(time, tuple(events)) for time, events in self._slots.values() if events
        )

    def _make_room(self, size: int, number: int) -> bool:
        """Drop slots begun before ``number`` until ``size`` bytes fit; return whether they do."""
        while self._events >= MOST_EVENTS or self._bytes + size > MOST_BYTES:
            oldest = next(iter(self._slots))
            if oldest == number:
                return False
            self._drop(oldest)
        return True

    def _drop(self, number: int) -> None:
        _time, events = self._slots.pop(number, (0, {}))
        self._events -= len(events)
        self._bytes -= sum(map(_size, events))


def _size(event: RecordedEvent) -> int:
    return len(event.name) + len(event.payload)
