from collections.abc import Iterable

import pytest

from colobus.cluster.messages import VERSIONS, NodeRecord, NodeState, Suspect
from colobus.cluster.swim.merge import check_versions, merge_nodes, node_records
from colobus.errors import ClusterProtocolError
from support.swim import OWN, OWN_ADDRESS, PORT, SwimUnderTest, address_of

ALIVE, SUSPECT, DEAD, LEFT = NodeState


def record(
    name: str, state: int = ALIVE, incarnation: int = 1, versions: bytes = VERSIONS
) -> NodeRecord:
    address = OWN_ADDRESS if name == OWN else address_of(name)
    meta = b"own" if name == OWN else b""
    return NodeRecord(name, address, PORT, meta, incarnation, state, versions)


@pytest.fixture
def swim() -> SwimUnderTest:
    return SwimUnderTest().announced()


def merge(swim: SwimUnderTest, *records: NodeRecord) -> None:
    merge_nodes(records, swim.rules, swim.now)


@pytest.mark.parametrize("state", [SUSPECT, DEAD])
def test_a_remote_death_is_only_a_suspicion_of_ours(swim: SwimUnderTest, state: int) -> None:
    swim.meet("n1")
    merge(swim, record("n1", state))
    assert swim.state("n1") is SUSPECT
    assert swim.queued() == [Suspect(1, "n1", OWN)]


def test_a_remote_departure_is_believed(swim: SwimUnderTest) -> None:
    swim.meet("n1")
    merge(swim, record("n1", LEFT))
    assert swim.state("n1") is LEFT


def test_living_nodes_are_learnt_and_dead_or_unknown_ones_are_not(swim: SwimUnderTest) -> None:
    merge(swim, record("n1"), record("n2", DEAD), record("n3", LEFT), record("n4", 7))
    assert sorted(node.name for node in swim.table) == [OWN, "n1"]


@pytest.mark.parametrize(
    ("state", "incarnation", "refuted_with"),
    [(DEAD, 3, 4), (LEFT, 3, 4), (SUSPECT, 3, 4), (ALIVE, 3, 4), (DEAD, 1, 2)],
)
def test_a_restarted_node_outbids_what_the_cluster_remembers(
    swim: SwimUnderTest, state: int, incarnation: int, refuted_with: int
) -> None:
    merge(swim, record(OWN, state, incarnation))
    assert swim.state(OWN) is ALIVE
    assert swim.rules.own.incarnation == refuted_with


def test_what_the_cluster_rightly_remembers_is_left_alone(swim: SwimUnderTest) -> None:
    merge(swim, record(OWN, ALIVE, 1))
    assert swim.rules.own.incarnation == 1
    assert swim.queued() == []


def test_no_port_in_a_record_means_ours(swim: SwimUnderTest) -> None:
    merge(swim, NodeRecord("n1", address_of("n1"), 0, b"", 1))
    assert swim.node("n1").port == PORT


def test_the_own_table_is_listed_with_states(swim: SwimUnderTest) -> None:
    swim.meet("n1")
    merge(swim, record("n1", DEAD, 4))
    assert set(node_records(swim.table)) == {record(OWN), record("n1", SUSPECT, 4)}


def versions(pmax: int = 5, pcur: int = 2, dmin: int = 2, dmax: int = 5, dcur: int = 5) -> bytes:
    return bytes((1, pmax, pcur, dmin, dmax, dcur))


@pytest.mark.parametrize(
    ("records", "is_refused"),
    [
        ([record("n1")], False),
        ([record("n1", versions=versions(dcur=4))], False),
        ([record("n1", versions=versions(dmax=4, dcur=4))], True),
        ([record("n1", versions=versions(pcur=6))], True),
        ([record("n1", DEAD, versions=b"")], True),
        ([record("n1", DEAD, versions=versions(pmax=1))], False),
        ([record("n1"), record("n2", SUSPECT, versions=versions(dcur=9))], True),
        ([], False),
    ],
)
def test_one_node_outside_of_the_common_versions_refuses_the_whole_merge(
    swim: SwimUnderTest, records: Iterable[NodeRecord], is_refused: bool
) -> None:
    if not is_refused:
        check_versions(records, swim.table)
        return
    with pytest.raises(ClusterProtocolError, match="is incompatible"):
        check_versions(records, swim.table)
