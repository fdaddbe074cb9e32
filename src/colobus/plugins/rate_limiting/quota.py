"""What a configuration of rate-limiting means at a moment."""

import math

from colobus.plugins.context import Window
from colobus.plugins.quotas import window_of
from colobus.plugins.rate_limiting.config import RateLimitingConfig

__all__ = ["Quota"]


class Quota:
    """The windows of one configuration around a moment, and the headers that show them.

    Attributes:
        since: epoch seconds from which it holds.
        until: epoch seconds at which one of its windows ends.
        windows: what is counted, the shortest period first.
        shown: of each window the limit, and the names and values that do not change: of the
            limit's header, its value, and of the header of what remains.
    """

    __slots__ = ("shown", "since", "until", "windows")

    def __init__(self, config: RateLimitingConfig, now: float) -> None:
        limits = config.limits
        self.shown: tuple[tuple[int | float, str, str, str], ...] = tuple(
            (limit, f"X-RateLimit-Limit-{period}", str(limit), f"X-RateLimit-Remaining-{period}")
            for period, limit in limits.items()
        )
        bounds = [window_of(period, now) for period in limits]
        self.since = max(start for start, _ in bounds)
        self.until = min(end for _, end in bounds)
        # A call passes while usage < limit, so a limit of 1.5 is one of two. An ended window is
        # never asked about again: its counter lasts to the window's end and not, as in kong 0.10,
        # a fixed time from its first call.
        self.windows = [
            Window(f"{start * 1000}:{period}", math.ceil(limit), end)
            for (period, limit), (start, end) in zip(limits.items(), bounds, strict=True)
        ]
