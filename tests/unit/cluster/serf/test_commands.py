"""What the owner can ask of a member (serf §5.6, §7)."""

from dataclasses import replace

import pytest

from colobus.cluster.codec import serf as codec
from colobus.cluster.messages import Dead, JoinIntent, LeaveIntent, PushPull, UserEvent
from colobus.cluster.serf.facts import (
    CommandDone,
    JoinDone,
    MemberLeft,
    MemberUpdated,
    UserEventReceived,
)
from colobus.cluster.swim.direct import FAN_OUT
from colobus.cluster.timing import ClusterTiming
from colobus.errors import ClusterError
from support.machine import NEVER_PROBES, OWN, PORT, MachineUnderTest

SLOW_GOSSIP = replace(NEVER_PROBES, gossip_interval_s=100.0)


@pytest.fixture
def node() -> MachineUnderTest:
    under_test = MachineUnderTest()
    under_test.meet("n1", "n2")
    return under_test


def test_an_event_is_delivered_here_and_spread(node: MachineUnderTest) -> None:
    assert node.commands.user_event("deploy", b"1", node.now) == 1
    assert node.commands.user_event("deploy", b"1", node.now, coalesce=True) == 2
    assert node.facts() == [
        UserEventReceived(1, "deploy", b"1", False),
        UserEventReceived(2, "deploy", b"1", True),
    ]
    messages = {UserEvent(1, "deploy", b"1"), UserEvent(2, "deploy", b"1", True)}
    assert set(node.queued_messages()) == messages
    assert node.sent() == []


def test_an_event_received_is_delivered_once_and_passed_on_byte_for_byte(
    node: MachineUnderTest,
) -> None:
    event = UserEvent(7, "deploy", b"1", True)
    for _ in range(3):
        node.hear(event, trailing=b"more")
    assert node.facts() == [UserEventReceived(7, "deploy", b"1", True)]
    assert node.queued() == [codec.encode(event) + b"more"]


@pytest.mark.parametrize("live", [1, FAN_OUT, FAN_OUT + 30])
def test_a_direct_event_goes_to_everybody_at_once_or_to_many(live: int) -> None:
    node = MachineUnderTest()
    node.meet(*(f"n{number}" for number in range(1, live + 1)), "n200")
    node.receive(Dead(1, "n200", "n1"))
    node.forget()
    node.commands.user_event("revision", b"42", node.now, is_direct=True)
    sent = node.sent()
    assert {message for _, message in sent} == {UserEvent(1, "revision", b"42")}
    hosts = {address[0] for address, _ in sent}
    assert len(hosts) == len(sent) == min(live, FAN_OUT)
    assert "10.0.1.200" not in hosts
    assert len(node.queued()) == 1, "and it gossips, as the repair path"


def test_an_event_too_long_is_refused_before_or_after_encoding(node: MachineUnderTest) -> None:
    with pytest.raises(
        ClusterError, match="user event exceeds configured limit of 512 bytes before encoding"
    ):
        node.commands.user_event("e", bytes(512), node.now)
    with pytest.raises(
        ClusterError,
        match="encoded user event exceeds configured limit of 512 bytes after encoding",
    ):
        node.commands.user_event("e", bytes(500), node.now)
    node.commands.user_event("e", bytes(470), node.now)
    assert node.machine.statistics().event_time == 2, "a refused event takes no time"


def test_an_event_that_fits_no_packet_is_left_to_push_pull() -> None:
    node = MachineUnderTest(event_size_limit=9216)
    node.commands.user_event("e", bytes(3000), node.now)
    assert len(node.facts_of(UserEventReceived)) == 1
    assert node.queued() == []
    state = codec.decode(node.serf.user_state())
    assert "3000" in str(state) or len(codec.encode(state)) > 3000
    with pytest.raises(ClusterError, match="exceeds sane limit of 9216 bytes before encoding"):
        MachineUnderTest(event_size_limit=9217)


