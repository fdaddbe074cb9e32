"""Sees a change arrive: at each node as a hint, at each worker as a different answer.

One loop, one clock. A write adds an API that answers 426 on a path of its own. Each worker holds one
of our connections and is asked for that path from the commit on, until it answers 426 instead of
404. The moment of the commit is when the writing node tells its own event of it; the moment of a
hint, when another node tells the same event. So each time includes the telling, and those of
workers a request and the pause between two.
"""

import json
import selectors
import socket
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks.cluster_nodes import Feed
from benchmarks.cluster_support import RunningNode
from colobus.cluster.rpc.replies import UserEventRecord

__all__ = ["Change", "Observer"]

REVISION_EVENT = "user:colobus:revision"
ROUTED, NOT_ROUTED = b" 426 ", b" 404 "
READ_BYTES = 65_536
MOST_CONNECTIONS = 64
"""Tries to reach each worker of a node; the kernel chooses which one gets a connection."""

PAUSE_S = 0.0005
PATIENT_PAUSE_S = 0.005
IMPATIENT_FOR_S = 0.02
"""How long workers are asked in short pauses; a change that is later by seconds needs no such load."""


@dataclass(slots=True)
class Change:
    """One write and its way. Times are seconds after the commit, but ``answered_s``.

    Attributes:
        answered_s: from sending the request until its answer.
        hints: per other node that was hinted.
        workers: per worker of any node.
    """

    answered_s: float
    hints: list[float] = field(default_factory=list)
    workers: list[float] = field(default_factory=list)

    @property
    def everywhere_s(self) -> float:
        """When the last worker routed by it."""
        return max(self.workers)


