"""Which command has which body, answer and records, and how each is written: one table (reference: rpc §3)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from colobus.cluster.codec.coordinate import COORDINATE
from colobus.cluster.codec.gossip import ADDRESS
from colobus.cluster.codec.records import (
    Field,
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
from colobus.cluster.rpc import requests
from colobus.cluster.rpc.replies import (
    Body,
    CoordinateFound,
    Joined,
    KeyReport,
    LogRecord,
    Member,
    MemberEventRecord,
    Members,
    QueryEventRecord,
    QueryRecord,
    StatsReport,
    StreamRecord,
    UserEventRecord,
)
from colobus.cluster.rpc.requests import Request
from colobus.errors import ClusterProtocolError

__all__ = ["Answer", "Command", "command_named", "command_of", "dump_record"]


@dataclass(frozen=True, slots=True)
class Answer:
    """The body of an answer; ``empty`` stands where there is nothing to say, as beside an error."""

    load: Callable[[object], Body]
    dump: Callable[[Any], object]
    empty: Body


@dataclass(frozen=True, slots=True)
class Command:
    """One command.

    Attributes:
        name: as it stands in the header of a request.
        request: how its requests are read and written.
        build: the class of its requests.
        has_body: whether a request has a body; one without is read from an empty map.
        answer: the body of its answer, if that has one.
        load_record: reads what follows the answer, again and again; None when nothing does.
    """

    name: str
    request: Record[Any]
    build: type[Request]
    has_body: bool
    answer: Answer | None = None
    load_record: Callable[[object], StreamRecord] | None = None


_TEXTS: Final = map_of(text())
_SECTIONS: Final = map_of(_TEXTS)
_LIST: Final = list_of(text())
_NAME: Final = Field("Name", "name", text())
_NODE: Final = Field("Node", "node", text())
_KEY: Final = Field("Key", "key", text())
_TAGS: Final = Field("Tags", "tags", _TEXTS)
_STATUS: Final = Field("Status", "status", text())
_TIME: Final = Field("LTime", "time", unsigned(64))
_ID: Final = Field("ID", "id", unsigned(64))
_EVENT: Final = Field("Event", "event", text())
_PAYLOAD: Final = Field("Payload", "payload", binary())
_COALESCE: Final = Field("Coalesce", "coalesce", flag())

_MEMBER: Final = Record(
    Member,
    "Member",
    *(_NAME, Field("Addr", "address", ADDRESS), Field("Port", "port", unsigned(16))),
    *(_TAGS, _STATUS),
    Field("ProtocolMin", "protocol_min", unsigned(8)),
    Field("ProtocolMax", "protocol_max", unsigned(8)),
    Field("ProtocolCur", "protocol_current", unsigned(8)),
    Field("DelegateMin", "delegate_min", unsigned(8)),
    Field("DelegateMax", "delegate_max", unsigned(8)),
    Field("DelegateCur", "delegate_current", unsigned(8)),
)
_NO_MEMBER: Final = Member("", b"", 0, {}, "", 0, 0, 0, 0, 0, 0)
_MEMBER_LIST: Final = Field("Members", "members", list_of(nested(_MEMBER, _NO_MEMBER)))

_MEMBERS: Final = Record(Members, "Members", _MEMBER_LIST)
_JOINED: Final = Record(Joined, "Joined", Field("Num", "count", unsigned(31)))
_COORDINATE: Final = Record(
    CoordinateFound,
    "CoordinateFound",
    Field("Coord", "coordinate", nested(COORDINATE, CoordinateFound().coordinate)),
    Field("Ok", "is_known", flag()),
)
_KEY_REPORT: Final = Record(
    KeyReport,
    "KeyReport",
    Field("Messages", "messages", _TEXTS),
    Field("Keys", "keys", optional(map_of(unsigned(31)))),
    Field("NumNodes", "members", unsigned(31)),
    Field("NumErr", "failures", unsigned(31)),
    Field("NumResp", "responses", unsigned(31)),
)
_RECORDS: Final[dict[type[StreamRecord], Record[Any]]] = {
    LogRecord: Record(LogRecord, "LogRecord", Field("Log", "line", text())),
    QueryRecord: Record(
        QueryRecord,
        "QueryRecord",
        *(Field("Type", "kind", text()), Field("From", "sender", text()), _PAYLOAD),
    ),
    MemberEventRecord: Record(MemberEventRecord, "MemberEvent", _EVENT, _MEMBER_LIST),
    UserEventRecord: Record(
        UserEventRecord, "UserEvent", _EVENT, _TIME, _NAME, _PAYLOAD, _COALESCE
    ),
    QueryEventRecord: Record(QueryEventRecord, "QueryEvent", _EVENT, _ID, _TIME, _NAME, _PAYLOAD),
}


def _load_event(value: object) -> StreamRecord:
    """Return the event that ``value`` holds, which its kind tells the fields of."""
    if not isinstance(value, dict):
        raise ClusterProtocolError("event is not a map")
    kind = value.get(b"Event")
    build: type[StreamRecord] = MemberEventRecord
    if kind == b"user":
        build = UserEventRecord
    elif kind == b"query":
        build = QueryEventRecord
    record: StreamRecord = _RECORDS[build].load(value)
    return record


def _load_stats(value: object) -> StatsReport:
    """Return the report that ``value``, a map of maps and not the fields of a record, holds."""
    sections: Any = _SECTIONS.load(value)
    return StatsReport(sections)


def _dump_stats(report: StatsReport) -> object:
    return _SECTIONS.dump(report.sections)


def _command(
    name: str,
    build: type[Request],
    *fields: Field,
    answer: Answer | None = None,
    load_record: Callable[[object], StreamRecord] | None = None,
) -> Command:
    record = Record(build, build.__name__, *fields)
    return Command(name, record, build, bool(fields), answer, load_record)


_LISTS_MEMBERS: Final = Answer(_MEMBERS.load, _MEMBERS.dump, Members())
_REPORTS_KEYS: Final = Answer(_KEY_REPORT.load, _KEY_REPORT.dump, KeyReport())
_COUNTS: Final = Answer(_JOINED.load, _JOINED.dump, Joined())
_LOCATES: Final = Answer(_COORDINATE.load, _COORDINATE.dump, CoordinateFound())
_REPORTS: Final = Answer(_load_stats, _dump_stats, StatsReport())

_JOIN: Final = (Field("Existing", "addresses", _LIST), Field("Replay", "replay", flag()))
_QUERY: Final = (
    *(_NAME, _PAYLOAD),
    Field("FilterNodes", "nodes", list_of(text(), nil_when_empty=True)),
    Field("FilterTags", "tags", _TEXTS),
    Field("RequestAck", "wants_acks", flag()),
    Field("RelayFactor", "relay_factor", unsigned(8)),
    Field("Timeout", "timeout_ns", signed(64)),
)
_LEVEL: Final = Field("LogLevel", "level", text())
_FILTERS: Final = Field("Type", "events", text())
_load_log: Final = _RECORDS[LogRecord].load
_load_query: Final = _RECORDS[QueryRecord].load

_COMMANDS: Final = (
    _command("handshake", requests.Handshake, Field("Version", "version", signed(32))),
    _command("auth", requests.Authenticate, Field("AuthKey", "key", text())),
    _command("event", requests.FireEvent, _NAME, _PAYLOAD, _COALESCE),
    _command("force-leave", requests.ForceLeave, _NODE, Field("Prune", "prune", flag())),
    _command("join", requests.Join, *_JOIN, answer=_COUNTS),
    _command("members", requests.ListMembers, answer=_LISTS_MEMBERS),
    _command(
        "members-filtered", requests.SelectMembers, _TAGS, _STATUS, _NAME, answer=_LISTS_MEMBERS
    ),
    _command("tags", requests.SetTags, _TAGS, Field("DeleteTags", "deleted", _LIST)),
    _command("stream", requests.Subscribe, _FILTERS, load_record=_load_event),
    _command("monitor", requests.Monitor, _LEVEL, load_record=_load_log),
    _command("stop", requests.Stop, Field("Stop", "sequence", unsigned(64))),
    _command("leave", requests.Leave),
    _command("query", requests.StartQuery, *_QUERY, load_record=_load_query),
    _command("respond", requests.Respond, _ID, _PAYLOAD),
    _command("stats", requests.Stats, answer=_REPORTS),
    _command("get-coordinate", requests.GetCoordinate, _NODE, answer=_LOCATES),
    _command("install-key", requests.InstallKey, _KEY, answer=_REPORTS_KEYS),
    _command("use-key", requests.UseKey, _KEY, answer=_REPORTS_KEYS),
    _command("remove-key", requests.RemoveKey, _KEY, answer=_REPORTS_KEYS),
    _command("list-keys", requests.ListKeys, answer=_REPORTS_KEYS),
)
_BY_NAME: Final = {command.name: command for command in _COMMANDS}
_BY_TYPE: Final = {command.build: command for command in _COMMANDS}


def command_named(name: str) -> Command | None:
    """Return the command of that name, or None."""
    return _BY_NAME.get(name)


def command_of(request: Request) -> Command:
    """Return the command that ``request`` is one of."""
    return _BY_TYPE[type(request)]


def dump_record(record: StreamRecord) -> object:
    """Return the map that stands for a record of a stream.

    Raises:
        ClusterProtocolError: a number that does not fit its field.
    """
    return _RECORDS[type(record)].dump(record)
