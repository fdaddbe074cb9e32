"""A datastore in memory: the shipped fake of :class:`colobus.store.interface.Store`."""

import asyncio
import copy
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any
from uuid import uuid4

from colobus.clock import Clock
from colobus.errors import StoreUnavailableError
from colobus.model.change import Change, Snapshot
from colobus.model.kind import Catalog, Kind
from colobus.model.schema import Row
from colobus.store.interface import ChangeBatch, LookupAnswer, LookupKey, Page, Transaction
from colobus.store.log import LOG_LIMIT, reaches_back, whole_transactions
from colobus.store.paging import decode_offset, encode_offset
from colobus.store.values import column_types, criteria, is_exact
from colobus.store.writer import Stored, Writer

__all__ = ["MemoryStore"]

Tables = dict[str, dict[str, Stored]]
"""Kind name -> primary key -> row."""


class MemoryStore:
    """Implements :class:`colobus.store.interface.Store` for tests; usable without ``open``.

    Setting :attr:`outage` to a text makes every method raise StoreUnavailableError with it, until
    it is None again.

    Args:
        catalog: every kind there is.
        clock: time, for ``created_at`` and expiries.
        log_limit: how many revisions :meth:`expire` leaves in the log.
    """

    def __init__(self, catalog: Catalog, clock: Clock, *, log_limit: int = LOG_LIMIT) -> None:
        self.outage: str | None = None
        self._catalog = catalog
        self._clock = clock
        self._log_limit = log_limit
        self._datastore_id = str(uuid4())
        self._salt = uuid4().bytes
        self._tables: Tables = {name: {} for name in catalog}
        self._revision = 0
        self._log: list[Change] = []
        self._writing = asyncio.Lock()
        self._listeners: list[Callable[[int], None]] = []

    @property
    def salt(self) -> bytes:
        """The salt for tokens of secrets."""
        return self._salt

    @property
    def datastore_id(self) -> str:
        """The UUID made with this object."""
        return self._datastore_id

    async def open(self) -> None:
        """Do nothing: there is nothing to connect to or to migrate."""
        self._reach()

    async def close(self) -> None:
        """Do nothing; the rows stay, as they do in a file."""

    async def revision(self) -> int:
        """Return the newest revision."""
        self._reach()
        return self._revision

    async def get(self, kind: Kind, key: str) -> Row | None:
        """Return the row with this primary key."""
        rows = self._seen(kind, {kind.key: key})
        return rows[0] if rows else None

    async def select(self, kind: Kind, where: Mapping[str, Any], *, limit: int) -> Sequence[Row]:
        """Return at most ``limit`` rows whose fields equal ``where``."""
        return self._seen(kind, where)[:limit]

    async def page(
        self, kind: Kind, where: Mapping[str, Any], *, size: int, offset: str | None
    ) -> Page:
        """Return a page, in the order of the primary key."""
        matching = sorted(self._seen(kind, where), key=lambda row: str(row[kind.key]))
        after = decode_offset(kind, offset)
        rest = [row for row in matching if after is None or row[kind.key] > after]
        rows = rest[:size]
        token = encode_offset(kind, rows[-1][kind.key]) if len(rest) > len(rows) else None
        return Page(rows, len(matching), token)

    async def count(self, kind: Kind) -> int:
        """Return the number of rows."""
        return len(self._seen(kind, {}))

    async def look_up(self, keys: Sequence[LookupKey]) -> LookupAnswer:
        """Answer many questions; values compare exactly, in any letter case of their own."""
        self._reach()
        return LookupAnswer(self._revision, [self._answer(key) for key in keys])

    async def load(self, kinds: Sequence[Kind]) -> Snapshot:
        """Return every row of ``kinds``."""
        self._reach()
        return Snapshot(self._revision, {kind.name: self._seen(kind, {}) for kind in kinds})

    async def changes_since(self, revision: int, *, limit: int) -> ChangeBatch:
        """Return the changes behind ``revision``."""
        self._reach()
        oldest = self._log[0].revision if self._log else None
        if not reaches_back(revision, self._revision, oldest):
            return ChangeBatch(self._revision, (), complete=False)
        behind = [change for change in self._log if change.revision > revision]
        changes = whole_transactions(behind[: limit + 1], limit)
        if behind and not changes:
            first = behind[0].revision
            changes = [change for change in behind if change.revision == first]
        return ChangeBatch(self._revision, copy.deepcopy(changes), complete=True)

    @property
    def is_telling(self) -> bool:
        """Whether somebody listens."""
        return bool(self._listeners)

    async def listen(self, heard: Callable[[int], None], look: Callable[[], None]) -> None:
        """Tell ``heard`` of every commit, until cancelled."""
        self._listeners.append(heard)
        look()
        try:
            await asyncio.Event().wait()
        finally:
            self._listeners.remove(heard)

    def transaction(self, origin: str) -> AbstractAsyncContextManager[Transaction]:
        """Open a transaction; one at a time, as on a datastore whose counter row is locked."""
        return self._transaction(origin)

    async def register(self, kind: Kind, row: Row, *, ttl_s: float) -> None:
        """Insert or replace a row of a kind that is not logged."""
        async with self._transaction("") as writer:
            if await writer.update(kind, row, ttl_s=ttl_s) is None:
                await writer.insert(kind, row, ttl_s=ttl_s)

    async def unregister(self, kind: Kind, key: str) -> None:
        """Delete a row of a kind that is not logged."""
        async with self._transaction("") as writer:
            await writer.delete(kind, key)

    async def expire(self, origin: str) -> int:
        """Delete expired rows with their changes, and cut the log to its limit."""
        swept = 0
        async with self._transaction(origin) as writer:
            for kind in self._catalog.values():
                if kind.expires:
                    swept += await writer.sweep(kind, limit=len(self._tables[kind.name]))
        oldest_kept = self._revision - self._log_limit
        self._log = [change for change in self._log if change.revision > oldest_kept]
        return swept

    def _reach(self) -> None:
        if self.outage is not None:
            raise StoreUnavailableError(self.outage)

    def _seen(self, kind: Kind, where: Mapping[str, Any]) -> list[Row]:
        self._reach()
        now_ms = int(self._clock.time() * 1000)
        found = matching(self._tables[kind.name], kind, where)
        return [copy.deepcopy(stored.row) for stored in found if stored.is_seen(now_ms)]

    def _answer(self, key: LookupKey) -> list[Row]:
        kind = self._catalog[key.kind]
        if not is_exact(column_types(kind)[key.field], key.value):
            return []
        return self._seen(kind, {key.field: key.value})

    @asynccontextmanager
    async def _transaction(self, origin: str) -> AsyncIterator[Writer]:
        self._reach()
        async with self._writing:
            rows = _StagedRows(self._tables)
            writer = Writer(
                rows, self._catalog, self._clock,
                salt=self._salt, revision=self._revision, origin=origin,
            )  # fmt: skip
            yield writer
            self._reach()
            writer.seal()
            self._tables = rows.tables
            self._revision = writer.revision
            self._log.extend(copy.deepcopy(writer.changes))
        if writer.changes:
            for heard in self._listeners:
                heard(writer.revision)


