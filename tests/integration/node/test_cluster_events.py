"""What real nodes tell of each other: events, who answers, revision, freshness and uptime."""

import json
import queue
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest

from support.node import RunningNode
from support.waiting import wait_until

pytestmark = pytest.mark.integration


class Events:
    """Reads the event stream of a node in a thread."""

    def __init__(self, node: RunningNode, last_id: str | None = None) -> None:
        self._url = f"http://127.0.0.1:{node.admin_port}/cluster/events"
        self._headers = {} if last_id is None else {"Last-Event-ID": last_id}
        self._found: queue.Queue[dict[str, Any]] = queue.Queue()
        self._thread = Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        fields: dict[str, Any] = {}
        with httpx.stream("GET", self._url, headers=self._headers, timeout=60) as answer:
            for line in answer.iter_lines():
                name, _, value = line.partition(": ")
                if line:
                    fields[name] = value
                elif "data" in fields:
                    self._found.put({**fields, "data": json.loads(fields["data"])})
                    fields = {}
        self._found.put({"event": "EOF"})

    def until(self, kind: str, timeout_s: float = 50) -> dict[str, Any]:
        """Return the next event of a kind, passing over others."""
        while True:
            event = self._found.get(timeout=timeout_s)
            if event["event"] == kind:
                return event
            assert event["event"] != "EOF"


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[tuple[RunningNode, RunningNode]]:
    shared: dict[str, Any] = {"sqlite_path": tmp_path / "shared.db", "worker_processes": 1}
    with RunningNode(tmp_path / "a", **shared) as a:
        yield a, RunningNode(tmp_path / "b", **shared)


def member(asked: RunningNode, node: RunningNode) -> Mapping[str, Any]:
    """Return what one node tells of another."""
    address = node.settings["cluster_listen"]
    listed = asked.admin.get("/cluster").json()["data"]
    return next((found for found in listed if found["address"] == address), {})


def test_events_tell_who_joins_leaves_and_fails_and_go_on_after_an_id(
    nodes: tuple[RunningNode, RunningNode],
) -> None:
    a, b = nodes
    events = Events(a)
    start = events.until("start")
    assert start["data"] == {"node": member(a, a)["name"]}
    with b:
        joined = events.until("member-join")
        told = joined["data"]
        assert told.pop("time") > 1_600_000_000_000
        assert told == {
            "name": member(a, b)["name"],
            "address": b.settings["cluster_listen"],
            "status": "alive",
        }
        revision = a.create("/consumers", {"username": "x"}) and a.admin.get("/cluster").json()
        assert revision["data"][0]["revision"] == 1
        while events.until("revision")["data"]["revision"] != 1:
            continue  # what B told of itself before
        assert b.stop() == 0
        left = events.until("member-leave")
        assert left["data"]["status"] == "left"
        b.start()
        assert events.until("member-join")["data"]["name"] == told["name"]
        b.kill()
        failed = events.until("member-failed")
        assert (failed["data"]["name"], failed["data"]["status"]) == (told["name"], "failed")

    again = Events(a, last_id=joined["id"])
    kinds = [
        again.until(kind)["event"] for kind in ("member-leave", "member-join", "member-failed")
    ]
    assert kinds == ["member-leave", "member-join", "member-failed"]
    assert Events(a, last_id="beef-3").until("gap")["data"] == {"reason": "restarted"}
    a.admin.close()
    assert a.stop(timeout_s=9) == 0  # less than what requests under way are given
    for stream in (events, again):
        assert stream.until("end")["data"] == {"reason": "stopping"}


def test_reachability_tells_who_answers_and_who_does_not(
    nodes: tuple[RunningNode, RunningNode],
) -> None:
    a, b = nodes
    with b:
        wait_until(lambda: member(a, b).get("status") == "alive", what="B on A")
        told = a.admin.get("/cluster/reachability").json()
        assert told["reachable"]
        assert told["live"] == 2
        assert {found["address"] for found in told["answered"]} == {
            node.settings["cluster_listen"] for node in nodes
        }
        shown = json.loads(a.command("cluster", "reachability", "--format", "json").stdout)
        assert shown.keys() == told.keys()
        assert sorted(found["name"] for found in shown["answered"]) == sorted(
            found["name"] for found in told["answered"]
        )
        b.kill()
        told = a.admin.get("/cluster/reachability?timeout=300").json()
        assert not told["reachable"]
        assert [found["address"] for found in told["missing"]] == [b.settings["cluster_listen"]]
        assert 290 < told["duration_ms"] < 5000
        failed = a.command("cluster", "reachability", "--format", "json")
        if member(a, b)["status"] == "alive":
            assert failed.returncode == 1
            assert not json.loads(failed.stdout)["reachable"]


def test_each_node_tells_revision_freshness_version_and_uptime_of_all(
    nodes: tuple[RunningNode, RunningNode],
) -> None:
    a, b = nodes
    with b:
        b.create("/consumers", {"username": "x"})
        for asked, node in ((a, a), (a, b), (b, a), (b, b)):
            found = wait_until(
                lambda asked=asked, node=node: (  # type: ignore[misc]
                    member(asked, node) if member(asked, node).get("revision") == 1 else None
                ),
                what="the revision",
            )
            assert found.keys() == {
                "name", "address", "status", "revision", "freshness", "uptime", "version",
            }  # fmt: skip
            assert 0 <= found["freshness"] < 10
            assert 0 <= found["uptime"] < 60
        b.kill()
        wait_until(lambda: member(a, b)["status"] == "failed", what="the failure", timeout_s=50)
        assert member(a, b).keys() == {"name", "address", "status", "revision", "version"}


def test_the_stream_speaks_plain_http(nodes: tuple[RunningNode, RunningNode]) -> None:
    a, _ = nodes
    with socket.create_connection(("127.0.0.1", a.admin_port), timeout=20) as raw:
        raw.sendall(b"GET /cluster/events HTTP/1.1\r\nHost: x\r\n\r\n")
        received = b""
        while b"event: start\n" not in received:
            received += raw.recv(65_536)
    assert received.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"content-type: text/event-stream\r\n" in received
    assert b"transfer-encoding: chunked\r\n" in received.lower()
