"""One SWIM node: its parts, introduced to each other, and the messages handed to them."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from random import Random

from colobus.cluster.codec.stream import StreamCodec
from colobus.cluster.messages import (
    VERSIONS,
    Ack,
    Alive,
    Dead,
    ErrorMessage,
    IndirectPing,
    Message,
    Nack,
    Ping,
    Suspect,
    UserMessage,
)
from colobus.cluster.refusals import Refusals
from colobus.cluster.swim.acknowledgements import Acknowledgements
from colobus.cluster.swim.addresses import Address
from colobus.cluster.swim.answering import PingAnswerer
from colobus.cluster.swim.awareness import Awareness
from colobus.cluster.swim.delegate import Delegate
from colobus.cluster.swim.direct import Direct, Telling
from colobus.cluster.swim.exchange import Exchanges
from colobus.cluster.swim.gossip import Gossip
from colobus.cluster.swim.probing import Prober
from colobus.cluster.swim.rules import MembershipRules
from colobus.cluster.swim.schedule import Schedule
from colobus.cluster.swim.table import Node, NodeTable
from colobus.cluster.timing import ClusterTiming

__all__ = ["Spread", "Swim", "SwimSettings"]

logger = logging.getLogger(__name__)


class Spread(Enum):
    """How a broadcast ended."""

    CONFIRMED = "every live member has acknowledged it, or there is none"
    GOSSIPED = "it was sent as often as the limit says"
    TIMED_OUT = "neither, within the broadcast timeout"


@dataclass(frozen=True, slots=True, kw_only=True)
class SwimSettings:
    """Who a node is, for SWIM."""

    name: str
    address: bytes
    port: int
    meta: bytes
    timing: ClusterTiming
    sealing_overhead: int = 0


class Swim:
    """The parts of one node. Made without effect; ``start`` makes it a member of itself."""

    def __init__(
        self,
        settings: SwimSettings,
        *,
        delegate: Delegate,
        codec: StreamCodec,
        schedule: Schedule,
        rng: Random,
        refusals: Refusals,
    ) -> None:
        timing = settings.timing
        self.own = Node(settings.name, settings.address, settings.port, settings.meta, VERSIONS)
        self.schedule = schedule
        self.timing = timing
        self.table = NodeTable(rng)
        self.awareness = Awareness(timing.awareness_max_multiplier)
        self.gossip = Gossip(
            settings.name,
            table=self.table,
            schedule=schedule,
            timing=timing,
            delegate=delegate,
            rng=rng,
            sealing_overhead=settings.sealing_overhead,
        )
        self.rules = MembershipRules(
            self.own,
            table=self.table,
            gossip=self.gossip,
            schedule=schedule,
            timing=timing,
            awareness=self.awareness,
            delegate=delegate,
        )
        self.acknowledgements = Acknowledgements()
        self.direct = Direct(
            self.own, table=self.table, gossip=self.gossip, acknowledgements=self.acknowledgements
        )
        self.answerer = PingAnswerer(
            self.own,
            gossip=self.gossip,
            acknowledgements=self.acknowledgements,
            schedule=schedule,
            delegate=delegate,
            probe_timeout_s=timing.probe_timeout_s,
        )
        self.exchanges = Exchanges(
            self.rules,
            table=self.table,
            answerer=self.answerer,
            schedule=schedule,
            timing=timing,
            delegate=delegate,
            codec=codec,
            rng=rng,
            refusals=refusals,
        )
        self.streams = self.exchanges.streams
        self.prober = Prober(
            self.rules,
            table=self.table,
            gossip=self.gossip,
            streams=self.streams,
            acknowledgements=self.acknowledgements,
            awareness=self.awareness,
            schedule=schedule,
            timing=timing,
            delegate=delegate,
            rng=rng,
        )
        self._delegate = delegate

    def start(self, now: float) -> None:
        """Become alive in incarnation 1, and begin to probe and to exchange."""
        self.rules.announce(now)
        self.prober.start(now)
        self.exchanges.start(now)

    def receive(self, message: Message, source: Address, now: float) -> None:
        """Handle one message of a datagram that came from ``source``."""
        match message:
            case Ping():
                self.answerer.ping(message, source, now)
            case Ack():
                self.acknowledgements.ack(message, now)
            case UserMessage():
                self._delegate.user_message(message.payload, now)
            case Alive():
                # No port means ours, a relic of protocol 1 (memberlist §2.4).
                has_port = message.port != 0
                full = message if has_port else replace(message, port=self.own.port)
                self.rules.alive(full, now)
            case Suspect():
                self.rules.suspect(message, now)
            case Dead():
                self.rules.dead(message, now)
            case IndirectPing():
                self.answerer.indirect_ping(message, source, now)
            case Nack():
                self.acknowledgements.nack(message)
            case ErrorMessage():
                logger.debug("error message in a datagram from %s", source[0])

    def change_meta(self, meta: bytes, now: float, done: Callable[[Spread, float], None]) -> None:
        """Take a new meta and spread it; see ``once_spread`` for ``done`` (serf §5.6)."""
        self.own.meta = meta
        self.once_spread(lambda finished: self.rules.announce(now, finished), now, done)

    def leave(self, now: float, done: Callable[[Spread, float], None]) -> None:
        """Spread our departure; we go on answering. See ``once_spread`` for ``done`` (§8)."""
        death = Dead(self.own.incarnation, self.own.name, self.own.name)
        self.once_spread(
            lambda finished: self.rules.leave(now, finished), now, done, direct=(death,)
        )

    def introduce(self, *messages: Message, told: set[str]) -> None:
        """Tell the members what we are, and ``messages``; those in ``told`` know, others join them.

        Nothing waits for it: what is lost comes by gossip.
        """
        own = self.own
        alive = Alive(
            own.incarnation, own.name, own.address, own.port, own.meta, own.versions
        )  # fmt: skip
        told.update(self.direct.tell(alive, *messages, told=told))

    @property
    def has_live_peers(self) -> bool:
        """Whether anybody but us takes part."""
        return self.table.live_count > (1 if self.own.is_live else 0)

    def once_spread(
        self,
        start: Callable[[Callable[[float], None]], None],
        now: float,
        done: Callable[[Spread, float], None],
        *,
        direct: tuple[Message, ...] = (),
    ) -> None:
        """Start a broadcast and call ``done`` once, not before returning, with how it ended.

        ``direct`` are the messages to tell every live member besides, each of which confirms them.
        It ends without them when the broadcast has been sent often enough, or after the broadcast
        timeout (serf §5.5).
        """
        telling: Telling | None = None
        is_heard = self.has_live_peers

        def ended(how: Spread, at: float) -> None:
            if telling is not None:
                telling.give_up()
            done(how, at)

        def finish(how: Spread, at: float) -> None:
            if timer.is_armed:
                self.schedule.cancel(timer)
                self.schedule.call_at(at, lambda later: ended(how, later))

        how_late = Spread.TIMED_OUT if is_heard else Spread.CONFIRMED
        timeout_s = self.timing.broadcast_timeout_s if is_heard else 0.0
        timer = self.schedule.call_at(now + timeout_s, lambda at: ended(how_late, at))
        start(lambda at: finish(Spread.GOSSIPED, at))
        if direct and is_heard:
            telling = self.direct.confirm(
                *direct, confirmed=lambda at: finish(Spread.CONFIRMED, at)
            )
