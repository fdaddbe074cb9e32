"""A crashed process on a host that lives: its port refuses, which a slow one never does.

A node that does not answer may be dead or only busy, stopped or cut off; it has the time of a
suspicion to refute. But the kernel of a live host accepts connections for a process as long as the
process exists, busy and stopped ones included, and refuses them once it is gone. So a refusal says
what silence does not, and the verdict need not wait. Since a middlebox can refuse as well, and a
process can be on its way back, one refusal is not enough::

    no ack in the round, and refused
      │  suspect, as ever; the accusation goes to the accused as well
      │  a probe timeout, in which it can refute or come back; a probe interval when the others
      │  that were asked have not said yet whether it answers them
      ▼
    at least half of the others have no ack either? connect again
      ├── refused, and still suspected of the same ──► dead
      └── anything else, or a late ack before ───────► the suspicion runs on

Nothing of this shows on the wire but an earlier ``dead``, which every agent of the protocol
understands. A host that is gone altogether refuses nothing: it is found by the suspicion.
"""

import logging
from dataclasses import dataclass

from colobus.cluster.messages import Dead, NodeState, StreamMessage, Suspect
from colobus.cluster.swim.acknowledgements import Acknowledgements
from colobus.cluster.swim.answering import ping_of
from colobus.cluster.swim.gossip import READS_CHECKSUMS, Gossip
from colobus.cluster.swim.rules import MembershipRules
from colobus.cluster.swim.schedule import Schedule
from colobus.cluster.swim.streams import REFUSED, Streams
from colobus.cluster.swim.table import Node
from colobus.cluster.timing import ClusterTiming

__all__ = ["Evidence", "LastCalls"]

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Evidence:
    """What a round without an ack has shown of a node that refused us.

    Attributes:
        sequence: of the ping, whose late answers count as well.
        others_asked: how many were asked to ping it.
        nacks: how many of them said that they have no ack.
    """

    node: Node
    incarnation: int
    sequence: int
    others_asked: int
    nacks: int
    has_answered: bool = False

    @property
    def is_borne_out(self) -> bool:
        """Whether at least half of the others have no ack; with nobody to ask, our word does."""
        return self.others_asked == 0 or (self.nacks > 0 and 2 * self.nacks >= self.others_asked)

    @property
    def is_standing(self) -> bool:
        """Whether the node is still suspected of the same, and has been silent."""
        is_suspected = self.node.state == NodeState.SUSPECT
        return is_suspected and self.node.incarnation == self.incarnation and not self.has_answered

    def take_ack(self, _payload: bytes, _now: float) -> None:
        """Learn that the node answered after all."""
        self.has_answered = True

    def take_nack(self) -> None:
        """Learn that one more has no ack."""
        self.nacks += 1


class LastCalls:
    """Asks suspects that refused connections once more, then declares them dead.

    Bounded by the probe rounds that lead here, one at a time, and by ``Streams``.
    """

    def __init__(
        self,
        rules: MembershipRules,
        *,
        gossip: Gossip,
        streams: Streams,
        acknowledgements: Acknowledgements,
        schedule: Schedule,
        timing: ClusterTiming,
    ) -> None:
        self._rules = rules
        self._gossip = gossip
        self._streams = streams
        self._acknowledgements = acknowledgements
        self._schedule = schedule
        self._timing = timing

    def make(self, evidence: Evidence, now: float) -> None:
        """Tell the node of its suspicion, and look again after a while."""
        if not evidence.is_standing:
            return
        node, timing = evidence.node, self._timing
        self._gossip.send_alone(
            node.endpoint,
            Suspect(evidence.incarnation, node.name, self._rules.own.name),
            has_checksum=node.protocol_max >= READS_CHECKSUMS,
        )
        self._acknowledgements.hand_over(evidence.sequence, evidence.take_ack, evidence.take_nack)
        wait_s = timing.probe_timeout_s if evidence.is_borne_out else timing.probe_interval_s
        self._schedule.call_at(now + wait_s, lambda at: self._look_again(evidence, at))

    def _look_again(self, evidence: Evidence, now: float) -> None:
        self._acknowledgements.forget(evidence.sequence)
        if not evidence.is_standing or not evidence.is_borne_out:
            return
        node = evidence.node

        def answered(_message: StreamMessage, _at: float) -> None:
            """Leave it to the suspicion, or to the refutation that is on its way."""

        def failed(reason: str, at: float) -> None:
            if reason == REFUSED and evidence.is_standing:
                logger.info("%s refuses connections: its process is gone", node.name)
                self._rules.dead(Dead(evidence.incarnation, node.name, self._rules.own.name), at)

        # The sequence number is of no wait of ours: an answer means only that somebody listens.
        ping = ping_of(self._rules.own, 0, node.name)
        timeout_s = self._timing.probe_timeout_s
        self._streams.dial(
            node.endpoint, ping, now, answered=answered, failed=failed, timeout_s=timeout_s
        )
