"""Real nodes on a real PostgreSQL: together, first on an empty database, and through its outages."""

import base64
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from colobus.clock import SystemClock
from support.node import EchoUpstream, RunningNode
from support.postgres import FAST, PostgresServer, binaries
from support.waiting import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

PATIENT_S = 60.0
KEY = {"apikey": "secret"}


@pytest.fixture
def upstream() -> Iterator[EchoUpstream]:
    with EchoUpstream() as running:
        yield running


@pytest.fixture
def own_server() -> Iterator[PostgresServer]:
    """A server of this test alone, to stop and to break."""
    if binaries() is None:
        pytest.skip("PostgreSQL is not installed")
    with PostgresServer() as server:
        yield server


def started(stack: ExitStack, folder: Path, names: str, settings: object) -> list[RunningNode]:
    """Return nodes that were started at the same time and answer."""
    assert isinstance(settings, dict)
    nodes = [RunningNode(folder / name, worker_processes=1, **settings) for name in names]
    for node in nodes:
        node.launch()
        stack.callback(node.__exit__, None, None, None)
    for node in nodes:
        wait_until(node._answers, timeout_s=PATIENT_S, what=f"the node in {node.prefix}")
    return nodes


def protect(node: RunningNode, upstream: EchoUpstream) -> None:
    """Configure an API that asks for a key, and a consumer who has one."""
    node.create("/apis", {"name": "echo", "uris": "/echo", "upstream_url": upstream.url})
    node.create("/apis/echo/plugins", {"name": "key-auth"})
    node.create("/consumers", {"username": "alice"})
    node.create("/consumers/alice/key-auth", {"key": "secret"})


def status(node: RunningNode) -> int:
    return node.proxy.get("/echo", headers=KEY).status_code


def written(node: RunningNode, username: str) -> bool:
    """Try to write, and say whether it worked; an outage may only show as 503."""
    try:
        answer = node.admin.post("/consumers", json={"username": username})
    except httpx.TransportError:
        return False
    assert answer.status_code in {201, 409, 503}, answer.text
    return answer.status_code in {201, 409}  # 409: an attempt before was committed, unheard


def test_a_credential_revoked_through_one_node_is_refused_by_the_other(
    postgres: PostgresServer, tmp_path: Path, upstream: EchoUpstream
) -> None:
    with ExitStack() as stack:
        a, b = started(stack, tmp_path, "ab", postgres.settings(postgres.create()))
        protect(a, upstream)
        wait_until(lambda: status(b) == 200, what="the key on B")
        assert b.admin.get("/status").json()["database"]["nodes"] == 2
        listed = a.admin.get("/consumers/alice/key-auth").json()["data"]
        a.admin.delete(f"/consumers/alice/key-auth/{listed[0]['id']}").raise_for_status()
        assert status(a) == 403
        wait_until(lambda: status(b) == 403, what="the revocation on B")


