"""The store over SQL, on any database that :mod:`colobus.store.database` describes.

It puts the parts together: rules of writing (:mod:`colobus.store.writer`), rows
(:mod:`colobus.store.rows`), the log (:mod:`colobus.store.changelog`), the schema
(:mod:`colobus.store.migrate`). SQL is portable; what a database needs of its own is its module's.
"""

import secrets
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import insert, literal, select, union_all
from sqlalchemy.exc import DBAPIError, TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection

from colobus.clock import Clock
from colobus.errors import StoreUnavailableError
from colobus.model.change import Snapshot
from colobus.model.kind import Catalog, Kind
from colobus.model.schema import Row
from colobus.store.changelog import ChangeLog
from colobus.store.database import Database
from colobus.store.interface import ChangeBatch, LookupAnswer, LookupKey, Page, Transaction
from colobus.store.log import LOG_LIMIT, message_of, revision_of
from colobus.store.migrate import Schema
from colobus.store.paging import decode_offset, encode_offset
from colobus.store.rows import EntityTable, SqlRows, chunks
from colobus.store.tables import declare
from colobus.store.values import column_types, is_exact
from colobus.store.writer import Stored, Writer

__all__ = ["SqlStore"]

SALT_BYTES = 16

PAGE_ROWS = 2**31 - 2
"""More rows than that are not asked for; no list is that long, but a number in a URL may be."""

SWEEP_ROWS = 500
"""Expired rows deleted in one transaction, so that a sweep holds no writer up for long."""


