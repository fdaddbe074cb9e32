"""Counters that all workers of a node share, exact across them: a table in shared memory.

The supervisor makes the table (:meth:`SharedCounters.create`) and hands its descriptor to the
workers (:meth:`SharedCounters.attach`). It lives as long as anybody has it open, so quotas survive
a reload and the death of a worker.

The memory is a header and equal buckets. All counters of a group are in one bucket, which is
locked while they are read and changed. A bucket has 64 places, a place is the digest of a
counter's name, its count and the time it ends::

    bucket:  64 x name (16 bytes) │ 64 x count (int64) │ 64 x ends_at (float64, epoch seconds)

When every place of a bucket is taken, a new counter replaces the one that ends soonest, which is
an empty or expired one as long as there is any. The lock is the kernel's on the bucket's first
byte: it falls when its owner dies, also by ``kill -9``. A worker that dies inside loses at most
the call it was about to count.
"""

import fcntl
import math
import mmap
import os
import struct
import time
from collections.abc import Sequence
from hashlib import blake2b

from colobus.errors import NodeError
from colobus.plugins.context import Window

__all__ = ["SharedCounters"]

HEADER = struct.Struct("<8sQ48x")
"""Magic with the version of the layout, and the number of buckets."""

MAGIC = b"COLCNT\x00\x01"

PLACES = 64
NAME_BYTES = 16
COUNTS_OFFSET = PLACES * NAME_BYTES
ENDS_OFFSET = COUNTS_OFFSET + PLACES * 8
ENDS = struct.Struct(f"{PLACES}d")
BUCKET_BYTES = ENDS_OFFSET + ENDS.size

WINDOW_NAMES_KEPT = 256
"""Window names are few, the same for every group, and change as windows end."""

LOCK_YIELDS = 50
LOCK_NAPS = 400
LOCK_NAP_S = 0.0005
"""A bucket is held for some microseconds. Whoever holds it 0.2 s was stopped inside (SIGSTOP)."""


