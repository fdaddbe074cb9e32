"""The counter of revisions and the log of changes, in SQL."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import ColumnElement, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from colobus.model.change import Change
from colobus.store.interface import ChangeBatch
from colobus.store.log import reaches_back, whole_transactions
from colobus.store.tables import Tables

__all__ = ["ChangeLog"]

COLUMNS = (
    "revision", "position", "kind", "operation", "key",
    "old_index", "new_index", "row", "origin", "at_ms",
)  # fmt: skip
"""In the order of the fields of :class:`~colobus.model.change.Change`."""


class ChangeLog:
    """Statements on ``datastore`` and ``changes``, inside transactions of others."""

    def __init__(self, tables: Tables) -> None:
        self._counter = tables.datastore
        self._changes = tables.changes
        self._columns = [tables.changes.c[name] for name in COLUMNS]

    async def revision(self, connection: AsyncConnection) -> int:
        """Return the newest revision of the snapshot."""
        found = await connection.execute(select(self._counter.c.revision))
        return int(found.scalar_one())

    async def lock(self, connection: AsyncConnection) -> int:
        """Take the lock of all writers, held until the transaction ends; return the revision.

        It makes revisions gapless and in the order of commits. Where a database locks rows this
        locks the counter's; SQLite, whose statement has no such clause, holds the file's lock.
        """
        found = await connection.execute(select(self._counter.c.revision).with_for_update())
        return int(found.scalar_one())

    async def append(self, connection: AsyncConnection, changes: Sequence[Change]) -> None:
        """Write the changes of one transaction and move the counter to their revision."""
        if not changes:
            return
        await connection.execute(insert(self._changes), [asdict(change) for change in changes])
        await connection.execute(update(self._counter).values(revision=changes[0].revision))

    async def since(self, connection: AsyncConnection, revision: int, limit: int) -> ChangeBatch:
        """Return what followed ``revision``, whole transactions only."""
        newest = await self.revision(connection)
        oldest = None if revision >= newest else await self._oldest(connection)
        if not reaches_back(revision, newest, oldest):
            return ChangeBatch(newest, (), complete=False)
        if revision == newest:
            return ChangeBatch(newest, (), complete=True)
        behind = await self._read(connection, self._changes.c.revision > revision, limit + 1)
        changes = whole_transactions(behind, limit)
        if not changes:
            first = behind[0].revision
            changes = await self._read(connection, self._changes.c.revision == first, None)
        return ChangeBatch(newest, changes, complete=True)

    async def is_longer(self, connection: AsyncConnection, limit: int) -> bool:
        """Say whether the log holds more than ``limit`` revisions."""
        oldest = await self._oldest(connection)
        return oldest is not None and oldest <= await self.revision(connection) - limit

    async def cut(self, connection: AsyncConnection, limit: int) -> None:
        """Forget all but the newest ``limit`` revisions."""
        newest = await self.revision(connection)
        column = self._changes.c.revision
        await connection.execute(delete(self._changes).where(column <= newest - limit))

    async def _oldest(self, connection: AsyncConnection) -> int | None:
        found = await connection.execute(select(func.min(self._changes.c.revision)))
        oldest: int | None = found.scalar_one()
        return oldest

    async def _read(
        self, connection: AsyncConnection, condition: ColumnElement[bool], limit: int | None
    ) -> list[Change]:
        order = (self._changes.c.revision, self._changes.c.position)
        statement = select(*self._columns).where(condition).order_by(*order).limit(limit)
        return [_change(values) for values in await connection.execute(statement)]


def _change(values: Sequence[Any]) -> Change:
    return Change(*values)
