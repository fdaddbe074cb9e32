"""How often this node polls: what the store and the cluster know, put to the rule."""

from collections.abc import Callable

from colobus.changes.polling import POLL_S, Gossip, poll_s
from colobus.clock import Clock
from colobus.store.interface import Store

__all__ = ["Pace"]


class Pace:
    """Asks :func:`colobus.changes.polling.poll_s`.

    Attributes:
        gossip: tells how well gossip works; None before the node takes part in it.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self.gossip: Callable[[], Gossip] | None = None
        self._store = store
        self._clock = clock

    def poll_s(self) -> float:
        """Return the seconds between two polls as things are now."""
        if self.gossip is None:
            return POLL_S
        return poll_s(self.gossip(), self._clock.monotonic(), is_told=self._store.is_telling)
