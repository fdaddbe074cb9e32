"""What the sockets of an agent may not do: outlive their stream, or hold up a stop."""

import asyncio
import random
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any

import pytest

from colobus.clock import SystemClock
from colobus.cluster.agent import ClusterAgent, bind_cluster
from colobus.cluster.keyring import Keyring
from colobus.cluster.machine import ClusterMachine, MemberSettings
from colobus.cluster.refusals import Refusal
from colobus.cluster.serf.facts import Fact, JoinDone, MemberJoined, MemberLeft
from colobus.cluster.swim.streams import MOST_ACCEPTED
from colobus.cluster.timing import ClusterTiming

pytestmark = pytest.mark.integration

HOST = "127.0.0.1"
CLOCK = SystemClock()
WAN = ClusterTiming.wan()
# What does not go directly takes longer than any test waits.
WITHOUT_GOSSIP = replace(
    WAN, gossip_interval_s=600.0, push_pull_interval_s=6000.0, probe_interval_s=600.0,
    broadcast_timeout_s=30.0, leave_propagate_delay_s=30.0,
)  # fmt: skip


class Running(ClusterAgent):
    """An agent that keeps its facts."""

    facts: list[Fact]
    port: int


@asynccontextmanager
async def running(name: str, timing: ClusterTiming = WAN) -> AsyncIterator[Running]:
    sockets = bind_cluster((HOST, 0))
    port = sockets[0].getsockname()[1]
    settings = MemberSettings(name=name, address=bytes((127, 0, 0, 1)), port=port, timing=timing)
    machine = ClusterMachine(
        settings, keyring=Keyring(), rng=random.Random(1), random_bytes=secrets.token_bytes
    )
    facts: list[Fact] = []
    agent = Running(machine, sockets, CLOCK, facts.append)
    agent.facts, agent.port = facts, port
    await agent.start()
    try:
        yield agent
    finally:
        await agent.close()


async def has_fact(agent: Running, kind: type[Fact], count: int = 1) -> None:
    async with asyncio.timeout(20):
        while sum(isinstance(fact, kind) for fact in agent.facts) < count:
            await asyncio.sleep(0.001)


async def test_an_agent_that_is_alone_leaves_at_once() -> None:
    async with running("alone", WITHOUT_GOSSIP) as agent:
        start = CLOCK.monotonic()
        await agent.leave()
        assert CLOCK.monotonic() - start < 10, "no moment for stragglers where there are none"


async def test_a_join_and_a_leave_wait_for_no_tick() -> None:
    async with (
        running("a", WITHOUT_GOSSIP) as a,
        running("b", WITHOUT_GOSSIP) as b,
        running("c", WITHOUT_GOSSIP) as c,
    ):
        start = CLOCK.monotonic()
        for joining in (b, c):
            target = (HOST, a.port)
            joining.call(lambda now: joining.machine.commands.join([target], now))  # noqa: B023
            for agent in (a, joining):
                await has_fact(agent, MemberJoined, 2)
        await has_fact(b, MemberJoined, 3)
        await c.leave()
        await has_fact(a, MemberLeft)
        await has_fact(b, MemberLeft)
        assert CLOCK.monotonic() - start < 20


async def test_the_time_given_to_a_leave_covers_its_worst_case() -> None:
    """Nobody acknowledges and no gossip tick comes: both steps run into their timeout."""
    timing = replace(
        WAN, broadcast_timeout_s=0.2, leave_propagate_delay_s=0.1, gossip_interval_s=100.0
    )
    async with running("a", timing) as a:
        async with running("b", timing) as b:
            a.call(lambda now: a.machine.commands.join([(HOST, b.port)], now))
            await has_fact(a, MemberJoined, 2)
        start = CLOCK.monotonic()
        await a.leave()
        taken_s = CLOCK.monotonic() - start
    assert 0.4 < taken_s < timing.longest_leave_s + 1.0


async def test_a_dial_that_outlives_its_stream_is_cancelled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cancelled = asyncio.Event()

    async def connects_never(*_address: object) -> Any:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            cancelled.set()

    monkeypatch.setattr(asyncio, "open_connection", connects_never)
    async with running("a", replace(WAN, stream_timeout_s=0.1)) as agent:
        agent.call(lambda now: agent.machine.commands.join([("192.0.2.1", 7946)], now))
        await has_fact(agent, JoinDone)
        async with asyncio.timeout(5):
            await cancelled.wait()
            while agent._tasks:
                await asyncio.sleep(0.001)
        assert agent._dials == {}


async def test_a_peer_that_does_not_read_its_answer_is_cut_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It asks for everything, which is more than the socket takes, and reads nothing."""
    monkeypatch.setattr("colobus.cluster.agent.CLOSE_S", 0.2)
    async with running("a") as agent:
        own = agent.machine._serf.swim
        for number in range(20_000):
            node = replace(own.own, name=f"n{number:05}", meta=bytes(400))
            own.table.insert(node)
        with socket.socket() as raw:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            raw.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(raw, (HOST, agent.port))
            request = b"\x06\x83\xa5Nodes\x00\xacUserStateLen\x00\xa4Join\xc2"
            await loop.sock_sendall(raw, request)
            async with asyncio.timeout(10):
                while not agent._tasks:
                    await asyncio.sleep(0.001)
                while agent._tasks:
                    await asyncio.sleep(0.001)


async def test_peers_that_say_nothing_or_drip_are_turned_away_in_time() -> None:
    """Slots are taken for as long as a stream may last, and are free again then."""
    timing = replace(WAN, stream_timeout_s=0.5)
    async with running("a", timing) as a, running("b") as b:
        held = [await asyncio.open_connection(HOST, a.port) for _ in range(MOST_ACCEPTED + 20)]
        drip = b"\x06\x83\xa5Nodes\xcd\xff\xff\xacUserStateLen\x00\xa4Join\xc2" + b"\x80" * 100

        async def drips(writer: asyncio.StreamWriter) -> None:
            for byte in drip:
                writer.write(bytes((byte,)))
                await asyncio.sleep(0.02)

        async with asyncio.TaskGroup() as group:
            dripping = [group.create_task(drips(writer)) for _, writer in held[:8]]
            async with asyncio.timeout(10):
                for reader, _ in held:
                    with suppress(ConnectionResetError):
                        assert await reader.read() == b""
            for task in dripping:
                task.cancel()
        counts = a.machine.refusals.counts
        assert counts[Refusal.STREAM_TURNED_AWAY] == 20
        assert counts[Refusal.STREAM_TIMED_OUT] == MOST_ACCEPTED
        assert a._writers == {}
        b.call(lambda now: b.machine.commands.join([(HOST, a.port)], now))
        await has_fact(b, MemberJoined, 2)
        for _, writer in held:
            writer.close()
