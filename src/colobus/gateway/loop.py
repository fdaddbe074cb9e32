"""The data path's event loop: epoll, TCP transports, listeners, connects. Knows no HTTP.

Shaped like asyncio, but small: no tasks, no futures, no streams. Everything runs in one thread;
a callback that blocks blocks the worker. ``selector.py`` puts asyncio beside it.

The rules every callback may rely on:

* Nothing is called re-entrantly: ``connection_lost`` and ``failed`` come after the dispatch in
  which their cause happened, exactly once, and nothing comes after them.
* A callback that raises is logged and costs its own connection, never the loop.
* A descriptor is closed only between two waits, so that no event of one wait can reach another
  connection that was given the same number.

Connections are watched edge-triggered: registered once, and reported when something came, not as
long as something is there. So a transport remembers that the kernel has more for it
(``readable``), and asks to be read again when nothing new would be reported; pausing and resuming
cost no system call, and a wait does not look at every connection that was ready in the last one.

This is the pure build; a compiled module of the same name and interface may take its place, which
is why loop, transports and listeners share one long file: there they share types.
"""

import contextlib
import errno
import logging
import os
import select
import socket
from collections.abc import Callable
from math import inf
from typing import Any, Final, Protocol as Interface

from colobus.clock import Clock
from colobus.gateway.timers import Timer, Timers

__all__ = ["BUILD", "Connecting", "Listener", "Loop", "Protocol", "Transport"]

BUILD: Final = "pure"

IN = select.EPOLLIN
OUT = select.EPOLLOUT
HANG_UP = select.EPOLLHUP | select.EPOLLERR
# The peer has shut its side, or there is no connection any more: behind the data comes an end.
END = select.EPOLLRDHUP | HANG_UP
# A peer's end that comes with data is reported with it, so that a short read need not be tried
# again to find the end; see epoll(7), EPOLLRDHUP.
READ = IN | select.EPOLLRDHUP | select.EPOLLET
READ_AND_WRITE = READ | OUT
# Workers share listening sockets; a new connection wakes one of them, not all.
ACCEPT = IN | select.EPOLLEXCLUSIVE

RECEIVE_BYTES = 65536
# Handles of one wait; the rest is reported by the next.
MAX_EVENTS = 512
# A worker that took a whole burst would leave the others idle.
ACCEPTS_PER_TURN = 16
ACCEPT_PAUSE_S = 1.0
# Pieces given to one sendmsg; Linux takes 1024.
PIECES_PER_SEND = 64
# Unsent bytes of one connection after which its protocol is asked to pause.
WRITE_HIGH_WATER = 262144

logger = logging.getLogger(__name__)


class Handler(Interface):
    """What the loop's table holds for a descriptor."""

    def on_event(self, events: int) -> None:
        """Act on epoll events."""

    def fail(self) -> None:
        """Give up, because :meth:`on_event` raised or the loop closes."""


class Mortal(Interface):
    """A handler whose descriptor is to be closed between two waits."""

    def bury(self) -> None:
        """Close the descriptor and tell the owner."""


class Protocol:
    """What a connection reports to; every callback does nothing unless overridden."""

    __slots__ = ()

    def connection_made(self, transport: "Transport") -> None:
        """Start; ``transport`` may be written to."""

    def data_received(self, data: bytes) -> None:
        """Take what arrived: 1 to 65536 bytes; 16 KiB more, a TLS record, from a secure one."""

    def eof_received(self) -> None:
        """Note that the peer will send no more; writing stays possible until ``close``."""

    def connection_lost(self, error: OSError | None) -> None:
        """Note the end; ``error`` is None after ``close``, ``abort`` and an orderly end."""

    def pause_writing(self) -> None:
        """Note that more is buffered than the write limit."""

    def resume_writing(self) -> None:
        """Note that the buffer fell to a quarter of the write limit."""


def endpoint(address: tuple[Any, ...]) -> tuple[str, int]:
    """Return host and port of a socket address, without scope; a mapped IPv4 address as IPv4."""
    host: str = address[0]
    if ":" in host:
        host = host.partition("%")[0]
        if host.startswith("::ffff:") and "." in host:
            host = host[7:]
    return host, address[1]


