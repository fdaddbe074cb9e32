"""The listener over a connection that does as it is told; ``tests/integration`` has a real one."""

import asyncio
import logging
from collections.abc import Callable
from random import Random
from typing import Any, cast

import asyncpg
import pytest

from colobus.store.postgres.connector import Connector
from colobus.store.postgres.listener import Listener


class StandInConnection:
    def __init__(self, failure: Exception | None = None) -> None:
        self.failure = failure
        self.take: Callable[..., None] | None = None
        self.lost: Callable[..., None] | None = None
        self.is_terminated = False

    def add_termination_listener(self, lost: Callable[..., None]) -> None:
        self.lost = lost

    async def add_listener(self, _channel: str, take: Callable[..., None]) -> None:
        if self.failure is not None:
            raise self.failure
        self.take = take

    def terminate(self) -> None:
        self.is_terminated = True


class StandInServer:
    """Gives out connections, and delivers or swallows what is sent."""

    def __init__(self, *, delivers: bool = True, failure: Exception | None = None) -> None:
        self.delivers = delivers
        self.failure = failure
        self.connections: list[StandInConnection] = []
        self.listener = Listener(cast("Connector", self), self.notify, Random(1))

    async def connect(self) -> Any:
        self.connections.append(StandInConnection(self.failure))
        return self.connections[-1]

    async def notify(self, message: str) -> None:
        take = self.connections[-1].take
        if self.delivers and take is not None:
            take(None, 0, "colobus", message)


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("colobus.store.postgres.listener.ARRIVAL_S", 0.01)
    monkeypatch.setattr("colobus.store.postgres.listener.FIRST_PAUSE_S", 0.001)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.001)


def is_listening(server: StandInServer) -> bool:
    return server.listener.is_listening


async def test_messages_are_passed_on_and_its_own_are_not() -> None:
    server = StandInServer()
    heard: list[str] = []
    connected = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(server.listener.run(heard.append, connected.set))
        await connected.wait()
        assert is_listening(server)
        await server.notify("news")
        await server.notify("hello 1234")  # of another node that proves its own connection
        assert heard == ["news"]
        running.cancel()
    assert not is_listening(server)
    assert server.listener.is_heard
    assert server.connections[0].is_terminated


async def test_a_lost_connection_is_made_anew(caplog: pytest.LogCaptureFixture) -> None:
    server = StandInServer()
    connects: list[int] = []
    async with asyncio.TaskGroup() as group:
        running = group.create_task(server.listener.run(lambda _: None, lambda: connects.append(1)))
        await until(lambda: len(connects) == 1)
        lost = server.connections[0].lost
        assert lost is not None
        lost(None)
        await until(lambda: len(connects) == 2)
        assert server.listener.is_listening
        running.cancel()
    warned = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warned) == 1
    assert "the connection was lost" in warned[0].getMessage()


async def test_messages_that_never_arrive_are_noticed(caplog: pytest.LogCaptureFixture) -> None:
    """A pooler of transactions takes LISTEN, and that was it."""
    server = StandInServer(delivers=False)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(
            server.listener.run(lambda _: None, lambda: pytest.fail("connected"))
        )
        await until(lambda: len(server.connections) == 3)
        assert not server.listener.is_listening
        assert not server.listener.is_heard
        running.cancel()
    assert caplog.text.count("as behind a pooler of transactions") == 1
    assert all(connection.is_terminated for connection in server.connections)


@pytest.mark.parametrize(
    "failure",
    [
        asyncpg.FeatureNotSupportedError("x"),
        asyncpg.PostgresSyntaxError("x"),
        asyncpg.UndefinedFunctionError("x"),
    ],
)
async def test_a_database_without_notifications_is_left_alone(failure: Exception) -> None:
    server = StandInServer(failure=failure)
    async with asyncio.timeout(20):
        await server.listener.run(lambda _: None, lambda: pytest.fail("connected"))
    assert len(server.connections) == 1


async def test_the_pauses_grow_to_their_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("colobus.store.postgres.listener.LONGEST_PAUSE_S", 0.003)
    slept: list[float] = []
    real_sleep = asyncio.sleep

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        await real_sleep(0)

    monkeypatch.setattr("colobus.store.postgres.listener.asyncio.sleep", sleep)
    server = StandInServer(failure=ConnectionRefusedError(111, "refused"))
    server.listener._rng = FixedRandom()
    server.listener._pause_s = 0.001
    running = asyncio.ensure_future(server.listener.run(lambda _: None, lambda: None))  # noqa: TID251  (ends below)
    while len(slept) < 5:
        await real_sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert slept[:5] == [0.001, 0.002, 0.003, 0.003, 0.003]


class FixedRandom(Random):
    """Draws the upper bound of every range."""

    def uniform(self, a: float, b: float) -> float:
        return max(a, b)
