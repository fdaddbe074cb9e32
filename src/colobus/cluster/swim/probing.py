"""The probe rounds: one node after another is pinged, directly, through others, by stream.

::

    ping ──ack─────────────────────────────────────────────► fine, health -1
      │ none within the probe timeout
      ├► indirect pings ──ack before the interval ends─────► fine, health -1
      ├► ping on a stream ──ack───────(end of interval)────► fine, warning, health -1
      └► nothing at the end of the interval ───────────────► health +, suspect
              └► refused, and others had no answer either ─► last call (``refusal``)

Decides only whether a node answered; what follows from a suspicion is for ``rules``.
"""

import logging
from dataclasses import dataclass
from random import Random

from colobus.cluster.messages import Ack, IndirectPing, NodeState, StreamMessage, Suspect
from colobus.cluster.swim.acknowledgements import Acknowledgements
from colobus.cluster.swim.answering import ping_of
from colobus.cluster.swim.awareness import Awareness
from colobus.cluster.swim.delegate import Delegate
from colobus.cluster.swim.gossip import READS_CHECKSUMS, Gossip
from colobus.cluster.swim.refusal import Evidence, LastCalls
from colobus.cluster.swim.rules import MembershipRules
from colobus.cluster.swim.schedule import Schedule, Timer
from colobus.cluster.swim.streams import REFUSED, Streams
from colobus.cluster.swim.table import Node, NodeTable
from colobus.cluster.timing import ClusterTiming

__all__ = ["Prober"]

logger = logging.getLogger(__name__)

# What a node with this pmax can do (reference: memberlist §3).
ANSWERS_STREAM_PINGS = 3
SENDS_NACKS = 4


@dataclass(slots=True)
class _Round:
    """One node under test."""

    node: Node
    incarnation: int
    sequence: int
    sent_at: float
    interval_s: float
    next_at: float
    timer: Timer
    is_direct: bool = True
    nacks_expected: int = 0
    nacks: int = 0
    others_asked: int = 0
    is_reached_by_stream: bool = False
    is_refused: bool = False


class Prober:
    """Runs probe rounds one after the other (reference: memberlist §6.1)."""

    def __init__(
        self,
        rules: MembershipRules,
        *,
        table: NodeTable,
        gossip: Gossip,
        streams: Streams,
        acknowledgements: Acknowledgements,
        awareness: Awareness,
        schedule: Schedule,
        timing: ClusterTiming,
        delegate: Delegate,
        rng: Random,
    ) -> None:
        self._rules = rules
        self._table = table
        self._gossip = gossip
        self._streams = streams
        self._acknowledgements = acknowledgements
        self._awareness = awareness
        self._schedule = schedule
        self._timing = timing
        self._delegate = delegate
        self._rng = rng
        self._round: _Round | None = None
        self._last_calls = LastCalls(
            rules,
            gossip=gossip,
            streams=streams,
            acknowledgements=acknowledgements,
            schedule=schedule,
            timing=timing,
        )

    def start(self, now: float) -> None:
        """Probe from a random part of the first interval on."""
        self._schedule.call_at(
            now + self._rng.random() * self._timing.probe_interval_s, self._probe
        )

    def _probe(self, now: float) -> None:
        """Begin a round (steps 1 to 3)."""
        own, timing = self._rules.own, self._timing
        node = self._table.next_to_probe(own.name, now, timing.gossip_to_the_dead_s)
        next_at = now + timing.probe_interval_s
        if node is None:
            self._schedule.call_at(next_at, self._probe)
            return
        sequence = self._acknowledgements.expect(self._acked, self._nacked)
        self._round = _Round(
            node=node,
            incarnation=node.incarnation,
            sequence=sequence,
            sent_at=now,
            interval_s=self._awareness.stretch(timing.probe_interval_s),
            next_at=next_at,
            timer=self._schedule.call_at(now + timing.probe_timeout_s, self._ask_others),
        )
        ping = ping_of(own, sequence, node.name)
        if node.state == NodeState.SUSPECT:
            accusation = Suspect(node.incarnation, node.name, own.name)
            has_checksum = node.protocol_max >= READS_CHECKSUMS
            self._gossip.send_alone(node.endpoint, ping, accusation, has_checksum=has_checksum)
        else:
            self._gossip.send(node.endpoint, ping, now)

    def _acked(self, payload: bytes, now: float) -> None:
        """End the round well (steps 4 and 6)."""
        current = self._current()
        self._schedule.cancel(current.timer)
        if current.is_direct:
            # Only then the time between is a round trip (step 4, serf §10).
            rtt_s = now - current.sent_at
            self._delegate.ping_completed(current.node, rtt_s, payload, now)
        self._finish(current, -1, now)

    def _nacked(self) -> None:
        self._current().nacks += 1

    def _ask_others(self, now: float) -> None:
        """Try by other ways for the rest of the interval (step 5).

        All of the rest, also when this comes late because our process was held up: else a node
        that was asleep would accuse the first one it had pinged.
        """
        current, own = self._current(), self._rules.own
        node = current.node
        current.is_direct = False

        def can_ask(other: Node) -> bool:
            return other.state == NodeState.ALIVE and other is not own and other is not node

        for other in self._table.pick(self._timing.indirect_checks, can_ask):
            wants_nack = other.protocol_max >= SENDS_NACKS
            current.others_asked += 1
            current.nacks_expected += wants_nack
            request = IndirectPing(
                current.sequence,
                node.address,
                node.port,
                node.name,
                wants_nack,
                own.address,
                own.port,
                own.name,
            )
            self._gossip.send(other.endpoint, request, now)
        rest_s = max(current.interval_s - self._timing.probe_timeout_s, 0.0)
        if node.protocol_max >= ANSWERS_STREAM_PINGS:
            self._ping_by_stream(current, now, rest_s)
        current.timer = self._schedule.call_at(now + rest_s, self._conclude)

    def _ping_by_stream(self, current: _Round, now: float, timeout_s: float) -> None:
        def answered(message: StreamMessage, _at: float) -> None:
            is_ack = isinstance(message, Ack) and message.sequence == current.sequence
            current.is_reached_by_stream = is_ack

        def failed(reason: str, _at: float) -> None:
            current.is_refused = reason == REFUSED

        self._streams.dial(
            current.node.endpoint,
            ping_of(self._rules.own, current.sequence, current.node.name),
            now,
            timeout_s=timeout_s,
            answered=answered,
            failed=failed,
        )

    def _conclude(self, now: float) -> None:
        """End the round without an ack by datagram (steps 6 and 7)."""
        current = self._current()
        self._acknowledgements.forget(current.sequence)
        name = current.node.name
        if current.is_reached_by_stream:
            logger.warning("%s answers by TCP but not by UDP", name)
            self._finish(current, -1, now)
            return
        missing_nacks = current.nacks_expected - current.nacks
        self._finish(current, missing_nacks if current.nacks_expected else 1, now)
        self._rules.suspect(Suspect(current.incarnation, name, self._rules.own.name), now)
        if current.is_refused:
            self._last_calls.make(
                Evidence(
                    current.node,
                    current.incarnation,
                    current.sequence,
                    current.others_asked,
                    current.nacks,
                ),
                now,
            )

    def _finish(self, current: _Round, health_change: int, now: float) -> None:
        self._awareness.change(health_change)
        self._round = None
        self._schedule.call_at(max(current.next_at, now), self._probe)

    def _current(self) -> _Round:
        # Sequence numbers and timers are dropped with their round.
        assert self._round is not None
        return self._round
