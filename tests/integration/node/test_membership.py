"""A revision that one node announces is known to the other at once, and by its acks as well."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from uuid import UUID

import pytest

from colobus.clock import SystemClock
from colobus.cluster.keyring import Keyring
from colobus.config.addresses import Address
from colobus.config.sections.cluster import ClusterSettings
from colobus.errors import ClusterError, NodeError
from colobus.model import CORE_KINDS, Catalog
from colobus.model.nodes import NODES
from colobus.node.clones import answers_to
from colobus.node.feed import Feed
from colobus.node.membership import Membership, bind_membership, keyring_of
from colobus.node.registry import Registration
from colobus.testing.store import MemoryStore
from support.ports import free_port

pytestmark = pytest.mark.integration

DATASTORE = str(UUID(int=7))


class Member:
    """One membership on loopback, what it was told, and what it has applied."""

    def __init__(
        self,
        name: str,
        store: MemoryStore,
        datastore: str = DATASTORE,
        *,
        key: str | None = None,
    ) -> None:
        self.hints: list[int] = []
        self.applied = 0
        self.joins = 0
        self.feed = Feed(name, "boot", SystemClock())
        self.address = Address("127.0.0.1", free_port())
        settings = self.settings = ClusterSettings(
            cluster_listen=self.address, cluster_profile="local", cluster_encrypt_key=key
        )
        self.registration = Registration(
            store, SystemClock(), name=name, address=self.address, ttl_s=60
        )
        self.membership = Membership(
            settings, bind_membership(settings), self.registration, datastore,
            keyring=keyring_of(settings), feed=self.feed, applied=lambda: self.applied, fresh_at=lambda: None, hint=self.hints.append, joined=self._joined,
            clock=SystemClock(),
        )  # fmt: skip

    def _joined(self) -> None:
        self.joins += 1

    def statuses(self) -> dict[object, object]:
        return {member["name"]: member["status"] for member in self.membership.members()}


@asynccontextmanager
async def running(*members: Member) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group, AsyncExitStack() as stack:
        for member in members:
            await member.registration.register()
            await member.membership.start()
            stack.push_async_callback(member.membership.aclose)
            task = group.create_task(member.membership.run())
            stack.callback(task.cancel)
        yield


async def until(probe: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not probe():
            await asyncio.sleep(0.01)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore(Catalog(CORE_KINDS), SystemClock())


async def test_registered_nodes_join_and_revisions_travel_both_ways(store: MemoryStore) -> None:
    a, b = Member("a", store), Member("b", store)
    async with running(a, b):
        await b.membership.join_registered()
        await until(lambda: a.statuses() == b.statuses() == {"a": "alive", "b": "alive"})
        assert (a.joins, b.joins) == (1, 1)  # the other's join counts, one's own does not
        a.membership.announce(41)
        await until(lambda: 41 in b.hints)
        b.membership.announce(42)
        await until(lambda: 42 in a.hints)


async def test_a_revision_that_was_never_announced_rides_on_acknowledgements(
    store: MemoryStore,
) -> None:
    a, b = Member("a", store), Member("b", store)
    async with running(a, b):
        await b.membership.join_registered()
        a.applied = 7
        await until(lambda: 7 in b.hints)
        assert {m["name"]: m.get("revision") for m in b.membership.members()}["a"] == 7


async def test_revisions_of_another_datastore_mean_nothing(store: MemoryStore) -> None:
    a, b = Member("a", store), Member("b", store, datastore=str(UUID(int=8)))
    async with running(a, b):
        await b.membership.join_registered()
        await until(lambda: a.statuses() == {"a": "alive", "b": "alive"})
        a.applied = 3
        a.membership.announce(3)
        b.membership.announce(4)
        await until(lambda: 4 in b.hints)  # one's own comes back
        assert 3 not in b.hints
        assert a.hints == [3]


async def test_a_dead_row_costs_a_second_at_most_and_blocks_nobody(store: MemoryStore) -> None:
    a, b = Member("a", store), Member("b", store)
    ghost = Registration(
        store, SystemClock(), name="ghost", address=("127.0.0.1", free_port()), ttl_s=60
    )
    await ghost.register()
    async with running(a, b):
        await b.membership.join_registered()
        assert b.statuses() == {"a": "alive", "b": "alive"}


@pytest.mark.parametrize("address", ["nonsense", "127.0.0.1", "127.0.0.1:99999", ""])
async def test_joining_what_is_no_address_is_a_clear_error(
    store: MemoryStore, address: str
) -> None:
    a = Member("a", store)
    async with running(a):
        with pytest.raises(ClusterError, match="cannot join"):
            await a.membership.join(address)


async def test_joining_where_nobody_is_is_a_clear_error(store: MemoryStore) -> None:
    a = Member("a", store)
    async with running(a):
        with pytest.raises(ClusterError, match="cannot join"):
            await a.membership.join(f"127.0.0.1:{free_port()}")


def test_an_occupied_address_is_a_readable_error(store: MemoryStore) -> None:
    settings = ClusterSettings(cluster_listen=Address("127.0.0.1", free_port()))
    sockets = bind_membership(settings)
    with pytest.raises(NodeError, match=r"\(cluster_listen\): Address already in use"):
        bind_membership(settings)
    for sock in sockets:
        sock.close()


async def test_two_islands_find_each_other(store: MemoryStore) -> None:
    """0.10 looks for others only when it is alone."""
    members = a, b, c, d = [Member(name, store) for name in "abcd"]
    async with running(*members):
        await b.membership.join(f"127.0.0.1:{a.address.port}")
        await d.membership.join(f"127.0.0.1:{c.address.port}")
        await until(lambda: set(a.statuses()) == {"a", "b"} and set(c.statuses()) == {"c", "d"})
        await a.membership.join_registered()
        everyone = dict.fromkeys("abcd", "alive")
        await until(lambda: all(member.statuses() == everyone for member in members))


async def test_nodes_are_looked_for_every_3_s_for_a_minute_then_every_30_s(
    store: MemoryStore,
) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 25:
            raise NodeError("enough")

    a = Member("a", store)
    async with running(a):
        with pytest.raises(NodeError, match="enough"):
            await a.membership._keep_joining(sleep)
    assert waits == [3.0] * 20 + [30.0] * 5


async def test_a_node_that_was_asked_to_leave_has_no_row(store: MemoryStore) -> None:
    a, b = Member("a", store), Member("b", store)
    async with running(a, b):
        await b.membership.join_registered()
        await until(lambda: len(a.statuses()) == 2)
        was_member = b.membership.is_member
        await b.membership.leave()
        assert (was_member, b.membership.is_member) == (True, False)
        await until(lambda: a.statuses()["b"] == "left")
        async with asyncio.timeout(20):
            while len(await store.select(NODES, {}, limit=10)) != 1:
                await asyncio.sleep(0.01)


async def test_a_lonely_node_that_leaves_removes_its_row_itself(store: MemoryStore) -> None:
    a = Member("a", store)
    async with running(a):
        await a.membership.leave()
        async with asyncio.timeout(20):
            while await store.select(NODES, {}, limit=10):
                await asyncio.sleep(0.01)


@pytest.mark.parametrize("key", [None, "cg8StVXbQJ0gPvMd9o7yrg=="])
async def test_only_the_owner_of_a_name_answers_to_it(store: MemoryStore, key: str | None) -> None:
    a = Member("a", store, key=key)
    async with running(a):
        assert await answers_to("a", a.address, keyring_of(a.settings))
        assert not await answers_to("b", a.address, keyring_of(a.settings))
        other = Keyring([bytes(16)])
        assert not await answers_to("a", a.address, other)
    assert not await answers_to("a", a.address, Keyring())
