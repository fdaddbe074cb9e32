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
        if not self.is_available:
            raise StoreUnavailableError("the counters cannot be reached")
        before = []
        for window in windows:
            count, ends_at = self.counts.get((group, window.key), (0, 0.0))
            before.append(count if ends_at > now else 0)
        if all(count < window.limit for count, window in zip(before, windows, strict=True)):
            for count, window in zip(before, windows, strict=True):
                self.counts[group, window.key] = (count + 1, window.ends_at)
        return before
