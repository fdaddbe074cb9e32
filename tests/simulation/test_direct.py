"""Joins and leaves that go to everybody at once: small clusters see them in milliseconds."""

import pytest

from colobus.cluster.serf.facts import JoinDone, LeaveDone, MemberFailed, MemberJoined, MemberLeft
from colobus.cluster.swim.direct import FAN_OUT
from colobus.cluster.timing import ClusterTiming
from colobus.testing.network import LinkConditions
from support.simulated_cluster import SimCluster, preformed

KEY = bytes(range(16))
# A datagram takes 1 ms at most here.
ONE_WAY_S = 0.001


def seen_within(cluster: SimCluster, name: str, seconds: float, status: str) -> None:
    expected = dict.fromkeys(cluster.hosts, "alive") | {name: status}
    cluster.network.run_for(seconds)
    assert cluster.agree(expected), {each: cluster.view(each) for each in cluster.hosts}


@pytest.mark.parametrize("size", [2, 5, 20])
@pytest.mark.parametrize("key", [b"", KEY], ids=["plain", "encrypted"])
def test_a_join_is_seen_by_all_one_way_after_it_is_done(seed: int, size: int, key: bytes) -> None:
    cluster = SimCluster(seed, timing=ClusterTiming.wan(), key=key)
    cluster.form(size)
    cluster.start("new")
    cluster.join("new", "n1")
    assert cluster.network.run_until_true(
        lambda: cluster.facts("new", JoinDone) != [], within_s=1.0, step_s=0.0001
    )
    seen_within(cluster, "new", ONE_WAY_S + 0.0001, "alive")


def test_a_restarted_node_is_seen_by_all_in_milliseconds(seed: int) -> None:
    """What the cluster remembers of it is outbid before the members are told."""
    cluster = SimCluster(seed)
    cluster.form(8)
    cluster.do("n3", lambda machine, now: machine.commands.set_tags({"v": "1"}, now))
    cluster.network.run_for(2.0)
    cluster.crash("n3")
    failed = dict.fromkeys(cluster.hosts, "alive") | {"n3": "failed"}
    cluster.wait_until(lambda: cluster.agree(failed), within_s=15.0, what="failed n3")
    cluster.restart("n3")
    cluster.join("n3", "n1")
    seen_within(cluster, "n3", 0.01, "alive")


@pytest.mark.parametrize("size", [2, 5, 20, FAN_OUT + 1])
@pytest.mark.parametrize("profile", ["local", "lan", "wan"])
def test_a_leave_is_seen_by_all_after_a_round_trip_and_a_half(
    seed: int, size: int, profile: str
) -> None:
    cluster = SimCluster(seed, timing=getattr(ClusterTiming, profile)())
    preformed(cluster, size)
    cluster.do("n1", lambda machine, now: machine.leave(now))
    cluster.network.run_for(ONE_WAY_S + 0.0001)
    # With one member to tell, its ack may be back already.
    assert {cluster.view(name)["n1"] for name in cluster.hosts} <= {"leaving", "left"}
    cluster.network.run_for(2 * ONE_WAY_S)
    assert cluster.agree(dict.fromkeys(cluster.hosts, "alive") | {"n1": "left"})
    cluster.network.run_for(ONE_WAY_S)
    assert len(cluster.facts("n1", LeaveDone)) == 1, "all have acknowledged"
    cluster.crash("n1")
    cluster.network.run_for(30.0)
    for name in cluster.hosts:
        assert len(cluster.facts(name, MemberLeft)) == 1
        assert cluster.facts(name, MemberFailed) == []


@pytest.mark.parametrize("size", [5, 20])
@pytest.mark.parametrize("loss", [0.1, 0.3])
def test_what_of_a_leave_is_lost_is_repaired_by_gossip(seed: int, size: int, loss: float) -> None:
    cluster = SimCluster(seed)
    cluster.form(size)
    cluster.network.conditions = LinkConditions(loss=loss, duplication=0.05, reordering=0.2)
    cluster.do("n1", lambda machine, now: machine.leave(now))
    left = dict.fromkeys(cluster.hosts, "alive") | {"n1": "left"}
    cluster.wait_until(lambda: cluster.agree(left), within_s=5.0, what="left n1")
    cluster.wait_until(
        lambda: cluster.facts("n1", LeaveDone) != [], within_s=11.0, what="end of n1"
    )
    cluster.crash("n1")
    cluster.network.run_for(20.0)
    assert cluster.agree(left)


@pytest.mark.parametrize("loss", [0.1, 0.3])
def test_what_of_a_join_is_lost_is_repaired_by_gossip(seed: int, loss: float) -> None:
    cluster = SimCluster(seed)
    cluster.form(10)
    cluster.network.conditions = LinkConditions(loss=loss, duplication=0.05, reordering=0.2)
    cluster.start("new")
    cluster.join("new", "n1")
    everybody = dict.fromkeys(cluster.hosts, "alive")
    cluster.wait_until(lambda: cluster.agree(everybody), within_s=3.0, what="eleven members")


def test_in_a_large_cluster_64_are_told_directly_and_the_rest_by_gossip(seed: int) -> None:
    cluster = SimCluster(seed)
    preformed(cluster, 90)
    cluster.start("new")
    sent = cluster.hosts["new"].datagrams_sent
    cluster.join("new", "n1")
    cluster.network.run_for(0.01)
    joined = [name for name in cluster.hosts if "new" in cluster.view(name)]
    # Itself, perhaps who was joined, and whom the gossip reaches in ten milliseconds.
    assert FAN_OUT < len(joined) <= FAN_OUT + 8
    assert cluster.hosts["new"].datagrams_sent - sent <= FAN_OUT + 1
    everybody = dict.fromkeys(cluster.hosts, "alive")
    cluster.wait_until(lambda: cluster.agree(everybody), within_s=4.0, what="all members")
    cluster.do("new", lambda machine, now: machine.leave(now))
    left = everybody | {"new": "left"}
    cluster.wait_until(lambda: cluster.agree(left), within_s=65.0, what="left new")
    # The death may overtake the intent on its way to one of those who hear of both by gossip alone.
    mistaken = [name for name in cluster.hosts if cluster.facts(name, MemberFailed)]
    assert len(mistaken) <= 3


def test_joining_several_addresses_tells_nobody_twice(seed: int) -> None:
    cluster = SimCluster(seed, timing=ClusterTiming.wan())
    cluster.form(8)
    cluster.network.run_for(10.0)
    host = cluster.start("new")
    sent = host.datagrams_sent
    cluster.join("new", "n1", "n2", "n3", "n4")
    cluster.network.run_for(0.005)
    assert len(cluster.facts("new", MemberJoined)) == 9
    # One to each, and what else falls into these milliseconds: a probe, a tick of gossip.
    assert 8 <= host.datagrams_sent - sent <= 8 + 1 + 4
