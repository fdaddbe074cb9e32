"""Writes of plugins: from the worker to the datastore, and what comes back."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from colobus.errors import NotFoundError, StoreError, StoreUnavailableError
from colobus.model import CONSUMERS
from colobus.node import remote_writes, writes
from colobus.node.bus import NotWritten, Write, Written, decode, encode
from colobus.node.remote_writes import RemoteWrites
from colobus.node.writes import WriteService
from colobus.plugins.context import Deletion, Insertion
from colobus.plugins.key_auth import KEYAUTH_CREDENTIALS
from colobus.plugins.registry import load
from colobus.testing.clock import ManualClock
from colobus.testing.store import MemoryStore

CATALOG = load().catalog()
BOB = "b0b00000-0000-4000-8000-000000000001"
NOBODY = "b0b00000-0000-4000-8000-000000000002"


class Node:
    """A worker's end and the supervisor's, joined by the frames of the bus."""

    def __init__(self) -> None:
        self.store = MemoryStore(CATALOG, ManualClock())
        self.service = WriteService(self.store, CATALOG)
        self.revisions: list[int] = []
        self.worker = RemoteWrites(self.post)

    def post(self, message: Write) -> None:
        carried = decode(encode(message)[4:])
        assert isinstance(carried, Write)
        self.service.ask(carried.number, carried.steps, self.reply)

    def reply(self, message: Written | NotWritten) -> None:
        carried = decode(encode(message)[4:])
        assert isinstance(carried, Written | NotWritten)
        self.worker.answer(carried)


@asynccontextmanager
async def running() -> AsyncIterator[Node]:
    node = Node()
    await node.store.open()
    async with asyncio.TaskGroup() as group:
        service = group.create_task(node.service.run("node-a", node.revisions.append))
        await node.worker.write(Insertion(CONSUMERS, {"id": BOB, "username": "bob"}))
        yield node
        service.cancel()


async def test_rows_are_written_and_followed() -> None:
    async with running() as node:
        key = {"consumer_id": BOB, "key": "k"}
        (row,) = await node.worker.write(Insertion(KEYAUTH_CREDENTIALS, key))
        assert row == {**key, "id": row["id"], "created_at": row["created_at"]}
        assert await node.store.get(KEYAUTH_CREDENTIALS, row["id"]) == row
        assert await node.worker.write(Deletion(KEYAUTH_CREDENTIALS, row["id"])) == [row]
        assert await node.store.count(KEYAUTH_CREDENTIALS) == 0
        assert node.revisions == [1, 2, 3]
        batch = await node.store.changes_since(0, limit=10)
        assert {change.origin for change in batch.changes} == {"node-a"}


async def test_a_row_is_used_up_once_and_all_steps_are_taken_or_none() -> None:
    async with running() as node:
        (row,) = await node.worker.write(
            Insertion(KEYAUTH_CREDENTIALS, {"consumer_id": BOB, "key": "code"})
        )

        def use(key: str) -> Awaitable[object]:
            token = Insertion(KEYAUTH_CREDENTIALS, {"consumer_id": BOB, "key": key})
            return node.worker.write(token, Deletion(KEYAUTH_CREDENTIALS, row["id"]))

        results = await asyncio.gather(use("a"), use("b"), return_exceptions=True)
        assert [type(result) for result in results] == [list, NotFoundError]
        assert await node.store.count(KEYAUTH_CREDENTIALS) == 1


@pytest.mark.parametrize(
    "step",
    [
        Insertion(CONSUMERS, {"username": "bob"}),
        Insertion(KEYAUTH_CREDENTIALS, {"consumer_id": NOBODY, "key": "k"}),
    ],
)
async def test_what_the_datastore_refuses_is_not_in_the_log(
    step: Insertion, caplog: pytest.LogCaptureFixture
) -> None:
    async with running() as node:
        with pytest.raises(StoreError) as refused:
            await node.worker.write(step)
        assert not isinstance(refused.value, StoreUnavailableError | NotFoundError)
    assert "refused" in caplog.text
    assert "bob" not in caplog.text


async def test_without_the_datastore_a_write_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running() as node:

        def fail(origin: str) -> Callable[[], None]:
            raise StoreUnavailableError(f"down, says {origin}")

        monkeypatch.setattr(node.store, "transaction", fail)
        with pytest.raises(StoreUnavailableError):
            await node.worker.write(Deletion(CONSUMERS, BOB))


async def test_past_the_limits_writes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writes, "PENDING_LIMIT", 1)
    replies: list[Written | NotWritten] = []
    service = WriteService(MemoryStore(CATALOG, ManualClock()), CATALOG)
    for number in (1, 2):
        service.ask(number, [], replies.append)
    assert replies == [NotWritten(2, "unavailable")]
    monkeypatch.setattr(remote_writes, "WAITING_LIMIT", 0)
    with pytest.raises(StoreUnavailableError, match="too many"):
        await RemoteWrites(lambda _: None).write(Deletion(CONSUMERS, BOB))


async def test_a_write_waits_for_its_answer_only_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_writes, "TIMEOUT_S", 0.0)
    sent: list[Write] = []
    worker = RemoteWrites(sent.append)
    with pytest.raises(StoreUnavailableError, match="no answer"):
        await worker.write(Deletion(CONSUMERS, BOB))
    worker.answer(Written(sent[0].number, []))  # too late, and no harm
