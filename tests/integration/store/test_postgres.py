"""PostgreSQL's side of the seam on a real server: snapshots, locks, bounds, failover, TLS."""

import asyncio
import logging
import shutil
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import text

from colobus.clock import SystemClock
from colobus.config.settings import Settings
from colobus.errors import StoreError, StoreUnavailableError, StoreUnusableError, UniqueError
from colobus.model import CONSUMERS
from colobus.node.datastore import postgres_tls
from colobus.store.postgres.connector import Connector, Target
from colobus.store.postgres.database import PostgresDatabase
from colobus.store.sql import SqlStore
from support.ports import free_port
from support.postgres import FAST, PostgresServer, binaries
from support.samples import BADGES, CATALOG, MIGRATIONS

pytestmark = pytest.mark.integration

SOON_S = 0.3


@pytest.fixture
def name(postgres: PostgresServer) -> str:
    return postgres.create()


@pytest.fixture
def own_server() -> Iterator[PostgresServer]:
    """A server of this test alone, to stop and to break."""
    if binaries() is None:
        pytest.skip("PostgreSQL is not installed")
    with PostgresServer() as server:
        yield server


@pytest.fixture
async def stores() -> AsyncIterator[list[SqlStore]]:
    """A list to put stores into that are to be closed."""
    opened: list[SqlStore] = []
    yield opened
    for store in opened:
        await store.close()


async def opened(stores: list[SqlStore], database: PostgresDatabase) -> SqlStore:
    store = SqlStore(database, CATALOG, SystemClock(), version_locations=[MIGRATIONS])
    stores.append(store)
    await store.open()
    return store


async def add(store: SqlStore, username: str) -> int:
    async with store.transaction("node") as transaction:
        await transaction.insert(CONSUMERS, {"username": username})
    return transaction.revision


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.005)


async def test_stores_that_open_together_on_an_empty_database_agree(
    postgres: PostgresServer, name: str, stores: list[SqlStore]
) -> None:
    together = await asyncio.gather(*(opened(stores, postgres.database(name)) for _ in range(6)))
    assert len({(store.datastore_id, store.salt) for store in together}) == 1


async def test_writers_of_several_nodes_share_one_sequence_without_gaps(
    postgres: PostgresServer, name: str, stores: list[SqlStore]
) -> None:
    nodes = [await opened(stores, postgres.database(name)) for _ in range(3)]

    async def write(node: SqlStore, label: str) -> list[int]:
        return [await add(node, f"{label}-{number}") for number in range(15)]

    each = await asyncio.gather(*(write(node, str(n)) for n, node in enumerate(nodes)))
    assert sorted(revision for revisions in each for revision in revisions) == list(range(1, 46))
    assert all(revisions == sorted(revisions) for revisions in each)
    batch = await nodes[0].changes_since(0, limit=1_000)
    assert [change.revision for change in batch.changes] == list(range(1, 46))


async def test_rows_and_revision_are_of_one_snapshot(
    postgres: PostgresServer, name: str, stores: list[SqlStore]
) -> None:
    """Each transaction adds one row and one revision: whoever reads both sees them agree."""
    writer, reader = [await opened(stores, postgres.database(name)) for _ in range(2)]
    async with asyncio.TaskGroup() as group:

        async def write() -> None:
            for number in range(60):
                await add(writer, f"user-{number}")

        writing = group.create_task(write())
        while not writing.done():
            snapshot = await reader.load([CONSUMERS])
            assert len(snapshot.rows[CONSUMERS.name]) == snapshot.revision


async def test_a_write_sees_what_was_committed_while_it_waited_for_the_lock(
    postgres: PostgresServer, name: str, stores: list[SqlStore]
) -> None:
    a, b = [await opened(stores, postgres.database(name)) for _ in range(2)]

    async def add_too() -> str:
        try:
            await add(b, "bob")
        except UniqueError as exc:
            return str(exc)
        return "written twice"

    async with asyncio.TaskGroup() as group, a.transaction("a") as transaction:
        await transaction.insert(CONSUMERS, {"username": "bob"})
        waiting = group.create_task(add_too())
        waits = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        await until(lambda: bool(postgres.fetch(waits, name)))
    assert await waiting == "username already exists with value 'bob'"
    assert await a.revision() == 1


async def test_a_write_that_waits_too_long_is_told_to_come_back(
    postgres: PostgresServer, name: str, stores: list[SqlStore]
) -> None:
    holder = await opened(stores, postgres.database(name))
    target = postgres.target(name, statement_timeout_s=SOON_S)
    hurried = await opened(stores, PostgresDatabase(target, Random(1)))
    async with holder.transaction("holder"):
        with pytest.raises(StoreUnavailableError, match=r"the statement took too long \(57014\)"):
            await add(hurried, "bob")
    assert await add(hurried, "bob") == 1