class Transport:
    """One TCP connection, made by the loop.

    Attributes:
        protocol: who is told; may be replaced.
        peer: address and port of the other side.
        buffered: bytes written and not yet sent.
        closing: ``close`` or ``abort`` was called, or the connection is gone.
        readable: the kernel has, or may have, more than was read.
    """

    __slots__ = (
        "broken",
        "buffered",
        "closed",
        "closing",
        "ending",
        "eof",
        "error",
        "fd",
        "high",
        "hung_up",
        "local_address",
        "loop",
        "out",
        "paused_writer",
        "peer",
        "protocol",
        "queued",
        "readable",
        "reading",
        "sock",
        "watches_out",
        "writable",
    )

    def __init__(
        self, loop: "Loop", sock: socket.socket, protocol: Protocol, peer: tuple[str, int]
    ) -> None:
        self.loop = loop
        self.sock = sock
        self.fd = sock.fileno()
        self.protocol = protocol
        self.peer = peer
        self.local_address: tuple[str, int] | None = None
        self.out: list[bytes | memoryview] = []
        self.buffered = 0
        self.high = WRITE_HIGH_WATER
        self.reading = True
        self.readable = False
        self.queued = False  # to be read again without a new event
        self.ending = False  # an end was reported; it is read behind the data
        self.hung_up = False  # nothing more will be reported
        self.watches_out = False  # epoll reports when the kernel takes more
        self.writable = True
        self.eof = False
        self.closing = False
        self.closed = False
        self.paused_writer = False
        self.broken: OSError | None = None  # why sending failed
        self.error: OSError | None = None

    def start(self) -> None:
        """Tell the protocol. Called once, by the loop, with the descriptor registered."""
        try:
            self.protocol.connection_made(self)
        except Exception:
            logger.exception("connection_made failed")
            self.fail()

    @property
    def local(self) -> tuple[str, int]:
        """Address and port of this side; to be asked for first while the connection is open."""
        if self.local_address is None:
            if self.closed:
                return "", 0
            self.local_address = endpoint(self.sock.getsockname())
        return self.local_address

    def set_write_buffer_limit(self, high: int) -> None:
        """Pause the writer above ``high`` unsent bytes, resume it at a quarter of that."""
        self.high = high

    def write(self, data: bytes) -> None:
        """Send ``data``, at once as far as the kernel takes it.

        Ignored once the sending side is shut, broken or closing: the protocol is told the reason
        by ``connection_lost``.
        """
        if not self.writable or not data:
            return
        if self.out:
            self.out.append(data)
            self.buffered += len(data)
        else:
            try:
                sent = self.sock.send(data)
            except BlockingIOError:
                sent = 0
            except OSError as error:
                self.break_off(error)
                return
            if sent == len(data):
                return
            self.out.append(memoryview(data)[sent:])
            self.buffered = len(data) - sent
            self.watch_out()
        if self.buffered > self.high and not self.paused_writer:
            self.pause_writer()

    def write_eof(self) -> None:
        """Shut the sending side once everything is sent; reading goes on."""
        if self.writable:
            self.writable = False
            if not self.out:
                self.shut()

    def pause_reading(self) -> None:
        """Take no more from the kernel, so that the peer has to wait."""
        self.reading = False

    def resume_reading(self) -> None:
        """Read again."""
        if not self.reading and not self.closing:
            self.reading = True
            if self.readable and not self.eof:
                self.read_again()

    def close(self) -> None:
        """Send what is buffered, then end the connection.

        There is no time limit: the owner who set one calls ``abort`` when it is over.
        """
        if self.closing:
            return
        if not self.out or self.hung_up:
            self.kill(None)
            return
        self.closing = True
        self.reading = False
        self.writable = False

    def abort(self) -> None:
        """End the connection now; what is buffered is lost."""
        self.kill(None)

    def fail(self) -> None:
        """End the connection because a callback raised."""
        self.kill(None)

    def on_event(self, events: int) -> None:
        """Send, receive or end, as epoll says."""
        if events & OUT and self.out:
            self.flush()
        if events == OUT or self.closed:
            return
        self.readable = True
        if events & END:
            self.ending = True
            if events & HANG_UP:
                self.hung_up = True
        if self.reading and not self.eof:
            self.receive()
        elif events & HANG_UP:
            self.hang_up(events)

    def receive(self) -> None:
        """Hand one piece of data to the protocol."""
        try:
            data = self.sock.recv(RECEIVE_BYTES)
        except BlockingIOError:
            self.readable = False
            return
        except OSError as error:
            self.kill(error)
            return
        if data:
            if len(data) == RECEIVE_BYTES or self.ending:
                self.read_again()
            else:
                self.readable = False
            self.arrived(data)
        elif self.broken is not None:
            self.kill(self.broken)
        else:
            self.eof = True
            self.ended()
            if self.hung_up:
                self.kill(None)  # both sides are shut, and that was reported already

    def read_again(self) -> None:
        """Ask the loop for another turn: what the kernel has was reported already."""
        if not self.queued:
            self.queued = True
            self.loop.unread.append(self)

    def receive_more(self) -> None:
        """Take the turn that :meth:`read_again` asked for, if it is still wanted.

        Not when an event was faster and everything is read: what this one found could be the
        answer to a request that left since, which ``turns`` would take for older than that.
        """
        self.queued = False
        if self.reading and self.readable and not self.eof and not self.closed:
            self.receive()

    def arrived(self, data: bytes) -> None:
        """Hand on what was received; a transport that deciphers it has its own."""
        self.protocol.data_received(data)

    def ended(self) -> None:
        """Hand on that the peer has shut its side."""
        self.protocol.eof_received()

    def hang_up(self, events: int) -> None:
        """Act on an end that epoll reports although nobody reads.

        After an orderly end of both sides while reading is paused, data may wait in the kernel:
        it is kept for later. Everything else ends here.
        """
        if events & select.EPOLLERR or self.eof or self.closing or self.broken is not None:
            code = self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            self.kill(OSError(code, os.strerror(code)) if code else self.broken)

    def break_off(self, error: OSError) -> None:
        """Stop sending after a failure, but read on.

        A server that refuses a large request answers and closes before it has read all of it;
        its answer is already here when sending fails.
        """
        self.writable = False
        self.broken = error
        self.out.clear()
        self.buffered = 0
        if not self.reading or self.eof:
            self.kill(error)

    def flush(self) -> None:
        """Send buffered pieces as far as the kernel takes them."""
        out = self.out
        try:
            sent = self.sock.sendmsg(out[:PIECES_PER_SEND])
        except BlockingIOError:
            return
        except OSError as error:
            self.break_off(error)
            return
        self.buffered -= sent
        whole = 0
        while whole < len(out) and sent >= len(out[whole]):
            sent -= len(out[whole])
            whole += 1
        del out[:whole]
        if out:
            out[0] = memoryview(out[0])[sent:]
        else:
            self.drained()
        if self.paused_writer and self.buffered <= self.high // 4 and not self.closed:
            self.paused_writer = False
            self.protocol.resume_writing()

    def drained(self) -> None:
        """Do what waited for the buffer to become empty."""
        if self.closing:
            self.kill(None)
            return
        if not self.writable:
            self.shut()

    def shut(self) -> None:
        """Shut the sending side down; a connection that is gone is reported by epoll."""
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError as error:
            logger.debug("shutdown of %s:%d: %s", *self.peer, error)

    def pause_writer(self) -> None:
        """Ask the protocol to pause; its failure must not reach whoever is writing."""
        self.paused_writer = True
        try:
            self.protocol.pause_writing()
        except Exception:
            logger.exception("pause_writing failed")
            self.fail()

    def watch_out(self) -> None:
        """Have epoll report when the kernel takes more; most connections never need it."""
        if not self.watches_out and not self.closed:
            self.watches_out = True
            self.loop.epoll.modify(self.fd, READ_AND_WRITE)

    def kill(self, error: OSError | None) -> None:
        """End the connection; ``connection_lost`` follows after the dispatch."""
        if self.closed:
            return
        self.closed = True
        self.closing = True
        self.writable = False
        self.out.clear()
        self.buffered = 0
        self.error = error
        self.loop.dead.append(self)

    def bury(self) -> None:
        """Close the socket, which also takes it out of epoll, and tell the protocol."""
        self.loop.forget(self.fd)
        self.sock.close()
        self.protocol.connection_lost(self.error)


