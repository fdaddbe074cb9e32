"""What the owner of a node can ask of it (reference: serf §5.6, §7, §8, §9)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from colobus.cluster.codec import serf as codec
from colobus.cluster.codec.filters import Filter
from colobus.cluster.codec.tags import encode_tags
from colobus.cluster.messages import KeyRequest, LeaveIntent, UserEvent, UserMessage
from colobus.cluster.serf.broadcasting import BroadcastKind
from colobus.cluster.serf.core import Serf
from colobus.cluster.serf.facts import (
    CommandDone,
    JoinDone,
    QueryAcked,
    QueryAnswered,
    QueryClosed,
    QueryKey,
)
from colobus.cluster.serf.keys import KeyCount, KeyOperation
from colobus.cluster.swim.addresses import Address
from colobus.cluster.swim.core import Spread
from colobus.cluster.swim.exchange import JoinOutcome
from colobus.errors import ClusterError

__all__ = ["Commands"]

# What agents accept as a limit for user events (serf §7).
SANE_EVENT_SIZE = 9216


@dataclass(slots=True)
class _FactReceiver:
    """Tells the owner what comes back to a query; a ``QueryReceiver``."""

    serf: Serf

    def acked(self, key: QueryKey, member: str) -> None:
        """Tell of an ack."""
        self.serf.emit(QueryAcked(key, member))

    def answered(self, key: QueryKey, member: str, payload: bytes, _now: float) -> None:
        """Tell of an answer."""
        self.serf.emit(QueryAnswered(key, member, payload))

    def closed(self, key: QueryKey, _now: float) -> None:
        """Tell of the end."""
        self.serf.emit(QueryClosed(key))


class Commands:
    """Commands that take a while are numbered; a fact with the number tells of their end."""

    def __init__(self, serf: Serf) -> None:
        if serf.settings.event_size_limit > SANE_EVENT_SIZE:
            raise ClusterError(
                f"user event exceeds sane limit of {SANE_EVENT_SIZE} bytes before encoding"
            )
        self._serf = serf
        self._numbered = 0

    def join(
        self, addresses: Iterable[Address], now: float, *, ignores_old_events: bool = True
    ) -> int:
        """Exchange everything with each address; ``JoinDone`` tells the end.

        The join intent goes out with the first success, and directly to each member learnt with
        each, so that addresses that do not answer hold nothing up.
        """
        command = self._number()

        def done(outcome: JoinOutcome, _now: float) -> None:
            failed = tuple(outcome.failed.items())
            self._serf.emit(JoinDone(command, tuple(outcome.joined), failed))

        self._serf.swim.exchanges.join(
            addresses,
            now,
            ignores_old_events=ignores_old_events,
            exchanged=self._serf.introduction(),
            done=done,
        )
        return command

    def user_event(
        self,
        name: str,
        payload: bytes,
        now: float,
        *,
        coalesce: bool = False,
        is_direct: bool = False,
    ) -> int:
        """Tell every member something, ourselves too; return its Lamport time.

        Args:
            name: of the event.
            payload: any bytes.
            now: the time.
            coalesce: whether receivers may deliver only the newest of a burst.
            is_direct: whether up to 64 members are sent it at once, besides the gossip.

        Raises:
            ClusterError: it is too long.
        """
        limit = self._serf.settings.event_size_limit
        if len(name.encode("utf-8", errors="surrogateescape")) + len(payload) > limit:
            raise ClusterError(
                f"user event exceeds configured limit of {limit} bytes before encoding"
            )
        clock = self._serf.clocks.event
        event = UserEvent(clock.time, name, payload, coalesce)
        encoded = codec.encode(event)
        if len(encoded) > limit:
            raise ClusterError(
                f"encoded user event exceeds configured limit of {limit} bytes after encoding"
            )
        clock.increment()
        self._serf.handle_event(event, encoded, now)
        if is_direct:
            self._serf.swim.direct.tell(UserMessage(encoded))
        return event.time

    def query(
        self,
        name: str,
        payload: bytes,
        now: float,
        *,
        filters: Iterable[Filter] = (),
        wants_acks: bool = False,
        relay_factor: int = 0,
        timeout_s: float = 0.0,
    ) -> QueryKey:
        """Ask the members; facts with the key tell of acks, answers and the end.

        ``timeout_s`` 0 is the default timeout for the size of the cluster.

        Raises:
            ClusterError: it is too long, or too many are open.
        """
        return self._serf.asker.ask(
            name,
            payload,
            now,
            timeout_s=timeout_s or self._serf.default_query_timeout_s,
            receiver=_FactReceiver(self._serf),
            filters=filters,
            wants_acks=wants_acks,
            relay_factor=relay_factor,
        )

    def set_tags(self, tags: Mapping[str, str], now: float) -> int:
        """Replace our tags; ``CommandDone`` tells that it has spread.

        Raises:
            ClusterError: they take more than 512 bytes.
        """
        meta = encode_tags(tags)
        command = self._number()

        def done(how: Spread, _now: float) -> None:
            error = "" if how is not Spread.TIMED_OUT else "timeout waiting for update broadcast"
            self._serf.emit(CommandDone(command, error))

        self._serf.swim.change_meta(meta, now, done)
        return command

    def force_leave(self, name: str, now: float, *, prune: bool = False) -> int:
        """Turn a failed member into one that left; ``CommandDone`` tells that it has spread.

        An unknown name is no error; an alive member refutes. ``prune`` forgets it as well.
        """
        clock, command = self._serf.clocks.member, self._number()
        intent = LeaveIntent(clock.time, name, prune)
        clock.increment()
        payload = codec.encode(intent)
        self._serf.membership.leave_intent(intent, now)

        def done(how: Spread, _now: float) -> None:
            error = "" if how is not Spread.TIMED_OUT else "timed out broadcasting node removal"
            self._serf.emit(CommandDone(command, error))

        self._serf.swim.once_spread(
            lambda finished: self._serf.broadcasts.add(
                BroadcastKind.INTENT, payload, now, finished
            ),
            now,
            done,
        )
        return command

    def key_operation(self, operation: KeyOperation, now: float, key: bytes = b"") -> int:
        """Do something with the keys of all members; ``KeyOperationDone`` tells how it went.

        Raises:
            ClusterError: too many queries are open.
        """
        command = self._number()
        # A key query without a body would crash an agent (serf §9).
        self._serf.asker.ask(
            operation.value,
            codec.encode(KeyRequest(key)),
            now,
            timeout_s=self._serf.default_query_timeout_s,
            receiver=KeyCount(
                command, self._serf.swim.table.live_count, self._serf.asker.close, self._serf.emit
            ),
        )
        return command

    def _number(self) -> int:
        self._numbered += 1
        return self._numbered
