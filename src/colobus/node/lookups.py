"""Look-ups of all workers, gathered into few queries.

While one query runs, further questions gather for the next; the same question asked by several
workers is put once. Answers carry the revision of the snapshot they were read in.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence

from colobus.errors import StoreError
from colobus.model.schema import Row
from colobus.store.interface import LookupKey, Store

__all__ = ["LookupService", "Reply"]

BATCH = 500
"""Questions of one query; SQLite allows 32 766 variables in one, PostgreSQL 65 535."""

PENDING_LIMIT = 20_000
"""Questions waiting; past that new ones are refused, and their requests fail closed."""

Reply = Callable[[LookupKey, int, Sequence[Row] | None], None]
"""Takes the question, the revision and the rows; None when there is no answer."""

logger = logging.getLogger(__name__)


class LookupService:
    """Answers look-ups of the data path from the datastore."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._pending: dict[LookupKey, list[Reply]] = {}
        self._asked = asyncio.Event()

    def ask(self, key: LookupKey, reply: Reply) -> None:
        """Put a question; ``reply`` is called once, never before this returns."""
        if key not in self._pending and len(self._pending) >= PENDING_LIMIT:
            asyncio.get_running_loop().call_soon(reply, key, 0, None)
            return
        self._pending.setdefault(key, []).append(reply)
        self._asked.set()

    async def run(self) -> None:
        """Answer until cancelled."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            while self._pending:
                await self._answer_some()

    async def _answer_some(self) -> None:
        keys = list(self._pending)[:BATCH]
        replies = {key: self._pending.pop(key) for key in keys}
        try:
            answer = await self._store.look_up(keys)
        except StoreError as exc:
            logger.warning("look-ups failed: %s", exc)
            for key, waiting in replies.items():
                for reply in waiting:
                    reply(key, 0, None)
            return
        for key, rows in zip(keys, answer.rows, strict=True):
            for reply in replies[key]:
                reply(key, answer.revision, rows)