class _Worker:
    """A connection that one worker has accepted."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self.ask_at: float | None = None
        self.seen_at: float | None = None

    def ask(self, path: str) -> None:
        self.ask_at = None
        self.socket.send(f"GET {path} HTTP/1.1\r\nHost: benchmark\r\n\r\n".encode())


class Observer:
    """Watches a cluster; the first node is written to."""

    def __init__(self, nodes: Sequence[RunningNode]) -> None:
        self._nodes = nodes
        self._stack = ExitStack()
        self._feeds: list[Feed] = []
        self._workers: list[_Worker] = []
        self._selector = selectors.DefaultSelector()
        self._admin = socket.socket()
        self._written = 0

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self._selector)
            for node in self._nodes:
                feed = stack.enter_context(closing(Feed(node, REVISION_EVENT)))
                self._feeds.append(feed)
                self._selector.register(feed.socket, selectors.EVENT_READ, feed)
                for sock in _one_per_worker(node, stack):
                    worker = _Worker(sock)
                    self._workers.append(worker)
                    self._selector.register(sock, selectors.EVENT_READ, worker)
            self._admin = stack.enter_context(_connect(self._nodes[0].admin_port))
            self._admin.setblocking(False)
            self._selector.register(self._admin, selectors.EVENT_READ)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def change(self, *, within_s: float) -> Change:
        """Write, and return how it went.

        Raises:
            TimeoutError: a worker did not answer by it in time.
            ConnectionError: the write was refused, or a connection ended.
        """
        self._written += 1
        round_ = _Round(self._feeds, self._workers, self._selector, self._admin, self._written)
        return round_.run(within_s)


class _Round:
    """One write, until everybody has it."""

    def __init__(
        self,
        feeds: Sequence[Feed],
        workers: Sequence[_Worker],
        selector: selectors.BaseSelector,
        admin: socket.socket,
        number: int,
    ) -> None:
        self._feeds = feeds
        self._workers = workers
        self._selector = selector
        self._admin = admin
        self._path = f"/change-{number:06d}"  # none is a prefix of another
        self._answer = b""
        self._answered_at: float | None = None
        self._committed_at: float | None = None
        self._hinted: dict[Feed, float] = {}
        self._revision = 0

    def run(self, within_s: float) -> Change:
        for worker in self._workers:
            worker.ask_at = worker.seen_at = None
        for feed in self._feeds:
            feed.take()  # a late word about an earlier change is none about this one
        sent_at = time.monotonic()
        self._send_write()
        while not self._is_over():
            self._turn()
            if time.monotonic() - sent_at > within_s:
                missing = sum(worker.seen_at is None for worker in self._workers)
                raise TimeoutError(f"{missing} workers did not get {self._path} in {within_s:g} s")
        assert self._answered_at is not None
        assert self._committed_at is not None
        return Change(
            self._answered_at - sent_at,
            [at - self._committed_at for feed, at in self._hinted.items()],
            [
                max(worker.seen_at - self._committed_at, 0.0)
                for worker in self._workers
                if worker.seen_at is not None
            ],
        )

    def _send_write(self) -> None:
        body = json.dumps(
            {
                "name": self._path[1:], "uris": self._path, "https_only": True,
                "upstream_url": "http://127.0.0.1:9",
            }
        ).encode()  # fmt: skip
        self._admin.send(
            b"POST /apis HTTP/1.1\r\nHost: benchmark\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
        )

    def _is_over(self) -> bool:
        return self._answered_at is not None and all(w.seen_at is not None for w in self._workers)

    def _turn(self) -> None:
        now = time.monotonic()
        due = [worker.ask_at for worker in self._workers if worker.ask_at is not None]
        timeout_s = max(min(due) - now, 0.0) if due else 0.1
        for key, _ in self._selector.select(timeout_s):
            match key.data:
                case Feed() as feed:
                    self._take_events(feed)
                case _Worker() as worker:
                    self._take_answer(worker)
                case _:
                    self._take_written()
        now = time.monotonic()
        for worker in self._workers:
            if worker.ask_at is not None and worker.ask_at <= now:
                worker.ask(self._path)

    def _take_events(self, feed: Feed) -> None:
        for at, record in feed.take():
            if not isinstance(record, UserEventRecord):
                continue
            revision = int(record.payload.rpartition(b":")[2])
            if feed is self._feeds[0]:
                if self._committed_at is None:
                    self._committed_at, self._revision = at, revision
                    for worker in self._workers:
                        worker.ask(self._path)
            else:
                self._hinted.setdefault(feed, at)

    def _take_answer(self, worker: _Worker) -> None:
        answer = worker.socket.recv(READ_BYTES)
        now = time.monotonic()
        status = answer[8:13]
        if status == ROUTED:
            worker.seen_at = now
        elif status == NOT_ROUTED:
            assert self._committed_at is not None
            is_impatient = now - self._committed_at < IMPATIENT_FOR_S
            worker.ask_at = now + (PAUSE_S if is_impatient else PATIENT_PAUSE_S)
        else:
            raise ConnectionError(f"a worker answered {answer[:60]!r}")

    def _take_written(self) -> None:
        self._answer += self._admin.recv(READ_BYTES)
        head, separator, body = self._answer.partition(b"\r\n\r\n")
        if not separator or not body.endswith(b"\n"):
            return
        if not head.startswith(b"HTTP/1.1 201"):
            raise ConnectionError(f"the write was answered {self._answer[:200]!r}")
        self._answered_at = time.monotonic()


def _connect(port: int) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", port), 5)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def _one_per_worker(node: RunningNode, stack: ExitStack) -> list[socket.socket]:
    """Connect until every worker of a node has accepted one connection; return those."""
    missing = set(node.worker_pids())
    kept: list[socket.socket] = []
    for _ in range(MOST_CONNECTIONS):
        if not missing:
            return kept
        sock = stack.enter_context(_connect(node.proxy_port))
        sock.sendall(b"GET /nobody HTTP/1.1\r\nHost: benchmark\r\n\r\n")
        sock.recv(READ_BYTES)  # so it was accepted, and its owner is known
        inode = _inode_of_peer(sock)
        owner = next((pid for pid in missing if inode in _sockets(pid)), None)
        if owner is None:
            sock.close()
            continue
        missing.discard(owner)
        sock.setblocking(False)
        kept.append(sock)
    raise ConnectionError(f"no connection reached the workers {sorted(missing)}")


def _inode_of_peer(sock: socket.socket) -> str:
    """Return the inode of the other end of a loopback connection, from the kernel's table."""
    ours, theirs = sock.getsockname()[1], sock.getpeername()[1]
    for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        fields = line.split()
        local, remote = (int(field.partition(":")[2], 16) for field in fields[1:3])
        if (local, remote) == (theirs, ours):
            return fields[9]
    raise ConnectionError("the connection is not in the kernel's table")


def _sockets(pid: int) -> set[str]:
    """Return the inodes of the sockets that a process has open."""
    found = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        kind, _, inode = str(entry.readlink()).partition(":")
        if kind == "socket":
            found.add(inode.strip("[]"))
    return found
