"""Which idle upstream connection to use, to keep and to close. Pure: it decides, others act.

Connections are kept per address and scheme, and counted over all of them: a worker that serves a
thousand services does not keep sixty connections to each. The one used last is used first, so
that what a quiet service needs no longer grows old and goes.
"""

from typing import Any

from colobus.gateway.loop import Protocol

__all__ = ["Key", "Poolable", "UpstreamPool"]

Key = tuple[str, str, int, str]
"""Scheme, IP address, port, and the name the connection was made for ("" for plain HTTP)."""


SPARE_KEYS = 64
"""Keys without a connection that are kept beside twice as many as the pool has places."""


class Poolable(Protocol):
    """What the pool needs of a connection.

    Attributes:
        key: what it connects to; requests with the same key may share it.
        idle_since: monotonic time, set by the pool.
    """

    __slots__ = ("idle_since", "key")

    key: Key
    idle_since: float

    def close(self) -> None:
        """End now, and tell nobody."""


class UpstreamPool:
    """The idle upstream connections of one worker.

    Args:
        limit: most of them; none are kept with 0.
        idle_timeout: seconds after which one is closed.
    """

    __slots__ = ("by_age", "by_key", "idle_timeout", "limit")

    def __init__(self, limit: int, idle_timeout: float) -> None:
        self.limit = limit
        self.idle_timeout = idle_timeout
        self.by_key: dict[Key, list[Poolable]] = {}
        # In the order of `idle_since`. It has at most `limit` entries, so that taking the first
        # one never walks over more than a few deleted slots.
        self.by_age: dict[Poolable, Any] = {}

    def __len__(self) -> int:
        return len(self.by_age)

    def take(self, key: Key) -> Poolable | None:
        """Return the connection for ``key`` that was used last; it is no longer the pool's."""
        waiting = self.by_key.get(key)
        if not waiting:
            return None
        connection = waiting.pop()
        del self.by_age[connection]
        return connection

    def put(self, connection: Poolable, now: float) -> Poolable | None:
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
            self.make_room()
            self.by_key[connection.key] = [connection]
        else:
            waiting.append(connection)
        return surplus

    def make_room(self) -> None:
        """Drop the keys that nothing waits for, if there are many; most are soon used again."""
        if len(self.by_key) > 2 * self.limit + SPARE_KEYS:
            self.by_key = {key: waiting for key, waiting in self.by_key.items() if waiting}

    def discard(self, connection: Poolable) -> None:
        """Forget a connection that ended; nothing happens when the pool does not hold it."""
        if connection not in self.by_age:
            return
        del self.by_age[connection]
        self.by_key[connection.key].remove(connection)

    def take_expired(self, now: float) -> list[Poolable]:
        """Return, and forget, the connections that were idle for too long."""
        expired = []
        for connection in self.by_age:
            if connection.idle_since + self.idle_timeout > now:
                break
            expired.append(connection)
        for connection in expired:
            self.discard(connection)
        return expired

    def take_all(self) -> list[Poolable]:
        """Return, and forget, every connection."""
        everything = list(self.by_age)
        self.by_age.clear()
        self.by_key.clear()
        return everything
