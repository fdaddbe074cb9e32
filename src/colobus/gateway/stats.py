"""Statistics of all workers in shared memory: each worker writes its own slot, anybody sums.

A slot is a plain object whose attributes lie in the shared memory: ``slot.total_requests += 1``
costs an attribute write and no lock, for a slot has one writer. Readers see each number whole.
"""

import ctypes
import mmap
import os
from collections.abc import Mapping

from colobus.errors import NodeError

__all__ = ["SharedStats", "WorkerStats"]

GAUGES = (
    "connections_active",
    "connections_reading",
    "connections_writing",
    "connections_waiting",
)
"""What is now; starts from zero with each worker. Everything else only grows."""

TOTALS = ("connections_accepted", "connections_handled", "total_requests")


class WorkerStats(ctypes.Structure):
    """The numbers of one worker, named as in ``GET /status``."""

    _fields_ = tuple((name, ctypes.c_int64) for name in (*GAUGES, *TOTALS))

    connections_active: int
    connections_reading: int
    connections_writing: int
    connections_waiting: int
    connections_accepted: int
    connections_handled: int
    total_requests: int

    def reset_gauges(self) -> None:
        """Set to zero what a dead worker left behind; for the worker that takes over its slot."""
        for name in GAUGES:
            setattr(self, name, 0)


SLOT_BYTES = ctypes.sizeof(WorkerStats)


class SharedStats:
    """The slots of all workers, in the memory behind ``fd``."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._memory = mmap.mmap(fd, 0)
        count, rest = divmod(len(self._memory), SLOT_BYTES)
        if rest:
            self._memory.close()
            raise NodeError("the shared statistics have another layout than this version knows")
        self._slots = [
            WorkerStats.from_buffer(self._memory, number * SLOT_BYTES) for number in range(count)
        ]

    @classmethod
    def create(cls, slots: int) -> "SharedStats":
        """Make the statistics of ``slots`` workers, all zero."""
        fd = os.memfd_create("colobus-stats")
        os.truncate(fd, slots * SLOT_BYTES)
        return cls(fd)

    @classmethod
    def attach(cls, fd: int) -> "SharedStats":
        """Open the statistics behind a descriptor that was inherited; it is closed with them.

        Raises:
            NodeError: made by a version with another layout.
        """
        return cls(fd)

    def fileno(self) -> int:
        """Return the descriptor to hand to workers."""
        return self._fd

    def slot(self, number: int) -> WorkerStats:
        """Return the numbers of worker ``number``, from 0; only that worker writes them."""
        return self._slots[number]

    def total(self) -> Mapping[str, int]:
        """Return each number summed over all workers."""
        return {
            name: sum(getattr(slot, name) for slot in self._slots) for name in (*GAUGES, *TOTALS)
        }

    def close(self) -> None:
        """Close the descriptor; slots that are still held keep the memory mapped."""
        self._slots.clear()
        os.close(self._fd)
