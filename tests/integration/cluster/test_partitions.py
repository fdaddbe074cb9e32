"""Real agents, ours and HashiCorp's, on hosts of their own whose network fails in real ways."""

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache

import pytest

from colobus.clock import SystemClock
from support.cluster_agents import Agent, ColobusAgent, SerfAgent, all_see
from support.namespaces import Network, ip, why_not
from support.waiting import wait_until

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(shutil.which("serf") is None, reason="serf is not installed"),
    pytest.mark.timeout(120),
]

REACHABLE = "Successfully contacted all live nodes"
# See ``test_mixed``. At local timing one observer is now and then fifteen seconds late.
DETECTED_S = 40.0
# A reconnect is tried every 30 s at the latest, by somebody.
HEALED_S = 60.0
CLOCK = SystemClock()
checked = cache(why_not)


@dataclass(frozen=True)
class Spread:
    """Agents on hosts 1 to 4: c1, s1, c2, s2."""

    network: Network
    agents: tuple[Agent, ...]

    def view(self, **changed: str) -> dict[str, str]:
        return {agent.name: "alive" for agent in self.agents} | changed

    def all_alive(self, within_s: float = HEALED_S) -> None:
        all_see(self.agents, self.view(), within_s=within_s)

    def stays_so(self, seconds: float) -> None:
        """See that nobody changes its view for a while."""
        end = CLOCK.monotonic() + seconds
        while CLOCK.monotonic() < end:
            for agent in self.agents:
                assert agent.members() == self.view(), f"{agent.name}\n{agent.log[-3000:]}"

    def nobody_failed(self) -> None:
        for agent in self.agents:
            assert "MemberFailed" not in agent.log, agent.log[-3000:]


@pytest.fixture(autouse=True)
def namespaces() -> None:
    if reason := checked():
        pytest.skip(reason)


@contextmanager
def spread(profile: str = "local") -> Iterator[Spread]:
    with ExitStack() as stack:
        network = stack.enter_context(Network(4))
        kinds = (ColobusAgent, SerfAgent, ColobusAgent, SerfAgent)
        agents = tuple(
            stack.enter_context(
                kind(
                    name, host=network.address(host), within=network.namespace(host),
                    profile=profile, compresses=kind is SerfAgent,
                )
            )
            for host, kind, name in zip(network.hosts, kinds, ("c1", "s1", "c2", "s2"), strict=True)
        )  # fmt: skip
        for agent in agents:
            agent.ready()
        for agent in agents[1:]:
            agent.join(agents[0])
        running = Spread(network, agents)
        running.all_alive()
        yield running


def halves(cluster: Spread) -> None:
    """A cut between the two halves: each sees the other fail, and both are one after healing."""
    cluster.network.cut((1, 2))
    all_see(cluster.agents[:2], cluster.view(c2="failed", s2="failed"), within_s=DETECTED_S)
    all_see(cluster.agents[2:], cluster.view(c1="failed", s1="failed"), within_s=DETECTED_S)
    cluster.network.heal()
    cluster.all_alive()
    for agent in cluster.agents:
        # A real agent spreads its queries by gossip alone, which at local timing loses some.
        wait_until(lambda: REACHABLE in (agent.run("reachability") or ""), what=agent.name)  # noqa: B023


def mute(cluster: Spread) -> None:
    """One of ours hears all and is heard by nobody; it comes back once it is."""
    others = [host for host in cluster.network.hosts if host != 3]
    cluster.network.lose((3,), others)
    watching = (cluster.agents[0], cluster.agents[1], cluster.agents[3])
    all_see(watching, cluster.view(c2="failed"), within_s=DETECTED_S)
    cluster.network.heal()
    cluster.all_alive()


def deaf(cluster: Spread) -> None:
    """One of theirs is heard by all and hears nobody."""
    others = [host for host in cluster.network.hosts if host != 4]
    cluster.network.lose(others, (4,))
    all_see(cluster.agents[:3], cluster.view(s2="failed"), within_s=DETECTED_S)
    cluster.network.heal()
    cluster.all_alive()


def one_way(cluster: Spread) -> None:
    """Between two agents packets pass one way only: the others vouch for them, nobody fails."""
    cluster.network.lose((1,), (2,))
    cluster.stays_so(12.0)
    cluster.nobody_failed()


def thin_line(cluster: Spread) -> None:
    """64 kbit/s to and from one agent are enough, also for a join."""
    assert cluster.network.slow(3, "tbf", "rate", "64kbit", "burst", "3kb", "latency", "2s") == ""
    cluster.stays_so(10.0)
    cluster.nobody_failed()
    slow = cluster.agents[2]
    slow.leave()
    all_see((a for a in cluster.agents if a is not slow), cluster.view(c2="left"))
    slow.restart().join(cluster.agents[1])
    cluster.all_alive()


def test_agents_agree_after_every_kind_of_cut() -> None:
    def play(act: Callable[[Spread], None]) -> None:
        try:
            with spread("lan" if act is thin_line else "local") as cluster:
                act(cluster)
        except BaseException as exc:
            exc.add_note(act.__name__)
            raise

    with ThreadPoolExecutor(5) as pool:
        playing = [pool.submit(play, act) for act in (halves, mute, deaf, one_way, thin_line)]
        for played in playing:
            played.result()


def test_a_long_line_fails_nobody() -> None:
    """150 ms there and back, a third of the probe timeout, and some loss."""
    with Network(1) as network:
        reason = network.slow(1, "netem", "delay", "150ms")
    if reason:
        pytest.skip(f"the kernel has no netem: {reason}")
    with spread("lan") as cluster:
        assert cluster.network.slow(3, "netem", "delay", "75ms", "20ms", "loss", "5%") == ""
        cluster.stays_so(15.0)
        cluster.nobody_failed()


def test_the_namespaces_of_a_test_that_fails_are_gone() -> None:
    def attempt() -> list[str]:
        with Network(2) as network:
            made = [network.namespace(host) for host in network.hosts]
            assert set(made) <= set(listed())
            raise RuntimeError(",".join(made))

    with pytest.raises(RuntimeError) as failure:
        attempt()
    wait_until(lambda: not set(str(failure.value).split(",")) & set(listed()), what="clean-up")


def listed() -> list[str]:
    return [line.split()[0] for line in ip("netns", "list").stdout.splitlines()]
