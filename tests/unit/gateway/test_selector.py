"""asyncio and the data path in one thread, with every build of the loop."""

import asyncio
import os
import signal
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from colobus.clock import SystemClock
from colobus.gateway.selector import LoopSelector, new_event_loop
from support.builds import load_builds

BUILDS = load_builds("colobus.gateway.loop")
PATIENCE_S = 10.0


@pytest.fixture(params=BUILDS.values(), ids=list(BUILDS))
def build(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture
def loop(build: Any) -> Iterator[Any]:
    """A loop that counts its turns."""

    class CountingLoop(build.Loop):  # type: ignore[misc]  # the class is chosen at run time
        turns = 0

        def turn(self, timeout_ms: int) -> None:
            self.turns += 1
            super().turn(timeout_ms)

    loop = CountingLoop(SystemClock())
    yield loop
    loop.close()


@pytest.fixture
def events(loop: Any) -> Iterator[asyncio.SelectorEventLoop]:
    events = new_event_loop(loop)
    yield events
    events.close()


@pytest.fixture
def echo(build: Any, loop: Any) -> Iterator[tuple[str, int]]:
    """Address of an echo server on the data path."""

    class Echo(build.Protocol):  # type: ignore[misc]  # the class is chosen at run time
        def connection_made(self, transport: Any) -> None:
            self.transport = transport

        def data_received(self, data: bytes) -> None:
            self.transport.write(data)

        def eof_received(self) -> None:
            self.transport.close()

    with socket.create_server(("127.0.0.1", 0)) as sock:
        sock.setblocking(False)
        loop.listen(sock, Echo)
        yield sock.getsockname()


def run(events: asyncio.AbstractEventLoop, work: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(PATIENCE_S):
            await work()

    events.run_until_complete(bounded())


def soon(loop: Any, callback: Callable[[], object], after_s: float = 0.0) -> None:
    """Call from the data path, with asyncio asleep by then."""
    loop.timers.schedule(loop.clock.monotonic() + after_s, callback)


def test_asyncio_timers_are_kept(events: asyncio.SelectorEventLoop, loop: Any) -> None:
    async def work() -> None:
        started = events.time()
        await asyncio.sleep(0.05)
        assert events.time() - started >= 0.05
        await asyncio.sleep(0)

    run(events, work)


def test_asyncio_streams_talk_to_the_data_path(
    events: asyncio.SelectorEventLoop, echo: tuple[str, int]
) -> None:
    async def talk(number: int) -> None:
        reader, writer = await asyncio.open_connection(*echo)
        for size in (1, 1000, 300_000):
            writer.write(bytes((number,)) * size)
            assert await reader.readexactly(size) == bytes((number,)) * size
        writer.write_eof()
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()

    async def work() -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(8):
                group.create_task(talk(number))

    run(events, work)


def test_asyncio_servers_and_clients_talk_to_each_other(
    events: asyncio.SelectorEventLoop,
) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.readline()).upper())
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async def work() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(b"hello\n")
            assert await reader.read() == b"HELLO\n"
            writer.close()
            await writer.wait_closed()

    run(events, work)


def test_neither_side_spins_when_idle(events: asyncio.SelectorEventLoop, loop: Any) -> None:
    async def work() -> None:
        before = loop.turns
        await asyncio.sleep(0.15)
        assert loop.turns - before <= 6

    run(events, work)


def test_timers_of_the_data_path_do_not_wake_asyncio(
    events: asyncio.SelectorEventLoop, loop: Any
) -> None:
    fired: list[float] = []

    class CountingSelector(LoopSelector):
        selections = 0

        def select(self, timeout: float | None = None) -> Any:
            self.selections += 1
            return super().select(timeout)

    selector = CountingSelector(loop)
    for number in range(5):
        soon(loop, lambda: fired.append(loop.now), number * 0.02)
    assert selector.select(0.2) == []
    assert len(fired) == 5
    assert selector.selections == 1
    selector.close()


def test_a_task_spawned_by_the_data_path_runs_at_once(
    events: asyncio.SelectorEventLoop, loop: Any
) -> None:
    done = asyncio.Event()
    tasks: list[asyncio.Task[None]] = []

    async def plugin() -> None:
        await asyncio.sleep(0)
        done.set()

    async def work() -> None:
        soon(loop, lambda: tasks.append(events.create_task(plugin())), 0.02)
        await done.wait()

    run(events, work)


