"""Units that answers use up: what is announced, and the windows it is counted in."""

import re
from collections.abc import Mapping, Sequence

from colobus.plugins.context import Window
from colobus.plugins.quotas import PERIODS, window_of

__all__ = ["Unit", "Units", "announced"]

match_item = re.compile(r"\s*([^=]+?)\s*=\s*([+-]?\d{1,15})\s*").fullmatch

Number = int | float


class Unit:
    """One kind of unit.

    Attributes:
        name: what the upstream calls it.
        shown: of each limited period its place in ``windows``, its limit, and the names of the
            headers for the limit and for what remains.
        windows: all six, the shortest period first: a limit set later finds what was used before.
        header_name: tells the upstream what remains.
    """

    __slots__ = ("header_name", "name", "shown", "windows")

    def __init__(self, name: str, limits: Mapping[str, Number]) -> None:
        self.name = name
        self.header_name = f"X-RateLimit-Remaining-{name}"
        self.shown: tuple[tuple[int, Number, str, str], ...] = tuple(
            (
                PERIODS.index(period),
                limit,
                f"X-RateLimit-Limit-{name}-{period}",
                f"X-RateLimit-Remaining-{name}-{period}",
            )
            for period, limit in limits.items()
        )
        self.windows: list[Window] = []

    def remaining(self, usage: Sequence[int]) -> Number:
        """Return what is left in the period that has least left."""
        return min(limit - usage[place] for place, limit, _, _ in self.shown)


class Units:
    """All kinds of one configuration, with the windows around a moment."""

    def __init__(self, limits: Mapping[str, Mapping[str, Number]]) -> None:
        self._units = [Unit(name, of_name) for name, of_name in limits.items()]
        self._since = 0.0
        self._until = 0.0

    def at(self, now: float) -> Sequence[Unit]:
        """Return them with the windows around ``now``."""
        if not self._since <= now < self._until:
            bounds = [window_of(period, now) for period in PERIODS]
            self._since = max(start for start, _ in bounds)
            self._until = min(end for _, end in bounds)
            windows = [
                Window(f"{start * 1000}:{period}", 0, end)
                for period, (start, end) in zip(PERIODS, bounds, strict=True)
            ]
            for unit in self._units:
                unit.windows = windows
        return self._units


def announced(values: Sequence[str]) -> dict[str, int]:
    """Return what the upstream says an answer uses up: name -> number, which may be negative.

    One header may hold several items, separated by commas; of several headers each holds one.
    What is no item, is ignored.
    """
    items = values[0].split(",") if len(values) == 1 else values
    found = (match_item(item) for item in items)
    return {match[1]: int(match[2]) for match in found if match is not None}
