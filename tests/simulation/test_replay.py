"""Everything ever sent in a cluster, sent again: sealed or not, it changes nothing.

The protocol of Serf has no protection of its own against replay; that old messages are without
effect follows from incarnations, Lamport times and the rings of recent events and queries.
"""

import pytest

from colobus.cluster.machine import Datagram
from colobus.cluster.serf.facts import MemberFailed, MemberLeft, UserEventReceived
from colobus.cluster.swim.addresses import Address
from colobus.testing.hosts import SimHost
from support.simulated_cluster import SimCluster

KEY = bytes(range(16))


def eventful(seed: int, key: bytes) -> tuple[SimCluster, list[tuple[Address, Datagram]]]:
    """Return a cluster in which everything has happened once, and all datagrams of it."""
    cluster = SimCluster(seed, key=key)
    recorded: list[tuple[Address, Datagram]] = []
    send = cluster.network._send

    def recording(host: SimHost, datagram: Datagram) -> None:
        recorded.append((host.address, datagram))
        send(host, datagram)

    cluster.network._send = recording  # type: ignore[method-assign]
    cluster.form(5)
    for number in range(5):
        name = f"n{number + 1}"
        cluster.do(
            name,
            lambda machine, now: machine.commands.user_event("e", machine.name.encode(), now),
        )
    cluster.do("n2", lambda machine, now: machine.commands.set_tags({"v": "1"}, now))
    cluster.do("n2", lambda machine, now: machine.commands.query("q", b"", now, wants_acks=True))
    cluster.network.run_for(5.0)
    cluster.do("n3", lambda machine, now: machine.leave(now))
    cluster.crash("n4")
    gone = {"n3": "left", "n4": "failed"}
    view = dict.fromkeys(cluster.hosts, "alive") | gone
    cluster.network.run_for(1.0)
    cluster.crash("n3")
    cluster.wait_until(lambda: cluster.agree(view), within_s=30.0, what="n3 left, n4 failed")
    for name in gone:
        cluster.restart(name)
        cluster.join(name, "n1")
    everybody = dict.fromkeys(cluster.hosts, "alive")
    cluster.wait_until(lambda: cluster.agree(everybody), within_s=5.0, what="all back")
    cluster.network.run_for(20.0)
    del cluster.network._send
    return cluster, recorded


@pytest.mark.parametrize("key", [b"", KEY], ids=["plain", "encrypted"])
def test_a_replay_of_everything_changes_nothing(seed: int, key: bytes) -> None:
    cluster, recorded = eventful(seed, key)
    start = cluster.now
    assert len(recorded) > 300
    for source, datagram in recorded:
        for host in cluster.hosts.values():
            if host.is_up:
                host.machine.receive_datagram(datagram.data, source, cluster.now)
    for host in cluster.hosts.values():
        cluster.network.pump(host)
    cluster.network.run_for(30.0)
    assert cluster.agree(dict.fromkeys(cluster.hosts, "alive"))
    for name in cluster.hosts:
        for kind in (MemberFailed, MemberLeft, UserEventReceived):
            assert cluster.facts(name, kind, since=start) == [], (name, kind)
    member = cluster.machine("n1").member("n2")
    assert member is not None
    assert dict(member.tags) == {"v": "1"}
