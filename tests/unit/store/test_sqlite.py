"""SQLite's side of the seam: durability, locks, and errors that say what to do."""

import asyncio
import logging
import os
import sqlite3
import stat
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from colobus.clock import SystemClock
from colobus.errors import StoreError, StoreUnavailableError, StoreUnusableError
from colobus.model import CONSUMERS
from colobus.store.sql import SqlStore
from colobus.store.sqlite import PERMANENT, TEMPORARY, SqliteDatabase
from support.samples import BADGES, CATALOG, MIGRATIONS


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "colobus.db"


@pytest.fixture
async def database(path: Path) -> AsyncIterator[SqliteDatabase]:
    database = SqliteDatabase(path, busy_s=0.05)
    yield database
    await database.close()


@pytest.fixture
async def store(database: SqliteDatabase) -> SqlStore:
    store = SqlStore(database, CATALOG, SystemClock(), version_locations=[MIGRATIONS])
    await store.open()
    return store


@pytest.fixture
def other(path: Path) -> Iterator[sqlite3.Connection]:
    """Another process's connection, as far as locks are concerned."""
    with closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as connection:
        yield connection


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def size_of_log(path: Path) -> int:
    return Path(f"{path}-wal").stat().st_size


def set_mode(path: Path, mode: int) -> None:
    path.chmod(mode)


async def test_every_connection_flushes_each_commit_and_checks_foreign_keys(
    database: SqliteDatabase,
) -> None:
    await database.prepare()
    for begin, foreign_keys in (
        (database.reading, 1), (database.writing, 1), (database.migrating, 0),
    ):  # fmt: skip
        async with begin() as connection:
            found = [
                (await connection.execute(text(f"PRAGMA {name}"))).scalar_one()
                for name in ("journal_mode", "synchronous", "foreign_keys")
            ]
        assert found == ["wal", 2, foreign_keys]


async def test_a_new_file_is_for_its_owner_only(database: SqliteDatabase, path: Path) -> None:
    before = os.umask(0)
    try:
        await database.prepare()
        async with database.writing() as connection:
            await connection.execute(text("CREATE TABLE t (x)"))
            for file in (path, Path(f"{path}-wal"), Path(f"{path}-shm")):
                assert mode(file) == 0o600
    finally:
        os.umask(before)


async def test_preparing_leaves_a_file_that_is_there_as_it_is(
    store: SqlStore, database: SqliteDatabase, path: Path
) -> None:
    set_mode(path, 0o640)
    await database.prepare()
    assert mode(path) == 0o640
    assert await store.revision() == 0


async def test_a_reader_is_not_held_up_by_a_writer_and_sees_what_was_before(
    store: SqlStore, other: sqlite3.Connection
) -> None:
    other.execute("BEGIN IMMEDIATE")
    other.execute("UPDATE datastore SET revision = 7")
    assert await store.revision() == 0
    other.execute("COMMIT")
    assert await store.revision() == 7


async def test_a_writer_that_waits_too_long_for_another_is_told_to_come_back(
    store: SqlStore, other: sqlite3.Connection, path: Path
) -> None:
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailableError) as refused:
        async with store.transaction("node"):
            pass
    assert str(refused.value) == f"{path}: another process holds the lock of the file"
    other.execute("ROLLBACK")
    async with store.transaction("node") as transaction:
        await transaction.insert(CONSUMERS, {"username": "bob"})
    assert await store.revision() == 1


async def test_a_writer_that_waits_too_long_for_its_own_node_is_told_so_too(
    store: SqlStore, path: Path
) -> None:
    async with store.transaction("node"):
        with pytest.raises(StoreUnavailableError) as refused:
            async with store.transaction("node"):
                pass
    assert str(refused.value) == f"{path}: other statements take too long"


async def test_the_lock_is_taken_before_anything_is_read(
    store: SqlStore, other: sqlite3.Connection
) -> None:
    async with store.transaction("node"):
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")


async def test_what_changes_nothing_is_not_written(store: SqlStore, path: Path) -> None:
    async with store.transaction("node") as transaction:
        bob = await transaction.insert(CONSUMERS, {"username": "bob"})
    before = size_of_log(path)
    async with store.transaction("node") as transaction:
        await transaction.update(CONSUMERS, bob)
    assert size_of_log(path) == before
    async with store.transaction("node") as transaction:
        await transaction.update(CONSUMERS, {**bob, "custom_id": "1"})
    assert size_of_log(path) > before


async def test_cancelling_a_write_at_any_moment_leaves_the_store_usable(store: SqlStore) -> None:
    async def write(number: int) -> None:
        async with store.transaction("node") as transaction:
            await transaction.insert(CONSUMERS, {"username": f"user-{number}"})

    for turns in range(100):  # of the event loop; a write takes about eighty
        async with asyncio.TaskGroup() as group:
            writing = group.create_task(write(turns))
            for _ in range(turns):
                await asyncio.sleep(0)
            writing.cancel()
    await write(1_000)
    revision = await store.revision()
    assert revision == await store.count(CONSUMERS)
    changes = (await store.changes_since(0, limit=1_000)).changes
    assert [change.revision for change in changes] == list(range(1, revision + 1))


