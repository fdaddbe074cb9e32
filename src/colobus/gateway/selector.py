"""asyncio beside the data path, in one thread.

asyncio waits in its selector; this selector lets the data path's loop do the waiting. Requests
that never await run wholly inside :meth:`LoopSelector.select` and cost asyncio nothing. Control
returns to asyncio only when it has something to do:

* one of its own descriptors is ready (its epoll descriptor is watched by ours), signals and
  calls from other threads included, which arrive on such a descriptor;
* its timeout, that is its next timer, is over;
* a callback of the data path gave it work: :class:`DataPathEventLoop` sees ``call_soon`` and
  ``call_at``, through which tasks, futures and timers all go.
"""

import asyncio
import math
import selectors
from collections.abc import Callable
from contextvars import Context
from typing import TypeVarTuple, Unpack

from colobus.gateway.loop import Loop

__all__ = ["DataPathEventLoop", "LoopSelector", "new_event_loop"]

Arguments = TypeVarTuple("Arguments")


class LoopSelector(selectors.EpollSelector):
    """asyncio's selector, which turns our loop while it waits."""

    def __init__(self, loop: Loop) -> None:
        super().__init__()
        self.loop = loop
        loop.watch(self.fileno())

    def wake(self) -> None:
        """Let asyncio run before the next wait. For callbacks of the data path, same thread."""
        self.loop.foreign = True

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Turn the loop until asyncio has something to do; return its ready descriptors."""
        loop = self.loop
        loop.foreign = False
        if timeout is not None and timeout <= 0:
            loop.turn(0)
            return super().select(0) if loop.foreign else []
        loop.now = loop.clock.monotonic()
        deadline = math.inf if timeout is None else loop.now + timeout
        while loop.now < deadline:
            loop.turn(-1 if timeout is None else math.ceil((deadline - loop.now) * 1000))
            if loop.foreign:
                return super().select(0)
        return []

    def close(self) -> None:
        """Close asyncio's epoll descriptor; our loop stays open."""
        self.loop.unwatch(self.fileno())
        super().close()


class DataPathEventLoop(asyncio.SelectorEventLoop):
    """An asyncio loop that notices when a callback of the data path schedules work on it."""

    def __init__(self, loop: Loop) -> None:
        self.data_path = loop
        super().__init__(LoopSelector(loop))

    def call_soon(
        self,
        callback: Callable[[Unpack[Arguments]], object],
        *args: *Arguments,
        context: Context | None = None,
    ) -> asyncio.Handle:
        """Schedule ``callback``; tasks and futures come through here too."""
        self.data_path.foreign = True
        return super().call_soon(callback, *args, context=context)

    def call_at(
        self,
        when: float,
        callback: Callable[[Unpack[Arguments]], object],
        *args: *Arguments,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Schedule ``callback``; the timeout of the wait going on may be too long now."""
        self.data_path.foreign = True
        return super().call_at(when, callback, *args, context=context)


def new_event_loop(loop: Loop) -> DataPathEventLoop:
    """Return an asyncio loop that shares its thread with ``loop``."""
    return DataPathEventLoop(loop)
