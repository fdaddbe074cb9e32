"""What a client may ask of the agent: one frozen record per command (reference: rpc §3).

Names and texts are ``str``; times are nanoseconds. What was missing on the wire is zero or empty.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

__all__ = [
    "Authenticate",
    "FireEvent",
    "ForceLeave",
    "GetCoordinate",
    "Handshake",
    "InstallKey",
    "Join",
    "Leave",
    "ListKeys",
    "ListMembers",
    "Monitor",
    "RemoveKey",
    "Request",
    "Respond",
    "SelectMembers",
    "SetTags",
    "StartQuery",
    "Stats",
    "Stop",
    "Subscribe",
    "UseKey",
]


@dataclass(frozen=True, slots=True)
class Handshake:
    """Opens the session; the version is 1."""

    version: int = 1


@dataclass(frozen=True, slots=True)
class Authenticate:
    """Shows the key of an agent that has one."""

    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class FireEvent:
    """Sends a user event to the pool."""

    name: str
    payload: bytes = b""
    coalesce: bool = False


@dataclass(frozen=True, slots=True)
class ForceLeave:
    """Declares a failed member left; ``prune`` forgets it at once."""

    node: str
    prune: bool = False


@dataclass(frozen=True, slots=True)
class Join:
    """Contacts the addresses; ``replay`` wants the events from before."""

    addresses: tuple[str, ...]
    replay: bool = False


@dataclass(frozen=True, slots=True)
class ListMembers:
    """Asks for all members."""


@dataclass(frozen=True, slots=True)
class SelectMembers:
    """Asks for the members whose tags, status and name match the expressions; empty ones do."""

    tags: Mapping[str, str] = field(default_factory=dict)
    status: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class SetTags:
    """Changes the agent's tags: first ``deleted`` go, then ``tags`` are set."""

    tags: Mapping[str, str] = field(default_factory=dict)
    deleted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Asks for events as they happen; ``events`` is a list of filters with commas between."""

    events: str = ""


@dataclass(frozen=True, slots=True)
class Monitor:
    """Asks for log lines from ``level`` on."""

    level: str = ""


@dataclass(frozen=True, slots=True)
class Stop:
    """Ends the subscription or monitor that request ``sequence`` began."""

    sequence: int


@dataclass(frozen=True, slots=True)
class Leave:
    """Makes the agent leave the pool and stop."""


@dataclass(frozen=True, slots=True)
class StartQuery:
    """Sends a query to the members the filters let through, and asks for their answers."""

    name: str
    payload: bytes = b""
    nodes: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    wants_acks: bool = False
    relay_factor: int = 0
    timeout_ns: int = 0


@dataclass(frozen=True, slots=True)
class Respond:
    """Answers the query that the subscription told of under ``id``."""

    id: int
    payload: bytes = b""


@dataclass(frozen=True, slots=True)
class Stats:
    """Asks for the agent's numbers."""


@dataclass(frozen=True, slots=True)
class GetCoordinate:
    """Asks where a member is."""

    node: str


@dataclass(frozen=True, slots=True)
class InstallKey:
    """Adds a key, in base64, on all members."""

    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class UseKey:
    """Makes a key the primary one on all members."""

    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class RemoveKey:
    """Removes a key on all members."""

    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ListKeys:
    """Asks all members for their keys."""


Request: TypeAlias = (
    Handshake
    | Authenticate
    | FireEvent
    | ForceLeave
    | Join
    | ListMembers
    | SelectMembers
    | SetTags
    | Subscribe
    | Monitor
    | Stop
    | Leave
    | StartQuery
    | Respond
    | Stats
    | GetCoordinate
    | InstallKey
    | UseKey
    | RemoveKey
    | ListKeys
)
