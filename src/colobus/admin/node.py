"""What the Admin API asks of the node it belongs to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

__all__ = ["ClusterEvent", "EventSubscription", "NodeFacade"]


@dataclass(frozen=True, slots=True)
class ClusterEvent:
    """Something that happened in the cluster.

    Attributes:
        id: names it for a subscriber that comes back; None for what is not told again.
        kind: ``member-join`` and so on, or what the subscription itself has to say.
        content: name, address, status, time in ms, and whatever else there is.
    """

    id: str | None
    kind: str
    content: Mapping[str, Any]


class EventSubscription(Protocol):
    """Events of the cluster, for one subscriber that ends with :meth:`close`."""

    @property
    def is_over(self) -> bool:
        """Whether the last event was taken, or the subscription closed."""

    async def take(self, timeout_s: float) -> Sequence[ClusterEvent]:
        """Return what has come, waiting for it; nothing when nothing came in time."""

    def close(self) -> None:
        """Take no more."""


class NodeFacade(Protocol):
    """The node, as far as the Admin API knows it.

    Every method is bounded in time. Apart from what is named, they raise
    :class:`~colobus.errors.StoreUnavailableError` where they need a datastore that is away.
    """

    @property
    def name(self) -> str:
        """The node's name in the cluster; it signs what is written here."""

    @property
    def hostname(self) -> str:
        """The name of the machine."""

    async def applied(self, revision: int) -> Sequence[str]:
        """Wait until every worker of this node routes by ``revision``, or some time has passed.

        Returns:
            The names of the workers that do not route by it; none when all do.
        """

    def configuration(self) -> Mapping[str, object]:
        """Return the effective settings by their names, secrets masked."""

    def server_counters(self) -> Mapping[str, int]:
        """Return connections and requests of all workers, by the names of ``GET /status``."""

    async def cached(self, key: str) -> object | None:
        """Return what this node remembers under a cache key of Kong 0.10, as JSON; None: nothing."""

    async def forget_cached(self, key: str) -> Sequence[str]:
        """Forget what is remembered under a key.

        Returns:
            The names of the workers that did not confirm it in time; they do it when they can.
        """

    async def clear_cache(self) -> Sequence[str]:
        """Forget everything that was looked up; returns as :meth:`forget_cached`."""

    async def cache_counts(self) -> Mapping[str, int]:
        """Return what is remembered and how often it helped, of all workers of this node."""

    async def members(self) -> Sequence[Mapping[str, object]]:
        """Return the members of the cluster: ``name``, ``address``, ``status``, and more.

        Raises:
            ClusterError: the cluster agent does not answer.
        """

    async def reachability(self, timeout_s: float | None) -> Mapping[str, Any]:
        """Ask every live member and tell who answers within a time, or the usual one.

        Raises:
            ClusterError: too many are asking.
        """

    def subscribe(self, last_id: str | None) -> EventSubscription:
        """Subscribe to the events of the cluster, from now on or after the event ``last_id``.

        Raises:
            ClusterError: too many have.
        """

    async def join(self, address: str) -> None:
        """Join the cluster through the member at ``address``.

        Raises:
            ClusterError: it could not be reached, or the address cannot be one.
        """

    async def force_leave(self, name: str) -> None:
        """Remove a failed member; an unknown name is no error.

        Raises:
            ClusterError: the cluster agent refused or failed.
        """

    def look(self) -> None:
        """Look at the datastore's revision soon; a hint, which may come as often as it likes."""
