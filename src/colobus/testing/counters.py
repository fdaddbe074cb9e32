"""Counters in memory, in place of a node's shared ones."""

from collections.abc import Sequence

from colobus.errors import StoreUnavailableError
from colobus.plugins.context import Window

__all__ = ["MemoryCounters"]


class MemoryCounters:
    """Shipped fake of :class:`colobus.plugins.context.Counters`.

    Attributes:
        is_available: False makes every call fail, as a backend out of reach does.
        counts: ``(group, window key)`` -> count and end.
    """

    def __init__(self) -> None:
        self.is_available = True
        self.counts: dict[tuple[str, str], tuple[int, float]] = {}

    def consume(self, group: str, windows: Sequence[Window], now: float) -> list[int]:
        """Add one to every window if none has reached its limit; return the counts before.

        Raises:
            StoreUnavailableError: :attr:`is_available` is False.
        """
        before = self.read(group, windows, now)
        if all(count < window.limit for count, window in zip(before, windows, strict=True)):
            for count, window in zip(before, windows, strict=True):
                self.counts[group, window.key] = (count + 1, window.ends_at)
        return before

    def read(self, group: str, windows: Sequence[Window], now: float) -> list[int]:
        """Return the counts; nothing is counted.

        Raises:
            StoreUnavailableError: :attr:`is_available` is False.
        """
        if not self.is_available:
            raise StoreUnavailableError("the counters cannot be reached")
        found = (self.counts.get((group, window.key), (0, 0.0)) for window in windows)
        return [count if ends_at > now else 0 for count, ends_at in found]

    def add(self, group: str, windows: Sequence[Window], amount: int, now: float) -> None:
        """Add ``amount`` to every window; a count never falls below zero.

        Raises:
            StoreUnavailableError: :attr:`is_available` is False.
        """
        before = self.read(group, windows, now)
        for count, window in zip(before, windows, strict=True):
            self.counts[group, window.key] = (max(0, count + amount), window.ends_at)
