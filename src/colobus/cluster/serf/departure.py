"""Leaving in good order, so that everybody sees ``left`` and nobody ``failed`` (serf §5.6).

::

    STAYING ─► LEAVING: the intent spreads ─► the death spreads ─► a moment for stragglers ─► GONE

The intent must be known before the death, or the members hold us for failed (serf pitfalls 15).
Each step goes directly to every member, up to 64, besides the gossip, and ends when all of them
have acknowledged it: after one round trip. Where one does not, or there are more, it ends when its
broadcast has been sent often enough, or after the broadcast timeout. The last moment is for those
who may not have heard; when everybody has, or there is nobody, it is left out.
"""

from collections.abc import Callable
from enum import Enum

from colobus.cluster.codec import serf as codec
from colobus.cluster.messages import LeaveIntent, UserMessage
from colobus.cluster.serf.broadcasting import BroadcastKind, SerfBroadcasts
from colobus.cluster.serf.facts import Fact, LeaveDone
from colobus.cluster.serf.lamport import LamportClock
from colobus.cluster.serf.membership import Membership
from colobus.cluster.swim.core import Spread, Swim

__all__ = ["Departure", "NodePhase"]


class NodePhase(Enum):
    """Where this node is in its life as a member."""

    STAYING = "staying"
    LEAVING = "leaving"
    GONE = "gone"


class Departure:
    """The one way out."""

    def __init__(
        self,
        swim: Swim,
        *,
        clock: LamportClock,
        membership: Membership,
        broadcasts: SerfBroadcasts,
        emit: Callable[[Fact], None],
    ) -> None:
        self.phase = NodePhase.STAYING
        self._swim = swim
        self._clock = clock
        self._membership = membership
        self._broadcasts = broadcasts
        self._emit = emit

    def leave(self, now: float) -> None:
        """Begin to leave; ``LeaveDone`` tells the end. A second call changes nothing."""
        if self.phase is not NodePhase.STAYING:
            return
        self.phase = NodePhase.LEAVING
        self._membership.is_staying = False
        intent = LeaveIntent(self._clock.time, self._swim.own.name)
        self._clock.increment()
        self._membership.leave_intent(intent, now)
        payload = codec.encode(intent)

        def spread(finished: Callable[[float], None]) -> None:
            self._broadcasts.add(BroadcastKind.INTENT, payload, now, finished)

        self._swim.once_spread(spread, now, self._die, direct=(UserMessage(payload),))

    def _die(self, _how: Spread, now: float) -> None:
        self._swim.leave(now, self._linger)

    def _linger(self, how: Spread, now: float) -> None:
        """Go on answering for a moment: others may still want to hear it from us (§8)."""
        is_known = how is Spread.CONFIRMED
        delay_s = 0.0 if is_known else self._swim.timing.leave_propagate_delay_s
        self._swim.schedule.call_at(now + delay_s, self._end)

    def _end(self, _now: float) -> None:
        self.phase = NodePhase.GONE
        self._emit(LeaveDone())
