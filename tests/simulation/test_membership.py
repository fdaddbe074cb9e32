"""The life of members: joining, failing, leaving, coming back. Five nodes at lan timing."""

from dataclasses import replace

import pytest

from colobus.cluster.messages import NodeState
from colobus.cluster.serf.facts import (
    CommandDone,
    JoinDone,
    LeaveDone,
    MemberFailed,
    MemberJoined,
    MemberLeft,
    MemberReaped,
    MemberUpdated,
)
from colobus.cluster.timing import ClusterTiming
from colobus.testing.network import LinkConditions
from support.simulated_cluster import SimCluster

EVERYBODY = {f"n{number}": "alive" for number in range(1, 6)}
# A node may be probed last by everybody, and the suspicion of one accuser waits for confirmation.
DETECTED_WITHIN_S = 15.0
# No suspicion is over before its minimum of 4 s, which follows a probe interval of 0.5 s.
SILENT_AFTER_S = 4.5
# A crashed process on a live host refuses connections: a probe interval and a last call after the
# first probe; verdict and news are a matter of ticks.
REFUSED_WITHIN_S = 4.0


@pytest.fixture
def cluster(seed: int) -> SimCluster:
    formed = SimCluster(seed)
    formed.form(5)
    return formed


def with_status(name: str, status: str) -> dict[str, str]:
    return EVERYBODY | {name: status}


def test_a_node_that_joins_is_alive_everywhere_within_a_second(cluster: SimCluster) -> None:
    cluster.start("n6")
    cluster.join("n6", "n3")
    everybody = EVERYBODY | {"n6": "alive"}
    cluster.wait_until(lambda: cluster.agree(everybody), within_s=1.0, what="sixth member")
    [(_, done)] = cluster.facts("n6", JoinDone)
    assert isinstance(done, JoinDone)
    assert done.joined == (cluster.hosts["n3"].address,)
    assert all(len(cluster.facts(name, MemberJoined)) == 6 for name in cluster.hosts)


def test_two_clusters_become_one_by_a_single_join(seed: int) -> None:
    cluster = SimCluster(seed)
    for name in ("n1", "n2", "n3", "n4"):
        cluster.start(name)
    cluster.join("n2", "n1")
    cluster.join("n4", "n3")
    cluster.network.run_for(3.0)
    assert cluster.agree({"n1": "alive", "n2": "alive"}, among=("n1", "n2"))
    cluster.join("n4", "n2")
    everybody = dict.fromkeys(cluster.hosts, "alive")
    cluster.wait_until(lambda: cluster.agree(everybody), within_s=2.0, what="one cluster")


def test_joining_goes_on_with_the_addresses_that_answer(seed: int) -> None:
    cluster = SimCluster(seed)
    cluster.start("n1")
    cluster.start("n2")
    cluster.start("gone")
    cluster.crash("gone")
    cluster.join("n2", "gone", "n1")
    both = {"n1": "alive", "n2": "alive"}
    cluster.wait_until(lambda: cluster.agree(both), within_s=1.0, what="pair")
    [(_, done)] = cluster.facts("n2", JoinDone)
    assert isinstance(done, JoinDone)
    assert done.failed == ((cluster.hosts["gone"].address, "connection refused"),)


def test_a_crashed_process_failed_everywhere_long_before_a_suspicion_ends(
    cluster: SimCluster,
) -> None:
    start = cluster.now
    cluster.crash("n3")
    cluster.wait_until(
        lambda: cluster.agree(with_status("n3", "failed")),
        within_s=REFUSED_WITHIN_S,
        what="failed n3",
    )
    for name in ("n1", "n2", "n4", "n5"):
        assert len(cluster.facts(name, MemberFailed, since=start)) == 1


def test_a_crashed_process_is_found_before_a_suspicion_ends_at_wan_as_well(seed: int) -> None:
    """The others report after the round there: their probe timeout exceeds its rest."""
    cluster = SimCluster(seed, timing=ClusterTiming.wan())
    cluster.form(5)
    cluster.crash("n3")
    took_s = cluster.wait_until(
        lambda: cluster.agree(with_status("n3", "failed")), within_s=60.0, what="failed n3"
    )
    assert took_s < ClusterTiming.wan().suspicion_min_s(5)


def test_a_host_that_is_cut_off_has_the_time_of_a_suspicion(cluster: SimCluster) -> None:
    cluster.network.partition([cluster.hosts["n3"]])
    took_s = cluster.wait_until(
        lambda: cluster.agree(with_status("n3", "failed"), among=("n1", "n2", "n4", "n5")),
        within_s=DETECTED_WITHIN_S,
        what="failed n3",
    )
    assert took_s >= SILENT_AFTER_S


