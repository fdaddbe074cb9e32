"""Names and addresses from a table."""

from collections.abc import Mapping, Sequence

__all__ = ["StaticResolver"]


class StaticResolver:
    """Shipped fake of :class:`colobus.gateway.resolver.Resolver`.

    Attributes:
        table: name -> addresses; may be changed at any time. What is not in it does not exist.
        is_slow: nothing is known at once, so that every request waits.
        asked: the names that were waited for.
    """

    def __init__(self, table: Mapping[str, Sequence[str]] | None = None) -> None:
        self.table = dict(table or {})
        self.is_slow = False
        self.asked: list[str] = []

    def cached(self, name: str) -> Sequence[str] | None:
        """Return the addresses; none for a name that is not in the table."""
        return None if self.is_slow else self.table.get(name, ())

    async def resolve(self, name: str) -> Sequence[str]:
        """Return the addresses; none for a name that is not in the table."""
        self.asked.append(name)
        return self.table.get(name, ())
