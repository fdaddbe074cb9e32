"""What the Admin API sees of its node."""

import platform
from collections.abc import Mapping, Sequence

from colobus.changes.follower import Follower
from colobus.config.settings import Settings
from colobus.gateway.stats import SharedStats
from colobus.node.membership import Membership
from colobus.node.registry import Registration
from colobus.node.workers import Workers
from colobus.plugins.registry import Registry

__all__ = ["NodeView"]

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
    ) -> None:
        self.name = registration.name
        self.hostname = platform.node()
        self._settings = settings
        self._registry = registry
        self._registration = registration
        self._membership = membership
        self._workers = workers
        self._follower = follower
        self._stats = stats

    async def applied(self, revision: int) -> Sequence[str]:
        """Wait until every worker routes by ``revision``; return the names of those that do not."""
        self._membership.announce(revision)
        self._follower.hint(revision)
        return await self._workers.applied(revision, APPLY_TIMEOUT_S)

    def look(self) -> None:
        """Look at the datastore's revision now instead of at the next poll."""
        self._follower.look()

    def configuration(self) -> Mapping[str, object]:
        """Return the effective settings, secrets masked."""
        return self._settings.shown(self._registry)

    def server_counters(self) -> Mapping[str, int]:
        """Return connections and requests of all workers."""
        return self._stats.total()

    async def members(self) -> Sequence[Mapping[str, object]]:
        """Return every member of the cluster as this node knows it."""
        return self._membership.members()

    async def join(self, address: str) -> None:
        """Join the cluster that the node at ``address`` is in."""
        await self._membership.join(address)

    async def force_leave(self, name: str) -> None:
        """Remove a node that is gone, from the cluster and the registry."""
        self._membership.force_leave(name)
        await self._registration.remove(name)
