"""How fast a node probes, gossips and forgets: one frozen record, three presets.

Owns the numbers (reference: memberlist §9, serf §5.5) and the formulas that turn a number and a
cluster size into a duration or a count. Everything is in seconds unless the name says otherwise.
The numbers are local policy: peers with other values interoperate. ``local`` and ``wan`` are those
of Serf agents. ``lan`` probes twice as often as theirs, so that a crashed process is found within
three seconds (``swim/refusal``), and suspects exactly as long: what does not answer but may be
only slow has the time it has there.

========================  =====  =====  =====  ==================================================
setting                   local  lan    wan    trade-off
========================  =====  =====  =====  ==================================================
probe_interval_s          1      0.5    5      detection time against one ping per interval
probe_timeout_s           0.2    0.2    3      must exceed the round trip of nearly all pings
suspicion_mult            3      4      6      time to refute against time to detection
suspicion_interval_s      1      1      5      what ``suspicion_mult`` multiplies
gossip_interval_s         0.1    0.2    0.5    spread time against datagrams per second
gossip_nodes              3      3      4      spread time against datagrams per second
gossip_to_the_dead_s      15     30     60     how long a paused node can learn of its suspicion
retransmit_mult           2      4      4      loss tolerated against datagrams per message
push_pull_interval_s      15     30     60     repair time against one full exchange per interval
indirect_checks           1      3      3      false suspicions against four datagrams each
stream_timeout_s          1      10     30     slowest exchange that still counts
========================  =====  =====  =====  ==================================================
"""

import math
from dataclasses import dataclass
from typing import Self

__all__ = ["ClusterTiming"]

# Below this size the push/pull interval does not grow (reference: memberlist §5).
PUSH_PULL_SCALE_FROM = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterTiming:
    """The timing of one node. Make one by a preset; change it by ``dataclasses.replace``."""

    stream_timeout_s: float
    indirect_checks: int
    retransmit_mult: int
    suspicion_mult: int
    suspicion_interval_s: float
    push_pull_interval_s: float
    probe_timeout_s: float
    probe_interval_s: float
    gossip_nodes: int
    gossip_interval_s: float
    gossip_to_the_dead_s: float
    suspicion_max_timeout_mult: int = 6
    awareness_max_multiplier: int = 8
    # How long a dead name keeps its address; 0 is for ever (reference: memberlist §4.1 rule 4).
    dead_node_reclaim_s: float = 0.0

    reap_interval_s: float = 15.0
    reconnect_interval_s: float = 30.0
    reconnect_timeout_s: float = 86_400.0
    tombstone_timeout_s: float = 86_400.0
    recent_intent_timeout_s: float = 300.0
    broadcast_timeout_s: float = 5.0
    leave_propagate_delay_s: float = 1.0
    query_timeout_mult: int = 16

    @classmethod
    def local(cls) -> Self:
        """Return the preset for nodes on one machine."""
        return cls(
            stream_timeout_s=1.0,
            indirect_checks=1,
            retransmit_mult=2,
            suspicion_mult=3,
            suspicion_interval_s=1.0,
            push_pull_interval_s=15.0,
            probe_timeout_s=0.2,
            probe_interval_s=1.0,
            gossip_nodes=3,
            gossip_interval_s=0.1,
            gossip_to_the_dead_s=15.0,
        )

    @classmethod
    def lan(cls) -> Self:
        """Return the preset for one data centre."""
        return cls(
            stream_timeout_s=10.0,
            indirect_checks=3,
            retransmit_mult=4,
            suspicion_mult=4,
            suspicion_interval_s=1.0,
            push_pull_interval_s=30.0,
            probe_timeout_s=0.2,
            probe_interval_s=0.5,
            gossip_nodes=3,
            gossip_interval_s=0.2,
            gossip_to_the_dead_s=30.0,
        )

    @classmethod
    def wan(cls) -> Self:
        """Return the preset for several data centres."""
        return cls(
            stream_timeout_s=30.0,
            indirect_checks=3,
            retransmit_mult=4,
            suspicion_mult=6,
            suspicion_interval_s=5.0,
            push_pull_interval_s=60.0,
            probe_timeout_s=3.0,
            probe_interval_s=5.0,
            gossip_nodes=4,
            gossip_interval_s=0.5,
            gossip_to_the_dead_s=60.0,
        )

    @property
    def longest_leave_s(self) -> float:
        """The worst case of a leave: neither of its two steps spreads, and then its last moment."""
        return 2 * self.broadcast_timeout_s + self.leave_propagate_delay_s

    def retransmit_limit(self, nodes: int) -> int:
        """Return how often a broadcast is sent before it counts as spread.

        ``retransmit_mult x ceil(log10(nodes + 1))`` (reference: memberlist §5).
        """
        return self.retransmit_mult * math.ceil(math.log10(nodes + 1))

    def suspicion_min_s(self, nodes: int) -> float:
        """Return the shortest time between a suspicion and its verdict.

        ``suspicion_mult x max(1, log10 nodes) x suspicion_interval_s``, the logarithm cut to three
        decimals (reference: memberlist §6.3, where the interval is that of probes): a refutation
        needs the time gossip needs.
        """
        scale = max(1.0, math.log10(max(1, nodes)))
        return self.suspicion_mult * math.floor(scale * 1000) / 1000 * self.suspicion_interval_s

    def suspicion_max_s(self, nodes: int) -> float:
        """Return the time an unconfirmed suspicion waits (reference: memberlist §6.3)."""
        return self.suspicion_max_timeout_mult * self.suspicion_min_s(nodes)

    def suspicion_confirmations(self, nodes: int) -> int:
        """Return how many other accusers shorten a suspicion to its minimum.

        ``suspicion_mult - 2``, but none when the cluster is too small to supply them (reference:
        memberlist §6.3).
        """
        wanted = self.suspicion_mult - 2
        return 0 if nodes - 2 < wanted else wanted

    def scaled_push_pull_interval_s(self, nodes: int) -> float:
        """Return the time between two full exchanges.

        Grows with the logarithm of the cluster, since an exchange grows with its size (reference:
        memberlist §5).
        """
        if nodes <= PUSH_PULL_SCALE_FROM:
            return self.push_pull_interval_s
        scale = math.ceil(math.log2(nodes) - math.log2(PUSH_PULL_SCALE_FROM)) + 1
        return self.push_pull_interval_s * scale

    def query_timeout_s(self, members: int) -> float:
        """Return how long a query of ours collects answers (reference: serf §8).

        ``gossip_interval_s x query_timeout_mult x ceil(log10(members + 1))``, where members that
        are dead or left do not count.
        """
        scale = math.ceil(math.log10(members + 1))
        return self.gossip_interval_s * self.query_timeout_mult * scale
