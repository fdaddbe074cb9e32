"""What a message changes (memberlist §4); the names of the tests are the rules."""

from dataclasses import replace

import pytest

from colobus.cluster.messages import VERSIONS, Alive, Dead, Message, NodeState, Suspect
from colobus.cluster.swim.core import Spread
from colobus.cluster.swim.rules import MOST_INCARNATION, is_speakable
from colobus.cluster.timing import ClusterTiming
from support.swim import OWN, OWN_ADDRESS, PORT, SwimUnderTest, address_of, alive

ALIVE, SUSPECT, DEAD, LEFT = NodeState


@pytest.fixture
def swim() -> SwimUnderTest:
    return SwimUnderTest().announced()


def own_alive(incarnation: int, meta: bytes = b"own") -> Alive:
    return Alive(incarnation, OWN, OWN_ADDRESS, PORT, meta, VERSIONS)


def test_starting_is_being_alive_in_incarnation_1() -> None:
    swim = SwimUnderTest()
    swim.rules.announce(swim.now)
    assert swim.state(OWN) is ALIVE
    assert swim.queued() == [own_alive(1)]
    assert swim.delegate.told == ["joined me"]


def test_a_new_node_is_announced_and_passed_on(swim: SwimUnderTest) -> None:
    swim.receive(alive("n1", meta=b"tags"))
    node = swim.node("n1")
    assert (node.state, node.incarnation, node.meta) == (ALIVE, 1, b"tags")
    assert swim.delegate.told == ["joined n1"]
    assert swim.queued() == [alive("n1", meta=b"tags")]


def test_news_that_is_not_newer_changes_nothing(swim: SwimUnderTest) -> None:
    swim.receive(alive("n1", 3))
    swim.swim.gossip.queue.clear()
    for incarnation in (3, 2):
        swim.receive(alive("n1", incarnation, meta=b"other"))
    assert swim.node("n1").meta == b""
    assert swim.queued() == []
    assert swim.delegate.told == ["joined n1"]


def test_a_change_of_meta_is_an_update_and_a_mere_new_incarnation_is_silent(
    swim: SwimUnderTest,
) -> None:
    swim.meet("n1")
    swim.receive(alive("n1", 2))
    assert swim.delegate.told == []
    swim.receive(alive("n1", 3, meta=b"new"))
    assert swim.delegate.told == ["updated n1"]
    assert swim.queued() == [alive("n1", 3, meta=b"new")], "one message per node is queued"


@pytest.mark.parametrize(
    "versions",
    [b"", bytes((0, 5, 2, 2, 5, 5)), bytes((1, 0, 2, 2, 5, 5)), bytes((4, 3, 2, 2, 5, 5))],
)
def test_who_cannot_be_spoken_to_is_not_learnt(swim: SwimUnderTest, versions: bytes) -> None:
    assert not is_speakable(versions)
    swim.receive(replace(alive("n1"), versions=versions))
    assert swim.table.get("n1") is None


def test_an_update_without_versions_keeps_and_passes_on_those_known(swim: SwimUnderTest) -> None:
    swim.meet("n1")
    swim.receive(replace(alive("n1", 2), versions=b""))
    assert swim.node("n1").versions == VERSIONS
    assert swim.queued() == [alive("n1", 2)]


def test_no_port_means_ours(swim: SwimUnderTest) -> None:
    swim.receive(alive("n1", port=0))
    assert swim.node("n1").endpoint == ("10.0.1.1", PORT)


def test_another_address_for_a_known_name_is_a_conflict(swim: SwimUnderTest) -> None:
    swim.meet("n1")
    swim.receive(replace(alive("n1", 9), address=address_of("n2")))
    swim.receive(alive("n1", 9, port=1))
    mapped = bytes(10) + b"\xff\xff" + address_of("n1")
    swim.receive(replace(alive("n1", 9), address=mapped))
    assert swim.delegate.told == ["conflict n1"] * 3
    assert swim.node("n1").incarnation == 1


def test_our_name_at_another_address_is_a_conflict(swim: SwimUnderTest) -> None:
    swim.receive(replace(own_alive(5), address=address_of("n1")))
    assert swim.delegate.told == ["conflict me"]
    assert swim.rules.own.incarnation == 1


def test_the_name_of_one_that_left_can_be_taken_over_in_any_incarnation(
    swim: SwimUnderTest,
) -> None:
    swim.meet("n1")
    swim.receive(Dead(7, "n1", "n1"))
    swim.receive(replace(alive("n1", 1), address=address_of("n2")))
    node = swim.node("n1")
    assert (node.state, node.address, node.incarnation) == (ALIVE, address_of("n2"), 1)


