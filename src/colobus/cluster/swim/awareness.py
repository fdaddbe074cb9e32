"""The health score of a node (Lifeguard): how much it trusts its own measurements."""

__all__ = ["Awareness"]


class Awareness:
    """An integer from 0, healthy, to ``max_multiplier - 1`` (reference: memberlist §7).

    -1 per successful probe, + per failed one what its nacks say, +1 per refutation. It stretches
    the probe interval, so that a node that is slow itself accuses others more slowly.
    """

    def __init__(self, max_multiplier: int) -> None:
        self._highest = max_multiplier - 1
        self.score = 0

    def __repr__(self) -> str:
        return f"Awareness(score={self.score})"

    def change(self, delta: int) -> None:
        """Add ``delta`` and stay within the bounds."""
        self.score = min(max(self.score + delta, 0), self._highest)

    def stretch(self, interval_s: float) -> float:
        """Return the interval at this score."""
        return interval_s * (self.score + 1)
