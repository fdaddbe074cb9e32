"""One connection to an upstream service: a request goes out, one answer comes back, again.

::

    CONNECTING ──► IDLE ──send──► HEAD ──head──► BODY ──end──► IDLE (pool) or CLOSED
                                   │ 101
                                   └──────────► CLOSED: tunnel.py takes over

It follows the framing of the answer and hands on the bytes as they are. Nothing of a connection
that broke a rule is used again. A TLS handshake is part of connecting.
"""

import logging
import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from colobus.errors import ProtocolError
from colobus.gateway.answer_framing import AnswerFraming
from colobus.gateway.environment import Environment
from colobus.gateway.loop import Connecting, Transport
from colobus.gateway.pool import Key, Poolable
from colobus.gateway.reply import begin_answer, begin_tunnel, break_off, finish, pass_on
from colobus.gateway.retries import Failure
from colobus.gateway.secure import TlsSession
from colobus.gateway.tunnel import Tunnel
from colobus.gateway.wire import ResponseHead, parse_response

if TYPE_CHECKING:
    from colobus.gateway.delivery import Delivery

__all__ = ["UpstreamConnection"]

CONNECTING: Final = 0
IDLE: Final = 1
HEAD: Final = 2
BODY: Final = 3
CLOSED: Final = 4

# 103 Early Hints come in ones and twos; whoever sends more does not mean to answer.
MAX_INTERIM: Final = 16

logger = logging.getLogger(__name__)