def test_a_future_resolved_by_the_data_path_wakes_its_waiter(
    events: asyncio.SelectorEventLoop, loop: Any
) -> None:
    async def work() -> None:
        future = events.create_future()
        soon(loop, lambda: future.set_result(5), 0.02)
        assert await future == 5

    run(events, work)


def test_an_asyncio_timer_set_by_the_data_path_is_kept(
    events: asyncio.SelectorEventLoop, loop: Any
) -> None:
    async def work() -> None:
        future = events.create_future()
        soon(loop, lambda: events.call_later(0.02, future.set_result, 5), 0.02)
        assert await future == 5

    run(events, work)


def test_a_callback_for_soon_may_resolve_a_future(
    events: asyncio.SelectorEventLoop, loop: Any
) -> None:
    async def work() -> None:
        future = events.create_future()
        loop.call_soon(lambda: future.set_result(5))
        assert await future == 5

    run(events, work)


def test_wake_from_a_callback_ends_the_wait(loop: Any) -> None:
    selector = LoopSelector(loop)
    soon(loop, selector.wake, 0.02)
    assert selector.select(None) == []
    loop.call_soon(selector.wake)
    assert selector.select(None) == []
    selector.close()


def test_a_wait_ends_with_its_timeout_and_not_before(loop: Any) -> None:
    selector = LoopSelector(loop)
    started = loop.clock.monotonic()
    assert selector.select(0.05) == []
    assert loop.clock.monotonic() - started >= 0.05
    assert selector.select(0) == []
    assert selector.select(-1) == []
    selector.close()


def test_time_spent_in_asyncio_does_not_delay_the_data_path(loop: Any) -> None:
    selector = LoopSelector(loop)
    loop.now -= PATIENCE_S  # asyncio was busy for so long
    started = loop.clock.monotonic()
    soon(loop, selector.wake, 0.02)
    assert selector.select(None) == []
    assert loop.clock.monotonic() - started < PATIENCE_S / 2
    selector.close()


def test_ready_descriptors_are_returned(loop: Any) -> None:
    selector = LoopSelector(loop)
    near, far = socket.socketpair()
    with near, far:
        key = selector.register(near, 1)
        assert selector.select(0) == []
        far.send(b"x")
        assert selector.select(None) == [(key, 1)]
        assert selector.select(0) == [(key, 1)]
        assert selector.select(0.5) == [(key, 1)]
    selector.close()


def test_another_thread_wakes_asyncio(events: asyncio.SelectorEventLoop) -> None:
    async def work() -> None:
        future = events.create_future()
        thread = threading.Thread(target=lambda: events.call_soon_threadsafe(future.set_result, 5))
        thread.start()
        assert await future == 5
        thread.join()
        assert await events.run_in_executor(None, lambda: 6) == 6
        await events.shutdown_default_executor()

    run(events, work)


def test_signals_reach_asyncio(events: asyncio.SelectorEventLoop, loop: Any) -> None:
    async def work() -> None:
        received = asyncio.Event()
        events.add_signal_handler(signal.SIGUSR1, received.set)
        for send_in in (0.0, 0.05):
            soon(loop, lambda: os.kill(os.getpid(), signal.SIGUSR1), send_in)
            await received.wait()
            received.clear()
        events.remove_signal_handler(signal.SIGUSR1)

    run(events, work)


def test_the_data_path_outlives_asyncio(
    events: asyncio.SelectorEventLoop, loop: Any, echo: tuple[str, int]
) -> None:
    events.close()
    with socket.create_connection(echo) as client:
        client.sendall(b"x")
        client.setblocking(False)
        deadline = loop.clock.monotonic() + PATIENCE_S
        while loop.clock.monotonic() < deadline:
            loop.turn(20)
            try:
                assert client.recv(10) == b"x"
            except BlockingIOError:
                continue
            break
    assert not loop.foreign


def test_asyncio_may_be_closed_after_the_loop(build: Any) -> None:
    loop = build.Loop(SystemClock())
    events = new_event_loop(loop)
    loop.close()
    events.close()
