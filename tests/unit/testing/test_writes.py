"""The writes in memory, which plugin tests rely on."""

import pytest

from colobus.errors import NotFoundError, StoreUnavailableError
from colobus.model import CONSUMERS
from colobus.plugins.context import Deletion, Insertion
from colobus.testing.capabilities import MemoryWorker


async def test_what_is_written_can_be_looked_up_until_it_is_deleted() -> None:
    worker = MemoryWorker()
    (row,) = await worker.writes.write(Insertion(CONSUMERS, {"username": "bob"}))
    assert worker.lookups.cached(CONSUMERS, "username", "bob") == [row]
    assert row["created_at"] == 1_500_000_000_000
    assert await worker.writes.write(Deletion(CONSUMERS, row["id"])) == [row]
    assert worker.lookups.cached(CONSUMERS, "username", "bob") == []


async def test_all_steps_are_taken_or_none() -> None:
    worker = MemoryWorker()
    with pytest.raises(NotFoundError):
        await worker.writes.write(
            Insertion(CONSUMERS, {"username": "bob"}), Deletion(CONSUMERS, "none")
        )
    assert worker.writes.steps == []
    worker.writes.is_available = False
    with pytest.raises(StoreUnavailableError):
        await worker.writes.write(Insertion(CONSUMERS, {"username": "bob"}))
