"""The vocabulary of gossip: one frozen record per message. Knows nothing of bytes on the wire.

Two protocols ride in each other (reference: memberlist §2.4, serf §1):

==============  =============================================================  ==================
protocol        messages                                                       encoded by
==============  =============================================================  ==================
memberlist      ``Ping IndirectPing Ack Nack Suspect Alive Dead UserMessage``  ``codec.gossip``
on a stream     ``Ping Ack PushPull UserMessage ErrorMessage``                 ``codec.stream``
Serf            ``LeaveIntent JoinIntent SerfState UserEvent Query``           ``codec.serf``
                ``QueryResponse ConflictResponse KeyRequest KeyResponse``
                ``Relay``, all inside a ``UserMessage``, a ``PushPull``, or
                the payload of a query or of its answer
==============  =============================================================  ==================

Names are ``str``; bytes that are not UTF-8 survive as surrogate escapes. Addresses are ``bytes``
exactly as they came, 4 or 16 of them: peers compare them byte by byte (reference: memberlist §2.4). What was
missing on the wire is zero or empty here, and an empty payload and a missing one are the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, IntFlag
from typing import TypeAlias

__all__ = [
    "VERSIONS",
    "Ack",
    "Alive",
    "ConflictResponse",
    "Dead",
    "ErrorMessage",
    "EventSlot",
    "IndirectPing",
    "JoinIntent",
    "KeyRequest",
    "KeyResponse",
    "LeaveIntent",
    "MemberRecord",
    "Message",
    "Nack",
    "NodeRecord",
    "NodeState",
    "Ping",
    "PushPull",
    "Query",
    "QueryFlag",
    "QueryResponse",
    "RecordedEvent",
    "Relay",
    "SerfMessage",
    "SerfState",
    "StreamMessage",
    "Suspect",
    "UserEvent",
    "UserMessage",
]

# pmin, pmax, pcur of memberlist, then dmin, dmax, dcur of Serf: what agents from 0.8.1 on send
# (reference: memberlist §3).
VERSIONS = bytes((1, 5, 2, 2, 5, 5))


class NodeState(IntEnum):
    """States of a node record in a push/pull; 3 since memberlist 0.2.1, older peers send 2."""

    ALIVE = 0
    SUSPECT = 1
    DEAD = 2
    LEFT = 3


class QueryFlag(IntFlag):
    """Flags of queries and of their answers."""

    ACK = 1  # in a query: acknowledge it; in an answer: this is the acknowledgement
    NO_BROADCAST = 2


@dataclass(frozen=True, slots=True)
class Ping:
    """Asks ``node`` whether it is there. The answer goes to the source given, if there is one."""

    sequence: int
    node: str = ""
    source_address: bytes = b""
    source_port: int = 0
    source_node: str = ""


@dataclass(frozen=True, slots=True)
class IndirectPing:
    """Asks the receiver to ping ``node`` at ``target`` for the sender."""

    sequence: int
    target: bytes
    port: int
    node: str
    wants_nack: bool = False
    source_address: bytes = b""
    source_port: int = 0
    source_node: str = ""


@dataclass(frozen=True, slots=True)
class Ack:
    """Answers a ping; the payload is the coordinate of the sender (``codec.coordinate``)."""

    sequence: int
    payload: bytes = b""


@dataclass(frozen=True, slots=True)
class Nack:
    """Says that an indirect ping got no answer in time."""

    sequence: int


@dataclass(frozen=True, slots=True)
class Suspect:
    """Says that ``accuser`` could not reach ``node``."""

    incarnation: int
    node: str
    accuser: str


@dataclass(frozen=True, slots=True)
class Alive:
    """Says who and where ``node`` is. ``versions`` has 6 bytes, or none."""

    incarnation: int
    node: str
    address: bytes
    port: int
    meta: bytes = b""
    versions: bytes = VERSIONS


@dataclass(frozen=True, slots=True)
class Dead:
    """Says that ``node`` is gone; on purpose when ``accuser`` is the node itself."""

    incarnation: int
    node: str
    accuser: str


@dataclass(frozen=True, slots=True)
class UserMessage:
    """Carries a Serf message, type byte first.

    What must be passed on is passed on as these very bytes, not encoded anew: a Serf message may
    hold keys and trailing bytes that only newer nodes understand (reference: serf §3). Payloads stay out of
    ``repr``: those of key queries are secret.
    """

    payload: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ErrorMessage:
    """The answer on a stream whose frame could not be used."""

    text: str


@dataclass(frozen=True, slots=True)
class NodeRecord:
    """One node in a push/pull. ``state`` is a ``NodeState`` unless the peer is newer than we."""

    name: str
    address: bytes
    port: int
    meta: bytes = b""
    incarnation: int = 0
    state: int = NodeState.ALIVE
    versions: bytes = VERSIONS


@dataclass(frozen=True, slots=True)
class PushPull:
    """All a node knows: its node table, and the state of Serf as bytes (``SerfState``)."""

    nodes: tuple[NodeRecord, ...]
    is_join: bool = False
    user_state: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class LeaveIntent:
    """Says that ``node`` leaves; ``prune`` asks to forget it at once. ``time`` is Lamport's."""

    time: int
    node: str
    prune: bool = False


