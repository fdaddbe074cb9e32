"""The log files of a real node: complete over rotations, stops and drains."""

import json
import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

import httpx
import pytest

from support.node import EchoUpstream, RunningNode
from support.ports import free_port
from support.waiting import wait_until

pytestmark = pytest.mark.integration

HOW_TO = Path(__file__).parents[3] / "docs" / "how-to" / "logs.md"


@pytest.fixture
def upstream() -> Iterator[EchoUpstream]:
    with EchoUpstream() as running:
        yield running


@pytest.fixture
def node(tmp_path: Path, upstream: EchoUpstream) -> Iterator[RunningNode]:
    with RunningNode(tmp_path / "node") as running:
        running.create("/apis", {"name": "shop", "uris": "/shop", "upstream_url": upstream.url})
        yield running


def targets(folder: Path, pattern: str = "access.log*") -> list[str]:
    """Return the targets that are logged in all files of that name."""
    text = "".join(path.read_text() for path in sorted(folder.glob(pattern)))
    assert not text or text.endswith("\n")
    return [line.split('"')[1].split()[1] for line in text.splitlines()]


def test_every_request_is_in_the_logs_after_a_fast_stop(node: RunningNode) -> None:
    for number in range(50):
        assert node.proxy.get(f"/shop/{number}").status_code == 200
    assert node.stop(signal.SIGTERM) == 0
    logs = node.prefix / "logs"
    assert sorted(targets(logs)) == sorted(f"/shop/{number}" for number in range(50))
    admin = (logs / "admin_access.log").read_text()
    assert '"POST /apis HTTP/1.1" 201 ' in admin
    assert '"GET /status HTTP/1.1" 200 ' in admin


def test_a_request_under_way_is_in_the_log_of_a_node_that_is_stopped(
    node: RunningNode, upstream: EchoUpstream
) -> None:
    with socket.create_connection(("127.0.0.1", node.proxy_port)) as client:
        client.sendall(b"GET /shop/wait HTTP/1.1\r\nHost: a\r\n\r\n")
        assert upstream.waiting.wait(10)
        assert node.stop(signal.SIGTERM) == 0
    assert '"GET /shop/wait HTTP/1.1" 499 0 ' in (node.prefix / "logs/access.log").read_text()


def test_a_drained_node_has_logged_its_last_request(
    node: RunningNode, upstream: EchoUpstream
) -> None:
    with socket.create_connection(("127.0.0.1", node.proxy_port)) as client:
        client.sendall(b"GET /shop/wait HTTP/1.1\r\nHost: a\r\n\r\n")
        assert upstream.waiting.wait(10)
        assert node.process is not None
        node.process.send_signal(signal.SIGQUIT)
        wait_until(lambda: "draining" in node.log)
        upstream.gate.set()
        assert client.recv(65536).startswith(b"HTTP/1.1 200")
    assert node.process.wait(20) == 0
    assert '"GET /shop/wait HTTP/1.1" 200 ' in (node.prefix / "logs/access.log").read_text()


def test_a_rotation_under_load_loses_no_line(node: RunningNode) -> None:
    logs = node.prefix / "logs"
    done = Event()
    counts = [0, 0, 0]

    def load(which: int) -> None:
        with httpx.Client(base_url=f"http://127.0.0.1:{node.proxy_port}") as client:
            while not done.is_set():
                assert client.get(f"/shop/{which}-{counts[which]}").status_code == 200
                counts[which] += 1

    threads = [Thread(target=load, args=(which,)) for which in range(len(counts))]
    for thread in threads:
        thread.start()
    try:
        for turn in range(3):
            # Until the workers have written to the file, so that something is to be lost.
            wait_until(lambda: _size(logs / "access.log") > 0)
            (logs / "access.log").rename(logs / f"access.log.{turn}")
            assert node.process is not None
            node.process.send_signal(signal.SIGUSR1)
            wait_until((logs / "access.log").exists)
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert node.stop(signal.SIGTERM) == 0
    asked = [f"/shop/{which}-{n}" for which, count in enumerate(counts) for n in range(count)]
    assert sorted(targets(logs)) == sorted(asked)
    assert all(_size(path) > 0 for path in logs.glob("access.log.*"))


def test_the_signal_of_the_how_to_is_all_that_a_rotation_takes(
    node: RunningNode, tmp_path: Path
) -> None:
    program = shutil.which("logrotate", path="/usr/sbin:/usr/bin:/sbin")
    if program is None:
        pytest.skip("logrotate is not installed")
    (block,) = re.findall(r"```logrotate\n(.*?)```", HOW_TO.read_text(), re.DOTALL)
    configuration = tmp_path / "colobus"
    configuration.write_text(block.replace("/usr/local/colobus", str(node.prefix)))
    configuration.chmod(0o644)
    (node.prefix / "logs").chmod(0o755)  # logrotate refuses folders that a group may write to
    logs = node.prefix / "logs"
    assert node.proxy.get("/shop/before").status_code == 200
    wait_until(lambda: "/shop/before" in targets(logs, "access.log"))
    subprocess.run(
        [program, "--force", "--state", str(tmp_path / "state"), str(configuration)], check=True
    )
    wait_until((logs / "access.log").exists)
    assert node.proxy.get("/shop/after").status_code == 200
    wait_until(lambda: targets(logs, "access.log") == ["/shop/after"])
    assert "/shop/before" in targets(logs, "access.log.1")
    assert node.admin.get("/status").status_code == 200
    wait_until(lambda: "/status" in targets(logs, "admin_access.log"))


