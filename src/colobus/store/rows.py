"""Rows in SQL: statements over the tables of entities, and what comes back as rows.

Portable SQL only, on a connection that someone else began a transaction on.
"""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, and_, bindparam, false, func, or_, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from colobus.model.kind import Kind
from colobus.model.schema import Row
from colobus.store.tables import EXPIRES_AT
from colobus.store.values import criteria
from colobus.store.writer import Stored

__all__ = ["EntityTable", "SqlRows", "chunks"]

CHUNK = 500
"""Values in one ``IN``; the databases allow 32 766 variables and more, their planners like fewer."""

LOAD_ROWS = 500
"""Rows taken over at once when a table is read whole, so that the event loop breathes between."""


def chunks(values: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield ``values`` in pieces that fit one statement."""
    for start in range(0, len(values), CHUNK):
        yield values[start : start + CHUNK]


class EntityTable:
    """The table of one kind: conditions on it, and rows out of it."""

    def __init__(self, kind: Kind, table: Table) -> None:
        self.kind = kind
        self.table = table
        self.key = table.c[kind.key]
        self._names = tuple(kind.model.model_fields)
        self._columns = [table.c[name] for name in self._names]
        if kind.expires:
            self._columns.append(table.c[EXPIRES_AT])

    def select(self, *conditions: ColumnElement[bool]) -> Select[Any]:
        """Return a query for rows, in the columns that :meth:`stored` takes."""
        return select(*self._columns).where(*conditions)

    def matching(self, where: Mapping[str, Any]) -> ColumnElement[bool]:
        """Return the condition that the fields equal ``where``; None means an absent field."""
        wanted = criteria(self.kind, where)
        if wanted is None:
            return false()
        return and_(true(), *(self._equals(name, value) for name, value in wanted.items()))

    def among(self, field: str, values: Sequence[str]) -> ColumnElement[bool]:
        """Return the condition that ``field`` is one of ``values``."""
        return self.table.c[field].in_(values)

    def seen(self, now_ms: int) -> ColumnElement[bool]:
        """Return the condition that the row has not expired."""
        if not self.kind.expires:
            return true()
        expires_at = self.table.c[EXPIRES_AT]
        return or_(expires_at.is_(None), expires_at > now_ms)

    def expired(self, now_ms: int) -> ColumnElement[bool]:
        """Return the condition that the row has expired."""
        return self.table.c[EXPIRES_AT] <= now_ms if self.kind.expires else false()

    def row(self, values: Sequence[Any]) -> Row:
        """Return the row that a query of :meth:`select` gave."""
        return {
            name: value
            for name, value in zip(self._names, values, strict=False)
            if value is not None
        }

    def stored(self, values: Sequence[Any]) -> Stored:
        """Return the row with its expiry."""
        return Stored(self.row(values), values[-1] if self.kind.expires else None)

    def values(self, stored: Stored) -> dict[str, Any]:
        """Return every column of a row to be written."""
        values: dict[str, Any] = {name: stored.row.get(name) for name in self._names}
        if self.kind.expires:
            values[EXPIRES_AT] = stored.expires_at_ms
        return values

    async def load(self, connection: AsyncConnection, now_ms: int) -> AsyncIterator[Sequence[Row]]:
        """Yield every row, in pieces."""
        result = await connection.stream(self.select(self.seen(now_ms)))
        async for part in result.partitions(LOAD_ROWS):
            yield [self.row(values) for values in part]

    async def count(self, connection: AsyncConnection, *conditions: ColumnElement[bool]) -> int:
        """Return the number of rows."""
        statement = select(func.count()).select_from(self.table).where(*conditions)
        found = await connection.execute(statement)
        return int(found.scalar_one())

    def _equals(self, name: str, value: object) -> ColumnElement[bool]:
        column = self.table.c[name]
        if value is None:
            return column.is_(None)
        return column == bindparam(None, value, type_=column.type, unique=True)


class SqlRows:
    """Implements :class:`colobus.store.writer.Rows` within the transaction of ``connection``."""

    def __init__(self, connection: AsyncConnection, entities: Mapping[str, EntityTable]) -> None:
        self._connection = connection
        self._entities = entities

    async def find(self, kind: Kind, where: Mapping[str, Any]) -> Sequence[Stored]:
        """Return the rows whose fields equal ``where``."""
        entity = self._entities[kind.name]
        return await self._stored(entity, entity.select(entity.matching(where)))

    async def belonging(self, kind: Kind, field: str, parents: Sequence[str]) -> Sequence[Stored]:
        """Return the rows whose ``field`` is one of ``parents``."""
        entity = self._entities[kind.name]
        found: list[Stored] = []
        for chunk in chunks(parents):
            found += await self._stored(entity, entity.select(entity.among(field, chunk)))
        return found

    async def expired(self, kind: Kind, now_ms: int, limit: int) -> Sequence[Stored]:
        """Return at most ``limit`` rows whose expiry has passed."""
        entity = self._entities[kind.name]
        return await self._stored(entity, entity.select(entity.expired(now_ms)).limit(limit))

    async def add(self, kind: Kind, stored: Stored) -> None:
        """Add a row."""
        entity = self._entities[kind.name]
        await self._connection.execute(entity.table.insert().values(entity.values(stored)))

    async def replace(self, kind: Kind, stored: Stored) -> None:
        """Replace the row of the same key."""
        entity = self._entities[kind.name]
        statement = entity.table.update().where(entity.matching({kind.key: stored.row[kind.key]}))
        await self._connection.execute(statement.values(entity.values(stored)))

    async def remove(self, kind: Kind, keys: Sequence[str]) -> None:
        """Remove the rows of these keys."""
        entity = self._entities[kind.name]
        for chunk in chunks(keys):
            await self._connection.execute(
                entity.table.delete().where(entity.among(kind.key, chunk))
            )

    async def _stored(self, entity: EntityTable, statement: Select[Any]) -> list[Stored]:
        found = await self._connection.execute(statement)
        return [entity.stored(values) for values in found]
