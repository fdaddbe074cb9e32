"""The members as Serf sees them: longer remembered than SWIM's nodes, and with intent.

Holds records; which message changes what is for ``membership`` to say.
"""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from types import MappingProxyType

from colobus.cluster.codec.tags import decode_tags
from colobus.cluster.messages import MemberRecord
from colobus.errors import ClusterProtocolError

__all__ = ["Member", "MemberStatus", "MemberTable", "member_record", "tags_of_meta"]

logger = logging.getLogger(__name__)

# As many as SWIM knows nodes; when more are remembered, the longest gone are forgotten early.
MOST_MEMBERS = 1 << 16
NO_VERSIONS = bytes(6)


class MemberStatus(IntEnum):
    """Status numbers, on the wire only in conflict responses (reference: serf §5)."""

    NONE = 0
    ALIVE = 1
    LEAVING = 2
    LEFT = 3
    FAILED = 4

    @property
    def word(self) -> str:
        """The word RPC and the Admin API use."""
        return self.name.lower()


@lru_cache(maxsize=1024)
def tags_of_meta(meta: bytes) -> Mapping[str, str]:
    """Return the tags in ``meta``; unreadable ones are none at all."""
    try:
        return MappingProxyType(decode_tags(meta))
    except ClusterProtocolError as exc:
        logger.debug("unreadable tags of a member: %s", exc)
        return MappingProxyType({})


@dataclass(slots=True, eq=False)
class Member:
    """One member. ``status_time`` is Lamport's; ``gone_at`` says since when it failed or left."""

    name: str
    address: bytes
    port: int
    meta: bytes
    versions: bytes
    status: MemberStatus = MemberStatus.NONE
    status_time: int = 0
    gone_at: float = 0.0

    @property
    def tags(self) -> Mapping[str, str]:
        """Its tags."""
        return tags_of_meta(self.meta)


class MemberTable:
    """Members by name, those that are gone also in the order in which they went."""

    def __init__(self, most_members: int = MOST_MEMBERS) -> None:
        self._most_members = most_members
        self._by_name: dict[str, Member] = {}
        self.failed: dict[str, Member] = {}
        self.left: dict[str, Member] = {}

    def __len__(self) -> int:
        """Return the number of members in any status."""
        return len(self._by_name)

    def __iter__(self) -> Iterator[Member]:
        """Yield all members."""
        return iter(self._by_name.values())

    def __repr__(self) -> str:
        return f"MemberTable({len(self)}, failed={len(self.failed)}, left={len(self.left)})"

    def get(self, name: str) -> Member | None:
        """Return the member of that name."""
        return self._by_name.get(name)

    def add(self, member: Member) -> Member | None:
        """Add a member; return the one that had to be forgotten for it, if any."""
        evicted = None
        if len(self._by_name) >= self._most_members:
            evicted = next(iter(self.left.values()), None) or next(iter(self.failed.values()), None)
            if evicted is not None:
                self.remove(evicted)
        self._by_name[member.name] = member
        return evicted

    def remove(self, member: Member) -> None:
        """Forget a member."""
        self._by_name.pop(member.name, None)
        self.failed.pop(member.name, None)
        self.left.pop(member.name, None)

    def set_status(self, member: Member, status: MemberStatus, now: float) -> None:
        """Change the status and the list of the failed or left that goes with it."""
        if member.status == status:
            return
        self.failed.pop(member.name, None)
        self.left.pop(member.name, None)
        if status in (MemberStatus.FAILED, MemberStatus.LEFT):
            gone = self.failed if status == MemberStatus.FAILED else self.left
            gone[member.name] = member
            # A failed member that is then forced out has been gone since it failed.
            if member.status != MemberStatus.FAILED:
                member.gone_at = now
        member.status = status


def member_record(member: Member) -> MemberRecord:
    """Return a copy of a member, as conflict responses carry it and facts show it."""
    return MemberRecord(
        member.name,
        member.address,
        member.port,
        member.tags,
        int(member.status),
        *(member.versions or NO_VERSIONS),
    )
