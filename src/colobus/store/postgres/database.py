"""PostgreSQL: a server that nodes on many machines share.

A write locks the counter's row before it reads anything, in READ COMMITTED, so that each of its
statements sees what was committed before it had the lock. A read is REPEATABLE READ and READ ONLY:
rows and revision are of one snapshot. Only portable SQL is used, apart from the lock of migrations
and the notifications, which are hints and may fail.

Statements, connections and waits have bounds; a connection that was lost, or whose server has
become read-only, is replaced by one to the server that can be written to. What was under way fails
as unavailable: whether a lost commit happened is for the caller to look up.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from random import Random
from typing import Any

from sqlalchemy import ExceptionContext, event, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, InvalidatePoolError, TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import (
    AsyncAdaptedQueuePool,
    ConnectionPoolEntry,
    NullPool,
    PoolProxiedConnection,
)

from colobus.errors import StoreError, StoreUnavailableError, StoreUnusableError
from colobus.store.postgres.connector import Connector, Target
from colobus.store.postgres.errors import (
    DRIVER_ERRORS,
    connect_failure,
    is_read_only,
    meaning,
)
from colobus.store.postgres.listener import CHANNEL, Listener

__all__ = ["PostgresDatabase"]

READERS = 4
"""Connections that read at once, unless told otherwise; more questions wait for one of them."""

MIGRATION_S = 60.0
"""How long a node waits for others that are migrating the same database, and a migration may take."""

MIGRATION_LOCK = 0x636F6C6F627573
"""Of the advisory lock that migrations take: "colobus" in ASCII."""


class PostgresDatabase:
    """Implements :class:`colobus.store.database.Database` on a PostgreSQL server.

    Args:
        target: where.
        rng: for the pauses between attempts to listen again.
        readers: connections that read at once. Two more write and listen.
        uses_notifications: whether commits are told by ``NOTIFY`` and listened to.
    """

    def __init__(
        self,
        target: Target,
        rng: Random,
        *,
        readers: int = READERS,
        uses_notifications: bool = True,
    ) -> None:
        self._target = target
        connector = Connector(target)
        readers_engine = self._pool(connector, readers)
        self._reader = readers_engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        self._single_reader = readers_engine.execution_options(isolation_level="AUTOCOMMIT")
        # One at a time: they would only wait for each other, each with a connection.
        writer_engine = self._pool(connector, 1)
        self._writer = writer_engine.execution_options(isolation_level="READ COMMITTED")
        self._single_writer = writer_engine.execution_options(isolation_level="AUTOCOMMIT")
        self._listener = Listener(connector, self._notify, rng) if uses_notifications else None

    @property
    def is_telling(self) -> bool:
        """Whether what is told after this moment is heard by :meth:`listen`."""
        return self._listener is not None and self._listener.is_listening

    async def prepare(self) -> None:
        """Check that the server answers, and that its database holds any text."""
        async with self.reading(single=True) as connection:
            encoding = (await connection.execute(text("SHOW server_encoding"))).scalar_one()
        if encoding != "UTF8":
            raise StoreUnusableError(
                f"{self._target} has the encoding {encoding}, which cannot hold any text: create it"
                " with ENCODING 'UTF8'"
            )

    @asynccontextmanager
    async def reading(self, *, single: bool = False) -> AsyncIterator[AsyncConnection]:
        """Begin a read-only transaction on one snapshot, or none for a single statement."""
        engine = self._single_reader if single else self._reader
        async with self._begun(engine) as connection:
            yield connection

    @asynccontextmanager
    async def writing(self, *, single: bool = False) -> AsyncIterator[AsyncConnection]:
        """Begin a transaction whose statements see what is committed, each anew."""
        engine = self._single_writer if single else self._writer
        async with self._begun(engine) as connection:
            yield connection

    @asynccontextmanager
    async def migrating(self) -> AsyncIterator[AsyncConnection]:
        """Begin with the lock of migrations, which ends with the transaction or its connection."""
        engine = self._engine(
            Connector(self._target, statement_timeout_s=MIGRATION_S), poolclass=NullPool
        )
        try:
            async with self._begun(engine) as connection:
                await connection.execute(
                    text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK}
                )
                yield connection
        finally:
            await engine.dispose()

    async def tell(self, connection: AsyncConnection, message: str) -> None:
        """Tell everyone who listens once the transaction commits; where it cannot, do nothing."""
        if self._listener is not None and self._listener.is_heard:
            await connection.execute(
                text("SELECT pg_notify(:channel, :message)"),
                {"channel": CHANNEL, "message": message},
            )

    async def listen(self, heard: Callable[[str], None], connected: Callable[[], None]) -> None:
        """Listen until cancelled; return where there is nothing to hear."""
        if self._listener is not None:
            await self._listener.run(heard, connected)

    def explain(self, error: DBAPIError | PoolTimeoutError) -> StoreError:
        """Return what the error means, by its SQLSTATE."""
        if isinstance(error, PoolTimeoutError):
            return StoreUnavailableError(f"{self._target}: other statements take too long")
        cause = getattr(error.orig, "__cause__", None)
        return meaning(
            str(self._target),
            getattr(error.orig, "sqlstate", None),
            getattr(cause, "constraint_name", None),
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._reader.dispose()
        await self._writer.dispose()

    async def _notify(self, message: str) -> None:
        """Notify outside of a transaction, from another session than the one that listens."""
        try:
            async with self.reading(single=True) as connection:
                await connection.execute(
                    text("SELECT pg_notify(:channel, :message)"),
                    {"channel": CHANNEL, "message": message},
                )
        except (DBAPIError, PoolTimeoutError) as exc:
            raise self.explain(exc) from exc

    @asynccontextmanager
    async def _begun(self, engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
        """Begin; what the driver raises while it sets a connection up comes as our errors."""
        async with AsyncExitStack() as stack:
            try:
                connection = await stack.enter_async_context(engine.begin())
            except DRIVER_ERRORS as exc:
                raise connect_failure(str(self._target), exc) from exc
            yield connection

    def _pool(self, connector: Connector, size: int) -> AsyncEngine:
        return self._engine(
            connector, poolclass=AsyncAdaptedQueuePool, pool_size=size, max_overflow=0,
            pool_timeout=self._target.statement_timeout_s,
        )  # fmt: skip

    def _engine(self, connector: Connector, **pool: object) -> AsyncEngine:
        engine = create_async_engine(
            "postgresql+asyncpg://", async_creator=connector.connect, hide_parameters=True, **pool
        )
        event.listen(engine.sync_engine, "checkout", _check_out)
        event.listen(engine.sync_engine, "handle_error", self._take_error)
        return engine

    def _take_error(self, context: ExceptionContext) -> None:
        """Give up connections that lead nowhere, and what must not be logged."""
        error = context.original_exception
        if isinstance(error, OSError):  # time-outs are, too; the driver does not translate them
            context.is_disconnect = True
            raise StoreUnavailableError(f"{self._target}: the server does not answer") from error
        if is_read_only(getattr(error, "sqlstate", None)):
            context.is_disconnect = True
        cause: Any = error.__cause__
        if getattr(cause, "detail", None) is not None:
            cause.detail = None  # it quotes values


def _check_out(
    connection: DBAPIConnection, _entry: ConnectionPoolEntry, _proxy: PoolProxiedConnection
) -> None:
    """Replace every connection once one is found closed: the server went away."""
    driver: Any = connection.driver_connection
    if driver.is_closed():
        raise InvalidatePoolError("the server closed the connection")
