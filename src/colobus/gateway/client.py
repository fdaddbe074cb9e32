"""One connection of a client: requests come in, answers go out, one at a time and in order.

::

      ┌──────────────── next request ───────────────┐
      ▼                                             │
    IDLE ──head──► ACTIVE ──answer, body read─────────► (IDLE)
      │              ├────answer, body not read yet──► DRAINING ──► IDLE
      │              └────101──► ENDING: tunnel.py takes over
      └── error, close ──► ENDING: closing.py takes over, if there is something to wait for

Requests that come before their predecessor is answered wait in a bounded buffer.
"""

from typing import Final

from colobus.errors import ProtocolError
from colobus.gateway import answers, reply
from colobus.gateway.body import RequestBody
from colobus.gateway.client_end import ClientEnd
from colobus.gateway.closing import Closing
from colobus.gateway.environment import Environment
from colobus.gateway.exchange import Exchange
from colobus.gateway.forwarding import forwarded_lines, is_trusted
from colobus.gateway.http2_frames import PREFACE_HEAD
from colobus.gateway.loop import Transport
from colobus.gateway.pipeline import start
from colobus.gateway.presence import ABSENT, READING, WAITING, WRITING
from colobus.gateway.timers import Timer
from colobus.gateway.upstream import UpstreamConnection
from colobus.gateway.wire import RequestHead, parse_request
from colobus.plugins.context import ShortCircuit

__all__ = ["ClientConnection"]

IDLE: Final = 0
ACTIVE: Final = 1
DRAINING: Final = 2
ENDING: Final = 3

# Bytes behind the current request, or in front of a head, that are held; one more read may come.
HELD_BYTES: Final = 65_536
# A head that comes byte by byte is not looked at again with each of them.
UNREAD_BYTES: Final = 8192
# A body that nobody wants is read to its end if that costs less than a new connection would.
DISCARDED_BYTES: Final = 1_048_576

# Why reading is paused; any of them suffices.
FOR_BODY: Final = 1
FOR_UPSTREAM: Final = 2
FOR_PIPELINE: Final = 4
ALL_REASONS: Final = 7

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


