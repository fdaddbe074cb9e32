"""Memory: of an idle worker, and of each idle client connection."""

import contextlib
import socket
import struct
from collections.abc import Iterator

from benchmarks.cases import EVERYBODY, Entrant
from benchmarks.figures import CaseResult, Figures
from benchmarks.fleet import FAILURES, Fleet, worded
from benchmarks.measure import memory_kib
from benchmarks.subjects import Proxy
from benchmarks.workload import Setup, Traffic

__all__ = ["measure_memory"]

RESET_AT_ONCE = struct.pack("ii", 1, 0)
"""SO_LINGER: ten thousand closed connections are not to wait in TIME_WAIT."""

MEMORY = Setup(purpose="memory")


def measure_memory(fleet: Fleet, idle: CaseResult, per_connection: CaseResult, count: int) -> None:
    """Measure freshly started proxies, one after the other.

    Args:
        fleet: where they come from.
        idle: takes the memory of a worker that served one request.
        per_connection: takes what each of ``count`` idle connections adds, in proportional memory
            of the worker; what the kernel holds for a socket comes on top, alike for all.
        count: how many connections.
    """
    for name in EVERYBODY:
        entrant = Entrant(name, name, MEMORY)
        proxy = fleet.start([entrant], idle).get(entrant)
        if proxy is None:
            continue
        try:
            before = memory_kib(proxy.worker_pid)
            idle.figures[name] = Figures()
            idle.figures[name].add(pss_mib=before["Pss"] / 1024, rss_mib=before["Rss"] / 1024)
            with contextlib.ExitStack() as held:
                for connection in _idle_connections(proxy, entrant.setup, count):
                    held.enter_context(connection)
                grown = memory_kib(proxy.worker_pid)["Pss"] - before["Pss"]
            per_connection.figures[name] = Figures()
            per_connection.figures[name].add(bytes_per_connection=grown * 1024 / count)
        except FAILURES as exc:
            per_connection.failed[name] = worded(exc)
        finally:
            fleet.end(entrant)


def _idle_connections(proxy: Proxy, setup: Setup, count: int) -> Iterator[socket.socket]:
    """Yield connections to the proxy over each of which one request was answered."""
    traffic = Traffic()
    lines = [f"GET {setup.uri}/{traffic.size} HTTP/1.1", f"Host: 127.0.0.1:{proxy.port}"]
    lines += [f"{name}: {value}" for name, value in traffic.headers.items()]
    request = "\r\n".join([*lines, "", ""]).encode()
    for _ in range(count):
        connection = socket.create_connection(("127.0.0.1", proxy.port), timeout=10)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_ONCE)
        yield connection
        connection.sendall(request)
        _read_answer(connection)


def _read_answer(connection: socket.socket) -> None:
    """Read the answer; it has a small body and arrives whole.

    Raises:
        ValueError: it is another than 200.
    """
    data = b""
    while not _is_whole(data):
        more = connection.recv(65_536)
        if not more:
            raise ConnectionError(f"closed after {data!r}")
        data += more
    if not data.startswith(b"HTTP/1.1 200"):
        raise ValueError(f"unexpected answer {data[:40]!r}")


def _is_whole(data: bytes) -> bool:
    head, end, body = data.partition(b"\r\n\r\n")
    length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
    return bool(end) and len(body) >= int(length or b"0")
