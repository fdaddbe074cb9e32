"""What a node tells its owner, in the order in which it happened. Facts, never requests."""

from dataclasses import dataclass
from typing import TypeAlias

from colobus.cluster.messages import MemberRecord
from colobus.cluster.swim.addresses import Address

__all__ = [
    "CommandDone",
    "Fact",
    "JoinDone",
    "KeyOperationDone",
    "KeyringChanged",
    "LeaveDone",
    "MemberFailed",
    "MemberJoined",
    "MemberLeft",
    "MemberReaped",
    "MemberUpdated",
    "NameConflict",
    "NameLost",
    "PeerReported",
    "QueryAcked",
    "QueryAnswered",
    "QueryClosed",
    "QueryKey",
    "QueryReceived",
    "UserEventReceived",
]


@dataclass(frozen=True, slots=True)
class QueryKey:
    """Names one query: its Lamport time and its random id."""

    time: int
    id: int


@dataclass(frozen=True, slots=True)
class MemberJoined:
    """A member is new, or back; also this node itself, at its start."""

    member: MemberRecord


@dataclass(frozen=True, slots=True)
class MemberLeft:
    """A member left on purpose, or was forced to after it failed."""

    member: MemberRecord


@dataclass(frozen=True, slots=True)
class MemberFailed:
    """A member can no longer be reached."""

    member: MemberRecord


@dataclass(frozen=True, slots=True)
class MemberUpdated:
    """Tags, address or versions of a member changed."""

    member: MemberRecord


@dataclass(frozen=True, slots=True)
class MemberReaped:
    """A member that was gone is forgotten."""

    member: MemberRecord


@dataclass(frozen=True, slots=True)
class UserEventReceived:
    """A user event, each once; our own ones too."""

    time: int
    name: str
    payload: bytes
    coalesce: bool


@dataclass(frozen=True, slots=True)
class QueryReceived:
    """A query that asks us. Answer with ``respond`` before ``deadline``, or do not."""

    query: QueryKey
    name: str
    payload: bytes
    source_node: str
    deadline: float


@dataclass(frozen=True, slots=True)
class QueryAcked:
    """A member has received our query."""

    query: QueryKey
    member: str


@dataclass(frozen=True, slots=True)
class QueryAnswered:
    """A member answered our query."""

    query: QueryKey
    member: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class QueryClosed:
    """Our query has reached its deadline; nothing more will come."""

    query: QueryKey


@dataclass(frozen=True, slots=True)
class JoinDone:
    """A join has tried every address; it succeeded if one answered."""

    command: int
    joined: tuple[Address, ...]
    failed: tuple[tuple[Address, str], ...]


@dataclass(frozen=True, slots=True)
class CommandDone:
    """A change of tags or a force-leave has spread, or ``error`` says why it may not have."""

    command: int
    error: str = ""


@dataclass(frozen=True, slots=True)
class LeaveDone:
    """This node has left; its owner may stop it."""


@dataclass(frozen=True, slots=True)
class KeyOperationDone:
    """A key operation has its answers (reference: serf §9, rpc §3).

    Attributes:
        command: the number ``key_operation`` returned.
        messages: what members said, by name.
        keys: base64 key and how many members hold it; of a listing.
        primary_keys: base64 key and for how many members it is the primary; of a listing.
        nodes: members asked.
        responses: members that answered.
        errors: members that reported failure.
        error: why it did not succeed everywhere, or "".
    """

    command: int
    messages: tuple[tuple[str, str], ...]
    keys: tuple[tuple[str, int], ...]
    primary_keys: tuple[tuple[str, int], ...]
    nodes: int
    responses: int
    errors: int
    error: str


@dataclass(frozen=True, slots=True)
class KeyringChanged:
    """The keyring is not what it was; whoever keeps it in a file writes it."""


@dataclass(frozen=True, slots=True)
class NameConflict:
    """Two nodes use one name; ``other`` at another address than the ``known`` member."""

    name: str
    known: Address
    other: Address


@dataclass(frozen=True, slots=True)
class NameLost:
    """The cluster holds another node for the owner of our name: stop, or take another name."""

    responses: int
    votes: int


@dataclass(frozen=True, slots=True)
class PeerReported:
    """A peer's ack to our ping went on after the coordinate with these bytes."""

    member: str
    extension: bytes


Fact: TypeAlias = (
    MemberJoined
    | MemberLeft
    | MemberFailed
    | MemberUpdated
    | MemberReaped
    | UserEventReceived
    | QueryReceived
    | QueryAcked
    | QueryAnswered
    | QueryClosed
    | JoinDone
    | CommandDone
    | LeaveDone
    | KeyOperationDone
    | KeyringChanged
    | NameConflict
    | NameLost
    | PeerReported
)
