"""Members and what happens to them, in the words that the Admin API and the log use."""

from collections.abc import Mapping
from typing import Any

from colobus.cluster.messages import MemberRecord
from colobus.cluster.serf.facts import (
    MemberFailed,
    MemberJoined,
    MemberLeft,
    MemberReaped,
    MemberUpdated,
)
from colobus.cluster.serf.members import MemberStatus
from colobus.cluster.swim.addresses import host_of_bytes

__all__ = ["MemberChange", "event_name", "sentence", "shown_member"]

MemberChange = MemberJoined | MemberLeft | MemberFailed | MemberUpdated | MemberReaped

_WORDS: Mapping[type[MemberChange], tuple[str, str]] = {
    MemberJoined: ("member-join", "joined"),
    MemberLeft: ("member-leave", "left"),
    MemberFailed: ("member-failed", "failed"),
    MemberUpdated: ("member-update", "changed"),
    MemberReaped: ("member-reap", "is forgotten"),
}


def event_name(change: MemberChange) -> str:
    """Return what Serf calls it (clustering §5.11)."""
    return _WORDS[type(change)][0]


def sentence(change: MemberChange) -> str:
    """Return what happened to the member, as the log says it."""
    return _WORDS[type(change)][1]


def shown_member(member: MemberRecord) -> dict[str, Any]:
    """Return name, address and status (admin-api §1.8)."""
    return {
        "name": member.name,
        "address": f"{host_of_bytes(member.address)}:{member.port}",
        "status": MemberStatus(member.status).word,
    }
