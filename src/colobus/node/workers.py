"""The worker processes: started, fed, restarted when they crash, drained and stopped.

:class:`Workers` is the follower's sink: what it hands over goes to every worker in one order, and
:meth:`Workers.applied` tells when each of them routes by it. A worker that does not acknowledge is
named, not waited for in silence.
"""

import asyncio
import logging
import signal
import socket
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, assert_never

from colobus.changes.image import Image
from colobus.clock import Clock
from colobus.errors import NodeError
from colobus.model.change import Change, Snapshot
from colobus.model.schema import Row
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
    in_chunks,
)
from colobus.node.listeners import ProxyListeners
from colobus.node.lookups import LookupService
from colobus.node.pulse import Pulse
from colobus.node.questions import Answered, Questions
from colobus.node.writes import WriteService
from colobus.store.interface import LookupKey

__all__ = ["Launch", "Workers"]

CHUNK_ROWS = 500
"""Rows of one ReplaceRows frame, so that a worker serves requests in between."""

OUTBOX_LIMIT = 2_000
"""Messages waiting for a slow worker; past that they give way to one full replace."""

EARLY_DEATH_S = 1.0
"""A worker that lives shorter than this is restarted with a growing pause instead of at once."""

PURGE = ClearCache(0)

PAUSE_LIMIT_S = 5.0
TERMINATE_TIMEOUT_S = 5.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Launch:
    """What starting a worker takes.

    Attributes:
        listeners: the listening sockets; each slot has its own.
        counters_fd: shared counters. ``stats_fd``: shared statistics.
        settings: the content of the worker's Configure message, without its slot.
    """

    listeners: ProxyListeners
    counters_fd: int
    stats_fd: int
    settings: Mapping[str, Any]


class _Worker:
    """One running worker process and its end of the bus."""

    def __init__(self, slot: int, process: asyncio.subprocess.Process, bus: Bus) -> None:
        self.slot = slot
        self.process = process
        self.bus = bus
        self.ready = False
        self.applied = 0
        self.outbox: deque[Message] = deque()
        self._posted = asyncio.Event()

    def __str__(self) -> str:
        return f"worker {self.slot} (pid {self.process.pid})"

    def post(self, *messages: Message) -> None:
        self.outbox.extend(messages)
        self._posted.set()

    async def send_posted(self) -> None:
        """Send what is posted, in order, until the worker is gone."""
        while True:
            await self._posted.wait()
            self._posted.clear()
            while self.outbox:
                await self.bus.send(self.outbox.popleft())


