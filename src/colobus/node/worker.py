"""A worker process: the data path of one core, fed over the node bus.

Started by the supervisor with its descriptors as arguments; everything else it is told. It has no
datastore connection and does not import the SQL stack. It ends when told to, or when the bus does.
"""

import argparse
import asyncio
import gc
import ipaddress
import logging
import random
import signal
import socket
import sys
from collections.abc import AsyncIterator, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, assert_never

from colobus.cache.fenced import FencedCache, Key
from colobus.cache.lookups import CachedLookups
from colobus.clock import Clock, SystemClock
from colobus.errors import NodeError, TlsError
from colobus.gateway.chain import ChainTable
from colobus.gateway.contexts import server_context
from colobus.gateway.counters import SharedCounters
from colobus.gateway.loop import Loop
from colobus.gateway.selector import new_event_loop
from colobus.gateway.service import Gateway
from colobus.gateway.settings import GatewaySettings, ServerTls, UpstreamTls
from colobus.gateway.stats import SharedStats
from colobus.logs.file import LogWriter
from colobus.model.change import Change
from colobus.node.bus import (
    Answers,
    Applied,
    Apply,
    Bus,
    CacheAnswer,
    ClearCache,
    Configure,
    Drain,
    Failed,
    ForgetCached,
    LookUp,
    Message,
    NotWritten,
    ReadCache,
    Ready,
    Reopen,
    Replace,
    Replaced,
    ReplaceRows,
    Write,
    Written,
)
from colobus.node.logs import configure_logging, reopen_error_log
from colobus.node.memory import Memory
from colobus.node.remote_writes import RemoteWrites
from colobus.plugins.context import Capabilities
from colobus.plugins.registry import load

