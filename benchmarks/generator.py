"""A load generator for machines without wrk: one thread, many connections, one request at a time.

    python -m benchmarks.generator http://127.0.0.1:8000/ 48 1.5 '{"apikey": "secret"}'

It prints the fields of :class:`benchmarks.load.Load` as JSON. It is slower than wrk, so fewer
requests per second arrive; CPU time per request is measured all the same.
"""

import json
import selectors
import socket
import ssl
import sys
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from benchmarks.figures import percentile

__all__ = ["Answer", "run"]

READ_BYTES = 262_144
WAIT_S = 0.1
PATIENCE_S = 10.0


class Answer:
    """An answer as it arrives: whether it is whole, and what it says. Content-Length only."""

    __slots__ = ("data", "left", "status")

    def __init__(self) -> None:
        self.data = b""
        self.left = -1
        self.status = 0

    def feed(self, data: bytes) -> bool:
        """Take bytes; True as soon as the answer is whole."""
        if self.left >= 0:
            self.left -= len(data)
            return self.left <= 0
        self.data += data
        end = self.data.find(b"\r\n\r\n")
        if end < 0:
            return False
        head = self.data[:end].lower()
        self.status = int(head[9:12])
        length = head.partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0]
        self.left = int(length) - (len(self.data) - end - 4)
        return self.left <= 0


class _Connection:
    __slots__ = ("answer", "sent_at", "socket")

    def __init__(self, opened: socket.socket) -> None:
        self.socket = opened
        self.answer = Answer()
        self.sent_at = 0.0


class _Generator:
    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        parts = urlsplit(url)
        self.address = (parts.hostname or "", parts.port or 80)
        self.tls: ssl.SSLContext | None = None
        if parts.scheme == "https":
            self.tls = ssl.create_default_context()
            self.tls.check_hostname = False
            self.tls.verify_mode = ssl.CERT_NONE
        lines = [f"GET {parts.path} HTTP/1.1", f"Host: {parts.netloc}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self.request = "\r\n".join([*lines, "", ""]).encode()
        self.is_closing = headers.get("Connection") == "close"
        self.selector = selectors.DefaultSelector()
        self.latencies: list[float] = []
        self.errors = 0

    def open(self) -> None:
        """Connect, and send a first request."""
        opened = socket.create_connection(self.address, timeout=10)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.tls is not None:
            opened = self.tls.wrap_socket(opened)
        connection = _Connection(opened)
        self.selector.register(opened, selectors.EVENT_READ, connection)
        self.send(connection)

    def send(self, connection: _Connection) -> None:
        """Send the next request."""
        connection.answer = Answer()
        connection.sent_at = time.perf_counter()
        connection.socket.sendall(self.request)

    def receive(self, connection: _Connection) -> None:
        """Take what came; go on with the next request when the answer is whole."""
        data, whole = _read(connection)
        if data and not whole:
            return
        if whole and 200 <= connection.answer.status < 400:
            self.latencies.append(time.perf_counter() - connection.sent_at)
        else:
            self.errors += 1
        if whole and not self.is_closing:
            self.send(connection)
            return
        self.close(connection)
        self.open()

    def is_done(self, took: float, seconds: float, least: int) -> bool:
        """Say whether the time is over, and ``least`` requests are; for long, at most."""
        if took < seconds:
            return False
        return len(self.latencies) + self.errors >= least or took > seconds + PATIENCE_S

    def close(self, connection: _Connection) -> None:
        """Close a connection."""
        self.selector.unregister(connection.socket)
        connection.socket.close()


def _read(connection: _Connection) -> tuple[bytes, bool]:
    """Return the bytes that came last, none at the end, and whether the answer is whole."""
    while True:
        try:
            data = connection.socket.recv(READ_BYTES)
        except OSError:
            return b"", False
        whole = bool(data) and connection.answer.feed(data)
        # TLS may hold bytes that select does not see.
        if whole or not data or not _is_pending(connection.socket):
            return data, whole


def _is_pending(opened: socket.socket) -> bool:
    return isinstance(opened, ssl.SSLSocket) and opened.pending() > 0


def run(url: str, connections: int, seconds: float, headers: Mapping[str, str]) -> dict[str, Any]:
    """Send requests for ``seconds``, one per connection at least, and return a Load's fields."""
    generator = _Generator(url, headers)
    for _ in range(connections):
        generator.open()
    begin = time.perf_counter()
    while not generator.is_done(time.perf_counter() - begin, seconds, connections):
        for key, _ in generator.selector.select(WAIT_S):
            generator.receive(key.data)
    took = time.perf_counter() - begin
    for key in list(generator.selector.get_map().values()):
        generator.close(key.data)
    latencies = generator.latencies or [0.0]
    return {
        "requests": len(generator.latencies), "per_second": len(generator.latencies) / took,
        "p50_s": percentile(latencies, 50), "p99_s": percentile(latencies, 99),
        "errors": generator.errors,
    }  # fmt: skip


if __name__ == "__main__":
    target, count, length, fields = sys.argv[1:]
    print(json.dumps(run(target, int(count), float(length), json.loads(fields))))
