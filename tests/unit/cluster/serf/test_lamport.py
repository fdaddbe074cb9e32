from colobus.cluster.serf.lamport import MOST_TIME, LamportClock


def test_a_clock_begins_at_1_and_grows_by_1() -> None:
    clock = LamportClock()
    assert clock.time == 1
    clock.increment()
    assert clock.time == 2
    assert repr(clock) == "LamportClock(2)"


def test_a_clock_is_never_behind_what_it_has_seen() -> None:
    clock = LamportClock()
    for seen, time in ((0, 1), (1, 2), (1, 2), (41, 42), (5, 42), (42, 43)):
        clock.witness(seen)
        assert clock.time == time


def test_a_clock_does_not_follow_to_where_it_would_overflow() -> None:
    clock = LamportClock()
    clock.witness(MOST_TIME + 1)
    assert clock.time == 1
