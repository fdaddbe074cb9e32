"""Our own queries: sent, and their answers collected until the deadline (reference: serf §8)."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from random import Random
from typing import Protocol

from colobus.cluster.codec import serf as codec
from colobus.cluster.codec.filters import Filter, encode_filter
from colobus.cluster.messages import Query, QueryFlag, QueryResponse
from colobus.cluster.serf.facts import QueryKey
from colobus.cluster.serf.lamport import LamportClock
from colobus.cluster.swim.schedule import Schedule, Timer
from colobus.cluster.swim.table import Node
from colobus.errors import ClusterError

__all__ = ["QueryAsker", "QueryReceiver"]

QUERY_SIZE_LIMIT = 1024
# As many as the ring of received queries tells apart by time.
MOST_OPEN = 512


class QueryReceiver(Protocol):
    """Takes what comes back."""

    def acked(self, key: QueryKey, member: str) -> None:
        """Learn that a member has the query; each member once."""

    def answered(self, key: QueryKey, member: str, payload: bytes, now: float) -> None:
        """Take the answer of a member; each member once."""

    def closed(self, key: QueryKey, now: float) -> None:
        """Learn that nothing more will come."""


@dataclass(slots=True)
class _Open:
    key: QueryKey
    receiver: QueryReceiver
    capacity: int
    timer: Timer
    acks: set[str] = field(default_factory=set)
    answers: set[str] = field(default_factory=set)


class QueryAsker:
    """Open queries by Lamport time.

    Args:
        own: this node, to be answered to.
        clock: the query clock.
        schedule: for deadlines.
        rng: for ids.
        count_members: how many members there are to answer.
        spread: handles a query of ours as if it had been received, and passes it on.
    """

    def __init__(
        self,
        own: Node,
        clock: LamportClock,
        *,
        schedule: Schedule,
        rng: Random,
        count_members: Callable[[], int],
        spread: Callable[[Query, bytes, float], None],
    ) -> None:
        self._own = own
        self._clock = clock
        self._schedule = schedule
        self._rng = rng
        self._count_members = count_members
        self._spread = spread
        self._open: dict[int, _Open] = {}

    def ask(
        self,
        name: str,
        payload: bytes,
        now: float,
        *,
        timeout_s: float,
        receiver: QueryReceiver,
        filters: Iterable[Filter] = (),
        wants_acks: bool = False,
        relay_factor: int = 0,
    ) -> QueryKey:
        """Send a query; the receiver may be called before this returns, by our own answer.

        Raises:
            ClusterError: it is too long, or too many are open.
        """
        if len(self._open) >= MOST_OPEN:
            raise ClusterError("too many queries are open")
        key = QueryKey(self._clock.time, self._rng.getrandbits(31))
        query = Query(
            key.time,
            key.id,
            self._own.address,
            self._own.port,
            name,
            payload,
            source_node=self._own.name,
            filters=tuple(encode_filter(condition) for condition in filters),
            flags=int(QueryFlag.ACK) if wants_acks else 0,
            relay_factor=relay_factor,
            timeout_ns=int(timeout_s * 1e9),
        )
        encoded = codec.encode(query)
        if len(encoded) > QUERY_SIZE_LIMIT:
            raise ClusterError(f"query exceeds limit of {QUERY_SIZE_LIMIT} bytes")
        timer = self._schedule.call_at(now + timeout_s, lambda at: self.close(key, at))
        self._open[key.time] = _Open(key, receiver, max(1, self._count_members()), timer)
        self._spread(query, encoded, now)
        return key

    def response(self, message: QueryResponse, now: float) -> None:
        """Take an ack or an answer: the first of each member, as many as there were members."""
        entry = self._open.get(message.time)
        if entry is None or entry.key.id != message.id:
            return
        is_ack = bool(message.flags & QueryFlag.ACK)
        senders = entry.acks if is_ack else entry.answers
        if message.sender in senders or len(senders) >= entry.capacity:
            return
        senders.add(message.sender)
        if is_ack:
            entry.receiver.acked(entry.key, message.sender)
        else:
            entry.receiver.answered(entry.key, message.sender, message.payload, now)

    def close(self, key: QueryKey, now: float) -> None:
        """End a query, at its deadline or because its receiver has seen enough."""
        entry = self._open.get(key.time)
        if entry is not None and entry.key == key:
            del self._open[key.time]
            self._schedule.cancel(entry.timer)
            entry.receiver.closed(key, now)
