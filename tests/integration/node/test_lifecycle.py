"""Crashes, stops and things that cannot start."""

import os
import signal
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from support.node import EchoUpstream, RunningNode
from support.waiting import wait_until

pytestmark = pytest.mark.integration


@pytest.fixture
def upstream() -> Iterator[EchoUpstream]:
    with EchoUpstream() as running:
        yield running


@pytest.fixture
def node(tmp_path: Path, upstream: EchoUpstream) -> Iterator[RunningNode]:
    with RunningNode(tmp_path / "node") as running:
        running.create("/apis", {"name": "echo", "uris": "/echo", "upstream_url": upstream.url})
        yield running


def test_a_crashed_worker_comes_back_with_its_socket_and_its_routes(node: RunningNode) -> None:
    before = node.worker_pids()
    assert len(before) == 2
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    # The supervisor holds the sockets: a connection made now waits instead of being refused.
    assert httpx.get(f"http://127.0.0.1:{node.proxy_port}/echo", timeout=20).status_code == 200
    after = wait_until(
        lambda: pids if len(pids := node.worker_pids()) == 2 and not {*pids} & {*before} else None
    )
    assert len(after) == 2
    assert "ended unexpectedly" in node.log
    for number in range(10):
        answer = node.admin.patch("/apis/echo", json={"retries": number})
        assert "Warning" not in answer.headers


def test_a_node_killed_the_hard_way_loses_nothing_it_acknowledged(node: RunningNode) -> None:
    acknowledged: list[int] = []

    def write_until_killed() -> None:
        with httpx.Client(base_url=node.admin.base_url, timeout=10) as admin:
            for number in range(10_000):
                try:
                    answer = admin.post("/consumers", json={"username": f"user-{number}"})
                except httpx.TransportError:
                    return
                if answer.status_code == 201:
                    acknowledged.append(number)

    with ThreadPoolExecutor() as pool:
        writing = pool.submit(write_until_killed)
        wait_until(lambda: len(acknowledged) >= 20, what="some acknowledged writes")
        node.kill()
        writing.result(timeout=20)
    node.start()
    for number in acknowledged:
        assert node.admin.get(f"/consumers/user-{number}").status_code == 200
    assert node.proxy.get("/echo").status_code == 200
    with sqlite3.connect(node.prefix / "colobus.db") as database:
        revisions = [row[0] for row in database.execute("SELECT DISTINCT revision FROM changes")]
    database.close()
    assert sorted(revisions) == list(range(1, len(revisions) + 1))


def test_workers_end_when_their_supervisor_is_killed(node: RunningNode) -> None:
    pids = node.worker_pids()
    node.kill()
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), what="no orphans")


def test_quit_finishes_what_is_under_way(node: RunningNode, upstream: EchoUpstream) -> None:
    assert node.process is not None
    with ThreadPoolExecutor() as pool:
        under_way = pool.submit(node.proxy.get, "/echo/wait")
        assert upstream.waiting.wait(10)
        node.process.send_signal(signal.SIGQUIT)
        wait_until(lambda: "draining" in node.log, what="the drain")
        assert node.process.poll() is None
        upstream.gate.set()
        answer = under_way.result(timeout=20)
    assert answer.status_code == 200
    assert node.process.wait(20) == 0
    with pytest.raises(httpx.ConnectError):
        node.proxy.get("/echo")


def test_stop_does_not_wait_and_ends_a_drain(node: RunningNode, upstream: EchoUpstream) -> None:
    assert node.process is not None
    with ThreadPoolExecutor() as pool:
        under_way = pool.submit(node.proxy.get, "/echo/wait")
        assert upstream.waiting.wait(10)
        node.process.send_signal(signal.SIGQUIT)
        wait_until(lambda: "draining" in node.log, what="the drain")
        assert node.stop(signal.SIGTERM) == 0
        with pytest.raises(httpx.TransportError):
            under_way.result(timeout=20)


def test_an_occupied_port_ends_the_start_with_one_readable_line(
    node: RunningNode, tmp_path: Path
) -> None:
    for name in ("proxy_listen", "admin_listen"):
        second = RunningNode(tmp_path / name)
        second.settings[name] = node.settings[name]
        result = second.command("start", "--foreground")
        assert result.returncode == 1
        assert f"({name}): Address already in use" in result.stderr
        assert "Traceback" not in result.stderr
    assert node.proxy.get("/echo").status_code == 200


def test_a_file_that_is_no_database_refuses_to_start_and_says_what_to_do(tmp_path: Path) -> None:
    broken = tmp_path / "broken.db"
    broken.write_bytes(b"this is not a database" * 1000)
    result = RunningNode(tmp_path / "node", sqlite_path=broken).command("start", "--foreground")
    assert result.returncode == 1
    assert str(broken) in result.stderr
    assert "Traceback" not in result.stderr
    assert broken.read_bytes().startswith(b"this is not")


def test_a_database_of_a_newer_version_refuses_to_start(tmp_path: Path) -> None:
    node = RunningNode(tmp_path / "node")
    with node:
        assert node.stop() == 0
    with sqlite3.connect(node.prefix / "colobus.db") as database:
        database.execute("UPDATE schema_revisions SET revision = 'core_9999' WHERE module = 'core'")
    database.close()
    result = node.command("start", "--foreground")
    assert result.returncode == 1
    assert "core_9999" in result.stderr
    assert "knows only core_0001" in result.stderr


def test_the_daemon_starts_answers_and_stops(tmp_path: Path) -> None:
    node = RunningNode(tmp_path / "node")
    started = node.command("start")
    try:
        assert started.returncode == 0, started.stderr
        assert started.stdout.endswith("Colobus started\n")
        assert node.admin.get("/status").status_code == 200
        again = node.command("start")
        assert again.returncode == 1
        assert f"Colobus is already running in {node.prefix}" in again.stderr
        health = node.command("health")
        assert health.returncode == 0
        assert f"Colobus is healthy at {node.prefix}" in health.stdout
    finally:
        stopped = node.command("stop")
    assert (stopped.returncode, stopped.stdout) == (0, "Colobus stopped\n"), stopped.stderr
    with pytest.raises(httpx.ConnectError):
        node.admin.get("/status")
    assert node.command("health").returncode == 1


def test_the_data_path_does_not_load_the_sql_stack(node: RunningNode) -> None:
    for pid in node.worker_pids():
        mapped = Path(f"/proc/{pid}/maps").read_text()
        assert "sqlite3" not in mapped
        assert "sqlalchemy" not in mapped


def test_status_counts_what_was_asked(node: RunningNode) -> None:
    before = node.admin.get("/status").json()["server"]["total_requests"]
    for _ in range(7):
        assert node.proxy.get("/echo").status_code == 200
    after = node.admin.get("/status").json()
    assert after["server"]["total_requests"] == before + 7
    assert after["server"]["connections_active"] >= 1
    assert after["database"]["apis"] == 1


def test_a_change_made_while_a_worker_is_stopped_names_it(node: RunningNode) -> None:
    pid = node.worker_pids()[0]
    os.kill(pid, signal.SIGSTOP)
    try:
        answer = node.admin.patch("/apis/echo", json={"retries": 1})
        assert answer.status_code == 200
        assert f"pid {pid}" in answer.headers["Warning"]
    finally:
        os.kill(pid, signal.SIGCONT)
    answer = node.admin.patch("/apis/echo", json={"retries": 2})
    assert "Warning" not in answer.headers
