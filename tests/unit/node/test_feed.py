"""Events reach their subscribers in order; those who return get what they missed, or the reason."""

import pytest

from colobus.admin.node import ClusterEvent
from colobus.errors import ClusterError
from colobus.node.feed import BACKLOG, HISTORY, MOST_SUBSCRIBERS, Feed, FeedSubscription
from colobus.testing.clock import ManualClock


@pytest.fixture
def feed() -> Feed:
    return Feed("n", "boot", ManualClock())


async def taken(subscription: FeedSubscription) -> list[ClusterEvent]:
    return await subscription.take(20)


def kinds(events: list[ClusterEvent]) -> list[tuple[str | None, str]]:
    return [(event.id, event.kind) for event in events]


async def test_a_new_subscriber_is_told_where_it_starts_and_what_follows(feed: Feed) -> None:
    feed.record("member-join", {"name": "a"})
    subscription = feed.subscribe(None)
    assert await taken(subscription) == [ClusterEvent("boot-1", "start", {"node": "n"})]
    feed.record("member-leave", {"name": "a"})
    feed.tell("revision", {"revision": 7})
    first, second = await taken(subscription)
    assert first == ClusterEvent("boot-2", "member-leave", {"name": "a", "time": 1_500_000_000_000})
    assert (second.id, second.kind) == (None, "revision")


async def test_one_that_returns_gets_what_it_missed(feed: Feed) -> None:
    for number in range(5):
        feed.record("member-join", {"name": str(number)})
    feed.tell("revision", {"revision": 7})
    events = await taken(feed.subscribe("boot-3"))
    assert kinds(events) == [
        (None, "start"), ("boot-4", "member-join"), ("boot-5", "member-join"),
    ]  # fmt: skip
    assert kinds(await taken(feed.subscribe("boot-5"))) == [(None, "start")]


@pytest.mark.parametrize(
    ("last_id", "reason"),
    [("other-3", "restarted"), ("boot-1", "expired"), ("boot-9999", "unknown"),
     ("", "unknown"), ("boot-x", "unknown"), ("3", "unknown"), ("boot-" + "9" * 19, "unknown")],
)  # fmt: skip
async def test_what_cannot_be_told_any_more_is_a_gap(feed: Feed, last_id: str, reason: str) -> None:
    for number in range(HISTORY + 2):
        feed.record("member-join", {"name": str(number)})
    start, gap = await taken(feed.subscribe(last_id))
    assert start.kind == "start"
    assert gap == ClusterEvent(f"boot-{HISTORY + 2}", "gap", {"reason": reason})


async def test_the_oldest_kept_event_is_told_to_who_saw_the_one_before(feed: Feed) -> None:
    for number in range(HISTORY + 2):
        feed.record("member-join", {"name": str(number)})
    assert len(await taken(feed.subscribe("boot-2"))) == HISTORY + 1


async def test_a_slow_subscriber_is_cut_with_a_reason_and_can_go_on(feed: Feed) -> None:
    slow, quick = feed.subscribe(None), feed.subscribe(None)
    for number in range(BACKLOG + 10):
        feed.record("member-update", {"name": str(number)})
        if number % 100 == 0:
            await taken(quick)
    events = await taken(slow)
    assert slow.is_over
    assert events[-1] == ClusterEvent(None, "end", {"reason": "slow"})
    assert len(events) == BACKLOG + 1
    assert not quick.is_over
    last_id = events[-2].id
    returned = await taken(feed.subscribe(last_id))
    assert [event.id for event in returned[1:]] == [
        f"boot-{number}" for number in range(BACKLOG, BACKLOG + 11)
    ]


async def test_the_end_of_the_node_ends_all_after_what_waits(feed: Feed) -> None:
    subscription = feed.subscribe(None)
    feed.record("member-join", {"name": "a"})
    feed.close()
    events = await taken(subscription)
    assert [event.kind for event in events] == ["start", "member-join", "end"]
    assert events[-1].content == {"reason": "stopping"}
    assert subscription.is_over
    with pytest.raises(ClusterError, match="stopping"):
        feed.subscribe(None)


async def test_subscribers_are_limited_and_freed(feed: Feed) -> None:
    held = [feed.subscribe(None) for _ in range(MOST_SUBSCRIBERS)]
    with pytest.raises(ClusterError, match=f"more than {MOST_SUBSCRIBERS}"):
        feed.subscribe(None)
    held[0].close()
    assert await taken(held[0]) == []
    assert held[0].is_over
    feed.subscribe(None)


async def test_nothing_in_time_is_nothing(feed: Feed) -> None:
    subscription = feed.subscribe(None)
    await taken(subscription)
    assert await subscription.take(0.001) == []
    assert not subscription.is_over
