"""What the follower decides, driven without a loop, a clock or a store."""

import pytest

from colobus.changes.progress import LONGEST_PAUSE_S, Progress, Step, Wait

POLL_S = 1.0


def at(applied: int, now: float = 100.0) -> Progress:
    """Return the progress of a follower that has just loaded everything at ``applied``."""
    progress = Progress()
    progress.began(now)
    progress.reloaded(applied)
    return progress


def read(progress: Progress, now: float, newest: int, moved_to: int | None = None) -> None:
    progress.began(now)
    if moved_to is not None:
        progress.moved(moved_to)
    progress.saw(newest)


def test_a_new_follower_looks_at_once() -> None:
    assert Progress().next(0.0, POLL_S) is Step.LOOK


def test_without_news_it_waits_for_the_poll() -> None:
    progress = at(5, now=100.0)
    assert progress.next(100.2, POLL_S) == Wait(101.0)
    assert progress.next(101.0, POLL_S) is Step.LOOK
    read(progress, 101.5, newest=5)
    assert progress.next(101.6, POLL_S) == Wait(102.5)


def test_how_far_polls_are_apart_may_change_at_any_time() -> None:
    progress = at(5, now=100.0)
    assert progress.next(102.0, 60.0) == Wait(160.0)
    assert progress.next(102.0, 1.0) is Step.LOOK
    read(progress, 102.0, newest=5)
    assert progress.next(102.5, 1.0) == Wait(103.0)
    assert progress.next(102.5, 60.0) == Wait(162.0)


def test_a_poll_that_shows_more_is_followed_by_reading_the_changes() -> None:
    progress = at(5)
    read(progress, 101.0, newest=6)
    assert progress.next(101.0, POLL_S) is Step.CATCH_UP
    read(progress, 101.1, newest=6, moved_to=6)
    assert progress.next(101.2, POLL_S) == Wait(102.1)


def test_a_hint_is_a_reason_to_read_now() -> None:
    progress = at(5)
    assert progress.hint(6)
    assert progress.next(100.0, POLL_S) is Step.CATCH_UP


@pytest.mark.parametrize("revision", [-1, 0, 4, 5])
def test_a_hint_of_what_is_applied_changes_nothing(revision: int) -> None:
    progress = at(5)
    assert not progress.hint(revision)
    assert progress.next(100.0, POLL_S) == Wait(101.0)


def test_hints_may_come_twice_and_in_any_order() -> None:
    progress = at(5)
    assert progress.hint(8)
    assert not progress.hint(7)
    assert not progress.hint(8)
    read(progress, 100.1, newest=8, moved_to=8)
    assert not progress.hint(6)
    assert progress.next(100.2, POLL_S) == Wait(101.1)


def test_what_does_not_fit_one_batch_is_read_on() -> None:
    progress = at(5)
    progress.hint(6)
    read(progress, 100.1, newest=20, moved_to=10)
    assert progress.next(100.1, POLL_S) is Step.CATCH_UP
    read(progress, 100.2, newest=20, moved_to=20)
    assert progress.next(100.3, POLL_S) == Wait(101.2)


def test_a_false_hint_costs_one_query() -> None:
    progress = at(5)
    progress.hint(10**12)
    assert progress.next(100.0, POLL_S) is Step.CATCH_UP
    read(progress, 100.0, newest=5)
    assert progress.next(100.1, POLL_S) == Wait(101.0)


def test_a_hint_that_comes_during_a_read_is_not_taken_for_false() -> None:
    progress = at(5)
    progress.hint(6)
    progress.began(100.0)
    progress.hint(7)
    progress.moved(6)
    progress.saw(6)
    assert progress.next(100.1, POLL_S) is Step.CATCH_UP


def test_a_hint_that_comes_during_a_read_hides_nothing_the_read_showed() -> None:
    progress = at(5)
    progress.hint(6)
    progress.began(100.0)
    progress.hint(7)
    progress.moved(8)
    progress.saw(20)
    assert progress.next(100.1, POLL_S) is Step.CATCH_UP


def test_a_look_asked_for_happens_once() -> None:
    progress = at(5)
    progress.look()
    assert progress.next(100.1, POLL_S) is Step.LOOK
    read(progress, 100.1, newest=5)
    assert progress.next(100.2, POLL_S) == Wait(101.1)


def test_a_datastore_that_went_back_is_loaded_anew() -> None:
    progress = at(5)
    read(progress, 101.0, newest=3)
    assert progress.next(101.0, POLL_S) is Step.RELOAD
    progress.began(101.1)
    progress.reloaded(3)
    assert progress.applied == 3
    assert progress.next(101.2, POLL_S) == Wait(102.1)
    assert progress.hint(4)
    assert progress.next(101.2, POLL_S) is Step.CATCH_UP


def test_a_gap_is_loaded_anew_also_when_more_is_known_to_exist() -> None:
    progress = at(5)
    progress.hint(900)
    progress.began(100.0)
    progress.lost()
    progress.saw(900)
    assert progress.next(100.0, POLL_S) is Step.RELOAD
    progress.began(100.1)
    progress.reloaded(901)
    assert progress.next(100.2, POLL_S) == Wait(101.1)


def test_freshness_is_as_old_as_the_read_that_proved_it_was_begun() -> None:
    assert Progress().fresh_at is None
    progress = at(5, now=100.0)
    assert progress.fresh_at == 100.0
    read(progress, 103.0, newest=5)
    assert progress.fresh_at == 103.0
    read(progress, 104.0, newest=7)  # there is more: no proof
    assert progress.fresh_at == 103.0
    read(progress, 105.0, newest=7, moved_to=6)
    assert progress.fresh_at == 103.0
    read(progress, 106.0, newest=7, moved_to=7)
    assert progress.fresh_at == 106.0
    read(progress, 107.0, newest=2)  # something else than what is applied
    assert progress.fresh_at == 106.0


def test_failures_are_tried_again_after_growing_pauses_for_ever() -> None:
    progress = at(5, now=0.0)
    progress.hint(6)
    now, pauses = 10.0, []
    for attempt in range(12):
        progress.began(now)
        assert progress.failed(now) is (attempt == 0)
        waiting = progress.next(now, POLL_S)
        assert isinstance(waiting, Wait)
        pauses.append(round(waiting.until - now, 3))
        assert progress.hint(7 + attempt)
        assert progress.next(now, POLL_S) == waiting  # a hint does not make it hurry
        now = waiting.until
        assert progress.next(now, POLL_S) is Step.CATCH_UP
    assert pauses[:6] == [0.05, 0.1, 0.2, 0.4, 0.8, 1.0]
    assert set(pauses[6:]) == {LONGEST_PAUSE_S}
    assert progress.failed_at == 10.0
    assert progress.fresh_at == 0.0


def test_an_outage_ends_with_the_first_answer_and_the_next_starts_small() -> None:
    progress = at(5)
    assert progress.answered() is None
    for now in (101.0, 102.0):
        progress.began(now)
        progress.failed(now)
    assert progress.answered() == 101.0
    read(progress, 103.0, newest=5)
    progress.began(104.0)
    assert progress.failed(104.0)
    assert progress.next(104.0, POLL_S) == Wait(104.05)
