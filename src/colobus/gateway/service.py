"""The gateway of one worker: puts the data path together, starts it, and winds it down.

The worker makes one, gives it its listening sockets, and changes ``router`` and ``chains`` while
it runs; nothing else of the data path is of any concern outside.
"""

import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from colobus.clock import Clock
from colobus.gateway.access_log import AccessLog, Sink
from colobus.gateway.chain import ChainTable
from colobus.gateway.client import ClientConnection
from colobus.gateway.contexts import ChooseContext
from colobus.gateway.environment import Environment
from colobus.gateway.loop import Listener, Loop, Protocol
from colobus.gateway.resolver import CachingResolver, Resolver, SystemLookup
from colobus.gateway.router import Router
from colobus.gateway.settings import GatewaySettings
from colobus.gateway.timers import Timer
from colobus.gateway.tls import secured
from colobus.gateway.worker_stats import WorkerStats
from colobus.plugins.context import Spawn

__all__ = ["Gateway", "GatewaySettings"]

# Look-ups that block at a time; names are asked for once every few seconds each.
RESOLVER_THREADS = 4


class Gateway:
    """The data path of one worker.

    Args:
        loop: the data path's loop.
        clock: time, the loop's own.
        router: the routes, changed by the caller.
        chains: the plugins, changed by the caller.
        settings: what it was told.
        stats: the numbers of this worker; only the gateway writes them.
        spawn: starts what must wait; logs what fails.
        resolver: where addresses of upstreams come from; the system's resolver if left out.
        access_log: takes blocks of lines of the access log; there is none if left out.

    Attributes:
        environment: what its connections share.
    """

    def __init__(
        self,
        loop: Loop,
        *,
        clock: Clock,
        router: Router,
        chains: ChainTable,
        settings: GatewaySettings,
        stats: WorkerStats,
        spawn: Spawn,
        resolver: Resolver | None = None,
        access_log: Sink | None = None,
    ) -> None:
        self.loop = loop
        if resolver is None:
            threads = ThreadPoolExecutor(RESOLVER_THREADS, thread_name_prefix="resolver")
            resolver = CachingResolver(SystemLookup(threads), clock, spawn)
        self.environment = Environment(
            loop, clock, router, chains, resolver, settings, stats, spawn,
            None if access_log is None else AccessLog(loop, access_log),
        )  # fmt: skip
        self._listeners: list[Listener] = []
        self._deadline: Timer | None = None

    @property
    def router(self) -> Router:
        """The routes; requests that have found theirs keep it."""
        return self.environment.router

    @router.setter
    def router(self, router: Router) -> None:
        self.environment.router = router

    @property
    def chains(self) -> ChainTable:
        """The plugins; requests that have their chain keep it."""
        return self.environment.chains

    @chains.setter
    def chains(self, chains: ChainTable) -> None:
        self.environment.chains = chains

    @property
    def active(self) -> int:
        """The number of open client connections."""
        return len(self.environment.clients)

    def listen(self, sock: socket.socket) -> None:
        """Accept from ``sock``, which is listening and non-blocking and stays the caller's."""
        self._listeners.append(self.loop.listen(sock, self._new_client))

    def listen_tls(self, sock: socket.socket, choose: ChooseContext) -> None:
        """Accept from ``sock`` clients that speak TLS; ``choose`` finds their certificates."""
        self._listeners.append(
            self.loop.listen(sock, self._new_tls_client, secured(choose, _agreed))
        )

    def drain(self, seconds: float, emptied: Callable[[], None]) -> None:
        """Accept no more, and let what is going on come to an end.

        Idle connections are closed, the others after their current request. May be called again
        with another limit.

        Args:
            seconds: after which the connections still open are aborted.
            emptied: called once, when no client connection is left.
        """
        environment = self.environment
        environment.is_draining = True
        for listener in self._listeners:
            listener.close()
        self._listeners.clear()
        for client in list(environment.clients):
            client.drain()
        for upstream in environment.pool.take_all():
            upstream.close()
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = self.loop.timers.schedule(self.loop.now + seconds, self.abort)
        environment.emptied = emptied
        if not environment.clients:
            self.loop.call_soon(environment.tell_emptied)

    def flush_log(self) -> None:
        """Hand on the lines of the access log that wait: before it is reopened, and at the end."""
        if self.environment.access_log is not None:
            self.environment.access_log.flush()

    def abort(self) -> None:
        """End every client connection now."""
        for client in list(self.environment.clients):
            client.abort()

    def _new_client(self) -> ClientConnection:
        return ClientConnection(self.environment)

    def _new_tls_client(self) -> ClientConnection:
        client = ClientConnection(self.environment)
        client.scheme = "https"
        return client


def _agreed(client: Protocol, protocol: str | None) -> None:
    """Let a client that chose HTTP/2 in its handshake speak it."""
    if protocol == "h2" and isinstance(client, ClientConnection):
        client.begin_http2(b"")
