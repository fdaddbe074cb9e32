"""Writes of a worker: sent to the supervisor, which alone has a datastore."""

import asyncio
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

from colobus.errors import StoreUnavailableError
from colobus.model.schema import Row
from colobus.node.bus import WRITE_FAILURES, NotWritten, Write, Written
from colobus.plugins.context import Deletion, Insertion

__all__ = ["RemoteWrites"]

WAITING_LIMIT = 1000
"""Writes waiting for an answer; past that, requests fail instead of queueing up."""

TIMEOUT_S = 5.0
"""How long a request waits, as for a look-up."""


class RemoteWrites:
    """Implements :class:`colobus.plugins.context.Writes`.

    Args:
        post: sends a message to the supervisor; :meth:`answer` will be called.
    """

    def __init__(self, post: Callable[[Write], None]) -> None:
        self._post = post
        self._numbers = count(1)
        self._waiting: dict[int, asyncio.Future[Sequence[Row]]] = {}

    async def write(self, *steps: Insertion | Deletion) -> Sequence[Row]:
        """Take all steps in one transaction, or none of them.

        Raises:
            NotFoundError: a row to delete is not there.
            StoreUnavailableError: no answer in time, or too many writes are waiting.
            StoreError: a value is taken, or a parent is gone.
        """
        if len(self._waiting) >= WAITING_LIMIT:
            raise StoreUnavailableError("too many writes are waiting")
        number = next(self._numbers)
        waiting: asyncio.Future[Sequence[Row]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = waiting
        self._post(Write(number, [_packed(step) for step in steps]))
        try:
            async with asyncio.timeout(TIMEOUT_S):
                return await waiting
        except TimeoutError:
            raise StoreUnavailableError(f"no answer within {TIMEOUT_S:g} s") from None
        finally:
            del self._waiting[number]

    def answer(self, message: Written | NotWritten) -> None:
        """Take the supervisor's answer; whoever asked may have left meanwhile."""
        waiting = self._waiting.get(message.number)
        if waiting is None or waiting.done():
            return
        if isinstance(message, Written):
            waiting.set_result(message.rows)
        else:
            waiting.set_exception(WRITE_FAILURES[message.reason](message.reason))


def _packed(step: Insertion | Deletion) -> list[Any]:
    if isinstance(step, Insertion):
        return ["insert", step.kind.name, step.row, step.ttl_s]
    return ["delete", step.kind.name, step.key, None]