@pytest.mark.parametrize(
    ("reclaim_s", "waited_s", "is_taken"), [(0, 1e6, 0), (60, 59, 0), (60, 61, 1)]
)
def test_the_name_of_a_dead_one_can_be_taken_over_after_the_reclaim_time(
    reclaim_s: float, waited_s: float, is_taken: bool
) -> None:
    swim = SwimUnderTest(replace(ClusterTiming.lan(), dead_node_reclaim_s=reclaim_s)).announced()
    swim.meet("n1")
    swim.receive(Dead(1, "n1", "n2"))
    swim.now += waited_s
    swim.receive(replace(alive("n1", 2), address=address_of("n2")))
    assert (swim.state("n1") is ALIVE) == is_taken


def test_a_suspicion_is_passed_on_and_ends_in_death(swim: SwimUnderTest) -> None:
    swim.meet("n1", "n2", "n3")
    swim.receive(Suspect(1, "n1", "n2"))
    assert swim.state("n1") is SUSPECT
    assert swim.queued() == [Suspect(1, "n1", "n2")]
    swim.swim.gossip.queue.clear()
    swim.advance(23.9)
    assert swim.state("n1") is SUSPECT
    swim.advance(0.2)
    assert swim.state("n1") is DEAD
    assert swim.delegate.told == ["dead n1"]
    assert swim.queued() == [Dead(1, "n1", OWN)]


def test_confirmations_by_others_hasten_the_verdict_and_are_passed_on(
    swim: SwimUnderTest,
) -> None:
    swim.meet("n1", "n2", "n3", "n4")
    swim.receive(Suspect(1, "n1", "n2"))
    swim.advance(5.0)
    swim.receive(Suspect(1, "n1", "n3"))
    assert swim.queued() == [Suspect(1, "n1", "n3")]
    assert swim.state("n1") is SUSPECT
    swim.receive(Suspect(1, "n1", "n4"))
    swim.advance(0.0)
    assert swim.state("n1") is DEAD, "the minimum of 4 s is past"


def test_a_newer_alive_ends_a_suspicion(swim: SwimUnderTest) -> None:
    swim.meet("n1", "n2")
    swim.receive(Suspect(1, "n1", "n2"))
    swim.receive(alive("n1", 1))
    assert swim.state("n1") is SUSPECT, "the accused incarnation is no refutation"
    swim.receive(alive("n1", 2))
    assert swim.state("n1") is ALIVE
    assert swim.rules.suspicion_count == 0
    swim.advance(100.0)
    assert swim.state("n1") is ALIVE
    assert swim.delegate.told == []


@pytest.mark.parametrize("incarnation", [0, 1])
def test_an_accusation_of_an_older_incarnation_is_ignored(
    swim: SwimUnderTest, incarnation: int
) -> None:
    swim.receive(alive("n1", 2))
    swim.receive(Suspect(incarnation, "n1", "n2"))
    swim.receive(Dead(incarnation, "n1", "n2"))
    assert swim.state("n1") is ALIVE


def test_an_accusation_takes_its_incarnation(swim: SwimUnderTest) -> None:
    swim.meet("n1", "n2")
    swim.receive(Suspect(4, "n1", "n2"))
    assert swim.node("n1").incarnation == 4
    swim.receive(Dead(6, "n1", "n2"))
    assert swim.node("n1").incarnation == 6


def test_accusations_of_unknown_names_are_ignored(swim: SwimUnderTest) -> None:
    swim.receive(Suspect(1, "n1", "n2"))
    swim.receive(Dead(1, "n1", "n2"))
    assert swim.table.get("n1") is None
    assert swim.queued() == []


@pytest.mark.parametrize(("accuser", "state"), [("n2", DEAD), ("n1", LEFT)])
def test_who_says_of_itself_that_it_is_dead_has_left(
    swim: SwimUnderTest, accuser: str, state: NodeState
) -> None:
    swim.meet("n1", "n2")
    swim.receive(Dead(1, "n1", accuser))
    assert swim.state("n1") is state
    assert swim.delegate.told == [f"{state.name.lower()} n1"]
    assert swim.queued() == [Dead(1, "n1", accuser)]
    swim.receive(Dead(2, "n1", "n2"))
    swim.receive(Suspect(2, "n1", "n2"))
    assert swim.state("n1") is state, "one dies once"