class Workers:
    """Every worker of the node."""

    def __init__(
        self,
        launch: Launch,
        image: Image,
        lookups: LookupService,
        writes: WriteService,
        clock: Clock,
    ) -> None:
        self._launch = launch
        self._image = image
        self._lookups = lookups
        self._writes = writes
        self._clock = clock
        self._alive: dict[int, _Worker] = {}
        self._moved = Pulse()
        self._questions = Questions()
        self._stopping = asyncio.Event()

    # -- the follower's sink ---------------------------------------------------------------------

    async def apply(self, revision: int, changes: Sequence[Change]) -> None:
        """Hand changes to every worker."""
        self._image.apply(revision, changes)
        message = Apply(revision, [change.pack() for change in changes])
        for worker in self._alive.values():
            if len(worker.outbox) < OUTBOX_LIMIT:
                worker.post(message)
            else:
                logger.warning("%s does not keep up; it gets everything anew", worker)
                worker.outbox.clear()
                worker.post(*self._replace_messages())

    async def replace(self, snapshot: Snapshot) -> None:
        """Hand a whole snapshot to every worker."""
        self._image.replace(snapshot)
        for worker in self._alive.values():
            worker.outbox.clear()
            worker.post(*self._replace_messages())

    # -- what the rest of the node asks ----------------------------------------------------------

    async def wait_ready(self) -> None:
        """Return once every slot has a worker that accepts connections."""
        slots = range(len(self._launch.listeners.plain))
        while not all(slot in self._alive and self._alive[slot].ready for slot in slots):
            await self._moved.wait()

    async def applied(self, revision: int, timeout_s: float) -> list[str]:
        """Wait until every worker routes by ``revision``; return the names of those that do not.

        A worker that is starting routes nothing yet, and will not before it has caught up.
        """
        try:
            async with asyncio.timeout(timeout_s):
                while self._behind(revision):
                    await self._moved.wait()
        except TimeoutError:
            return [str(worker) for worker in self._behind(revision)]
        return []

    def reopen_logs(self) -> None:
        """Have every worker open its log files anew."""
        for worker in self._alive.values():
            worker.post(Reopen())

    async def ask(self, build: Callable[[int], Message], timeout_s: float) -> Answered:
        """Ask every worker that is ready; one that is far behind counts as silent."""
        asked = [worker for worker in self._alive.values() if worker.ready]
        prompt = [worker for worker in asked if len(worker.outbox) < OUTBOX_LIMIT]
        answered = await self._questions.ask(prompt, build, timeout_s)
        late = [str(worker) for worker in asked if worker not in prompt]
        return Answered(answered.answers, sorted([*answered.silent, *late]))

    def purge(self) -> None:
        """Have every worker forget what it looked up, without waiting for it."""
        for worker in self._alive.values():
            if not worker.outbox or worker.outbox[-1] != PURGE:
                worker.post(PURGE)

    def pids(self) -> dict[int, int]:
        """Return slot -> process id of the workers that are alive."""
        return {slot: worker.process.pid for slot, worker in self._alive.items()}

    def _behind(self, revision: int) -> list[_Worker]:
        return [w for w in self._alive.values() if w.ready and w.applied < revision]

    # -- their lives -----------------------------------------------------------------------------

    async def run(self) -> None:
        """Keep a worker in every slot until :meth:`stop`, then return when all are gone."""
        async with asyncio.TaskGroup() as group:
            for slot in range(len(self._launch.listeners.plain)):
                group.create_task(self._keep(slot), name=f"worker-{slot}")

    async def stop(self, drain_s: float | None) -> None:
        """End every worker: at once, or after draining for at most ``drain_s`` seconds."""
        self._stopping.set()
        workers = list(self._alive.values())
        for worker in workers:
            if drain_s is None:
                _signal(worker.process, signal.SIGTERM)
            else:
                worker.post(Drain(drain_s))
        limit = TERMINATE_TIMEOUT_S + (drain_s or 0.0)
        await asyncio.gather(*(_end(worker.process, limit) for worker in workers))

    async def _keep(self, slot: int) -> None:
        pause_s = 0.0
        while not self._stopping.is_set():
            started = self._clock.monotonic()
            await self._live(slot)
            if self._clock.monotonic() - started >= EARLY_DEATH_S:
                pause_s = 0.0
                continue
            pause_s = min(PAUSE_LIMIT_S, pause_s * 2 + 0.1)
            with suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._stopping.wait()

    async def _live(self, slot: int) -> None:
        """Run one worker process from its start to its end."""
        worker = await self._start(slot)
        self._alive[slot] = worker
        if self._stopping.is_set():
            _signal(worker.process, signal.SIGTERM)
        worker.post(Configure({**self._launch.settings, "slot": slot}), *self._replace_messages())
        try:
            async with asyncio.TaskGroup() as group:
                sender = group.create_task(worker.send_posted(), name=f"bus-{slot}")
                async for message in worker.bus.messages():
                    self._take(worker, message)
                sender.cancel()
        except* NodeError as errors:
            logger.error("%s: %s", worker, errors.exceptions[0])
        finally:
            del self._alive[slot]
            self._questions.gone(worker)
            await worker.bus.close()
            status = await _end(worker.process, TERMINATE_TIMEOUT_S)
            self._moved.beat()
        if not self._stopping.is_set():
            logger.error("%s ended unexpectedly with status %d; starting another", worker, status)

    async def _start(self, slot: int) -> _Worker:
        ours, theirs = socket.socketpair()
        listeners = self._launch.listeners
        plain = listeners.plain[slot].fileno()
        secure = [listeners.secure[slot].fileno()] if listeners.secure else []
        fds = [theirs.fileno(), plain, *secure, self._launch.counters_fd, self._launch.stats_fd]
        arguments = [
            f"--bus={theirs.fileno()}",
            f"--counters={self._launch.counters_fd}",
            f"--stats={self._launch.stats_fd}",
            f"--listen={plain}",
            *(f"--listen-ssl={fd}" for fd in secure),
        ]
        with theirs:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "colobus.node.worker", *arguments,
                stdin=asyncio.subprocess.DEVNULL, pass_fds=fds,
            )  # fmt: skip
        ours.setblocking(False)
        return _Worker(slot, process, await Bus.open(ours))

    def _replace_messages(self) -> list[Message]:
        messages: list[Message] = [Replace(self._image.revision)]
        for kind, rows in self._image.rows().items():
            messages.extend(ReplaceRows(kind, chunk) for chunk in in_chunks(rows, CHUNK_ROWS))
        messages.append(Replaced(self._image.revision))
        return messages

    def _take(self, worker: _Worker, message: Message) -> None:
        match message:
            case Ready(revision):
                worker.ready = True
                worker.applied = revision
                self._moved.beat()
            case Applied(revision):
                worker.applied = revision
                self._moved.beat()
            case LookUp(kind, field, value):
                self._lookups.ask(LookupKey(kind, field, value), _Replier(worker))
            case CacheAnswer():
                self._questions.answer(worker, message)
            case Write(number, steps):
                self._writes.ask(number, steps, worker.post)
            case (
                Configure() | Replace() | ReplaceRows() | Replaced() | Apply()
                | Answers() | Failed() | Drain() | Reopen() | ReadCache() | ForgetCached() | ClearCache()
                | Written() | NotWritten()
            ):  # fmt: skip
                raise NodeError(f"{type(message).__name__} came from the worker")
            case _:
                assert_never(message)


class _Replier:
    """Sends the answer of one look-up to the worker that asked."""

    def __init__(self, worker: _Worker) -> None:
        self._worker = worker

    def __call__(self, key: LookupKey, revision: int, rows: Sequence[Row] | None) -> None:
        question = [key.kind, key.field, key.value]
        if rows is None:
            self._worker.post(Failed("the datastore gave no answer", [question]))
        else:
            self._worker.post(Answers(revision, [[*question, list(rows)]]))


def _signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    if process.returncode is None:
        process.send_signal(number)


async def _end(process: asyncio.subprocess.Process, limit_s: float) -> int:
    """Wait for the process to end, killing it after ``limit_s`` seconds; return its status."""
    try:
        async with asyncio.timeout(limit_s):
            return await process.wait()
    except TimeoutError:
        logger.warning("worker pid %d did not end in time and is killed", process.pid)
        _signal(process, signal.SIGKILL)
        return await process.wait()
