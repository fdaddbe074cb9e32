"""What happens in the cluster, told to whoever subscribes, with a short memory for those who return.

Recorded events have an id, ``<boot>-<number>``: a subscriber that names the last one it saw is told
what followed, unless that is no longer known, or the node was started anew; then it is told of the
gap. Unrecorded events have no id and are only told to those who listen.

::

    start ─► event … ─► end: stopping | slow
      └ gap: restarted | expired | unknown, in place of the events that are missing
"""

import asyncio
from collections import deque
from collections.abc import Mapping

from colobus.admin.node import ClusterEvent
from colobus.clock import Clock
from colobus.errors import ClusterError

__all__ = ["Feed", "FeedSubscription"]

HISTORY = 512
"""Recorded events that are kept; a cluster of a hundred nodes may restart twice meanwhile."""

BACKLOG = 1024
"""Events that wait for a slow subscriber before it is cut; a full replay fits in."""

MOST_SUBSCRIBERS = 64


class FeedSubscription:
    """One subscriber; implements :class:`colobus.admin.node.EventSubscription`."""

    def __init__(self, feed: "Feed", events: list[ClusterEvent]) -> None:
        self._feed = feed
        self._waiting = deque(events)
        self._woken = asyncio.Event()
        self._reason: str | None = None
        self.is_over = False

    async def take(self, timeout_s: float) -> list[ClusterEvent]:
        """Return what has come, waiting for it; nothing when nothing came in time.

        The last event is an ``end``, unless the subscriber closed; then ``is_over`` is true.
        """
        if not self._waiting and self._reason is None:
            self._woken.clear()
            try:
                async with asyncio.timeout(timeout_s):
                    await self._woken.wait()
            except TimeoutError:
                return []
        taken = list(self._waiting)
        self._waiting.clear()
        if self._reason is not None and not self.is_over:
            self.is_over = True
            taken.append(ClusterEvent(None, "end", {"reason": self._reason}))
        return taken

    def close(self) -> None:
        """Take no more; for the subscriber."""
        self._waiting.clear()
        self.is_over = True
        self.end("closed")

    def push(self, event: ClusterEvent) -> None:
        """Add an event; one too many ends the subscription after what waits."""
        if len(self._waiting) >= BACKLOG:
            self.end("slow")
            return
        self._waiting.append(event)
        self._woken.set()

    def end(self, reason: str) -> None:
        """Tell nothing more than what waits, and ``reason``."""
        self._feed.remove(self)
        self._reason = self._reason or reason
        self._woken.set()


class Feed:
    """The events of one node's life.

    Args:
        node: its name, told at the start of each subscription.
        boot: tells this life from the one before; of letters and digits.
        clock: time.
    """

    def __init__(self, node: str, boot: str, clock: Clock) -> None:
        self._node = node
        self._boot = boot
        self._clock = clock
        self._number = 0
        self._history: deque[tuple[int, ClusterEvent]] = deque(maxlen=HISTORY)
        self._subscriptions: dict[FeedSubscription, None] = {}
        self._is_closed = False

    def record(self, kind: str, content: Mapping[str, object]) -> None:
        """Tell an event, now and to those who return."""
        self._number += 1
        event = ClusterEvent(self._id(), kind, self._dated(content))
        self._history.append((self._number, event))
        self._push(event)

    def tell(self, kind: str, content: Mapping[str, object]) -> None:
        """Tell an event that the next one of its kind makes void, so that nobody misses it."""
        self._push(ClusterEvent(None, kind, self._dated(content)))

    def subscribe(self, last_id: str | None) -> FeedSubscription:
        """Return a subscription to what follows ``last_id``, or follows from now on.

        Raises:
            ClusterError: there are too many, or the node stops.
        """
        if self._is_closed:
            raise ClusterError("the node is stopping")
        if len(self._subscriptions) >= MOST_SUBSCRIBERS:
            raise ClusterError(f"more than {MOST_SUBSCRIBERS} subscribers")
        subscription = FeedSubscription(self, self._opening(last_id))
        self._subscriptions[subscription] = None
        return subscription

    def remove(self, subscription: FeedSubscription) -> None:
        """Tell it no more."""
        self._subscriptions.pop(subscription, None)

    def close(self) -> None:
        """End every subscription; the node stops."""
        self._is_closed = True
        for subscription in tuple(self._subscriptions):
            subscription.end("stopping")

    def _opening(self, last_id: str | None) -> list[ClusterEvent]:
        start = {"node": self._node}
        if last_id is None:
            return [ClusterEvent(self._id(), "start", start)]
        missed = self._after(last_id)
        if isinstance(missed, str):
            gap = ClusterEvent(self._id(), "gap", {"reason": missed})
            return [ClusterEvent(None, "start", start), gap]
        return [ClusterEvent(None, "start", start), *missed]

    def _after(self, last_id: str) -> list[ClusterEvent] | str:
        """Return the recorded events after an id, or why they cannot be told."""
        boot, _, digits = last_id.rpartition("-")
        if not boot or not digits.isdecimal() or len(digits) > 18:
            return "unknown"
        number = int(digits)
        if boot != self._boot:
            return "restarted"
        if number > self._number:
            return "unknown"
        if number < self._number - len(self._history):
            return "expired"
        return [event for count, event in self._history if count > number]

    def _push(self, event: ClusterEvent) -> None:
        for subscription in tuple(self._subscriptions):
            subscription.push(event)

    def _id(self) -> str:
        return f"{self._boot}-{self._number}"

    def _dated(self, content: Mapping[str, object]) -> dict[str, object]:
        return {**content, "time": int(self._clock.time() * 1e3)}
