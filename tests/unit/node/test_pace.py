"""The pace follows what the store and the cluster say at the moment."""

import asyncio

from colobus.changes.polling import CALM_POLL_S, POLL_S, Gossip
from colobus.node.pace import Pace
from colobus.testing.clock import ManualClock
from colobus.testing.store import MemoryStore
from support.samples import CATALOG

ALONE = Gossip(registered=frozenset(), alive=frozenset(), health=0, answered_at=None)


async def test_the_poll_is_stretched_while_both_sources_work() -> None:
    store = MemoryStore(CATALOG, ManualClock())
    pace = Pace(store, ManualClock())
    async with asyncio.TaskGroup() as group:
        listening = asyncio.Event()
        listener = group.create_task(store.listen(lambda _: None, listening.set))
        await listening.wait()
        assert pace.poll_s() == POLL_S  # not a member yet
        pace.gossip = lambda: ALONE
        assert pace.poll_s() == CALM_POLL_S
        listener.cancel()
    assert pace.poll_s() == POLL_S
