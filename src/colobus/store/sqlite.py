"""SQLite: one file that all nodes of a machine share.

A commit returns when the file is flushed (WAL with ``synchronous=FULL``): what was acknowledged
survives the power cut, not only the crash. Readers never wait for a writer and the other way
round. Writers wait for each other: ``BEGIN IMMEDIATE`` takes the one write lock of the file before
anything is read, and gives up after :data:`BUSY_S`. The file must be on a local disk, because
shared memory beside it is how the processes agree.
"""

import asyncio
import json
import logging
import os
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import URL, Connection, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool, ConnectionPoolEntry, NullPool

from colobus.errors import StoreError, StoreUnavailableError, StoreUnusableError
from colobus.store.log import message_of

__all__ = ["SqliteDatabase"]

BUSY_S = 5.0
"""How long a connection waits for the lock of another; a write takes milliseconds."""

MIGRATION_BUSY_S = 60.0
"""How long a node waits for others that are migrating the same file."""

READERS = 4
"""Connections (each is a thread) that read at once; more questions wait for one of them."""

WAL_RETRY_S = 0.02
"""Pause between attempts to switch a new file to WAL, which fails at once while it is read."""

WATCH_S = 0.25
"""Pause between two looks at whether anybody has committed."""

TEMPORARY = {
    sqlite3.SQLITE_BUSY: "another process holds the lock of the file",
    sqlite3.SQLITE_LOCKED: "another connection holds the lock of a table",
    sqlite3.SQLITE_PROTOCOL: "another process holds the lock of the file",
    sqlite3.SQLITE_IOERR: "the file cannot be read or written",
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_NOMEM: "there is not enough memory",
    sqlite3.SQLITE_INTERRUPT: "the statement was interrupted",
}
"""Primary result codes (sqlite.org/rescode.html) of what may succeed later."""

PERMANENT = {
    sqlite3.SQLITE_CANTOPEN: "cannot be opened: check that it is a file in an existing folder,"
    " both owned by the user that runs this node",
    sqlite3.SQLITE_PERM: "may not be accessed: it must belong to the user that runs this node",
    sqlite3.SQLITE_READONLY: "cannot be written: it and its folder must belong to the user that"
    " runs this node, on a disk that is not mounted read-only",
    sqlite3.SQLITE_NOTADB: "is not a SQLite database: move it away, or name another file",
    sqlite3.SQLITE_CORRUPT: "is damaged: restore it from a backup, or save what is readable with"
    " the command `sqlite3 FILE .recover`",
}
"""Primary result codes of what a person must mend, and how."""

logger = logging.getLogger(__name__)


