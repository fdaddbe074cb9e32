"""The border of a machine: bytes in, bytes, deadlines and facts out."""

from random import Random

import pytest

from colobus.cluster.codec import serf as codec
from colobus.cluster.codec.coordinate import encode_ack_payload
from colobus.cluster.coordinates import START
from colobus.cluster.keyring import Keyring
from colobus.cluster.machine import ClusterMachine, MemberSettings
from colobus.cluster.messages import (
    Ack,
    ConflictResponse,
    ErrorMessage,
    JoinIntent,
    KeyRequest,
    KeyResponse,
    Message,
    Ping,
    PushPull,
    SerfState,
    UserMessage,
)
from colobus.cluster.serf.departure import NodePhase
from colobus.cluster.serf.facts import MemberJoined, PeerReported
from colobus.cluster.timing import ClusterTiming
from colobus.errors import ClusterError
from support.machine import OWN, OWN_ADDRESS, PORT, SOURCE, MachineUnderTest

KEY = bytes(range(16))


def settings(**changes: object) -> MemberSettings:
    values: dict[str, object] = {
        "name": OWN,
        "address": OWN_ADDRESS,
        "port": PORT,
        "timing": ClusterTiming.lan(),
    }
    return MemberSettings(**(values | changes))  # type: ignore[arg-type]


def machine(keyring: Keyring | None = None) -> ClusterMachine:
    rng = Random(1)
    ring = keyring if keyring is not None else Keyring()
    return ClusterMachine(settings(), keyring=ring, rng=rng, random_bytes=rng.randbytes)


def test_a_machine_does_nothing_before_it_is_started() -> None:
    one = machine()
    assert one.next_deadline() is None
    one.receive_datagram(b"\x00\x81\xa5SeqNo\x01", SOURCE, 0.0)
    assert one.datagrams_to_send() == []
    assert one.accept_stream(0.0) is None
    one.start(5.0)
    event = one.next_event()
    assert isinstance(event, MemberJoined)
    assert event.member.name == OWN
    assert one.next_event() is None
    deadline = one.next_deadline()
    assert deadline is not None
    assert 5.0 < deadline <= 6.0


def test_the_same_chance_and_inputs_give_the_same_outputs() -> None:
    runs = []
    for _ in range(2):
        node = MachineUnderTest(keys=(KEY,), timing=ClusterTiming.lan())
        node.meet("n1", "n2", "n3")
        node.commands.user_event("e", b"", node.now)
        node.advance(7.0)
        runs.append((node.machine.datagrams_to_send(), node.machine.streams_to_open()))
    assert runs[0] == runs[1]
    assert len(runs[0][0]) > 5


def test_a_ping_is_answered_with_a_datagram() -> None:
    node = MachineUnderTest()
    node.machine.extend_acks(b"\x81\xa1r\x01")
    node.receive(Ping(7, OWN))
    [datagram] = node.machine.datagrams_to_send()
    assert datagram.address == SOURCE
    expected = Ack(7, encode_ack_payload(START, b"\x81\xa1r\x01"))
    assert node.codec.decode(datagram.data).messages == (expected,)
    assert node.machine.datagrams_to_send() == []


def test_an_extension_of_a_peers_ack_reaches_the_owner() -> None:
    node = MachineUnderTest(timing=ClusterTiming.lan())
    node.meet("n1")
    node.advance(ClusterTiming.lan().probe_interval_s)
    [ping] = [
        message
        for datagram in node.machine.datagrams_to_send()
        for message in node.codec.decode(datagram.data).messages
        if isinstance(message, Ping)
    ][:1]
    node.receive(Ack(ping.sequence, encode_ack_payload(START, b"\x81\xa1r\x01")))
    assert node.facts() == [PeerReported("n1", b"\x81\xa1r\x01")]
    assert node.machine.coordinate_of("n1") == START
    assert node.machine.coordinate_of(OWN) == node.machine.coordinate != START
    assert node.machine.coordinate_of("n2") is None


@pytest.mark.parametrize("data", [b"\x63", b"\x00\xc1", b"\x0c\x00\x00\x00\x00\x01"])
def test_bytes_that_are_no_message_are_counted_and_dropped(data: bytes) -> None:
    node = MachineUnderTest()
    node.machine.receive_datagram(data, SOURCE, node.now)
    assert node.machine.statistics().datagrams_refused == 1
    assert node.machine.datagrams_to_send() == []