@pytest.mark.parametrize("loss", [0.0, 0.1, 0.3])
def test_nobody_fails_while_all_are_there(seed: int, loss: float) -> None:
    cluster = SimCluster(seed)
    cluster.form(5)
    cluster.network.conditions = LinkConditions(loss=loss, duplication=0.05, reordering=0.1)
    cluster.network.run_for(120.0)
    assert [cluster.facts(name, MemberFailed) for name in cluster.hosts] == [[]] * 5


def test_a_node_that_stops_for_three_seconds_never_fails(cluster: SimCluster) -> None:
    cluster.network.stop(cluster.hosts["n3"])
    cluster.network.run_for(3.0)
    cluster.network.resume(cluster.hosts["n3"])
    cluster.network.run_for(30.0)
    assert [cluster.facts(name, MemberFailed) for name in cluster.hosts] == [[]] * 5


def test_a_node_that_stops_for_long_fails_and_comes_back_within_a_second(
    cluster: SimCluster,
) -> None:
    cluster.network.stop(cluster.hosts["n3"])
    others = ("n1", "n2", "n4", "n5")
    cluster.wait_until(
        lambda: cluster.agree(with_status("n3", "failed"), among=others),
        within_s=DETECTED_WITHIN_S,
        what="failed n3",
    )
    cluster.network.run_for(2.0)
    cluster.network.resume(cluster.hosts["n3"])
    cluster.wait_until(
        lambda: cluster.agree(EVERYBODY), within_s=2.0, what="n3 back after it was stopped"
    )
    own = cluster.machine("n3")._serf.swim.own
    assert own.incarnation >= 2, "it has refuted"


def test_who_slept_accuses_nobody_when_it_wakes_up(cluster: SimCluster) -> None:
    cluster.network.stop(cluster.hosts["n3"])
    cluster.network.run_for(3.0)
    cluster.network.resume(cluster.hosts["n3"])
    cluster.network.run_for(0.4)
    table = cluster.machine("n3")._serf.swim.table
    assert {node.state for node in table} == {NodeState.ALIVE}


def test_a_node_that_leaves_has_left_everywhere_and_never_failed(cluster: SimCluster) -> None:
    cluster.do("n3", lambda machine, now: machine.leave(now))
    cluster.wait_until(
        lambda: cluster.agree(with_status("n3", "left")), within_s=3.0, what="left n3"
    )
    cluster.wait_until(
        lambda: len(cluster.facts("n3", LeaveDone)) == 1, within_s=3.0, what="end of n3"
    )
    cluster.crash("n3")
    cluster.network.run_for(60.0)
    assert cluster.agree(with_status("n3", "left"))
    for name in cluster.hosts:
        assert len(cluster.facts(name, MemberLeft)) == 1
        assert cluster.facts(name, MemberFailed) == []


@pytest.mark.parametrize("how", ["crash", "leave"])
def test_a_restarted_node_comes_back_in_spite_of_its_first_incarnation(
    cluster: SimCluster, how: str
) -> None:
    # Three changes of tags: the cluster remembers incarnation 4, a restart begins with 1.
    for number in range(3):
        cluster.do("n3", lambda machine, now: machine.commands.set_tags({"v": f"{number}"}, now))  # noqa: B023
        cluster.network.run_for(1.0)
    if how == "leave":
        cluster.do("n3", lambda machine, now: machine.leave(now))
        cluster.network.run_for(5.0)
    cluster.crash("n3")
    gone = "left" if how == "leave" else "failed"
    cluster.wait_until(
        lambda: cluster.agree(with_status("n3", gone)),
        within_s=DETECTED_WITHIN_S,
        what=f"{gone} n3",
    )
    cluster.restart("n3")
    cluster.join("n3", "n1")
    cluster.wait_until(lambda: cluster.agree(EVERYBODY), within_s=2.0, what="restarted n3")
    incarnation = cluster.machine("n3")._serf.swim.own.incarnation
    assert incarnation > 4, "it has outbid what the cluster remembered"
    cluster.network.run_for(60.0)
    assert cluster.agree(EVERYBODY)


def test_a_node_that_restarts_unnoticed_stays_alive(cluster: SimCluster) -> None:
    cluster.do("n3", lambda machine, now: machine.commands.set_tags({"v": "1"}, now))
    cluster.network.run_for(2.0)
    cluster.crash("n3")
    cluster.network.run_for(0.5)
    cluster.restart("n3")
    cluster.join("n3", "n1")
    cluster.network.run_for(60.0)
    assert cluster.agree(EVERYBODY)
    member = cluster.machine("n1").member("n3")
    assert member is not None
    assert dict(member.tags) == {}, "the tags of the old process are gone"


