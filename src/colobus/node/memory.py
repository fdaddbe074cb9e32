"""What a worker knows: routes, plugin chains and cached rows, moved forward revision by revision.

Resident kinds are held whole and changed row by row; of all others only the cached answers that a
change names fall. Routes and chains are always swapped or changed between two requests, never
during one.
"""

from collections.abc import Callable, Sequence

from colobus.cache.fenced import FencedCache
from colobus.gateway.chain import ChainTable
from colobus.gateway.router import Router
from colobus.model.apis import APIS
from colobus.model.change import Change
from colobus.model.plugins import PLUGINS
from colobus.model.schema import Row

__all__ = ["Memory"]


class Memory:
    """A worker's state as of ``revision``.

    Args:
        cache: rows that were looked up.
        new_chains: makes an empty table over the worker's plugin instances.
    """

    def __init__(self, cache: FencedCache, new_chains: Callable[[], ChainTable]) -> None:
        self.revision = 0
        self.router = Router()
        self.chains = new_chains()
        self.cache = cache
        self._new_chains = new_chains
        self._next_router = self.router
        self._next_chains = self.chains

    def begin_replace(self) -> None:
        """Start building everything anew, beside what is in use."""
        self._next_router = Router()
        self._next_chains = self._new_chains()

    def add(self, kind: str, rows: Sequence[Row]) -> None:
        """Take rows of a resident kind into what is being built."""
        for row in rows:
            self._put(self._next_router, self._next_chains, kind, row)

    def finish_replace(self, revision: int) -> None:
        """Put in use what was built; it is true at ``revision``."""
        self.router = self._next_router
        self.chains = self._next_chains
        self.cache.clear(revision)
        self.revision = revision

    def apply(self, revision: int, changes: Sequence[Change]) -> None:
        """Move on to ``revision``."""
        for change in changes:
            if change.row is not None:
                self._put(self.router, self.chains, change.kind, change.row)
            elif change.kind == APIS.name:
                self.router.remove(change.key)
            elif change.kind == PLUGINS.name:
                self.chains.remove(change.key)
        self.cache.apply(changes)
        self.revision = revision

    @staticmethod
    def _put(router: Router, chains: ChainTable, kind: str, row: Row) -> None:
        if kind == APIS.name:
            router.put(row)
        elif kind == PLUGINS.name:
            chains.put(row)
