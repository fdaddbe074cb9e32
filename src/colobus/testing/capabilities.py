"""The capabilities of a worker, all of them fakes."""

import logging
import random
from collections.abc import Coroutine
from typing import Any

from colobus.plugins.context import Capabilities
from colobus.testing.clock import ManualClock
from colobus.testing.counters import MemoryCounters
from colobus.testing.lookups import MemoryLookups
from colobus.testing.writes import MemoryWrites

__all__ = ["MemoryWorker"]


class MemoryWorker:
    """A worker as its plugins see it; hand ``capabilities`` to the plugin under test.

    Attributes:
        spawned: background work that plugins started, with its name; await it in the test, or
            close it.
    """

    def __init__(self, *, seed: int = 0) -> None:
        self.lookups = MemoryLookups()
        self.counters = MemoryCounters()
        self.clock = ManualClock()
        self.writes = MemoryWrites(self.lookups, self.clock)
        self.spawned: list[tuple[Coroutine[Any, Any, None], str]] = []
        self.capabilities = Capabilities(
            lookups=self.lookups,
            writes=self.writes,
            counters=self.counters,
            clock=self.clock,
            random=random.Random(seed),  # noqa: S311  (a fake is to be repeatable)
            logger=logging.getLogger("colobus.testing"),
            spawn=self._spawn,
        )

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        self.spawned.append((work, name))