class ClientConnection(ClientEnd):
    """See the module.

    Attributes:
        exchange: the request being served.
        body: its body.
    """

    __slots__ = (
        "body",
        "buffer",
        "counted",
        "discarded",
        "exchange",
        "head_began_at",
        "is_eof",
        "is_expecting",
        "paused",
        "state",
        "timer",
        "transport",
        "unsent",
        "write_paused",
    )

    transport: Transport
    timer: Timer

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment, environment.next_serial())
        self.state = IDLE
        self.exchange: Exchange | None = None
        self.body: RequestBody | None = None
        self.buffer = b""
        self.head_began_at = 0.0  # when a head that is not complete yet began; 0 without one
        self.discarded = 0
        self.paused = 0
        self.is_expecting = False  # the client waits for "100 Continue"
        self.is_eof = False
        self.write_paused = False
        self.unsent = 0  # buffered bytes when the send timeout was last looked at
        self.counted = ABSENT

    def __repr__(self) -> str:
        return f"<ClientConnection {self.serial} state {self.state} after {self.requests} requests>"

    @property
    def server_address(self) -> tuple[str, int]:
        """Address and port the client connected to."""
        return self.transport.local

    @property
    def can_read_on(self) -> bool:
        """Whether what is left of the request can be read past, to get at the next one."""
        body = self.body
        if body is None or body.is_complete:
            return True
        # RFC 9110 §10.1.1: a client that was not told to continue may leave the body out.
        return not self.is_expecting and body.remaining <= DISCARDED_BYTES

    # Requests.

    def connection_made(self, transport: Transport) -> None:
        """Begin, unless there are too many connections already."""
        environment = self.environment
        settings = environment.settings
        stats = environment.stats
        self.transport = transport
        self.timer = environment.loop.timers.schedule(
            environment.loop.now + settings.head_timeout, self.on_timer
        )
        stats.connections_accepted += 1
        if environment.is_draining or len(environment.clients) >= settings.max_connections:
            self.abort()
            return
        environment.clients.add(self)
        stats.connections_handled += 1
        stats.connections_active += 1
        self.count_as(READING)
        self.peer = transport.peer[0]
        self.is_trusted = is_trusted(self.peer, settings.trusted_ips)
        self.forwarded = forwarded_lines(self.peer, self.scheme, self.peer.encode())

    def data_received(self, data: bytes) -> None:
        """Take a piece of whatever comes next."""
        state = self.state
        if state == IDLE and not self.write_paused:
            if self.buffer:
                data = self.buffer + data
                # Only a line end can complete a head; without one, looking again is for nothing.
                if b"\n" not in data[len(self.buffer) :] and len(data) < UNREAD_BYTES:
                    self.buffer = data
                    return
                self.buffer = b""
            self.read_head(data)
        elif self.body is not None and not self.body.is_complete and state <= DRAINING:
            self.read_body(data, self.body)
        elif state <= DRAINING:
            self.hold(data)

    def read_on(self) -> None:
        """Look at what is held, now that the request before it is answered."""
        if self.state == IDLE and self.buffer and not self.write_paused:
            data = self.buffer
            self.buffer = b""
            self.release(FOR_PIPELINE)
            self.read_head(data)

    def read_head(self, data: bytes) -> None:
        """Read the head of a request, and begin with it once it is complete."""
        try:
            head = parse_request(data, self.environment.limits)
        except ProtocolError as error:
            if self.is_http2(data):
                self.begin_http2(data)
            else:
                self.refuse(error.status, data)
            return
        if head is not None:
            self.begin(head, data)
            return
        self.buffer = data
        if not self.head_began_at:
            self.head_began_at = self.environment.loop.now
        if self.counted != READING:
            self.count_as(READING)
            self.arm(self.environment.settings.head_timeout)

    def is_http2(self, data: bytes) -> bool:
        """Say whether ``data`` opens HTTP/2 without having asked (RFC 9113 §3.3)."""
        # In TLS a client has to ask (§3.2): :meth:`begin_http2` was called, or it shall not be.
        return (
            self.requests == 0
            and self.scheme == "http"
            and data.startswith(PREFACE_HEAD)
            and self.environment.settings.http2
        )

    def begin_http2(self, data: bytes) -> None:
        """Let a connection of HTTP/2 take over, with ``data`` in front of what will come."""
        # Loaded with the first such connection: the library takes memory in every worker.
        from colobus.gateway.http2_connection import Http2Connection

        self.state = ENDING
        self.buffer = b""
        self.timer.cancel()
        Http2Connection(self, self.transport, self.counted).start(data)

    def begin(self, head: RequestHead, data: bytes) -> None:
        """Begin with a request; ``data`` is its head and what came with it."""
        self.requests += 1
        self.environment.stats.request_begun()
        self.count_as(WRITING)
        self.state = ACTIVE
        end = head.size
        body = None
        if head.chunked or head.content_length > 0:
            self.body = body = RequestBody(head, self.want_body)
            try:
                end += body.feed(data, end)
            except ProtocolError as error:
                self.refuse(error.status, data)
                return
            self.is_expecting = head.expect_continue and end == head.size
            self.watch_body(body)
        else:
            self.timer.rest()
        self.buffer = data[end:] if end < len(data) else b""
        self.exchange = exchange = Exchange(self, head, body)
        if self.head_began_at:
            exchange.received_at = self.head_began_at
            self.head_began_at = 0.0
        start(exchange)

    def read_body(self, data: bytes, body: RequestBody) -> None:
        """Take a piece of the body of the current request."""
        exchange = self.exchange
        self.is_expecting = False
        try:
            used = body.feed(data, 0)
        except ProtocolError as error:
            self.fail(error.status)
            return
        except ShortCircuit as refused:
            self.refuse_body(refused)
            return
        if used < len(data):
            self.hold(data[used:])
        self.watch_body(body)
        if exchange is None:
            self.discarded += used
            if body.is_complete:
                self.become_idle()
            elif self.discarded > DISCARDED_BYTES:
                self.linger()
        elif exchange.delivery is not None:
            exchange.delivery.body_arrived()
            if not body.is_full:
                self.release(FOR_BODY)

    def refuse_body(self, refused: ShortCircuit) -> None:
        """Give a plugin's answer to a body that became too long; the rest of it is not read."""
        exchange = self.exchange
        assert exchange is not None  # what is discarded has no limit
        exchange.keep_alive = False
        reply.answer(exchange, reply.refusal(exchange, refused))

    def watch_body(self, body: RequestBody) -> None:
        """Bound what is held of a body, and the wait for the rest of it."""
        if body.is_complete:
            self.timer.rest()
        else:
            self.arm(self.environment.settings.body_timeout)
            if body.is_full:
                self.pause(FOR_BODY)

    def want_body(self) -> None:
        """Read on: somebody waits for more of the body."""
        if self.is_expecting:
            self.is_expecting = False
            self.transport.write(CONTINUE)
        self.release(FOR_BODY)

    def hold(self, data: bytes) -> None:
        """Hold bytes of later requests."""
        self.buffer += data
        if len(self.buffer) > HELD_BYTES:
            self.pause(FOR_PIPELINE)

    # Answers.

    def send(self, data: bytes) -> None:
        """Send a piece of an answer."""
        self.transport.write(data)

    def exchange_ended(self, keep_alive: bool) -> None:
        """Go on to the next request, or close."""
        self.exchange = None
        body = self.body
        if not keep_alive or self.is_eof or self.environment.is_draining:
            self.close_gently()
        elif body is None or body.is_complete:
            self.become_idle()
        else:
            body.discard()
            self.state = DRAINING
            self.discarded = 0
            self.release(ALL_REASONS)

    def become_idle(self) -> None:
        """Wait for the next request, or begin with the one that is held."""
        self.state = IDLE
        self.body = None
        self.count_as(WAITING)
        self.release(ALL_REASONS)
        if self.buffer:
            # Not at once: a long pipeline would nest as deep, and shut out the other connections.
            self.environment.loop.call_soon(self.read_on)
        if not self.write_paused:
            self.arm(self.environment.settings.idle_timeout)

    def refuse(self, status: int, data: bytes) -> None:
        """Answer bytes that are no request, and close."""
        environment = self.environment
        lines = environment.server_line + environment.date_line() + b"Connection: close\r\n"
        page = answers.error_page(status, None)
        self.send(answers.whole(page, lines))
        self.log_refused(status, len(page.body), data)
        self.linger()

    def log_refused(self, status: int, size: int, data: bytes) -> None:
        """Write the line of what never was a whole request; ``size``: of the page for it."""
        environment = self.environment
        seconds = environment.loop.now - self.head_began_at if self.head_began_at else 0.0
        self.head_began_at = 0.0
        if environment.access_log is not None:
            environment.access_log.add_refused(self.peer, status, size, data, seconds)

    def fail(self, status: int) -> None:
        """Answer a request whose body is broken or does not come, and close."""
        exchange = self.exchange
        if exchange is None:
            self.linger()
            return
        exchange.keep_alive = False
        reply.answer(exchange, reply.error_page(exchange, status))

    def begin_tunnel(self, data: bytes, upstream: UpstreamConnection) -> None:
        """Let a tunnel take this connection over, after ``data``."""
        held = self.buffer
        self.state = ENDING
        self.buffer = b""
        self.timer.cancel()
        upstream.begin_tunnel(self.transport, data, held, self.tunnel_lost)

    def tunnel_lost(self, error: OSError | None, sent: int) -> None:
        """Act on the end of the tunnel, through which the client got ``sent`` bytes."""
        if self.exchange is not None:
            self.exchange.sent_bytes += sent
        self.connection_lost(error)

    # Flow and time.

    def pause(self, reason: int) -> None:
        """Read no more, for one more reason."""
        if not self.paused:
            self.transport.pause_reading()
        self.paused |= reason

    def release(self, reasons: int) -> None:
        """Read on, unless there are other reasons not to."""
        if self.paused & reasons:
            self.paused &= ~reasons
            if not self.paused:
                self.transport.resume_reading()

    def hold_for_upstream(self) -> None:
        """Read no more until the upstream has taken what is there."""
        self.pause(FOR_UPSTREAM)

    def release_for_upstream(self) -> None:
        """Read on: the upstream has taken most of it."""
        self.release(FOR_UPSTREAM)

    def pause_writing(self) -> None:
        """Hold the upstream back: the client takes no more for now."""
        self.write_paused = True
        self.unsent = self.transport.buffered
        self.arm(self.environment.settings.send_timeout)
        upstream = self.upstream()
        if upstream is not None:
            upstream.pause_reading()

    def resume_writing(self) -> None:
        """Let the upstream, or the next request, go on."""
        self.write_paused = False
        upstream = self.upstream()
        if upstream is not None:
            upstream.resume_reading()
        if self.state == IDLE:
            self.arm(self.environment.settings.idle_timeout)
            self.read_on()
        elif self.body is not None and not self.body.is_complete:
            self.arm(self.environment.settings.body_timeout)
        else:
            self.timer.rest()

    def upstream(self) -> UpstreamConnection | None:
        """Return the upstream connection that serves the current request."""
        exchange = self.exchange
        if exchange is None or exchange.delivery is None:
            return None
        return exchange.delivery.upstream

    def arm(self, seconds: float) -> None:
        """Move the deadline of this connection."""
        self.timer.move(self.environment.loop.now + seconds)

    def on_timer(self) -> None:
        """Act on a deadline that was met, unless it is somebody else's turn to move."""
        settings = self.environment.settings
        if self.write_paused:
            if self.transport.buffered < self.unsent:
                self.unsent = self.transport.buffered
                self.arm(settings.send_timeout)
            else:
                self.abort()
        elif self.state == IDLE:
            if self.buffer:
                self.refuse(408, self.buffer)
            else:
                self.close()
        elif self.paused:
            self.arm(settings.body_timeout)
        else:
            self.fail(408)

    # The end.

    def eof_received(self) -> None:
        """Act on a client that will send no more."""
        self.is_eof = True
        if self.state != ACTIVE:
            self.close()
        elif self.exchange is None or not self.exchange.is_begun:
            # As nginx does: a client that shuts its side before it is answered has left.
            self.abort()

    def connection_lost(self, error: OSError | None) -> None:  # noqa: ARG002  (any end is one)
        """Act on the end."""
        exchange = self.exchange
        if exchange is None and self.head_began_at:
            self.log_refused(400, 0, self.buffer)  # as nginx does
        self.state = ENDING
        self.exchange = None
        self.body = None
        self.buffer = b""
        self.timer.cancel()
        if exchange is not None:
            reply.abandon(exchange)
        if self.counted != ABSENT:
            self.count_as(ABSENT)
            self.environment.stats.connections_active -= 1
            self.environment.forget(self)

    def drain(self) -> None:
        """Close if nothing is going on; otherwise the current request will be the last one."""
        if self.state == IDLE and not self.buffer:
            self.close()

    def close_gently(self) -> None:
        """Close after an answer, without losing it to bytes the client still sends."""
        is_read = self.body is None or self.body.is_complete
        if self.is_eof or (is_read and not self.buffer):
            self.close()
        else:
            self.linger()

    def close(self) -> None:
        """Close once everything is sent."""
        self.state = ENDING
        self.timer.cancel()
        if self.transport.buffered:
            self.take_leave(linger=False)
        else:
            self.transport.close()

    def linger(self) -> None:
        """Send no more, but read on until the client has noticed."""
        self.state = ENDING
        self.body = None
        self.buffer = b""
        self.timer.cancel()
        self.take_leave(linger=True)

    def take_leave(self, *, linger: bool) -> None:
        """Hand the connection over to be ended."""
        environment = self.environment
        send_timeout = environment.settings.send_timeout
        Closing(environment.loop, self.transport, self.connection_lost, send_timeout, linger=linger)

    def abort(self) -> None:
        """Close now; a client in the middle of an answer sees that it is not whole."""
        self.state = ENDING
        self.transport.abort()

    def count_as(self, kind: int) -> None:
        """Count this connection under another heading of ``GET /status``."""
        self.environment.stats.moved(self.counted, kind)
        self.counted = kind
