"""One cluster of our agent and a real one: both see, hear and reach each other."""

import asyncio
import json
import random
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from colobus.clock import SystemClock
from colobus.cluster.agent import ClusterAgent, bind_cluster
from colobus.cluster.keyring import Keyring, decode_key
from colobus.cluster.machine import ClusterMachine, MemberSettings
from colobus.cluster.serf.facts import Fact, MemberFailed, MemberJoined, UserEventReceived
from colobus.cluster.timing import ClusterTiming
from support.ports import free_port
from support.waiting import wait_until

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(shutil.which("serf") is None, reason="serf is not installed"),
]

KEY = "cg8StVXbQJ0gPvMd9o7yrg=="
HOST = "127.0.0.1"


class RealSerf:
    """A `serf agent` in a child process."""

    def __init__(self, key: str = "") -> None:
        self.port, self.rpc = free_port(), f"{HOST}:{free_port()}"
        command = [
            "serf", "agent", "-node=real", f"-bind={HOST}:{self.port}", f"-rpc-addr={self.rpc}",
            "-profile=local", "-log-level=warn",
        ]  # fmt: skip
        self.log = tempfile.TemporaryFile("w+")  # noqa: SIM115  (closed by close)
        # A session of its own: an orphaned group with a stopped child would be sent SIGHUP.
        self.process = subprocess.Popen(
            command + ([f"-encrypt={key}"] if key else []),
            stdout=self.log, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        wait_until(lambda: self.run("info") is not None, what="the real agent")

    def run(self, *arguments: str) -> str | None:
        result = subprocess.run(
            ["serf", arguments[0], f"-rpc-addr={self.rpc}", *arguments[1:]],
            capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip
        return result.stdout if result.returncode == 0 else None

    def members(self) -> dict[str, str]:
        listed = json.loads(self.run("members", "-format=json") or '{"members": []}')
        return {member["name"]: member["status"] for member in listed["members"]}

    def close(self) -> str:
        self.process.terminate()
        self.process.wait(20)
        self.log.seek(0)
        text = self.log.read()
        self.log.close()
        return text


@pytest.fixture(params=["", KEY], ids=["plain", "encrypted"])
def serf(request: pytest.FixtureRequest) -> Iterator[RealSerf]:
    agent = RealSerf(request.param)
    agent.key = request.param  # type: ignore[attr-defined]
    yield agent
    agent.close()


@asynccontextmanager
async def our_agent(facts: list[Fact], key: str) -> AsyncIterator[ClusterAgent]:
    sockets = bind_cluster((HOST, 0))
    machine = ClusterMachine(
        MemberSettings(
            name="ours",
            address=bytes((127, 0, 0, 1)),
            port=sockets[0].getsockname()[1],
            timing=ClusterTiming.local(),
            tags={"role": "colobus"},
        ),
        keyring=Keyring([decode_key(key)] if key else []),
        rng=random.Random(1),
        random_bytes=secrets.token_bytes,
    )
    agent = ClusterAgent(machine, sockets, SystemClock(), facts.append)
    await agent.start()
    try:
        yield agent
    finally:
        await agent.close()


async def until(probe: Callable[[], Any], what: str) -> None:
    async with asyncio.timeout(30):
        while not probe():
            await asyncio.sleep(0.02)


async def test_a_real_agent_and_ours_are_one_cluster(serf: RealSerf) -> None:
    facts: list[Fact] = []

    async def real(*arguments: str) -> str | None:
        return await asyncio.to_thread(serf.run, *arguments)

    async with our_agent(facts, serf.key) as agent:  # type: ignore[attr-defined]
        agent.call(lambda now: agent.machine.commands.join([(HOST, serf.port)], now))
        await until(lambda: "real" in joined(facts), "the real member")
        await until(lambda: serf.members() == {"real": "alive", "ours": "alive"}, "us")

        assert await real("event", "-coalesce=false", "deploy", "42") is not None
        await until(lambda: ("deploy", b"42") in events(facts), "the real event")
        report = await real("reachability")
        assert report is not None
        assert "Successfully contacted all live nodes" in report
        await until(lambda: serf.run("rtt", "real", "ours") is not None, "coordinates")

        serf.process.kill()
        await until(lambda: any(isinstance(fact, MemberFailed) for fact in facts), "the crash")


async def test_a_leave_of_ours_is_seen_as_one(serf: RealSerf) -> None:
    async with our_agent([], serf.key) as agent:  # type: ignore[attr-defined]
        agent.call(lambda now: agent.machine.commands.join([(HOST, serf.port)], now))
        await until(lambda: serf.members().get("ours") == "alive", "us")
        await agent.leave()
        await until(lambda: serf.members()["ours"] == "left", "the leave")


async def test_without_the_key_nobody_gets_in(serf: RealSerf) -> None:
    other = KEY if not serf.key else "aaaaaaaaaaaaaaaaaaaaaA=="  # type: ignore[attr-defined]
    facts: list[Fact] = []
    async with our_agent(facts, other) as agent:
        done = agent.call(lambda now: agent.machine.commands.join([(HOST, serf.port)], now))
        await until(lambda: any(getattr(fact, "command", -1) == done for fact in facts), "the end")
        assert "real" not in joined(facts)
        assert serf.members() == {"real": "alive"}


def joined(facts: list[Fact]) -> set[str]:
    return {fact.member.name for fact in facts if isinstance(fact, MemberJoined)}


def events(facts: list[Fact]) -> list[tuple[str, bytes]]:
    return [(fact.name, fact.payload) for fact in facts if isinstance(fact, UserEventReceived)]
