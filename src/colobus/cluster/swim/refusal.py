"""A crashed process on a host that lives: its port refuses, which a slow one never does.

A node that does not answer may be dead or only busy, stopped or cut off; it has the time of a
suspicion to refute. But the kernel of a live host accepts connections for a process as long as the
process exists, busy and stopped ones included, and refuses them once it is gone. So a refusal says
what silence does not, and the verdict need not wait. Since a middlebox can refuse as well, and a
process can be on its way back, one refusal is not enough::

    no ack, refused, and at least half of the others asked have no ack either
      │  suspect, as ever; the accusation goes to the accused as well
      │  one probe timeout, in which it can refute or come back
      ▼
    connect again ── refused, and still suspected of the same ──► dead
      └───────────── anything else ─────────────────────────────► the suspicion runs on

Nothing of this shows on the wire but an earlier ``dead``, which every agent of the protocol
understands. A host that is gone altogether refuses nothing: it is found by the suspicion.
"""

import logging

from colobus.cluster.messages import Dead, NodeState, StreamMessage, Suspect
from colobus.cluster.swim.answering import ping_of
from colobus.cluster.swim.gossip import READS_CHECKSUMS, Gossip
from colobus.cluster.swim.rules import MembershipRules
from colobus.cluster.swim.schedule import Schedule
from colobus.cluster.swim.streams import REFUSED, Streams
from colobus.cluster.swim.table import Node
from colobus.cluster.timing import ClusterTiming

__all__ = ["LastCall", "is_worth_a_last_call"]

logger = logging.getLogger(__name__)


def is_worth_a_last_call(*, others_asked: int, nacks: int) -> bool:
    """Return whether the others bear out that a node which refuses us does not answer.

    A nack says: "I pinged it for you, and there was no ack". At least half of those asked must
    have said so. Where there is nobody to ask, our own word has to do. Agents whose nack comes
    after our probe interval count as silent: then the suspicion decides alone.
    """
    return others_asked == 0 or (nacks > 0 and 2 * nacks >= others_asked)


class LastCall:
    """Asks a suspect that refused connections once more, then declares it dead.

    Bounded by the probe rounds that lead here, one at a time, and by ``Streams``.
    """

    def __init__(
        self,
        rules: MembershipRules,
        *,
        gossip: Gossip,
        streams: Streams,
        schedule: Schedule,
        timing: ClusterTiming,
    ) -> None:
        self._rules = rules
        self._gossip = gossip
        self._streams = streams
        self._schedule = schedule
        self._timing = timing

    def make(self, node: Node, incarnation: int, now: float) -> None:
        """Tell ``node`` of its suspicion, and look again after one probe timeout."""
        if not self._is_suspected(node, incarnation):
            return
        own = self._rules.own
        self._gossip.send_alone(
            node.endpoint,
            Suspect(incarnation, node.name, own.name),
            has_checksum=node.protocol_max >= READS_CHECKSUMS,
        )
        self._schedule.call_at(
            now + self._timing.probe_timeout_s, lambda at: self._look_again(node, incarnation, at)
        )

    def _look_again(self, node: Node, incarnation: int, now: float) -> None:
        if not self._is_suspected(node, incarnation):
            return

        def answered(_message: StreamMessage, _at: float) -> None:
            """Leave it to the suspicion, or to the refutation that is on its way."""

        def failed(reason: str, at: float) -> None:
            if reason == REFUSED and self._is_suspected(node, incarnation):
                logger.info("%s refuses connections: its process is gone", node.name)
                self._rules.dead(Dead(incarnation, node.name, self._rules.own.name), at)

        # The sequence number is of no wait of ours: an answer means only that somebody listens.
        ping = ping_of(self._rules.own, 0, node.name)
        timeout_s = self._timing.probe_timeout_s
        self._streams.dial(
            node.endpoint, ping, now, answered=answered, failed=failed, timeout_s=timeout_s
        )

    def _is_suspected(self, node: Node, incarnation: int) -> bool:
        return node.state == NodeState.SUSPECT and node.incarnation == incarnation
