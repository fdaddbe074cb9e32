"""Messages of Serf: a type byte, then a map (reference: serf §1, §4).

``decode`` takes what a ``UserMessage`` carries, the state in a ``PushPull``, and the payload of an
internal query or of its answer; ``decode_as`` says which of them was expected. Bytes after the map
are ignored, as real agents do; of a relay they are the message to pass on.
"""

from dataclasses import dataclass
from typing import TypeVar

from colobus.cluster.codec.dialect import load_prefix, pack_old
from colobus.cluster.codec.gossip import ADDRESS
from colobus.cluster.codec.limits import PACKET_LIMITS, STATE_LIMITS
from colobus.cluster.codec.records import (
    Field,
    MessageTable,
    Record,
    binary,
    flag,
    list_of,
    map_of,
    nested,
    optional,
    signed,
    text,
    unsigned,
)
from colobus.cluster.codec.type_bytes import SerfType
from colobus.cluster.messages import (
    ConflictResponse,
    EventSlot,
    JoinIntent,
    KeyRequest,
    KeyResponse,
    LeaveIntent,
    MemberRecord,
    Query,
    QueryResponse,
    RecordedEvent,
    Relay,
    SerfMessage,
    SerfState,
    UserEvent,
)
from colobus.errors import ClusterProtocolError

__all__ = ["decode", "decode_as", "encode"]

M = TypeVar("M", bound=SerfMessage)

_TIME = Field("LTime", "time", unsigned(64))
_NODE = Field("Node", "node", text())
_NAME = Field("Name", "name", text())
_ID = Field("ID", "id", unsigned(32))
_ADDRESS = Field("Addr", "address", ADDRESS)
_PORT = Field("Port", "port", unsigned(16))
_FLAGS = Field("Flags", "flags", unsigned(32))
_PAYLOAD = Field("Payload", "payload", binary())

_RECORDED_EVENT = Record(RecordedEvent, "RecordedEvent", _NAME, _PAYLOAD)
_SLOT_EVENTS = list_of(nested(_RECORDED_EVENT, RecordedEvent("")))
_SLOT = Record(EventSlot, "EventSlot", _TIME, Field("Events", "events", _SLOT_EVENTS))
_MEMBER = Record(
    MemberRecord,
    "MemberRecord",
    *(_NAME, _ADDRESS, _PORT, Field("Tags", "tags", map_of(text()))),
    Field("Status", "status", unsigned(31)),
    Field("ProtocolMin", "protocol_min", unsigned(8)),
    Field("ProtocolMax", "protocol_max", unsigned(8)),
    Field("ProtocolCur", "protocol_current", unsigned(8)),
    Field("DelegateMin", "delegate_min", unsigned(8)),
    Field("DelegateMax", "delegate_max", unsigned(8)),
    Field("DelegateCur", "delegate_current", unsigned(8)),
)
_STATE = (
    Field("LTime", "member_time", unsigned(64)),
    Field("StatusLTimes", "status_times", map_of(unsigned(64))),
    Field("LeftMembers", "left_members", list_of(text())),
    Field("EventLTime", "event_time", unsigned(64)),
    Field("Events", "events", list_of(optional(nested(_SLOT, None)))),
    Field("QueryLTime", "query_time", unsigned(64)),
)
_QUERY = (
    *(_TIME, _ID, _ADDRESS, _PORT, _FLAGS, _NAME, _PAYLOAD),
    Field("SourceNode", "source_node", text()),
    Field("Filters", "filters", list_of(binary(), nil_when_empty=True)),
    Field("RelayFactor", "relay_factor", unsigned(8)),
    Field("Timeout", "timeout_ns", signed(64)),
)
_KEY_RESPONSE = (
    Field("Result", "result", flag()),
    Field("Message", "message", text()),
    Field("Keys", "keys", list_of(text(), nil_when_empty=True)),
    Field("PrimaryKey", "primary_key", text()),
)
# Who only lists keys sends an empty raw, not nil: captured from a real agent.
_KEY_REQUEST = (Field("Key", "key", binary(nil_when_empty=False)),)

