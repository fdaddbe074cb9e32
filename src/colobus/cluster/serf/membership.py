"""What SWIM's news and the intents of members change: alive, leaving, left or failed.

::

           leave intent              SWIM: gone
    ALIVE ──────────────► LEAVING ──────────────► LEFT
      ▲ │                    │                    ▲ │
      │ │ SWIM: gone         │ join intent        │ │
      │ └─────► FAILED ──────┼────────────────────┘ │
      │           │          │       leave intent (forced)
      └───────────┴──────────┴──────────────────────┘
              SWIM: joined

Whether a member that is gone left or failed depends on its leave intent alone, not on what SWIM
says of its death (reference: serf §5, pitfalls 15).
"""

import logging
from collections.abc import Callable

from colobus.cluster.messages import JoinIntent, LeaveIntent
from colobus.cluster.serf.facts import (
    Fact,
    MemberFailed,
    MemberJoined,
    MemberLeft,
    MemberReaped,
    MemberUpdated,
)
from colobus.cluster.serf.intents import IntentBuffer
from colobus.cluster.serf.lamport import LamportClock
from colobus.cluster.serf.members import Member, MemberStatus, MemberTable, member_record
from colobus.cluster.swim.schedule import Schedule
from colobus.cluster.swim.table import Node

__all__ = ["Membership"]

logger = logging.getLogger(__name__)


class Membership:
    """Applies SWIM's callbacks and intents to the members.

    Args:
        own_name: who we are.
        clock: the member clock.
        schedule: for prunes that must wait.
        prune_delay_s: how long a member that is leaving is given before it is pruned.
        emit: takes facts.
        refute: called with the time when we are said to leave and do not (§5.2).
        forget: told the name of a member that is forgotten.
    """

    def __init__(
        self,
        own_name: str,
        clock: LamportClock,
        *,
        schedule: Schedule,
        prune_delay_s: float,
        emit: Callable[[Fact], None],
        refute: Callable[[float], None],
        forget: Callable[[str], None],
    ) -> None:
        self.members = MemberTable()
        self.intents = IntentBuffer()
        self.is_staying = True
        self._own_name = own_name
        self._clock = clock
        self._schedule = schedule
        self._prune_delay_s = prune_delay_s
        self._emit = emit
        self._refute = refute
        self._forget = forget

    def node_joined(self, node: Node, now: float) -> None:
        """Apply SWIM's news that a node is new or back (§5.1)."""
        member = self.members.get(node.name)
        if member is None:
            member = self._welcome(node, now)
        else:
            self.members.set_status(member, MemberStatus.ALIVE, now)
            _refresh(member, node)
        self._emit(MemberJoined(member_record(member)))

    def node_left(self, node: Node, now: float) -> None:
        """Apply SWIM's news that a node is dead or left, which makes no difference (§5.1)."""
        member = self.members.get(node.name)
        if member is not None and member.status == MemberStatus.LEAVING:
            self.members.set_status(member, MemberStatus.LEFT, now)
            self._emit(MemberLeft(member_record(member)))
        elif member is not None and member.status == MemberStatus.ALIVE:
            self.members.set_status(member, MemberStatus.FAILED, now)
            self._emit(MemberFailed(member_record(member)))
        else:
            logger.warning("unexpected departure of %r", node.name)

    def node_updated(self, node: Node, _now: float) -> None:
        """Apply SWIM's news that the meta of a node changed (§5.1)."""
        member = self.members.get(node.name)
        if member is not None:
            _refresh(member, node)
            self._emit(MemberUpdated(member_record(member)))

    def leave_intent(self, intent: LeaveIntent, now: float) -> bool:
        """Apply a leave intent; return whether it is to be passed on (§5.2)."""
        self._clock.witness(intent.time)
        member = self.members.get(intent.node)
        if member is None:
            return self.intents.keep(intent, now)
        if intent.time <= member.status_time:
            return False
        if intent.node == self._own_name and self.is_staying:
            self._refute(now)
            return False
        member.status_time = intent.time
        if member.status == MemberStatus.ALIVE:
            self.members.set_status(member, MemberStatus.LEAVING, now)
        elif member.status == MemberStatus.FAILED:
            self.members.set_status(member, MemberStatus.LEFT, now)
            self._emit(MemberLeft(member_record(member)))
        if intent.prune:
            self._prune(member, now)
        return True

    def join_intent(self, intent: JoinIntent, now: float) -> bool:
        """Apply a join intent; return whether it is to be passed on (§5.3)."""
        self._clock.witness(intent.time)
        member = self.members.get(intent.node)
        if member is None:
            return self.intents.keep(intent, now)
        if intent.time <= member.status_time:
            return False
        member.status_time = intent.time
        if member.status == MemberStatus.LEAVING:
            self.members.set_status(member, MemberStatus.ALIVE, now)
        return True

    def reap(self, member: Member) -> None:
        """Forget a member."""
        self.members.remove(member)
        self._tell_reaped(member)

    def _tell_reaped(self, member: Member) -> None:
        self._forget(member.name)
        self._emit(MemberReaped(member_record(member)))

    def _welcome(self, node: Node, now: float) -> Member:
        """Add a member, in the status its early intent says (§5.1)."""
        member = Member(node.name, node.address, node.port, node.meta, node.versions)
        evicted = self.members.add(member)
        if evicted is not None:
            self._tell_reaped(evicted)
        intent = self.intents.get(node.name)
        member.status_time = 0 if intent is None else intent.time
        is_leaving = isinstance(intent, LeaveIntent)
        status = MemberStatus.LEAVING if is_leaving else MemberStatus.ALIVE
        self.members.set_status(member, status, now)
        return member

    def _prune(self, member: Member, now: float) -> None:
        """Forget a member at its leave intent, one that is still here after a while (§5.2)."""
        if member.status != MemberStatus.LEAVING:
            self.reap(member)
            return

        def reap_unless_back(_now: float) -> None:
            is_same = self.members.get(member.name) is member
            if is_same and member.status in (MemberStatus.LEAVING, MemberStatus.LEFT):
                self.reap(member)

        # An agent sleeps here, holding its lock (serf pitfalls 23).
        self._schedule.call_at(now + self._prune_delay_s, reap_unless_back)


def _refresh(member: Member, node: Node) -> None:
    member.address, member.port = node.address, node.port
    member.meta, member.versions = node.meta, node.versions
