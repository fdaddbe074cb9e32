"""Writes into memory, in place of the way through the supervisor."""

from collections.abc import Sequence
from uuid import UUID

from colobus.clock import Clock
from colobus.errors import NotFoundError, StoreUnavailableError
from colobus.model.schema import Row
from colobus.plugins.context import Deletion, Insertion
from colobus.testing.lookups import MemoryLookups

__all__ = ["MemoryWrites"]


class MemoryWrites:
    """Shipped fake of :class:`colobus.plugins.context.Writes`; look-ups see what is written.

    Attributes:
        is_available: False makes every write fail, as without a datastore.
        steps: what was written, in order.
    """

    def __init__(self, lookups: MemoryLookups, clock: Clock) -> None:
        self.is_available = True
        self.steps: list[Insertion | Deletion] = []
        self._lookups = lookups
        self._clock = clock

    async def write(self, *steps: Insertion | Deletion) -> Sequence[Row]:
        """Take all steps, or none of them.

        Raises:
            NotFoundError: a row to delete is not there.
            StoreUnavailableError: :attr:`is_available` is False.
        """
        if not self.is_available:
            raise StoreUnavailableError("the datastore cannot be reached")
        deletions = [step for step in steps if isinstance(step, Deletion)]
        if not all(self._lookups.find(step.kind, step.key) for step in deletions):
            raise NotFoundError("no such row")
        return [self._take(step) for step in steps]

    def _take(self, step: Insertion | Deletion) -> Row:
        self.steps.append(step)
        if isinstance(step, Deletion):
            return self._lookups.remove(step.kind, step.key)
        filled = {
            "id": str(UUID(int=len(self.steps))),
            "created_at": int(self._clock.time()) * 1000,
            **step.row,
        }
        self._lookups.add(step.kind, filled)
        return filled