class SharedCounters:
    """Implements :class:`colobus.plugins.context.Counters` over all processes that share ``fd``.

    Within one process it is for one thread: the kernel's lock is the process's.

    Attributes:
        lock_timeouts: how often a bucket was used without its lock because its owner, though
            alive, did not give it back in time; each may have cost a count.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._memory = mmap.mmap(fd, 0)
        magic, buckets = HEADER.unpack_from(self._memory)
        if magic != MAGIC or len(self._memory) < HEADER.size + buckets * BUCKET_BYTES:
            self._memory.close()
            raise NodeError("the shared counters have another layout than this version knows")
        self._buckets: int = buckets
        view = memoryview(self._memory)
        self._counts: memoryview[int] = view.cast("q")
        self._ends: memoryview[float] = view.cast("d")
        self._window_names: dict[str, bytes] = {}
        self.lock_timeouts = 0

    @classmethod
    def create(cls, size_bytes: int) -> "SharedCounters":
        """Make an empty table of at most ``size_bytes``; 32 bytes hold one counter.

        Raises:
            ValueError: too small for one bucket.
        """
        buckets = (size_bytes - HEADER.size) // BUCKET_BYTES
        if buckets < 1:
            raise ValueError(f"{size_bytes} bytes cannot hold a bucket of {BUCKET_BYTES}")
        fd = os.memfd_create("colobus-counters")
        os.truncate(fd, HEADER.size + buckets * BUCKET_BYTES)
        os.pwrite(fd, HEADER.pack(MAGIC, buckets), 0)
        return cls(fd)

    @classmethod
    def attach(cls, fd: int) -> "SharedCounters":
        """Open the table behind a descriptor that was inherited; it is closed with the table.

        Raises:
            NodeError: made by a version with another layout.
        """
        return cls(fd)

    def fileno(self) -> int:
        """Return the descriptor to hand to workers."""
        return self._fd

    def close(self) -> None:
        """Unmap the memory and close the descriptor."""
        self._counts.release()
        self._ends.release()
        self._memory.close()
        os.close(self._fd)

    def consume(self, group: str, windows: Sequence[Window], now: float) -> list[int]:
        """Add one to every window if none has reached its limit (see ``Counters.consume``)."""
        if len(windows) > PLACES:
            raise ValueError(f"a group has at most {PLACES} windows")
        name, start = self._locate(group)
        self._lock(start)
        try:
            return self._consume(name, start, windows, now)
        finally:
            fcntl.lockf(self._fd, fcntl.LOCK_UN, 1, start)

    def count(self, group: str, key: str, now: float) -> int | None:
        """Return the count of one window, or None when there is none that lasts."""
        name, start = self._locate(group)
        self._lock(start)
        try:
            place = self._find(name + self._window_name(key), start)
            if place is None or self._ends[place + PLACES] <= now:
                return None
            return self._counts[place]
        finally:
            fcntl.lockf(self._fd, fcntl.LOCK_UN, 1, start)

    def _locate(self, group: str) -> tuple[bytes, int]:
        """Return the group's part of its counters' names, and where its bucket starts."""
        digest = blake2b(group.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        bucket = int.from_bytes(digest[8:]) % self._buckets
        return digest[:8], HEADER.size + bucket * BUCKET_BYTES

    def _window_name(self, key: str) -> bytes:
        name = self._window_names.get(key)
        if name is None:
            if len(self._window_names) >= WINDOW_NAMES_KEPT:
                self._window_names.clear()
            name = blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).digest()
            self._window_names[key] = name
        return name

    def _lock(self, start: int) -> None:
        for attempt in range(LOCK_YIELDS + LOCK_NAPS):
            try:
                fcntl.lockf(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, start)
            except OSError:
                if attempt < LOCK_YIELDS:
                    os.sched_yield()
                else:
                    time.sleep(LOCK_NAP_S)
            else:
                return
        self.lock_timeouts += 1

    def _consume(
        self, group_name: bytes, start: int, windows: Sequence[Window], now: float
    ) -> list[int]:
        """Count, with the bucket at ``start`` locked."""
        before: list[int] = []
        places: list[int | None] = []
        is_open = True
        for window in windows:
            place = self._find(group_name + self._window_name(window.key), start)
            places.append(place)
            lasts = place is not None and self._ends[place + PLACES] > now
            count = self._counts[place] if place is not None and lasts else 0
            before.append(count)
            if count >= window.limit:
                is_open = False
        if is_open:
            for position, window in enumerate(windows):
                place = places[position]
                if place is None:
                    name = group_name + self._window_name(window.key)
                    place = places[position] = self._take_place(name, start, places)
                # The end is written last: a place without its right end is an expired one.
                self._counts[place] = before[position] + 1
                self._ends[place + PLACES] = window.ends_at
        return before

    def _find(self, name: bytes, start: int) -> int | None:
        """Return the index of the counter's count in ``_counts``; its end is PLACES further."""
        stop = start + COUNTS_OFFSET
        found = self._memory.find(name, start, stop)
        while found >= 0:
            number, inside = divmod(found - start, NAME_BYTES)
            if not inside:
                return (start + COUNTS_OFFSET) // 8 + number
            found = self._memory.find(name, found + 1, stop)
        return None

    def _take_place(self, name: bytes, start: int, taken: Sequence[int | None]) -> int:
        """Name the place of the counter that ends soonest, of none of ``taken``; return it."""
        first = (start + COUNTS_OFFSET) // 8
        ends: list[float] = list(ENDS.unpack_from(self._memory, start + ENDS_OFFSET))
        for place in taken:
            if place is not None:
                ends[place - first] = math.inf
        number = ends.index(min(ends))
        place = first + number
        self._ends[place + PLACES] = 0.0
        at = start + number * NAME_BYTES
        self._memory[at : at + NAME_BYTES] = name
        return place