@pytest.mark.parametrize(("keys", "largest"), [((), 1395), ((bytes(16),), 1366)])
def test_the_largest_event_that_gossips_fills_a_datagram_to_its_limit(
    keys: tuple[bytes, ...], largest: int
) -> None:
    node = MachineUnderTest(keys=keys, event_size_limit=9216)
    node.meet("n1")
    envelope = len(codec.encode(UserEvent(1, "e", bytes(1000)))) - 1000
    node.commands.user_event("e", bytes(largest + 1 - envelope), node.now)
    assert node.queued() == []
    node.commands.user_event("e", bytes(largest - envelope), node.now)
    [event] = node.queued()
    assert len(event) == largest
    node.advance(0.2)
    [datagram] = node.machine.datagrams_to_send()
    # Type byte and, for a peer that reads them, a checksum, which does not count (memberlist 2.1).
    assert len(datagram.data) == 1 + largest + 5 + (29 if keys else 0)


def test_a_join_announces_itself_at_the_first_success(node: MachineUnderTest) -> None:
    addresses = [("10.0.1.8", PORT), ("10.0.1.9", PORT)]
    command = node.commands.join(addresses, node.now)
    first, second = node.machine.streams_to_open()
    data = node.stream_codec.encode(PushPull(()), is_reply=True)
    node.machine.receive_stream(first.stream, data, node.now)
    assert node.queued_messages() == [JoinIntent(1, OWN)]
    assert node.machine.statistics().member_time == 2
    node.machine.stream_ended(second.stream, node.now, "refused")
    node.advance(0.0)
    joined, failed = addresses
    assert node.facts() == [JoinDone(command, (joined,), ((failed, "refused"),))]
    assert len(node.queued()) == 1


def test_a_join_nobody_answers_announces_nothing(node: MachineUnderTest) -> None:
    command = node.commands.join([("10.0.1.9", PORT)], node.now)
    node.machine.streams_to_open()
    node.advance(10.0)
    failed = ((("10.0.1.9", PORT), "timed out"),)
    assert node.facts() == [JoinDone(command, (), failed)]
    assert node.queued() == []


def test_tags_are_replaced_and_their_spread_is_told(node: MachineUnderTest) -> None:
    command = node.commands.set_tags({"role": "db"}, node.now)
    [updated] = node.facts()
    assert isinstance(updated, MemberUpdated)
    assert dict(updated.member.tags) == node.machine.tags == {"role": "db"}
    node.advance(2.0)
    assert node.facts() == [CommandDone(command)]


def test_tags_too_long_are_refused(node: MachineUnderTest) -> None:
    with pytest.raises(ClusterError, match="Encoded length of tags exceeds limit of 512 bytes"):
        node.commands.set_tags({"x": "y" * 512}, node.now)
    assert node.machine.tags == {}


def test_what_does_not_spread_in_time_is_told() -> None:
    node = MachineUnderTest(timing=SLOW_GOSSIP)
    node.meet("n1", "n2")
    tags = node.commands.set_tags({"role": "db"}, node.now)
    removal = node.commands.force_leave("n1", node.now)
    node.advance(5.0)
    assert node.facts_of(CommandDone) == [
        CommandDone(tags, "timeout waiting for update broadcast"),
        CommandDone(removal, "timed out broadcasting node removal"),
    ]


def test_a_failed_member_is_forced_out(node: MachineUnderTest) -> None:
    node.fail("n1")
    node.forget()
    command = node.commands.force_leave("n1", node.now)
    assert node.queued_messages() == [LeaveIntent(1, "n1")]
    assert node.machine.statistics().member_time == 2
    assert node.status("n1") == "left"
    assert len(node.facts_of(MemberLeft)) == 1
    node.advance(2.0)
    assert node.facts_of(CommandDone) == [CommandDone(command)]


def test_an_unknown_name_is_forced_out_without_complaint(node: MachineUnderTest) -> None:
    command = node.commands.force_leave("nobody", node.now, prune=True)
    assert node.queued_messages() == [LeaveIntent(1, "nobody", prune=True)]
    node.advance(2.0)
    assert node.facts_of(CommandDone) == [CommandDone(command)]


def test_alone_a_command_is_done_at_once() -> None:
    node = MachineUnderTest(timing=ClusterTiming.wan())
    commands = [
        node.commands.set_tags({"role": "db"}, node.now),
        node.commands.force_leave("nobody", node.now),
    ]
    node.advance(0.0)
    assert node.facts_of(CommandDone) == [CommandDone(command) for command in commands]
