"""The composition root of a node: everything that exists, in the order in which it starts.

Bind the listeners, open the datastore, follow it, start the workers, serve the Admin API, register
the node; then wait to be told to stop, and take it down in the opposite order: refuse, drain, leave
the registry, close the datastore.
"""

import asyncio
import logging
import secrets
import signal
import socket
from collections.abc import Callable, Mapping
from contextlib import ExitStack, aclosing
from typing import Any
from uuid import uuid4

from colobus.admin.app import AdminApp
from colobus.admin.server import serve
from colobus.changes.follower import Follower
from colobus.changes.image import Image
from colobus.clock import Clock
from colobus.cluster.keyring import Keyring
from colobus.cluster.rpc.server import RpcServer
from colobus.config.settings import Settings
from colobus.errors import NodeError
from colobus.gateway.counters import SharedCounters
from colobus.gateway.stats import SharedStats
from colobus.logs.levels import NOTICE
from colobus.model.kind import Catalog
from colobus.node.clones import answers_to
from colobus.node.encryption import Encryption, prepare_encryption
from colobus.node.facade import NodeView
from colobus.node.feed import Feed
from colobus.node.identity import advertised_address, load_name, mint_name
from colobus.node.listeners import ProxyListeners, bind, bind_proxy
from colobus.node.lookups import LookupService
from colobus.node.membership import Membership, bind_membership, keyring_of
from colobus.node.pace import Pace
from colobus.node.registry import Registration
from colobus.node.supervisor_logs import SupervisorLogs
from colobus.node.workers import Launch, Workers
from colobus.node.writes import WriteService
from colobus.plugins.registry import Registry
from colobus.store.interface import Store

__all__ = ["Supervisor"]

START_TIMEOUT_S = 30.0
"""How long workers may take until all of them answer."""

QUIT_TIMEOUT_S = 600.0
"""A bound on draining; `colobus quit --timeout` asks for a fast stop long before."""

logger = logging.getLogger(__name__)


