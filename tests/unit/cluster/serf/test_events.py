import pytest

from colobus.cluster.messages import EventSlot, RecordedEvent, UserEvent
from colobus.cluster.serf.events import MOST_BYTES, MOST_EVENTS, MOST_PER_SLOT, EventRing
from colobus.cluster.serf.lamport import LamportClock


@pytest.fixture
def clock() -> LamportClock:
    return LamportClock()


@pytest.fixture
def ring(clock: LamportClock) -> EventRing:
    return EventRing(clock)


def test_an_event_is_new_once(ring: EventRing, clock: LamportClock) -> None:
    assert ring.accept(UserEvent(7, "deploy", b"1"))
    assert clock.time == 8
    assert not ring.accept(UserEvent(7, "deploy", b"1"))
    assert not ring.accept(UserEvent(7, "deploy", b"1", coalesce=True))
    assert ring.accept(UserEvent(7, "deploy", b"2"))
    assert ring.accept(UserEvent(7, "other", b"1"))
    assert ring.accept(UserEvent(8, "deploy", b"1"))
    assert len(ring) == 4


def test_events_that_left_the_ring_are_too_old(ring: EventRing, clock: LamportClock) -> None:
    clock.witness(599)
    assert not ring.accept(UserEvent(87, "old"))
    assert ring.accept(UserEvent(88, "just in time"))


def test_a_later_time_takes_over_the_slot(ring: EventRing) -> None:
    assert ring.accept(UserEvent(1, "a"))
    assert ring.accept(UserEvent(513, "b"))
    assert ring.slots() == (EventSlot(513, (RecordedEvent("b"),)),)


def test_events_before_the_least_time_are_dropped_but_witnessed(
    ring: EventRing, clock: LamportClock
) -> None:
    ring.least_time = 10
    assert not ring.accept(UserEvent(9, "before"))
    assert clock.time == 10
    assert ring.accept(UserEvent(10, "after"))


def test_what_is_kept_is_bounded(ring: EventRing) -> None:
    for number in range(MOST_PER_SLOT + 5):
        ring.accept(UserEvent(1, str(number)))
    assert len(ring) == MOST_PER_SLOT
    for time in range(2, 400):
        for number in range(40):
            assert ring.accept(UserEvent(time, str(number)))
    assert len(ring) <= MOST_EVENTS
    assert len(ring.slots()) < 398
    large = bytes(60_000)
    for number in range(100):
        ring.accept(UserEvent(400, str(number), large))
    assert sum(len(event.payload) for slot in ring.slots() for event in slot.events) <= MOST_BYTES
    assert not ring.accept(UserEvent(400, "one more", large))
