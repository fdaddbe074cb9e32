"""What alive, suspect and dead messages change: the heart of SWIM.

::

             suspect                 timeout, dead
    ALIVE ────────────► SUSPECT ─────────────────────► DEAD
      ▲  ▲                 │                            │  ▲
      │  └─────────────────┘ alive, newer incarnation   │  │ dead by another
      │                                                 │  │
      └─────────────────────────────────────────────────┘  ALIVE, SUSPECT
             alive, newer incarnation                      │
      also from LEFT                                       └► LEFT  dead by itself

A message counts only if its incarnation is not older than what is known; only the node itself
raises its incarnation. Every rule cites its place in the reference.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from colobus.cluster.messages import Alive, Dead, NodeState, Suspect
from colobus.cluster.swim.awareness import Awareness
from colobus.cluster.swim.delegate import Delegate
from colobus.cluster.swim.gossip import Gossip
from colobus.cluster.swim.schedule import Schedule, Timer
from colobus.cluster.swim.suspicion import Suspicion
from colobus.cluster.swim.table import Node, NodeTable
from colobus.cluster.timing import ClusterTiming

__all__ = ["MembershipRules", "is_speakable"]

# Nobody has a longer name, and no agent starts with more meta (memberlist §9); neither would fit
# a packet.
MOST_NAME = 255
MOST_META = 512
# A refutation must exceed what it refutes and fit 32 bits; what claims the last number is a lie.
MOST_INCARNATION = (1 << 32) - 2


def is_speakable(versions: bytes) -> bool:
    """Whether a peer with these versions can be spoken to (memberlist §3 rule 1).

    A missing vector is not: agents let it through and then refuse every push/pull with anybody
    who lists it (serf pitfalls 17), so such a name is better never learnt.
    """
    return len(versions) >= 3 and 0 < versions[0] <= versions[1]


@dataclass(slots=True)
class _Trial:
    """A suspicion that runs, with its timer."""

    suspicion: Suspicion
    timer: Timer


class MembershipRules:
    """Applies messages to the table, tells the delegate, and queues what others must hear."""

    def __init__(
        self,
        own: Node,
        *,
        table: NodeTable,
        gossip: Gossip,
        schedule: Schedule,
        timing: ClusterTiming,
        awareness: Awareness,
        delegate: Delegate,
    ) -> None:
        self.own = own
        self.is_leaving = False
        self._table = table
        self._gossip = gossip
        self._schedule = schedule
        self._timing = timing
        self._awareness = awareness
        self._delegate = delegate
        self._trials: dict[str, _Trial] = {}

    @property
    def suspicion_count(self) -> int:
        """How many suspicions run."""
        return len(self._trials)

    def announce(self, now: float, finished: Callable[[float], None] | None = None) -> None:
        """Say what we are in our next incarnation: at start, and when the meta changed (§4)."""
        own = self.own
        own.incarnation += 1
        if self._table.get(own.name) is None:
            self._table.insert(own)
        self._gossip.broadcast(_alive(own), now, name=own.name, finished=finished)
        if own.state != NodeState.ALIVE:
            self._table.change_state(own, NodeState.ALIVE, now)
            self._delegate.node_joined(own, now)
        else:
            self._delegate.node_updated(own, now)

    def leave(self, now: float, finished: Callable[[float], None]) -> None:
        """Tell everybody that we go; ``finished`` when it has been said often enough (§8)."""
        self.is_leaving = True
        own = self.own
        self.dead(Dead(own.incarnation, own.name, own.name), now, finished)

    def alive(self, message: Alive, now: float) -> None:
        """Apply an alive message (§4.1; the numbers are those of its rules)."""
        is_own = message.node == self.own.name
        if is_own and self.is_leaving:  # 1
            return
        if message.incarnation > MOST_INCARNATION or not _is_sane(message):
            return
        node = self._table.get(message.node)
        if not message.versions and node is not None:
            message = replace(message, versions=node.versions)
        if not is_speakable(message.versions):  # 2
            return
        if node is None:  # 3
            node = self._learn(message)
            if node is None:
                return
        is_moved = (message.address, message.port) != (node.address, node.port)
        if is_moved and (is_own or not self._is_reclaimable(node, now)):  # 4
            self._delegate.name_conflict(node, message, now)
            return
        if is_own:  # 5, 7
            self._hear_of_oneself(message, now)
        elif message.incarnation > node.incarnation or is_moved:  # 5
            self._revive(node, message, now)

    def suspect(self, message: Suspect, now: float) -> None:
        """Apply a suspicion (§4.2)."""
        node = self._table.get(message.node)
        if node is None or not node.incarnation <= message.incarnation <= MOST_INCARNATION:
            return
        trial = self._trials.get(message.node)
        if trial is not None:
            if trial.suspicion.confirm(message.accuser):
                self._gossip.broadcast(message, now, name=message.node)
                self._schedule.cancel(trial.timer)
                trial.timer = self._arm(node, trial.suspicion, now)
            return
        if node.state != NodeState.ALIVE:
            return
        if node is self.own:
            self._refute(message.incarnation, now)
            return
        self._gossip.broadcast(message, now, name=message.node)
        node.incarnation = message.incarnation
        self._table.change_state(node, NodeState.SUSPECT, now)
        size = len(self._table)
        suspicion = Suspicion(
            message.accuser,
            now,
            wanted=self._timing.suspicion_confirmations(size),
            least_s=self._timing.suspicion_min_s(size),
            most_s=self._timing.suspicion_max_s(size),
        )
        self._trials[node.name] = _Trial(suspicion, self._arm(node, suspicion, now))

    def dead(
        self, message: Dead, now: float, finished: Callable[[float], None] | None = None
    ) -> None:
        """Apply a death, or a departure when the node says it of itself (§4.3)."""
        node = self._table.get(message.node)
        if node is None or not node.incarnation <= message.incarnation <= MOST_INCARNATION:
            return
        self._acquit(node)
        if not node.is_live:
            return
        if node is self.own and not self.is_leaving:
            self._refute(message.incarnation, now)
            return
        self._gossip.broadcast(message, now, name=message.node, finished=finished)
        node.incarnation = message.incarnation
        has_left = message.accuser == message.node
        self._table.change_state(node, NodeState.LEFT if has_left else NodeState.DEAD, now)
        self._delegate.node_left(node, now)

    def _learn(self, message: Alive) -> Node | None:
        """Create a record in state dead, incarnation 0, unless the table is full (§4.1.3).

        Rule 5 lets nothing of incarnation 0 through, so it would only leave a dead record behind.
        """
        if self._table.is_full or message.incarnation == 0:
            return None
        node = Node(message.node, message.address, message.port, message.meta, message.versions)
        self._table.insert(node)
        return node

    def _is_reclaimable(self, node: Node, now: float) -> bool:
        """Whether another address may take the name over (§4.1.4)."""
        reclaim_s = self._timing.dead_node_reclaim_s
        is_expired = 0 < reclaim_s < now - node.changed_at
        return node.state == NodeState.LEFT or (node.state == NodeState.DEAD and is_expired)

    def _hear_of_oneself(self, message: Alive, now: float) -> None:
        """Correct what others believe of us when it is newer than, or unlike, the truth (§4.1.7)."""
        own = self.own
        is_same = (message.meta, message.versions) == (own.meta, own.versions)
        if message.incarnation < own.incarnation:
            return
        if message.incarnation > own.incarnation or not is_same:
            self._refute(message.incarnation, now)

    def _revive(self, node: Node, message: Alive, now: float) -> None:
        """Take over what a newer alive message says of another node (§4.1.6, 8, 9)."""
        self._acquit(node)
        self._gossip.broadcast(message, now, name=message.node)
        was_live = node.is_live
        is_changed = node.meta != message.meta
        node.versions = message.versions
        node.incarnation = message.incarnation
        node.meta = message.meta
        node.address = message.address
        node.port = message.port
        self._table.change_state(node, NodeState.ALIVE, now)
        if not was_live:
            self._delegate.node_joined(node, now)
        elif is_changed:
            self._delegate.node_updated(node, now)

    def _refute(self, accused_incarnation: int, now: float) -> None:
        """Outbid an accusation against us (§4.4)."""
        own = self.own
        own.incarnation = max(own.incarnation, accused_incarnation) + 1
        self._awareness.change(1)
        self._gossip.broadcast(_alive(own), now, name=own.name)

    def _arm(self, node: Node, suspicion: Suspicion, now: float) -> Timer:
        return self._schedule.call_at(
            max(suspicion.deadline, now), lambda at: self._convict(node, at)
        )

    def _convict(self, node: Node, now: float) -> None:
        """Declare the accused dead: nobody refuted in time (§6.3)."""
        self.dead(Dead(node.incarnation, node.name, self.own.name), now)

    def _acquit(self, node: Node) -> None:
        trial = self._trials.pop(node.name, None)
        if trial is not None:
            self._schedule.cancel(trial.timer)


def _is_sane(message: Alive) -> bool:
    return len(message.node) <= MOST_NAME and len(message.meta) <= MOST_META


def _alive(node: Node) -> Alive:
    return Alive(node.incarnation, node.name, node.address, node.port, node.meta, node.versions)