def test_the_dead_come_back_with_a_newer_incarnation(swim: SwimUnderTest) -> None:
    swim.meet("n1")
    swim.receive(Dead(1, "n1", "n2"))
    swim.receive(alive("n1", 1))
    assert swim.state("n1") is DEAD
    swim.receive(alive("n1", 2))
    assert swim.delegate.told == ["dead n1", "joined n1"]


@pytest.mark.parametrize(
    ("accusation", "incarnation"),
    [
        (Suspect(1, OWN, "n1"), 2),
        (Suspect(7, OWN, "n1"), 8),
        (Dead(3, OWN, "n1"), 4),
        (Dead(3, OWN, OWN), 4),
        (own_alive(9), 10),
        (own_alive(1, b"older meta"), 2),
    ],
)
def test_what_is_wrongly_said_of_us_is_outbid(
    swim: SwimUnderTest, accusation: Message, incarnation: int
) -> None:
    swim.receive(accusation)
    assert swim.state(OWN) is ALIVE
    assert swim.queued() == [own_alive(incarnation)]
    assert swim.swim.awareness.score == 1


@pytest.mark.parametrize("message", [own_alive(1), Suspect(0, OWN, "n1"), Dead(0, OWN, "n1")])
def test_the_truth_and_old_lies_about_us_need_no_refutation(
    swim: SwimUnderTest, message: Message
) -> None:
    swim.receive(message)
    assert swim.queued() == []
    assert swim.swim.awareness.score == 0


@pytest.mark.parametrize(
    "message",
    [
        Suspect(MOST_INCARNATION + 1, OWN, "n1"),
        Dead(MOST_INCARNATION + 1, OWN, "n1"),
        own_alive(MOST_INCARNATION + 1),
        alive("n1", MOST_INCARNATION + 1),
        Suspect(MOST_INCARNATION + 1, "n1", "n2"),
    ],
)
def test_an_incarnation_that_nobody_could_outbid_is_not_believed(
    swim: SwimUnderTest, message: Message
) -> None:
    swim.meet("n1")
    swim.receive(message)
    assert swim.queued() == []
    assert swim.state("n1") is ALIVE


def test_names_and_metas_that_fit_no_packet_are_not_learnt(swim: SwimUnderTest) -> None:
    swim.receive(replace(alive("n1"), node="n" * 256))
    swim.receive(alive("n2", meta=b"x" * 513))
    swim.receive(alive("n3", 0))
    assert len(swim.table) == 1


def test_whoever_leaves_says_so_and_refutes_nothing_any_more(swim: SwimUnderTest) -> None:
    swim.meet("n1")
    done: list[Spread] = []
    swim.swim.leave(swim.now, lambda how, _now: done.append(how))
    assert swim.queued() == [Dead(1, OWN, OWN)]
    assert swim.state(OWN) is LEFT
    assert swim.delegate.told == ["left me"]
    swim.receive(own_alive(5))
    swim.receive(Suspect(5, OWN, "n1"))
    assert swim.rules.own.incarnation == 1
    swim.advance(1.0)
    assert done == [Spread.GOSSIPED], "four transmits at lan timing take less than a second"


def test_a_departure_nobody_can_hear_is_done_at_once(swim: SwimUnderTest) -> None:
    done: list[Spread] = []
    swim.swim.leave(swim.now, lambda how, _now: done.append(how))
    swim.advance(0.0)
    assert done == [Spread.CONFIRMED]


def test_a_change_of_meta_takes_the_next_incarnation_and_waits_until_it_has_spread(
    swim: SwimUnderTest,
) -> None:
    swim.meet("n1")
    done: list[Spread] = []
    swim.swim.change_meta(b"new", swim.now, lambda how, _now: done.append(how))
    assert swim.queued() == [own_alive(2, b"new")]
    assert swim.delegate.told == ["updated me"]
    assert done == []
    swim.advance(1.0)
    assert done == [Spread.GOSSIPED]


def test_a_broadcast_that_does_not_spread_in_time_is_reported() -> None:
    slow = replace(ClusterTiming.lan(), gossip_interval_s=4.0)
    swim = SwimUnderTest(slow).announced()
    swim.meet("n1")
    done: list[Spread] = []
    swim.swim.change_meta(b"new", swim.now, lambda how, _now: done.append(how))
    swim.advance(20.0)
    assert done == [Spread.TIMED_OUT]
