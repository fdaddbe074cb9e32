"""What the agent tells a client: the bodies of answers, and the records of streams (reference: rpc §3 to §6)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from colobus.cluster.coordinates import Coordinate

__all__ = [
    "Body",
    "CoordinateFound",
    "EventRecord",
    "Joined",
    "KeyReport",
    "LogRecord",
    "Member",
    "MemberEventRecord",
    "Members",
    "QueryEventRecord",
    "QueryRecord",
    "StatsReport",
    "StreamRecord",
    "UserEventRecord",
]


@dataclass(frozen=True, slots=True)
class Member:
    """A member; ``status`` is none, alive, leaving, left or failed, ``address`` 4 or 16 bytes."""

    name: str
    address: bytes
    port: int
    tags: Mapping[str, str]
    status: str
    protocol_min: int
    protocol_max: int
    protocol_current: int
    delegate_min: int
    delegate_max: int
    delegate_current: int


@dataclass(frozen=True, slots=True)
class Joined:
    """How many of the addresses answered."""

    count: int = 0


@dataclass(frozen=True, slots=True)
class Members:
    """The members asked for."""

    members: tuple[Member, ...] = ()


@dataclass(frozen=True, slots=True)
class StatsReport:
    """Numbers and settings, all of them text, by section and name."""

    sections: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CoordinateFound:
    """Where the member is, if that is known; an unknown one has no vector."""

    coordinate: Coordinate = field(
        default_factory=lambda: Coordinate(vector=(), error=0.0, adjustment=0.0, height=0.0)
    )
    is_known: bool = False


@dataclass(frozen=True, slots=True)
class KeyReport:
    """What the members answered to a key command.

    Attributes:
        messages: what each of those said that had something to say.
        keys: in how many members each key is; None but in the answer to ``ListKeys``.
        members: how many were asked.
        failures: how many reported a failure.
        responses: how many answered.
    """

    messages: Mapping[str, str] = field(default_factory=dict)
    keys: Mapping[str, int] | None = field(default=None, repr=False)
    members: int = 0
    failures: int = 0
    responses: int = 0


Body: TypeAlias = Joined | Members | StatsReport | CoordinateFound | KeyReport


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One line of the agent's log."""

    line: str


@dataclass(frozen=True, slots=True)
class QueryRecord:
    """One answer to a query: kind is ack, response, or done at the end."""

    kind: str
    sender: str = ""
    payload: bytes = b""


@dataclass(frozen=True, slots=True)
class MemberEventRecord:
    """Members that joined, left, failed and so on: ``event`` is such as member-join."""

    event: str
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class UserEventRecord:
    """A user event."""

    time: int
    name: str
    payload: bytes = b""
    coalesce: bool = False
    event: str = "user"


@dataclass(frozen=True, slots=True)
class QueryEventRecord:
    """A query, to be answered under ``id`` by ``Respond``."""

    id: int
    time: int
    name: str
    payload: bytes = b""
    event: str = "query"


EventRecord: TypeAlias = MemberEventRecord | UserEventRecord | QueryEventRecord
StreamRecord: TypeAlias = LogRecord | QueryRecord | EventRecord