def matching(table: Mapping[str, Stored], kind: Kind, where: Mapping[str, Any]) -> list[Stored]:
    """Return the rows of ``table`` whose fields equal ``where``, as a database compares them."""
    wanted = criteria(kind, where)
    if wanted is None:
        return []
    if wanted.keys() == {kind.key}:
        stored = table.get(wanted[kind.key])
        return [stored] if stored is not None else []
    return [
        stored
        for stored in table.values()
        if all(_equal(stored.row.get(name), value) for name, value in wanted.items())
    ]


def _equal(found: object, wanted: object) -> bool:
    return found == wanted and isinstance(found, bool) == isinstance(wanted, bool)


class _StagedRows:
    """Implements :class:`colobus.store.writer.Rows` on copies, which replace the tables on commit."""

    def __init__(self, tables: Tables) -> None:
        self.tables: Tables = {name: dict(rows) for name, rows in tables.items()}

    async def find(self, kind: Kind, where: Mapping[str, Any]) -> Sequence[Stored]:
        """Return the rows whose fields equal ``where``."""
        return copy.deepcopy(matching(self.tables[kind.name], kind, where))

    async def belonging(self, kind: Kind, field: str, parents: Sequence[str]) -> Sequence[Stored]:
        """Return the rows whose ``field`` is one of ``parents``."""
        rows = self.tables[kind.name].values()
        return [stored for stored in rows if stored.row.get(field) in parents]

    async def expired(self, kind: Kind, now_ms: int, limit: int) -> Sequence[Stored]:
        """Return rows whose expiry has passed."""
        rows = self.tables[kind.name].values()
        return [stored for stored in rows if not stored.is_seen(now_ms)][:limit]

    async def add(self, kind: Kind, stored: Stored) -> None:
        """Add a row."""
        await self.replace(kind, stored)

    async def replace(self, kind: Kind, stored: Stored) -> None:
        """Replace the row of the same key."""
        self.tables[kind.name][stored.row[kind.key]] = copy.deepcopy(stored)

    async def remove(self, kind: Kind, keys: Sequence[str]) -> None:
        """Remove the rows of these keys."""
        for key in keys:
            del self.tables[kind.name][key]
