"""A whole gateway in a thread of the test: real sockets, a real loop, and a clock that can jump."""

import asyncio
import logging
import socket
from collections.abc import Callable, Coroutine, Iterable, Sequence
from concurrent.futures import Future
from threading import Thread
from types import TracebackType
from typing import Any, Self, TypeVar

from colobus.clock import Clock, SystemClock
from colobus.gateway.access_log import Sink
from colobus.gateway.chain import ChainTable
from colobus.gateway.contexts import ChooseContext
from colobus.gateway.loop import Loop
from colobus.gateway.resolver import Resolver
from colobus.gateway.router import Router
from colobus.gateway.selector import new_event_loop
from colobus.gateway.service import Gateway, GatewaySettings
from colobus.gateway.worker_stats import SLOT_BYTES, WorkerStats
from colobus.model.schema import Row
from colobus.plugins.base import Plugin
from colobus.testing.resolver import StaticResolver

__all__ = ["GatewayHarness", "JumpingClock", "PlainStats"]

T = TypeVar("T")

CALL_TIMEOUT_S = 10.0

logger = logging.getLogger(__name__)


class JumpingClock:
    """The time of the machine, plus what was jumped over."""

    def __init__(self) -> None:
        self.base = SystemClock()
        self.jumped = 0.0

    def monotonic(self) -> float:
        """Return monotonic seconds."""
        return self.base.monotonic() + self.jumped

    def time(self) -> float:
        """Return seconds since the epoch."""
        return self.base.time() + self.jumped


class PlainStats(WorkerStats):
    """The numbers of one worker, outside shared memory."""

    def __init__(self) -> None:
        super().__init__(memoryview(bytearray(SLOT_BYTES)))


class GatewayHarness:
    """A gateway that listens on a port of its own while it is entered.

    Args:
        apis: rows of APIs, with their ``id``.
        plugins: plugin instances.
        plugin_rows: rows of ``plugins``.
        settings: of the gateway.
        resolver: the addresses of upstreams; an empty table if left out.
        tls: finds certificates; clients are to speak TLS then.
        access_log: takes blocks of lines of the access log.

    Attributes:
        port: where it listens, on 127.0.0.1.
        stats: its numbers.
        failures: names of spawned work that raised.
    """

    def __init__(
        self,
        apis: Iterable[Row] = (),
        *,
        plugins: Sequence[Plugin] = (),
        plugin_rows: Iterable[Row] = (),
        settings: GatewaySettings | None = None,
        resolver: Resolver | None = None,
        tls: ChooseContext | None = None,
        access_log: Sink | None = None,
    ) -> None:
        self.tls = tls
        self.access_log = access_log
        self.router = Router(apis)
        self.chains = ChainTable(plugins)
        for row in plugin_rows:
            self.chains.put(row)
        self.settings = settings or GatewaySettings()
        self.resolver = resolver or StaticResolver()
        self.clock = JumpingClock()
        self.stats = PlainStats()
        self.failures: list[str] = []
        self.gateway: Gateway
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self._listener.setblocking(False)
        self.port: int = self._listener.getsockname()[1]
        self._started: Future[None] = Future()
        self._thread = Thread(target=self._run, name="gateway", daemon=True)
        self._stopped: asyncio.Event
        self._loop: asyncio.AbstractEventLoop
        self._group: asyncio.TaskGroup

    def __enter__(self) -> Self:
        self._thread.start()
        self._started.result(CALL_TIMEOUT_S)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join(CALL_TIMEOUT_S)
        self._listener.close()
        assert not self._thread.is_alive(), "the gateway did not stop"

    def connect(self, *, timeout: float = 10.0) -> socket.socket:
        """Return a new client connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout)

    def call(self, function: Callable[[], T]) -> T:
        """Call ``function`` in the gateway's thread and return what it returns."""
        done: Future[T] = Future()

        def run() -> None:
            try:
                done.set_result(function())
            except BaseException as error:  # noqa: BLE001  (raised again by the caller)
                done.set_exception(error)

        self._loop.call_soon_threadsafe(run)
        return done.result(CALL_TIMEOUT_S)

    def jump(self, seconds: float) -> None:
        """Let time pass: what was due meanwhile happens now."""

        def run() -> None:
            self.clock.jumped += seconds

        self.call(run)

    def drain(self, seconds: float) -> "Future[None]":
        """Let the gateway drain; the future is done once it is empty."""
        emptied: Future[None] = Future()
        self.call(lambda: self.gateway.drain(seconds, lambda: emptied.set_result(None)))
        return emptied

    def _run(self) -> None:
        data_path = Loop(self.clock)
        self._loop = loop = new_event_loop(data_path)
        try:
            loop.run_until_complete(self._serve(data_path, self.clock))
        except BaseException as error:
            if not self._started.done():
                self._started.set_exception(error)
            logger.exception("the gateway under test failed")
        finally:
            data_path.close()
            loop.close()

    async def _serve(self, data_path: Loop, clock: Clock) -> None:
        self._stopped = asyncio.Event()
        async with asyncio.TaskGroup() as self._group:
            self.gateway = Gateway(
                data_path,
                clock=clock,
                router=self.router,
                chains=self.chains,
                settings=self.settings,
                stats=self.stats,
                spawn=self._spawn,
                resolver=self.resolver,
                access_log=self.access_log,
            )
            if self.tls is None:
                self.gateway.listen(self._listener)
            else:
                self.gateway.listen_tls(self._listener, self.tls)
            self._started.set_result(None)
            await self._stopped.wait()
            self.gateway.abort()
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        self._group.create_task(self._guarded(work, name), name=name)

    async def _guarded(self, work: Coroutine[Any, Any, None], name: str) -> None:
        try:
            await work
        except Exception:
            self.failures.append(name)
            logger.exception("%s failed", name)
