"""The node table: every name memberlist knows, in which state, and whose turn to be probed it is.

Holds records and picks among them; which message changes what is for ``rules`` to say. No
operation on a single packet takes time that grows with the table.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from colobus.cluster.messages import NodeState
from colobus.cluster.swim.addresses import Address, host_of_bytes

__all__ = ["Node", "NodeTable"]

# As many as a push/pull may list; names beyond are not learnt (``codec.limits``).
MOST_NODES = 1 << 16


@dataclass(slots=True, eq=False)
class Node:
    """What is known of one name (reference: memberlist §4). Only ``NodeTable`` sets ``state``."""

    name: str
    address: bytes
    port: int
    meta: bytes
    versions: bytes
    incarnation: int = 0
    state: NodeState = NodeState.DEAD
    changed_at: float = 0.0

    @property
    def endpoint(self) -> Address:
        """Where its datagrams and streams go."""
        return host_of_bytes(self.address), self.port

    @property
    def protocol_max(self) -> int:
        """Its pmax: 3 answers stream pings, 4 sends nacks, 5 reads CRCs (memberlist §3)."""
        return self.versions[1] if len(self.versions) > 1 else 0

    @property
    def is_live(self) -> bool:
        """Whether it takes part: alive, or merely suspect."""
        return self.state in (NodeState.ALIVE, NodeState.SUSPECT)


class NodeTable:
    """All records by name, in probing order, with counts per state."""

    def __init__(self, rng: Random, most_nodes: int = MOST_NODES) -> None:
        self._rng = rng
        self._most_nodes = most_nodes
        self._by_name: dict[str, Node] = {}
        self._order: list[Node] = []
        self._cursor = 0
        self._counts = dict.fromkeys(NodeState, 0)

    def __len__(self) -> int:
        """Return the number of records in any state: n in all formulas (memberlist §4)."""
        return len(self._order)

    def __iter__(self) -> Iterator[Node]:
        """Yield every record, in no order that means anything."""
        return iter(self._by_name.values())

    def __repr__(self) -> str:
        counts = ", ".join(f"{state.name.lower()}={n}" for state, n in self._counts.items())
        return f"NodeTable({counts})"

    @property
    def is_full(self) -> bool:
        """Whether no further name can be learnt."""
        return len(self._order) >= self._most_nodes

    @property
    def live_count(self) -> int:
        """How many nodes take part, oneself included."""
        return self._counts[NodeState.ALIVE] + self._counts[NodeState.SUSPECT]

    def get(self, name: str) -> Node | None:
        """Return the record of ``name``."""
        return self._by_name.get(name)

    def insert(self, node: Node) -> None:
        """Add a record at a random place, so that new nodes are not all probed in a row."""
        assert node.name not in self._by_name
        self._by_name[node.name] = node
        self._counts[node.state] += 1
        place = int(self._rng.random() * (len(self._order) + 1))
        self._order.append(node)
        self._order[place], self._order[-1] = self._order[-1], self._order[place]

    def change_state(self, node: Node, state: NodeState, now: float) -> None:
        """Set the state, and stamp the moment of a real change."""
        if node.state != state:
            self._counts[node.state] -= 1
            self._counts[state] += 1
            node.state = state
            node.changed_at = now

    def pick(self, count: int, accept: Callable[[Node], bool]) -> list[Node]:
        """Return up to ``count`` different random records that ``accept`` likes.

        Draws at most three times the table's size (as memberlist does), which it only comes near
        when few records are acceptable; small tables are looked through instead.
        """
        order, size, random = self._order, len(self._order), self._rng.random
        if size <= 2 * count:
            acceptable = [node for node in order if accept(node)]
            return self._rng.sample(acceptable, min(count, len(acceptable)))
        picked: dict[Node, None] = {}
        for _ in range(3 * size):
            if len(picked) >= count:
                break
            node = order[int(random() * size)]
            if node not in picked and accept(node):
                picked[node] = None
        return list(picked)

    def next_to_probe(self, own_name: str, now: float, forget_after_s: float) -> Node | None:
        """Return whose turn it is: never oneself, nor a node that is dead or left.

        At the end of the list, what is long dead is forgotten and the rest shuffled, so that
        every node is probed once per round at an unpredictable moment (memberlist §4.6, §6.1).
        """
        if len(self._order) < 2:
            return None
        for _ in range(len(self._order) + 1):
            if self._cursor >= len(self._order):
                self._forget(own_name, now, forget_after_s)
                self._rng.shuffle(self._order)
                self._cursor = 0
            node = self._order[self._cursor]
            self._cursor += 1
            if node.name != own_name and node.is_live:
                return node
        return None

    def _forget(self, own_name: str, now: float, after_s: float) -> None:
        """Drop dead and left records older than ``after_s``; oneself stays."""
        if self.live_count == len(self._order):
            return
        kept = []
        for node in self._order:
            if node.is_live or node.name == own_name or now - node.changed_at <= after_s:
                kept.append(node)
            else:
                self._counts[node.state] -= 1
                del self._by_name[node.name]
        self._order = kept
