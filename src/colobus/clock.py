"""The only reader of real time. Everything else takes ``now`` or a :class:`Clock`."""

import time
from typing import Protocol

__all__ = ["Clock", "SystemClock"]


class Clock(Protocol):
    """Where time comes from; ``colobus.testing.ManualClock`` is the shipped fake."""

    def monotonic(self) -> float:
        """Return seconds that only ever go forward; their zero has no meaning."""

    def time(self) -> float:
        """Return seconds since the epoch, UTC; may jump."""


class SystemClock:
    """The clock of the machine."""

    # The functions themselves: the data path asks three times per request.
    monotonic = staticmethod(time.monotonic)
    time = staticmethod(time.time)
