"""What a follower does next: pure decisions over what it applied, was told and has seen.

====================================  =============================================================
what is known                         next
====================================  =============================================================
a read failed less than a pause ago   wait: 50 ms, then doubled up to 1 s, for as long as it fails
what is held cannot be moved forward  load everything anew
a revision above ``applied`` exists   read the changes behind ``applied``
asked to look, or the poll is due     read the revision
none of these                         wait for a hint or the poll
====================================  =============================================================

A hint is only ever a reason to read. One that the datastore does not confirm is forgotten, so a
false one costs one query. Times are monotonic seconds.
"""

from dataclasses import dataclass
from enum import Enum

__all__ = ["Progress", "Step", "Wait"]

FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 1.0


class Step(Enum):
    """Something to read from the datastore."""

    LOOK = "read the revision"
    CATCH_UP = "read the changes behind what is applied"
    RELOAD = "load everything"


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do before ``until``, unless a hint comes."""

    until: float


class Progress:
    """How far a follower is, and what it knows of how far it could be.

    Attributes:
        applied: the revision handed to the sink.
        fresh_at: when the read began that last showed nothing newer than ``applied``; None never.
        failed_at: when the first read of the present outage failed; None outside of one.
    """

    def __init__(self) -> None:
        self.applied = 0
        self.fresh_at: float | None = None
        self.failed_at: float | None = None
        self._hinted = 0
        self._must_reload = False
        self._must_look = False
        self._looked_at: float | None = None
        self._began_at = 0.0
        self._began_hinted = 0
        self._pause_s = 0.0
        self._paused_until = 0.0

    def hint(self, revision: int) -> bool:
        """Take the news that ``revision`` exists; say whether it is news."""
        if revision <= max(self.applied, self._hinted):
            return False
        self._hinted = revision
        return True

    def look(self) -> None:
        """Take the wish to look at the datastore now."""
        self._must_look = True

    def next(self, now: float, poll_s: float) -> Step | Wait:
        """Return what to do at ``now``, with polls ``poll_s`` apart."""
        if self.failed_at is not None and now < self._paused_until:
            return Wait(self._paused_until)
        if self._must_reload:
            return Step.RELOAD
        if self._hinted > self.applied:
            return Step.CATCH_UP
        due_at = now if self._looked_at is None else self._looked_at + poll_s
        if self._must_look or now >= due_at:
            return Step.LOOK
        return Wait(due_at)

    def began(self, now: float) -> None:
        """Note that a read begins: what it shows was true at this time or later."""
        self._began_at = now
        self._began_hinted = self._hinted
        self._must_look = False

    def failed(self, now: float) -> bool:
        """Note that the read failed; say whether it is the first of an outage."""
        is_first = self.failed_at is None
        if self.failed_at is None:
            self.failed_at = now
            self._pause_s = FIRST_PAUSE_S
        else:
            self._pause_s = min(self._pause_s * 2, LONGEST_PAUSE_S)
        self._paused_until = now + self._pause_s
        return is_first

    def answered(self) -> float | None:
        """Note that the datastore answered; return when the outage began that this ends."""
        failed_at, self.failed_at = self.failed_at, None
        return failed_at

    def saw(self, newest: int) -> None:
        """Note the datastore's revision as of the read that began last."""
        self._looked_at = self._began_at
        if newest < self.applied:
            self._must_reload = True
        elif newest == self.applied:
            self.fresh_at = self._began_at
        # A hint that came before the read began and is not confirmed by it was false; one that
        # came since may be of something that the read was too early for.
        came_since = self._hinted != self._began_hinted
        self._hinted = max(self._hinted, newest) if came_since else newest

    def moved(self, revision: int) -> None:
        """Note that the sink took over everything up to ``revision``."""
        self.applied = revision

    def reloaded(self, revision: int) -> None:
        """Note that the sink took over a snapshot, of a lower revision perhaps."""
        self._must_reload = False
        self.applied = revision
        self.saw(revision)

    def lost(self) -> None:
        """Note that what the sink holds cannot be moved forward change by change."""
        self._must_reload = True
