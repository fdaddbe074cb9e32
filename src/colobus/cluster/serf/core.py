"""One Serf member: its parts, introduced to each other, and the delegate that SWIM knows.

Commands of the owner are in ``commands``; bytes and sockets are beyond ``machine``.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import assert_never

from colobus.cluster.codec import serf as codec
from colobus.cluster.codec.stream import StreamCodec
from colobus.cluster.codec.tags import encode_tags
from colobus.cluster.codec.type_bytes import SerfType
from colobus.cluster.keyring import Keyring
from colobus.cluster.messages import (
    Alive,
    ConflictResponse,
    JoinIntent,
    KeyRequest,
    KeyResponse,
    LeaveIntent,
    Query,
    QueryResponse,
    Relay,
    SerfMessage,
    SerfState,
    UserEvent,
    UserMessage,
)
from colobus.cluster.refusals import Refusal, Refusals
from colobus.cluster.serf.answering import QueryAnswerer
from colobus.cluster.serf.asking import QueryAsker, QueryReceiver
from colobus.cluster.serf.broadcasting import BroadcastKind, SerfBroadcasts
from colobus.cluster.serf.conflict import ConflictResolver
from colobus.cluster.serf.departure import Departure
from colobus.cluster.serf.events import EventRing
from colobus.cluster.serf.facts import Fact, QueryKey, UserEventReceived
from colobus.cluster.serf.internal import CONFLICT_QUERY, InternalQueries
from colobus.cluster.serf.keys import KeyAnswerer
from colobus.cluster.serf.lamport import MOST_TIME, Clocks
from colobus.cluster.serf.latency import Latency
from colobus.cluster.serf.members import tags_of_meta
from colobus.cluster.serf.membership import Membership
from colobus.cluster.serf.post import Post
from colobus.cluster.serf.synchronisation import Synchronisation
from colobus.cluster.serf.upkeep import Upkeep
from colobus.cluster.swim.core import Swim, SwimSettings
from colobus.cluster.swim.schedule import Schedule
from colobus.cluster.swim.table import Node
from colobus.cluster.timing import ClusterTiming
from colobus.errors import ClusterError

__all__ = ["MemberSettings", "Serf"]

logger = logging.getLogger(__name__)

_Timed = JoinIntent | LeaveIntent | UserEvent | Query | QueryResponse


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberSettings:
    """Who a member is and how it behaves.

    Attributes:
        name: unique in the cluster.
        address: advertised, 4 bytes for IPv4, 16 for IPv6.
        port: advertised, for datagrams and streams.
        tags: at most 512 bytes encoded.
        timing: one of the presets.
        event_size_limit: bytes of a user event of ours, at most 9216 (serf §7).
    """

    name: str
    address: bytes
    port: int
    timing: ClusterTiming
    tags: dict[str, str] = field(default_factory=dict)
    event_size_limit: int = 512


class Serf:
    """The parts of one member. Made without effect; ``start`` makes it a member of itself."""

    def __init__(
        self,
        settings: MemberSettings,
        *,
        stream_codec: StreamCodec,
        keyring: Keyring,
        schedule: Schedule,
        rng: Random,
        emit: Callable[[Fact], None],
        refusals: Refusals,
        sealing_overhead: int = 0,
    ) -> None:
        timing = settings.timing
        self.settings = settings
        self.emit = emit
        self._refusals = refusals
        self.clocks = Clocks()
        self.swim = Swim(
            SwimSettings(
                name=settings.name,
                address=settings.address,
                port=settings.port,
                meta=encode_tags(settings.tags),
                timing=timing,
                sealing_overhead=sealing_overhead,
            ),
            delegate=self,
            codec=stream_codec,
            schedule=schedule,
            rng=rng,
            refusals=refusals,
        )
        own, gossip = self.swim.own, self.swim.gossip
        # The type byte of a user message comes on top.
        self.broadcasts = SerfBroadcasts(gossip.message_budget - 1, gossip.wake)
        self.latency = Latency(rng, emit)
        self.membership = Membership(
            settings.name,
            self.clocks.member,
            schedule=schedule,
            prune_delay_s=timing.broadcast_timeout_s + timing.leave_propagate_delay_s,
            emit=emit,
            refute=self.announce_join,
            forget=self.latency.forget,
        )
        self.members = self.membership.members
        self.events = EventRing(self.clocks.event)
        self.synchronisation = Synchronisation(
            self.clocks, membership=self.membership, events=self.events
        )
        self.post = Post(own, gossip, self.user_message)
        internal = InternalQueries(
            settings.name, members=self.members, keys=KeyAnswerer(keyring, emit)
        )
        self.answerer = QueryAnswerer(
            own,
            self.clocks.query,
            nodes=self.swim.table,
            members=self.members,
            post=self.post,
            emit=emit,
            internal=internal.answer,
        )
        self.asker = QueryAsker(
            own,
            self.clocks.query,
            schedule=schedule,
            rng=rng,
            count_members=lambda: self.swim.table.live_count,
            spread=self._spread_query,
        )
        self.resolver = ConflictResolver(own, ask=self._ask_for_name, emit=emit)
        self.departure = Departure(
            self.swim,
            clock=self.clocks.member,
            membership=self.membership,
            broadcasts=self.broadcasts,
            emit=emit,
        )
        self._upkeep = Upkeep(
            self.members,
            schedule=schedule,
            timing=timing,
            rng=rng,
            reap=self.membership.reap,
            expire=self._expire,
            reconnect=self.swim.exchanges.reconnect,
        )

    @property
    def tags(self) -> dict[str, str]:
        """Our tags."""
        return dict(tags_of_meta(self.swim.own.meta))

    def start(self, now: float) -> None:
        """Become a member of ourselves and begin all ticks."""
        self.swim.start(now)
        self._upkeep.start(now)

    def announce_join(self, now: float) -> None:
        """Spread a join intent of ours, because we do not leave (§5.2)."""
        self._spread_join_intent(now)

    def introduction(self) -> Callable[[float], None]:
        """Return what to call after each exchange of a join with one more member.

        The first call spreads a join intent (§5.6); each tells it, and what we are, directly to the
        members learnt since, so that they need not wait for the gossip to see us.
        """
        told: set[str] = set()
        intents: list[bytes] = []

        def exchanged(now: float) -> None:
            if not intents:
                intents.append(self._spread_join_intent(now))
            self.swim.introduce(UserMessage(intents[0]), told=told)

        return exchanged

    def _spread_join_intent(self, now: float) -> bytes:
        intent = JoinIntent(self.clocks.member.time, self.swim.own.name)
        payload = codec.encode(intent)
        self.membership.join_intent(intent, now)
        self.broadcasts.add(BroadcastKind.INTENT, payload, now)
        return payload

    def handle_event(self, event: UserEvent, payload: bytes, now: float) -> None:
        """Deliver a user event and pass it on, if it is new (§7)."""
        if self.events.accept(event):
            self._deliver(event)
            self.broadcasts.add(BroadcastKind.EVENT, payload, now)

    # What SWIM tells and asks (``swim.delegate``).

    def node_joined(self, node: Node, now: float) -> None:
        """See ``Delegate``."""
        self.membership.node_joined(node, now)

    def node_left(self, node: Node, now: float) -> None:
        """See ``Delegate``."""
        self.membership.node_left(node, now)

    def node_updated(self, node: Node, now: float) -> None:
        """See ``Delegate``."""
        self.membership.node_updated(node, now)

    def name_conflict(self, known: Node, other: Alive, now: float) -> None:
        """See ``Delegate``."""
        self.resolver.conflict(known, other, now)

    def user_message(self, payload: bytes, now: float) -> None:
        """See ``Delegate``. What cannot be used is dropped and not passed on (§1)."""
        try:
            message = codec.decode(payload)
            if isinstance(message, _Timed) and message.time > MOST_TIME:
                raise ClusterError("Lamport time is beyond all clocks")
            self._handle(message, payload, now)
        except ClusterError as exc:
            # Who sent it says little: it may have been gossiped by others.
            self._refusals.note(Refusal.MALFORMED_MESSAGE, "", f"message of Serf: {exc}", now)

    def take_broadcasts(self, room: int, overhead: int, now: float) -> list[bytes]:
        """See ``Delegate``."""
        limit = self.swim.timing.retransmit_limit(len(self.members))
        return self.broadcasts.take(room, overhead, limit, now)

    def user_state(self) -> bytes:
        """See ``Delegate``."""
        return self.synchronisation.state()

    def merge_user_state(self, state: bytes, now: float, *, ignores_old_events: bool) -> None:
        """See ``Delegate``."""
        for event in self.synchronisation.merge(state, now, ignores_old_events=ignores_old_events):
            self._deliver(event)

    def ack_payload(self) -> bytes:
        """See ``Delegate``."""
        return self.latency.payload()

    def ping_completed(self, node: Node, rtt_s: float, payload: bytes, _now: float) -> None:
        """See ``Delegate``."""
        self.latency.measured(node.name, rtt_s, payload)

    def _handle(self, message: SerfMessage, payload: bytes, now: float) -> None:
        """Apply a message and pass it on, byte for byte, if it was new (§3)."""
        match message:
            case JoinIntent():
                if self.membership.join_intent(message, now):
                    self.broadcasts.add(BroadcastKind.INTENT, payload, now)
            case LeaveIntent():
                if self.membership.leave_intent(message, now):
                    self.broadcasts.add(BroadcastKind.INTENT, payload, now)
            case UserEvent():
                self.handle_event(message, payload, now)
            case Query():
                self._handle_query(message, payload, now)
            case QueryResponse():
                self.asker.response(message, now)
            case Relay():
                self._relay(message, now)
            case SerfState() | ConflictResponse() | KeyRequest() | KeyResponse():
                raise ClusterError(f"{type(message).__name__} does not stand alone")
            case _:
                assert_never(message)

    def _handle_query(self, message: Query, payload: bytes, now: float) -> None:
        # Queries spread by gossip alone, so one that fits no packet is none.
        if len(payload) > self.swim.gossip.message_budget:
            raise ClusterError("query does not fit a packet")
        if self.answerer.query(message, now):
            self.broadcasts.add(BroadcastKind.QUERY, payload, now)

    def _spread_query(self, message: Query, payload: bytes, now: float) -> None:
        """Handle a query of ours, and send it directly besides the gossip."""
        self._handle_query(message, payload, now)
        self.swim.direct.tell(UserMessage(payload))

    def _relay(self, message: Relay, now: float) -> None:
        """Send the answer inside to who asked; nothing else is relayed (§8)."""
        if message.payload[:1] != bytes((SerfType.QUERY_RESPONSE,)):
            raise ClusterError("only answers are relayed")
        self.post.send(message.address, message.port, message.payload, now)

    def _deliver(self, event: UserEvent) -> None:
        self.emit(UserEventReceived(event.time, event.name, event.payload, event.coalesce))

    def _ask_for_name(self, receiver: QueryReceiver, now: float) -> QueryKey:
        name = self.swim.own.name.encode("utf-8", errors="surrogateescape")
        timeout_s = self.default_query_timeout_s
        return self.asker.ask(CONFLICT_QUERY, name, now, timeout_s=timeout_s, receiver=receiver)

    @property
    def default_query_timeout_s(self) -> float:
        """How long a query of ours waits unless it says otherwise (§8)."""
        return self.swim.timing.query_timeout_s(self.swim.table.live_count)

    def _expire(self, now: float) -> None:
        self.membership.intents.expire(now, self.swim.timing.recent_intent_timeout_s)
        self.answerer.expire(now)
