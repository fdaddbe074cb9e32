"""The probe round (memberlist §6.1) of a node that knows others at lan timing."""

from dataclasses import replace

import pytest

from colobus.cluster.messages import (
    VERSIONS,
    Ack,
    Alive,
    IndirectPing,
    Message,
    Nack,
    NodeState,
    Ping,
    StreamMessage,
    Suspect,
)
from colobus.cluster.swim.addresses import Address
from support.swim import OWN, OWN_ADDRESS, PORT, SwimUnderTest, address_of, alive

PING_TIMEOUT_S = 0.5


def probing(*names: str, versions: bytes = VERSIONS) -> tuple[SwimUnderTest, Ping, Address]:
    """Return a node that has just pinged another one, the ping, and where it went."""
    swim = SwimUnderTest().announced()
    for name in names:
        swim.rules.alive(replace(alive(name), versions=versions), swim.now)
    swim.swim.gossip.queue.clear()
    swim.delegate.told.clear()
    swim.swim.prober.start(swim.now)
    while not (sent := [one for one in swim.sent() if isinstance(one[1][0], Ping)]):
        deadline = swim.schedule.next_deadline()
        assert deadline is not None
        assert deadline <= 101.0, "the first probe comes within an interval"
        swim.advance(deadline - swim.now)
    [(address, [ping])] = sent
    assert isinstance(ping, Ping)
    return swim, ping, address


def indirect(swim: SwimUnderTest) -> list[tuple[Address, IndirectPing]]:
    return [
        (address, messages[0])
        for address, messages in swim.sent()
        if isinstance(messages[0], IndirectPing)
    ]


def test_a_ping_names_its_target_and_whom_to_answer() -> None:
    _swim, ping, address = probing("n1")
    assert address == ("10.0.1.1", PORT)
    assert ping == Ping(1, "n1", OWN_ADDRESS, PORT, OWN)


def test_an_ack_ends_the_round_and_gives_the_round_trip() -> None:
    swim, ping, _ = probing("n1")
    swim.swim.awareness.change(2)
    swim.now += 0.02
    swim.receive(Ack(ping.sequence, b"coordinate"))
    [(name, rtt_s, payload)] = swim.delegate.pings
    assert (name, payload) == ("n1", b"coordinate")
    assert rtt_s == pytest.approx(0.02)
    assert swim.swim.awareness.score == 1
    swim.advance(0.9)
    assert swim.sent() == []
    swim.advance(0.1)
    assert [messages[0] for _, messages in swim.sent()] == [replace(ping, sequence=2)]


def test_a_suspect_is_told_of_its_suspicion_with_the_ping() -> None:
    swim, _, _ = probing("n1")
    swim.receive(Suspect(1, "n1", "n2"))
    swim.swim.gossip.queue.clear()
    swim.swim.acknowledgements.ack(Ack(1), swim.now)
    swim.advance(1.0)
    [packet] = swim.swim.gossip.take_packets()
    assert packet.has_checksum
    assert len(packet.commands) == 2
    assert packet.commands[1][0] == 3, "the type of a suspect message"


def test_without_an_ack_others_are_asked_and_a_stream_is_tried() -> None:
    swim, ping, address = probing("n1", "n2", "n3", "n4", "n5")
    target = ping.node
    swim.advance(PING_TIMEOUT_S)
    asked = indirect(swim)
    assert len(asked) == 3
    assert address not in [to for to, _ in asked]
    expected = IndirectPing(
        ping.sequence, address_of(target), PORT, target, True, OWN_ADDRESS, PORT, OWN
    )
    assert [request for _, request in asked] == [expected] * 3
    [opening] = swim.swim.streams.take_opens()
    assert opening.address == address
    assert swim.stream_codec.reader().feed(opening.data) == ping


@pytest.mark.parametrize(
    ("versions", "wants_nack", "streams"), [((1, 3), False, 1), ((1, 2), False, 0)]
)
def test_old_peers_are_asked_only_what_they_understand(
    versions: tuple[int, int], wants_nack: bool, streams: int
) -> None:
    swim, _, _ = probing("n1", "n2", versions=bytes((*versions, 2, 2, 5, 5)))
    swim.advance(PING_TIMEOUT_S)
    assert [request.wants_nack for _, request in indirect(swim)] == [wants_nack]
    assert len(swim.swim.streams.take_opens()) == streams


