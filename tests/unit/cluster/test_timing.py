"""The formulas of memberlist and Serf, with the numbers real agents come to."""

import pytest

from colobus.cluster.timing import ClusterTiming

PRESETS = {
    "local": ClusterTiming.local(),
    "lan": ClusterTiming.lan(),
    "wan": ClusterTiming.wan(),
}


@pytest.mark.parametrize(
    ("preset", "nodes", "confirmations", "least_s", "most_s"),
    [
        ("local", 2, 0, 3.0, 18.0),
        ("local", 3, 1, 3.0, 18.0),
        ("local", 100, 1, 6.0, 36.0),
        ("local", 1000, 1, 9.0, 54.0),
        ("lan", 2, 0, 4.0, 24.0),
        ("lan", 3, 0, 4.0, 24.0),
        ("lan", 4, 2, 4.0, 24.0),
        ("lan", 10, 2, 4.0, 24.0),
        ("lan", 1000, 2, 12.0, 72.0),
        ("wan", 4, 0, 30.0, 180.0),
        ("wan", 10, 4, 30.0, 180.0),
        ("wan", 100, 4, 60.0, 360.0),
    ],
)
def test_a_suspicion_lasts_as_long_as_the_cluster_needs_to_refute(
    preset: str, nodes: int, confirmations: int, least_s: float, most_s: float
) -> None:
    timing = PRESETS[preset]
    assert timing.suspicion_confirmations(nodes) == confirmations
    assert timing.suspicion_min_s(nodes) == pytest.approx(least_s)
    assert timing.suspicion_max_s(nodes) == pytest.approx(most_s)


def test_the_logarithm_of_a_suspicion_is_cut_to_three_decimals() -> None:
    # log10(50) = 1.69897
    assert ClusterTiming.lan().suspicion_min_s(50) == pytest.approx(4 * 1.698)


@pytest.mark.parametrize(
    ("preset", "nodes", "limit"),
    [
        ("local", 1, 2),
        ("local", 9, 2),
        ("local", 10, 4),
        ("local", 99, 4),
        ("local", 100, 6),
        ("local", 1000, 8),
        ("lan", 1, 4),
        ("lan", 9, 4),
        ("lan", 10, 8),
        ("lan", 99, 8),
        ("lan", 100, 12),
        ("lan", 999, 12),
        ("lan", 1000, 16),
    ],
)
def test_a_broadcast_is_sent_more_often_in_a_larger_cluster(
    preset: str, nodes: int, limit: int
) -> None:
    assert PRESETS[preset].retransmit_limit(nodes) == limit


@pytest.mark.parametrize(
    ("nodes", "multiple"),
    [(1, 1), (32, 1), (33, 2), (64, 2), (65, 3), (128, 3), (129, 4), (1000, 6)],
)
def test_exchanges_are_rarer_in_a_larger_cluster(nodes: int, multiple: int) -> None:
    assert ClusterTiming.lan().scaled_push_pull_interval_s(nodes) == 30.0 * multiple


@pytest.mark.parametrize(
    ("preset", "members", "timeout_s"),
    [
        ("local", 1, 1.6),
        ("local", 9, 1.6),
        ("local", 10, 3.2),
        ("local", 100, 4.8),
        ("lan", 3, 3.2),
        ("lan", 100, 9.6),
        ("wan", 9, 8.0),
        ("wan", 100, 24.0),
    ],
)
def test_a_query_waits_as_long_as_gossip_needs(preset: str, members: int, timeout_s: float) -> None:
    assert PRESETS[preset].query_timeout_s(members) == pytest.approx(timeout_s)


def test_the_presets_differ_where_the_table_says() -> None:
    rows = {
        name: (
            timing.stream_timeout_s,
            timing.indirect_checks,
            timing.push_pull_interval_s,
            timing.probe_timeout_s,
            timing.probe_interval_s,
            timing.gossip_nodes,
            timing.gossip_interval_s,
            timing.gossip_to_the_dead_s,
        )
        for name, timing in PRESETS.items()
    }
    assert rows == {
        "local": (1, 1, 15, 0.2, 1, 3, 0.1, 15),
        "lan": (10, 3, 30, 0.2, 0.5, 3, 0.2, 30),
        "wan": (30, 3, 60, 3, 5, 4, 0.5, 60),
    }
