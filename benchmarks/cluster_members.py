"""Who is there: joining, crashing, staying alive on a busy machine, and what it costs."""

import os
import random
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager

from benchmarks.cluster_nodes import Datastore, Feed, NodeCluster, node_name, statuses
from benchmarks.cluster_report import Report
from benchmarks.cluster_support import RunningNode, wait_until
from benchmarks.measure import cpu_seconds, memory_kib
from colobus.cluster.codec.serf import encode as encode_serf
from colobus.cluster.codec.stream import StreamCodec
from colobus.cluster.codec.tags import encode_tags
from colobus.cluster.keyring import Keyring
from colobus.cluster.messages import NodeRecord, PushPull, SerfState
from colobus.cluster.rpc.replies import MemberEventRecord
from colobus.version import VERSION

__all__ = ["crash", "idle", "join", "memory", "saturation"]

FOUND_WITHIN_S = 60.0
SETTLE_S = 3.0
POLL_S = 0.005

# Two per processor, so that a node competes for every slice.
BUSY_PER_PROCESSOR = 2

# Loopback addresses at which nobody is: what is sent there goes nowhere.
INVENTED_PORT = 9


def join(report: Report, datastore: Datastore, *, rounds: int) -> None:
    """Start a second node again and again: from the moment its row exists until both see both."""
    times = []
    with NodeCluster(datastore, 2) as cluster:
        first, second = cluster.nodes
        for _ in range(rounds):
            second.stop()
            wait_until(lambda: sorted(statuses(first)) == ["alive", "left"], what="a leave")
            times.append(_join_s(first, second))
    report.add("join", max(times), times)


def _join_s(first: RunningNode, second: RunningNode) -> float:
    """Return the time from the last look at the registry that did not show the row."""
    second.launch()
    deadline = time.monotonic() + FOUND_WITHIN_S
    looked_at = time.monotonic()
    while (began := time.monotonic()) < deadline and _registered(first) < 2:
        looked_at = began
        time.sleep(POLL_S)
    wait_until(lambda: statuses(first) == statuses(second) == ["alive", "alive"], what="a join")
    return time.monotonic() - looked_at


def _registered(node: RunningNode) -> int:
    return int(node.admin.get("/status").json()["database"]["nodes"])


# Crashes.


def crash(report: Report, datastore: Datastore, *, kills: int, nodes: int = 5) -> None:
    """Kill one node of several, with its workers, until each of the others has said that it failed."""
    rng = random.Random(1)  # noqa: S311  (when to kill, not a secret)
    last, each = [], []
    with NodeCluster(datastore, nodes) as cluster:
        for number in range(kills):
            victim = cluster.nodes[number % len(cluster.nodes)]
            time.sleep(rng.random())
            found = _kill(cluster, victim)
            each += found
            last.append(max(found))
            victim.launch()
            cluster.wait_whole()
            if number % 10 == 9:
                print(f"    {number + 1} of {kills} kills", file=sys.stderr, flush=True)
    report.percentiles("crash", last)
    report.curves["crash"] = each


def _kill(cluster: NodeCluster, victim: RunningNode) -> list[float]:
    """Return how long each of the others took."""
    name = node_name(victim)
    others = [node for node in cluster.nodes if node is not victim]
    with _feeds(others, "member-failed") as feeds:
        victim.kill()
        killed_at = time.monotonic()
        found: dict[Feed, float] = {}
        deadline = killed_at + FOUND_WITHIN_S
        for feed, at, failed in _failures(feeds, deadline):
            if failed == name:
                found.setdefault(feed, at - killed_at)
            if len(found) == len(others):
                return list(found.values())
    raise TimeoutError(f"{len(others) - len(found)} nodes never noticed the death of {name}")


@contextmanager
def _feeds(nodes: Sequence[RunningNode], events: str) -> Iterator[list[Feed]]:
    with ExitStack() as stack:
        yield [stack.enter_context(closing(Feed(node, events))) for node in nodes]


