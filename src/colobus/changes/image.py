"""The node's own copy of the resident kinds: what a freshly started worker is given.

It lets a worker start, or start again, while the datastore is down. Pure.
"""

from collections.abc import Iterable, Sequence

from colobus.model.change import Change, Snapshot
from colobus.model.kind import Catalog
from colobus.model.schema import Row

__all__ = ["Image"]


class Image:
    """Every row of the resident kinds, as of ``revision``.

    Rows are never changed in place, so that a list taken from here stays true to its revision.
    """

    def __init__(self, catalog: Catalog) -> None:
        self.revision = 0
        self._keys = {kind.name: kind.key for kind in catalog.resident()}
        self._rows: dict[str, dict[str, Row]] = {name: {} for name in self._keys}

    def replace(self, snapshot: Snapshot) -> None:
        """Take over a snapshot whole."""
        self.revision = snapshot.revision
        for name, key in self._keys.items():
            self._rows[name] = {row[key]: row for row in snapshot.rows.get(name, ())}

    def apply(self, revision: int, changes: Iterable[Change]) -> None:
        """Move on to ``revision`` by its changes."""
        for change in changes:
            rows = self._rows.get(change.kind)
            if rows is None:
                continue
            if change.row is None:
                rows.pop(change.key, None)
            else:
                rows[change.key] = change.row
        self.revision = revision

    def rows(self) -> dict[str, Sequence[Row]]:
        """Return kind name -> the rows of now."""
        return {name: list(rows.values()) for name, rows in self._rows.items()}