def test_the_halves_of_a_cut_cluster_agree_again_after_healing(cluster: SimCluster) -> None:
    one, other = ("n1", "n2"), ("n3", "n4", "n5")
    cluster.network.partition(*([cluster.hosts[name] for name in side] for side in (one, other)))
    views = [
        {name: "alive" if name in side else "failed" for name in EVERYBODY} for side in (one, other)
    ]
    cluster.wait_until(
        lambda: cluster.agree(views[0], among=one) and cluster.agree(views[1], among=other),
        within_s=2 * DETECTED_WITHIN_S,
        what="two halves",
    )
    cluster.network.run_for(60.0)
    cluster.network.heal()
    # A reconnect tick comes every 30 s; with as many failed as alive it always tries one.
    cluster.wait_until(lambda: cluster.agree(EVERYBODY), within_s=60.0, what="healed cluster")


def test_a_short_cut_heals_at_once(cluster: SimCluster) -> None:
    cluster.network.partition([cluster.hosts["n3"]])
    cluster.network.run_for(10.0)
    cluster.network.heal()
    # While the dead are told of their death, they can refute it.
    cluster.wait_until(lambda: cluster.agree(EVERYBODY), within_s=35.0, what="healed cluster")


def test_a_failed_member_is_forced_to_have_left(cluster: SimCluster) -> None:
    cluster.crash("n3")
    cluster.wait_until(
        lambda: cluster.agree(with_status("n3", "failed")),
        within_s=DETECTED_WITHIN_S,
        what="failed n3",
    )
    cluster.do("n1", lambda machine, now: machine.commands.force_leave("n3", now))
    cluster.wait_until(
        lambda: cluster.agree(with_status("n3", "left")), within_s=2.0, what="forced n3"
    )
    cluster.wait_until(
        lambda: cluster.facts("n1", CommandDone) != [], within_s=2.0, what="end of the command"
    )
    cluster.network.run_for(60.0)
    assert cluster.agree(with_status("n3", "left"))


def test_a_pruned_member_is_forgotten_and_stays_so(cluster: SimCluster) -> None:
    cluster.crash("n3")
    cluster.wait_until(
        lambda: cluster.agree(with_status("n3", "failed")),
        within_s=DETECTED_WITHIN_S,
        what="failed n3",
    )
    cluster.do("n1", lambda machine, now: machine.commands.force_leave("n3", now, prune=True))
    rest = {name: "alive" for name in EVERYBODY if name != "n3"}
    cluster.wait_until(lambda: cluster.agree(rest), within_s=2.0, what="pruned n3")
    cluster.network.run_for(120.0)
    assert cluster.agree(rest)
    assert len(cluster.facts("n2", MemberReaped)) == 1


def test_a_live_node_that_is_forced_out_stays(cluster: SimCluster) -> None:
    cluster.do("n1", lambda machine, now: machine.commands.force_leave("n3", now))
    assert cluster.view("n1")["n3"] == "leaving"
    cluster.wait_until(lambda: cluster.agree(EVERYBODY), within_s=2.0, what="n3 back")
    cluster.network.run_for(30.0)
    assert cluster.agree(EVERYBODY)


def test_new_tags_are_known_everywhere(cluster: SimCluster) -> None:
    cluster.do("n3", lambda machine, now: machine.commands.set_tags({"role": "db"}, now))

    def is_known() -> bool:
        members = [cluster.machine(name).member("n3") for name in cluster.hosts]
        return all(member and dict(member.tags) == {"role": "db"} for member in members)

    cluster.wait_until(is_known, within_s=2.0, what="tags of n3")
    assert all(len(cluster.facts(name, MemberUpdated)) == 1 for name in cluster.hosts)


def test_those_long_gone_are_forgotten(seed: int) -> None:
    timing = replace(ClusterTiming.lan(), reconnect_timeout_s=60.0, tombstone_timeout_s=60.0)
    cluster = SimCluster(seed, timing=timing)
    cluster.form(4)
    cluster.do("n3", lambda machine, now: machine.leave(now))
    cluster.network.run_for(5.0)
    cluster.crash("n3")
    cluster.crash("n4")
    pair = {"n1": "alive", "n2": "alive"}
    cluster.wait_until(lambda: cluster.agree(pair), within_s=120.0, what="two members")
    cluster.network.run_for(120.0)
    assert cluster.agree(pair), "push/pulls do not bring them back"
