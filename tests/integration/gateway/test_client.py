"""One client connection, turn by turn: what it holds, when it reads, how long it waits.

Loop, client and clock are in the test's own thread, so that every step is seen alone.
"""

import asyncio
import socket
from collections.abc import Coroutine, Iterator
from typing import Any

import pytest

from colobus.gateway.chain import ChainTable
from colobus.gateway.client import HELD_BYTES
from colobus.gateway.loop import Loop
from colobus.gateway.router import Router
from colobus.gateway.service import Gateway, GatewaySettings
from colobus.plugins.context import Exchange
from colobus.testing.clock import ManualClock
from colobus.testing.gateway import PlainStats
from colobus.testing.resolver import StaticResolver
from support.phases import plugin, plugin_row

pytestmark = pytest.mark.integration

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
CLOSE = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
WAIT = b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n"
ENDED = b"<ended>"
"""Stands in what a client received for the end of the connection."""


async def wait_for_ever(_: Exchange) -> None:
    """Stand for a plugin that waits."""
    await asyncio.Event().wait()


class Fixture:
    """One connection to a gateway where nothing has an API, and the path /wait waits."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.loop = Loop(self.clock)
        self.stats = PlainStats()
        self.spawned: list[Coroutine[Any, Any, None]] = []
        waiting = plugin(rewrite=lambda x: wait_for_ever(x) if x.request.path == "/wait" else None)
        chains = ChainTable([waiting])
        chains.put(plugin_row())
        self.gateway = Gateway(
            self.loop,
            clock=self.clock,
            router=Router(),
            chains=chains,
            settings=GatewaySettings(),
            stats=self.stats,
            spawn=lambda work, _name: self.spawned.append(work),
            resolver=StaticResolver(),
        )
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.setblocking(False)
        self.gateway.listen(self.listener)
        self.sock = socket.create_connection(self.listener.getsockname())
        self.sock.setblocking(False)
        self.turn()
        (self.client,) = self.gateway.environment.clients

    def turn(self) -> None:
        """Let everything happen that can happen now; the loopback delivers at once."""
        for _ in range(4):
            self.loop.turn(0)

    def receive(self, data: bytes) -> bytes:
        """Send ``data`` to the gateway; return what it sends in turn."""
        self.sock.sendall(data)
        self.turn()
        return self.read()

    def wait(self, seconds: float) -> bytes:
        """Let time pass; return what the gateway sends meanwhile."""
        self.clock.advance(seconds)
        self.turn()
        return self.read()

    def read(self, limit: int = 1 << 30) -> bytes:
        """Return what the client has received, up to about ``limit`` bytes."""
        pieces = []
        size = 0
        while size < limit:
            try:
                piece = self.sock.recv(65_536)
            except BlockingIOError:
                self.turn()
                try:
                    piece = self.sock.recv(65_536)
                except BlockingIOError:
                    break
            pieces.append(piece or ENDED)
            size += len(piece)
            if not piece:
                break
        return b"".join(pieces)

    def stuff(self) -> None:
        """Send the client more than it takes, as an answer would."""
        while not self.client.write_paused:
            self.client.send(b"x" * 100_000)

    def close(self) -> None:
        """End the connection, and what waits for it."""
        self.sock.close()
        self.gateway.abort()
        self.turn()
        self.loop.close()
        self.listener.close()
        asyncio.run(self.run_spawned())

    async def run_spawned(self) -> None:
        """Run what was spawned to its end."""
        async with asyncio.timeout(5), asyncio.TaskGroup() as group:
            for work in self.spawned:
                group.create_task(work)


@pytest.fixture
def made() -> Iterator[Fixture]:
    fixture = Fixture()
    yield fixture
    fixture.close()


def test_each_request_gets_its_answer(made: Fixture) -> None:
    for _ in range(3):
        assert made.receive(GET).startswith(b"HTTP/1.1 404 ")
    assert made.stats.total_requests == 3
    assert made.stats.connections_waiting == 1


def test_a_head_in_single_bytes_is_read_once_it_is_complete(made: Fixture) -> None:
    for position in range(len(GET) - 1):
        assert made.receive(GET[position : position + 1]) == b""
    assert made.receive(GET[-1:]).startswith(b"HTTP/1.1 404 ")


def test_a_head_without_an_end_is_refused(made: Fixture) -> None:
    sent = b""
    while not sent:
        sent = made.receive(b"a" * 1000)
    assert sent.startswith(b"HTTP/1.1 414 ")
    assert sent.endswith(ENDED)


def test_requests_wait_while_the_client_does_not_read(made: Fixture) -> None:
    made.stuff()
    count = 10 + HELD_BYTES // len(GET)
    made.sock.sendall(GET * count)
    made.turn()
    assert made.stats.total_requests == 0
    assert made.client.paused
    received = made.read()
    while made.stats.total_requests < count:
        received += made.read()
    received += made.read()
    assert received.count(b"HTTP/1.1 404 ") == count
    assert not made.client.paused


def test_a_body_that_was_held_is_read_on(made: Fixture) -> None:
    """The held bytes are the reason to pause, and end in the request that needs more of them."""
    made.stuff()
    head = b"PUT /wait HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n"
    made.sock.sendall(head + b"x" * (HELD_BYTES - 20))
    made.turn()
    assert made.client.paused
    made.read()
    assert len(made.spawned) == 1
    made.sock.sendall(b"x" * 100)
    made.turn()
    body = made.client.body
    assert body is not None
    assert body.size == HELD_BYTES + 80
    assert made.client.paused  # now the body is as much as is held for a plugin


@pytest.mark.parametrize(
    ("sent", "seconds", "answer", "is_lingering"),
    [
        (b"", 60.2, b"", False),
        (b"GET", 60.2, b"HTTP/1.1 408 ", True),
        (GET, 75.2, b"", False),
        (GET + b"GET", 60.2, b"HTTP/1.1 408 ", True),
        (WAIT.replace(b"\r\n\r\n", b"\r\nContent-Length: 9\r\n\r\n"), 60.2, b"HTTP/1.1 408 ", True),
        (GET.replace(b"\r\n\r\n", b"\r\nContent-Length: 9\r\n\r\n"), 60.2, b"", True),
    ],
)
def test_every_wait_for_the_client_is_bounded(
    made: Fixture, sent: bytes, seconds: float, answer: bytes, *, is_lingering: bool
) -> None:
    made.receive(sent)
    assert made.wait(seconds - 1) == b""
    got = made.wait(1)
    assert got.startswith(answer)
    assert got.endswith(ENDED)
    assert bool(answer) == (got != ENDED)
    assert made.gateway.active == int(is_lingering)
    made.wait(5.2)
    assert made.gateway.active == 0
    assert len(made.loop.timers) == 0


def test_a_plugin_may_take_its_time(made: Fixture) -> None:
    made.receive(WAIT)
    assert made.wait(3600) == b""
    assert made.gateway.active == 1


def test_a_client_that_reads_slowly_but_does_is_waited_for(made: Fixture) -> None:
    made.stuff()
    for _ in range(5):
        before = made.client.transport.buffered
        for _ in range(1000):
            made.read(8192)
            if made.client.transport.buffered < before:
                break
        made.clock.advance(60.2)
        made.loop.turn(0)
        assert made.gateway.active == 1
        made.stuff()
    made.clock.advance(60.2)
    made.loop.turn(0)
    made.clock.advance(60.2)
    made.turn()
    assert made.gateway.active == 0


def test_closing_waits_for_what_is_unsent_but_not_for_ever(made: Fixture) -> None:
    made.receive(WAIT.replace(b"/wait", b"/"))
    made.stuff()
    made.client.close()
    made.turn()
    assert made.gateway.active == 1
    made.clock.advance(60.2)
    made.turn()
    assert made.gateway.active == 0
    assert made.stats.connections_active == 0
    assert len(made.loop.timers) == 0


def test_the_last_answer_is_sent_before_the_end(made: Fixture) -> None:
    received = made.receive(CLOSE)
    assert received.startswith(b"HTTP/1.1 404 ")
    assert received.endswith(ENDED)
    assert made.gateway.active == 0


def test_a_client_that_shuts_its_side_before_it_is_answered_has_left(made: Fixture) -> None:
    made.receive(WAIT)
    made.sock.shutdown(socket.SHUT_WR)
    made.turn()
    assert made.gateway.active == 0
    assert made.stats.connections_active == 0


@pytest.mark.parametrize("sent", [b"", GET, b"GET / HT"])
def test_a_client_that_ends_between_requests_is_closed(made: Fixture, sent: bytes) -> None:
    made.receive(sent)
    made.sock.shutdown(socket.SHUT_WR)
    made.turn()
    assert made.read() == ENDED
    assert made.gateway.active == 0
