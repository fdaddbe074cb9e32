"""Real nodes on loopback, started as an operator starts them, and what they tell as it happens.

A node tells its events over Serf's RPC, as it does to any client: :class:`Feed` reads them without
blocking, so that one loop can watch every node by one clock.
"""

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from benchmarks.cluster_support import RunningNode, wait_until
from colobus.cluster.rpc.protocol import ReplyReader, encode_request
from colobus.cluster.rpc.replies import StreamRecord
from colobus.cluster.rpc.requests import Handshake, Request, Subscribe

__all__ = ["Datastore", "Feed", "NodeCluster", "node_name", "statuses"]

READ_BYTES = 65_536


class Datastore:
    """Gives each cluster an empty datastore.

    Args:
        kind: ``sqlite``, a file; or ``postgres``, a new database on the server that the variables
            of libpq (PGHOST, PGPORT, PGUSER, PGPASSWORD) name, dropped afterwards.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind

    @contextmanager
    def fresh(self, folder: Path) -> Iterator[Mapping[str, object]]:
        """Yield the settings of a datastore that nobody has used."""
        if self.kind == "sqlite":
            yield {"sqlite_path": folder / "shared.db"}
            return
        name = f"colobus_benchmark_{secrets.token_hex(6)}"
        subprocess.run(["createdb", name], check=True)
        try:
            settings = {
                "database": "postgres", "pg_database": name,
                "pg_host": os.environ.get("PGHOST", "127.0.0.1"),
                "pg_port": os.environ.get("PGPORT", "5432"),
                "pg_user": os.environ.get("PGUSER", "colobus"),
            }  # fmt: skip
            password = os.environ.get("PGPASSWORD")
            yield settings | ({"pg_password": password} if password else {})
        finally:
            subprocess.run(["dropdb", "--if-exists", "--force", name], check=True)


class NodeCluster:
    """Nodes that share a datastore, all of them alive in everybody's eyes.

    Args:
        datastore: where they keep what they share.
        size: how many.
        workers: of each.
        settings: of every node.
        settings_of: further settings of one node, by its number.
    """

    def __init__(
        self,
        datastore: Datastore,
        size: int,
        *,
        workers: int = 1,
        settings: Mapping[str, object] | None = None,
        settings_of: Callable[[int], Mapping[str, object]] = lambda _number: {},
    ) -> None:
        self._datastore = datastore
        self._size = size
        self._settings = {
            "cluster_profile": "lan", "worker_processes": workers, "ssl": "off",
            "proxy_access_log": "off", **(settings or {}),
        }  # fmt: skip
        self._settings_of = settings_of
        self._stack = ExitStack()
        self.folder = Path()
        self.nodes: list[RunningNode] = []

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.folder = Path(tempfile.mkdtemp(prefix="colobus-cluster-"))
            stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
            shared = stack.enter_context(self._datastore.fresh(self.folder))
            self.nodes = [
                RunningNode(
                    self.folder / f"n{number}",
                    **shared,
                    **self._settings,
                    **self._settings_of(number),
                )
                for number in range(1, self._size + 1)
            ]
            for node in self.nodes:
                stack.callback(_end, node)
            self.nodes[0].start()  # alone: it brings the schema up to date
            for node in self.nodes[1:]:
                node.launch()
            for node in self.nodes[1:]:
                wait_until(node._answers, what=f"{node.prefix.name}", timeout_s=60)  # noqa: SLF001
            self.wait_whole()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def wait_whole(self, timeout_s: float = 60.0) -> None:
        """Return once every node sees every node alive."""
        alive = ["alive"] * len(self.nodes)
        wait_until(
            lambda: all(statuses(node) == alive for node in self.nodes),
            timeout_s=timeout_s,
            what="a whole cluster",
        )


def _end(node: RunningNode) -> None:
    """End a node by its process id; the clients of it as well."""
    node.kill()
    node.admin.close()
    node.proxy.close()


def statuses(node: RunningNode) -> list[str]:
    """Return the status of every member, as a node sees them; none while it does not answer."""
    try:
        listed = node.admin.get("/cluster").json()["data"]
    except httpx.TransportError:
        return []
    return [member["status"] for member in listed]


def node_name(node: RunningNode) -> str:
    """Return the name by which the cluster knows a node."""
    return (node.prefix / "serf" / "serf.id").read_text(encoding="utf-8").strip()


class Feed:
    """The events of one node, as they come.

    Attributes:
        socket: readable when there is something to :meth:`take`.
    """

    def __init__(self, node: RunningNode, events: str) -> None:
        host, _, port = str(node.settings["cluster_listen_rpc"]).rpartition(":")
        self.socket = socket.create_connection((host, int(port)), 5)
        self._reader = ReplyReader()
        self._ask(1, Handshake())
        self._ask(2, Subscribe(events))
        self.socket.setblocking(False)

    def close(self) -> None:
        """Disconnect."""
        self.socket.close()

    def take(self) -> Sequence[tuple[float, StreamRecord]]:
        """Return what has come, with the time at which it was read."""
        try:
            data = self.socket.recv(READ_BYTES)
        except BlockingIOError:
            return ()
        now = time.monotonic()
        if not data:
            raise ConnectionError("a node ended its feed")
        self._reader.receive(data)
        taken = []
        while (reply := self._reader.next_reply()) is not None:
            if reply.record is not None:
                taken.append((now, reply.record))
        return taken

    def _ask(self, sequence: int, request: Request) -> None:
        self._reader.expect(sequence, request)
        self.socket.sendall(encode_request(sequence, request))
        while (reply := self._reader.next_reply()) is None:
            self._reader.receive(self.socket.recv(READ_BYTES))
        if reply.error:
            raise ConnectionError(reply.error)
