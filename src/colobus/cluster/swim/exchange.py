"""Push/pull: two nodes show each other everything they know (reference: memberlist §8)."""

import logging
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from random import Random

from colobus.cluster.codec.stream import StreamCodec
from colobus.cluster.messages import (
    Ack,
    ErrorMessage,
    NodeState,
    Ping,
    PushPull,
    StreamMessage,
    UserMessage,
)
from colobus.cluster.refusals import Refusal, Refusals
from colobus.cluster.swim.addresses import Address
from colobus.cluster.swim.answering import PingAnswerer
from colobus.cluster.swim.delegate import Delegate
from colobus.cluster.swim.merge import check_versions, merge_nodes, node_records
from colobus.cluster.swim.rules import MembershipRules
from colobus.cluster.swim.schedule import Schedule
from colobus.cluster.swim.streams import Streams
from colobus.cluster.swim.table import Node, NodeTable
from colobus.cluster.timing import ClusterTiming
from colobus.errors import ClusterProtocolError

__all__ = ["Exchanges", "JoinOutcome"]

logger = logging.getLogger(__name__)

# Addresses one join tries at the same time: a list full of dead ones costs one timeout per batch.
JOINS_AT_ONCE = 16


@dataclass(slots=True)
class JoinOutcome:
    """What became of the addresses of a join."""

    joined: list[Address] = field(default_factory=list)
    failed: dict[Address, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Join:
    waiting: deque[Address]
    ignores_old_events: bool
    exchanged: Callable[[float], None]
    done: Callable[[JoinOutcome, float], None]
    running: int = 0
    is_over: bool = False
    outcome: JoinOutcome = field(default_factory=JoinOutcome)


class Exchanges:
    """Starts push/pulls, and serves whatever a peer opens a stream for."""

    def __init__(
        self,
        rules: MembershipRules,
        *,
        table: NodeTable,
        answerer: PingAnswerer,
        schedule: Schedule,
        timing: ClusterTiming,
        delegate: Delegate,
        codec: StreamCodec,
        rng: Random,
        refusals: Refusals,
    ) -> None:
        self._refusals = refusals
        self.streams = Streams(
            codec,
            schedule=schedule,
            timeout_s=timing.stream_timeout_s,
            serve=self._serve,
            refusals=refusals,
        )
        self._rules = rules
        self._table = table
        self._answerer = answerer
        self._schedule = schedule
        self._timing = timing
        self._delegate = delegate
        self._rng = rng

    def start(self, now: float) -> None:
        """Exchange with a random node at every interval, from a random moment on (§5)."""
        first_s = self._rng.random() * self._timing.push_pull_interval_s
        self._schedule.call_at(now + first_s, self._tick)

    def join(
        self,
        addresses: Iterable[Address],
        now: float,
        *,
        ignores_old_events: bool,
        exchanged: Callable[[float], None],
        done: Callable[[JoinOutcome, float], None],
    ) -> None:
        """Exchange with every address, some at a time.

        ``exchanged`` is called at each success, ``done`` when each has succeeded or failed.
        """
        waiting = deque(dict.fromkeys(addresses))
        self._advance(_Join(waiting, ignores_old_events, exchanged, done), now)

    def reconnect(self, node_address: Address, now: float) -> None:
        """Exchange with a member that failed; silence is no news (serf §5.5)."""
        join = _Join(
            deque((node_address,)),
            ignores_old_events=False,
            exchanged=lambda _at: None,
            done=lambda _outcome, _at: None,
        )
        self._advance(join, now)

    def _advance(self, join: _Join, now: float) -> None:
        if not join.waiting and not join.running and not join.is_over:
            join.is_over = True
            join.done(join.outcome, now)
        while join.waiting and join.running < JOINS_AT_ONCE:
            join.running += 1
            self._join_one(join, join.waiting.popleft(), now)

    def _join_one(self, join: _Join, address: Address, now: float) -> None:
        def answered(message: StreamMessage, at: float) -> None:
            try:
                self._merge(message, at, ignores_old_events=join.ignores_old_events)
            except ClusterProtocolError as exc:
                failed(str(exc), at)
                return
            join.running -= 1
            join.outcome.joined.append(address)
            join.exchanged(at)
            self._advance(join, at)

        def failed(reason: str, at: float) -> None:
            join.running -= 1
            join.outcome.failed[address] = reason
            # Not at once: a dial that cannot start fails while the loop above still runs.
            self._schedule.call_at(at, lambda later: self._advance(join, later))

        self.streams.dial(address, self._state(is_join=True), now, answered=answered, failed=failed)

    def _tick(self, now: float) -> None:
        interval_s = self._timing.scaled_push_pull_interval_s(len(self._table))
        self._schedule.call_at(now + interval_s, self._tick)
        own = self._rules.own

        def is_peer(node: Node) -> bool:
            return node.state == NodeState.ALIVE and node is not own

        for node in self._table.pick(1, is_peer):
            self._sync(node, now)

    def _sync(self, node: Node, now: float) -> None:
        name = node.name

        def answered(message: StreamMessage, at: float) -> None:
            try:
                self._merge(message, at, ignores_old_events=False)
            except ClusterProtocolError as exc:
                self._refusals.note(Refusal.INCOMPATIBLE, name, f"push/pull: {exc}", at)

        def failed(reason: str, _at: float) -> None:
            logger.warning("push/pull with %s failed: %s", name, reason)

        self.streams.dial(
            node.endpoint, self._state(is_join=False), now, answered=answered, failed=failed
        )

    def _serve(self, stream: int, message: StreamMessage, peer: str, now: float) -> None:
        """Answer what a peer opened a stream for (§2.3)."""
        match message:
            case PushPull():
                # First our state, then theirs merged: what they get is what we knew (§8).
                self.streams.reply(stream, self._state(is_join=message.is_join))
                try:
                    self._merge(message, now, ignores_old_events=False)
                except ClusterProtocolError as exc:
                    self._refusals.note(Refusal.INCOMPATIBLE, peer, f"push/pull: {exc}", now)
            case Ping():
                is_for_us = self._answerer.is_for_us(message)
                self.streams.reply(stream, Ack(message.sequence) if is_for_us else None)
            case UserMessage():
                self.streams.reply(stream, None)
                self._delegate.user_message(message.payload, now)
            case Ack() | ErrorMessage():
                self.streams.reply(stream, None)

    def _state(self, *, is_join: bool) -> PushPull:
        return PushPull(node_records(self._table), is_join, self._delegate.user_state())

    def _merge(self, message: StreamMessage, now: float, *, ignores_old_events: bool) -> None:
        """Take in an answer or a request.

        Raises:
            ClusterProtocolError: an error of the peer, no push/pull, or versions that clash.
        """
        if isinstance(message, ErrorMessage):
            raise ClusterProtocolError(f"the peer says: {message.text}")
        if not isinstance(message, PushPull):
            raise ClusterProtocolError(f"{type(message).__name__} instead of a push/pull")
        check_versions(message.nodes, self._table)
        merge_nodes(message.nodes, self._rules, now)
        if message.user_state:
            self._delegate.merge_user_state(
                message.user_state, now, ignores_old_events=ignores_old_events
            )
