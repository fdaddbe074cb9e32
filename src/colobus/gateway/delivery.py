"""Gets one request to its upstream service, over as many connections as are allowed.

A delivery ends when the head of an answer is there, or when it gives up and has the exchange
answer for it. What it decides by is in ``retries.py``.
"""

import logging
from collections.abc import Sequence

from colobus.gateway.body import RequestBody
from colobus.gateway.exchange import Exchange
from colobus.gateway.outgoing import host_of
from colobus.gateway.pool import Key
from colobus.gateway.reply import answer, error_page
from colobus.gateway.retries import Failure, Verdict, is_idempotent, verdict
from colobus.gateway.route import Route
from colobus.gateway.secure import server_name
from colobus.gateway.upstream import UpstreamConnection

__all__ = ["Delivery"]

logger = logging.getLogger(__name__)


class Delivery:
    """One request on its way upstream.

    Attributes:
        exchange: whose request it is.
        route: where to.
        head: the head for the upstream.
        body: what follows it; None when nothing does.
        upstream: the connection of the current attempt, being made or in use.
        is_sent: the whole request was given to ``upstream``.
    """

    __slots__ = (
        "addresses",
        "attempts_left",
        "body",
        "exchange",
        "head",
        "is_sent",
        "renewed",
        "route",
        "server_name",
        "turn",
        "upstream",
        "was_sent",
    )

    def __init__(
        self,
        exchange: Exchange,
        route: Route,
        addresses: Sequence[str],
        head: bytes,
        body: RequestBody | None,
    ) -> None:
        self.exchange = exchange
        self.route = route
        self.addresses = addresses
        self.head = head
        self.body = body
        self.attempts_left = route.retries
        self.server_name = ""
        if route.scheme == "https" and exchange.match is not None:
            self.server_name = server_name(host_of(exchange, exchange.match))
        self.turn = 0 if len(addresses) == 1 else exchange.environment.next_turn()
        self.upstream: UpstreamConnection | None = None
        self.renewed = False
        self.was_sent = False  # some of the request may have reached some upstream
        self.is_sent = False

    def start(self) -> None:
        """Make the first attempt: over an idle connection if there is one."""
        environment = self.exchange.environment
        key = self.next_key()
        upstream = environment.pool.take(key)
        if isinstance(upstream, UpstreamConnection):
            self.upstream = upstream
            self.send(upstream)
        else:
            self.connect(key)

    def next_key(self) -> Key:
        """Return what the current attempt connects to."""
        route = self.route
        key: Key | None = route.key
        if key is None:
            addresses = self.addresses
            address = addresses[self.turn % len(addresses)]
            key = (route.scheme, address, route.port, self.server_name)
        self.exchange.upstream_key = key
        return key

    def connect(self, key: Key) -> None:
        """Make a new connection; :meth:`send` or :meth:`failed` follows."""
        self.upstream = UpstreamConnection(self.exchange.environment, key, self)
        self.upstream.connect()

    def send(self, upstream: UpstreamConnection) -> None:
        """Give the request to a connection, as far as it is there."""
        self.was_sent = True
        body = self.body
        if body is None:
            self.is_sent = True
            upstream.send(self.head, self)
        else:
            body.rewind()
            data = self.head + body.take()
            self.is_sent = body.is_complete
            upstream.send(data, self)
            if not self.is_sent:
                self.exchange.client.want_body()

    def body_arrived(self) -> None:
        """Give on what arrived of the body, if there is somebody to take it."""
        body = self.body
        if body is None or self.is_sent or self.upstream is None or not self.upstream.is_in_use:
            return
        self.is_sent = body.is_complete
        self.upstream.send_more(body.take(), self)

    def failed(self, upstream: UpstreamConnection, failure: Failure) -> None:
        """Decide what becomes of the request, now that an attempt failed."""
        self.upstream = None
        body = self.body
        decision = verdict(
            failure,
            was_sent=self.was_sent,
            is_safe=is_idempotent(self.exchange.head.method) and (body is None or body.is_whole),
            is_stale=upstream.is_reused and not upstream.was_heard and not self.renewed,
            attempts_left=self.attempts_left,
        )
        self.is_sent = False
        if decision is not Verdict.RENEW:
            self.note_failure(upstream.key, failure)
        if decision is Verdict.GIVE_UP:
            logger.warning(
                "upstream %s:%d of API %s: %s",
                upstream.key[1], upstream.key[2], self.route.name, failure.reason,
            )  # fmt: skip
            answer(self.exchange, error_page(self.exchange, failure.status))
        elif decision is Verdict.RENEW:
            self.renewed = True
            self.connect(upstream.key)
        else:
            self.attempts_left -= 1
            self.turn += 1
            self.connect(self.next_key())

    def note_failure(self, key: Key, failure: Failure) -> None:
        """Note a failed attempt, for those who log."""
        exchange = self.exchange
        if exchange.tries is None:
            exchange.tries = []
        failed = {"ip": key[1], "port": key[2], "state": "failed", "code": failure.status}
        exchange.tries.append(failed)
        exchange.upstream_key = None

    def cancel(self) -> None:
        """Let go of the connection; nothing more is said to the exchange."""
        upstream = self.upstream
        self.upstream = None
        if upstream is not None:
            upstream.close()
