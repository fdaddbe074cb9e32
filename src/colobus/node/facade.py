"""What the Admin API sees of its node."""

import platform
from collections.abc import Mapping, Sequence

from colobus.changes.follower import Follower
from colobus.config.settings import Settings
from colobus.errors import ClusterError
from colobus.gateway.stats import SharedStats
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
        workers: Workers,
        follower: Follower,
        stats: SharedStats,
    ) -> None:
        self.name = registration.name
        self.hostname = platform.node()
        self._settings = settings
        self._registry = registry
        self._registration = registration
        self._workers = workers
        self._follower = follower
        self._stats = stats

    async def applied(self, revision: int) -> Sequence[str]:
        """Wait until every worker routes by ``revision``; return the names of those that do not."""
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
        """Return every node of the registry, this one with its revision."""
        members = await self._registration.members()
        return [
            {**member, "revision": self._follower.applied}
            if member["name"] == self.name
            else member
            for member in members
        ]

    async def join(self, address: str) -> None:
        """Join the cluster at ``address``."""
        raise ClusterError(f"cannot join {address}: this node finds others through its datastore")

    async def force_leave(self, name: str) -> None:
        """Remove a node that is gone from the registry; an unknown name is no error."""
        await self._registration.remove(name)
