"""Coarse timers, under a time that only moves when told."""

import gc
import logging
import math
import weakref
from functools import partial

import pytest
from hypothesis import given, settings, strategies as st

from colobus.gateway.timers import GRANULARITY_S, Timer, Timers


class Recorder:
    """Counts calls, by name and in order."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def call(self, name: str = "") -> None:
        self.calls.append(name)


@pytest.fixture
def timers() -> Timers:
    return Timers()


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


def test_a_timer_is_never_early_and_at_most_one_tick_late(
    timers: Timers, recorder: Recorder
) -> None:
    timer = timers.schedule(5.03, recorder.call)
    assert timers.run_due(5.0299) == 0
    assert (timer.armed, recorder.calls) == (True, [])
    assert timers.run_due(5.03 + GRANULARITY_S) == 1
    assert (timer.armed, recorder.calls) == (False, [""])
    assert timers.run_due(100.0) == 0


def test_the_next_deadline_is_that_of_the_earliest_timer(
    timers: Timers, recorder: Recorder
) -> None:
    assert timers.next_deadline() == math.inf
    late = timers.schedule(9.0, recorder.call)
    early = timers.schedule(3.0, recorder.call)
    assert timers.next_deadline() == 3.0 + GRANULARITY_S
    early.cancel()
    assert timers.next_deadline() == 9.0 + GRANULARITY_S
    late.cancel()
    assert timers.next_deadline() == math.inf


def test_a_deadline_in_the_past_is_due_at_once(timers: Timers, recorder: Recorder) -> None:
    timers.schedule(1.0, recorder.call)
    assert timers.run_due(50.0) == 1


def test_a_cancelled_timer_is_not_called(timers: Timers, recorder: Recorder) -> None:
    timer = timers.schedule(1.0, recorder.call)
    timer.cancel()
    timer.cancel()
    assert timers.run_due(10.0) == 0
    assert len(timers) == 0


def test_a_cancelled_timer_is_not_kept_alive(timers: Timers) -> None:
    owner = Recorder()
    alive = weakref.ref(owner)
    timer = timers.schedule(1000.0, owner.call)
    timer.cancel()
    del owner, timer
    gc.collect()
    assert alive() is None


def test_cancelling_and_arming_again_does_not_grow(timers: Timers, recorder: Recorder) -> None:
    """A day of requests, each with a deadline of its own, and one that stays."""
    timers.schedule(1e6, recorder.call)
    for second in range(86_400):
        timers.schedule(second + 60.0, recorder.call).cancel()
    assert len(timers) == 1
    assert len(timers.buckets) == 1
    assert len(timers.ticks) < 100


def test_a_timer_moved_later_fires_then_and_once(timers: Timers, recorder: Recorder) -> None:
    timer = timers.schedule(1.0, recorder.call)
    for when in (2.0, 3.0, 4.0):
        timer.move(when)
    assert timers.run_due(3.9) == 0
    assert timers.next_deadline() == 4.0 + GRANULARITY_S
    assert timers.run_due(4.0 + GRANULARITY_S) == 1
    assert timers.run_due(10.0) == 0


def test_a_timer_moved_earlier_fires_earlier(timers: Timers, recorder: Recorder) -> None:
    timer = timers.schedule(60.0, recorder.call)
    timer.move(1.0)
    assert timers.next_deadline() == 1.0 + GRANULARITY_S
    assert timers.run_due(1.0 + GRANULARITY_S) == 1
    assert timers.run_due(100.0) == 0


def test_a_timer_moved_later_and_back_stays_in_its_bucket(
    timers: Timers, recorder: Recorder
) -> None:
    timer = timers.schedule(1.0, recorder.call)
    timer.move(60.0)
    timer.move(2.0)
    assert timers.run_due(1.5) == 0
    assert timers.run_due(2.1) == 1


@pytest.mark.parametrize("how", ["fired", "cancelled", "rested"])
def test_moving_arms_again(timers: Timers, recorder: Recorder, how: str) -> None:
    timer = timers.schedule(1.0, recorder.call)
    if how == "fired":
        timers.run_due(2.0)
    elif how == "cancelled":
        timer.cancel()
    else:
        timer.rest()
    recorder.calls.clear()
    timer.move(5.0)
    assert timer.armed
    assert timers.run_due(4.9) == 0
    assert timers.run_due(5.1) == 1


def test_a_resting_timer_is_dropped_at_its_old_deadline(timers: Timers, recorder: Recorder) -> None:
    timer = timers.schedule(1.0, recorder.call)
    timer.rest()
    assert not timer.armed
    assert timers.run_due(2.0) == 0
    assert len(timers) == 0
    timer.rest()
    timer.move(3.0)
    timer.cancel()
    assert timers.run_due(9.0) == 0


def test_a_deadline_that_never_comes_needs_no_place(timers: Timers, recorder: Recorder) -> None:
    timer = timers.schedule(math.inf, recorder.call)
    assert not timer.armed
    assert timers.next_deadline() == math.inf
    timer.move(1.0)
    assert timers.run_due(1.0 + GRANULARITY_S) == 1


def test_a_callback_may_cancel_and_move_others_that_are_due(
    timers: Timers, recorder: Recorder
) -> None:
    others: list[Timer] = []

    def meddle() -> None:
        others[0].cancel()
        others[1].move(9.0)

    timers.schedule(1.0, meddle)
    others += [timers.schedule(1.0, lambda: recorder.call("cancelled"))]
    others += [timers.schedule(1.0, lambda: recorder.call("moved"))]
    timers.schedule(1.0, lambda: recorder.call("other"))
    assert timers.run_due(2.0) == 2
    assert recorder.calls == ["other"]
    assert timers.run_due(9.1) == 1
    assert recorder.calls == ["other", "moved"]


def test_what_a_callback_schedules_waits_for_the_next_call(timers: Timers) -> None:
    calls: list[int] = []

    def again() -> None:
        calls.append(len(calls))
        timers.schedule(1.0, again)

    timers.schedule(1.0, again)
    assert timers.run_due(50.0) == 1
    assert timers.run_due(50.0) == 1
    assert calls == [0, 1]


def test_a_callback_that_fails_is_logged_and_costs_the_others_nothing(
    timers: Timers, recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise ValueError("broken")

    timers.schedule(1.0, fail)
    timers.schedule(1.0, recorder.call)
    with caplog.at_level(logging.ERROR):
        assert timers.run_due(2.0) == 2
    assert recorder.calls == [""]
    assert "broken" in caplog.text


@given(
    steps=st.lists(
        st.one_of(
            st.tuples(st.just("schedule"), st.floats(0, 20)),
            st.tuples(st.just("move"), st.floats(0, 20)),
            st.tuples(st.just("cancel"), st.just(0.0)),
            st.tuples(st.just("rest"), st.just(0.0)),
            st.tuples(st.just("advance"), st.floats(0, 3)),
        ),
        max_size=60,
    )
)
@settings(max_examples=150, deadline=None)
def test_every_armed_timer_fires_once_and_in_time(steps: list[tuple[str, float]]) -> None:
    timers = Timers()
    now = 0.0
    expected: dict[int, float] = {}  # deadlines of armed timers
    fired: list[int] = []
    made: list[Timer] = []

    def advance(seconds: float) -> None:
        nonlocal now
        now += seconds
        fired.clear()
        timers.run_due(now)
        for number in fired:
            assert expected.pop(number) <= now
        assert all(when + GRANULARITY_S > now for when in expected.values())
        deadline = timers.next_deadline()
        if expected:
            assert deadline is not None
            assert deadline <= min(expected.values()) + GRANULARITY_S

    for index, (step, value) in enumerate(steps):
        if step == "schedule":
            number = len(made)
            made.append(timers.schedule(now + value, partial(fired.append, number)))
            expected[number] = now + value
        elif step == "advance":
            advance(value)
        elif made:
            number = index % len(made)
            timer = made[number]
            if step == "move":
                timer.move(now + value)
                expected[number] = now + value
            else:
                timer.cancel() if step == "cancel" else timer.rest()
                expected.pop(number, None)
            assert timer.armed == (number in expected)
    advance(30.0)
    assert not expected
    assert timers.next_deadline() == math.inf
