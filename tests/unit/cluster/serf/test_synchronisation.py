"""What a push/pull does to a member (serf §4)."""

import pytest

from colobus.cluster.codec import serf as codec
from colobus.cluster.messages import (
    EventSlot,
    JoinIntent,
    LeaveIntent,
    PushPull,
    RecordedEvent,
    SerfState,
    UserEvent,
)
from colobus.cluster.serf.facts import UserEventReceived
from support.machine import OWN, MachineUnderTest


@pytest.fixture
def node() -> MachineUnderTest:
    under_test = MachineUnderTest()
    under_test.meet("n1", "n2")
    return under_test


def test_the_state_tells_clocks_members_and_events(node: MachineUnderTest) -> None:
    node.hear(JoinIntent(4, "n1"))
    node.hear(LeaveIntent(6, "n2"))
    node.fail("n2")
    node.hear(UserEvent(9, "deploy", b"1"))
    state = codec.decode_as(node.serf.user_state(), SerfState)
    assert state == SerfState(
        member_time=7,
        status_times={OWN: 0, "n1": 4, "n2": 6},
        left_members=("n2",),
        event_time=10,
        events=(EventSlot(9, (RecordedEvent("deploy", b"1"),)),),
        query_time=1,
    )


def test_clocks_are_witnessed_less_one(node: MachineUnderTest) -> None:
    node.push_pull(SerfState(member_time=7, event_time=0, query_time=9))
    statistics = node.machine.statistics()
    assert (statistics.member_time, statistics.event_time, statistics.query_time) == (7, 1, 9)


def test_members_that_left_leave_and_the_others_stay(node: MachineUnderTest) -> None:
    node.hear(LeaveIntent(3, "n2"))
    node.forget()
    times = {"n1": 4, "n2": 8, "n3": 2}
    node.push_pull(SerfState(9, times, left_members=("n1",)))
    assert (node.status("n1"), node.status("n2")) == ("leaving", "alive")
    assert node.serf.members.get("n1").status_time == 5  # type: ignore[union-attr]
    assert node.serf.membership.intents.get("n3") == JoinIntent(2, "n3")
    assert node.queued() == [], "nothing of it is passed on"


def test_who_had_left_before_we_knew_it_is_not_leaving_when_it_returns(
    node: MachineUnderTest,
) -> None:
    node.push_pull(SerfState(9, {"n3": 8}, left_members=("n3",)))
    assert node.status("n3") is None
    node.meet("n3")
    assert node.status("n3") == "alive"


def test_the_time_of_a_departure_does_not_grow_with_every_exchange(node: MachineUnderTest) -> None:
    node.hear(LeaveIntent(3, "n1"))
    node.fail("n1")
    for time in (3, 5, 5, 5):
        node.push_pull(SerfState(6, {"n1": time}, left_members=("n1",)))
    assert node.serf.members.get("n1").status_time == 5  # type: ignore[union-attr]


def test_a_departure_of_ours_that_is_told_is_refuted(node: MachineUnderTest) -> None:
    node.push_pull(SerfState(9, {OWN: 8}, left_members=(OWN,)))
    assert node.status(OWN) == "alive"
    assert node.queued_messages() == [JoinIntent(10, OWN)]


def test_events_that_are_new_are_delivered_and_not_passed_on(node: MachineUnderTest) -> None:
    node.hear(UserEvent(4, "known"))
    node.forget()
    slots = (
        None,
        EventSlot(4, (RecordedEvent("known"), RecordedEvent("new", b"1"))),
        EventSlot(5, (RecordedEvent("newer"),)),
    )
    node.push_pull(SerfState(1, event_time=6, events=slots))
    assert node.facts() == [
        UserEventReceived(4, "new", b"1", False),
        UserEventReceived(5, "newer", b"", False),
    ]
    assert node.queued() == []


def test_times_beyond_all_clocks_are_skipped(node: MachineUnderTest) -> None:
    most = (1 << 64) - 1
    slot = EventSlot(most, (RecordedEvent("x"),))
    node.push_pull(SerfState(most, {"n1": most, "n2": most}, ("n2",), most, (slot,), most))
    statistics = node.machine.statistics()
    assert (statistics.member_time, statistics.event_time, statistics.query_time) == (1, 1, 1)
    assert node.status("n2") == "alive"
    assert node.facts() == []


@pytest.mark.parametrize("ignores", [True, False])
def test_our_own_join_may_ignore_what_happened_before(
    node: MachineUnderTest, ignores: bool
) -> None:
    node.commands.join([("10.0.1.9", 7946)], node.now, ignores_old_events=ignores)
    [opening] = node.machine.streams_to_open()
    slots = (EventSlot(4, (RecordedEvent("old"),)),)
    state = codec.encode(SerfState(1, event_time=6, events=slots))
    data = node.stream_codec.encode(PushPull((), user_state=state), is_reply=True)
    node.machine.receive_stream(opening.stream, data, node.now)
    assert len(node.facts_of(UserEventReceived)) == (0 if ignores else 1)
    node.hear(UserEvent(5, "late"))
    node.hear(UserEvent(6, "now"))
    names = [fact.name for fact in node.facts_of(UserEventReceived)]
    assert names == (["now"] if ignores else ["late", "now"])


def test_a_state_that_cannot_be_read_changes_nothing(node: MachineUnderTest) -> None:
    stream = node.machine.accept_stream(node.now)
    assert stream is not None
    message = PushPull((), user_state=b"\x03nonsense")
    node.machine.receive_stream(stream, node.stream_codec.encode(message), node.now)
    assert len(node.machine.stream_writes()) == 1
    assert node.facts() == []