def test_nodes_that_start_together_on_an_empty_database_all_come_up(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    name = postgres.create()
    with ExitStack() as stack:
        nodes = started(stack, tmp_path, "abcde", postgres.settings(name))
        for number, node in enumerate(nodes):
            node.create("/consumers", {"username": f"user-{number}"})
        assert postgres.fetch("SELECT count(*) FROM datastore", name) == 1
        assert postgres.fetch("SELECT revision FROM datastore", name) == len(nodes)
        wait_until(
            lambda: all(len(node.admin.get("/cluster").json()["data"]) == 5 for node in nodes),
            timeout_s=PATIENT_S,
            what="five members on each node",
        )


def test_a_server_that_is_away_stops_writes_and_nothing_else(
    own_server: PostgresServer, tmp_path: Path, upstream: EchoUpstream
) -> None:
    with ExitStack() as stack:
        a, b = started(stack, tmp_path, "ab", own_server.settings(own_server.create()))
        protect(a, upstream)
        for node in (a, b):
            wait_until(lambda node=node: status(node) == 200, what="the key")  # type: ignore[misc]  # bound at once
        own_server.stop()
        for _ in range(20):
            assert (status(a), status(b)) == (200, 200)
        refused = a.admin.post("/consumers", json={"username": "bob"})
        assert (refused.status_code, refused.json()) == (503, {"message": "Service unavailable"})
        assert a.admin.get("/consumers").status_code == 503
        # What is not in memory cannot be answered, and is not let through either.
        assert b.proxy.get("/echo", headers={"apikey": "never-seen"}).status_code == 503
        own_server.start()
        wait_until(lambda: written(b, "bob"), what="writes on B")
        wait_until(lambda: written(a, "carol"), what="writes on A")
        assert a.admin.delete("/apis/echo").status_code == 204
        wait_until(lambda: status(b) == 404, what="what A did after the outage, on B")


def test_nodes_follow_to_the_standby_that_is_promoted(
    own_server: PostgresServer, tmp_path: Path, upstream: EchoUpstream
) -> None:
    name = own_server.create()
    with PostgresServer(copy_of=own_server) as standby, ExitStack() as stack:
        hosts = f"127.0.0.1:{standby.port},127.0.0.1:{own_server.port}"
        a, b = started(stack, tmp_path, "ab", {**own_server.settings(name), "pg_host": hosts})
        protect(a, upstream)  # on the primary, though the standby is named first
        assert status(a) == 200
        wait_until(lambda: status(b) == 200, what="the key on B")
        newest = own_server.fetch("SELECT revision FROM datastore", name)
        wait_until(
            lambda: standby.fetch("SELECT revision FROM datastore", name) == newest,
            what="the standby to have everything",
        )
        own_server.kill()
        assert (status(a), status(b)) == (200, 200)
        standby.promote()
        wait_until(lambda: written(a, "bob"), what="writes through A")
        wait_until(lambda: written(b, "carol"), what="writes through B")
        assert a.admin.get("/consumers/carol").status_code == 200
        assert a.admin.delete("/apis/echo").status_code == 204
        wait_until(lambda: status(b) == 404, what="the change after the failover on B")


@pytest.mark.parametrize("notify", ["on", "off"])
def test_nodes_that_hear_nothing_by_gossip_follow_in_time(
    postgres: PostgresServer, tmp_path: Path, upstream: EchoUpstream, notify: str
) -> None:
    """Two keys make two clusters of one node each, on one database."""
    settings = {**postgres.settings(postgres.create()), "pg_notify": notify}
    keys = [base64.b64encode(bytes([number] * 16)).decode() for number in (1, 2)]
    clock = SystemClock()
    with ExitStack() as stack:
        a, b = (
            started(stack, tmp_path, name, {**settings, "cluster_encrypt_key": key})[0]
            for name, key in zip("ab", keys, strict=True)
        )
        assert {member["status"] for member in a.admin.get("/cluster").json()["data"]} == {"alive"}
        a.create("/apis", {"name": "echo", "uris": "/echo", "upstream_url": upstream.url})
        wait_until(lambda: status(b) == 200, what="the API on B")
        taken = []
        for number in range(10):
            a.admin.patch("/apis/echo", json={"upstream_url": f"{upstream.url}/{number}"})
            written_at = clock.monotonic()
            wait_until(lambda n=number: b.proxy.get("/echo").json()["path"] == f"/{n}")  # type: ignore[misc]  # bound at once
            taken.append(clock.monotonic() - written_at)
        # A second of polling, and what a busy machine needs to read and apply.
        assert sorted(taken)[-2] <= 1.5, taken


@pytest.mark.parametrize(("notify", "least", "most"), [("on", 0, 2), ("off", 4, 99)])
def test_nodes_poll_each_second_only_while_they_must(
    tmp_path: Path, notify: str, least: int, most: int
) -> None:
    """The looks for other nodes, every 3 s in the first minute, are the clock of this test."""
    if binaries() is None:
        pytest.skip("PostgreSQL is not installed")
    with PostgresServer(options=(*FAST, "log_statement=all")) as server, ExitStack() as stack:
        settings = {**server.settings(server.create()), "pg_notify": notify}
        started(stack, tmp_path, "ab", settings)
        logged = server.log.stat().st_size

        def asked(start: str) -> int:
            return server.log.read_text()[logged:].count(start)

        looks = ": SELECT nodes.name, "
        wait_until(lambda: asked(looks) >= 2, what="both to have seen each other")
        before, polls = asked(looks), ": SELECT datastore.revision"
        polled = asked(polls)
        wait_until(lambda: asked(looks) >= before + 4, what="six seconds or so")
        assert least <= asked(polls) - polled <= most
