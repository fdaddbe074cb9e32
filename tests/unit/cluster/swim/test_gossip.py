from colobus.cluster.messages import Alive, Dead, Nack, Suspect, UserMessage
from support.swim import PORT, SwimUnderTest, alive


def gossiping(count: int) -> SwimUnderTest:
    swim = SwimUnderTest().announced()
    swim.meet(*(f"n{number}" for number in range(1, count + 1)))
    return swim


def test_a_quiet_node_does_not_wake_up_to_gossip() -> None:
    swim = gossiping(3)
    swim.advance(1.0)
    swim.sent()
    assert swim.schedule.next_deadline() is None
    swim.receive(alive("n9"))
    deadline = swim.schedule.next_deadline()
    assert deadline is not None
    assert swim.now < deadline <= swim.now + 0.2


def test_each_tick_tells_three_nodes_until_the_limit_is_reached() -> None:
    swim = gossiping(5)
    swim.receive(alive("n1", 2))
    packets = []
    while (deadline := swim.schedule.next_deadline()) is not None:
        swim.advance(deadline - swim.now)
        packets.append(swim.sent())
    assert [len(packet) for packet in packets] == [3, 1], "4 transmits, 3 nodes per tick"
    assert all(messages == [alive("n1", 2)] for sent in packets for _address, messages in sent)
    hosts = {address for sent in packets for address, _ in sent}
    assert ("10.0.0.1", PORT) not in hosts


def test_the_lately_dead_are_told_and_those_who_left_are_not() -> None:
    swim = gossiping(2)
    swim.receive(Dead(1, "n1", "n2"))
    swim.receive(Dead(1, "n2", "n2"))
    swim.advance(0.5)
    assert {address[0] for address, _ in swim.sent()} == {"10.0.1.1"}
    swim.advance(31.0)
    swim.sent()
    swim.receive(alive("n3"))
    swim.advance(0.5)
    assert {address[0] for address, _ in swim.sent()} == {"10.0.1.3"}


def test_what_is_queued_rides_on_every_message() -> None:
    swim = gossiping(1)
    swim.receive(Suspect(1, "n1", "n2"))
    swim.delegate.broadcasts = [b"\x03event"]
    swim.swim.gossip.send(("10.0.1.1", PORT), Nack(7), swim.now)
    [(_, messages)] = swim.sent()
    assert messages == [Nack(7), Suspect(1, "n1", "n2"), UserMessage(b"\x03event")]


def test_a_direct_message_has_no_company() -> None:
    swim = gossiping(1)
    swim.receive(Suspect(1, "n1", "n2"))
    swim.swim.gossip.send_alone(("10.0.1.1", PORT), Nack(7))
    assert swim.sent() == [(("10.0.1.1", PORT), [Nack(7)])]


def test_a_packet_is_filled_to_the_budget_and_no_further() -> None:
    swim = gossiping(0)
    for number in range(1, 40):
        swim.receive(alive(f"n{number}", meta=bytes(100)))
    swim.advance(0.2)
    for packet in swim.swim.gossip.take_packets():
        size = 2 + sum(2 + len(command) for command in packet.commands)
        assert 1200 < size <= 1400
        assert packet.has_checksum


def test_only_who_reads_checksums_gets_them() -> None:
    swim = SwimUnderTest().announced()
    old = bytes((1, 4, 2, 2, 5, 5))
    swim.receive(Alive(1, "n1", bytes((10, 0, 1, 1)), PORT, b"", old))
    swim.advance(0.2)
    [packet] = swim.swim.gossip.take_packets()[:1]
    assert not packet.has_checksum


def test_a_message_that_fits_no_packet_is_not_queued() -> None:
    swim = gossiping(3)
    swim.receive(Suspect(1, "n1", "n" * 2000))
    assert swim.queued() == []