def test_what_can_be_read_of_a_datagram_counts() -> None:
    node = MachineUnderTest()
    node.receive(UserMessage(b"\x63"), Ping(7, OWN))
    assert len(node.machine.datagrams_to_send()) == 1
    assert node.machine.statistics().datagrams_refused == 0


def test_with_a_key_only_sealed_traffic_counts() -> None:
    node = MachineUnderTest(keys=(KEY,))
    node.receive(Ping(7, OWN))
    [datagram] = node.machine.datagrams_to_send()
    assert datagram.data[0] == 1
    node.machine.receive_datagram(b"\x00\x81\xa5SeqNo\x01", SOURCE, node.now)
    assert node.machine.datagrams_to_send() == []
    statistics = node.machine.statistics()
    assert (statistics.is_encrypted, statistics.datagrams_refused) == (True, 1)


@pytest.mark.parametrize(
    "message",
    [
        UserMessage(b""),
        UserMessage(codec.encode(SerfState(9))),
        UserMessage(codec.encode(KeyRequest(KEY))),
        UserMessage(codec.encode(KeyResponse(True))),
        UserMessage(codec.encode(ConflictResponse())),
        ErrorMessage("no"),
    ],
)
def test_what_does_not_belong_into_a_datagram_is_dropped(message: Message) -> None:
    node = MachineUnderTest()
    node.receive(message)
    assert node.facts() == []
    assert node.machine.datagrams_to_send() == []
    assert node.machine.statistics().member_time == 1


def test_what_no_datagram_can_carry_is_not_sent() -> None:
    node = MachineUnderTest()
    node.serf.swim.gossip.send_alone(SOURCE, UserMessage(bytes(65_507)))
    node.serf.swim.gossip.send_alone(SOURCE, UserMessage(bytes(65_506)))
    assert [len(datagram.data) for datagram in node.machine.datagrams_to_send()] == [65_507]


def test_a_push_pull_is_answered_on_its_stream() -> None:
    node = MachineUnderTest()
    stream = node.machine.accept_stream(node.now)
    assert stream is not None
    data = node.stream_codec.encode(PushPull((), is_join=True))
    for start in range(0, len(data), 7):
        assert node.machine.stream_writes() == []
        node.machine.receive_stream(stream, data[start : start + 7], node.now)
    [write] = node.machine.stream_writes()
    assert (write.stream, write.is_last) == (stream, True)
    answer = node.stream_codec.reader(is_reply=True).feed(write.data)
    assert isinstance(answer, PushPull)
    assert [record.name for record in answer.nodes] == [OWN]


def test_members_and_numbers_can_be_looked_at() -> None:
    node = MachineUnderTest()
    node.meet("n1", "n2")
    node.fail("n2")
    node.hear(JoinIntent(8, "n1"))
    assert {member.name: member.status for member in node.machine.members()} == {
        OWN: 1,
        "n1": 1,
        "n2": 4,
    }
    statistics = node.machine.statistics()
    assert (statistics.members, statistics.failed, statistics.left) == (3, 1, 0)
    assert (statistics.member_time, statistics.intent_queue) == (9, 1)
    assert statistics.membership_queue == 1
    assert node.machine.member("nobody") is None
    assert node.machine.phase is NodePhase.STAYING
    assert repr(node.machine) == ("<ClusterMachine 'me' staying, MemberTable(3, failed=1, left=0)>")


def test_facts_nobody_takes_are_bounded_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("colobus.cluster.machine.MOST_FACTS", 3)
    node = MachineUnderTest()
    for number in range(5):
        node.commands.user_event(f"e{number}", b"", node.now)
    assert len(node.facts()) == 3
    assert node.machine.statistics().facts_dropped == 2


def test_tags_that_no_peer_would_take_make_no_machine() -> None:
    rng = Random(1)
    with pytest.raises(ClusterError, match="Encoded length of tags"):
        ClusterMachine(
            settings(tags={"x": "y" * 600}),
            keyring=Keyring(),
            rng=rng,
            random_bytes=rng.randbytes,
        )