async def test_a_node_that_stops_amid_a_write_does_not_keep_the_lock(
    postgres: PostgresServer, name: str, stores: list[SqlStore]
) -> None:
    other = await opened(stores, postgres.database(name))
    target = postgres.target(name, statement_timeout_s=SOON_S)
    stopped = await opened(stores, PostgresDatabase(target, Random(1)))

    async def stop_amid_a_write() -> None:
        async with stopped.transaction("stopped") as transaction:
            await transaction.insert(CONSUMERS, {"username": "held"})
            assert await add(other, "bob") == 1  # waits until the server ends the other one

    with pytest.raises(StoreUnavailableError):
        await stop_amid_a_write()
    assert await other.count(CONSUMERS) == 1
    assert await add(stopped, "carol") == 2


async def test_closed_connections_are_replaced_before_anybody_notices(
    postgres: PostgresServer, name: str, stores: list[SqlStore]
) -> None:
    store = await opened(stores, postgres.database(name))
    await add(store, "bob")
    ended = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = '{}'"
    assert postgres.fetch(ended.format(name)) >= 2
    await asyncio.sleep(0)
    await until(
        lambda: (
            not postgres.fetch(f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}'")
        )
    )
    await asyncio.sleep(0.05)  # for our side of the sockets to be told
    assert await store.revision() == 1
    assert await add(store, "carol") == 2


async def test_a_server_that_becomes_read_only_is_left_for_the_writable_one(
    own_server: PostgresServer, stores: list[SqlStore]
) -> None:
    name = own_server.create()
    first = await opened(stores, own_server.database(name))
    await add(first, "bob")
    with PostgresServer(copy_of=own_server) as standby:
        hosts = [("127.0.0.1", own_server.port), ("127.0.0.1", standby.port)]
        target = replace(own_server.target(name), hosts=hosts)
        store = await opened(stores, PostgresDatabase(target, Random(1)))
        await add(store, "carol")
        await until(lambda: standby.fetch("SELECT revision FROM datastore", name) == 2)
        standby.promote()
        # As where an address moves, or a pooler turns: the sessions stay, writes are refused.
        own_server.execute("ALTER SYSTEM SET default_transaction_read_only = on")
        own_server.fetch("SELECT pg_reload_conf()")

        async def write_until_refused() -> None:
            for number in range(10_000):
                await add(store, f"lost-{number}")

        with pytest.raises(StoreUnavailableError, match="read-only"):
            await write_until_refused()
        revision = standby.fetch("SELECT revision FROM datastore", name)
        assert await add(store, "dave") == revision + 1
        assert standby.fetch("SELECT revision FROM datastore", name) == revision + 1


async def test_no_host_that_can_be_written_to_is_told_host_by_host(
    own_server: PostgresServer,
) -> None:
    closed = free_port()
    with PostgresServer(copy_of=own_server) as standby:
        hosts = [("127.0.0.1", closed), ("127.0.0.1", standby.port)]
        connector = Connector(replace(own_server.target("postgres"), hosts=hosts))
        with pytest.raises(StoreUnavailableError) as refused:
            await connector.connect()
    told = str(refused.value)
    assert told.startswith("cannot connect to PostgreSQL database 'postgres': ")
    assert f"127.0.0.1:{closed}: " in told
    assert f"127.0.0.1:{standby.port}: the server is read-only" in told