def test_a_relayed_ack_saves_the_node_but_measures_nothing() -> None:
    swim, ping, _ = probing("n1", "n2")
    swim.advance(PING_TIMEOUT_S + 0.3)
    swim.receive(Ack(ping.sequence))
    swim.advance(5.0)
    assert swim.delegate.pings == []
    assert swim.state(ping.node) is NodeState.ALIVE


def silent_round(
    swim: SwimUnderTest, *answers: Message, by_stream: StreamMessage | None = None
) -> None:
    """Let the rest of a round pass, with these answers to the indirect pings."""
    swim.advance(PING_TIMEOUT_S)
    swim.sent()
    for answer in answers:
        swim.receive(answer)
    for opening in swim.swim.streams.take_opens():
        if by_stream is not None:
            data = swim.stream_codec.encode(by_stream, is_reply=True)
            swim.swim.streams.receive(opening.stream, data, swim.now)
    swim.advance(0.5)


def test_silence_makes_a_suspect() -> None:
    swim, ping, _ = probing("n1", "n2", "n3", "n4")
    silent_round(swim)
    assert swim.state(ping.node) is NodeState.SUSPECT
    assert Suspect(1, ping.node, OWN) in swim.queued()


@pytest.mark.parametrize(("nacks", "score"), [(0, 3), (1, 2), (3, 0)])
def test_missing_nacks_make_us_doubt_ourselves(nacks: int, score: int) -> None:
    swim, ping, _ = probing("n1", "n2", "n3", "n4", "n5")
    silent_round(swim, *[Nack(ping.sequence)] * nacks)
    assert swim.swim.awareness.score == score
    assert swim.state(ping.node) is NodeState.SUSPECT


def test_where_nobody_can_send_nacks_a_failed_probe_counts_one() -> None:
    swim, _, _ = probing("n1")
    silent_round(swim)
    assert swim.swim.awareness.score == 1


def test_an_answer_by_stream_alone_saves_the_node() -> None:
    swim, ping, _ = probing("n1", "n2")
    silent_round(swim, by_stream=Ack(ping.sequence))
    assert swim.state(ping.node) is NodeState.ALIVE


def test_another_answer_by_stream_does_not() -> None:
    swim, ping, _ = probing("n1", "n2")
    silent_round(swim, by_stream=Ack(ping.sequence + 1))
    assert swim.state(ping.node) is NodeState.SUSPECT


def test_a_late_ack_changes_nothing() -> None:
    swim, ping, _ = probing("n1", "n2")
    silent_round(swim)
    swim.receive(Ack(ping.sequence))
    assert swim.state(ping.node) is NodeState.SUSPECT
    assert swim.delegate.pings == []


def test_poor_health_stretches_the_time_others_are_given() -> None:
    swim, _, _ = probing("n1", "n2")
    silent_round(swim)
    assert swim.swim.awareness.score == 1
    swim.sent()
    swim.advance(1.9)
    assert swim.rules.suspicion_count == 1
    swim.advance(0.2)
    assert swim.rules.suspicion_count == 2, "interval x (health + 1) has passed"
    assert {node.name for node in swim.table if node.state is NodeState.SUSPECT} == {"n1", "n2"}


def test_a_node_that_slept_gives_others_their_full_time() -> None:
    swim, ping, _ = probing("n1", "n2")
    swim.now += 60.0
    swim.schedule.run_due(swim.now)
    assert len(indirect(swim)) == 1
    assert swim.state(ping.node) is NodeState.ALIVE
    swim.receive(Ack(ping.sequence))
    swim.advance(0.4)
    assert swim.state(ping.node) is NodeState.ALIVE


def test_a_refutation_during_the_round_outruns_its_accusation() -> None:
    swim, ping, _ = probing("n1", "n2")
    swim.receive(Alive(5, ping.node, address_of(ping.node), PORT, b"", VERSIONS))
    silent_round(swim)
    assert swim.state(ping.node) is NodeState.ALIVE
