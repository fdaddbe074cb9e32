"""The membership machine with real sockets: asyncio pumps, the machine decides.

One UDP and one TCP socket on the same address. After every input the machine's outputs are taken:
datagrams sent, streams opened, written and closed, facts handed to the owner, one timer armed.
"""

import asyncio
import logging
import os
import socket
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from colobus.clock import Clock
from colobus.cluster.machine import ClusterMachine
from colobus.cluster.serf.facts import Fact, LeaveDone
from colobus.cluster.swim.addresses import Address
from colobus.cluster.swim.streams import REFUSED, OpenStream, StreamWrite
from colobus.errors import ClusterError

__all__ = ["ClusterAgent", "bind_cluster"]

T = TypeVar("T")

DATAGRAM_BYTES = 65_536
DATAGRAMS_PER_READ = 256
"""So that a flood of datagrams leaves time for everything else."""

RECEIVE_BUFFER_BYTES = 2 * 1024 * 1024
"""What memberlist asks the kernel for: a burst of gossip must not be lost while we are busy."""

READ_BYTES = 65_536
MOST_LISTENERS = 8
"""Beside the owner: the RPC endpoint is one."""

LEAVE_MARGIN_S = 1.0
"""What a busy process may add to the longest leave of the machine."""

CLOSE_S = 10.0
"""How long a peer may take to read the last bytes of a stream before it is cut off."""

logger = logging.getLogger(__name__)


def bind_cluster(address: tuple[str, int]) -> tuple[socket.socket, socket.socket]:
    """Return a UDP and a listening TCP socket on one address.

    Raises:
        OSError: the address cannot be bound, by one of the two.
    """
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    stream = socket.socket(family, socket.SOCK_STREAM)
    datagrams = socket.socket(family, socket.SOCK_DGRAM)
    try:
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        stream.bind(address)
        stream.listen(128)
        datagrams.bind(stream.getsockname())
        datagrams.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
    except OSError:
        stream.close()
        datagrams.close()
        raise
    for sock in (stream, datagrams):
        sock.setblocking(False)
    return datagrams, stream


