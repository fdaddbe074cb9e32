"""One stream of HTTP/2: one request and its answer, on a connection it shares with others.

::

    head ──► (the events of this read) ──► start ──► exchange … ──► exchange_ended ──► last frame
               │                                        │                                  │
               ▼ refuse                                 ▼ abort, RST_STREAM                ▼
             answer                                 abandoned                       RST_STREAM(NO_ERROR)
                                                                                    if body is unread

Payload of the client is acknowledged, which lets more come, when the upstream has taken it.
Payload of the upstream waits here for the client's window; when much waits, the upstream does.
"""

from typing import TYPE_CHECKING, Final

from h2.errors import ErrorCodes

from colobus.gateway import answers, pipeline, reply
from colobus.gateway.body import RequestBody
from colobus.gateway.client_end import ClientEnd
from colobus.gateway.exchange import Exchange
from colobus.gateway.http2_answer import AnswerReader
from colobus.gateway.http2_limits import ANSWER_BYTES
from colobus.gateway.wire import RequestHead
from colobus.plugins.context import ShortCircuit

if TYPE_CHECKING:
    from colobus.gateway.http2_connection import Http2Connection
    from colobus.gateway.timers import Timer
    from colobus.gateway.upstream import UpstreamConnection

__all__ = ["Stream"]

# As nginx's $server_protocol.
PROTOCOL: Final = b"HTTP/2.0"

# Why what the client sent is not acknowledged; any of them suffices.
FOR_BODY: Final = 1
FOR_UPSTREAM: Final = 2