def not_a_database(path: Path) -> None:
    path.write_text("# configuration of something else\n" * 100)


def damaged(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            "PRAGMA journal_mode=WAL;"
            "CREATE TABLE schema_revisions (module TEXT, revision TEXT);"
            "CREATE TABLE filler (x TEXT);"
        )
        connection.executemany("INSERT INTO filler VALUES (?)", [("x" * 3000,)] * 50)
        connection.commit()
    data = bytearray(path.read_bytes())
    data[4096 * 1 : 4096 * 3] = b"\xff" * 4096 * 2
    path.write_bytes(data)


def of_another_program(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE consumers (name TEXT)")


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (not_a_database, "is not a SQLite database: move it away, or name another file"),
        (damaged, "is damaged: restore it from a backup"),
        (Path.mkdir, "cannot be opened: check that it is a file"),
        (of_another_program, "its tables are not those that this version made"),
    ],
)
async def test_a_file_that_cannot_be_used_says_what_to_do(
    spoil: object, expected: str, path: Path
) -> None:
    assert callable(spoil)
    spoil(path)
    store = SqlStore(SqliteDatabase(path), CATALOG, SystemClock(), version_locations=[MIGRATIONS])
    with pytest.raises(StoreUnusableError) as refused:
        await store.open()
    await store.close()
    assert str(path) in str(refused.value)
    assert expected in str(refused.value)


async def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "colobus.db"
    database = SqliteDatabase(path)
    with pytest.raises(StoreUnusableError) as refused:
        await database.prepare()
    assert str(refused.value) == (
        f"{path} cannot be made: No such file or directory; it needs an existing folder that the"
        " user who runs this node may write to"
    )


def driver_error(code: int) -> DBAPIError:
    original = sqlite3.OperationalError("values of a row: sesame")
    original.sqlite_errorcode = code
    return DBAPIError("INSERT … sesame", {"key": "sesame"}, original)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        *((code, StoreUnavailableError) for code in TEMPORARY),
        *((code, StoreUnusableError) for code in PERMANENT),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, StoreUnavailableError),  # extended codes are their primary
        (sqlite3.SQLITE_IOERR_FSYNC, StoreUnavailableError),
        (sqlite3.SQLITE_READONLY_DBMOVED, StoreUnusableError),
        (sqlite3.SQLITE_CORRUPT_INDEX, StoreUnusableError),
    ],
)
async def test_an_error_is_told_by_its_code_and_shows_no_value(
    database: SqliteDatabase, path: Path, code: int, kind: type[StoreError]
) -> None:
    error = database.explain(driver_error(code))
    assert type(error) is kind
    assert str(error).startswith(str(path))
    assert "sesame" not in str(error)


async def test_a_constraint_is_a_backstop_that_names_the_column_and_no_value(
    store: SqlStore, database: SqliteDatabase
) -> None:
    statement = text("INSERT INTO consumers (id, username) VALUES (:id, :name)")
    async with database.writing() as connection:
        await connection.execute(statement, {"id": "a" * 32, "name": "sesame"})
    with pytest.raises(DBAPIError) as refused:
        async with database.writing() as connection:
            await connection.execute(statement, {"id": "b" * 32, "name": "sesame"})
    assert "sesame" not in str(refused.value)  # which a traceback in the log would show
    error = database.explain(refused.value)
    assert type(error) is StoreError
    assert "UNIQUE constraint failed: consumers.username" in str(error)
    assert "sesame" not in str(error)


async def test_nothing_that_is_stored_is_logged(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    store = SqlStore(SqliteDatabase(path), CATALOG, SystemClock(), version_locations=[MIGRATIONS])
    await store.open()
    async with store.transaction("node") as transaction:
        bob = await transaction.insert(CONSUMERS, {"username": "bob"})
        await transaction.insert(BADGES, {"secret": "sesame", "consumer_id": bob["id"]})
    await store.select(BADGES, {"secret": "sesame"}, limit=1)
    await store.close()
    assert "migrating core" in caplog.text
    assert "sesame" not in caplog.text


async def test_commits_of_others_are_noticed_without_a_query(
    database: SqliteDatabase, store: SqlStore, other: sqlite3.Connection
) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()
    begun = asyncio.Event()
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        listening = group.create_task(database.listen(heard.put_nowait, begun.set))
        await begun.wait()
        assert database.is_telling
        other.execute("CREATE TABLE unrelated (field)")  # a commit without a revision
        other.execute("UPDATE datastore SET revision = 7")
        assert await heard.get() == f"{store.datastore_id}:7"
        assert heard.empty()
        listening.cancel()
    assert not database.is_telling


@pytest.fixture
def no_database(path: Path) -> Path:
    path.write_bytes(b"no database" * 1000)
    return path


async def test_a_file_that_cannot_be_read_is_not_watched(
    no_database: Path, caplog: pytest.LogCaptureFixture
) -> None:
    database = SqliteDatabase(no_database)
    await database.listen(lambda _: None, lambda: None)
    assert not database.is_telling
    assert "is not watched any more, but polled" in caplog.text
    await database.close()
