"""One node of the cluster as a machine without input and output: the border to the world.

Bytes and time go in; bytes, deadlines and facts come out. Whoever owns the sockets does only this,
in this order, after *every* call that takes ``now``:

====================================  =========================================================
call                                  do
====================================  =========================================================
``datagrams_to_send()``               send each; loss is expected, errors are ignored
``streams_to_open()``                 connect, send ``data``, feed what comes to
                                      ``receive_stream``; end or failure to ``stream_ended``
``stream_writes()``                   write ``data``; close after it if ``is_last``
``next_event()`` until None           use the fact
``next_deadline()``                   arm one timer for ``handle_timer``, or none
====================================  =========================================================

and, as they come, ``receive_datagram`` (all that have arrived before ``handle_timer``: an ack that
waits in a buffer must not count as missing), and for each accepted connection ``accept_stream``, whose
number the machine gives (or None: close at once). The machine ends every stream itself, by its own
deadlines, perhaps before the connection was made: a write that is the last ends the attempt. What
is reported of a stream that has ended is ignored. ``now`` is seconds that
never go back, of a zero the owner chooses. Addresses are ``(host, port)`` with the IP as text.

Nothing here blocks. A push/pull with a thousand nodes takes some 20 ms, all else well below one.
All queues are bounded; what is dropped when one is full is said where it is kept. Chance is the
``random.Random`` given, so a run with the same inputs has the same outputs.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from colobus.cluster.codec.datagram import DatagramCodec
from colobus.cluster.codec.stream import StreamCodec
from colobus.cluster.coordinates import Coordinate
from colobus.cluster.keyring import Keyring
from colobus.cluster.messages import MemberRecord
from colobus.cluster.refusals import Refusal, Refusals
from colobus.cluster.serf.broadcasting import BroadcastKind
from colobus.cluster.serf.commands import Commands
from colobus.cluster.serf.core import MemberSettings, Serf
from colobus.cluster.serf.departure import NodePhase
from colobus.cluster.serf.facts import Fact, QueryKey
from colobus.cluster.serf.members import member_record
from colobus.cluster.swim.addresses import Address
from colobus.cluster.swim.schedule import Schedule
from colobus.cluster.swim.streams import OpenStream, StreamWrite
from colobus.cluster.timing import ClusterTiming
from colobus.errors import ClusterError

__all__ = ["ClusterMachine", "ClusterStatistics", "Datagram", "MemberSettings"]

logger = logging.getLogger(__name__)

# An owner that drains after every call sees a handful; a push/pull may bring one per member and
# per recorded event. Beyond, the newest are dropped and counted: ``members`` is always right.
MOST_FACTS = 1 << 17


@dataclass(frozen=True, slots=True)
class Datagram:
    """Bytes for an address."""

    address: Address
    data: bytes


@dataclass(frozen=True, slots=True)
class ClusterStatistics:
    """Numbers for operators (reference: rpc §6)."""

    members: int
    failed: int
    left: int
    health_score: int
    member_time: int
    event_time: int
    query_time: int
    intent_queue: int
    event_queue: int
    query_queue: int
    membership_queue: int
    coordinate_resets: int
    is_encrypted: bool
    datagrams_refused: int
    facts_dropped: int


class ClusterMachine:
    """One member of a Serf cluster.

    Commands of the owner (join, leave, events, queries, tags, keys) are methods of ``commands``,
    ``leave`` and ``respond``. What a command leads to is told by facts.

    Attributes:
        refusals: what was refused of others, for metrics.
    """

    def __init__(
        self,
        settings: MemberSettings,
        *,
        keyring: Keyring,
        rng: Random,
        random_bytes: Callable[[int], bytes],
        compresses: bool = False,
    ) -> None:
        """Make a machine, without effect yet.

        Args:
            settings: who it is.
            keyring: empty for a cluster without encryption; key queries change it.
            rng: all its chance.
            random_bytes: for nonces; ``secrets.token_bytes`` outside of simulations.
            compresses: whether to send compressed, which peers do not need and which is slow
                here; compressed messages are always understood.

        Raises:
            ClusterError: tags or limits that no cluster would take.
        """
        self._schedule = Schedule()
        self._keyring = keyring
        self._datagram_codec = DatagramCodec(keyring, random_bytes, compresses=compresses)
        self._facts: deque[Fact] = deque()
        self._facts_dropped = 0
        self.refusals = Refusals()
        self._datagrams_refused = 0
        self._is_started = False
        self._serf = Serf(
            settings,
            stream_codec=StreamCodec(keyring, random_bytes, compresses=compresses),
            keyring=keyring,
            schedule=self._schedule,
            rng=rng,
            emit=self._emit,
            refusals=self.refusals,
            sealing_overhead=self._datagram_codec.overhead,
        )
        self.commands = Commands(self._serf)

    def __repr__(self) -> str:
        return f"<ClusterMachine {self.name!r} {self.phase.value}, {self._serf.members!r}>"

    # In.

    def start(self, now: float) -> None:
        """Become a member of ourselves; datagrams and streams count from now on."""
        self._is_started = True
        self._serf.start(now)

    def receive_datagram(self, data: bytes, source: Address, now: float) -> None:
        """Take a datagram. Bytes nobody in the cluster would send are dropped and counted."""
        if not self._is_started:
            return
        try:
            received = self._datagram_codec.decode(data)
        except ClusterError as exc:
            self._datagrams_refused += 1
            self.refusals.note_error(Refusal.MALFORMED_DATAGRAM, source[0], exc, now)
            return
        for message in received.messages:
            self._serf.swim.receive(message, source, now)
        if received.problems:
            self._datagrams_refused += 1
            reason = "; ".join(received.problems)
            self.refusals.note(Refusal.MALFORMED_DATAGRAM, source[0], reason, now)

    def accept_stream(self, now: float, peer: str = "") -> int | None:
        """Return a number for a connection from ``peer``, or None if it is to be closed at once."""
        return self._serf.swim.streams.accept(peer, now) if self._is_started else None

    def receive_stream(self, stream: int, data: bytes, now: float) -> None:
        """Take bytes of a stream, in order; one that has ended takes none."""
        self._serf.swim.streams.receive(stream, data, now)

    def stream_ended(self, stream: int, now: float, reason: str = "closed by the peer") -> None:
        """Learn that a stream was closed by the peer, broke, or could not be opened."""
        self._serf.swim.streams.ended(stream, reason, now)

    def handle_timer(self, now: float) -> None:
        """Do what is due. Being late is harmless, being called too early as well."""
        self._schedule.run_due(now)

    # Out.

    def next_deadline(self) -> float | None:
        """Return when ``handle_timer`` is to be called, perhaps a time that is past."""
        return self._schedule.next_deadline()

    def datagrams_to_send(self) -> list[Datagram]:
        """Return what is to be sent, once."""
        encode = self._datagram_codec.encode
        datagrams = []
        for packet in self._serf.swim.gossip.take_packets():
            try:
                data = encode(packet.commands, has_checksum=packet.has_checksum)
            except ClusterError as exc:
                logger.warning("a datagram cannot be sent: %s", exc)
                continue
            datagrams.append(Datagram(packet.address, data))
        return datagrams

    def streams_to_open(self) -> list[OpenStream]:
        """Return what is to be connected, once."""
        return self._serf.swim.streams.take_opens()

    def stream_writes(self) -> list[StreamWrite]:
        """Return what is to be written or closed, once."""
        return self._serf.swim.streams.take_writes()

    def next_event(self) -> Fact | None:
        """Return the next fact, or None."""
        return self._facts.popleft() if self._facts else None

    # Commands that are not in ``commands``.

    def leave(self, now: float) -> None:
        """Begin to leave in good order; ``LeaveDone`` tells the end.

        That is two round trips later, or at most ``ClusterTiming.longest_leave_s``.
        """
        self._serf.departure.leave(now)

    def respond(self, query: QueryKey, payload: bytes, now: float) -> None:
        """Answer a query that was received.

        Raises:
            ClusterError: too late, a second time, or longer than 1024 bytes encoded.
        """
        self._serf.answerer.respond(query, payload, now)

    def extend_acks(self, extension: bytes) -> None:
        """Append one MessagePack map to the payload of our acks; empty for none.

        Whoever pings us gets it as ``PeerReported``; real agents ignore it.

        Raises:
            ClusterError: it is longer than 1024 bytes.
        """
        self._serf.latency.extend(extension)

    # What is.

    @property
    def name(self) -> str:
        """Our name."""
        return self._serf.swim.own.name

    @property
    def phase(self) -> NodePhase:
        """Whether we stay, leave or are gone."""
        return self._serf.departure.phase

    @property
    def timing(self) -> ClusterTiming:
        """Our timing."""
        return self._serf.swim.timing

    @property
    def tags(self) -> dict[str, str]:
        """Our tags."""
        return self._serf.tags

    @property
    def coordinate(self) -> Coordinate:
        """Our network coordinate."""
        return self._serf.latency.own

    def coordinate_of(self, name: str) -> Coordinate | None:
        """Return the coordinate of a member we have pinged."""
        return self.coordinate if name == self.name else self._serf.latency.coordinate_of(name)

    def members(self) -> Iterator[MemberRecord]:
        """Yield all members as they are now, in any status, ourselves included."""
        return map(member_record, self._serf.members)

    def member(self, name: str) -> MemberRecord | None:
        """Return one member."""
        member = self._serf.members.get(name)
        return None if member is None else member_record(member)

    def statistics(self) -> ClusterStatistics:
        """Return the numbers of now."""
        serf, swim = self._serf, self._serf.swim
        return ClusterStatistics(
            members=len(serf.members),
            failed=len(serf.members.failed),
            left=len(serf.members.left),
            health_score=swim.awareness.score,
            member_time=serf.clocks.member.time,
            event_time=serf.clocks.event.time,
            query_time=serf.clocks.query.time,
            intent_queue=serf.broadcasts.length(BroadcastKind.INTENT),
            event_queue=serf.broadcasts.length(BroadcastKind.EVENT),
            query_queue=serf.broadcasts.length(BroadcastKind.QUERY),
            membership_queue=len(swim.gossip.queue),
            coordinate_resets=serf.latency.resets,
            is_encrypted=bool(self._keyring),
            datagrams_refused=self._datagrams_refused,
            facts_dropped=self._facts_dropped,
        )

    def _emit(self, fact: Fact) -> None:
        if len(self._facts) < MOST_FACTS:
            self._facts.append(fact)
        else:
            self._facts_dropped += 1
