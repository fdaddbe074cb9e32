"""What the Admin API sees of its node."""

import platform
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from colobus.admin.node import EventSubscription
from colobus.changes.follower import Follower
from colobus.config.settings import Settings
from colobus.gateway.stats import SharedStats
from colobus.node.bus import ClearCache, ForgetCached, ReadCache
from colobus.node.cache_keys import questions_of, shown
from colobus.node.feed import Feed
from colobus.node.membership import Membership
from colobus.node.registry import Registration
from colobus.node.workers import Workers
from colobus.plugins.registry import Registry

__all__ = ["NodeView"]

CACHE_TIMEOUT_S = 2.0
"""How long a question about the cache waits for the workers."""

APPLY_TIMEOUT_S = 5.0
"""How long a write waits for the workers before it answers and names those that are behind."""


class NodeView:
    """Implements :class:`colobus.admin.node.NodeFacade`."""

    def __init__(
        self,
        settings: Settings,
        registry: Registry,
        registration: Registration,
        membership: Membership,
        workers: Workers,
        follower: Follower,
        stats: SharedStats,
        feed: Feed,
    ) -> None:
        self.name = registration.name
        self.hostname = platform.node()
        self._settings = settings
        self._registry = registry
        self._catalog = registry.catalog()
        self._registration = registration
        self._membership = membership
        self._workers = workers
        self._follower = follower
        self._stats = stats
        self._feed = feed

    async def applied(self, revision: int) -> Sequence[str]:
        """Wait until every worker routes by ``revision``; return the names of those that do not."""
        self.written(revision)
        return await self._workers.applied(revision, APPLY_TIMEOUT_S)

    def written(self, revision: int) -> None:
        """Tell everybody that this node has written ``revision``; follow it now."""
        self._membership.announce(revision)
        self._follower.hint(revision)

    def look(self) -> None:
        """Look at the datastore's revision now instead of at the next poll."""
        self._follower.look()

    def configuration(self) -> Mapping[str, object]:
        """Return the effective settings, secrets masked."""
        return self._settings.shown(self._registry)

    def server_counters(self) -> Mapping[str, int]:
        """Return connections and requests of all workers."""
        return self._stats.total()

    async def cached(self, key: str) -> object | None:
        """Return what the first worker that knows remembers under a cache key of 0.10."""
        keys = [list(question) for question in questions_of(self._catalog, key)]
        if not keys:
            return None
        told = await self._workers.ask(lambda number: ReadCache(number, keys), CACHE_TIMEOUT_S)
        for answer in told.answers:
            if answer.key is not None:
                kind, name, _ = answer.key
                return shown(self._catalog[kind], name, answer.rows)
        return None

    async def forget_cached(self, key: str) -> Sequence[str]:
        """Forget what every worker remembers under a key; return the names of those behind."""
        keys = [list(question) for question in questions_of(self._catalog, key)]
        if not keys:
            return []
        told = await self._workers.ask(lambda number: ForgetCached(number, keys), CACHE_TIMEOUT_S)
        return told.silent

    async def clear_cache(self) -> Sequence[str]:
        """Forget all that was looked up; return the names of the workers that are behind."""
        return (await self._workers.ask(ClearCache, CACHE_TIMEOUT_S)).silent

    async def cache_counts(self) -> Mapping[str, int]:
        """Return the counters of the caches of all workers, summed."""
        told = await self._workers.ask(lambda number: ReadCache(number, []), CACHE_TIMEOUT_S)
        total: Counter[str] = Counter()
        for answer in told.answers:
            total.update(answer.counts)
        return {**total, "workers": len(told.answers)}

    async def members(self) -> Sequence[Mapping[str, object]]:
        """Return every member of the cluster as this node knows it."""
        return self._membership.members()

    async def reachability(self, timeout_s: float | None) -> Mapping[str, Any]:
        """Tell who answers a question to every live member."""
        return await self._membership.reachability(timeout_s)

    def subscribe(self, last_id: str | None) -> EventSubscription:
        """Subscribe to the events of the cluster."""
        return self._feed.subscribe(last_id)

    async def join(self, address: str) -> None:
        """Join the cluster that the node at ``address`` is in."""
        await self._membership.join(address)

    async def force_leave(self, name: str) -> None:
        """Remove a node that is gone, from the cluster and the registry."""
        self._membership.force_leave(name)
        await self._registration.remove(name)
