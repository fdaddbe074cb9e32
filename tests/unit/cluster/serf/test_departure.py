from dataclasses import replace

from colobus.cluster.codec import serf as codec
from colobus.cluster.machine import ClusterMachine
from colobus.cluster.messages import Ack, Dead, LeaveIntent, Message, Ping, UserMessage
from colobus.cluster.serf.departure import NodePhase
from colobus.cluster.serf.facts import LeaveDone, MemberLeft
from colobus.cluster.swim.direct import FAN_OUT
from support.machine import NEVER_PROBES, OWN, MachineUnderTest


def sent_while(node: MachineUnderTest, seconds: float) -> list[tuple[float, Message]]:
    """Return what goes out in a while, with the time since now."""
    start, sent = node.now, []
    while (deadline := node.machine.next_deadline()) is not None and deadline <= start + seconds:
        node.advance(max(deadline - node.now, 0.0))
        for datagram in node.machine.datagrams_to_send():
            messages = node.codec.decode(datagram.data).messages
            sent += [(node.now - start, message) for message in messages]
    return sent


def leave(node: MachineUnderTest) -> ClusterMachine:
    node.machine.leave(node.now)
    return node.machine


def test_the_intent_has_spread_before_the_death_begins_to() -> None:
    node = MachineUnderTest()
    node.meet("n1", "n2")
    machine = leave(node)
    assert node.status(OWN) == "leaving"
    assert machine.statistics().member_time == 2
    sent = sent_while(node, 10.0)
    intents = [place for place, (_, message) in enumerate(sent) if isinstance(message, UserMessage)]
    deaths = [place for place, (_, message) in enumerate(sent) if isinstance(message, Dead)]
    assert len(intents) == len(deaths) == 2 + 4, "two directly, four by gossip"
    assert max(intents) < min(deaths)
    assert [type(fact) for fact in node.facts()] == [MemberLeft, LeaveDone]
    assert machine.phase is NodePhase.GONE


def test_a_departure_lingers_for_a_second_after_its_last_word() -> None:
    node = MachineUnderTest()
    node.meet("n1", "n2")
    leave(node)
    died_at = max(at for at, message in sent_while(node, 10.0) if isinstance(message, Dead))
    again = MachineUnderTest()
    again.meet("n1", "n2")
    leave(again)
    again.advance(died_at + 0.99)
    assert again.facts_of(LeaveDone) == []
    again.advance(0.02)
    assert again.facts_of(LeaveDone) == [LeaveDone()]


def test_a_departure_happens_once() -> None:
    node = MachineUnderTest()
    node.meet("n1", "n2")
    leave(node)
    leave(node)
    assert node.queued_messages() == [LeaveIntent(1, OWN)]
    node.advance(10.0)
    assert node.facts_of(LeaveDone) == [LeaveDone()]
    leave(node)
    node.advance(10.0)
    assert node.facts() == []


def test_who_leaves_does_not_refute_it() -> None:
    node = MachineUnderTest()
    node.meet("n1", "n2")
    leave(node)
    node.hear(LeaveIntent(50, OWN))
    assert node.status(OWN) == "leaving"


def test_alone_a_departure_takes_no_time() -> None:
    node = MachineUnderTest()
    leave(node)
    assert node.facts_of(LeaveDone) == []
    node.machine.handle_timer(node.now)
    assert node.facts_of(LeaveDone) == [LeaveDone()]


def pings(node: MachineUnderTest) -> list[tuple[list[Message], int]]:
    """Return what is sent directly with a ping behind it, and the number of the ping."""
    found = []
    for datagram in node.machine.datagrams_to_send():
        *told, ping = node.codec.decode(datagram.data).messages
        if isinstance(ping, Ping):
            found.append((list(told), ping.sequence))
    return found


def test_each_step_is_over_when_every_member_has_acknowledged_it() -> None:
    node = MachineUnderTest()
    node.meet("n1", "n2")
    leave(node)
    intent = UserMessage(codec.encode(LeaveIntent(1, OWN)))
    first, second = pings(node)
    assert first[0] == second[0] == [intent]
    node.receive(Ack(first[1]))
    node.machine.handle_timer(node.now)
    assert pings(node) == []
    node.receive(Ack(second[1]))
    node.machine.handle_timer(node.now)
    assert node.status(OWN) == "left"
    deaths = pings(node)
    assert [told for told, _ in deaths] == [[Dead(1, OWN, OWN)]] * 2
    for _, sequence in deaths:
        assert node.facts_of(LeaveDone) == []
        node.receive(Ack(sequence))
    node.machine.handle_timer(node.now)
    assert node.facts_of(LeaveDone) == [LeaveDone()]


def test_acks_that_come_after_a_step_change_nothing() -> None:
    node = MachineUnderTest()
    node.meet("n1", "n2")
    leave(node)
    late = pings(node)
    node.advance(10.0)
    assert node.facts_of(LeaveDone) == [LeaveDone()]
    for _, sequence in late:
        node.receive(Ack(sequence))
    assert node.facts() == []
    assert len(node.serf.swim.acknowledgements) == 0


def test_more_members_than_are_told_directly_cannot_confirm_a_step() -> None:
    node = MachineUnderTest()
    node.meet(*(f"n{number}" for number in range(FAN_OUT + 1)))
    leave(node)
    assert pings(node) == []
    assert len(node.serf.swim.acknowledgements) == 0


def test_a_departure_that_does_not_spread_ends_after_two_timeouts_and_a_second() -> None:
    node = MachineUnderTest(timing=replace(NEVER_PROBES, gossip_interval_s=100.0))
    node.meet("n1", "n2")
    leave(node)
    node.advance(10.9)
    assert node.facts_of(LeaveDone) == []
    node.advance(0.2)
    assert node.facts_of(LeaveDone) == [LeaveDone()]
