"""Statistics of all workers in shared memory: each worker writes its own slot, anybody sums."""

import mmap
import os
from collections.abc import Mapping

from colobus.errors import NodeError
from colobus.gateway.worker_stats import GAUGES, SLOT_BYTES, TOTALS, WorkerStats

__all__ = ["SharedStats"]


class SharedStats:
    """The slots of all workers, in the memory behind ``fd``."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._memory = mmap.mmap(fd, 0)
        count, rest = divmod(len(self._memory), SLOT_BYTES)
        if rest:
            self._memory.close()
            raise NodeError("the shared statistics have another layout than this version knows")
        view = memoryview(self._memory)
        self._slots = [
            WorkerStats(view[number * SLOT_BYTES : (number + 1) * SLOT_BYTES])
            for number in range(count)
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
