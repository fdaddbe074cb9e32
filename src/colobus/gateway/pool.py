"""Which idle upstream connection to use, to keep and to close. Pure: it decides, others act.

Connections are kept per address and scheme, and counted over all of them: a worker that serves a
thousand services does not keep sixty connections to each. The one used last is used first, so
that what a quiet service needs no longer grows old and goes.
"""

from typing import Any, Generic, Protocol, TypeVar

__all__ = ["Key", "Poolable", "UpstreamPool"]

Key = tuple[str, str, int, str]
"""Scheme, IP address, port, and the name the connection was made for ("" for plain HTTP)."""


class Poolable(Protocol):
    """What the pool needs of a connection."""

    key: Key
    idle_since: float


Connection = TypeVar("Connection", bound=Poolable)


class UpstreamPool(Generic[Connection]):
    """The idle upstream connections of one worker.

    Args:
        limit: most of them; none are kept with 0.
        idle_timeout: seconds after which one is closed.
    """

    __slots__ = ("by_age", "by_key", "idle_timeout", "limit")

    def __init__(self, limit: int, idle_timeout: float) -> None:
        self.limit = limit
        self.idle_timeout = idle_timeout
        self.by_key: dict[Key, list[Connection]] = {}
        # In the order of `idle_since`. It has at most `limit` entries, so that taking the first
        # one never walks over more than a few deleted slots.
        self.by_age: dict[Connection, Any] = {}

    def __len__(self) -> int:
        return len(self.by_age)

    def take(self, key: Key) -> Connection | None:
        """Return the connection for ``key`` that was used last; it is no longer the pool's."""
        waiting = self.by_key.get(key)
        if waiting is None:
            return None
        connection = waiting.pop()
        if not waiting:
            del self.by_key[key]
        del self.by_age[connection]
        return connection

    def put(self, connection: Connection, now: float) -> Connection | None:
        """Keep a connection; return the one to close instead of keeping it, maybe the same."""
        if self.limit <= 0:
            return connection
        surplus = None
        if len(self.by_age) >= self.limit:
            surplus = next(iter(self.by_age))
            self.discard(surplus)
        connection.idle_since = now
        self.by_age[connection] = None
        waiting = self.by_key.get(connection.key)
        if waiting is None:
            self.by_key[connection.key] = [connection]
        else:
            waiting.append(connection)
        return surplus

    def discard(self, connection: Connection) -> None:
        """Forget a connection that ended; nothing happens when the pool does not hold it."""
        if connection not in self.by_age:
            return
        del self.by_age[connection]
        waiting = self.by_key[connection.key]
        waiting.remove(connection)
        if not waiting:
            del self.by_key[connection.key]

    def take_expired(self, now: float) -> list[Connection]:
        """Return, and forget, the connections that were idle for too long."""
        expired = []
        for connection in self.by_age:
            if connection.idle_since + self.idle_timeout > now:
                break
            expired.append(connection)
        for connection in expired:
            self.discard(connection)
        return expired

    def take_all(self) -> list[Connection]:
        """Return, and forget, every connection."""
        everything = list(self.by_age)
        self.by_age.clear()
        self.by_key.clear()
        return everything
