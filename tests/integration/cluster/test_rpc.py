"""The RPC endpoint of real nodes: the `serf` command and our own speak to it alike."""

import json
import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.node import RunningNode
from support.ports import free_port
from support.waiting import wait_until

pytestmark = pytest.mark.integration

needs_serf = pytest.mark.skipif(shutil.which("serf") is None, reason="serf is not installed")

KEY = "cg8StVXbQJ0gPvMd9o7yrg=="
OTHER_KEY = "AAECAwQFBgcICQoLDA0ODw=="
REACHABLE = "Successfully contacted all live nodes"

Nodes = tuple[RunningNode, RunningNode]
Ended = subprocess.CompletedProcess[str]


def start_two(folder: Path) -> Iterator[Nodes]:
    shared = {"sqlite_path": folder / "shared.db", "worker_processes": 1}
    first = RunningNode(folder / "a", **shared, cluster_encrypt_key=KEY)
    second = RunningNode(folder / "b", **shared, cluster_encrypt_key=KEY)
    with first as a, second as b:
        wait_until(lambda: set(statuses(a).values()) == {"alive"} and len(statuses(a)) == 2)
        yield a, b


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    """Two nodes that no test takes apart."""
    yield from start_two(tmp_path_factory.mktemp("nodes"))


@pytest.fixture
def own_nodes(tmp_path: Path) -> Iterator[Nodes]:
    """Two nodes for one test."""
    yield from start_two(tmp_path)


def rpc(node: RunningNode) -> str:
    return str(node.settings["cluster_listen_rpc"])


def address(node: RunningNode) -> str:
    return str(node.settings["cluster_listen"])


def statuses(asked: RunningNode) -> dict[str, str]:
    listed = asked.admin.get("/cluster").json()["data"]
    return {member["address"]: member["status"] for member in listed}


def name_of(node: RunningNode) -> str:
    return next((node.prefix / "serf").glob("*.id")).read_text().strip()


def serf(node: RunningNode, *arguments: str) -> Ended:
    return subprocess.run(
        ["serf", arguments[0], f"-rpc-addr={rpc(node)}", *arguments[1:]],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=40, check=False,
    )  # fmt: skip


def succeeded(ended: Ended) -> str:
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def ours(node: RunningNode, *arguments: str) -> Ended:
    return node.command("cluster", *arguments)


# -- the serf command ------------------------------------------------------------------------------------


@needs_serf
def test_serf_lists_the_members(nodes: Nodes) -> None:
    a, b = nodes
    lines = [line.split()[:3] for line in succeeded(serf(a, "members")).splitlines()]
    assert sorted(lines) == sorted([name_of(n), address(n), "alive"] for n in nodes)
    listed = json.loads(succeeded(serf(b, "members", "-format=json")))["members"]
    assert {member["addr"] for member in listed} == {address(a), address(b)}
    assert "Available Protocol Range: [2, 5]" in succeeded(serf(a, "members", "-detailed"))
    assert len(succeeded(serf(a, "members", f"-name={name_of(b)}")).splitlines()) == 1
    assert succeeded(serf(a, "members", "-status=failed")).strip() == ""


@needs_serf
def test_serf_asks_and_measures(nodes: Nodes) -> None:
    a, b = nodes
    answer = json.loads(succeeded(serf(a, "query", "-format=json", "-timeout=500ms", "load", "x")))
    assert sorted(answer["Acks"]) == sorted((name_of(a), name_of(b)))
    assert REACHABLE in succeeded(serf(a, "reachability"))
    told = succeeded(serf(a, "info"))
    assert f"name = {name_of(a)}" in told
    assert "encrypted = true" in told
    wait_until(lambda: serf(a, "rtt", name_of(b)).returncode == 0, what="a coordinate of B")
    assert serf(a, "rtt", "nobody").returncode == 1
    joined = succeeded(serf(a, "join", address(b)))
    assert joined == "Successfully joined cluster by contacting 1 nodes.\n"
    nobody = serf(a, "join", f"127.0.0.1:{free_port()}")
    assert nobody.returncode == 1
    assert "Failed to join 127.0.0.1: connection refused" in nobody.stdout + nobody.stderr
    assert succeeded(serf(a, "force-leave", "nobody")) == ""


@needs_serf
def test_serf_watches_events_of_another_node(nodes: Nodes, tmp_path: Path) -> None:
    a, b = nodes
    output = tmp_path / "monitor"
    with output.open("wb") as stream:
        monitor = subprocess.Popen(
            ["serf", "monitor", f"-rpc-addr={rpc(a)}", "-log-level=debug"],
            stdin=subprocess.DEVNULL, stdout=stream, stderr=stream,
        )  # fmt: skip
    try:
        # The log is replayed when the stream before it is there.
        wait_until(lambda: "joined" in output.read_text(), what="the log")
        succeeded(serf(b, "event", "-coalesce=false", "deploy", "42"))
        wait_until(lambda: "deploy" in output.read_text(), what="the event")
    finally:
        monitor.send_signal(signal.SIGINT)
        monitor.wait(20)
    assert " [INFO] colobus." in output.read_text()
    succeeded(serf(a, "members"))


