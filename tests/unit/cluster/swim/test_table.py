from random import Random

from colobus.cluster.messages import VERSIONS, NodeState
from colobus.cluster.swim.table import Node, NodeTable


def table_of(*states: NodeState, seed: int = 1) -> NodeTable:
    table = NodeTable(Random(seed))
    for number, state in enumerate(states):
        name = "me" if number == 0 else f"n{number}"
        node = Node(name, bytes((10, 0, 0, number)), 7946, b"", VERSIONS, state=state)
        table.insert(node)
    return table


ALIVE, SUSPECT, DEAD, LEFT = NodeState


def test_every_live_node_is_probed_once_per_round_and_never_oneself() -> None:
    table = table_of(ALIVE, ALIVE, SUSPECT, DEAD, LEFT, ALIVE)
    probed = [table.next_to_probe("me", 0.0, 30.0) for _ in range(9)]
    names = [node.name for node in probed if node is not None]
    rounds = [names[start : start + 3] for start in (0, 3, 6)]
    assert [sorted(one) for one in rounds] == [["n1", "n2", "n5"]] * 3


def test_the_order_changes_from_round_to_round() -> None:
    table = table_of(*[ALIVE] * 20)
    orders = set()
    for _ in range(5):
        nodes = [table.next_to_probe("me", 0.0, 30.0) for _ in range(19)]
        orders.add(tuple(node.name for node in nodes if node is not None))
    assert len(orders) == 5


def test_alone_there_is_nobody_to_probe() -> None:
    assert table_of(ALIVE).next_to_probe("me", 0.0, 30.0) is None
    assert table_of(ALIVE, DEAD).next_to_probe("me", 0.0, 30.0) is None
    assert table_of().next_to_probe("me", 0.0, 30.0) is None


def test_the_long_dead_and_left_are_forgotten_at_the_end_of_a_round() -> None:
    table = table_of(ALIVE, ALIVE, ALIVE, ALIVE)
    for name, state, now in (("n1", DEAD, 10.0), ("n2", LEFT, 10.0), ("n3", DEAD, 50.0)):
        node = table.get(name)
        assert node is not None
        table.change_state(node, state, now)
    for _ in range(3):
        table.next_to_probe("me", 60.0, 30.0)
    assert sorted(node.name for node in table) == ["me", "n3"]
    assert len(table) == 2
    assert table.live_count == 1


def test_oneself_is_never_forgotten() -> None:
    table = table_of(ALIVE, ALIVE)
    own = table.get("me")
    assert own is not None
    table.change_state(own, LEFT, 0.0)
    for _ in range(3):
        table.next_to_probe("me", 100.0, 30.0)
    assert table.get("me") is own


def test_a_state_that_is_set_again_keeps_its_time() -> None:
    table = table_of(ALIVE, ALIVE)
    node = table.get("n1")
    assert node is not None
    table.change_state(node, SUSPECT, 5.0)
    table.change_state(node, SUSPECT, 9.0)
    assert node.changed_at == 5.0


def test_suspects_take_part_and_the_gone_do_not() -> None:
    assert table_of(ALIVE, ALIVE, SUSPECT, SUSPECT, DEAD, LEFT).live_count == 4


def test_picked_nodes_are_different_and_acceptable() -> None:
    table = table_of(*[ALIVE] * 50, *[DEAD] * 50)
    for _ in range(20):
        picked = table.pick(3, lambda node: node.is_live and node.name != "me")
        assert len({node.name for node in picked}) == 3
        assert all(node.is_live for node in picked)


def test_in_a_small_table_every_acceptable_node_can_be_picked() -> None:
    table = table_of(ALIVE, DEAD, ALIVE, DEAD, ALIVE)
    assert {node.name for node in table.pick(5, lambda node: node.is_live)} == {"me", "n2", "n4"}


def test_picks_reach_every_node_about_as_often() -> None:
    table = table_of(*[ALIVE] * 41)
    counts: dict[str, int] = {}
    for _ in range(4000):
        for node in table.pick(3, lambda node: node.name != "me"):
            counts[node.name] = counts.get(node.name, 0) + 1
    assert len(counts) == 40
    assert min(counts.values()) > 200
    assert max(counts.values()) < 400


def test_a_full_table_says_so() -> None:
    table = NodeTable(Random(1), most_nodes=1)
    fullness = [table.is_full]
    table.insert(Node("a", b"", 0, b"", VERSIONS))
    assert [*fullness, table.is_full] == [False, True]
    assert repr(table) == "NodeTable(alive=0, suspect=0, dead=1, left=0)"
