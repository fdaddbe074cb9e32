"""What all connections of a worker share. Made by :class:`colobus.gateway.service.Gateway`."""

from collections.abc import Callable
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from colobus.clock import Clock
from colobus.gateway.access_log import AccessLog
from colobus.gateway.chain import ChainTable
from colobus.gateway.contexts import upstream_context
from colobus.gateway.loop import Loop
from colobus.gateway.pool import Poolable, UpstreamPool
from colobus.gateway.resolver import Resolver
from colobus.gateway.router import Router
from colobus.gateway.settings import GatewaySettings
from colobus.gateway.worker_stats import WorkerStats
from colobus.plugins.context import Spawn
from colobus.version import VERSION

if TYPE_CHECKING:
    from colobus.gateway.client import ClientConnection
    from colobus.gateway.http2_connection import Http2Connection

__all__ = ["Environment"]


class Environment:
    """The surroundings of a connection.

    Attributes:
        access_log: takes a line for each request; None when nobody wants them.
        spawn: starts what must wait.
        server_line: the ``Server`` line of own answers, or nothing.
        via_line: the ``Via`` line of proxied answers, or nothing.
        tls: the context of sessions with upstreams.
        clients: every open client connection.
        is_draining: no connection is to outlive its current request.
        emptied: called once, when the last client connection is gone.
    """

    __slots__ = (
        "access_log",
        "chains",
        "clients",
        "clock",
        "date_second",
        "date_text",
        "emptied",
        "is_draining",
        "is_sweeping",
        "latency_tokens",
        "limits",
        "loop",
        "pool",
        "resolver",
        "resolves_dots",
        "router",
        "serial",
        "server_line",
        "settings",
        "spawn",
        "stats",
        "tls",
        "turn",
        "via_line",
    )

    def __init__(
        self,
        loop: Loop,
        clock: Clock,
        router: Router,
        chains: ChainTable,
        resolver: Resolver,
        settings: GatewaySettings,
        stats: WorkerStats,
        spawn: Spawn,
        access_log: AccessLog | None = None,
    ) -> None:
        self.loop = loop
        self.access_log = access_log
        self.clock = clock
        self.router = router
        self.chains = chains
        self.resolver = resolver
        self.settings = settings
        self.stats = stats
        self.spawn = spawn
        self.limits = settings.head_limits
        self.resolves_dots = settings.path_handling != "raw"
        self.latency_tokens = settings.latency_tokens
        product = f"colobus/{VERSION}".encode()
        self.server_line = b"Server: " + product + b"\r\n" if settings.server_tokens else b""
        self.via_line = b"Via: 1.1 " + product + b"\r\n" if settings.server_tokens else b""
        self.pool = UpstreamPool(settings.upstream_keepalive, settings.upstream_idle_timeout)
        # ClientConnection or Http2Connection: whoever goes over them drains and aborts them all.
        self.clients: set[Any] = set()
        self.serial = 0
        self.turn = 0
        self.is_draining = False
        self.is_sweeping = False
        self.emptied: Callable[[], None] | None = None
        self.tls = upstream_context(settings.upstream_tls)
        self.date_second = -1
        self.date_text = b""

    def next_serial(self) -> int:
        """Return the number of a new client connection, from 1."""
        self.serial += 1
        return self.serial

    def next_turn(self) -> int:
        """Return a number that grows by one, to use the addresses of a name in turns."""
        self.turn += 1
        return self.turn

    def date_line(self) -> bytes:
        """Return the ``Date`` line of this second (RFC 9110 §6.6.1)."""
        now = int(self.clock.time())
        if now != self.date_second:
            self.date_second = now
            self.date_text = b"Date: " + formatdate(now, usegmt=True).encode() + b"\r\n"
        return self.date_text

    def keep(self, upstream: Poolable) -> None:
        """Keep an idle upstream connection for the next request to its service."""
        now = self.loop.now
        surplus = self.pool.put(upstream, now)
        if surplus is not None:
            surplus.close()
        if not self.is_sweeping:
            self.is_sweeping = True
            self.loop.timers.schedule(now + self.pool.idle_timeout, self.sweep)

    def sweep(self) -> None:
        """Close the upstream connections that were idle for too long."""
        now = self.loop.now
        for upstream in self.pool.take_expired(now):
            upstream.close()
        self.is_sweeping = len(self.pool) > 0
        if self.is_sweeping:
            oldest = next(iter(self.pool.by_age))
            self.loop.timers.schedule(oldest.idle_since + self.pool.idle_timeout, self.sweep)

    def forget(self, client: "ClientConnection | Http2Connection") -> None:
        """Note that a client connection is gone."""
        self.clients.discard(client)
        if not self.clients:
            self.tell_emptied()

    def tell_emptied(self) -> None:
        """Tell, once, whoever waits for the last client connection to go."""
        emptied = self.emptied
        self.emptied = None
        if emptied is not None:
            emptied()