async def test_a_host_that_does_not_answer_costs_its_bound_and_hides_no_other(
    postgres: PostgresServer,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        hosts = [("127.0.0.1", silent.getsockname()[1]), ("127.0.0.1", postgres.port)]
        target = replace(postgres.target("postgres"), hosts=hosts, connect_timeout_s=SOON_S)
        connector = Connector(target)
        for _ in range(2):
            connection = await connector.connect()
            assert await connection.fetchval("SELECT inet_server_port()") == postgres.port
            await connection.close()


async def test_the_kernel_looks_after_idle_connections(postgres: PostgresServer) -> None:
    connection = await Connector(postgres.target("postgres")).connect()
    sock = connection._transport.get_extra_info("socket")
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 10
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 20_000
    await connection.close()


async def test_listening_begins_again_after_an_outage_and_asks_for_a_look(
    own_server: PostgresServer, stores: list[SqlStore]
) -> None:
    name = own_server.create()
    store = await opened(stores, own_server.database(name))
    heard: list[int] = []
    looks: list[bool] = []
    async with asyncio.TaskGroup() as group:
        listening = group.create_task(store.listen(heard.append, lambda: looks.append(True)))
        await until(lambda: store.is_telling)
        assert len(looks) == 1
        await add(store, "bob")
        await until(lambda: heard == [1])
        await asyncio.to_thread(own_server.stop)
        await until(lambda: not store.is_telling)
        await asyncio.to_thread(own_server.start)
        await until(lambda: store.is_telling)
        assert len(looks) == 2
        await add(store, "carol")
        await until(lambda: heard == [1, 2])
        listening.cancel()


async def test_without_notifications_nobody_is_told_and_nobody_listens(
    postgres: PostgresServer, name: str, stores: list[SqlStore]
) -> None:
    store = await opened(stores, postgres.database(name, uses_notifications=False))
    await store.listen(lambda _: pytest.fail("heard"), lambda: pytest.fail("connected"))
    assert not store.is_telling
    await add(store, "bob")


async def test_a_database_of_another_encoding_is_refused(postgres: PostgresServer) -> None:
    postgres.execute("CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    database = postgres.database("latin")
    with pytest.raises(StoreUnusableError, match="has the encoding LATIN1"):
        await database.prepare()
    await database.close()


async def test_nothing_that_is_stored_is_logged_or_told(
    postgres: PostgresServer, name: str, stores: list[SqlStore], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    database = postgres.database(name)
    store = await opened(stores, database)
    async with store.transaction("node") as transaction:
        bob = await transaction.insert(CONSUMERS, {"username": "bob"})
        badge = await transaction.insert(BADGES, {"secret": "sesame", "consumer_id": bob["id"]})
    statement = text(
        "INSERT INTO badges (id, consumer_id, secret) VALUES (gen_random_uuid(), :c, :s)"
    )
    with pytest.raises(StoreError, match="uq_badges_secret") as refused:
        async with store._translated(database.writing()) as connection:
            await connection.execute(statement, {"c": bob["id"], "s": badge["secret"]})
    logging.getLogger("test").error("refused", exc_info=refused.value)
    assert "sesame" not in caplog.text


class Certificates:
    """An authority, and a certificate of it for 127.0.0.1."""

    def __init__(self, folder: Path) -> None:
        self.authority = folder / "ca.pem"
        self.certificate = folder / "server.pem"
        self.key = folder / "server.key"
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        authority_key = folder / "ca.key"
        self._openssl(
            "req", "-x509", *curve, "-keyout", authority_key, "-out", self.authority,
            "-days", "1", "-subj", "/CN=authority", "-addext", "basicConstraints=critical,CA:TRUE",
        )  # fmt: skip
        self._openssl(
            "req", "-x509", *curve, "-keyout", self.key, "-out", self.certificate, "-days", "1",
            "-subj", "/CN=server", "-CA", self.authority, "-CAkey", authority_key,
            "-addext", "subjectAltName=IP:127.0.0.1",
            "-addext", "basicConstraints=CA:FALSE",
        )  # fmt: skip

    @staticmethod
    def _openssl(*arguments: object) -> None:
        done = subprocess.run(
            ["openssl", *map(str, arguments)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[tuple[PostgresServer, Certificates]]:
    """A server that speaks TLS, and its certificates."""
    if binaries() is None:
        pytest.skip("PostgreSQL is not installed")
    if shutil.which("openssl") is None:
        pytest.skip("needs the openssl command")
    certificates = Certificates(tmp_path)
    options = (*FAST, "ssl=on")
    server = PostgresServer(options=options)
    server.adopt(certificates.certificate, "server.crt")
    server.adopt(certificates.key, "server.key")
    with server:
        yield server, certificates


async def encrypted(server: PostgresServer, tls: ssl.SSLContext | None) -> bool:
    connection = await Connector(server.target("postgres", tls=tls)).connect()
    try:
        return bool(
            await connection.fetchval("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
        )
    finally:
        await connection.close()


async def test_tls_is_used_and_verified_as_the_settings_say(
    secure: tuple[PostgresServer, Certificates], tmp_path: Path
) -> None:
    server, certificates = secure
    off = Settings(pg_ssl=False, pg_ssl_verify=True)
    unverified = Settings(pg_ssl=True)
    verified = Settings(
        pg_ssl=True, pg_ssl_verify=True, lua_ssl_trusted_certificate=certificates.authority
    )
    assert await encrypted(server, postgres_tls(off)) is False
    assert await encrypted(server, postgres_tls(unverified)) is True
    assert await encrypted(server, postgres_tls(verified)) is True
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    stranger = replace(verified, lua_ssl_trusted_certificate=Certificates(foreign).authority)
    with pytest.raises(StoreUnavailableError, match="certificate verify failed"):
        await encrypted(server, postgres_tls(stranger))


async def test_tls_that_is_asked_for_is_never_given_up(postgres: PostgresServer) -> None:
    with pytest.raises(StoreUnavailableError, match="rejected SSL upgrade"):
        await encrypted(postgres, postgres_tls(Settings(pg_ssl=True)))


def test_a_file_of_tls_that_cannot_be_used_names_its_settings(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("nothing")
    settings = Settings(pg_ssl=True, pg_ssl_verify=True, lua_ssl_trusted_certificate=wrong)
    with pytest.raises(StoreUnusableError, match="lua_ssl_trusted_certificate, pg_ssl_cert"):
        postgres_tls(settings)


def test_a_target_shows_no_password() -> None:
    target = Target(hosts=[("h", 1), ("/s", 2)], user="u", database="d", password="sesame")
    assert "sesame" not in repr(target) + str(target)
    assert str(target) == "PostgreSQL database 'd' at h:1, /s/.s.PGSQL.2"
