"""A clock that moves only when told to."""


class ManualClock:
    """Shipped fake of :class:`colobus.clock.Clock`."""

    def __init__(self, now: float = 0.0, *, epoch: float = 1_500_000_000.0) -> None:
        self.now = now
        self.epoch = epoch

    def monotonic(self) -> float:
        """Return the seconds advanced so far, plus the start."""
        return self.now

    def time(self) -> float:
        """Return the epoch given at the start, plus the seconds advanced."""
        return self.epoch + self.now

    def advance(self, seconds: float) -> None:
        """Move both times forward by ``seconds``."""
        if seconds < 0:
            raise ValueError("time only goes forward")
        self.now += seconds
