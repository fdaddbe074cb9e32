"""A node's row: renewed in time, made again, given up, and never fought over in silence."""

from collections.abc import Awaitable, Callable

import pytest

from colobus.model import CORE_KINDS, Catalog
from colobus.model.nodes import NODES
from colobus.node.registry import Registration
from colobus.testing.clock import ManualClock
from colobus.testing.store import MemoryStore

TTL_S = 3600.0


class _OverError(Exception):
    pass


class World:
    """A registry in virtual time."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.store = MemoryStore(Catalog(CORE_KINDS), self.clock)
        self.is_member = True

    def node(self, name: str, port: int = 7946) -> Registration:
        return Registration(
            self.store, self.clock, name=name, address=("10.0.0.1", port), ttl_s=TTL_S
        )

    async def keep(
        self, node: Registration, rounds: int, before: Callable[[int], Awaitable[None]]
    ) -> list[float]:
        """Run ``rounds`` keepalives and return how long each waited; ``before`` comes first."""
        waits: list[float] = []

        async def sleep(seconds: float) -> None:
            if len(waits) == rounds:
                raise _OverError
            waits.append(seconds)
            self.clock.advance(seconds)
            await before(len(waits))

        with pytest.raises(_OverError):
            await node.keep_alive(lambda: self.is_member, sleep)
        return waits

    async def names(self) -> set[str]:
        return {row["name"] for row in await self.store.select(NODES, {}, limit=100)}


@pytest.fixture
def world() -> World:
    return World()


async def nothing(_: int) -> None:
    pass


async def test_a_row_lives_its_time_after_the_last_keepalive(world: World) -> None:
    node = world.node("a")
    await node.register()
    assert await world.keep(node, 240, nothing) == [30.0] * 240  # two hours
    assert await world.names() == {"a"}
    world.clock.advance(TTL_S - 1)
    assert await world.names() == {"a"}
    world.clock.advance(2)
    assert await world.names() == set()
    assert await world.node("b").addresses() == []


async def test_a_row_that_vanished_is_made_again(world: World) -> None:
    node = world.node("a")
    await node.register()

    async def lose(count: int) -> None:
        if count == 1:
            await node.remove("a")

    await world.keep(node, 1, lose)
    assert await world.names() == {"a"}


async def test_a_keepalive_outlives_an_outage_and_says_so(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    node = world.node("a")
    await node.register()

    async def break_down(count: int) -> None:
        world.store.outage = "no route to host" if count < 3 else None

    await world.keep(node, 3, break_down)
    assert caplog.text.count("could not renew this node in the registry") == 2
    assert await world.names() == {"a"}


async def test_a_node_that_left_is_not_registered_again(world: World) -> None:
    node = world.node("a")
    await node.register()
    await node.remove("a")
    world.is_member = False
    await world.keep(node, 5, nothing)
    assert await world.names() == set()


async def test_keepalives_sweep_what_expired(world: World) -> None:
    await world.node("dead", 1).register()
    node = world.node("a")

    async def wait(_: int) -> None:
        world.clock.advance(TTL_S)

    await world.keep(node, 1, wait)
    assert await world.store.count(NODES) == 1


async def test_two_nodes_of_one_name_are_told_of(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = world.node("a", 1), world.node("a", 2)
    await first.register()
    assert await first.other_address() is None
    assert await second.other_address() == ("10.0.0.1", 1)
    await second.register()
    await world.keep(first, 1, nothing)
    assert "a node at 10.0.0.1:2 is registered under the name of this one, a" in caplog.text


async def test_candidates_are_the_newest_first_and_never_oneself(world: World) -> None:
    for port, name in enumerate("abc", start=1):
        world.clock.advance(1)
        await world.node(name, port).register()
    await world.node("earlier-life", 9).register()
    assert await world.node("d", 9).addresses() == [("10.0.0.1", port) for port in (3, 2, 1)]
    assert ("10.0.0.1", 2) not in await world.node("b", 2).addresses()


async def test_an_address_that_is_none_is_passed_over(world: World) -> None:
    row = {"name": "odd", "cluster_listening_address": "nowhere", "created_at": 1}
    await world.store.register(NODES, row, ttl_s=TTL_S)
    assert await world.node("a").addresses() == []
    assert await world.node("odd").other_address() is None
