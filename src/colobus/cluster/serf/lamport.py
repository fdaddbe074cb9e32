"""Lamport clocks: order without time (reference: serf §2)."""

__all__ = ["MOST_TIME", "Clocks", "LamportClock"]

# A clock grows by one per message. Whoever claims more than half of 64 bits wants to make clocks
# overflow; such a message is not believed.
MOST_TIME = 1 << 63


class LamportClock:
    """A counter that begins at 1 and is never behind anything it has seen."""

    def __init__(self) -> None:
        self.time = 1

    def __repr__(self) -> str:
        return f"LamportClock({self.time})"

    def increment(self) -> None:
        """Add one."""
        self.time += 1

    def witness(self, time: int) -> None:
        """Be later than ``time``."""
        if self.time <= time <= MOST_TIME:
            self.time = time + 1


class Clocks:
    """The three clocks of a member: of intents, of user events, of queries."""

    def __init__(self) -> None:
        self.member = LamportClock()
        self.event = LamportClock()
        self.query = LamportClock()
