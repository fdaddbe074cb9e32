"""A thousand members: news is everywhere in two seconds, and a member is as quiet as in a small pool."""

from collections.abc import Callable, Iterator

import pytest

from colobus.cluster.serf.facts import MemberFailed, UserEventReceived
from support.simulated_cluster import SimCluster, preformed

LARGE = 1000
SIZES = (30, 300, LARGE)
SPREAD_WITHIN_S = 2.0


@pytest.fixture(scope="module")
def cluster() -> Iterator[Callable[[int], SimCluster]]:
    """Give clusters by size, each made once."""
    made: dict[int, SimCluster] = {}

    def of_size(size: int) -> SimCluster:
        if size not in made:
            made[size] = SimCluster(seed=size)
            preformed(made[size], size)
        return made[size]

    yield of_size
    made.clear()


def datagrams(cluster: SimCluster) -> int:
    return sum(host.datagrams_sent for host in cluster.hosts.values())


def arrivals(cluster: SimCluster, event: str) -> list[float]:
    return sorted(
        at
        for host in cluster.hosts.values()
        for at, fact in host.facts
        if isinstance(fact, UserEventReceived) and fact.name == event
    )


def test_the_traffic_of_a_member_does_not_depend_on_how_many_there_are(
    cluster: Callable[[int], SimCluster],
) -> None:
    rates = {}
    for size in SIZES:
        pool = cluster(size)
        pool.network.run_for(1.0)
        before = datagrams(pool)
        pool.network.run_for(2.0)
        rates[size] = (datagrams(pool) - before) / size / 2.0
    assert max(rates.values()) <= 1.2 * min(rates.values()), rates
    assert rates[LARGE] == pytest.approx(4.0, rel=0.05), "two pings and two acks per second"


@pytest.mark.parametrize("is_direct", [False, True])
def test_an_event_reaches_a_thousand_members_within_two_seconds(
    cluster: Callable[[int], SimCluster], *, is_direct: bool
) -> None:
    pool = cluster(LARGE)
    name, start, before = f"direct {is_direct}", pool.now, datagrams(pool)
    pool.do(
        "n1",
        lambda machine, now: machine.commands.user_event(name, b"42", now, is_direct=is_direct),
    )
    took_s = pool.wait_until(
        lambda: len(arrivals(pool, name)) == LARGE, within_s=SPREAD_WITHIN_S, what="event"
    )
    assert len(arrivals(pool, name)) == LARGE, "each once"
    pool.network.run_for(2.0 - took_s)
    # Sent 16 times by each member at most, several entries to a packet, beside pings and acks.
    assert (datagrams(pool) - before) / LARGE <= 16 + 4 * 2.0 + 1
    assert arrivals(pool, name)[0] == start
    assert not any(pool.facts(member, MemberFailed) for member in pool.hosts)
