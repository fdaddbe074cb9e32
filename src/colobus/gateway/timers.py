"""Coarse timers for many short-lived deadlines. Pure: the time is always an argument.

Deadlines are rounded up to the next tick of 62.5 ms and kept in one bucket per tick, so arming
and cancelling cost a dictionary operation each, and a cancelled timer is gone at once. A busy
connection keeps one timer and moves its deadline several times per request: that only writes
the new time down, and the timer is looked at again when its old tick comes.
"""

import logging
from collections.abc import Callable
from heapq import heapify, heappop, heappush
from math import inf

__all__ = ["GRANULARITY_S", "Timer", "Timers"]

# Proxy timeouts are seconds; a sixteenth of one late is not noticed, and bounds the wake-ups. A
# power of two makes ticks exact in floating point.
GRANULARITY_S = 0.0625
# Ticks of emptied buckets that may stay in the heap before it is rebuilt.
MAX_STALE_TICKS = 64

IDLE = -1  # not armed
DUE = -2  # taken out of its bucket, about to be called

logger = logging.getLogger(__name__)


class Timer:
    """One deadline, made by :meth:`Timers.schedule`."""

    __slots__ = ("callback", "tick", "timers", "when")

    def __init__(self, timers: "Timers", when: float, callback: Callable[[], object]) -> None:
        self.timers = timers
        self.when = when
        self.callback = callback
        self.tick = IDLE

    @property
    def armed(self) -> bool:
        """Whether the callback is still to come."""
        return self.tick != IDLE and self.when != inf

    def cancel(self) -> None:
        """Disarm for good: nothing keeps a reference to the callback's owner any longer.

        May be called at any time, repeatedly.
        """
        if self.tick >= 0:
            self.timers.discard(self)
        self.tick = IDLE

    def rest(self) -> None:
        """Disarm for now; :meth:`move` arms again. Cheaper than :meth:`cancel`.

        For the timer of a connection between two waits; its owner stays referenced until the
        old deadline.
        """
        self.when = inf

    def move(self, when: float) -> None:
        """Set the deadline to ``when``, arming again a timer that fired, rests or was cancelled."""
        self.when = when
        if self.tick >= 0:
            if when >= (self.tick - 1) * GRANULARITY_S:
                return  # its bucket comes first, and finds it moved
            self.timers.discard(self)
        self.timers.insert(self)


class Timers:
    """All timers of one loop. A callback is never early and at most one tick late."""

    __slots__ = ("buckets", "ticks")

    def __init__(self) -> None:
        self.buckets: dict[int, dict[Timer, None]] = {}
        self.ticks: list[int] = []  # heap of the keys of `buckets`, and some stale ones

    def __len__(self) -> int:
        """Return the number of armed timers."""
        return sum(map(len, self.buckets.values()))

    def schedule(self, when: float, callback: Callable[[], object]) -> Timer:
        """Call ``callback`` once the time is ``when`` (seconds of the same clock as ``now``)."""
        timer = Timer(self, when, callback)
        self.insert(timer)
        return timer

    def insert(self, timer: Timer) -> None:
        """Put a timer into the bucket of its deadline; one that never comes needs none."""
        if timer.when == inf:
            timer.tick = IDLE
            return
        tick = int(timer.when / GRANULARITY_S) + 1
        timer.tick = tick
        bucket = self.buckets.get(tick)
        if bucket is None:
            self.buckets[tick] = {timer: None}
            heappush(self.ticks, tick)
        else:
            bucket[timer] = None

    def discard(self, timer: Timer) -> None:
        """Take a timer out of its bucket, and an empty bucket away."""
        bucket = self.buckets[timer.tick]
        del bucket[timer]
        if not bucket:
            del self.buckets[timer.tick]
            if len(self.ticks) > 2 * len(self.buckets) + MAX_STALE_TICKS:
                self.ticks = list(self.buckets)
                heapify(self.ticks)

    def next_deadline(self) -> float:
        """Return when :meth:`run_due` is worth calling next; infinity when nothing is armed."""
        ticks = self.ticks
        while ticks:
            if ticks[0] in self.buckets:
                return ticks[0] * GRANULARITY_S
            heappop(ticks)
        return inf

    def run_due(self, now: float) -> int:
        """Call what is due, and return how many callbacks that were.

        A callback may cancel, move and schedule; what it schedules waits for the next call. One
        that raises is logged and costs the others nothing.
        """
        due = self.take_due(now)
        called = 0
        for timer in due:
            if timer.tick != DUE:
                continue  # cancelled or moved by a callback before it
            timer.tick = IDLE
            called += 1
            try:
                timer.callback()
            except Exception:
                logger.exception("timer callback failed")
        return called

    def take_due(self, now: float) -> list[Timer]:
        """Empty the buckets whose tick has come; timers moved later get another."""
        ticks = self.ticks
        if not ticks or ticks[0] * GRANULARITY_S > now:
            return []
        late: list[Timer] = []
        due: list[Timer] = []
        while ticks and ticks[0] * GRANULARITY_S <= now:
            for timer in self.buckets.pop(heappop(ticks), ()):
                if timer.when > now:
                    late.append(timer)
                else:
                    timer.tick = DUE
                    due.append(timer)
        for timer in late:
            self.insert(timer)
        return due
