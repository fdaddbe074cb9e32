"""The timers of one node: a heap of callbacks that the owner of time runs when they are due."""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field

__all__ = ["Schedule", "Timer"]

# Cancelled timers stay in the heap until due; beyond this many they are swept out, so that the
# heap stays within twice the number of live timers.
SWEEP_FROM = 64


@dataclass(slots=True, order=True)
class Timer:
    """One callback to come. ``deadline`` is in the time of the caller of ``Schedule``."""

    deadline: float
    number: int
    callback: Callable[[float], None] | None = field(compare=False)

    @property
    def is_armed(self) -> bool:
        """Whether it has neither run nor been cancelled."""
        return self.callback is not None


class Schedule:
    """Callbacks by deadline; equal deadlines run in the order in which they were set."""

    def __init__(self) -> None:
        self._heap: list[Timer] = []
        self._set = 0
        self._cancelled = 0

    def __len__(self) -> int:
        """Return the number of timers that are armed."""
        return len(self._heap) - self._cancelled

    def call_at(self, deadline: float, callback: Callable[[float], None]) -> Timer:
        """Arm a timer; ``callback`` gets the time at which it runs."""
        self._set += 1
        timer = Timer(deadline, self._set, callback)
        heapq.heappush(self._heap, timer)
        return timer

    def cancel(self, timer: Timer | None) -> None:
        """Disarm a timer; one that is None, has run or was cancelled is left alone."""
        if timer is None or timer.callback is None:
            return
        timer.callback = None
        self._cancelled += 1
        if self._cancelled > SWEEP_FROM and self._cancelled * 2 > len(self._heap):
            self._heap = [kept for kept in self._heap if kept.callback is not None]
            heapq.heapify(self._heap)
            self._cancelled = 0

    def next_deadline(self) -> float | None:
        """Return the earliest deadline, or None when nothing is armed."""
        while self._heap and self._heap[0].callback is None:
            heapq.heappop(self._heap)
            self._cancelled -= 1
        return self._heap[0].deadline if self._heap else None

    def run_due(self, now: float) -> None:
        """Run everything due at ``now``, including what the callbacks set for ``now``.

        A callback must set its successor later than ``now``, or this does not return.
        """
        while (deadline := self.next_deadline()) is not None and deadline <= now:
            timer = heapq.heappop(self._heap)
            callback, timer.callback = timer.callback, None
            if callback is not None:
                callback(now)