@needs_serf
def test_serf_rotates_keys(own_nodes: Nodes) -> None:
    a, b = own_nodes
    assert f"{KEY}  [2/2]" in succeeded(serf(a, "keys", "-list"))
    assert serf(a, "keys", f"-use={OTHER_KEY}").returncode == 1
    succeeded(serf(a, "keys", f"-install={OTHER_KEY}"))
    succeeded(serf(b, "keys", f"-use={OTHER_KEY}"))
    assert serf(a, "keys", f"-remove={OTHER_KEY}").returncode == 1
    succeeded(serf(b, "keys", f"-remove={KEY}"))
    listed = succeeded(serf(a, "keys", "-list"))
    assert f"{OTHER_KEY}  [2/2]" in listed
    assert KEY not in listed
    assert REACHABLE in succeeded(serf(b, "reachability"))


@needs_serf
def test_a_node_that_left_goes_on_proxying(own_nodes: Nodes) -> None:
    a, b = own_nodes
    succeeded(serf(b, "leave"))
    wait_until(lambda: statuses(a)[address(b)] == "left", what="the leave")
    assert b.proxy.get("/").status_code == 404  # no API, but an answer
    a.create("/apis", {"name": "x", "uris": "/x", "upstream_url": "http://127.0.0.1:9"})
    wait_until(lambda: b.proxy.get("/x").status_code != 404, what="the API on B")
    assert "the node goes on proxying" in b.log
    assert serf(b, "join", address(a)).returncode == 1
    assert b.stop() == 0


# -- our own command -------------------------------------------------------------------------------------


def test_our_members_are_lines_with_tabs(nodes: Nodes) -> None:
    a, b = nodes
    lines = succeeded(ours(a, "members")).splitlines()
    assert lines == sorted(f"{name_of(n)}\t{address(n)}\talive" for n in nodes)
    listed = json.loads(succeeded(ours(b, "members", "--format", "json")))["members"]
    assert {member["addr"] for member in listed} == {address(a), address(b)}


def test_the_node_is_found_by_its_prefix(nodes: Nodes, tmp_path: Path) -> None:
    a, _ = nodes
    alone = RunningNode(tmp_path / "other")
    assert len(succeeded(ours(alone, "members", "-p", str(a.prefix))).splitlines()) == 2
    conf = tmp_path / "a.conf"
    conf.write_text(f"prefix = {a.prefix}\n")
    del alone.settings["prefix"]
    assert len(succeeded(ours(alone, "members", "-c", str(conf))).splitlines()) == 2


def test_ours_reaches_and_measures_and_joins(nodes: Nodes) -> None:
    a, b = nodes
    told = succeeded(ours(a, "reachability"))
    assert told.splitlines() == [
        "Total members: 2, live members: 2",
        "Starting reachability test...",
        REACHABLE,
    ]
    wait_until(lambda: ours(a, "rtt", name_of(b)).returncode == 0, what="a coordinate of B")
    pair = re.escape(f"Estimated {name_of(a)} <-> {name_of(b)} rtt: ") + r"\d+\.\d{3} ms\n"
    for arguments in ((), (name_of(b),), (name_of(a), name_of(b))):
        assert re.fullmatch(pair, succeeded(ours(a, "rtt", *arguments)))
    (found,) = json.loads(succeeded(ours(a, "rtt", "--format", "json")))["rtt"]
    assert (found["from"], found["to"]) == (name_of(a), name_of(b))
    assert ours(a, "rtt", "nobody").returncode == 1
    told = succeeded(ours(a, "join", address(b)))
    assert told == "Successfully joined cluster by contacting 1 nodes.\n"
    nobody = ours(a, "join", f"127.0.0.1:{free_port()}")
    assert nobody.returncode == 1
    assert "Error joining the cluster: 1 error occurred:" in nobody.stderr


def test_ours_rotates_keys(own_nodes: Nodes) -> None:
    a, b = own_nodes
    assert f"\n{KEY}  [2/2]\n" in succeeded(ours(a, "keys", "list"))
    for wrong in (("keys", "use", OTHER_KEY), ("keys", "install", "x"), ("keys", "remove", KEY)):
        assert ours(a, *wrong).returncode == 1
    succeeded(ours(a, "keys", "install", OTHER_KEY))
    succeeded(ours(b, "keys", "use", OTHER_KEY))
    succeeded(ours(b, "keys", "remove", KEY))
    report = json.loads(succeeded(ours(a, "keys", "list", "--format", "json")))
    assert report["keys"] == {OTHER_KEY: 2}


