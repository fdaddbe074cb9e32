"""Read-through: once per question, and closed rather than open when no answer comes."""

import asyncio
from collections.abc import Sequence

import pytest

from colobus.cache import lookups as module
from colobus.cache.fenced import FencedCache, Key
from colobus.cache.lookups import CachedLookups
from colobus.errors import StoreUnavailableError
from colobus.model.consumers import CONSUMERS
from colobus.model.kind import Catalog
from colobus.model.schema import Row

QUESTION: Key = ("consumers", "id", "c1")
ROW: Row = {"id": "c1", "username": "bob"}


class Wire:
    """Collects the questions that were asked."""

    def __init__(self) -> None:
        self.asked: list[Key] = []
        self.lookups = CachedLookups(
            FencedCache(Catalog((CONSUMERS,)), b"salt", 100_000), self.asked.append
        )

    def fetch(self) -> "asyncio.Task[Sequence[Row]]":
        return asyncio.get_running_loop().create_task(self.lookups.fetch(CONSUMERS, "id", "c1"))


async def test_the_same_question_is_asked_once_and_answered_to_all() -> None:
    wire = Wire()
    waiting = [wire.fetch() for _ in range(3)]
    await asyncio.sleep(0)
    assert wire.asked == [QUESTION]
    wire.lookups.answer(QUESTION, [ROW], revision=1)
    assert await asyncio.gather(*waiting) == [[ROW]] * 3
    assert wire.lookups.cached(CONSUMERS, "id", "c1") == (ROW,)
    assert list(await wire.fetch()) == [ROW]
    assert wire.asked == [QUESTION]


async def test_a_stale_answer_serves_its_waiters_but_is_not_kept() -> None:
    wire = Wire()
    wire.lookups.cache.clear(revision=5)
    waiting = wire.fetch()
    await asyncio.sleep(0)
    wire.lookups.answer(QUESTION, [ROW], revision=4)
    assert list(await waiting) == [ROW]
    assert wire.lookups.cached(CONSUMERS, "id", "c1") is None


async def test_a_failed_look_up_raises_in_every_waiter_and_may_be_asked_again() -> None:
    wire = Wire()
    waiting = [wire.fetch() for _ in range(2)]
    await asyncio.sleep(0)
    wire.lookups.fail(QUESTION, "down")
    for task in waiting:
        with pytest.raises(StoreUnavailableError, match="down"):
            await task
    again = wire.fetch()
    await asyncio.sleep(0)
    assert len(wire.asked) == 2
    wire.lookups.answer(QUESTION, [], revision=1)
    assert list(await again) == []


async def test_without_an_answer_the_wait_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FLIGHT_TIMEOUT_S", 0.01)
    wire = Wire()
    with pytest.raises(StoreUnavailableError, match="no answer"):
        await wire.fetch()
    wire.lookups.answer(QUESTION, [ROW], revision=1)  # late: kept, and nobody waits


async def test_too_many_waiting_questions_fail_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FLIGHT_LIMIT", 0)
    wire = Wire()
    with pytest.raises(StoreUnavailableError, match="too many"):
        await wire.fetch()
    assert wire.asked == []


async def test_a_waiter_that_is_cancelled_leaves_the_others_waiting() -> None:
    wire = Wire()
    first, second = wire.fetch(), wire.fetch()
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    wire.lookups.answer(QUESTION, [ROW], revision=1)
    assert list(await second) == [ROW]


async def test_a_miss_is_a_question_that_had_to_wait() -> None:
    wire = Wire()
    wire.lookups.cached(CONSUMERS, "id", "c1")
    waiting = wire.fetch()
    await asyncio.sleep(0)
    wire.lookups.answer(QUESTION, [ROW], revision=1)
    await waiting
    await wire.fetch()
    wire.lookups.cached(CONSUMERS, "id", "c1")
    counts = wire.lookups.cache.counts()
    assert (counts["hits"], counts["misses"]) == (1, 1)
