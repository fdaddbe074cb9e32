"""Looking after a schema; ``tests/integration/store`` runs the command on every database."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import inspect, text

from colobus.clock import SystemClock
from colobus.errors import StoreUnusableError
from colobus.model import CORE_KINDS, Catalog
from colobus.store.sql import SqlStore
from colobus.store.sqlite import SqliteDatabase
from colobus.store.upkeep import Upkeep
from support.samples import CATALOG, MIGRATIONS


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "colobus.db"


@pytest.fixture
async def upkeep(path: Path) -> AsyncIterator[Upkeep]:
    upkeep = Upkeep(SqliteDatabase(path), CATALOG, [MIGRATIONS])
    yield upkeep
    await upkeep.close()


async def test_what_runs_is_told_step_by_step(upkeep: Upkeep) -> None:
    told: list[tuple[str, str | None]] = []
    assert await upkeep.executed() == {}
    await upkeep.migrate(lambda module, revision: told.append((module, revision)))
    assert told == [
        ("core", None), ("core", "core_0001"),
        ("samples", None), ("samples", "samples_0001"), ("samples", "samples_0002"),
    ]  # fmt: skip
    assert await upkeep.executed() == {
        "core": ("core_0001",), "samples": ("samples_0001", "samples_0002")
    }  # fmt: skip
    await upkeep.migrate(lambda *_: pytest.fail("there is nothing to do"))


async def test_a_store_can_be_opened_on_a_schema_that_was_made_before(
    upkeep: Upkeep, path: Path
) -> None:
    await upkeep.migrate()
    store = SqlStore(SqliteDatabase(path), CATALOG, SystemClock(), version_locations=[MIGRATIONS])
    await store.open()
    assert len(store.salt) == 16
    assert await store.revision() == 0
    await store.close()


async def test_a_reset_leaves_no_table(upkeep: Upkeep, path: Path) -> None:
    await upkeep.migrate()
    await upkeep.reset()
    database = SqliteDatabase(path)
    async with database.reading() as connection:
        assert await connection.run_sync(lambda sync: inspect(sync).get_table_names()) == []
    await database.close()


async def test_tables_of_a_plugin_that_is_not_enabled_are_listed_and_stop_a_reset(
    upkeep: Upkeep, path: Path
) -> None:
    await upkeep.migrate()
    without = Upkeep(SqliteDatabase(path), Catalog(CORE_KINDS), [])
    assert await without.executed() == {"core": ("core_0001",), "samples": ("samples_0002",)}
    with pytest.raises(StoreUnusableError, match="tables of 'samples' are there"):
        await without.reset()
    assert len(await without.executed()) == 2
    await without.close()


async def test_a_schema_of_a_newer_version_is_not_touched(upkeep: Upkeep, path: Path) -> None:
    await upkeep.migrate()
    database = SqliteDatabase(path)
    async with database.writing() as connection:
        await connection.execute(
            text("UPDATE schema_revisions SET revision = 'core_0999' WHERE module = 'core'")
        )
    await database.close()
    with pytest.raises(StoreUnusableError, match="core_0999"):
        await upkeep.executed()
    with pytest.raises(StoreUnusableError, match="core_0999"):
        await upkeep.migrate()
