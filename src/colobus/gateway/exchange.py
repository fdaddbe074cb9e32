"""One request and its answer: what is known of it, and what plugins see of that.

An exchange is a record that travels. ``pipeline.py`` takes it from the first byte to the upstream,
``reply.py`` from the upstream to the last byte; a plugin meets it in each of its phases.
"""

from collections.abc import MutableMapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from colobus.gateway.body import RequestBody
from colobus.gateway.chain import ChainedExchange
from colobus.gateway.forwarding import client_address
from colobus.gateway.headers import text
from colobus.gateway.log_record import log_record
from colobus.gateway.pool import Key
from colobus.gateway.request import Request
from colobus.gateway.response import Response
from colobus.gateway.route import Match, Route
from colobus.gateway.uri import upstream_path
from colobus.gateway.wire import RequestHead
from colobus.model.schema import Row

if TYPE_CHECKING:
    import asyncio

    from colobus.gateway.client_end import ClientEnd
    from colobus.gateway.delivery import Delivery
    from colobus.gateway.relay import BodyTransform, NoBody

__all__ = ["Exchange"]

HTTP_10: Final = b"HTTP/1.0"
HTTP_11: Final = b"HTTP/1.1"


class Exchange(ChainedExchange):
    """Implements :class:`colobus.plugins.context.Exchange`.

    Attributes:
        client: the connection, or the stream of one, that it came over.
        head: the head of the request; its lines are without hop-by-hop ones.
        body: the body of the request; None when there is none.
        method: as sent.
        host: of the target if it names one, else of the Host header.
        raw_path: as sent.
        path: as matched and forwarded.
        query: the bytes behind the question mark; None when there is none.
        is_head: the method is HEAD: no answer has a body.
        wants_tunnel: it is the opening handshake of a WebSocket.
        is_debugged: the client asks for the name of the API.
        keep_alive: the client connection goes on after this.
        chain: the plugins that apply (see ``chain.py``).
        position: how far access came (see ``chain.py``).
        match: the route and the uri it was found by, as soon as there is one.
        addresses: of the upstream, as soon as they are known.
        delivery: the request on its way upstream, from then to the end of the answer.
        task: what the exchange waits for beside the data path, if it does.
        transform: what the body of the answer passes through; None when it passes as it comes.
        status: of the answer; 0 as long as there is none.
        is_begun: the head of an answer went to the client.
        is_over: it ended; nothing may act on it any more.
        protocol: of the request, as in a request line.
        tries: failed attempts to deliver it, as the log record tells them; None without one.
        upstream_key: what the latest attempt connects to.
        sent_head: what the client was sent first, the head of the answer at its beginning.
        head_bytes: the size of that head.
        sent_bytes: handed to the client connection so far, the head among them.
        received_at: monotonic time of the request's first byte.
        started_at: monotonic time of the end of the request's head, as of the loop's turn, like
            those that follow.
        forwarded_at: monotonic time of the end of the access phase.
        answered_at: monotonic time of the upstream's head.
        ended_at: monotonic time of the end, where something logs.
    """

    __slots__ = (
        "addresses",
        "answered_at",
        "body",
        "client",
        "context",
        "credential",
        "delivery",
        "ended_at",
        "environment",
        "forwarded_at",
        "head",
        "head_bytes",
        "host",
        "is_begun",
        "is_debugged",
        "is_head",
        "is_over",
        "keep_alive",
        "match",
        "method",
        "path",
        "protocol",
        "query",
        "raw_path",
        "received_at",
        "request_serial",
        "request_view",
        "response_view",
        "route",
        "sent_bytes",
        "sent_head",
        "started_at",
        "status",
        "task",
        "transform",
        "tries",
        "upstream_key",
        "wants_tunnel",
    )

    def __init__(self, client: "ClientEnd", head: RequestHead, body: RequestBody | None) -> None:
        ChainedExchange.begin(self)
        environment = client.environment
        self.client = client
        self.environment = environment
        self.head = head
        self.body = body
        self.method = head.method
        self.is_head = head.method == b"HEAD"
        self.keep_alive = head.keep_alive
        self.host = head.host
        self.raw_path = head.target
        self.path = head.target
        self.query: bytes | None = None
        self.wants_tunnel = False
        self.is_debugged = False
        self.request_serial = client.requests
        self.credential: Row | None = None
        self.context: dict[str, Any] | None = None
        self.request_view: Request | None = None
        self.response_view: Response | None = None
        self.match: Match | None = None
        self.route: Route | None = None
        self.addresses: Sequence[str] = ()
        self.delivery: Delivery | None = None
        self.task: asyncio.Task[Any] | None = None
        self.transform: BodyTransform | NoBody | None = None
        self.status = 0
        self.is_begun = False
        self.is_over = False
        self.protocol = HTTP_10 if head.http10 else HTTP_11
        self.tries: list[Row] | None = None
        self.upstream_key: Key | None = None
        self.sent_head = b""
        self.head_bytes = 0
        self.sent_bytes = 0
        self.started_at: float = environment.loop.now
        self.received_at = self.started_at
        self.forwarded_at = 0.0
        self.answered_at = 0.0
        self.ended_at = 0.0

    def __repr__(self) -> str:
        """Say how far it is; target and headers may hold secrets."""
        return f"<Exchange {self.method!r} status {self.status} over {self.is_over}>"

    @property
    def request(self) -> Request:
        """The request."""
        if self.request_view is None:
            self.request_view = Request(
                self.head,
                self.raw_path,
                self.query,
                self.client.scheme,
                self.host,
                self.body,
                self.protocol,
            )
        return self.request_view

    @property
    def response(self) -> Response:
        """The answer."""
        if self.response_view is None:
            self.response_view = Response()
        return self.response_view

    @property
    def ctx(self) -> MutableMapping[str, Any]:
        """What plugins leave for later phases and for each other."""
        if self.context is None:
            self.context = {}
        return self.context

    @property
    def upstream_path(self) -> str:
        """The path that the upstream is asked for; that of the request as long as nobody matched."""
        path = self.path if self.match is None else upstream_path(self.match, self.path)
        return text(path)

    @property
    def is_from_trusted(self) -> bool:
        """Whether the connection comes from ``trusted_ips``."""
        return self.client.is_trusted

    @property
    def client_ip(self) -> str:
        """The client's address, as far as ``trusted_ips`` lets it be known."""
        networks = self.environment.settings.trusted_ips
        return client_address(self.client.peer, self.head.forwarded_for, networks)

    def log_record(self) -> dict[str, Any]:
        """Return what a log plugin tells of the exchange (plugin-framework §9)."""
        return log_record(self)

    @property
    def connection_serial(self) -> int:
        """The number of the client connection in this worker, from 1."""
        return self.client.serial

    @property
    def server_address(self) -> tuple[str, int]:
        """Address and port the client connected to."""
        return self.client.server_address