class UpstreamConnection(Poolable):
    """See the module.

    Attributes:
        key: what it connects to; requests with the same key may share it.
        delivery: whose request it carries now; None while it is idle or closed.
        is_reused: it carried a request before.
        was_heard: the answer to the current request has begun.
        keep_alive: nothing yet speaks against using it again.
        idle_since: monotonic time, for the pool.
    """

    __slots__ = (
        "buffer",
        "connecting",
        "delivery",
        "environment",
        "framing",
        "interim",
        "is_reused",
        "keep_alive",
        "read_paused",
        "sent_in_turn",
        "session",
        "state",
        "timer",
        "transport",
        "unsent",
        "was_heard",
        "write_paused",
    )

    def __init__(self, environment: Environment, key: Key, delivery: "Delivery") -> None:
        self.environment = environment
        self.key = key
        self.delivery: Delivery | None = delivery
        self.state = CONNECTING
        self.transport: Transport | None = None
        self.connecting: Connecting | None = None
        self.session: TlsSession | None = None
        self.framing = AnswerFraming()
        self.buffer = b""
        self.interim = 0
        self.keep_alive = True
        self.is_reused = False
        self.was_heard = False
        self.read_paused = False
        self.sent_in_turn = -1  # the turn of the loop in which the request left
        self.write_paused = False
        self.unsent = 0  # buffered bytes when the send timeout was last looked at
        self.idle_since = 0.0
        loop = environment.loop
        self.timer = loop.timers.schedule(loop.now + delivery.route.connect_timeout, self.on_timer)

    def __repr__(self) -> str:
        return f"<UpstreamConnection {self.key} state {self.state}>"

    @property
    def is_in_use(self) -> bool:
        """Whether a request was given to it whose answer is not complete."""
        return self.state in (HEAD, BODY)

    @property
    def is_cut_off(self) -> bool:
        """Whether its end may be somebody else's doing (RFC 9112 §9.8).

        Many servers end without the alert that says so, and who does not verify certificates has
        nothing to lose: only where upstreams are verified does it count.
        """
        if self.session is None or self.session.is_ended:
            return False
        return self.environment.settings.upstream_tls.is_verified

    def connect(self) -> None:
        """Connect; the delivery is told."""
        address = (self.key[1], self.key[2])
        self.connecting = self.environment.loop.connect(address, self, self.connect_failed)

    def connect_failed(self, error: OSError) -> None:
        """Report that there is no connection."""
        logger.debug("connect to %s:%d: %s", self.key[1], self.key[2], error.strerror)
        self.fail(Failure.REFUSED)

    def connection_made(self, transport: Transport) -> None:
        """Begin, with a handshake where the service wants one."""
        self.transport = transport
        self.connecting = None
        if self.key[0] == "https":
            self.begin_tls()
        else:
            self.connected()

    def begin_tls(self) -> None:
        """Begin with a handshake; where Host is no name, the address is what is verified."""
        try:
            self.session = TlsSession(self.environment.tls, self.key[3] or self.key[1])
        except ssl.SSLError as error:
            self.tls_failed(error)
            return
        self.receive_tls(b"", self.session)

    def tls_failed(self, error: ssl.SSLError) -> None:
        """End because there is no session, or none any more."""
        logger.warning("TLS with %s:%d: %s", self.key[1], self.key[2], error)
        self.end_early(Failure.HANDSHAKE if self.state == CONNECTING else Failure.CLOSED)

    def connected(self) -> None:
        """Take the request this connection was made for."""
        self.state = IDLE
        if self.delivery is not None:
            self.delivery.send(self)

    def send(self, data: bytes, delivery: "Delivery") -> None:
        """Send the head of a request, and what is there of its body."""
        self.delivery = delivery
        self.state = HEAD
        self.interim = 0
        self.was_heard = False
        self.sent_in_turn = self.environment.loop.turns
        self.arm(delivery.route.read_timeout)
        self.write(data)

    def send_more(self, data: bytes, delivery: "Delivery") -> None:
        """Send more of the body; the wait for the answer starts over."""
        if not self.write_paused:
            self.arm(delivery.route.read_timeout)
        self.write(data)

    def write(self, data: bytes) -> None:
        """Send bytes of the request."""
        transport = self.transport
        if transport is None:
            return
        if self.session is None:
            transport.write(data)
            return
        try:
            transport.write(self.session.encrypt(data))
        except ssl.SSLError:
            transport.abort()  # connection_lost says the rest

    def data_received(self, data: bytes) -> None:
        """Take what came from the upstream."""
        if self.session is None:
            self.receive(data)
        else:
            self.receive_tls(data, self.session)

    def receive_tls(self, data: bytes, session: TlsSession) -> None:
        """Take a piece of a TLS session, and of the answer in it."""
        was_established = session.is_established
        try:
            data = session.receive(data)
        except ssl.SSLError as error:
            if self.transport is not None:
                self.transport.write(session.take())  # why, for the upstream
            self.tls_failed(error)
            return
        if self.transport is not None:
            self.transport.write(session.take())
        if session.is_established and not was_established:
            self.connected()
        if data:
            self.receive(data)
        if session.is_ended and self.state != CLOSED:
            self.eof_received()

    def receive(self, data: bytes) -> None:
        """Take a piece of the answer."""
        delivery = self.delivery
        if delivery is None:
            # Bytes nobody asked for: they could pass for the answer to the next request.
            self.close()
        elif self.state == HEAD:
            if self.is_reused and self.sent_in_turn == self.environment.loop.turns:
                # The wait that reported these bytes was over before the request left.
                logger.warning("%s:%d speaks before it is asked", self.key[1], self.key[2])
                self.fail(Failure.CLOSED)
                return
            self.was_heard = True
            self.read_head(data, delivery)
        elif self.state == BODY:
            self.pass_on(b"", data, 0, delivery)

    def read_head(self, data: bytes, delivery: "Delivery") -> None:
        """Read the head of the answer, and start to hand the answer on."""
        if self.buffer:
            data = self.buffer + data
            self.buffer = b""
        try:
            head = parse_response(data, self.environment.limits)
        except ProtocolError as error:
            logger.warning("answer of %s:%d: %s", self.key[1], self.key[2], error)
            self.fail(Failure.GARBAGE)
            return
        if head is None:
            self.buffer = data
            self.arm(delivery.route.read_timeout)
        elif head.status < 200:
            self.read_interim(head, data, delivery)
        else:
            framing = self.framing
            exchange = delivery.exchange
            is_bodiless = exchange.head.method == b"HEAD"
            framing.begin(head, is_bodiless)
            if is_bodiless and not exchange.is_head:
                # A plugin made it a HEAD: the client waits for as much of a body as it is told of.
                head.chunked = False
                head.content_length = 0
            self.state = BODY
            self.keep_alive = head.keep_alive and not framing.is_until_close
            out = begin_answer(exchange, head, framing.is_until_close)
            if out is not None:
                self.pass_on(out, data, head.size, delivery)

    def read_interim(self, head: ResponseHead, data: bytes, delivery: "Delivery") -> None:
        """Act on a 1xx head: open the tunnel that was asked for, or read on."""
        exchange = delivery.exchange
        if head.status == 101:
            if not exchange.wants_tunnel or (head.upgrade or b"").lower() != b"websocket":
                logger.warning("%s:%d switches protocols unasked", self.key[1], self.key[2])
                self.fail(Failure.GARBAGE)
                return
            begin_tunnel(exchange, head, self, data[head.size :])
            return
        self.interim += 1
        if self.interim > MAX_INTERIM:
            self.fail(Failure.GARBAGE)
        elif len(data) > head.size:
            self.read_head(data[head.size :], delivery)

    def pass_on(self, out: bytes, data: bytes, start: int, delivery: "Delivery") -> None:
        """Hand on what belongs to the answer from ``start`` on, behind ``out``."""
        framing = self.framing
        try:
            end = framing.follow(data, start)
        except ProtocolError as error:
            self.break_off(str(error))
            return
        size = len(data)
        if end < size:
            self.keep_alive = False
        piece = data if start == 0 and end == size else data[start:end]
        if not pass_on(delivery.exchange, out, piece, framing.is_done):
            return
        if framing.is_done:
            self.release(delivery)
            finish(delivery.exchange)
        else:
            self.arm(delivery.route.read_timeout)

    def begin_tunnel(
        self,
        client: Transport,
        opening: bytes,
        held: bytes,
        lost: Callable[[OSError | None, int], None],
    ) -> None:
        """Let a tunnel take this connection over.

        Args:
            client: the other side.
            opening: the head that opens the tunnel, and what came through it already.
            held: what the client sent already.
            lost: called at the end.
        """
        delivery = self.delivery
        transport = self.transport
        if delivery is None or transport is None:
            return
        route = delivery.route
        self.delivery = None
        delivery.upstream = None
        self.state = CLOSED
        self.timer.cancel()
        idle_timeout = max(route.read_timeout, route.send_timeout)
        tunnel = Tunnel(self.environment.loop, client, transport, self.session, idle_timeout, lost)
        tunnel.open(opening, held)

    def release(self, delivery: "Delivery") -> None:
        """Go to the pool after an answer, or end."""
        transport = self.transport
        # An answer may come before the request is all sent: the rest would be read as a new one.
        # What the kernel still has would be read as the next answer.
        if (
            transport is None
            or not self.keep_alive
            or not delivery.is_sent
            or transport.buffered
            or transport.readable
        ):
            self.close()
            return
        self.delivery = None
        delivery.upstream = None
        self.state = IDLE
        self.is_reused = True
        self.resume_reading()
        self.timer.rest()
        self.environment.keep(self)

    def eof_received(self) -> None:
        """Act on the upstream's orderly end."""
        delivery = self.delivery
        if delivery is None:
            self.close()
        elif self.state != BODY or not self.framing.is_until_close:
            self.end_early(Failure.HANDSHAKE if self.state == CONNECTING else Failure.CLOSED)
        elif self.is_cut_off:
            self.break_off("ended without the end of its TLS session")
        elif pass_on(delivery.exchange, b"", b"", True):
            self.close()
            finish(delivery.exchange)

    def connection_lost(self, error: OSError | None) -> None:  # noqa: ARG002  (any end is one)
        """Act on the end, if it was not ours."""
        if self.state == CLOSED:
            return
        self.end_early(Failure.HANDSHAKE if self.state == CONNECTING else Failure.CLOSED)

    def fail(self, failure: Failure) -> None:
        """End before there is an answer; the delivery decides what comes next."""
        delivery = self.delivery
        self.close()
        if delivery is not None:
            delivery.failed(self, failure)

    def break_off(self, reason: str) -> None:
        """End in the middle of an answer."""
        delivery = self.delivery
        self.close()
        if delivery is not None:
            logger.warning("answer of %s:%d broken off: %s", self.key[1], self.key[2], reason)
            break_off(delivery.exchange)

    def close(self) -> None:
        """End now, and tell nobody."""
        if self.state == IDLE:
            self.environment.pool.discard(self)
        self.state = CLOSED
        self.timer.cancel()
        if self.delivery is not None:
            self.delivery.upstream = None
            self.delivery = None
        if self.connecting is not None:
            self.connecting.cancel()
            self.connecting = None
        if self.transport is not None:
            self.transport.abort()

    def pause_writing(self) -> None:
        """Hold the client back: the upstream takes no more for now."""
        self.write_paused = True
        if self.delivery is not None and self.transport is not None:
            self.unsent = self.transport.buffered
            self.arm(self.delivery.route.send_timeout)
            self.delivery.exchange.client.hold_for_upstream()

    def resume_writing(self) -> None:
        """Let the client go on."""
        self.write_paused = False
        if self.delivery is not None:
            self.arm(self.delivery.route.read_timeout)
            self.delivery.exchange.client.release_for_upstream()

    def pause_reading(self) -> None:
        """Take no more of the answer: the client is slow."""
        if self.transport is not None and not self.read_paused:
            self.read_paused = True
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        """Take more of the answer; the wait for it starts over."""
        if self.transport is not None and self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
            if self.delivery is not None:
                self.arm(self.delivery.route.read_timeout)

    def arm(self, seconds: float) -> None:
        """Move the deadline of this connection."""
        self.timer.move(self.environment.loop.now + seconds)

    def on_timer(self) -> None:
        """Act on a deadline that was met, unless it is somebody else's turn to move."""
        delivery = self.delivery
        transport = self.transport
        if delivery is None:
            return
        if transport is None or self.state == CONNECTING:
            self.fail(Failure.CONNECT_TIMEOUT)
        elif self.write_paused:
            if transport.buffered < self.unsent:
                self.unsent = transport.buffered
                self.arm(delivery.route.send_timeout)
            else:
                self.end_early(Failure.SEND_TIMEOUT)
        elif self.read_paused or (self.state == HEAD and not delivery.is_sent):
            self.arm(delivery.route.read_timeout)
        else:
            self.end_early(Failure.READ_TIMEOUT)

    def end_early(self, failure: Failure) -> None:
        """End although an answer was expected, or was not over."""
        if self.state == BODY:
            self.break_off(failure.reason)
        else:
            self.fail(failure)
