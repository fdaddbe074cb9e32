"""Questions to workers are gathered, and end when all have answered, ended, or time is over."""

import asyncio

from colobus.node.bus import CacheAnswer, ClearCache, Message
from colobus.node.questions import Questions


class StandIn:
    def __init__(self, name: str) -> None:
        self.name = name
        self.posted: list[Message] = []

    def __str__(self) -> str:
        return self.name

    def post(self, *messages: Message) -> None:
        self.posted.extend(messages)


def answer(number: int) -> CacheAnswer:
    return CacheAnswer(number, None, [], {})


async def test_everyone_is_asked_and_answers_are_gathered() -> None:
    questions, a, b = Questions(), StandIn("a"), StandIn("b")
    asking = asyncio.gather(questions.ask([a, b], ClearCache, 20))
    await asyncio.sleep(0)
    assert a.posted == b.posted == [ClearCache(1)]
    questions.answer(a, answer(1))
    questions.answer(a, answer(1))  # twice counts once
    questions.answer(b, answer(7))  # of another question
    await asyncio.sleep(0)
    assert not asking.done()
    questions.answer(b, answer(1))
    (told,) = await asking
    assert (len(told.answers), told.silent) == (2, [])


async def test_a_silent_worker_is_named_and_its_late_answer_dropped() -> None:
    questions, a, b = Questions(), StandIn("a"), StandIn("b")
    asking = asyncio.gather(questions.ask([b, a], ClearCache, 0.01))
    await asyncio.sleep(0)
    (told,) = await asking
    assert (told.answers, told.silent) == ([], ["a", "b"])
    questions.answer(a, answer(1))


async def test_a_worker_that_ends_is_not_waited_for() -> None:
    questions, a = Questions(), StandIn("a")
    asking = asyncio.gather(questions.ask([a], ClearCache, 20))
    await asyncio.sleep(0)
    questions.gone(a)
    (told,) = await asking
    assert (told.answers, told.silent) == ([], [])


async def test_nobody_to_ask_is_answered_at_once() -> None:
    told = await Questions().ask([], ClearCache, 20)
    assert (told.answers, told.silent) == ([], [])
