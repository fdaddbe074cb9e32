"""What a client has asked to be told and does not read yet: bounded, the news of members merged.

While a client reads, records go straight to its connection. One that is slow gets them later, and
what is out of date by then not at all: of each member only its last event counts, and of events
that may be coalesced the newest of each name. Of everything else 512 records are kept per stream,
as an agent does, and those beyond are dropped (reference: rpc §4, serf §7).
"""

from collections.abc import Iterator

from colobus.cluster.rpc.replies import (
    Member,
    MemberEventRecord,
    QueryRecord,
    StreamRecord,
    UserEventRecord,
)

__all__ = ["MOST_WAITING", "Backlog"]

MOST_WAITING = 512
"""Records per stream that are neither of members nor of a query of the client."""

MOST_ANSWERS = 1 << 17
"""Answers to queries of one client: two and an end per member, of as many as a cluster can have."""

_Key = tuple[object, ...]


class Backlog:
    """The records that wait for one client.

    Attributes:
        dropped: how many were, in all.
    """

    def __init__(self) -> None:
        self.dropped = 0
        self._waiting: dict[_Key, tuple[int, StreamRecord]] = {}
        self._counts: dict[tuple[int, bool], int] = {}
        self._numbered = 0

    def __len__(self) -> int:
        """Return how many records wait."""
        return len(self._waiting)

    def add(self, sequence: int, record: StreamRecord) -> None:
        """Let a record of the stream ``sequence`` wait."""
        if isinstance(record, MemberEventRecord):
            for member in record.members:
                single = MemberEventRecord(record.event, (member,))
                self._replace((sequence, "member", member.name), sequence, single)
        elif isinstance(record, UserEventRecord) and record.coalesce:
            self._add_counted((sequence, "user", record.name), sequence, record)
        else:
            self._numbered += 1
            self._add_counted((self._numbered,), sequence, record)

    def take(self) -> Iterator[tuple[int, StreamRecord]]:
        """Yield the records in their order, those of members of one kind and stream as one."""
        waiting, self._waiting = self._waiting, {}
        self._counts.clear()
        merged: tuple[int, str] | None = None
        members: list[Member] = []
        for sequence, record in waiting.values():
            kind = (sequence, record.event) if isinstance(record, MemberEventRecord) else None
            if merged is not None and kind != merged:
                yield merged[0], MemberEventRecord(merged[1], tuple(members))
                members.clear()
            merged = kind
            if isinstance(record, MemberEventRecord):
                members += record.members
            else:
                yield sequence, record
        if merged is not None:
            yield merged[0], MemberEventRecord(merged[1], tuple(members))

    def forget(self, sequence: int) -> None:
        """Drop what waits for a stream that has ended."""
        kept = {key: entry for key, entry in self._waiting.items() if entry[0] != sequence}
        self._waiting = kept
        for is_answer in (False, True):
            self._counts.pop((sequence, is_answer), None)

    def _replace(self, key: _Key, sequence: int, record: StreamRecord) -> None:
        """Put a record at the end, in the place of an older one."""
        self._waiting.pop(key, None)
        self._waiting[key] = (sequence, record)

    def _add_counted(self, key: _Key, sequence: int, record: StreamRecord) -> None:
        is_answer = isinstance(record, QueryRecord)
        count = self._counts.get((sequence, is_answer), 0)
        if key in self._waiting:
            self._replace(key, sequence, record)
        elif count >= (MOST_ANSWERS if is_answer else MOST_WAITING):
            self.dropped += 1
        else:
            self._counts[sequence, is_answer] = count + 1
            self._waiting[key] = (sequence, record)