Wrap = Callable[["Loop", socket.socket, Protocol, tuple[str, int]], Transport]
"""Makes the transport of an accepted connection from what Transport's constructor takes."""


class Connecting:
    """A connection being made."""

    __slots__ = ("failed", "fd", "loop", "peer", "protocol", "settled", "sock")

    def __init__(
        self,
        loop: "Loop",
        address: tuple[str, int],
        protocol: Protocol,
        failed: Callable[[OSError], None],
    ) -> None:
        self.loop = loop
        self.peer = endpoint(address)
        self.protocol = protocol
        self.failed = failed
        self.settled = False
        self.fd = -1
        self.sock: socket.socket | None = None

    def start(self, address: tuple[str, int]) -> None:
        """Begin; even a failure known at once is reported later."""
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        try:
            self.sock = sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            code = sock.connect_ex(address)
            if code not in (0, errno.EINPROGRESS):
                raise OSError(code, os.strerror(code))
            self.fd = sock.fileno()
            self.loop.register(self.fd, self, READ_AND_WRITE)
        except OSError as error:
            if self.sock is not None:
                self.sock.close()  # never registered: no event can be on its way
            reason = error
            self.loop.call_soon(lambda: self.give_up(reason))

    def cancel(self) -> None:
        """Stop; nothing is called afterwards. No effect once it succeeded or failed."""
        if not self.settled:
            self.settled = True
            self.loop.dead.append(self)

    def fail(self) -> None:
        """Stop because the loop closes."""
        self.cancel()

    def give_up(self, error: OSError) -> None:
        """Report a failure."""
        if not self.settled:
            self.cancel()
            self.failed(error)

    def on_event(self, events: int) -> None:
        """Hand the socket over to a transport, or report why there is none."""
        if self.settled or self.sock is None:
            return
        code = self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            self.give_up(OSError(code, os.strerror(code)))
            return
        self.settled = True
        transport = Transport(self.loop, self.sock, self.protocol, self.peer)
        transport.watches_out = True
        self.loop.table[self.fd] = transport
        transport.start()
        if events != OUT and not transport.closed:
            transport.on_event(events)  # a server that speaks first; nothing reports it again

    def bury(self) -> None:
        """Close the socket."""
        if self.fd >= 0:
            self.loop.forget(self.fd)
        if self.sock is not None:
            self.sock.close()