class SqlStore:
    """Implements :class:`colobus.store.interface.Store`.

    Args:
        database: where; the store closes it.
        catalog: every kind of this node.
        clock: time, for ``created_at`` and expiries.
        version_locations: folders of migrations besides the gateway's own, one for each plugin
            that brings tables.
        log_limit: how many revisions :meth:`expire` leaves in the log.
    """

    def __init__(
        self,
        database: Database,
        catalog: Catalog,
        clock: Clock,
        *,
        version_locations: Sequence[Path] = (),
        log_limit: int = LOG_LIMIT,
    ) -> None:
        self._database = database
        self._catalog = catalog
        self._clock = clock
        self._log_limit = log_limit
        self._schema = Schema(version_locations)
        self._tables = declare(catalog)
        self._entities = {
            name: EntityTable(catalog[name], table) for name, table in self._tables.entities.items()
        }
        self._log = ChangeLog(self._tables)
        self._identity: tuple[str, bytes] | None = None

    @property
    def salt(self) -> bytes:
        """The datastore's salt for tokens of secrets."""
        return self._opened()[1]

    @property
    def datastore_id(self) -> str:
        """The UUID made when the datastore was created."""
        return self._opened()[0]

    async def open(self) -> None:
        """Connect, migrate under a lock if need be, read id and salt.

        Raises:
            StoreUnusableError: corrupt, or of a newer schema than this version knows.
            PluginError: the migrations of a plugin are missing or cannot be run.
        """
        await self._database.prepare()
        async with self._reading() as connection:
            if self._schema.is_current(await connection.run_sync(self._schema.recorded)):
                self._identity = await self._read_identity(connection)
        if self._identity is None:
            async with self._translated(self._database.migrating()) as connection:
                await connection.run_sync(self._schema.upgrade)
                self._identity = await self._make_identity(connection)
        async with self._reading() as connection:
            await connection.run_sync(self._schema.check_tables, self._entities)

    async def close(self) -> None:
        """Release every connection."""
        await self._database.close()

    async def revision(self) -> int:
        """Return the newest revision; 0 when nothing was ever written."""
        async with self._reading(single=True) as connection:
            return await self._log.revision(connection)

    async def get(self, kind: Kind, key: str) -> Row | None:
        """Return the row with this primary key."""
        rows = await self.select(kind, {kind.key: key}, limit=1)
        return rows[0] if rows else None

    async def select(self, kind: Kind, where: Mapping[str, Any], *, limit: int) -> Sequence[Row]:
        """Return at most ``limit`` rows whose fields equal ``where``."""
        entity = self._entities[kind.name]
        statement = entity.select(entity.matching(where), entity.seen(self._now_ms())).limit(limit)
        async with self._reading(single=True) as connection:
            return [entity.row(values) for values in await connection.execute(statement)]

    async def page(
        self, kind: Kind, where: Mapping[str, Any], *, size: int, offset: str | None
    ) -> Page:
        """Return a page, in the order of the primary key, found by it at any depth."""
        entity = self._entities[kind.name]
        conditions = (entity.matching(where), entity.seen(self._now_ms()))
        statement = entity.select(*conditions).order_by(entity.key)
        after = decode_offset(kind, offset)
        if after is not None:
            statement = statement.where(entity.key > after)
        size = min(size, PAGE_ROWS)
        async with self._reading() as connection:
            total = await entity.count(connection, *conditions)
            found = await connection.execute(statement.limit(size + 1))
            rows = [entity.row(values) for values in found]
        token = encode_offset(kind, rows[size - 1][kind.key]) if len(rows) > size else None
        return Page(rows[:size], total, token)

    async def count(self, kind: Kind) -> int:
        """Return the number of rows."""
        entity = self._entities[kind.name]
        async with self._reading(single=True) as connection:
            return await entity.count(connection, entity.seen(self._now_ms()))

    async def look_up(self, keys: Sequence[LookupKey]) -> LookupAnswer:
        """Answer many questions in one snapshot, with one query for each field asked by."""
        asked: dict[tuple[str, str], set[str]] = defaultdict(set)
        for key in keys:
            if is_exact(column_types(self._catalog[key.kind])[key.field], key.value):
                asked[key.kind, key.field].add(key.value)
        found: dict[LookupKey, list[Row]] = defaultdict(list)
        async with self._reading() as connection:
            revision = await self._log.revision(connection)
            for (kind, field), values in asked.items():
                for row in await self._among(connection, self._entities[kind], field, values):
                    found[LookupKey(kind, field, str(row[field]))].append(row)
        return LookupAnswer(revision, [found.get(key, []) for key in keys])

    async def load(self, kinds: Sequence[Kind]) -> Snapshot:
        """Return every row of ``kinds`` in one snapshot."""
        loaded: dict[str, Sequence[Row]] = {}
        now_ms = self._now_ms()
        async with self._reading() as connection:
            revision = await self._log.revision(connection)
            for kind in kinds:
                parts = self._entities[kind.name].load(connection, now_ms)
                loaded[kind.name] = [row async for part in parts for row in part]
        return Snapshot(revision, loaded)

    async def changes_since(self, revision: int, *, limit: int) -> ChangeBatch:
        """Return the changes behind ``revision``, about ``limit`` of them at most."""
        async with self._reading(single=True) as connection:
            return await self._log.since(connection, revision, limit)

    @property
    def is_telling(self) -> bool:
        """Whether commits of every node are told to :meth:`listen` now."""
        return self._database.is_telling

    async def listen(self, heard: Callable[[int], None], look: Callable[[], None]) -> None:
        """Tell ``heard`` of committed revisions, and ``look`` when some may have been missed."""

        def take(message: str) -> None:
            revision = revision_of(self.datastore_id, message)
            if revision is not None:
                heard(revision)

        await self._database.listen(take, look)

    def transaction(self, origin: str) -> AbstractAsyncContextManager[Transaction]:
        """Open a transaction on behalf of the node ``origin``; it has the lock of all writers."""
        return self._transaction(origin)

    async def register(self, kind: Kind, row: Row, *, ttl_s: float) -> None:
        """Insert or replace a row of a kind that is not logged, seen for ``ttl_s`` seconds.

        A row that is there is renewed by one statement, which waits for no writer.
        """
        if not await self._renew(self._entities[kind.name], row, ttl_s):
            async with self._transaction("") as writer:
                if await writer.update(kind, row, ttl_s=ttl_s) is None:
                    await writer.insert(kind, row, ttl_s=ttl_s)

    async def _renew(self, entity: EntityTable, row: Row, ttl_s: float) -> bool:
        """Rewrite a row for which no rule has to be checked; say whether it was there."""
        kind = entity.kind
        if kind.unique or kind.parents:
            return False
        stored = Stored(row, self._now_ms() + int(ttl_s * 1000))
        statement = entity.table.update().where(entity.matching({kind.key: row[kind.key]}))
        async with self._writing(single=True) as connection:
            found = await connection.execute(statement.values(entity.values(stored)))
            return found.rowcount > 0

    async def unregister(self, kind: Kind, key: str) -> None:
        """Delete a row of a kind that is not logged; nothing happens when there is none."""
        async with self._transaction("") as writer:
            await writer.delete(kind, key)

    async def expire(self, origin: str) -> int:
        """Delete expired rows with their changes, and cut the log to its limit.

        Nodes do this side by side; whoever finds nothing to do takes no lock.
        """
        swept = 0
        for name in await self._to_tidy():
            if name == self._tables.changes.name:
                async with self._writing() as connection:
                    await self._log.cut(connection, self._log_limit)
            else:
                swept += await self._sweep(self._catalog[name], origin)
        return swept

    async def _to_tidy(self) -> Sequence[str]:
        """Return the tables with something to delete, by one query."""
        now_ms = self._now_ms()
        queries = [
            select(literal(name)).where(select(entity.key).where(entity.expired(now_ms)).exists())
            for name, entity in self._entities.items()
            if entity.kind.expires
        ]
        log = self._log.is_longer(self._log_limit)
        queries.append(select(literal(self._tables.changes.name)).where(log))
        async with self._reading(single=True) as connection:
            return list((await connection.execute(union_all(*queries))).scalars())

    async def _sweep(self, kind: Kind, origin: str) -> int:
        """Delete what has expired, some rows in each transaction."""
        swept = 0
        while True:
            async with self._transaction(origin) as writer:
                found = await writer.sweep(kind, SWEEP_ROWS)
            swept += found
            if found < SWEEP_ROWS:
                return swept

    async def _among(
        self, connection: AsyncConnection, entity: EntityTable, field: str, values: Iterable[str]
    ) -> list[Row]:
        rows: list[Row] = []
        seen = entity.seen(self._now_ms())
        for chunk in chunks(list(values)):
            found = await connection.execute(entity.select(entity.among(field, chunk), seen))
            rows += [entity.row(values) for values in found]
        return rows

    @asynccontextmanager
    async def _transaction(self, origin: str) -> AsyncIterator[Writer]:
        async with self._writing() as connection:
            revision = await self._log.lock(connection)
            writer = Writer(
                SqlRows(connection, self._entities), self._catalog, self._clock,
                salt=self.salt, revision=revision, origin=origin,
            )  # fmt: skip
            yield writer
            if writer.changes:
                await self._log.append(connection, writer.changes)
                message = message_of(self.datastore_id, writer.changes[0].revision)
                await self._database.tell(connection, message)
        writer.seal()

    def _reading(self, *, single: bool = False) -> AbstractAsyncContextManager[AsyncConnection]:
        return self._translated(self._database.reading(single=single))

    def _writing(self, *, single: bool = False) -> AbstractAsyncContextManager[AsyncConnection]:
        return self._translated(self._database.writing(single=single))

    @asynccontextmanager
    async def _translated(
        self, transaction: AbstractAsyncContextManager[AsyncConnection]
    ) -> AsyncIterator[AsyncConnection]:
        """Turn what the driver raises into this package's errors."""
        try:
            async with transaction as connection:
                yield connection
        except (DBAPIError, PoolTimeoutError) as exc:
            raise self._database.explain(exc) from exc

    async def _read_identity(self, connection: AsyncConnection) -> tuple[str, bytes] | None:
        columns = self._tables.datastore.c
        found = (await connection.execute(select(columns.id, columns.salt))).first()
        return (found.id, found.salt) if found is not None else None

    async def _make_identity(self, connection: AsyncConnection) -> tuple[str, bytes]:
        identity = await self._read_identity(connection)
        if identity is None:
            identity = (str(uuid4()), secrets.token_bytes(SALT_BYTES))
            datastore_id, salt = identity
            statement = insert(self._tables.datastore)
            await connection.execute(statement.values(id=datastore_id, salt=salt, revision=0))
        return identity

    def _opened(self) -> tuple[str, bytes]:
        if self._identity is None:
            raise StoreUnavailableError("the datastore is not open")
        return self._identity

    def _now_ms(self) -> int:
        return int(self._clock.time() * 1000)