def test_file_log_writes_the_record_and_follows_the_signal(node: RunningNode) -> None:
    path = node.prefix / "shop.log"
    node.create("/apis/shop/plugins", {"name": "file-log", "config": {"path": str(path)}})
    assert path.read_bytes() == b""  # created with the configuration
    assert node.proxy.get("/shop/one?a=1").status_code == 200
    wait_until(lambda: _size(path) > 0)
    record = json.loads(path.read_text())
    assert record["request"]["uri"] == "/shop/one?a=1"
    assert record["api"]["name"] == "shop"
    assert len(record["tries"]) == 1
    path.rename(node.prefix / "old.log")
    assert node.process is not None
    node.process.send_signal(signal.SIGUSR1)
    wait_until(path.exists)
    assert node.proxy.get("/shop/two").status_code == 200
    node.stop(signal.SIGTERM)
    everything = path.read_text() + (node.prefix / "old.log").read_text()
    uris = [json.loads(line)["request"]["uri"] for line in everything.splitlines()]
    assert sorted(uris) == ["/shop/one?a=1", "/shop/two"]


def test_off_writes_no_file(tmp_path: Path, upstream: EchoUpstream) -> None:
    settings = {"proxy_access_log": "off", "admin_access_log": "off"}
    with RunningNode(tmp_path / "node", **settings) as node:
        node.create("/apis", {"name": "shop", "uris": "/shop", "upstream_url": upstream.url})
        assert node.proxy.get("/shop").status_code == 200
        assert node.stop() == 0
        assert list((node.prefix / "logs").iterdir()) == []


def test_standard_output_can_be_the_access_log(tmp_path: Path) -> None:
    with RunningNode(tmp_path / "node", proxy_access_log="/dev/stdout") as node:
        assert node.proxy.get("/nothing").status_code == 404
        assert node.stop() == 0
        assert '"GET /nothing HTTP/1.1" 404 ' in node.log


@pytest.mark.parametrize("setting", ["proxy_access_log", "admin_access_log", "admin_error_log"])
def test_a_log_that_cannot_be_opened_stops_the_start(tmp_path: Path, setting: str) -> None:
    node = RunningNode(tmp_path / "node", **{setting: "missing/a.log"})
    result = node.command("start", "--foreground")
    path = node.prefix / "missing/a.log"
    assert result.returncode == 1
    assert f"cannot open {path} ({setting}): No such file or directory" in result.stderr
    node.admin.close()
    node.proxy.close()


def test_errors_of_the_admin_api_can_have_a_file_of_their_own(tmp_path: Path) -> None:
    with RunningNode(tmp_path / "node", admin_error_log="logs/admin_error.log") as node:
        assert (node.prefix / "logs/admin_error.log").exists()
        assert "is ready" not in (node.prefix / "logs/admin_error.log").read_text()


def test_a_full_disk_stops_no_request_and_is_said_once(
    tmp_path: Path, upstream: EchoUpstream
) -> None:
    with RunningNode(tmp_path / "node", proxy_access_log="/dev/full", worker_processes=1) as node:
        node.create("/apis", {"name": "shop", "uris": "/shop", "upstream_url": upstream.url})
        for _ in range(3):
            assert node.proxy.get("/shop").status_code == 200
            wait_until(lambda: "No space left on device; lines are lost" in node.log)
        assert node.stop() == 0
        assert node.log.count("No space left on device") == 1


def test_the_error_log_of_a_node_in_the_background_is_reopened_too(tmp_path: Path) -> None:
    node = RunningNode(tmp_path / "node", worker_processes=1, log_level="info")
    error_log = node.prefix / "logs" / "error.log"
    dead = f"http://127.0.0.1:{free_port()}"
    try:
        assert node.command("start").returncode == 0
        pid = int((node.prefix / "pids/colobus.pid").read_text())
        node.create("/apis", {"name": "dead", "uris": "/", "upstream_url": dead, "retries": 0})
        assert "[notice]" in error_log.read_text()
        error_log.rename(error_log.with_suffix(".1"))
        subprocess.run(["kill", "-USR1", str(pid)], check=True)
        wait_until(error_log.exists)
        assert node.proxy.get("/").status_code == 502
        wait_until(lambda: "connection refused" in error_log.read_text())  # said by the worker
    finally:
        assert node.command("stop").returncode == 0
        node.admin.close()
        node.proxy.close()
    assert "stopping" in error_log.read_text()  # said by the supervisor
    assert "connection refused" not in error_log.with_suffix(".1").read_text()


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
