"""Members between SWIM's news and intents (serf §5)."""

from dataclasses import replace

import pytest

from colobus.cluster.codec.coordinate import encode_ack_payload
from colobus.cluster.codec.tags import encode_tags
from colobus.cluster.coordinates import START
from colobus.cluster.messages import Dead, JoinIntent, LeaveIntent
from colobus.cluster.serf.facts import (
    MemberFailed,
    MemberJoined,
    MemberLeft,
    MemberReaped,
    MemberUpdated,
)
from support.machine import OWN, MachineUnderTest
from support.swim import alive


@pytest.fixture
def node() -> MachineUnderTest:
    under_test = MachineUnderTest()
    under_test.meet("n1", "n2")
    return under_test


def names(node: MachineUnderTest) -> list[tuple[str, str]]:
    kinds = MemberJoined | MemberLeft | MemberFailed | MemberUpdated | MemberReaped
    return [
        (type(fact).__name__, fact.member.name) for fact in node.facts() if isinstance(fact, kinds)
    ]


def test_a_node_that_is_new_joins_and_one_that_dies_failed(node: MachineUnderTest) -> None:
    node.receive(alive("n3"))
    node.fail("n3")
    assert names(node) == [("MemberJoined", "n3"), ("MemberFailed", "n3")]
    assert node.status("n3") == "failed"
    node.receive(alive("n3", 10))
    assert names(node) == [("MemberJoined", "n3")]
    assert node.status("n3") == "alive"


def test_only_the_leave_intent_tells_leaving_from_failing(node: MachineUnderTest) -> None:
    node.hear(LeaveIntent(4, "n1"))
    assert node.status("n1") == "leaving"
    node.fail("n1")
    node.receive(Dead(9, "n2", "n2"))
    assert names(node) == [("MemberLeft", "n1"), ("MemberFailed", "n2")]
    assert (node.status("n1"), node.status("n2")) == ("left", "failed")


def test_a_change_of_tags_is_an_update(node: MachineUnderTest) -> None:
    node.receive(alive("n1", 2, meta=encode_tags({"role": "db"})))
    [fact] = node.facts_of(MemberUpdated)
    assert dict(fact.member.tags) == {"role": "db"}


@pytest.mark.parametrize(
    ("intent", "is_passed_on"),
    [
        (LeaveIntent(5, "n1"), False),
        (JoinIntent(5, "n1"), False),
        (LeaveIntent(6, "n1"), True),
        (JoinIntent(6, "n1"), True),
        (LeaveIntent(1, "unknown"), True),
        (JoinIntent(1, "unknown"), True),
    ],
)
def test_an_intent_is_passed_on_if_it_is_newer_than_the_last(
    node: MachineUnderTest, intent: JoinIntent | LeaveIntent, is_passed_on: bool
) -> None:
    node.hear(JoinIntent(5, "n1"))
    node.forget()
    node.hear(intent)
    node.hear(intent)
    assert node.queued_messages() == ([intent] if is_passed_on else [])
    assert node.machine.statistics().member_time >= 6


def test_an_intent_is_passed_on_with_every_byte_of_it(node: MachineUnderTest) -> None:
    node.hear(JoinIntent(5, "n1"), trailing=b"\x81\xa1x\x01")
    [queued] = node.queued()
    assert queued.endswith(b"\x81\xa1x\x01")


def test_a_newer_join_intent_ends_leaving(node: MachineUnderTest) -> None:
    node.hear(LeaveIntent(5, "n1"))
    node.hear(JoinIntent(5, "n1"))
    assert node.status("n1") == "leaving"
    node.hear(JoinIntent(6, "n1"))
    assert node.status("n1") == "alive"


def test_a_leave_intent_forces_a_failed_member_out(node: MachineUnderTest) -> None:
    node.fail("n1")
    node.forget()
    node.hear(LeaveIntent(5, "n1"))
    assert names(node) == [("MemberLeft", "n1")]
    assert node.status("n1") == "left"
    assert len(node.queued()) == 1


def test_a_leave_intent_about_us_is_refuted_and_not_passed_on(node: MachineUnderTest) -> None:
    node.hear(LeaveIntent(41, OWN))
    assert node.status(OWN) == "alive"
    assert node.queued_messages() == [JoinIntent(42, OWN)]


def test_intents_that_come_before_their_member_are_remembered(node: MachineUnderTest) -> None:
    node.hear(LeaveIntent(9, "n3"))
    node.hear(JoinIntent(9, "n4"))
    node.receive(alive("n3"), alive("n4"))
    assert (node.status("n3"), node.status("n4")) == ("leaving", "alive")
    node.hear(JoinIntent(9, "n3"))
    assert node.status("n3") == "leaving", "the time of the intent has been taken over"


def test_intents_that_come_long_before_their_member_are_forgotten(node: MachineUnderTest) -> None:
    node.hear(LeaveIntent(9, "n3"))
    node.advance(316.0)
    node.receive(alive("n3"))
    assert node.status("n3") == "alive"


@pytest.mark.parametrize("status", ["failed", "left"])
def test_a_prune_forgets_a_member_that_is_gone_at_once(node: MachineUnderTest, status: str) -> None:
    if status == "left":
        node.hear(LeaveIntent(4, "n1"))
    node.fail("n1")
    node.forget()
    node.hear(LeaveIntent(5, "n1", prune=True))
    assert names(node)[-1] == ("MemberReaped", "n1")
    assert node.status("n1") is None


def test_a_prune_gives_a_leaving_member_six_seconds(node: MachineUnderTest) -> None:
    node.hear(LeaveIntent(5, "n1", prune=True))
    node.advance(5.9)
    assert node.status("n1") == "leaving"
    node.advance(0.2)
    assert node.status("n1") is None


def test_a_prune_spares_a_member_that_refutes(node: MachineUnderTest) -> None:
    node.hear(LeaveIntent(5, "n1", prune=True))
    node.hear(JoinIntent(6, "n1"))
    node.advance(10.0)
    assert node.status("n1") == "alive"


def test_a_member_that_is_forgotten_takes_its_coordinate_along(node: MachineUnderTest) -> None:
    node.serf.latency.measured("n1", 0.01, encode_ack_payload(START))
    node.fail("n1")
    assert node.machine.coordinate_of("n1") == START
    node.hear(LeaveIntent(5, "n1", prune=True))
    assert node.machine.coordinate_of("n1") is None


def test_a_pruned_member_that_dies_later_is_no_news(node: MachineUnderTest) -> None:
    node.hear(LeaveIntent(5, "n1", prune=True))
    node.advance(6.1)
    node.forget()
    node.receive(alive("n1", 2))
    node.fail("n1")
    assert names(node) == []


def test_when_there_are_too_many_the_longest_gone_is_forgotten(node: MachineUnderTest) -> None:
    node.fail("n1")
    node.forget()
    node.serf.members._most_members = 3
    node.receive(alive("n3"))
    assert names(node) == [("MemberReaped", "n1"), ("MemberJoined", "n3")]


def test_a_known_member_that_moved_keeps_its_new_address(node: MachineUnderTest) -> None:
    node.hear(LeaveIntent(5, "n1"))
    node.receive(Dead(9, "n1", "n1"))
    node.receive(replace(alive("n1", 1), port=99))
    member = node.machine.member("n1")
    assert member is not None
    assert (member.port, member.status) == (99, 1)


def test_a_time_beyond_all_clocks_is_not_believed(node: MachineUnderTest) -> None:
    node.hear(LeaveIntent((1 << 64) - 1, "n1"))
    assert node.status("n1") == "alive"
    assert node.queued() == []
