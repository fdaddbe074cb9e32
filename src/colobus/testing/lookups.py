"""Rows in memory, in place of a worker's read-through cache."""

from collections.abc import Sequence

from colobus.errors import StoreUnavailableError
from colobus.model.kind import Kind
from colobus.model.schema import Row

__all__ = ["MemoryLookups"]


class MemoryLookups:
    """Shipped fake of :class:`colobus.plugins.context.Lookups`.

    Args:
        is_cold: answers must be fetched once before :meth:`cached` knows them, as in a worker
            that has just started.

    Attributes:
        is_available: False makes every fetch fail, as without a datastore.
        fetched: the questions that were fetched, in order.
    """

    def __init__(self, *, is_cold: bool = False) -> None:
        self.is_cold = is_cold
        self.is_available = True
        self.fetched: list[tuple[str, str, str]] = []
        self._rows: dict[str, list[Row]] = {}

    def add(self, kind: Kind, *rows: Row) -> None:
        """Put ``rows`` into the datastore."""
        self._rows.setdefault(kind.name, []).extend(rows)

    def find(self, kind: Kind, key: str) -> Row | None:
        """Return the row with this key."""
        return next((row for row in self._rows.get(kind.name, ()) if row[kind.key] == key), None)

    def remove(self, kind: Kind, key: str) -> Row:
        """Take the row with this key out of the datastore, and return it."""
        row = self.find(kind, key)
        assert row is not None, f"no {kind.name} with the key {key}"
        self._rows[kind.name].remove(row)
        return row

    def cached(self, kind: Kind, field: str, value: str) -> Sequence[Row] | None:
        """Return the matching rows, or None for a cold question that was not fetched yet."""
        if self.is_cold and (kind.name, field, value) not in self.fetched:
            return None
        return [row for row in self._rows.get(kind.name, ()) if row.get(field) == value]

    async def fetch(self, kind: Kind, field: str, value: str) -> Sequence[Row]:
        """Return the matching rows.

        Raises:
            StoreUnavailableError: :attr:`is_available` is False.
        """
        if not self.is_available:
            raise StoreUnavailableError("the datastore cannot be reached")
        self.fetched.append((kind.name, field, value))
        return [row for row in self._rows.get(kind.name, ()) if row.get(field) == value]