def test_ours_tells_programs(nodes: Nodes) -> None:
    a, b = nodes

    def told(*arguments: str) -> Any:
        return json.loads(succeeded(ours(a, *arguments, "--format", "json")))

    (first, second) = told("members")["members"]
    assert first.keys() == {"name", "addr", "port", "tags", "status", "protocol"}
    assert [first["name"], second["name"]] == sorted(map(name_of, nodes))
    assert first["status"] == second["status"] == "alive"
    assert first["tags"]["role"] == "colobus"
    assert first["port"] == int(first["addr"].rpartition(":")[2])
    reached = told("reachability")
    assert (reached["reachable"], reached["live"], reached["missing"]) == (True, 2, [])
    assert {found["name"]: found["address"] for found in reached["answered"]} == {
        name_of(node): address(node) for node in nodes
    }
    assert all(0 <= found["ms"] <= reached["duration_ms"] for found in reached["answered"])
    assert told("join", address(b)) == {"contacted": 1}
    assert told("force-leave", "nobody") == {"name": "nobody", "pruned": False}
    keys = {"keys": {KEY: 2}, "messages": {}, "members": 2, "responses": 2, "failures": 0}
    assert told("keys", "list") == keys


def test_a_refused_key_is_told_by_every_member(nodes: Nodes) -> None:
    a, _ = nodes
    plain, shaped = (
        ours(a, "keys", "use", OTHER_KEY, *more) for more in ((), ("--format", "json"))
    )
    for ended in (plain, shaped):
        assert ended.returncode == 1
        assert "Error: Error using key: 2/2 nodes reported failure" in ended.stderr
    for node in nodes:
        assert f"failed:  {name_of(node)}  " in plain.stdout
    report = json.loads(shaped.stdout)
    assert (report["failures"], report["responses"]) == (2, 2)
    assert set(report["messages"]) == {name_of(node) for node in nodes}


def test_a_node_that_does_not_answer_fails_the_test_of_reachability(tmp_path: Path) -> None:
    """With `wan`, nobody takes the stopped node for failed meanwhile; a dead one would be refused."""
    shared: dict[str, Any] = {
        "sqlite_path": tmp_path / "shared.db", "worker_processes": 1, "cluster_profile": "wan",
    }  # fmt: skip
    with RunningNode(tmp_path / "a", **shared) as a, RunningNode(tmp_path / "b", **shared) as b:
        wait_until(lambda: len(statuses(a)) == 2, what="B on A")
        assert b.process is not None
        b.process.send_signal(signal.SIGSTOP)
        ended = ours(a, "reachability", "--format", "json")
        plain = ours(a, "reachability")
        b.process.send_signal(signal.SIGCONT)
        assert ended.returncode == 1
        told = json.loads(ended.stdout)
        assert not told["reachable"]
        assert told["missing"] == [{"name": name_of(b), "address": address(b)}]
        assert "Error: not every live node can be reached" in ended.stderr
        assert plain.returncode == 1
        assert f"no answer from {name_of(b)}\n" in plain.stdout
        assert REACHABLE not in plain.stdout


def test_a_failed_node_is_forced_to_leave_and_its_row_goes(own_nodes: Nodes) -> None:
    a, b = own_nodes
    b.kill()
    wait_until(lambda: statuses(a)[address(b)] == "failed", what="the failure", timeout_s=50)
    told = succeeded(ours(a, "force-leave", name_of(b)))
    assert told == f"force-leaving {name_of(b)}\nleft node {name_of(b)}\n"
    assert statuses(a)[address(b)] == "left"
    wait_until(lambda: a.admin.get("/status").json()["database"]["nodes"] == 1, what="the row")
    succeeded(ours(a, "force-leave", "nobody"))
    succeeded(ours(a, "force-leave", "--prune", name_of(b)))
    assert statuses(a) == {address(a): "alive"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("force-leave",), "Error: must specify the name of the node to leave"),
        (("join",), "Error: must specify the address of a node to join"),
        (("keys",), "Error: invalid command"),
        (("keys", "fly"), "Error: invalid command"),
        (("keys", "install"), "Error: missing key"),
        (("members",), "Error: Error connecting to Serf agent: "),
        (("reachability",), "Error: Error connecting to Serf agent: "),
        (("keys", "list"), "Error: Error connecting to Serf agent: "),
    ],
)
def test_failures_are_told_and_exit_with_1(
    tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    ended = RunningNode(tmp_path / "never").command("cluster", *arguments)
    assert ended.returncode == 1
    assert ended.stderr.startswith(message)


def test_a_node_that_stopped_is_told_as_nothing_listening(tmp_path: Path) -> None:
    node = RunningNode(tmp_path / "a", worker_processes=1)
    with node:
        assert node.stop() == 0
        ended = node.command("cluster", "members")
    assert ended.returncode == 1
    reason = f"Error: Error connecting to Serf agent: {rpc(node)}: connection refused\n"
    assert ended.stderr.startswith(reason)


def test_a_taken_port_is_told_with_its_setting(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", free_port())) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        node = RunningNode(tmp_path / "a", cluster_listen_rpc=listen)
        ended = node.command("start")
    assert ended.returncode == 1
    expected = f"cannot listen on {listen} (cluster_listen_rpc): Address already in use"
    assert expected in ended.stderr
