import pytest

from colobus.cluster.messages import Ack, IndirectPing, Nack, Ping
from colobus.cluster.swim.acknowledgements import MOST_AWAITED
from support.swim import OWN, OWN_ADDRESS, PORT, SwimUnderTest, address_of

SOURCE = ("192.168.0.9", 5555)


@pytest.fixture
def swim() -> SwimUnderTest:
    under_test = SwimUnderTest().announced()
    under_test.delegate.payload = b"coordinate"
    return under_test


@pytest.mark.parametrize("name", [OWN, ""])
def test_a_ping_is_answered_to_the_address_it_names(swim: SwimUnderTest, name: str) -> None:
    swim.receive(Ping(7, name, address_of("n3"), 99, "n3"), SOURCE)
    assert swim.sent() == [(("10.0.1.3", 99), [Ack(7, b"coordinate")])]


@pytest.mark.parametrize(
    "message", [Ping(7, OWN), Ping(7, OWN, address_of("n3"), 0), Ping(7, OWN, b"", 99)]
)
def test_without_a_full_address_the_answer_goes_where_the_ping_came_from(
    swim: SwimUnderTest, message: Ping
) -> None:
    swim.receive(message, SOURCE)
    assert [address for address, _ in swim.sent()] == [SOURCE]


def test_a_ping_for_another_name_stays_unanswered(swim: SwimUnderTest) -> None:
    swim.receive(Ping(7, "somebody else"), SOURCE)
    assert swim.sent() == []


def relayed(swim: SwimUnderTest, *, wants_nack: bool) -> Ping:
    swim.receive(IndirectPing(70, address_of("n2"), PORT, "n2", wants_nack), SOURCE)
    [(address, [ping])] = swim.sent()
    assert address == ("10.0.1.2", PORT)
    assert isinstance(ping, Ping)
    assert (ping.node, ping.source_address, ping.source_port) == ("n2", OWN_ADDRESS, PORT)
    return ping


def test_an_indirect_ping_is_relayed_and_its_ack_handed_on_without_payload(
    swim: SwimUnderTest,
) -> None:
    ping = relayed(swim, wants_nack=True)
    swim.receive(Ack(ping.sequence, b"coordinate of n2"))
    assert swim.sent() == [(SOURCE, [Ack(70)])]
    swim.advance(5.0)
    assert swim.sent() == []


@pytest.mark.parametrize(("wants_nack", "answers"), [(True, [(SOURCE, [Nack(70)])]), (False, [])])
def test_silence_is_reported_if_wanted(
    swim: SwimUnderTest, wants_nack: bool, answers: list[object]
) -> None:
    ping = relayed(swim, wants_nack=wants_nack)
    swim.advance(0.49)
    assert swim.sent() == []
    swim.advance(0.02)
    assert swim.sent() == answers
    swim.receive(Ack(ping.sequence))
    assert swim.sent() == [], "an ack that comes later is dropped"


def test_no_more_is_relayed_than_can_be_remembered(swim: SwimUnderTest) -> None:
    for sequence in range(MOST_AWAITED + 10):
        swim.receive(IndirectPing(sequence, address_of("n2"), PORT, "n2", True), SOURCE)
    assert len(swim.sent()) == MOST_AWAITED
    swim.advance(1.0)
    assert len(swim.swim.acknowledgements) == 0


def test_an_indirect_ping_without_a_usable_address_is_dropped(swim: SwimUnderTest) -> None:
    swim.receive(IndirectPing(1, b"", PORT, "n2"), SOURCE)
    assert swim.sent() == []