class SqliteDatabase:
    """Implements :class:`colobus.store.database.Database` on one file.

    Args:
        path: the file; made, for its owner only, when it does not exist.
        busy_s: how long to wait for the lock of another connection or process.
    """

    def __init__(self, path: Path, *, busy_s: float = BUSY_S) -> None:
        self._path = path
        self._busy_s = busy_s
        self._is_watching = False
        # At its debug level this library would log statements with their values.
        logging.getLogger("aiosqlite").setLevel(logging.INFO)
        self._readers = self._pool("BEGIN", READERS)
        # One at a time: waiting for a connection is fair, waiting for SQLite's lock is not.
        self._writer = self._pool("BEGIN IMMEDIATE", 1)

    @property
    def is_telling(self) -> bool:
        """Whether :meth:`listen` watches the file."""
        return self._is_watching

    async def prepare(self) -> None:
        """Make the file if need be, and let it have a write-ahead log."""
        try:
            await asyncio.to_thread(self._prepare)
        except OSError as exc:
            raise StoreUnusableError(
                f"{self._path} cannot be made: {exc.strerror}; it needs an existing folder that the"
                " user who runs this node may write to"
            ) from exc
        except sqlite3.Error as exc:
            raise self._meaning(exc) from exc

    @asynccontextmanager
    async def reading(self, *, single: bool = False) -> AsyncIterator[AsyncConnection]:  # noqa: ARG002  (all the same here)
        """Begin a deferred transaction: its first statement takes the snapshot."""
        async with self._readers.begin() as connection:
            yield connection

    @asynccontextmanager
    async def writing(self, *, single: bool = False) -> AsyncIterator[AsyncConnection]:  # noqa: ARG002  (all the same here)
        """Begin with the write lock of the file."""
        async with self._writer.begin() as connection:
            yield connection

    @asynccontextmanager
    async def migrating(self) -> AsyncIterator[AsyncConnection]:
        """Begin with the write lock, on a connection of its own that checks no foreign keys.

        SQLite alters a column by copying the table and dropping the old one, which would
        otherwise delete the children of every row (sqlite.org/lang_altertable.html, section 7).
        """
        engine = self._engine(
            "BEGIN IMMEDIATE", MIGRATION_BUSY_S, foreign_keys=False, poolclass=NullPool
        )
        try:
            async with engine.begin() as connection:
                yield connection
        finally:
            await engine.dispose()

    async def tell(self, connection: AsyncConnection, message: str) -> None:
        """Do nothing: every commit changes the file's data version."""

    async def listen(self, heard: Callable[[str], None], connected: Callable[[], None]) -> None:
        """Tell of commits, until cancelled or the file cannot be read; the newest stands for all.

        ``PRAGMA data_version`` compares a number in shared memory: some microseconds, no thread and
        no query, where a poll through the pool costs more than a millisecond of CPU time.
        """
        try:
            with closing(sqlite3.connect(self._path, isolation_level=None, timeout=0)) as watcher:
                seen, told = _data_version(watcher), _newest(watcher)
                self._is_watching = True
                connected()
                while True:
                    await asyncio.sleep(WATCH_S)
                    version = _data_version(watcher)
                    if version == seen:
                        continue
                    newest = _newest(watcher)
                    if newest is not None:
                        seen = version
                        if newest != told:
                            heard(newest)
                        told = newest
        except sqlite3.Error as exc:
            logger.warning("%s is not watched any more, but polled: %s", self._path, exc)
        finally:
            self._is_watching = False

    def explain(self, error: DBAPIError | PoolTimeoutError) -> StoreError:
        """Return what the error means, by SQLite's result code."""
        if isinstance(error, DBAPIError) and isinstance(error.orig, sqlite3.Error):
            return self._meaning(error.orig)
        return StoreUnavailableError(f"{self._path}: other statements take too long")

    async def close(self) -> None:
        """Close the connections; the last process to do so folds the log into the file."""
        await self._readers.dispose()
        await self._writer.dispose()

    def _pool(self, begin: str, size: int) -> AsyncEngine:
        return self._engine(
            begin, self._busy_s, foreign_keys=True, poolclass=AsyncAdaptedQueuePool,
            pool_size=size, max_overflow=0, pool_timeout=self._busy_s,
        )  # fmt: skip

    def _engine(
        self, begin: str, busy_s: float, *, foreign_keys: bool, **pool: object
    ) -> AsyncEngine:
        engine = create_async_engine(
            URL.create("sqlite+aiosqlite", database=str(self._path)),
            # The driver begins no transaction by itself; _begin below does.
            connect_args={"isolation_level": None, "timeout": busy_s},
            hide_parameters=True,
            json_serializer=_canonical_json,
            **pool,
        )

        @event.listens_for(engine.sync_engine, "connect")
        def _connect(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
            cursor = connection.cursor()
            cursor.execute("PRAGMA synchronous=FULL")
            cursor.execute(f"PRAGMA foreign_keys={'ON' if foreign_keys else 'OFF'}")
            cursor.close()

        @event.listens_for(engine.sync_engine, "begin")
        def _begin(connection: Connection) -> None:
            connection.exec_driver_sql(begin)

        return engine

    def _prepare(self) -> None:
        # Never opened when it is there already: closing it would drop the locks that SQLite
        # holds for this process (sqlite.org/howtocorrupt.html, section 2.2).
        with suppress(FileExistsError):
            os.close(os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        with closing(sqlite3.connect(self._path, timeout=self._busy_s)) as connection:
            if self._with_log(connection) != "wal":
                raise StoreUnusableError(
                    f"{self._path} cannot have a write-ahead log: it must be on a local disk"
                )

    @staticmethod
    def _with_log(connection: sqlite3.Connection) -> str:
        """Switch to WAL, which the file remembers, and return the mode it then has."""
        for _ in range(int(MIGRATION_BUSY_S / WAL_RETRY_S)):
            try:
                (mode,) = connection.execute("PRAGMA journal_mode=WAL").fetchone()
            except sqlite3.OperationalError as exc:
                if exc.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                    raise
                time.sleep(WAL_RETRY_S)
            else:
                return str(mode)
        raise StoreUnavailableError("other processes keep the file busy")

    def _meaning(self, error: sqlite3.Error) -> StoreError:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if code in TEMPORARY:
            return StoreUnavailableError(f"{self._path}: {TEMPORARY[code]}")
        if code in PERMANENT:
            return StoreUnusableError(f"{self._path} {PERMANENT[code]}")
        # What SQLite itself says names tables and columns, never values.
        if code == sqlite3.SQLITE_CONSTRAINT:
            return StoreError(f"{self._path}: {error}")
        return StoreUnusableError(
            f"{self._path}: {error}; its tables are not those that this version made"
        )


def _data_version(watcher: sqlite3.Connection) -> int | None:
    """Return a number that commits of other connections change; None while the file is locked."""
    found = _one(watcher, "PRAGMA data_version")
    return None if found is None else int(found[0])


def _newest(watcher: sqlite3.Connection) -> str | None:
    """Return the message of the newest revision; None while the file is locked."""
    found = _one(watcher, "SELECT id, revision FROM datastore")
    return None if found is None else message_of(str(UUID(found[0])), found[1])


def _one(watcher: sqlite3.Connection, statement: str) -> tuple[Any, ...] | None:
    try:
        rows: list[tuple[Any, ...]] = watcher.execute(statement).fetchall()
    except sqlite3.OperationalError as exc:
        if exc.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
            raise
        return None
    return rows[0] if rows else None


def _canonical_json(value: object) -> str:
    """Write equal values as equal text, which is how SQLite compares them."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
