from random import Random

from colobus.cluster.swim.schedule import SWEEP_FROM, Schedule


def test_callbacks_run_by_deadline_and_equal_ones_in_the_order_they_were_set() -> None:
    schedule, ran = Schedule(), list[tuple[str, float]]()
    for name, deadline in (("late", 3.0), ("first", 1.0), ("second", 1.0)):
        schedule.call_at(deadline, lambda now, name=name: ran.append((name, now)))  # type: ignore[misc]
    assert schedule.next_deadline() == 1.0
    schedule.run_due(2.0)
    assert ran == [("first", 2.0), ("second", 2.0)]
    assert schedule.next_deadline() == 3.0


def test_a_callback_may_set_another_for_the_same_moment() -> None:
    schedule, ran = Schedule(), list[float]()

    def again(now: float) -> None:
        schedule.call_at(now, ran.append)

    schedule.call_at(1.0, again)
    schedule.run_due(1.0)
    assert ran == [1.0]
    assert schedule.next_deadline() is None


def test_a_cancelled_timer_neither_runs_nor_is_a_deadline() -> None:
    schedule, ran = Schedule(), list[float]()
    timer = schedule.call_at(1.0, ran.append)
    schedule.call_at(2.0, ran.append)
    schedule.cancel(timer)
    schedule.cancel(timer)
    schedule.cancel(None)
    assert not timer.is_armed
    assert schedule.next_deadline() == 2.0
    schedule.run_due(5.0)
    assert ran == [5.0]


def test_timers_run_in_order_however_many_were_cancelled() -> None:
    schedule, ran = Schedule(), list[float]()
    rng = Random(1)
    timers = []
    for _ in range(20 * SWEEP_FROM):
        deadline = rng.random()
        timers.append(schedule.call_at(deadline, lambda _now, at=deadline: ran.append(at)))  # type: ignore[misc]
    for timer in rng.sample(timers, 15 * SWEEP_FROM):
        schedule.cancel(timer)
    schedule.run_due(1.0)
    assert len(ran) == 5 * SWEEP_FROM
    assert ran == sorted(ran)


def test_cancelled_timers_do_not_pile_up() -> None:
    schedule = Schedule()
    schedule.call_at(1e9, lambda _now: None)
    for _ in range(50 * SWEEP_FROM):
        schedule.cancel(schedule.call_at(1e8, lambda _now: None))
    assert len(schedule) == 1
    assert len(schedule._heap) <= 2 * SWEEP_FROM + 2
