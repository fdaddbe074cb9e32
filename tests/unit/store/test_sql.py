"""What is particular to the store over SQL."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import event, text
from sqlalchemy.engine import Engine

from colobus.errors import PluginError, StoreUnavailableError, StoreUnusableError
from colobus.model import CONSUMERS, NODES
from colobus.store.interface import LookupKey
from colobus.store.sql import SqlStore
from colobus.store.sqlite import SqliteDatabase
from colobus.testing.clock import ManualClock
from support.samples import BADGES, CATALOG, MIGRATIONS


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    database = SqliteDatabase(tmp_path / "colobus.db")
    yield database
    await database.close()


@pytest.fixture
async def store(database: SqliteDatabase) -> SqlStore:
    store = new_store(database)
    await store.open()
    return store


def new_store(database: SqliteDatabase) -> SqlStore:
    return SqlStore(database, CATALOG, ManualClock(), version_locations=[MIGRATIONS])


async def test_identity_is_known_once_open_and_stays(database: SqliteDatabase) -> None:
    store = new_store(database)
    with pytest.raises(StoreUnavailableError, match="not open"):
        _ = store.salt
    await store.open()
    again = new_store(database)
    await again.open()
    assert (again.datastore_id, again.salt) == (store.datastore_id, store.salt)


async def test_two_new_datastores_have_nothing_in_common(tmp_path: Path) -> None:
    identities = []
    for name in "ab":
        store = new_store(SqliteDatabase(tmp_path / name))
        await store.open()
        identities.append((store.datastore_id, store.salt))
        await store.close()
    assert identities[0][0] != identities[1][0]
    assert identities[0][1] != identities[1][1]


async def test_a_datastore_that_is_ahead_is_refused(database: SqliteDatabase) -> None:
    await new_store(database).open()
    async with database.writing() as connection:
        await connection.execute(
            text("UPDATE schema_revisions SET revision = 'core_0999' WHERE module = 'core'")
        )
    with pytest.raises(StoreUnusableError, match="core_0999"):
        await new_store(database).open()


async def test_entities_whose_plugin_brings_no_migrations_are_named(
    database: SqliteDatabase,
) -> None:
    store = SqlStore(database, CATALOG, ManualClock())
    for _ in range(2):  # when the schema is made, and when it is there
        with pytest.raises(PluginError, match="entity 'badges' has no table: the plugin"):
            await store.open()


async def test_secrets_are_stored_as_they_are_and_logged_as_tokens(
    store: SqlStore, database: SqliteDatabase
) -> None:
    async with store.transaction("node") as transaction:
        bob = await transaction.insert(CONSUMERS, {"username": "bob"})
        await transaction.insert(BADGES, {"secret": "sesame", "consumer_id": bob["id"]})
    async with database.reading() as connection:
        changes = (await connection.execute(text("SELECT * FROM changes"))).all()
        assert "sesame" not in repr(changes)
        badges = (await connection.execute(text("SELECT secret FROM badges"))).all()
    assert badges == [("sesame",)]


async def test_a_row_added_by_hand_does_not_outlive_its_parent(
    store: SqlStore, database: SqliteDatabase
) -> None:
    async with store.transaction("node") as transaction:
        bob = await transaction.insert(CONSUMERS, {"username": "bob"})
        badge = await transaction.insert(BADGES, {"secret": "s", "consumer_id": bob["id"]})
    async with database.writing() as connection:
        await connection.execute(text("DELETE FROM consumers"))
    assert await store.get(BADGES, badge["id"]) is None


async def test_pages_at_any_depth_and_look_ups_use_an_index(
    store: SqlStore, database: SqliteDatabase
) -> None:
    statements: list[tuple[str, object]] = []

    def record(_c: object, _k: object, statement: str, parameters: object, *_: object) -> None:
        if statement.startswith("SELECT") and "count" not in statement:
            statements.append((statement, parameters))

    async with store.transaction("node") as transaction:
        for number in range(3):
            await transaction.insert(CONSUMERS, {"username": f"user-{number}"})
    first = await store.page(CONSUMERS, {}, size=1, offset=None)
    event.listen(Engine, "before_cursor_execute", record)
    try:
        await store.page(CONSUMERS, {}, size=1, offset=first.offset)
        await store.look_up(
            [
                LookupKey("consumers", "username", "user-1"),
                LookupKey("badges", "secret", "x"),
                LookupKey("badges", "consumer_id", first.rows[0]["id"]),
                LookupKey("consumers", "id", first.rows[0]["id"]),
            ]
        )
        await store.changes_since(1, limit=10)
        await store.expire("node")
    finally:
        event.remove(Engine, "before_cursor_execute", record)
    searched = [(sql, values) for sql, values in statements if "FROM datastore" not in sql]
    assert len(searched) >= 5
    async with database.reading() as connection:
        for sql, values in searched:
            plan = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)  # type: ignore[arg-type]  # as the driver got them
            steps = [row.detail for row in plan]
            scans = [step for step in steps if step.startswith("SCAN")]
            assert set(scans) <= {"SCAN CONSTANT ROW", "SCAN datastore"}, (sql, steps)
            assert any(step.startswith("SEARCH") for step in steps), (sql, steps)


async def test_looking_for_work_takes_no_lock(store: SqlStore, database: SqliteDatabase) -> None:
    await store.register(NODES, {"name": "a", "cluster_listening_address": "b"}, ttl_s=60)
    async with database.writing():
        assert await store.expire("node") == 0
