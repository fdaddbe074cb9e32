"""Questions to every worker: asked over the node bus, gathered within a time."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from colobus.node.bus import CacheAnswer, Message

__all__ = ["Answered", "Questions"]


class Askable(Protocol):
    """A worker, as far as questions know it."""

    def post(self, *messages: Message) -> None:
        """Send messages, in order."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of a question.

    Attributes:
        answers: those that came in time.
        silent: the names of the workers that did not answer.
    """

    answers: list[CacheAnswer]
    silent: list[str]


@dataclass(slots=True)
class _Open:
    waiting: set[Askable]
    answers: list[CacheAnswer] = field(default_factory=list)
    done: asyncio.Event = field(default_factory=asyncio.Event)

    def finish(self, worker: Askable) -> None:
        self.waiting.discard(worker)
        if not self.waiting:
            self.done.set()


class Questions:
    """The open questions; as many as the Admin API has connections, each for a bounded time."""

    def __init__(self) -> None:
        self._numbered = 0
        self._open: dict[int, _Open] = {}

    async def ask(
        self, workers: Iterable[Askable], build: Callable[[int], Message], timeout_s: float
    ) -> Answered:
        """Send ``build(number)`` to ``workers`` and return what they answer in time."""
        self._numbered += 1
        number = self._numbered
        entry = _Open(set(workers))
        self._open[number] = entry
        for worker in tuple(entry.waiting):
            worker.post(build(number))
        try:
            if entry.waiting:
                async with asyncio.timeout(timeout_s):
                    await entry.done.wait()
        except TimeoutError:
            return Answered(entry.answers, sorted(str(worker) for worker in entry.waiting))
        finally:
            del self._open[number]
        return Answered(entry.answers, [])

    def answer(self, worker: Askable, answer: CacheAnswer) -> None:
        """Take the answer of a worker; one that comes too late is dropped."""
        entry = self._open.get(answer.number)
        if entry is not None and worker in entry.waiting:
            entry.answers.append(answer)
            entry.finish(worker)

    def gone(self, worker: Askable) -> None:
        """Wait no longer for a worker that has ended: its memory went with it."""
        for entry in tuple(self._open.values()):
            if worker in entry.waiting:
                entry.finish(worker)
