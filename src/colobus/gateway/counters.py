"""Counters that all workers of a node share, exact across them: a table in shared memory.

The supervisor makes the table (:meth:`SharedCounters.create`) and hands its descriptor to the
workers (:meth:`SharedCounters.attach`). It lives as long as anybody has it open, so quotas survive
a reload and the death of a worker. How it is laid out, and locked, is in ``counter_layout.py``.

``counters.pyx`` is its compiled twin.
"""

import fcntl
import math
import mmap
import os
import struct
import time
from collections.abc import Sequence

from colobus.gateway.counter_layout import (
    COUNTS_OFFSET,
    ENDS_OFFSET,
    KERNEL_LOCK,
    MOST,
    NAME_BYTES,
    PLACES,
    create_memory,
    locate,
    read_header,
    window_name,
)
from colobus.plugins.context import Window

__all__ = ["SharedCounters"]

ENDS = struct.Struct(f"{PLACES}d")

GROUPS_KEPT = 4096
"""Groups whose place is remembered; finding it costs a digest."""

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
        self._buckets = read_header(fd, KERNEL_LOCK)
        self._fd = fd
        self._memory = mmap.mmap(fd, 0)
        view = memoryview(self._memory)
        self._counts: memoryview[int] = view.cast("q")
        self._ends: memoryview[float] = view.cast("d")
        self._groups: dict[str, tuple[bytes, int]] = {}
        self._window_names: dict[str, bytes] = {}
        self.lock_timeouts = 0

    @classmethod
    def create(cls, size_bytes: int) -> "SharedCounters":
        """Make an empty table of at most ``size_bytes``; 32 bytes hold one counter.

        Raises:
            ValueError: too small for one bucket.
        """
        return cls(create_memory(size_bytes, KERNEL_LOCK))

    @classmethod
    def attach(cls, fd: int) -> "SharedCounters":
        """Open the table behind a descriptor that was inherited; it is closed with the table.

        Raises:
            NodeError: made by a version with another layout, or a build with another lock.
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
        return self._change(group, windows, 1, now, is_bound=True)

    def read(self, group: str, windows: Sequence[Window], now: float) -> list[int]:
        """Return the counts (see ``Counters.read``)."""
        return self._change(group, windows, 0, now, is_bound=False)

    def add(self, group: str, windows: Sequence[Window], amount: int, now: float) -> None:
        """Add to every window (see ``Counters.add``)."""
        self._change(group, windows, amount, now, is_bound=False)

    def _change(
        self, group: str, windows: Sequence[Window], amount: int, now: float, *, is_bound: bool
    ) -> list[int]:
        """Add ``amount`` to all windows (if ``is_bound``, to all or none); return the counts before."""
        if len(windows) > PLACES:
            raise ValueError(f"a group has at most {PLACES} windows")
        name, start = self._locate(group)
        self._lock(start)
        try:
            return self._count_up(name, start, windows, amount, now, is_bound=is_bound)
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
        located = self._groups.get(group)
        if located is None:
            if len(self._groups) >= GROUPS_KEPT:
                self._groups.clear()
            located = self._groups[group] = locate(group, self._buckets)
        return located

    def _window_name(self, key: str) -> bytes:
        name = self._window_names.get(key)
        if name is None:
            if len(self._window_names) >= WINDOW_NAMES_KEPT:
                self._window_names.clear()
            name = self._window_names[key] = window_name(key)
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

    def _count_up(
        self,
        group_name: bytes,
        start: int,
        windows: Sequence[Window],
        amount: int,
        now: float,
        *,
        is_bound: bool,
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
            if is_bound and count >= window.limit:
                is_open = False
        if is_open and amount:
            for position, window in enumerate(windows):
                place = places[position]
                if place is None:
                    name = group_name + self._window_name(window.key)
                    place = places[position] = self._take_place(name, start, places)
                # The end is written last: a place without its right end is an expired one.
                self._counts[place] = min(max(0, before[position] + amount), MOST)
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