class Stream(ClientEnd):
    """See the module.

    Attributes:
        connection: whose stream it is.
        number: its number on the connection.
        exchange: what is being served; None before and after.
        is_request_over: the client has sent everything.
        is_answered: the answer is complete, though perhaps not sent.
        is_gone: it ended; nothing may be sent on it any more.
        out: payload to be sent.
        answer: the answer, taken apart.
        is_head_sent: its head was sent.
    """

    __slots__ = (
        "answer",
        "body",
        "connection",
        "exchange",
        "head",
        "is_answered",
        "is_expecting",
        "is_gone",
        "is_head_sent",
        "is_request_over",
        "is_waiting",
        "number",
        "out",
        "paused",
        "timer",
        "unacknowledged",
        "upstream_paused",
    )

    def __init__(self, connection: "Http2Connection", number: int) -> None:
        super().__init__(connection.environment, connection.serial)
        self.requests = connection.requests
        self.peer = connection.peer
        self.is_trusted = connection.is_trusted
        self.scheme = connection.scheme
        self.forwarded = connection.forwarded
        self.connection = connection
        self.number = number
        self.head: RequestHead | None = None
        self.body: RequestBody | None = None
        self.exchange: Exchange | None = None
        self.answer = AnswerReader()
        self.out = bytearray()
        self.timer: Timer | None = None
        self.is_request_over = False
        self.is_expecting = False  # the client waits for "100 Continue"
        self.is_answered = False
        self.is_head_sent = False
        self.is_gone = False
        self.unacknowledged = 0  # bytes of flow control
        self.paused = 0
        self.upstream_paused = False
        self.is_waiting = False  # for the client's window

    def __repr__(self) -> str:
        return f"<Stream {self.number} of connection {self.serial}, answered {self.is_answered}>"

    @property
    def server_address(self) -> tuple[str, int]:
        """Address and port the client connected to."""
        return self.connection.transport.local

    @property
    def can_read_on(self) -> bool:
        """Whether the next request can be read: always, they do not come behind this one."""
        return True

    # The request.

    def take_head(self, head: RequestHead, *, is_whole: bool) -> None:
        """Take the head of the request; :meth:`start` is to follow."""
        self.head = head
        self.is_request_over = is_whole
        if head.chunked or head.content_length > 0:
            self.body = RequestBody(head, self.want_body)
            self.is_expecting = head.expect_continue

    def take_payload(self, payload: bytes, flow: int, *, is_last: bool) -> None:
        """Take a piece of the body, which took ``flow`` bytes of the windows.

        Raises:
            MalformedError: it has another length than was stated.
        """
        self.unacknowledged += flow
        self.is_expecting = False
        self.is_request_over = is_last
        body = self.body
        if body is None:
            body = RequestBody(None)  # a length of 0 was stated; nothing may come
        try:
            body.feed_payload(payload, is_last=is_last)
        except ShortCircuit as refused:
            if self.exchange is not None:
                reply.answer(self.exchange, reply.refusal(self.exchange, refused))
            return
        if body.is_full:
            self.paused |= FOR_BODY
        exchange = self.exchange
        if exchange is not None and exchange.delivery is not None:
            exchange.delivery.body_arrived()
            if not body.is_full:
                self.paused &= ~FOR_BODY
        self.acknowledge()
        if not body.is_complete:
            self.arm(self.environment.settings.body_timeout)

    def start(self) -> None:
        """Serve the request."""
        head = self.head
        if head is None or self.is_gone:
            return
        if self.body is not None and not self.body.is_complete:
            self.arm(self.environment.settings.body_timeout)
        self.exchange = exchange = Exchange(self, head, self.body)
        exchange.protocol = PROTOCOL
        pipeline.start(exchange)

    def refuse(self, status: int) -> None:
        """Answer what is no request."""
        environment = self.environment
        lines = environment.server_line + environment.date_line()
        page = answers.error_page(status, None)
        self.send(answers.whole(page, lines))
        if environment.access_log is not None:
            environment.access_log.add_refused(self.peer, status, len(page.body), b"", 0.0)
        self.exchange_ended(keep_alive=True)

    def fail(self, status: int) -> None:
        """Answer a request whose body does not come."""
        if self.exchange is not None:
            reply.answer(self.exchange, reply.error_page(self.exchange, status))

    def acknowledge(self) -> None:
        """Let the client send as much again as it sent, unless there is a reason not to."""
        if self.unacknowledged and not self.paused and not self.is_gone:
            self.connection.acknowledge(self.number, self.unacknowledged)
            self.unacknowledged = 0

    def want_body(self) -> None:
        """Let more of the body come: somebody waits for it."""
        if self.is_expecting:
            self.is_expecting = False
            self.connection.send_continue(self)
        self.paused &= ~FOR_BODY
        self.acknowledge()

    def hold_for_upstream(self) -> None:
        """Acknowledge nothing until the upstream has taken what is there."""
        self.paused |= FOR_UPSTREAM

    def release_for_upstream(self) -> None:
        """Acknowledge again: the upstream has taken most of it."""
        self.paused &= ~FOR_UPSTREAM
        self.acknowledge()

    # The answer.

    def send(self, data: bytes) -> None:
        """Send a piece of the answer, as far as the client lets it."""
        if self.is_gone:
            return
        self.out += self.answer.feed(data)
        if len(self.out) > ANSWER_BYTES:
            self.hold_upstream()
        self.connection.wants_to_send(self)

    def exchange_ended(self, keep_alive: bool) -> None:  # noqa: ARG002  (it is not ours to end)
        """Note that the answer is complete."""
        self.exchange = None
        self.is_answered = True
        if self.body is not None:
            self.body.discard()
        if not self.is_gone:
            self.connection.wants_to_send(self)

    def begin_tunnel(self, data: bytes, upstream: "UpstreamConnection") -> None:  # noqa: ARG002
        """Refuse: without Upgrade, which HTTP/2 does not have, none was asked for."""
        upstream.close()
        self.abort()

    def abort(self) -> None:
        """End now; the client sees that the answer is not whole."""
        self.connection.reset(self, ErrorCodes.INTERNAL_ERROR)

    def took(self) -> None:
        """Note that payload was sent, and let the upstream go on if it waited."""
        self.is_waiting = False
        if self.upstream_paused and len(self.out) <= ANSWER_BYTES // 4:
            self.upstream_paused = False
            upstream = self.upstream()
            if upstream is not None:
                upstream.resume_reading()

    def hold_upstream(self) -> None:
        """Let the upstream wait: the client takes no more for now."""
        upstream = self.upstream()
        if upstream is not None:
            self.upstream_paused = True
            upstream.pause_reading()

    def upstream(self) -> "UpstreamConnection | None":
        """Return the upstream connection that serves the request."""
        exchange = self.exchange
        if exchange is None or exchange.delivery is None:
            return None
        return exchange.delivery.upstream

    def wait_for_window(self) -> None:
        """Bound the wait for a client that takes no more."""
        # Not anew with each sign of life: only what is taken counts.
        if not self.is_waiting:
            self.is_waiting = True
            self.arm(self.environment.settings.send_timeout)

    # Time and the end.

    def arm(self, seconds: float) -> None:
        """Move the deadline of this stream."""
        loop = self.environment.loop
        if self.timer is None:
            self.timer = loop.timers.schedule(loop.now + seconds, self.on_timer)
        else:
            self.timer.move(loop.now + seconds)

    def on_timer(self) -> None:
        """Act on a deadline that was met, unless it is somebody else's turn to move."""
        settings = self.environment.settings
        if self.is_gone:
            return
        if self.is_waiting:
            self.connection.reset(self, ErrorCodes.CANCEL)
        elif self.body is not None and not self.body.is_complete:
            if self.paused:
                self.arm(settings.body_timeout)
            else:
                self.fail(408)

    def end(self) -> None:
        """End, whatever was going on; the connection has forgotten it."""
        self.is_gone = True
        self.out.clear()
        if self.timer is not None:
            self.timer.cancel()
        # Both hold methods of this stream: without them it is freed at once.
        self.timer = None
        self.body = None
        exchange = self.exchange
        self.exchange = None
        if exchange is not None:
            reply.abandon(exchange)
