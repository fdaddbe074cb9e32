from hypothesis import given, strategies as st

from colobus.cluster.swim.broadcasts import BroadcastQueue

PLENTY = 10_000


def take(queue: BroadcastQueue, room: int = PLENTY, limit: int = 100) -> list[bytes]:
    return queue.take(room, 2, limit, 0.0)


def test_fewer_transmits_come_first_then_longer_then_newer() -> None:
    queue = BroadcastQueue()
    queue.add(b"old-short", 0.0)
    assert take(queue) == [b"old-short"]
    for payload in (b"aaaa", b"bbbbbb", b"cccc"):
        queue.add(payload, 0.0)
    assert take(queue) == [b"bbbbbb", b"cccc", b"aaaa", b"old-short"]


def test_what_does_not_fit_is_skipped_and_kept() -> None:
    queue = BroadcastQueue()
    queue.add(b"x" * 50, 0.0)
    queue.add(b"y" * 20, 0.0)
    assert take(queue, room=30) == [b"y" * 20]
    assert take(queue, room=52) == [b"x" * 50]


def test_the_overhead_of_each_part_counts() -> None:
    queue = BroadcastQueue()
    for payload in (b"aaaa", b"bbbb", b"cccc"):
        queue.add(payload, 0.0)
    assert take(queue, room=12) == [b"cccc", b"bbbb"]
    assert take(queue, room=11) == [b"aaaa"]
    assert take(queue, room=5) == []


def test_an_entry_is_finished_when_it_has_been_sent_often_enough() -> None:
    queue, finished = BroadcastQueue(), list[float]()
    queue.add(b"m", 0.0, finished=finished.append)
    for now in (1.0, 2.0, 3.0):
        assert finished == []
        assert queue.take(PLENTY, 2, 3, now) == [b"m"]
    assert finished == [3.0]
    assert take(queue) == []
    assert len(queue) == 0


def test_a_newer_entry_of_a_name_replaces_and_finishes_the_older() -> None:
    queue, finished = BroadcastQueue(), list[float]()
    queue.add(b"suspect n1", 0.0, name="n1", finished=finished.append)
    queue.add(b"about n2", 0.0, name="n2")
    take(queue)
    queue.add(b"alive n1", 7.0, name="n1")
    assert finished == [7.0]
    assert take(queue) == [b"alive n1", b"about n2"]


def test_entries_without_a_name_never_replace_each_other() -> None:
    queue = BroadcastQueue()
    queue.add(b"event", 0.0)
    queue.add(b"event", 0.0)
    assert take(queue) == [b"event", b"event"]


def test_a_full_queue_drops_what_was_sent_most_often() -> None:
    queue, finished = BroadcastQueue(most_entries=3), list[float]()
    queue.add(b"often", 0.0, finished=finished.append)
    take(queue)
    for payload in (b"b", b"c", b"d"):
        queue.add(payload, 5.0)
    assert finished == [5.0]
    assert take(queue) == [b"d", b"c", b"b"]


def test_a_name_that_was_dropped_can_be_queued_again() -> None:
    queue = BroadcastQueue(most_entries=1)
    queue.add(b"a", 0.0, name="n1")
    queue.add(b"b", 0.0, name="n2")
    queue.add(b"c", 0.0, name="n1")
    assert take(queue) == [b"c"]


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("add"), st.integers(1, 40), st.sampled_from(["a", "b", None])),
            st.tuples(st.just("take"), st.integers(0, 120), st.none()),
        ),
        max_size=60,
    )
)
def test_a_packet_is_never_overfull_and_nothing_is_lost(
    steps: list[tuple[str, int, str | None]],
) -> None:
    queue, limit, finished = BroadcastQueue(most_entries=20), 3, list[float]()
    added = 0
    for action, number, name in steps:
        if action == "add":
            queue.add(b"x" * number, 0.0, name=name, finished=finished.append)
            added += 1
        else:
            taken = queue.take(number, 2, limit, 0.0)
            assert sum(len(payload) + 2 for payload in taken) <= number
    assert len(queue) + len(finished) == added
    assert len(queue) <= 20
