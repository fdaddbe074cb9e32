"""A worker's memory of rows it looked up: bounded, and never filled with something outdated.

An entry answers one question, "the rows of ``kind`` whose ``field`` is ``value``"; an empty answer
is remembered as well. Changes drop the entries whose index values they name. The *fence* is the
other half: an answer read from the datastore at revision r is kept only if nothing that touches
its question was applied with a revision above r, so that a slow answer, or one of a lagging
replica, can never undo an invalidation (clustering §5.13, items 11 and 12).

Pure: no I/O, no clock.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence

from colobus.model.change import Change
from colobus.model.kind import Catalog, Kind
from colobus.model.schema import Row

__all__ = ["CacheStatistics", "FencedCache"]

Key = tuple[str, str, str]
"""kind, field, value; as a *token key* the value is written as in the change log."""

Rows = tuple[Row, ...]

ENTRY_BYTES = 400
"""What an entry costs beside its rows: key tuple, dict slots, entry object (measured, CPython 3.11)."""

FIELD_BYTES = 110
"""What a field of a row costs beside the text of its value: a dict slot and a str header."""

NEGATIVE_SHARE = 8
"""One part in this many is for empty answers, so that guessing keys cannot push out real ones."""

TOUCHED_LIMIT = 65_536
"""How many touched questions the fence remembers; older ones become its floor."""


class CacheStatistics:
    """Counts since the start."""

    __slots__ = ("evictions", "fills", "refused", "removals")

    def __init__(self) -> None:
        self.fills = 0
        self.refused = 0
        self.removals = 0
        self.evictions = 0


class _Entry:
    __slots__ = ("rows", "size", "token_key", "used")

    def __init__(self, rows: Rows, size: int, token_key: Key) -> None:
        self.rows = rows
        self.size = size
        self.token_key = token_key
        self.used = False


class _Segment:
    """Entries up to a number of bytes; the oldest go first, those used since get a second round."""

    __slots__ = ("capacity", "entries", "size")

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        # An OrderedDict, because taking the oldest from a dict walks over its deleted slots.
        self.entries: OrderedDict[Key, _Entry] = OrderedDict()
        self.size = 0

    def put(self, key: Key, entry: _Entry) -> list[_Entry]:
        """Insert a new key, and return the entries that had to go, maybe this one."""
        if entry.size > self.capacity:
            return [entry]
        self.entries[key] = entry
        self.size += entry.size
        gone = []
        while self.size > self.capacity:
            oldest, candidate = self.entries.popitem(last=False)
            if candidate.used:
                candidate.used = False
                self.entries[oldest] = candidate
            else:
                self.size -= candidate.size
                gone.append(candidate)
        return gone

    def pop(self, key: Key) -> _Entry | None:
        entry = self.entries.pop(key, None)
        if entry is not None:
            self.size -= entry.size
        return entry


class FencedCache:
    """The cache of one worker.

    Args:
        catalog: the kinds; those that are not resident may be cached.
        salt: the datastore's salt for tokens of secrets.
        capacity_bytes: an estimate of the memory that entries may take.
    """

    def __init__(self, catalog: Catalog, salt: bytes, capacity_bytes: int) -> None:
        self.statistics = CacheStatistics()
        self.hits = 0
        self.misses = 0  # counted by who then asks: one question is looked for more than once
        self._catalog = catalog
        self._salt = salt
        self._negative = _Segment(capacity_bytes // NEGATIVE_SHARE)
        self._positive = _Segment(capacity_bytes - self._negative.capacity)
        self._by_token: dict[Key, Key] = {}
        self._touched: OrderedDict[Key, int] = OrderedDict()
        self._floor = 0

    def __len__(self) -> int:
        return len(self._positive.entries) + len(self._negative.entries)

    @property
    def size_bytes(self) -> int:
        """The estimated memory of all entries."""
        return self._positive.size + self._negative.size

    def get(self, kind: str, field: str, value: str) -> Rows | None:
        """Return the remembered answer, or None when memory does not know."""
        key = (kind, field, value)
        entry: _Entry | None = self._positive.entries.get(key)
        if entry is None:
            entry = self._negative.entries.get(key)
            if entry is None:
                return None
        self.hits += 1
        entry.used = True
        return entry.rows

    def peek(self, key: Key) -> Rows | None:
        """Return the remembered answer without counting it as used."""
        entry = self._positive.entries.get(key) or self._negative.entries.get(key)
        return None if entry is None else entry.rows

    def forget(self, key: Key) -> None:
        """Drop one answer, if there is one; the next reader asks again."""
        entry = self._positive.entries.get(key) or self._negative.entries.get(key)
        if entry is not None:
            self._drop(entry.token_key)

    def counts(self) -> dict[str, int]:
        """Return what is remembered now, and what happened since the start."""
        counted = self.statistics
        return {
            "entries": len(self),
            "bytes": self.size_bytes,
            "hits": self.hits,
            "misses": self.misses,
            "fills": counted.fills,
            "refused": counted.refused,
            "removals": counted.removals,
            "evictions": counted.evictions,
        }

    def fill(self, key: Key, rows: Sequence[Row], revision: int) -> bool:
        """Remember an answer read at ``revision``; False when the fence refuses it."""
        kind = self._catalog[key[0]]
        token_key = (key[0], key[1], kind.token(key[1], key[2], self._salt))
        if revision < self._floor or revision < self._touched.get(token_key, 0):
            self.statistics.refused += 1
            return False
        self._drop(token_key)
        self._by_token[token_key] = key
        segment = self._positive if rows else self._negative
        for gone in segment.put(key, _Entry(tuple(rows), _size_of(rows), token_key)):
            del self._by_token[gone.token_key]
            self.statistics.evictions += 1
        self.statistics.fills += 1
        return True

    def apply(self, changes: Iterable[Change]) -> None:
        """Drop every answer that the changes touch, and fence those still on their way."""
        for change in changes:
            kind = self._catalog.get(change.kind)
            if kind is None or kind.resident:
                continue
            self._touch(kind, change.old_index, change.revision)
            self._touch(kind, change.new_index, change.revision)

    def clear(self, revision: int) -> None:
        """Forget everything; answers read before ``revision`` are refused from now on."""
        for segment in (self._positive, self._negative):
            segment.entries.clear()
            segment.size = 0
        self._by_token.clear()
        self._touched.clear()
        self._floor = revision

    def _touch(self, kind: Kind, index: Mapping[str, str], revision: int) -> None:
        for field, token in index.items():
            token_key = (kind.name, field, token)
            self._touched[token_key] = revision
            self._touched.move_to_end(token_key)
            self.statistics.removals += self._drop(token_key)
        while len(self._touched) > TOUCHED_LIMIT:
            _, oldest = self._touched.popitem(last=False)
            self._floor = max(self._floor, oldest)

    def _drop(self, token_key: Key) -> bool:
        key = self._by_token.pop(token_key, None)
        if key is None:
            return False
        self._positive.pop(key)
        self._negative.pop(key)
        return True


def _size_of(rows: Sequence[Row]) -> int:
    return ENTRY_BYTES + sum(
        FIELD_BYTES + len(str(value)) for row in rows for value in row.values()
    )
