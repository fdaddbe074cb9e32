"""Events and queries on their way through a cluster, some of it lost."""

import pytest

from colobus.cluster.machine import ClusterMachine
from colobus.cluster.serf.facts import (
    KeyOperationDone,
    QueryAcked,
    QueryAnswered,
    QueryClosed,
    QueryReceived,
    UserEventReceived,
)
from colobus.cluster.serf.keys import KeyOperation
from colobus.testing.network import LinkConditions
from support.simulated_cluster import SimCluster

LOSSY = LinkConditions(loss=0.1, duplication=0.05, reordering=0.2)


def lossy_cluster(seed: int, size: int, *, key: bytes = b"") -> SimCluster:
    cluster = SimCluster(seed, key=key)
    cluster.form(size)
    cluster.network.conditions = LOSSY
    return cluster


def received(cluster: SimCluster, name: str) -> list[str]:
    return [
        fact.name
        for _, fact in cluster.facts(name, UserEventReceived)
        if isinstance(fact, UserEventReceived)
    ]


@pytest.mark.parametrize("size", [3, 20])
def test_events_reach_everybody_once_at_a_loss_of_a_tenth(seed: int, size: int) -> None:
    cluster = lossy_cluster(seed, size)
    expected = sorted(f"event-{name}" for name in cluster.hosts)
    for name in cluster.hosts:
        cluster.do(
            name,
            lambda machine, now: machine.commands.user_event(f"event-{machine.name}", b"", now),
        )
    cluster.wait_until(
        lambda: all(len(received(cluster, name)) >= size for name in cluster.hosts),
        within_s=3.0,
        what="events everywhere",
    )
    cluster.network.run_for(45.0)
    assert all(sorted(received(cluster, name)) == expected for name in cluster.hosts)


def test_a_direct_event_is_everywhere_within_milliseconds(seed: int) -> None:
    cluster = SimCluster(seed)
    cluster.form(20)
    start = cluster.now
    cluster.do(
        "n1", lambda machine, now: machine.commands.user_event("r", b"", now, is_direct=True)
    )
    cluster.network.run_for(0.0011)
    assert all(received(cluster, name) == ["r"] for name in cluster.hosts)
    cluster.network.run_for(5.0)
    assert all(received(cluster, name) == ["r"] for name in cluster.hosts)
    assert cluster.now - start > 5.0


def test_a_node_that_was_cut_off_hears_what_it_missed(seed: int) -> None:
    cluster = SimCluster(seed)
    cluster.form(4)
    cluster.network.partition([cluster.hosts["n4"]])
    cluster.do("n1", lambda machine, now: machine.commands.user_event("missed", b"", now))
    cluster.network.run_for(4.0)
    assert received(cluster, "n4") == []
    cluster.network.heal()
    cluster.wait_until(
        lambda: received(cluster, "n4") == ["missed"], within_s=65.0, what="event by push/pull"
    )
    cluster.network.run_for(60.0)
    assert received(cluster, "n4") == ["missed"]


def test_who_joins_hears_old_events_only_if_it_wants_to(seed: int) -> None:
    cluster = SimCluster(seed)
    cluster.form(2)
    cluster.do("n1", lambda machine, now: machine.commands.user_event("old", b"", now))
    cluster.network.run_for(3.0)
    first = [cluster.hosts["n1"].address]
    for name, ignores in (("n3", True), ("n4", False)):

        def join(machine: ClusterMachine, now: float, *, is_ignoring: bool = ignores) -> None:
            machine.commands.join(first, now, ignores_old_events=is_ignoring)

        cluster.start(name)
        cluster.do(name, join)
    cluster.network.run_for(90.0)
    assert (received(cluster, "n3"), received(cluster, "n4")) == ([], ["old"])


def test_a_query_is_acknowledged_and_answered_by_everybody(seed: int) -> None:
    cluster = lossy_cluster(seed, 8)
    cluster.do(
        "n1",
        lambda machine, now: machine.commands.query(
            "load", b"?", now, wants_acks=True, relay_factor=3
        ),
    )

    def answer_all() -> bool:
        for name in cluster.hosts:
            for _, fact in cluster.facts(name, QueryReceived):
                if isinstance(fact, QueryReceived) and name not in answered:
                    answered.add(name)
                    key, payload = fact.query, name.encode()

                    def respond(machine: ClusterMachine, now: float) -> None:
                        machine.respond(key, payload, now)  # noqa: B023 (called at once)

                    cluster.do(name, respond)
        return cluster.facts("n1", QueryClosed) != []

    answered: set[str] = set()
    cluster.wait_until(answer_all, within_s=4.0, what="end of the query")
    acked = [
        fact.member for _, fact in cluster.facts("n1", QueryAcked) if isinstance(fact, QueryAcked)
    ]
    answers = {
        fact.member: fact.payload
        for _, fact in cluster.facts("n1", QueryAnswered)
        if isinstance(fact, QueryAnswered)
    }
    assert sorted(acked) == sorted(cluster.hosts), "each once, however many were relayed"
    assert answers == {name: name.encode() for name in cluster.hosts}


def test_the_key_of_a_running_cluster_is_exchanged(seed: int) -> None:
    old, new = bytes(16), bytes(range(16))
    cluster = SimCluster(seed, key=old)
    cluster.form(4)
    for operation, key in (
        (KeyOperation.INSTALL, new),
        (KeyOperation.USE, new),
        (KeyOperation.REMOVE, old),
    ):
        start = cluster.now
        cluster.do(
            "n2",
            lambda machine, now: machine.commands.key_operation(operation, now, key),  # noqa: B023 (called at once)
        )
        cluster.wait_until(
            lambda: cluster.facts("n2", KeyOperationDone, since=start) != [],  # noqa: B023 (called at once)
            within_s=4.0,
            what=operation.value,
        )
        [(_, done)] = cluster.facts("n2", KeyOperationDone, since=start)
        assert isinstance(done, KeyOperationDone)
        assert (done.responses, done.error) == (4, "")
    cluster.network.run_for(30.0)
    assert cluster.agree(dict.fromkeys(cluster.hosts, "alive"))
    assert all(cluster.machine(name)._keyring.keys == (new,) for name in cluster.hosts)