@dataclass(frozen=True, slots=True)
class JoinIntent:
    """Says that ``node`` joined, or has not left."""

    time: int
    node: str


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """A user event as the event ring keeps it."""

    name: str
    payload: bytes = b""


@dataclass(frozen=True, slots=True)
class EventSlot:
    """The events of one Lamport time."""

    time: int
    events: tuple[RecordedEvent, ...] = ()


@dataclass(frozen=True, slots=True)
class SerfState:
    """Serf's part of a push/pull. Real agents send all 512 slots of ``events``, None if empty."""

    member_time: int
    status_times: Mapping[str, int] = field(default_factory=dict)
    left_members: tuple[str, ...] = ()
    event_time: int = 0
    events: tuple[EventSlot | None, ...] = ()
    query_time: int = 0


@dataclass(frozen=True, slots=True)
class UserEvent:
    """A named event for everybody; ``coalesce`` lets receivers deliver the newest of a burst."""

    time: int
    name: str
    payload: bytes = b""
    coalesce: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """A question to all nodes that pass ``filters``, to be answered to ``address:port``.

    ``filters`` are undecoded (``codec.filters``): one that cannot be read excludes this node but
    does not stop the query from being passed on. ``flags`` are those of ``QueryFlag``.
    """

    time: int
    id: int
    address: bytes
    port: int
    name: str
    payload: bytes = field(default=b"", repr=False)
    source_node: str = ""
    filters: tuple[bytes, ...] = ()
    flags: int = 0
    relay_factor: int = 0
    timeout_ns: int = 0


@dataclass(frozen=True, slots=True)
class QueryResponse:
    """An answer to the query of the same time and id, or its acknowledgement (``flags``)."""

    time: int
    id: int
    sender: str
    flags: int = 0
    payload: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class MemberRecord:
    """A member as another member knows it. ``status``: 1 alive, 2 leaving, 3 left, 4 failed."""

    name: str
    address: bytes
    port: int
    tags: Mapping[str, str] = field(default_factory=dict)
    status: int = 0
    protocol_min: int = 0
    protocol_max: int = 0
    protocol_current: int = 0
    delegate_min: int = 0
    delegate_max: int = 0
    delegate_current: int = 0


@dataclass(frozen=True, slots=True)
class ConflictResponse:
    """The payload that answers ``_serf_conflict``; None for a name the node does not know."""

    member: MemberRecord | None = None


@dataclass(frozen=True, slots=True)
class KeyRequest:
    """The payload of the key queries; no key when they are to be listed."""

    key: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class KeyResponse:
    """The payload that answers a key query; the keys are base64 texts, the primary first."""

    result: bool
    message: str = ""
    keys: tuple[str, ...] = field(default=(), repr=False)
    primary_key: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Relay:
    """Asks the receiver to send ``payload``, a Serf message, to ``node`` at ``address:port``."""

    node: str
    address: bytes
    port: int
    payload: bytes = field(repr=False)
    zone: str = ""


Message: TypeAlias = (
    Ping | IndirectPing | Ack | Nack | Suspect | Alive | Dead | UserMessage | ErrorMessage
)
StreamMessage: TypeAlias = Ping | Ack | PushPull | UserMessage | ErrorMessage
SerfMessage: TypeAlias = (
    LeaveIntent
    | JoinIntent
    | SerfState
    | UserEvent
    | Query
    | QueryResponse
    | ConflictResponse
    | KeyRequest
    | KeyResponse
    | Relay
)
