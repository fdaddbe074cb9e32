"""The follower over a real loop and a store in memory."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import pytest

from colobus.changes.follower import Follower
from colobus.changes.image import Image
from colobus.clock import SystemClock
from colobus.errors import StoreUnavailableError
from colobus.model import APIS, CONSUMERS, PLUGINS, Kind, Row
from colobus.model.change import Change, Snapshot
from colobus.store.interface import ChangeBatch
from colobus.testing.store import MemoryStore
from support.samples import CATALOG

NEVER_S = 3_600.0
SOON_S = 0.01


class RecordingSink:
    """Keeps what it is handed, and an image that must equal the store."""

    def __init__(self) -> None:
        self.image = Image(CATALOG)
        self.applied: list[tuple[int, list[int]]] = []
        self.replaced: list[int] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.is_waiting = asyncio.Event()
        self.failures: list[Exception] = []

    async def apply(self, revision: int, changes: Sequence[Change]) -> None:
        self.is_waiting.set()
        await self.gate.wait()
        if self.failures:
            raise self.failures.pop()
        self.image.apply(revision, changes)
        self.applied.append((revision, [change.revision for change in changes]))

    async def replace(self, snapshot: Snapshot) -> None:
        self.image.replace(snapshot)
        self.replaced.append(snapshot.revision)


class CountingStore(MemoryStore):
    """Counts what the follower reads, and can be replaced by an older backup of itself."""

    def __init__(self, log_limit: int = 1_000) -> None:
        super().__init__(CATALOG, SystemClock(), log_limit=log_limit)
        self.reads = {"revision": 0, "changes_since": 0, "load": 0}

    async def revision(self) -> int:
        self.reads["revision"] += 1
        return await super().revision()

    async def changes_since(self, revision: int, *, limit: int) -> ChangeBatch:
        self.reads["changes_since"] += 1
        return await super().changes_since(revision, limit=limit)

    async def load(self, kinds: Sequence[Kind]) -> Snapshot:
        self.reads["load"] += 1
        return await super().load(kinds)


@pytest.fixture
def store() -> CountingStore:
    return CountingStore()


@pytest.fixture
def sink() -> RecordingSink:
    return RecordingSink()


@asynccontextmanager
async def following(
    store: MemoryStore, sink: RecordingSink, *, poll_s: float, batch: int = 1_000
) -> AsyncIterator[Follower]:
    follower = Follower(store, sink, CATALOG, SystemClock(), poll_s=lambda: poll_s, batch=batch)
    await follower.start()
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        running = group.create_task(follower.run())
        yield follower
        running.cancel()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.001)


async def write(store: MemoryStore, name: str, *, kind: Kind = APIS) -> int:
    row: Row = {"name": name, "upstream_url": "http://up"}
    async with store.transaction("node") as transaction:
        await transaction.insert(kind, {"username": name} if kind is CONSUMERS else row)
    return transaction.revision


def names(sink: RecordingSink) -> set[str]:
    return {str(row["name"]) for row in sink.image.rows()["apis"]}


async def test_the_start_loads_the_resident_kinds_in_one_snapshot(
    store: CountingStore, sink: RecordingSink
) -> None:
    await write(store, "one")
    await write(store, "bob", kind=CONSUMERS)
    assert Follower(store, sink, CATALOG, SystemClock()).fresh_at is None
    follower = Follower(store, sink, CATALOG, SystemClock())
    await follower.start()
    assert follower.applied == 2
    assert follower.fresh_at is not None
    assert set(sink.image.rows()) == {APIS.name, PLUGINS.name}
    assert names(sink) == {"one"}
    assert store.reads["load"] == 1


async def test_the_start_fails_when_the_datastore_does(
    store: CountingStore, sink: RecordingSink
) -> None:
    store.outage = "no route"
    follower = Follower(store, sink, CATALOG, SystemClock())
    with pytest.raises(StoreUnavailableError, match="no route"):
        await follower.start()


async def test_a_hint_brings_the_change_without_a_poll(
    store: CountingStore, sink: RecordingSink
) -> None:
    async with following(store, sink, poll_s=NEVER_S) as follower:
        revision = await write(store, "one")
        follower.hint(revision)
        await follower.reached(revision)
        assert sink.applied == [(1, [1])]
        assert names(sink) == {"one"}
    assert store.reads == {"revision": 0, "changes_since": 1, "load": 1}


async def test_a_lost_hint_is_made_up_for_by_the_poll(
    store: CountingStore, sink: RecordingSink
) -> None:
    async with following(store, sink, poll_s=SOON_S) as follower:
        await write(store, "one")
        await follower.reached(1)
        assert names(sink) == {"one"}
        polls = store.reads["revision"]
        await until(lambda: store.reads["revision"] > polls + 2)
    assert store.reads["changes_since"] == 1  # a poll reads the revision and nothing else


async def test_a_look_finds_what_no_hint_told(store: CountingStore, sink: RecordingSink) -> None:
    async with following(store, sink, poll_s=NEVER_S) as follower:
        await write(store, "one")
        follower.look()
        await follower.reached(1)
    assert names(sink) == {"one"}


async def test_hints_twice_late_and_in_any_order_apply_each_change_once(
    store: CountingStore, sink: RecordingSink
) -> None:
    async with following(store, sink, poll_s=NEVER_S) as follower:
        for number in range(5):
            await write(store, f"api-{number}")
        for revision in (3, 5, 1, 5, 2, 4):
            follower.hint(revision)
        await follower.reached(5)
        for revision in (1, 5, 3):
            follower.hint(revision)
        follower.hint(await write(store, "last"))
        await follower.reached(6)
    assert [revision for _, revisions in sink.applied for revision in revisions] == [
        1, 2, 3, 4, 5, 6,
    ]  # fmt: skip


async def test_a_false_hint_does_not_keep_it_busy(
    store: CountingStore, sink: RecordingSink
) -> None:
    async with following(store, sink, poll_s=NEVER_S) as follower:
        follower.hint(10**9)
        await until(lambda: store.reads["changes_since"] == 1)
        follower.hint(await write(store, "one"))
        await follower.reached(1)
    assert store.reads["changes_since"] == 2


async def test_transactions_that_come_while_applying_follow_in_order(
    store: CountingStore, sink: RecordingSink
) -> None:
    async with following(store, sink, poll_s=NEVER_S, batch=2) as follower:
        sink.gate.clear()
        follower.hint(await write(store, "api-0"))
        await sink.is_waiting.wait()
        for number in range(1, 6):
            follower.hint(await write(store, f"api-{number}"))
        assert follower.applied == 0
        sink.gate.set()
        await follower.reached(6)
    assert sink.applied == [(1, [1]), (3, [2, 3]), (5, [4, 5]), (6, [6])]
    assert names(sink) == {f"api-{number}" for number in range(6)}


async def test_reached_waits_for_exactly_its_revision(
    store: CountingStore, sink: RecordingSink
) -> None:
    async with following(store, sink, poll_s=NEVER_S) as follower, asyncio.TaskGroup() as group:
        await follower.reached(0)
        waiting = [group.create_task(follower.reached(revision)) for revision in (1, 2)]
        follower.hint(await write(store, "one"))
        await waiting[0]
        assert not waiting[1].done()
        follower.hint(await write(store, "two"))
        await waiting[1]


async def test_a_log_that_was_cut_is_a_reason_to_load_everything(
    sink: RecordingSink, caplog: pytest.LogCaptureFixture
) -> None:
    store = CountingStore(log_limit=2)
    async with following(store, sink, poll_s=NEVER_S) as follower:
        for number in range(5):
            await write(store, f"api-{number}")
        await store.expire("node")
        follower.hint(5)
        await follower.reached(5)
        assert sink.applied == []
        assert sink.replaced == [0, 5]
        follower.hint(await write(store, "last"))
        await follower.reached(6)
    assert sink.applied == [(6, [6])]
    assert len(names(sink)) == 6
    assert [(record.levelname, record.message) for record in caplog.records] == [
        (
            "WARNING",
            "the log no longer reaches back to revision 0; everything is loaded anew",
        )
    ]


@pytest.mark.parametrize("is_hinted", [True, False])
async def test_a_datastore_that_went_back_is_loaded_anew(
    store: CountingStore,
    sink: RecordingSink,
    caplog: pytest.LogCaptureFixture,
    is_hinted: bool,
) -> None:
    for number in range(3):
        await write(store, f"api-{number}")
    async with following(store, sink, poll_s=NEVER_S if is_hinted else SOON_S) as follower:
        restored = CountingStore()
        await write(restored, "restored")
        store.__dict__.update(
            {name: value for name, value in vars(restored).items() if name != "reads"}
        )
        if is_hinted:
            follower.hint(9)
        await until(lambda: follower.applied == 1)
        assert sink.replaced == [3, 1]
        assert names(sink) == {"restored"}
        follower.hint(await write(store, "next"))
        await follower.reached(2)
    assert names(sink) == {"restored", "next"}
    warnings = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert len(warnings) == 1
    assert warnings[0].startswith(
        "the datastore went back from revision 3 to 1, as after restoring"
    )


async def test_an_outage_is_logged_once_and_ends_by_itself(
    store: CountingStore, sink: RecordingSink, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with following(store, sink, poll_s=SOON_S) as follower:
        await until(lambda: store.reads["revision"] > 1)
        store.outage = "no route to the datastore"
        failing_since = store.reads["revision"]
        await until(lambda: store.reads["revision"] > failing_since + 1)
        fresh_at = follower.fresh_at
        assert fresh_at is not None
        store.outage = None
        await write(store, "one")
        store.outage = "no route to the datastore"
        follower.hint(1)
        await until(lambda: store.reads["changes_since"] > 0)
        assert follower.applied == 0
        assert follower.fresh_at == fresh_at
        store.outage = None
        await follower.reached(1)
        await until(lambda: (follower.fresh_at or 0) > fresh_at)
    assert names(sink) == {"one"}
    failed, recovered = [(record.levelname, record.message) for record in caplog.records]
    assert failed == (
        "WARNING",
        "cannot follow the datastore, trying again: no route to the datastore",
    )
    assert recovered[0] == "NOTICE"
    assert recovered[1].startswith("the datastore answers again, after ")


async def test_a_sink_that_fails_is_given_everything_anew(
    store: CountingStore, sink: RecordingSink, caplog: pytest.LogCaptureFixture
) -> None:
    async with following(store, sink, poll_s=NEVER_S) as follower:
        sink.failures.append(KeyError("a bug"))
        follower.hint(await write(store, "one"))
        await follower.reached(1)
        assert sink.replaced == [0, 1]
    assert names(sink) == {"one"}
    assert "a bug" in caplog.text


async def test_the_given_logger_is_used(
    store: CountingStore, sink: RecordingSink, caplog: pytest.LogCaptureFixture
) -> None:
    logger = logging.getLogger("of.the.node")
    follower = Follower(store, sink, CATALOG, SystemClock(), poll_s=lambda: SOON_S, logger=logger)
    await follower.start()
    store.outage = "away"
    async with asyncio.TaskGroup() as group:
        running = group.create_task(follower.run())
        await until(lambda: bool(caplog.records))
        running.cancel()
    assert {record.name for record in caplog.records} == {"of.the.node"}


async def test_a_poll_that_was_far_off_comes_when_it_is_needed(
    store: CountingStore, sink: RecordingSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pace is asked for again and again: nobody has to wake the follower."""
    monkeypatch.setattr("colobus.changes.follower.RECONSIDER_S", SOON_S)
    pace = [NEVER_S]
    follower = Follower(store, sink, CATALOG, SystemClock(), poll_s=lambda: pace[0])
    await follower.start()
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        running = group.create_task(follower.run())
        revision = await write(store, "one")
        await asyncio.sleep(0)
        assert store.reads["revision"] == 0
        pace[0] = SOON_S
        await follower.reached(revision)
        running.cancel()


async def test_hints_of_the_datastore_are_taken(store: CountingStore, sink: RecordingSink) -> None:
    async with following(store, sink, poll_s=NEVER_S) as follower, asyncio.TaskGroup() as group:
        listening = group.create_task(store.listen(follower.hint, follower.look))
        await until(lambda: store.is_telling)
        await follower.reached(await write(store, "one"))
        assert names(sink) == {"one"}
        listening.cancel()
