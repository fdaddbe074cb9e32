"""Client connections without sockets: what they hold, when they read, how they end."""

import asyncio
from collections.abc import Coroutine, Iterator
from typing import Any, cast

import pytest

from colobus.gateway.chain import ChainTable
from colobus.gateway.client import HELD_BYTES, ClientConnection
from colobus.gateway.environment import Environment
from colobus.gateway.loop import Loop, Transport
from colobus.gateway.router import Router
from colobus.gateway.settings import GatewaySettings
from colobus.plugins.context import Exchange
from colobus.testing.clock import ManualClock
from colobus.testing.gateway import PlainStats
from colobus.testing.resolver import StaticResolver
from support.fake_transport import FakeTransport
from support.phases import plugin, plugin_row

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


async def wait_for_ever(_: Exchange) -> None:
    """Stand for a plugin that waits."""
    await asyncio.Event().wait()


class Fixture:
    """One connection, its loop and its clock; nothing has an API, and /wait waits."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.loop = Loop(self.clock)
        self.stats = PlainStats()
        self.spawned: list[Coroutine[Any, Any, None]] = []
        waiting = plugin(rewrite=lambda x: wait_for_ever(x) if x.request.path == "/wait" else None)
        chains = ChainTable([waiting])
        chains.put(plugin_row())
        self.environment = Environment(
            self.loop,
            self.clock,
            Router(),
            chains,
            StaticResolver(),
            GatewaySettings(),
            self.stats,
            lambda work, _name: self.spawned.append(work),
        )
        self.client = ClientConnection(self.environment)
        self.transport = FakeTransport(self.client)
        self.client.connection_made(cast("Transport", self.transport))

    def receive(self, data: bytes) -> bytes:
        """Let data arrive; return what is sent in turn."""
        self.transport.protocol.data_received(data)
        self.loop.turn(0)
        sent, self.transport.sent = self.transport.sent, b""
        return sent

    def wait(self, seconds: float) -> bytes:
        """Let time pass; return what is sent meanwhile."""
        self.clock.advance(seconds)
        self.loop.turn(0)
        sent, self.transport.sent = self.transport.sent, b""
        return sent

    def close(self) -> None:
        """Lose the connection, which ends what waits for it."""
        self.transport.lose()
        self.loop.close()
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
    for _ in range(100):
        sent += made.receive(b"a" * 1000)
        if sent:
            break
    assert sent.startswith(b"HTTP/1.1 414 ")
    assert made.transport.is_shut


def test_requests_wait_while_the_client_does_not_read(made: Fixture) -> None:
    made.transport.buffered = 300_000
    made.client.pause_writing()
    assert made.receive(GET * 10) == b""
    assert made.receive(GET * (HELD_BYTES // len(GET))) == b""
    assert is_paused(made)
    made.transport.buffered = 0
    made.client.resume_writing()
    sent = made.receive(GET)
    while more := made.receive(b""):
        sent += more
    assert sent.count(b"HTTP/1.1 404 ") == 11 + HELD_BYTES // len(GET)
    assert not is_paused(made)


def is_paused(made: Fixture) -> bool:
    return not made.transport.reading


def test_a_body_that_was_held_is_read_on(made: Fixture) -> None:
    """The held bytes are the reason to pause, and end in the request that needs more of them."""
    made.client.pause_writing()
    head = b"PUT /wait HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n"
    made.receive(head + b"x" * (HELD_BYTES - 20))
    assert is_paused(made)
    made.client.resume_writing()
    assert len(made.spawned) == 1
    assert not is_paused(made)
    made.receive(b"x" * 100)
    assert is_paused(made)  # now the body is as much as is held for a plugin


@pytest.mark.parametrize(
    ("sent", "seconds", "answer", "ended"),
    [
        (b"", 60.2, b"", "close"),
        (b"GET", 60.2, b"HTTP/1.1 408 ", ""),
        (GET, 75.2, b"", "close"),
        (GET + b"GET", 60.2, b"HTTP/1.1 408 ", ""),
        (b"PUT /wait HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n", 60.2, b"HTTP/1.1 408 ", ""),
        (b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n", 60.2, b"", ""),
        (b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n", 3600.0, b"", ""),
    ],
)
def test_every_wait_for_the_client_is_bounded(
    made: Fixture, sent: bytes, seconds: float, answer: bytes, ended: str
) -> None:
    made.receive(sent)
    made.loop.turn(0)
    made.transport.sent = b""
    assert made.wait(seconds - 1) == b"" or seconds > 100
    got = made.wait(1)
    assert got.startswith(answer)
    assert bool(got) == bool(answer)
    assert made.transport.ended == ended
    if not ended and seconds < 100:
        assert made.transport.is_shut
        made.wait(6)
        assert made.transport.ended == "abort"


def test_a_client_that_reads_slowly_but_does_is_waited_for(made: Fixture) -> None:
    made.transport.buffered = 300_000
    made.client.pause_writing()
    for _ in range(5):
        made.transport.buffered -= 1000
        made.wait(60.2)
        assert made.transport.ended == ""
    made.wait(60.2)
    assert made.transport.ended == "abort"


def test_closing_waits_for_what_is_unsent_but_not_for_ever(made: Fixture) -> None:
    made.transport.buffered = 100
    made.receive(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert made.transport.ended == "close"
    made.wait(60.2)
    assert made.transport.ended == "abort"
    made.transport.lose()
    assert made.stats.connections_active == 0
    assert len(made.loop.timers) == 0


def test_a_client_that_shuts_its_side_before_it_is_answered_has_left(made: Fixture) -> None:
    made.receive(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
    made.client.eof_received()
    assert made.transport.ended == "abort"
    made.transport.lose()
    assert made.stats.connections_active == 0
    assert not made.environment.clients


@pytest.mark.parametrize("sent", [b"", GET, b"GET / HT"])
def test_a_client_that_ends_between_requests_is_closed(made: Fixture, sent: bytes) -> None:
    made.receive(sent)
    made.client.eof_received()
    assert made.transport.ended == "close"
