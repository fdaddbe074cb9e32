"""Queries of others, and our own as we receive them: told apart, acknowledged, answered.

Reference: serf §8, receiving.
"""

from collections.abc import Callable
from dataclasses import dataclass

from colobus.cluster.codec import serf as codec
from colobus.cluster.messages import NodeState, Query, QueryFlag, QueryResponse, Relay
from colobus.cluster.serf.facts import Fact, QueryKey, QueryReceived
from colobus.cluster.serf.filters import are_passed
from colobus.cluster.serf.lamport import LamportClock
from colobus.cluster.serf.members import MemberTable, tags_of_meta
from colobus.cluster.serf.post import Post
from colobus.cluster.swim.gossip import READS_CHECKSUMS
from colobus.cluster.swim.table import Node, NodeTable
from colobus.errors import ClusterError

__all__ = ["INTERNAL_PREFIX", "RESPONSE_SIZE_LIMIT", "QueryAnswerer"]

INTERNAL_PREFIX = "_serf_"
RESPONSE_SIZE_LIMIT = 1024
SLOTS = 512
MOST_PER_SLOT = 1024
# Queries that wait for an answer of the owner; the oldest are given up beyond.
MOST_PENDING = 1024
# A peer may name any timeout; nobody waits longer than this.
MOST_TIMEOUT_S = 3600.0


@dataclass(slots=True)
class _Pending:
    query: Query
    deadline: float
    is_answered: bool = False


class QueryAnswerer:
    """Handles received queries.

    Args:
        own: this node.
        clock: the query clock.
        nodes: among which relays are picked.
        members: how many there are decides whether to relay.
        post: for acks and answers.
        emit: takes facts.
        internal: answers a query whose name begins ``_serf_``, or returns None.
    """

    def __init__(
        self,
        own: Node,
        clock: LamportClock,
        *,
        nodes: NodeTable,
        members: MemberTable,
        post: Post,
        emit: Callable[[Fact], None],
        internal: Callable[[Query], bytes | None],
    ) -> None:
        self.least_time = 0
        self._own = own
        self._clock = clock
        self._nodes = nodes
        self._members = members
        self._post = post
        self._emit = emit
        self._internal = internal
        self._slots: dict[int, tuple[int, set[int]]] = {}
        self._pending: dict[QueryKey, _Pending] = {}

    def query(self, message: Query, now: float) -> bool:
        """Handle a query; return whether it is to be passed on.

        It is passed on also where its filters exclude us (serf pitfalls 29).
        """
        self._clock.witness(message.time)
        if not self._is_new(message):
            return False
        if are_passed(message.filters, self._own.name, tags_of_meta(self._own.meta)):
            if message.flags & QueryFlag.ACK:
                self._send(message, b"", now, flags=int(QueryFlag.ACK))
            self._deliver(message, now)
        return not message.flags & QueryFlag.NO_BROADCAST

    def respond(self, key: QueryKey, payload: bytes, now: float) -> None:
        """Answer a query that was delivered.

        Raises:
            ClusterError: too late, a second time, or too long.
        """
        pending = self._pending.get(key)
        if pending is None or now > pending.deadline:
            raise ClusterError("response is past the deadline")
        if pending.is_answered:
            raise ClusterError("response already sent")
        self._send(pending.query, payload, now)
        pending.is_answered = True

    def expire(self, now: float) -> None:
        """Forget the queries whose deadline is past."""
        expired = [key for key, pending in self._pending.items() if now > pending.deadline]
        for key in expired:
            del self._pending[key]

    def _is_new(self, message: Query) -> bool:
        is_too_old = self._clock.time > SLOTS and message.time < self._clock.time - SLOTS
        if message.time < self.least_time or is_too_old:
            return False
        number = message.time % SLOTS
        slot = self._slots.get(number)
        if slot is None or slot[0] != message.time:
            slot = self._slots[number] = (message.time, set())
        if message.id in slot[1] or len(slot[1]) >= MOST_PER_SLOT:
            return False
        slot[1].add(message.id)
        return True

    def _deliver(self, message: Query, now: float) -> None:
        if message.name.startswith(INTERNAL_PREFIX):
            answer = self._internal(message)
            if answer is not None:
                self._send(message, answer, now)
            return
        timeout_s = min(max(message.timeout_ns / 1e9, 0.0), MOST_TIMEOUT_S)
        key, deadline = QueryKey(message.time, message.id), now + timeout_s
        if len(self._pending) >= MOST_PENDING:
            del self._pending[next(iter(self._pending))]
        self._pending[key] = _Pending(message, deadline)
        source, name, payload = message.source_node, message.name, message.payload
        self._emit(QueryReceived(key, name, payload, source, deadline))

    def _send(self, query: Query, payload: bytes, now: float, *, flags: int = 0) -> None:
        response = codec.encode(QueryResponse(query.time, query.id, self._own.name, flags, payload))
        if len(response) > RESPONSE_SIZE_LIMIT:
            raise ClusterError(f"response exceeds limit of {RESPONSE_SIZE_LIMIT} bytes")
        self._post.send(query.address, query.port, response, now)
        self._relay(query, response, now)

    def _relay(self, query: Query, response: bytes, now: float) -> None:
        """Send the response also by way of others, which may include the asking node."""
        if not query.relay_factor or len(self._members) < query.relay_factor + 1:
            return
        relay = codec.encode(Relay(query.source_node, query.address, query.port, response))

        def can_relay(node: Node) -> bool:
            is_other = node is not self._own and node.state == NodeState.ALIVE
            return is_other and node.protocol_max >= READS_CHECKSUMS

        for node in self._nodes.pick(query.relay_factor, can_relay):
            self._post.send(node.address, node.port, relay, now)
