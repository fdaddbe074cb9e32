"""Read-through look-ups of a worker: from the cache, else over the node bus, once per question."""

import asyncio
from collections.abc import Callable, Sequence

from colobus.cache.fenced import FencedCache, Key
from colobus.errors import StoreUnavailableError
from colobus.model.kind import Kind
from colobus.model.schema import Row

__all__ = ["CachedLookups"]

FLIGHT_LIMIT = 10_000
"""Questions waiting for an answer; past that, requests fail closed instead of queueing up."""

FLIGHT_TIMEOUT_S = 5.0
"""How long a request waits: the reference's own limit for a cache fill (datastore-and-cache §6.3)."""


class CachedLookups:
    """Implements :class:`colobus.plugins.context.Lookups`.

    Args:
        cache: the worker's cache; every answer goes through its fence.
        ask: sends a question to the supervisor; :meth:`answer` or :meth:`fail` will be called.
    """

    def __init__(self, cache: FencedCache, ask: Callable[[Key], None]) -> None:
        self.cache = cache
        self._ask = ask
        self._flights: dict[Key, asyncio.Future[Sequence[Row]]] = {}

    def cached(self, kind: Kind, field: str, value: str) -> Sequence[Row] | None:
        """Return the rows from memory, or None when memory does not know."""
        return self.cache.get(kind.name, field, value)

    async def fetch(self, kind: Kind, field: str, value: str) -> Sequence[Row]:
        """Return the rows; single flight per question.

        Raises:
            StoreUnavailableError: no answer in time, or too many questions are waiting.
        """
        key = (kind.name, field, value)
        rows = self.cache.peek(key)
        if rows is not None:
            return rows
        self.cache.misses += 1
        flight = self._flights.get(key)
        if flight is None:
            if len(self._flights) >= FLIGHT_LIMIT:
                raise StoreUnavailableError("too many look-ups are waiting")
            flight = asyncio.get_running_loop().create_future()
            # A flight that fails after its last waiter left must not count as unretrieved.
            flight.add_done_callback(lambda done: done.cancelled() or done.exception())
            self._flights[key] = flight
            self._ask(key)
        try:
            async with asyncio.timeout(FLIGHT_TIMEOUT_S):
                return await asyncio.shield(flight)
        except TimeoutError:
            if self._flights.get(key) is flight:
                del self._flights[key]
            raise StoreUnavailableError(f"no answer within {FLIGHT_TIMEOUT_S:g} s") from None

    def answer(self, key: Key, rows: Sequence[Row], revision: int) -> None:
        """Take an answer read at ``revision``: keep it if the fence allows, serve the waiters."""
        self.cache.fill(key, rows, revision)
        flight = self._flights.pop(key, None)
        if flight is not None and not flight.done():
            flight.set_result(rows)

    def fail(self, key: Key, reason: str) -> None:
        """Tell the waiters that the datastore gave no answer."""
        flight = self._flights.pop(key, None)
        if flight is not None and not flight.done():
            flight.set_exception(StoreUnavailableError(reason))