class Supervisor:
    """One node.

    Args:
        settings: checked settings.
        registry: the plugins of this node.
        store: the datastore, not yet opened.
        clock: time.
    """

    def __init__(self, settings: Settings, registry: Registry, store: Store, clock: Clock) -> None:
        self.settings = settings
        self.registry = registry
        self.catalog: Catalog = registry.catalog()
        self.store = store
        self.clock = clock
        self._stop = _StopRequest()
        self._logs = SupervisorLogs(settings)

    async def run(self, ready: Callable[[], None]) -> None:
        """Run until a signal asks to stop; call ``ready`` once requests are answered.

        Raises:
            NodeError: a port cannot be bound, or the workers do not come up.
            StoreError: the datastore cannot be used.
            PluginError: a plugin is in use but not enabled.
        """
        self._stop.listen()
        self._logs.listen()
        encryption = prepare_encryption(self.settings, self.clock)
        with ExitStack() as sockets:
            sockets.callback(self._logs.close)
            proxy = bind_proxy(self.settings, sockets)
            admin = sockets.enter_context(bind(self.settings.admin_listen, "admin_listen"))
            cluster = bind_membership(self.settings)
            for sock in cluster:
                sockets.enter_context(sock)
            rpc = sockets.enter_context(
                bind(self.settings.cluster_listen_rpc, "cluster_listen_rpc")
            )
            await self.store.open()
            try:
                await self._run_on_store(proxy, encryption, admin, cluster, rpc, ready)
            finally:
                await self.store.close()

    async def _run_on_store(
        self,
        proxy: ProxyListeners,
        encryption: Encryption,
        admin: socket.socket,
        cluster: tuple[socket.socket, socket.socket],
        rpc: socket.socket,
        ready: Callable[[], None],
    ) -> None:
        image = Image(self.catalog)
        lookups = LookupService(self.store)
        counters = SharedCounters.create(self.settings.counters_size)
        stats = SharedStats.create(len(proxy.plain))
        launch = Launch(proxy, counters.fileno(), stats.fileno(), self._worker_settings(encryption))
        writes = WriteService(self.store, self.catalog)
        workers = Workers(launch, image, lookups, writes, self.clock)
        self._logs.rotated = workers.reopen_logs
        access_log = self._logs.admin_access_log(self.clock)
        pace = Pace(self.store, self.clock)
        follower = Follower(self.store, workers, self.catalog, self.clock, poll_s=pace.poll_s)
        await follower.start()
        self.registry.check_in_use(row["name"] for row in image.rows()["plugins"])
        keyring = keyring_of(self.settings)
        registration = await self._registration(keyring)
        feed = Feed(registration.name, secrets.token_hex(4), self.clock)
        membership = Membership(
            self.settings,
            cluster,
            registration,
            self.store.datastore_id,
            keyring=keyring,
            feed=feed,
            applied=lambda: follower.applied,
            fresh_at=lambda: follower.fresh_at,
            hint=follower.hint,
            joined=workers.purge
            if self.settings.cluster_purge_on_join == "always"
            else follower.look,
            clock=self.clock,
        )
        pace.gossip = membership.gossip
        view = NodeView(
            self.settings, self.registry, registration, membership, workers, follower, stats, feed
        )
        app = AdminApp(
            self.store,
            self.catalog,
            self.registry.schemas(),
            view,
            self.clock,
            cors_origins=self.settings.admin_cors_origins,
            access_log=access_log,
        )
        closing = asyncio.Event()
        async with aclosing(membership), asyncio.TaskGroup() as group:
            working = group.create_task(workers.run(), name="workers")
            serving = [
                group.create_task(follower.run(), name="follower"),
                group.create_task(
                    self.store.listen(follower.hint, follower.look), name="notifications"
                ),
                group.create_task(lookups.run(), name="lookups"),
                group.create_task(writes.run(view.name, view.written), name="writes"),
            ]
            await self._until_ready(workers)
            await registration.register()
            await membership.start()
            serving.append(group.create_task(membership.run(), name="membership"))
            rpc_server = RpcServer(
                membership.agent, rpc, registration.advertised[1],
                auth_key=self.settings.cluster_rpc_auth_key or "",
            )  # fmt: skip
            serving.append(group.create_task(rpc_server.run(), name="rpc"))
            await membership.join_registered()
            serving_admin = serve(app, admin, stop=closing, access_log=access_log)
            admin_server = group.create_task(serving_admin, name="admin")
            keeping = registration.keep_alive(lambda: membership.is_member)
            serving.append(group.create_task(keeping, name="keepalive"))
            ready()
            logger.log(
                NOTICE, "node %s is ready at revision %d", registration.name, follower.applied
            )
            await self._until_stopped(workers)
            feed.close()
            closing.set()
            await admin_server
            await working
            await membership.leave()
            await registration.unregister()
            for task in serving:
                task.cancel()

    async def _until_ready(self, workers: Workers) -> None:
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                await workers.wait_ready()
        except TimeoutError:
            raise NodeError(f"the workers did not come up within {START_TIMEOUT_S:g} s") from None

    async def _until_stopped(self, workers: Workers) -> None:
        """Wait for a signal, then end the workers: drained, or at once when that is asked for."""
        await self._stop.asked.wait()
        logger.log(NOTICE, "stopping" if self._stop.fast.is_set() else "draining")
        async with asyncio.TaskGroup() as group:
            forcing = group.create_task(self._force(workers), name="force")
            if not self._stop.fast.is_set():
                await workers.stop(QUIT_TIMEOUT_S)
                forcing.cancel()

    async def _force(self, workers: Workers) -> None:
        await self._stop.fast.wait()
        await workers.stop(None)

    async def _registration(self, keyring: Keyring) -> Registration:
        """Return this node in the registry, under a new name if another node lives by ours."""
        settings = self.settings
        listen = f"{settings.cluster_listen[0]}:{settings.cluster_listen[1]}"
        path, hostname = settings.serf_node_id, socket.gethostname()
        registration = Registration(
            self.store,
            self.clock,
            name=load_name(path, hostname, listen, uuid4()),
            address=advertised_address(settings.cluster_advertise, settings.cluster_listen),
            ttl_s=settings.cluster_ttl_on_failure,
        )
        other = await registration.other_address()
        if other is not None and await answers_to(registration.name, other, keyring):
            old, registration.name = registration.name, mint_name(path, hostname, listen, uuid4())
            logger.warning(
                "the name of this node, %s, is that of a running node at %s:%d, so this prefix is a"
                " copy; this node is called %s from now on",
                old, *other, registration.name,
            )  # fmt: skip
        return registration

    def _worker_settings(self, encryption: Encryption) -> Mapping[str, Any]:
        settings = self.settings
        return {
            "log_level": settings.log_level,
            **self._logs.of_workers(),
            "salt": self.store.salt,
            "custom_plugins": list(settings.custom_plugins),
            "cache_bytes": settings.mem_cache_size,
            "tls": encryption.server,
            "gateway": {
                "server_tokens": settings.server_tokens,
                "latency_tokens": settings.latency_tokens,
                "upstream_keepalive": settings.upstream_keepalive,
                "trusted_ips": list(settings.trusted_ips),
                "path_handling": "raw" if settings.path_handling == "raw" else "resolved",
                "max_connections": settings.max_connections,
                "idle_timeout": float(settings.client_idle_timeout),
                "head_timeout": float(settings.client_head_timeout),
                "body_timeout": float(settings.client_body_timeout),
                "send_timeout": float(settings.client_body_timeout),
                "upstream_tls": encryption.upstream,
                "http2": settings.http2,
            },
        }


class _StopRequest:
    """What the signals of this process asked for."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.fast = asyncio.Event()

    def listen(self) -> None:
        """Take over SIGTERM and SIGINT (fast), and SIGQUIT (drain; asked twice: fast)."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._ask_fast)
        loop.add_signal_handler(signal.SIGQUIT, self._ask_drain)

    def _ask_fast(self) -> None:
        self.fast.set()
        self.asked.set()

    def _ask_drain(self) -> None:
        if self.asked.is_set():
            self.fast.set()
        self.asked.set()
