"""Writes of all workers, one transaction after the other."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Any

from colobus.errors import NotFoundError, StoreError, StoreUnavailableError
from colobus.model.kind import Catalog
from colobus.model.schema import Row
from colobus.node.bus import NotWritten, Written
from colobus.store.interface import Store, Transaction

__all__ = ["WriteService"]

PENDING_LIMIT = 2000
"""Writes waiting; past that new ones are refused. Every worker has a bound of its own, too."""

Reply = Callable[[Written | NotWritten], None]

logger = logging.getLogger(__name__)


class WriteService:
    """Makes what plugins write durable.

    Args:
        store: the datastore.
        catalog: every kind of this node.
    """

    def __init__(self, store: Store, catalog: Catalog) -> None:
        self._store = store
        self._catalog = catalog
        self._pending: deque[tuple[int, list[list[Any]], Reply]] = deque()
        self._asked = asyncio.Event()

    def ask(self, number: int, steps: list[list[Any]], reply: Reply) -> None:
        """Take ``steps`` (see :class:`colobus.node.bus.Write`); ``reply`` is called once."""
        if len(self._pending) >= PENDING_LIMIT:
            reply(NotWritten(number, "unavailable"))
            return
        self._pending.append((number, steps, reply))
        self._asked.set()

    async def run(self, origin: str, written: Callable[[int], None]) -> None:
        """Write until cancelled.

        Args:
            origin: the name of this node.
            written: told of each new revision, so that it is followed at once.
        """
        while True:
            await self._asked.wait()
            self._asked.clear()
            while self._pending:
                number, steps, reply = self._pending.popleft()
                reply(await self._answer(origin, written, number, steps))

    async def _answer(
        self, origin: str, written: Callable[[int], None], number: int, steps: list[list[Any]]
    ) -> Written | NotWritten:
        try:
            async with self._store.transaction(origin) as transaction:
                rows = [await self._step(transaction, step) for step in steps]
        except NotFoundError:
            return NotWritten(number, "not found")
        except StoreUnavailableError as exc:
            logger.warning("a plugin's write failed: %s", exc)
            return NotWritten(number, "unavailable")
        except StoreError as exc:
            # Its text may hold the value that is taken, a token for example.
            logger.warning("a plugin's write was refused: %s", type(exc).__name__)
            return NotWritten(number, "refused")
        written(transaction.revision)
        return Written(number, rows)

    async def _step(self, transaction: Transaction, step: list[Any]) -> Row:
        operation, kind, what, ttl_s = step
        if operation == "insert":
            return await transaction.insert(self._catalog[kind], what, ttl_s=ttl_s)
        deleted = await transaction.delete(self._catalog[kind], what)
        if deleted is None:
            raise NotFoundError(f"no such row of {kind}")
        return deleted
