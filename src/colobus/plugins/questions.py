"""Look-ups written once: plain as long as memory knows the answers, a coroutine when it does not.

A plugin writes its look-ups as a generator that yields questions and is sent the rows::

    def _load(self, credential: Row) -> Questions[None]:
        rows = yield CONSUMERS, "id", credential["consumer_id"]
        ...

and returns ``answered(self.capabilities.lookups, self._load(credential))`` from its phase. While
the cache answers, the whole generator runs within that call and the phase costs no task; at the
first question it cannot answer, the phase goes on as a coroutine.
"""

from collections.abc import Coroutine, Generator, Sequence
from typing import Any, TypeVar

from colobus.errors import StoreUnavailableError
from colobus.model.kind import Kind
from colobus.model.schema import Row
from colobus.plugins.context import Lookups, ShortCircuit

__all__ = ["Question", "Questions", "answered"]

T = TypeVar("T")

Question = tuple[Kind, str, str]
"""Which rows of a kind have this value in that field."""

Questions = Generator[Question, Sequence[Row], T]
"""A generator that asks, is sent the rows, and returns ``T``."""


def answered(lookups: Lookups, questions: Questions[None]) -> Coroutine[Any, Any, None] | None:
    """Run ``questions`` from memory; return a coroutine for the rest if memory does not suffice.

    Raises:
        ShortCircuit: out of ``questions``; or 503, out of the coroutine, when the datastore gave
            no answer: a plugin that cannot look up lets nobody pass (fail closed).
    """
    try:
        question = next(questions)
        while True:
            rows = lookups.cached(*question)
            if rows is None:
                return _fetched(lookups, questions, question)
            question = questions.send(rows)
    except StopIteration:
        return None


async def _fetched(lookups: Lookups, questions: Questions[None], question: Question) -> None:
    try:
        while True:
            rows = lookups.cached(*question)
            if rows is None:
                rows = await lookups.fetch(*question)
            question = questions.send(rows)
    except StopIteration:
        return
    except StoreUnavailableError as exc:
        raise ShortCircuit(503) from exc
    finally:
        questions.close()
