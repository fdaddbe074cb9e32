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
        self._order = (tables.changes.c.revision, tables.changes.c.position)

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
        rows = [asdict(change) for change in changes]
        # One row by itself takes a third of the time of a list of one.
        await connection.execute(insert(self._changes), rows if len(rows) > 1 else rows[0])
        await connection.execute(update(self._counter).values(revision=changes[0].revision))

    async def since(self, connection: AsyncConnection, revision: int, limit: int) -> ChangeBatch:
        """Return what followed ``revision``, whole transactions only.

        One statement, so that the counter and the log are of one snapshot.
        """
        newest, behind = await self._behind(connection, revision, limit + 1)
        if not reaches_back(revision, newest, behind[0].revision if behind else None):
            return ChangeBatch(newest, (), complete=False)
        changes = whole_transactions(behind, limit)
        if behind and not changes:  # what was written by one transaction stays as it is
            changes = await self._of_one(connection, behind[0].revision)
        return ChangeBatch(newest, changes, complete=True)

    def is_longer(self, limit: int) -> ColumnElement[bool]:
        """Return the condition that the log holds more than ``limit`` revisions."""
        oldest = select(func.min(self._changes.c.revision)).scalar_subquery()
        newest = select(self._counter.c.revision).scalar_subquery()
        return oldest <= newest - limit

    async def cut(self, connection: AsyncConnection, limit: int) -> None:
        """Forget all but the newest ``limit`` revisions."""
        newest = await self.revision(connection)
        column = self._changes.c.revision
        await connection.execute(delete(self._changes).where(column <= newest - limit))

    async def _behind(
        self, connection: AsyncConnection, revision: int, limit: int
    ) -> tuple[int, list[Change]]:
        """Return the newest revision, and at most ``limit`` changes behind ``revision``."""
        followed = self._counter.outerjoin(self._changes, self._changes.c.revision > revision)
        statement = select(self._counter.c.revision.label("newest"), *self._columns)
        found = await connection.execute(
            statement.select_from(followed).order_by(*self._order).limit(limit)
        )
        rows = found.all()
        return int(rows[0][0]), [_change(row[1:]) for row in rows if row[1] is not None]

    async def _of_one(self, connection: AsyncConnection, revision: int) -> list[Change]:
        """Return the changes of one revision."""
        statement = select(*self._columns).where(self._changes.c.revision == revision)
        found = await connection.execute(statement.order_by(*self._order))
        return [_change(values) for values in found]


def _change(values: Sequence[Any]) -> Change:
    return Change(*values)
