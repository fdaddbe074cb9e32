"""Look-ups of many workers become few queries."""

import asyncio
from collections.abc import Sequence
from typing import cast

import pytest

from colobus.errors import StoreUnavailableError
from colobus.model.schema import Row
from colobus.node import lookups as module
from colobus.node.lookups import LookupService
from colobus.store.interface import LookupAnswer, LookupKey, Store


class CountingStore:
    """Answers look-ups with the value asked for, one query at a time."""

    def __init__(self) -> None:
        self.queries: list[Sequence[LookupKey]] = []
        self.down = False

    async def look_up(self, keys: Sequence[LookupKey]) -> LookupAnswer:
        self.queries.append(keys)
        await asyncio.sleep(0)
        if self.down:
            raise StoreUnavailableError("down")
        return LookupAnswer(7, [[{"id": key.value}] for key in keys])


class Replies:
    def __init__(self) -> None:
        self.got: list[tuple[str, int, Sequence[Row] | None]] = []

    def __call__(self, key: LookupKey, revision: int, rows: Sequence[Row] | None) -> None:
        self.got.append((key.value, revision, rows))


async def run_until_answered(service: LookupService, replies: Replies, count: int) -> None:
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        running = group.create_task(service.run())
        while len(replies.got) < count:
            await asyncio.sleep(0)
        running.cancel()


async def test_questions_gather_into_one_query_and_equal_ones_into_one_question() -> None:
    store, replies = CountingStore(), Replies()
    service = LookupService(cast("Store", store))
    for value in ("a", "b", "a"):
        service.ask(LookupKey("consumers", "id", value), replies)
    await run_until_answered(service, replies, 3)
    assert [[key.value for key in query] for query in store.queries] == [["a", "b"]]
    assert sorted(replies.got) == [("a", 7, [{"id": "a"}])] * 2 + [("b", 7, [{"id": "b"}])]


async def test_an_unreachable_datastore_answers_every_question_with_none() -> None:
    store, replies = CountingStore(), Replies()
    store.down = True
    service = LookupService(cast("Store", store))
    for value in ("a", "b"):
        service.ask(LookupKey("consumers", "id", value), replies)
    await run_until_answered(service, replies, 2)
    assert replies.got == [("a", 0, None), ("b", 0, None)]


async def test_past_the_limit_questions_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PENDING_LIMIT", 1)
    replies = Replies()
    service = LookupService(cast("Store", CountingStore()))
    service.ask(LookupKey("consumers", "id", "a"), replies)
    service.ask(LookupKey("consumers", "id", "b"), replies)
    assert replies.got == []
    await asyncio.sleep(0)
    assert replies.got == [("b", 0, None)]
