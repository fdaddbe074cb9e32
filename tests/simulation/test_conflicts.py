"""Two nodes with one name: the first keeps it."""

from colobus.cluster.serf.facts import NameConflict, NameLost
from support.simulated_cluster import SimCluster


def test_the_second_node_of_a_name_is_voted_out(seed: int) -> None:
    cluster = SimCluster(seed)
    cluster.form(4)
    first = cluster.hosts.pop("n2")
    cluster.start("n2", number=9)
    second = cluster.hosts["n2"]
    cluster.join("n2", "n1")
    cluster.hosts["n2"] = first
    cluster.hosts["second"] = second
    cluster.wait_until(
        lambda: cluster.facts("second", NameLost) != [], within_s=8.0, what="verdict"
    )
    cluster.crash("second")
    cluster.network.run_for(30.0)
    assert cluster.facts("n2", NameLost) == []
    assert any(cluster.facts(name, NameConflict) for name in ("n1", "n2", "n3", "n4"))
    everybody = {f"n{number}": "alive" for number in range(1, 5)}
    del cluster.hosts["second"]
    assert cluster.agree(everybody)
