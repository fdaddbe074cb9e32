"""Serf's part of a push/pull: what one member tells another of everything (reference: serf §4)."""

from colobus.cluster.codec import serf as codec
from colobus.cluster.messages import JoinIntent, LeaveIntent, SerfState, UserEvent
from colobus.cluster.serf.events import EventRing
from colobus.cluster.serf.lamport import MOST_TIME, Clocks
from colobus.cluster.serf.members import MemberStatus
from colobus.cluster.serf.membership import Membership

__all__ = ["Synchronisation"]


class Synchronisation:
    """Writes and merges states.

    Args:
        clocks: the three clocks.
        membership: takes intents.
        events: takes and gives user events.
    """

    def __init__(self, clocks: Clocks, *, membership: Membership, events: EventRing) -> None:
        self._clocks = clocks
        self._membership = membership
        self._events = events

    def state(self) -> bytes:
        """Return our state. Slots without events are not sent: a short list is understood."""
        members = self._membership.members
        return codec.encode(
            SerfState(
                member_time=self._clocks.member.time,
                status_times={member.name: member.status_time for member in members},
                left_members=tuple(members.left),
                event_time=self._clocks.event.time,
                events=self._events.slots(),
                query_time=self._clocks.query.time,
            )
        )

    def merge(self, data: bytes, now: float, *, ignores_old_events: bool) -> list[UserEvent]:
        """Take in a peer's state; return the user events that are new, in order.

        Nothing of this is passed on: whoever lacks it has push/pulls too.

        Raises:
            ClusterProtocolError: it cannot be read; nothing has changed.
        """
        state = codec.decode_as(data, SerfState)
        clocks = self._clocks
        # 1. A clock names the next time to use, so the last one used is one less.
        clocks.member.witness(state.member_time - 1)
        clocks.event.witness(state.event_time - 1)
        clocks.query.witness(state.query_time - 1)
        self._merge_intents(state, now)
        # 4. What happened before we joined.
        if ignores_old_events:
            self._events.least_time = max(self._events.least_time, state.event_time)
        # 5. Whether an event may be coalesced is not recorded: it may not.
        return [
            event
            for slot in state.events
            if slot is not None and slot.time <= MOST_TIME
            for recorded in slot.events
            if self._events.accept(event := UserEvent(slot.time, recorded.name, recorded.payload))
        ]

    def _merge_intents(self, state: SerfState, now: float) -> None:
        """Take in who has left and who has not, as if the intents had been heard (steps 2, 3)."""
        left = dict.fromkeys(state.left_members)
        for name in left:
            known = self._membership.members.get(name)
            if known is None:
                # An agent would keep this for the name's return, and show it as leaving then, for
                # ever (serf pitfalls 16). Who is gone and unknown here has nothing to leave.
                continue
            # Their leave came after the last time recorded. For one that has left here too there
            # is nothing to enforce, and adding one at each exchange would never end.
            is_left = known.status == MemberStatus.LEFT
            time = state.status_times.get(name, 0) + (0 if is_left else 1)
            if time <= MOST_TIME:
                self._membership.leave_intent(LeaveIntent(time, name), now)
        for name, time in state.status_times.items():
            if name not in left and time <= MOST_TIME:
                self._membership.join_intent(JoinIntent(time, name), now)
