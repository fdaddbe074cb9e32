"""What a person does to a datastore between starts: see its migrations, run them, empty it."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy.exc import DBAPIError, TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection

from colobus.errors import StoreUnusableError
from colobus.model.kind import Catalog
from colobus.store.database import Database
from colobus.store.migrate import REVISIONS, Schema, Told, nobody
from colobus.store.tables import declare

__all__ = ["Upkeep"]


class Upkeep:
    """One datastore, used by no store object at the same time.

    Args:
        database: where; closed by :meth:`close`.
        catalog: every kind of this node.
        folders: migrations besides the gateway's own.
    """

    def __init__(self, database: Database, catalog: Catalog, folders: Sequence[Path]) -> None:
        self._database = database
        self._schema = Schema(folders)
        self._metadata = declare(catalog).metadata

    async def executed(self) -> Mapping[str, Sequence[str]]:
        """Return module -> the migrations that ran, oldest first, in the order they run in.

        Raises:
            StoreUnusableError: the datastore is ahead of this version.
        """
        await self._database.prepare()
        async with self._translated(migrates=False) as connection:
            return self._schema.executed(await connection.run_sync(self._schema.recorded))

    async def migrate(self, told: Told = nobody) -> None:
        """Run what is missing, all of it or nothing.

        Args:
            told: called for each module that is behind, and for each migration that ran.

        Raises:
            StoreUnusableError: the datastore is ahead of this version.
            PluginError: the migrations of a plugin cannot be run.
        """
        await self._database.prepare()
        async with self._translated(migrates=True) as connection:
            await connection.run_sync(self._schema.upgrade, told)

    async def reset(self) -> None:
        """Drop every table with all that is in it.

        Raises:
            StoreUnusableError: there are tables of a plugin that is not enabled.
        """
        await self._database.prepare()
        async with self._translated(migrates=True) as connection:
            recorded = await connection.run_sync(self._schema.recorded)
            unknown = sorted(set(recorded) - {module.name for module in self._schema.modules})
            if unknown:
                raise StoreUnusableError(
                    f"tables of '{unknown[0]}' are there, and what they are called is only known"
                    " with that plugin: enable it (custom_plugins), or drop the whole database"
                )
            await connection.run_sync(self._metadata.drop_all)
            await connection.run_sync(REVISIONS.drop, checkfirst=True)

    async def close(self) -> None:
        """Release every connection."""
        await self._database.close()

    @asynccontextmanager
    async def _translated(self, *, migrates: bool) -> AsyncIterator[AsyncConnection]:
        context = self._database.migrating() if migrates else self._database.reading()
        try:
            async with context as connection:
                yield connection
        except (DBAPIError, PoolTimeoutError) as exc:
            raise self._database.explain(exc) from exc
