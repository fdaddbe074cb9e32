"""Filling datagrams: what is queued rides on every packet, and on a tick to random nodes.

Knows room and queues, not what messages mean. A tick is set only while something is queued, so a
quiet node wakes up for its probes and for nothing else.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from colobus.cluster.codec import gossip as codec
from colobus.cluster.messages import Message, NodeState
from colobus.cluster.swim.addresses import Address
from colobus.cluster.swim.broadcasts import BroadcastQueue
from colobus.cluster.swim.delegate import Delegate
from colobus.cluster.swim.schedule import Schedule, Timer
from colobus.cluster.swim.table import Node, NodeTable
from colobus.cluster.timing import ClusterTiming

__all__ = ["Gossip", "Packet"]

# Bytes a datagram is filled to, and what a compound costs (reference: memberlist §2.1).
DATAGRAM_BUDGET = 1400
COMPOUND_HEADER = 2
PART_OVERHEAD = 2
USER_TYPE = b"\x08"
# From this pmax on a node reads checksums (reference: memberlist §3).
READS_CHECKSUMS = 5


@dataclass(slots=True)
class Packet:
    """One datagram to be: commands, type byte first, for one address."""

    address: Address
    commands: list[bytes]
    has_checksum: bool = False


class Gossip:
    """The outgoing packets of one node, and the queue of its membership broadcasts."""

    def __init__(
        self,
        own_name: str,
        *,
        table: NodeTable,
        schedule: Schedule,
        timing: ClusterTiming,
        delegate: Delegate,
        rng: Random,
        sealing_overhead: int = 0,
    ) -> None:
        self.queue = BroadcastQueue()
        self._own_name = own_name
        self._table = table
        self._schedule = schedule
        self._timing = timing
        self._delegate = delegate
        self._budget = DATAGRAM_BUDGET - COMPOUND_HEADER - sealing_overhead
        # Ticks fall on a grid of their own, so that nodes started together do not gossip at once.
        self._phase_s = rng.random() * timing.gossip_interval_s
        self._tick: Timer | None = None
        self._packets: list[Packet] = []

    @property
    def message_budget(self) -> int:
        """Bytes of the largest broadcast that fits a packet, type byte included."""
        return self._budget - PART_OVERHEAD

    def take_packets(self) -> list[Packet]:
        """Return what is to be sent, and forget it."""
        packets, self._packets = self._packets, []
        return packets

    def broadcast(
        self,
        message: Message,
        now: float,
        *,
        name: str,
        finished: Callable[[float], None] | None = None,
    ) -> None:
        """Queue a message about ``name``; it replaces what was queued about it (§5)."""
        command = codec.encode(message)
        # One that fits no packet would stay for ever. Only an invented name is that long.
        if len(command) <= self.message_budget:
            self.queue.add(command, now, name=name, finished=finished)
            self.wake(now)

    def wake(self, now: float) -> None:
        """See that there will be a tick: something was queued."""
        if self._tick is None:
            interval_s = self._timing.gossip_interval_s
            ticks = math.floor((now - self._phase_s) / interval_s) + 1
            # Rounding must not put the tick at ``now`` again.
            at = max(self._phase_s + ticks * interval_s, now + interval_s / 1000)
            self._tick = self._schedule.call_at(at, self._gossip)

    def send(self, address: Address, message: Message, now: float) -> None:
        """Send a message, and with it what is queued and fits (§5, piggyback)."""
        command = codec.encode(message)
        room = self._budget - len(command)
        self._packets.append(Packet(address, [command, *self._take(room, now)]))

    def send_alone(self, address: Address, *messages: Message, has_checksum: bool = False) -> None:
        """Send messages and nothing else."""
        commands = [codec.encode(message) for message in messages]
        self._packets.append(Packet(address, commands, has_checksum))

    def _gossip(self, now: float) -> None:
        """Tell some random nodes, also the lately dead, which may not be dead (§5)."""
        self._tick = None
        own_name, forget_after_s = self._own_name, self._timing.gossip_to_the_dead_s

        def is_listener(node: Node) -> bool:
            if node.name == own_name:
                return False
            is_lately_dead = (
                node.state == NodeState.DEAD and now - node.changed_at <= forget_after_s
            )
            return node.is_live or is_lately_dead

        listeners = self._table.pick(self._timing.gossip_nodes, is_listener)
        for node in listeners:
            commands = self._take(self._budget, now)
            if not commands:
                return
            has_checksum = node.protocol_max >= READS_CHECKSUMS
            self._packets.append(Packet(node.endpoint, commands, has_checksum))
        # Without listeners the queue waits: whoever appears is announced, which sets a tick.
        if listeners:
            self.wake(now)

    def _take(self, room: int, now: float) -> list[bytes]:
        """Return queued commands that fit, membership first (§5, filling a packet)."""
        limit = self._timing.retransmit_limit(len(self._table))
        taken = self.queue.take(room, PART_OVERHEAD, limit, now)
        room -= sum(map(len, taken)) + PART_OVERHEAD * len(taken)
        overhead = PART_OVERHEAD + len(USER_TYPE)
        if room > overhead:
            own = self._delegate.take_broadcasts(room, overhead, now)
            taken += [USER_TYPE + payload for payload in own]
        return taken