class Listener:
    """Accepts connections from a listening socket that somebody else owns."""

    __slots__ = ("complained", "factory", "fd", "loop", "open", "pause", "sock", "wrap")

    def __init__(
        self,
        loop: "Loop",
        sock: socket.socket,
        factory: Callable[[], Protocol],
        wrap: Wrap | None,
    ) -> None:
        self.loop = loop
        self.sock = sock
        self.fd = sock.fileno()
        self.factory = factory
        self.wrap = wrap
        self.open = True
        self.pause: Timer | None = None
        self.complained = False

    def close(self) -> None:
        """Accept no more; the socket stays open."""
        if not self.open:
            return
        self.open = False
        if self.pause is not None:
            self.pause.cancel()
        else:
            self.loop.unregister(self.fd)
        self.loop.forget(self.fd)

    def fail(self) -> None:
        """Stop because the loop closes."""
        self.close()

    def on_event(self, events: int) -> None:  # noqa: ARG002  (there is only one reason)
        """Accept a few of the waiting connections."""
        for _ in range(ACCEPTS_PER_TURN):
            if not self.open:
                return
            try:
                sock, address = self.sock.accept()
            except BlockingIOError:
                return
            except ConnectionAbortedError:
                continue  # that client has gone already
            except OSError as error:
                self.pause_accepting(error)
                return
            self.complained = False
            self.greet(sock, endpoint(address))

    def greet(self, sock: socket.socket, peer: tuple[str, int]) -> None:
        """Give a new connection its transport and protocol."""
        make = self.wrap or Transport
        try:
            transport = make(self.loop, sock, self.factory(), peer)
        except Exception:
            logger.exception("no protocol for a new connection")
            sock.close()
            return
        sock.setblocking(False)
        self.loop.register(transport.fd, transport, READ)
        transport.start()

    def pause_accepting(self, error: OSError) -> None:
        """Wait a second, as long as descriptors or memory are short; log that once."""
        if not self.complained:
            self.complained = True
            logger.error("accepting connections is paused: %s", error)
        self.loop.unregister(self.fd)
        self.pause = self.loop.timers.schedule(self.loop.now + ACCEPT_PAUSE_S, self.resume)

    def resume(self) -> None:
        """Accept again."""
        self.pause = None
        self.loop.epoll.register(self.fd, ACCEPT)


class Foreign:
    """Notes that somebody else's epoll descriptor is readable."""

    __slots__ = ("loop",)

    def __init__(self, loop: "Loop") -> None:
        self.loop = loop

    def on_event(self, events: int) -> None:  # noqa: ARG002  (readable is all it waits for)
        """Set the flag; whoever drives the loop clears it."""
        self.loop.foreign = True

    def fail(self) -> None:
        """Do nothing: the descriptor is not ours."""


