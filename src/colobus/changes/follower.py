"""The follower: brings what the datastore's log says to the rest of the node, in order.

It reads, :class:`~colobus.changes.progress.Progress` decides, a :class:`Sink` takes over. Hints make
it fast and are never needed: a poll of the revision finds what they did not tell.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Protocol

from colobus.changes.polling import POLL_S
from colobus.changes.progress import Progress, Step, Wait
from colobus.clock import Clock
from colobus.errors import StoreError
from colobus.logs.levels import NOTICE
from colobus.model.change import Change, Snapshot
from colobus.model.kind import Catalog
from colobus.store.interface import Store

__all__ = ["Follower", "Sink"]

RECONSIDER_S = 1.0
"""How often a wait is looked at again: what tells of changes may have failed meanwhile."""

BATCH = 1_000
"""Changes read and handed over at once, about."""


class Sink(Protocol):
    """Takes over what the follower read; both methods return when it is handed over."""

    async def apply(self, revision: int, changes: Sequence[Change]) -> None:
        """Move on to ``revision`` by ``changes``: whole transactions, oldest first."""

    async def replace(self, snapshot: Snapshot) -> None:
        """Start anew from ``snapshot``, whatever was held before."""


class Follower:
    """Follows one datastore.

    Args:
        store: the datastore, open.
        sink: takes over; called by one task only, one call at a time.
        catalog: says which kinds are resident.
        clock: time.
        poll_s: returns the seconds between two looks at the revision; asked each second.
        batch: about how many changes are read at once.
        logger: for outages and reloads.
    """

    def __init__(
        self,
        store: Store,
        sink: Sink,
        catalog: Catalog,
        clock: Clock,
        *,
        poll_s: Callable[[], float] = lambda: POLL_S,
        batch: int = BATCH,
        logger: logging.Logger | None = None,
    ) -> None:
        self._store = store
        self._sink = sink
        self._catalog = catalog
        self._clock = clock
        self._batch = batch
        self._logger = logger or logging.getLogger(__name__)
        self._poll_s = poll_s
        self._progress = Progress()
        self._woken = asyncio.Event()
        self._moved = asyncio.Event()

    @property
    def applied(self) -> int:
        """The revision handed to the sink."""
        return self._progress.applied

    @property
    def fresh_at(self) -> float | None:
        """Monotonic time at which nothing newer than ``applied`` existed; None never."""
        return self._progress.fresh_at

    async def start(self) -> None:
        """Load every resident row and hand it to the sink.

        Raises:
            StoreError: the datastore gave no answer.
        """
        self._progress.began(self._clock.monotonic())
        await self._load()

    def hint(self, revision: int) -> None:
        """Tell that ``revision`` exists; called from anywhere in the event loop."""
        if self._progress.hint(revision):
            self._woken.set()

    def look(self) -> None:
        """Ask for a look at the revision now instead of at the next poll."""
        self._progress.look()
        self._woken.set()

    async def reached(self, revision: int) -> None:
        """Wait until ``applied`` is ``revision`` or above."""
        while self.applied < revision:
            await self._moved.wait()

    async def run(self) -> None:
        """Follow until cancelled; no failure ends it."""
        while True:
            step = self._progress.next(self._clock.monotonic(), self._poll_s())
            if isinstance(step, Wait):
                await self._wait(min(step.until - self._clock.monotonic(), RECONSIDER_S))
            else:
                await self._attempt(step)

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            return
        self._woken.clear()

    async def _attempt(self, step: Step) -> None:
        self._progress.began(self._clock.monotonic())
        try:
            await self._do(step)
        except StoreError as exc:
            if self._progress.failed(self._clock.monotonic()):
                self._logger.warning("cannot follow the datastore, trying again: %s", exc)
        except Exception:  # the task's top: what went wrong once must not freeze the node
            self._progress.lost()
            if self._progress.failed(self._clock.monotonic()):
                self._logger.exception("changes could not be applied; everything is loaded anew")
        else:
            self._recovered()

    async def _do(self, step: Step) -> None:
        match step:
            case Step.LOOK:
                self._see(await self._store.revision())
            case Step.CATCH_UP:
                await self._catch_up()
            case Step.RELOAD:
                await self._load()

    async def _catch_up(self) -> None:
        applied = self.applied
        batch = await self._store.changes_since(applied, limit=self._batch)
        if not batch.complete:
            if batch.revision >= applied:
                self._logger.warning(
                    "the log no longer reaches back to revision %d; everything is loaded anew",
                    applied,
                )
                self._progress.lost()
            self._see(batch.revision)
            return
        if batch.changes:
            revision = batch.changes[-1].revision
            await self._sink.apply(revision, batch.changes)
            self._progress.moved(revision)
            self._wake()
        self._see(batch.revision)

    async def _load(self) -> None:
        snapshot = await self._store.load(self._catalog.resident())
        await self._sink.replace(snapshot)
        self._progress.reloaded(snapshot.revision)
        self._wake()

    def _see(self, newest: int) -> None:
        if newest < self.applied:
            self._logger.warning(
                "the datastore went back from revision %d to %d, as after restoring a backup;"
                " everything is loaded anew",
                self.applied,
                newest,
            )
        self._progress.saw(newest)

    def _recovered(self) -> None:
        failed_at = self._progress.answered()
        if failed_at is not None:
            seconds = self._clock.monotonic() - failed_at
            self._logger.log(NOTICE, "the datastore answers again, after %.1f s", seconds)

    def _wake(self) -> None:
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()
