"""Which events a client asked for, and how a fact is told to it (reference: rpc §4)."""

from dataclasses import dataclass
from typing import Final

from colobus.cluster.messages import MemberRecord
from colobus.cluster.rpc.replies import Member, MemberEventRecord, UserEventRecord
from colobus.cluster.serf.facts import (
    Fact,
    MemberFailed,
    MemberJoined,
    MemberLeft,
    MemberReaped,
    MemberUpdated,
    UserEventReceived,
)
from colobus.cluster.serf.members import MemberStatus
from colobus.errors import ClusterError

__all__ = ["EventFilter", "event_of", "member_of", "parse_filters"]

_MEMBER_EVENTS: Final[dict[type[Fact], str]] = {
    MemberJoined: "member-join",
    MemberLeft: "member-leave",
    MemberFailed: "member-failed",
    MemberUpdated: "member-update",
    MemberReaped: "member-reap",
}
_NAMED: Final = ("user", "query")
_EVERY: Final = "*"
_KINDS: Final = frozenset((*_MEMBER_EVENTS.values(), *_NAMED, _EVERY))


@dataclass(frozen=True, slots=True)
class EventFilter:
    """One filter: a kind of event, and the name of the user event or query; "" for any name."""

    kind: str
    name: str = ""

    def passes(self, kind: str, name: str) -> bool:
        """Return whether an event of ``kind`` called ``name`` was asked for."""
        return self.kind in (_EVERY, kind) and self.name in ("", name)


def parse_filters(text: str) -> tuple[EventFilter, ...]:
    """Return the filters in ``text``, which has commas between them; none is all events.

    Raises:
        ClusterError: one of them is of no kind.
    """
    return tuple(_parse_filter(part) for part in (text or _EVERY).split(","))


def _parse_filter(text: str) -> EventFilter:
    kind, colon, name = text.partition(":")
    if kind not in _KINDS or (colon and kind not in _NAMED):
        raise ClusterError("Invalid event filter")
    return EventFilter(kind, name)


def event_of(fact: Fact) -> MemberEventRecord | UserEventRecord | None:
    """Return what is streamed of ``fact``, if anything; queries need a number of the session."""
    match fact:
        case (
            MemberJoined(member)
            | MemberLeft(member)
            | MemberFailed(member)
            | MemberUpdated(member)
            | MemberReaped(member)
        ):
            return MemberEventRecord(_MEMBER_EVENTS[type(fact)], (member_of(member),))
        case UserEventReceived(time, name, payload, coalesce):
            return UserEventRecord(time, name, payload, coalesce)
        case _:
            return None


def member_of(record: MemberRecord) -> Member:
    """Return a member as RPC shows it: the same, with a word for its status."""
    return Member(
        record.name,
        record.address,
        record.port,
        record.tags,
        MemberStatus(record.status).word,
        record.protocol_min,
        record.protocol_max,
        record.protocol_current,
        record.delegate_min,
        record.delegate_max,
        record.delegate_current,
    )