class ClusterAgent:
    """Runs one machine.

    Args:
        machine: not started.
        sockets: as :func:`bind_cluster` made them; closed by :meth:`close`.
        clock: time; its ``monotonic`` is the machine's ``now``.
        on_fact: told each fact, at once; it must not block.
    """

    def __init__(
        self,
        machine: ClusterMachine,
        sockets: tuple[socket.socket, socket.socket],
        clock: Clock,
        on_fact: Callable[[Fact], None],
    ) -> None:
        self.machine = machine
        self._datagrams, self._listener = sockets
        self._clock = clock
        self._on_fact = on_fact
        self._listeners: list[Callable[[Fact], None]] = []
        self._writers: dict[int, asyncio.StreamWriter] = {}
        self._dials: dict[int, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._has_left = asyncio.Event()

    @property
    def now(self) -> float:
        """The machine's time."""
        return self._clock.monotonic()

    async def start(self) -> None:
        """Take part, until :meth:`close`."""
        self._server = await asyncio.start_server(self._accept, sock=self._listener)
        asyncio.get_running_loop().add_reader(self._datagrams, self._read_datagrams)
        self.machine.start(self.now)
        self.pump()

    async def close(self) -> None:
        """Stop at once and close every socket; without a leave the others see a failure."""
        if self._timer is not None:
            self._timer.cancel()
        if self._server is not None:
            asyncio.get_running_loop().remove_reader(self._datagrams)
            self._server.close()
        self._datagrams.close()
        self._listener.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def leave(self) -> None:
        """Leave in good order, and return when the others know or had time to."""
        self.call(self.machine.leave)
        timeout_s = self.machine.timing.longest_leave_s + LEAVE_MARGIN_S
        try:
            async with asyncio.timeout(timeout_s):
                await self._has_left.wait()
        except TimeoutError:
            logger.warning("leaving the cluster took longer than %g s", timeout_s)

    def listen(self, listener: Callable[[Fact], None]) -> Callable[[], None]:
        """Tell facts to ``listener`` as well, after the owner; return what stops that.

        Raises:
            ClusterError: there are too many.
        """
        if len(self._listeners) >= MOST_LISTENERS:
            raise ClusterError(f"more than {MOST_LISTENERS} listen to the cluster")
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def call(self, command: Callable[[float], T]) -> T:
        """Give the machine a command that takes ``now``, and see to what follows from it."""
        result = command(self.now)
        self.pump()
        return result

    def pump(self) -> None:
        """Take everything the machine has to say."""
        machine = self.machine
        for datagram in machine.datagrams_to_send():
            self._send(datagram.data, datagram.address)
        for opening in machine.streams_to_open():
            self._spawn(self._dial(opening), opening.stream)
        for write in machine.stream_writes():
            self._write(write)
        while (fact := machine.next_event()) is not None:
            if isinstance(fact, LeaveDone):
                self._has_left.set()
            self._on_fact(fact)
            for listener in tuple(self._listeners):
                listener(fact)
        self._arm()

    def _send(self, data: bytes, address: Address) -> None:
        try:
            self._datagrams.sendto(data, address)
        except OSError as exc:
            # Datagrams may be lost, and the machine repeats what matters; see its docstring.
            logger.debug("datagram to %s:%d: %s", *address, exc)

    def _read_datagrams(self) -> None:
        for _ in range(DATAGRAMS_PER_READ):
            try:
                data, source = self._datagrams.recvfrom(DATAGRAM_BYTES)
            except BlockingIOError:
                break
            except OSError as exc:
                logger.debug("receiving a datagram: %s", exc)
                continue
            self.machine.receive_datagram(data, (source[0], source[1]), self.now)
        self.pump()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        deadline = self.machine.next_deadline()
        if deadline is not None:
            delay = max(0.0, deadline - self.now)
            self._timer = asyncio.get_running_loop().call_later(delay, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        # An ack that waits in the socket must not count as missing: after a pause there are many.
        self._read_datagrams()
        self.machine.handle_timer(self.now)
        self.pump()

    # Streams.

    def _spawn(self, work: Coroutine[Any, Any, None], dial: int | None = None) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if dial is not None:
            self._dials[dial] = task

    def _write(self, write: StreamWrite) -> None:
        """Write to a stream; its last bytes end it, and with it an attempt to connect."""
        writer = self._writers.get(write.stream)
        if writer is None:
            dial = self._dials.pop(write.stream, None)
            if dial is not None and write.is_last:
                dial.cancel()
            return
        if writer.is_closing():
            return
        writer.write(write.data)
        if write.is_last:
            del self._writers[write.stream]
            writer.close()
            # Closed by then, most likely; a peer that does not read would hold it for ever.
            asyncio.get_running_loop().call_later(CLOSE_S, writer.transport.abort)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer: tuple[str, int] | None = writer.get_extra_info("peername")
        stream = self.machine.accept_stream(self.now, peer[0] if peer else "")
        if stream is None:
            writer.close()
            return
        self._spawn(self._read_stream(stream, reader, writer))

    async def _dial(self, opening: OpenStream) -> None:
        try:
            reader, writer = await asyncio.open_connection(*opening.address)
        except ConnectionRefusedError:
            self._ended(opening.stream, REFUSED)
            return
        except OSError as exc:
            # asyncio's own text repeats the address.
            reason = os.strerror(exc.errno) if exc.errno else str(exc)
            self._ended(opening.stream, reason.lower())
            return
        finally:
            self._dials.pop(opening.stream, None)
        writer.write(opening.data)
        await self._read_stream(opening.stream, reader, writer)

    async def _read_stream(
        self, stream: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._writers[stream] = writer
        reason = "closed by the peer"
        try:
            while data := await reader.read(READ_BYTES):
                self.machine.receive_stream(stream, data, self.now)
                self.pump()
        except OSError as exc:
            reason = exc.strerror or str(exc)
        finally:
            self._writers.pop(stream, None)
            writer.close()
        self._ended(stream, reason)

    def _ended(self, stream: int, reason: str) -> None:
        self.machine.stream_ended(stream, self.now, reason)
        self.pump()
