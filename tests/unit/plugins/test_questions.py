"""Look-ups written once, answered from memory or by waiting."""

import pytest

from colobus.model import CONSUMERS
from colobus.plugins.context import ShortCircuit
from colobus.plugins.questions import Questions, answered
from colobus.testing.lookups import MemoryLookups


def ask(found: list[str], *consumer_ids: str) -> Questions[None]:
    for consumer_id in consumer_ids:
        rows = yield CONSUMERS, "id", consumer_id
        found.append(rows[0]["username"] if rows else "nobody")


def lookups(*, is_cold: bool = False) -> MemoryLookups:
    memory = MemoryLookups(is_cold=is_cold)
    memory.add(CONSUMERS, {"id": "1", "username": "bob"}, {"id": "2", "username": "ann"})
    return memory


def test_what_memory_knows_is_answered_at_once() -> None:
    found: list[str] = []
    memory = lookups()
    assert answered(memory, ask(found, "1", "3", "2")) is None
    assert found == ["bob", "nobody", "ann"]
    assert memory.fetched == []


async def test_what_memory_does_not_know_is_fetched_once() -> None:
    found: list[str] = []
    memory = lookups(is_cold=True)
    waiting = answered(memory, ask(found, "1", "2", "1"))
    assert waiting is not None
    assert found == []
    await waiting
    assert found == ["bob", "ann", "bob"]
    assert memory.fetched == [("consumers", "id", "1"), ("consumers", "id", "2")]


async def test_memory_is_used_as_far_as_it_goes() -> None:
    found: list[str] = []
    memory = lookups(is_cold=True)
    await memory.fetch(CONSUMERS, "id", "1")
    waiting = answered(memory, ask(found, "1", "2"))
    assert waiting is not None
    assert found == ["bob"]
    await waiting
    assert found == ["bob", "ann"]


def test_no_question_needs_no_answer() -> None:
    assert answered(lookups(), ask([])) is None


async def test_without_an_answer_nobody_passes() -> None:
    found: list[str] = []
    memory = lookups(is_cold=True)
    memory.is_available = False
    waiting = answered(memory, ask(found, "1"))
    assert waiting is not None
    with pytest.raises(ShortCircuit) as answer:
        await waiting
    assert answer.value.status == 503
    assert found == []


def refuse() -> Questions[None]:
    yield CONSUMERS, "id", "1"
    raise ShortCircuit(403, "no")


async def test_a_refusal_comes_out_of_the_call_or_of_the_coroutine() -> None:
    with pytest.raises(ShortCircuit, match="403"):
        answered(lookups(), refuse())
    waiting = answered(lookups(is_cold=True), refuse())
    assert waiting is not None
    with pytest.raises(ShortCircuit, match="403"):
        await waiting