_MESSAGES: MessageTable[SerfMessage] = MessageTable(
    (SerfType.LEAVE, LeaveIntent, (_TIME, _NODE, Field("Prune", "prune", flag()))),
    (SerfType.JOIN, JoinIntent, (_TIME, _NODE)),
    (SerfType.PUSH_PULL, SerfState, _STATE),
    (SerfType.USER_EVENT, UserEvent, (_TIME, _NAME, _PAYLOAD, Field("CC", "coalesce", flag()))),
    (SerfType.QUERY, Query, _QUERY),
    (
        SerfType.QUERY_RESPONSE,
        QueryResponse,
        (_TIME, _ID, Field("From", "sender", text()), _FLAGS, _PAYLOAD),
    ),
    (SerfType.KEY_REQUEST, KeyRequest, _KEY_REQUEST),
    (SerfType.KEY_RESPONSE, KeyResponse, _KEY_RESPONSE),
)


@dataclass(frozen=True, slots=True)
class _Destination:
    """Where a relayed message goes: Go's net.UDPAddr."""

    address: bytes = b""
    port: int = 0
    zone: str = ""


@dataclass(frozen=True, slots=True)
class _RelayHeader:
    """What stands before a relayed message."""

    destination: _Destination
    node: str


_DESTINATION = Record(
    _Destination,
    "Destination",
    *(Field("IP", "address", ADDRESS), _PORT, Field("Zone", "zone", text())),
)
_RELAY_HEADER = Record(
    _RelayHeader,
    "Relay",
    Field("DestAddr", "destination", nested(_DESTINATION, _Destination())),
    Field("DestName", "node", text()),
)


def decode(data: bytes) -> SerfMessage:
    """Return the Serf message that ``data``, type byte first, holds.

    Raises:
        ClusterProtocolError: an unknown type, or a map that breaks its declaration or a limit.
    """
    if not data:
        raise ClusterProtocolError("Serf message is empty")
    kind = data[0]
    limits = STATE_LIMITS if kind == SerfType.PUSH_PULL else PACKET_LIMITS
    value, end = load_prefix(data[1:], limits)
    if kind == SerfType.RELAY:
        header = _RELAY_HEADER.load(value)
        to = header.destination
        return Relay(header.node, to.address, to.port, data[1 + end :], to.zone)
    if kind == SerfType.CONFLICT_RESPONSE:
        return ConflictResponse(None if value is None else _MEMBER.load(value))
    record = _MESSAGES.find(kind)
    if record is None:
        raise ClusterProtocolError(f"Serf message type {kind} is unknown")
    return record.load(value)


def decode_as(data: bytes, expected: type[M]) -> M:
    """Return the Serf message in ``data``, which must be an ``expected``.

    Raises:
        ClusterProtocolError: as for ``decode``, or it is another message.
    """
    message = decode(data)
    if not isinstance(message, expected):
        raise ClusterProtocolError(f"{type(message).__name__} instead of {expected.__name__}")
    return message


def encode(message: SerfMessage) -> bytes:
    """Return the bytes of ``message``, type byte first, as a real agent writes them.

    Raises:
        ClusterProtocolError: a number that does not fit its field.
    """
    if isinstance(message, Relay):
        to = _Destination(message.address, message.port, message.zone)
        header = _RELAY_HEADER.dump(_RelayHeader(to, message.node))
        return bytes((SerfType.RELAY,)) + pack_old(header) + message.payload
    if isinstance(message, ConflictResponse):
        member = None if message.member is None else _MEMBER.dump(message.member)
        return bytes((SerfType.CONFLICT_RESPONSE,)) + pack_old(member)
    kind, value = _MESSAGES.dump(message)
    return bytes((kind,)) + pack_old(value)