__all__ = ["WorkerSettings", "main"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """What the supervisor tells a worker in its Configure message; plain msgpack values.

    Attributes:
        slot: the worker's number, from 0.
        log_level: Kong's name of it.
        salt: the datastore's, for tokens of secrets.
        custom_plugins: names beside the bundled ones.
        cache_bytes: memory for looked-up rows.
        access_log: path of the access log; None for none.
        error_log: path of the error log; None when it is not this node's to reopen.
        gateway: fields of GatewaySettings, ``trusted_ips`` as text, ``upstream_tls`` as fields.
        tls: fields of ServerTls; None when no client speaks TLS.
    """

    slot: int
    log_level: str
    salt: bytes
    custom_plugins: list[str]
    cache_bytes: int
    access_log: str | None
    error_log: str | None
    gateway: dict[str, Any]
    tls: dict[str, Any] | None

    def gateway_settings(self) -> GatewaySettings:
        """Return the settings of the data path."""
        trusted = tuple(ipaddress.ip_network(text) for text in self.gateway["trusted_ips"])
        upstream_tls = UpstreamTls(**self.gateway["upstream_tls"])
        fields = {**self.gateway, "trusted_ips": trusted, "upstream_tls": upstream_tls}
        return GatewaySettings(**fields)


@dataclass(frozen=True, slots=True)
class Inherited:
    """The descriptors a worker gets from the supervisor."""

    bus: int
    counters: int
    stats: int
    listen: int
    listen_ssl: int | None


class _Ended(Exception):  # noqa: N818  (control flow: leaves the task group)
    """The worker is to end now."""


class Worker:
    """One worker that knows its settings.

    Args:
        inherited: its descriptors.
        settings: what the supervisor told.
        bus: where messages come from and go to.
        data_path: the loop that asyncio shares this thread with.
        clock: time.
        group: owns every task.
    """

    def __init__(
        self,
        inherited: Inherited,
        settings: WorkerSettings,
        bus: Bus,
        data_path: Loop,
        clock: Clock,
        group: asyncio.TaskGroup,
    ) -> None:
        self.bus = bus
        self.clock = clock
        self.group = group
        self.ended = asyncio.Event()
        self.settings = settings
        self.inherited = inherited
        self.default_tls = (
            None if settings.tls is None else server_context(ServerTls(**settings.tls))
        )
        registry = load(settings.custom_plugins)
        stats = SharedStats.attach(inherited.stats).slot(settings.slot)
        stats.reset_gauges()
        cache = FencedCache(registry.catalog(), settings.salt, settings.cache_bytes)
        self.lookups = CachedLookups(cache, self.ask)
        self.writes = RemoteWrites(bus.post)
        self.counters = SharedCounters.attach(inherited.counters)
        self.plugins = registry.instantiate(self.capabilities)
        self.memory = Memory(cache, lambda: ChainTable(self.plugins))
        self.logs = LogWriter("access log")
        access_log = None
        if settings.access_log is not None:
            access_log = self.logs.open(Path(settings.access_log)).write
        self.gateway = Gateway(
            data_path,
            clock=clock,
            router=self.memory.router,
            chains=self.memory.chains,
            settings=settings.gateway_settings(),
            stats=stats,
            spawn=self.spawn,
            access_log=access_log,
        )
        self.is_listening = False
        self.sockets: list[socket.socket] = []

    def capabilities(self, plugin: str) -> Capabilities:
        """Return what the plugin of that name is given."""
        return Capabilities(
            lookups=self.lookups,
            writes=self.writes,
            counters=self.counters,
            clock=self.clock,
            random=random.SystemRandom(),
            logger=logging.getLogger(f"colobus.plugins.{plugin}"),
            spawn=self.spawn,
        )

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Run ``work`` beside everything else; its failure is logged and costs nothing else."""
        self.group.create_task(_guarded(work, name), name=name)

    async def serve(self, messages: AsyncIterator[Message]) -> None:
        """Act on the supervisor's messages until there are no more: then it is gone."""
        async for message in messages:
            self.take(message)
        self.ended.set()

    def take(self, message: Message) -> None:
        """Act on one message."""
        match message:
            case Replace() | ReplaceRows() | Replaced():
                self.take_image(message)
            case Apply(revision, changes):
                self.memory.apply(revision, [Change.unpack(packed) for packed in changes])
                self.bus.post(Applied(revision))
            case Answers():
                self.answered(message)
            case Failed():
                self.failed(message)
            case Written() | NotWritten():
                self.writes.answer(message)
            case Drain(seconds):
                self.gateway.drain(seconds, self.ended.set)
            case Reopen():
                self.reopen_logs()
            case ReadCache() | ForgetCached() | ClearCache():
                self.take_cache(message)
            case Configure() | Ready() | Applied() | LookUp() | CacheAnswer() | Write():
                raise NodeError(f"{type(message).__name__} came from the supervisor")
            case _:
                assert_never(message)

    def take_image(self, message: Replace | ReplaceRows | Replaced) -> None:
        """Take a part of everything anew."""
        match message:
            case Replace():
                self.memory.begin_replace()
            case ReplaceRows(kind, rows):
                self.memory.add(kind, rows)
            case Replaced(revision):
                self.replaced(revision)
            case _:
                assert_never(message)

    def take_cache(self, message: ReadCache | ForgetCached | ClearCache) -> None:
        """Do something with the cache, and say so if that is wanted."""
        cache = self.memory.cache
        key, rows = None, []
        match message:
            case ReadCache(keys=keys):
                for asked in keys:
                    kind, field, value = asked
                    found = cache.peek((kind, field, value))
                    if found:
                        key, rows = asked, list(found)
                        break
            case ForgetCached(keys=keys):
                for kind, field, value in keys:
                    cache.forget((kind, field, value))
            case ClearCache():
                cache.clear(self.memory.revision)
            case _:
                assert_never(message)
        if message.number:
            self.bus.post(CacheAnswer(message.number, key, rows, cache.counts()))

    def replaced(self, revision: int) -> None:
        """Route by ``revision`` and say so; the first time, start to listen."""
        self.memory.finish_replace(revision)
        self.gateway.router = self.memory.router
        self.gateway.chains = self.memory.chains
        if self.is_listening:
            self.bus.post(Applied(revision))
            return
        self.is_listening = True
        # What exists now lives as long as the worker: collections need not look at it again.
        gc.collect()
        gc.freeze()
        self.listen()
        self.bus.post(Ready(revision))

    def listen(self) -> None:
        """Accept connections; the sockets stay open for as long as the worker lives."""
        self.sockets.append(socket.socket(fileno=self.inherited.listen))
        self.gateway.listen(self.sockets[-1])
        default = self.default_tls
        if default is not None and self.inherited.listen_ssl is not None:
            self.sockets.append(socket.socket(fileno=self.inherited.listen_ssl))
            # One certificate for every name that clients ask for.
            self.gateway.listen_tls(self.sockets[-1], lambda _: default)

    def stop(self) -> None:
        """End now: requests under way are broken off, and logged."""
        self.gateway.drain(0.0, self.ended.set)

    def reopen_logs(self) -> None:
        """Open log files anew, after a rotation; what was logged before goes to the old ones."""
        if self.settings.error_log is not None:
            reopen_error_log(Path(self.settings.error_log))
        self.gateway.flush_log()
        self.logs.reopen()
        for plugin in self.plugins:
            plugin.reopen_logs()

    def close(self) -> None:
        """Write what is still to be logged."""
        self.gateway.flush_log()
        self.logs.close()
        for plugin in self.plugins:
            plugin.close()

    def answered(self, message: Answers) -> None:
        """Hand answers to who asked."""
        for kind, field, value, rows in message.answers:
            self.lookups.answer((kind, field, value), rows, message.revision)

    def failed(self, message: Failed) -> None:
        """Tell who asked that there is no answer."""
        for kind, field, value in message.keys:
            self.lookups.fail((kind, field, value), message.reason)

    def ask(self, key: Key) -> None:
        """Send a look-up to the supervisor."""
        self.bus.post(LookUp(*key))


async def _guarded(work: Coroutine[Any, Any, None], name: str) -> None:
    try:
        await work
    except Exception:  # the top of a task: whatever it is, the worker goes on
        logger.exception("%s failed", name)


async def run(inherited: Inherited, data_path: Loop, clock: Clock) -> None:
    """Serve until the supervisor is gone or a drain is over.

    Raises:
        NodeError: the supervisor speaks another version, or a file of TLS cannot be used.
    """
    bus = await Bus.open(socket.socket(fileno=inherited.bus))
    messages = bus.messages()
    first = await anext(messages, None)
    if not isinstance(first, Configure):
        raise NodeError("the supervisor did not say how to start")
    settings = WorkerSettings(**first.settings)
    configure_logging(settings.log_level)
    try:
        async with asyncio.TaskGroup() as group:
            worker = Worker(inherited, settings, bus, data_path, clock, group)
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, worker.stop)
            group.create_task(worker.serve(messages), name="bus")
            await worker.ended.wait()
            worker.close()
            raise _Ended
    except* _Ended:
        await bus.close()
    except* TlsError as errors:
        raise NodeError(str(errors.exceptions[0])) from errors


def main(arguments: Sequence[str]) -> int:
    """Run a worker with the descriptors that ``arguments`` name."""
    parser = argparse.ArgumentParser(prog="colobus.node.worker", description=__doc__)
    for name in ("bus", "counters", "stats"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--listen", type=int, required=True)
    parser.add_argument("--listen-ssl", type=int)
    options = parser.parse_args(arguments)
    inherited = Inherited(**vars(options))
    # A terminal sends these to every process of its group; the supervisor decides what they mean.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGQUIT, signal.SIG_IGN)
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)  # the supervisor says on the bus when to reopen
    clock = SystemClock()
    data_path = Loop(clock)
    loop = new_event_loop(data_path)
    try:
        loop.run_until_complete(run(inherited, data_path, clock))
    except NodeError as exc:
        logger.critical("%s", exc)
        return 1
    finally:
        data_path.close()
        loop.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