class Loop:
    """One epoll instance and what hangs on it.

    Attributes:
        clock: where ``now`` comes from.
        now: monotonic seconds, read once per turn.
        turns: how many waits there were: what one wait reported shares a number.
        timers: coarse deadlines, run by :meth:`turn`.
        foreign: there is work outside this loop; no turn waits while it is set. Set by
            :meth:`watch` and by hand, cleared by whoever drives the loop.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.now = clock.monotonic()
        self.turns = 0
        self.timers = Timers()
        self.foreign = False
        self.epoll = select.epoll()
        self.table: list[Handler | None] = [None] * 1024  # by descriptor; grows
        self.unread: list[Transport] = []  # what they have was reported already
        self.dead: list[Mortal] = []
        self.soon: list[Callable[[], object]] = []

    def listen(
        self, sock: socket.socket, factory: Callable[[], Protocol], wrap: Wrap | None = None
    ) -> Listener:
        """Accept from ``sock``, which is listening and non-blocking and stays the caller's.

        The listener is to be closed before the socket.

        Args:
            sock: where connections come from.
            factory: makes the protocol of each.
            wrap: makes the transport of each, where it is not to be a plain one.
        """
        # Linux hands the option on to accepted sockets: one call instead of one each.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener = Listener(self, sock, factory, wrap)
        self.register(listener.fd, listener, ACCEPT)
        return listener

    def connect(
        self, address: tuple[str, int], protocol: Protocol, failed: Callable[[OSError], None]
    ) -> Connecting:
        """Connect to an IP address and port.

        Either ``protocol.connection_made`` or ``failed`` is called, later, exactly once.
        """
        connecting = Connecting(self, address, protocol, failed)
        connecting.start(address)
        return connecting

    def watch(self, fd: int) -> None:
        """Set ``foreign`` whenever ``fd`` is readable."""
        self.register(fd, Foreign(self), IN)

    def unwatch(self, fd: int) -> None:
        """Undo :meth:`watch`."""
        if not self.epoll.closed:
            self.unregister(fd)
        self.forget(fd)

    def call_soon(self, callback: Callable[[], object]) -> None:
        """Call ``callback`` before the next wait."""
        self.soon.append(callback)

    def turn(self, timeout_ms: int) -> None:
        """Wait once, at most ``timeout_ms`` (-1: no limit) or until a timer is due; act on it."""
        self.run_soon()
        self.bury_dead()
        polled = self.epoll.poll(self.wait_s(timeout_ms), MAX_EVENTS)
        self.now = self.clock.monotonic()
        self.turns += 1
        table = self.table
        for fd, events in polled:
            handler = table[fd]
            if handler is None:
                continue
            try:
                handler.on_event(events)
            except Exception:
                logger.exception("callback of a connection failed")
                handler.fail()
        if self.unread:
            self.read_unread()
        self.timers.run_due(self.now)
        self.bury_dead()

    def close(self) -> None:
        """Abort every connection, stop listening, and free the epoll descriptor."""
        for _ in range(2):  # what connection_lost connects to is given up by the second round
            for handler in self.table:
                if handler is not None:
                    handler.fail()
            self.bury_dead()
        self.soon.clear()
        self.unread.clear()
        self.epoll.close()

    def wait_s(self, timeout_ms: int) -> float:
        """Return how many seconds the next wait may take."""
        if timeout_ms == 0 or self.foreign or self.soon or self.unread:
            return 0
        deadline = self.timers.next_deadline()
        if deadline == inf:
            return timeout_ms / 1000 if timeout_ms > 0 else -1
        until = max(0.0, deadline - self.now)
        return min(until, timeout_ms / 1000) if timeout_ms > 0 else until

    def run_soon(self) -> None:
        """Run what was asked for since the last turn; what that asks for waits for the next."""
        if self.soon:
            callbacks, self.soon = self.soon, []
            for callback in callbacks:
                try:
                    callback()
                except Exception:
                    logger.exception("callback failed")

    def read_unread(self) -> None:
        """Give those that asked for it one more read, after everybody had one."""
        unread, self.unread = self.unread, []
        for transport in unread:
            try:
                transport.receive_more()
            except Exception:
                logger.exception("callback of a connection failed")
                transport.fail()

    def bury_dead(self) -> None:
        """Close what has ended and tell the owners."""
        while self.dead:
            dead, self.dead = self.dead, []
            for handler in dead:
                try:
                    handler.bury()
                except Exception:
                    logger.exception("connection_lost failed")

    def register(self, fd: int, handler: Handler, mask: int) -> None:
        """Put a descriptor into the table and into epoll."""
        if fd >= len(self.table):
            self.table.extend([None] * (fd + 1024 - len(self.table)))
        self.epoll.register(fd, mask)
        self.table[fd] = handler

    def unregister(self, fd: int) -> None:
        """Take a descriptor out of epoll; one that its owner has closed is out already."""
        with contextlib.suppress(OSError):
            self.epoll.unregister(fd)

    def forget(self, fd: int) -> None:
        """Take a descriptor out of the table."""
        self.table[fd] = None