def _failures(feeds: Sequence[Feed], deadline: float) -> Iterator[tuple[Feed, float, str]]:
    """Yield feed, time and name of each failure that is told, until ``deadline``."""
    with selectors.DefaultSelector() as selector:
        for feed in feeds:
            selector.register(feed.socket, selectors.EVENT_READ, feed)
        while (left_s := deadline - time.monotonic()) > 0:
            for key, _ in selector.select(min(left_s, 1.0)):
                feed = key.data
                for at, record in feed.take():
                    if isinstance(record, MemberEventRecord):
                        for member in record.members:
                            yield feed, at, member.name


# A busy machine.


def saturation(report: Report, datastore: Datastore, *, minutes: float, nodes: int = 5) -> None:
    """Keep every processor busy for a while; nobody is dead, so nobody may fail."""
    with NodeCluster(datastore, nodes) as cluster, _feeds(cluster.nodes, "member-failed") as feeds:
        with _busy() as processes:
            began = time.monotonic()
            failed = [name for _, _, name in _failures(feeds, began + minutes * 60)]
            burnt_s = cpu_seconds(process.pid for process in processes)
        share = burnt_s / (time.monotonic() - began) / (os.cpu_count() or 1)
        cluster.wait_whole()
    report.add("false_failed", len(failed))
    report.notes["saturation"] = {
        "minutes": minutes, "busy processes": len(processes),
        "share of all processors they got": share,
    }  # fmt: skip


@contextmanager
def _busy() -> Iterator[list[subprocess.Popen[bytes]]]:
    count = BUSY_PER_PROCESSOR * (os.cpu_count() or 1)
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield loops
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


# What it costs.


def idle(
    report: Report, datastore: Datastore, *, seconds: float, settle_s: float, nodes: int = 5
) -> None:
    """Leave nodes alone, and see what they burn: supervisor and workers."""
    with NodeCluster(datastore, nodes, workers=2) as cluster:
        time.sleep(settle_s)
        pids = {node: [_pid(node), *node.worker_pids()] for node in cluster.nodes}
        before = {node: cpu_seconds(pids[node]) for node in cluster.nodes}
        supervisors = [cpu_seconds(pids[node][:1]) for node in cluster.nodes]
        began = time.monotonic()
        time.sleep(seconds)
        took_s = time.monotonic() - began
        shares = [100 * (cpu_seconds(pids[n]) - before[n]) / took_s for n in cluster.nodes]
        of_supervisors = [
            100 * (cpu_seconds(pids[node][:1]) - at_first) / took_s
            for node, at_first in zip(cluster.nodes, supervisors, strict=True)
        ]
    report.add("idle_cpu", sum(shares) / len(shares), shares)
    report.notes["idle CPU of supervisors, %"] = of_supervisors


def _pid(node: RunningNode) -> int:
    assert node.process is not None
    return node.process.pid


def memory(report: Report, datastore: Datastore, *, members: int) -> None:
    """Tell one node of so many members by a push/pull, as another one would, and weigh it."""
    with NodeCluster(datastore, 1) as cluster:
        [node] = cluster.nodes
        time.sleep(SETTLE_S)
        before = memory_kib(_pid(node))["Rss"]
        host, _, port = str(node.settings["cluster_listen"]).rpartition(":")
        codec = StreamCodec(Keyring(), os.urandom, compresses=False)
        with socket.create_connection((host, int(port)), 5) as peer:
            peer.sendall(codec.encode(_push_pull(members)))
            reader = codec.reader(is_reply=True)
            while reader.feed(peer.recv(65_536)) is None:
                pass
        known = len(statuses(node))
        assert known > members, f"{known} members known"
        samples = []
        for _ in range(10):
            time.sleep(SETTLE_S / 10)
            samples.append((memory_kib(_pid(node))["Rss"] - before) / 1024)
    report.add("members_memory", max(samples), samples)


def _push_pull(members: int) -> PushPull:
    meta = encode_tags({"role": "colobus", "colobus": VERSION})
    records = tuple(
        NodeRecord(
            f"host-{number}_10.0.0.1:7946_{number:032x}",
            bytes((127, 1, number >> 8, number & 255)),
            INVENTED_PORT,
            meta,
            1,
        )
        for number in range(members)
    )
    times = {record.name: 1 for record in records}
    return PushPull(records, True, encode_serf(SerfState(1, times, (), 1, (), 1)))
