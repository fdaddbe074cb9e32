from dataclasses import replace

import pytest

from colobus.cluster.messages import (
    VERSIONS,
    Ack,
    ErrorMessage,
    NodeRecord,
    NodeState,
    Ping,
    PushPull,
    StreamMessage,
    UserMessage,
)
from colobus.cluster.swim.addresses import Address
from colobus.cluster.swim.exchange import JOINS_AT_ONCE, JoinOutcome
from colobus.cluster.swim.streams import OpenStream
from support.swim import OWN, PORT, SwimUnderTest, address_of

N1 = NodeRecord("n1", address_of("n1"), PORT, b"", 1, NodeState.ALIVE, VERSIONS)
THEIRS = PushPull((N1,), is_join=True, user_state=b"\x02state")


@pytest.fixture
def swim() -> SwimUnderTest:
    under_test = SwimUnderTest().announced()
    under_test.delegate.state = b"\x02ours"
    return under_test


class Join:
    """A join that runs, and what it came to."""

    def __init__(self, swim: SwimUnderTest, *addresses: Address, ignores: bool = True) -> None:
        self.swim = swim
        self.exchanged = 0
        self.outcome: JoinOutcome | None = None
        swim.swim.exchanges.join(
            addresses, swim.now, ignores_old_events=ignores, exchanged=self._begin, done=self._done
        )
        self.openings = swim.swim.streams.take_opens()

    def answer(self, opening: OpenStream, message: StreamMessage) -> None:
        data = self.swim.stream_codec.encode(message, is_reply=True)
        self.swim.swim.streams.receive(opening.stream, data, self.swim.now)

    def fail(self, opening: OpenStream) -> None:
        self.swim.swim.streams.ended(opening.stream, "refused", self.swim.now)
        self.swim.advance(0.0)

    def _begin(self, _now: float) -> None:
        self.exchanged += 1

    def _done(self, outcome: JoinOutcome, _now: float) -> None:
        assert self.outcome is None, "told once"
        self.outcome = outcome


def addresses(count: int) -> list[Address]:
    return [(f"10.0.1.{number}", PORT) for number in range(1, count + 1)]


def serve(swim: SwimUnderTest, message: StreamMessage) -> StreamMessage | None:
    stream = swim.swim.streams.accept("10.0.0.9", swim.now)
    assert stream is not None
    swim.swim.streams.receive(stream, swim.stream_codec.encode(message), swim.now)
    [write] = swim.swim.streams.take_writes()
    assert write.is_last
    if not write.data:
        return None
    return swim.stream_codec.reader(is_reply=True).feed(write.data)


def test_a_join_shows_our_state_and_takes_in_theirs(swim: SwimUnderTest) -> None:
    join = Join(swim, *addresses(1))
    [opening] = join.openings
    sent = swim.stream_codec.reader().feed(opening.data)
    assert isinstance(sent, PushPull)
    assert (sent.is_join, sent.user_state) == (True, b"\x02ours")
    assert [node.name for node in sent.nodes] == [OWN]
    join.answer(opening, THEIRS)
    assert join.outcome == JoinOutcome(joined=addresses(1))
    assert join.exchanged == 1
    assert swim.state("n1") is NodeState.ALIVE
    assert swim.delegate.states == [(b"\x02state", True)]


def test_addresses_that_fail_hold_nothing_up_and_are_named(swim: SwimUnderTest) -> None:
    join = Join(swim, *addresses(3))
    join.fail(join.openings[0])
    join.answer(join.openings[1], THEIRS)
    assert join.exchanged == 1
    assert join.outcome is None
    swim.advance(10.0)
    assert join.outcome == JoinOutcome(
        joined=[addresses(3)[1]],
        failed={addresses(3)[0]: "refused", addresses(3)[2]: "timed out"},
    )


def test_many_addresses_are_tried_some_at_a_time(swim: SwimUnderTest) -> None:
    join = Join(swim, *addresses(JOINS_AT_ONCE + 2), addresses(1)[0])
    assert len(join.openings) == JOINS_AT_ONCE
    join.fail(join.openings[0])
    assert len(swim.swim.streams.take_opens()) == 1


def test_a_join_of_nothing_is_done(swim: SwimUnderTest) -> None:
    assert Join(swim).outcome == JoinOutcome()


def test_a_join_that_may_not_dial_fails(swim: SwimUnderTest) -> None:
    joins = [Join(swim, *addresses(16)) for _ in range(4)]
    assert sum(len(join.openings) for join in joins) == 64
    refused = Join(swim, *addresses(1))
    assert refused.openings == []
    swim.advance(0.0)
    assert refused.outcome == JoinOutcome(failed={addresses(1)[0]: "too many streams are open"})


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (ErrorMessage("no"), "the peer says: no"),
        (Ack(1), "Ack instead of a push/pull"),
        (
            PushPull((replace(N1, versions=bytes((1, 5, 2, 2, 4, 4))),)),
            "Serf protocol version 5 of a node is incompatible: [2, 4]",
        ),
    ],
)
def test_an_answer_that_cannot_be_merged_is_a_failure(
    swim: SwimUnderTest, answer: StreamMessage, reason: str
) -> None:
    join = Join(swim, *addresses(1))
    join.answer(join.openings[0], answer)
    swim.advance(0.0)
    assert join.outcome == JoinOutcome(failed={addresses(1)[0]: reason})
    assert join.exchanged == 0
    assert swim.table.get("n1") is None


def test_who_exchanges_with_us_gets_what_we_knew_before(swim: SwimUnderTest) -> None:
    answer = serve(swim, THEIRS)
    assert isinstance(answer, PushPull)
    assert [node.name for node in answer.nodes] == [OWN]
    assert answer.is_join
    assert swim.state("n1") is NodeState.ALIVE
    assert swim.delegate.states == [(b"\x02state", False)], "it is their join, not ours"


def test_a_request_that_cannot_be_merged_is_answered_all_the_same(swim: SwimUnderTest) -> None:
    answer = serve(swim, PushPull((replace(N1, versions=b""),), user_state=b"\x02state"))
    assert isinstance(answer, PushPull)
    assert swim.table.get("n1") is None
    assert swim.delegate.states == []


def test_a_ping_by_stream_is_acknowledged_without_payload(swim: SwimUnderTest) -> None:
    swim.delegate.payload = b"coordinate"
    assert serve(swim, Ping(9, OWN)) == Ack(9)
    assert serve(swim, Ping(9, "somebody else")) is None


def test_a_user_message_by_stream_is_delivered(swim: SwimUnderTest) -> None:
    assert serve(swim, UserMessage(b"\x03event")) is None
    assert swim.delegate.told == ["user b'\\x03event'"]


@pytest.mark.parametrize("message", [Ack(1), ErrorMessage("what")])
def test_what_nobody_opens_a_stream_for_is_closed(
    swim: SwimUnderTest, message: StreamMessage
) -> None:
    assert serve(swim, message) is None


def test_exchanges_come_at_the_interval_with_a_random_living_node(swim: SwimUnderTest) -> None:
    swim.meet("n1", "n2")
    swim.swim.exchanges.start(swim.now)
    openings = []
    for _ in range(10):
        swim.advance(30.0)
        opened = swim.swim.streams.take_opens()
        assert len(opened) == 1
        openings += opened
    assert {opening.address[0] for opening in openings} == {"10.0.1.1", "10.0.1.2"}
    sent = swim.stream_codec.reader().feed(openings[0].data)
    assert isinstance(sent, PushPull)
    assert not sent.is_join


def test_an_exchange_takes_in_what_the_other_knows(swim: SwimUnderTest) -> None:
    swim.meet("n2")
    swim.swim.exchanges.start(swim.now)
    while not (openings := swim.swim.streams.take_opens()):
        swim.advance(1.0)
    [opening] = openings
    data = swim.stream_codec.encode(THEIRS, is_reply=True)
    swim.swim.streams.receive(opening.stream, data, swim.now)
    assert swim.state("n1") is NodeState.ALIVE
    assert swim.delegate.states == [(b"\x02state", False)]


def test_an_exchange_that_is_refused_or_fails_changes_nothing(swim: SwimUnderTest) -> None:
    swim.meet("n1")
    swim.swim.exchanges.start(swim.now)
    swim.advance(30.0)
    [opening] = swim.swim.streams.take_opens()
    data = swim.stream_codec.encode(ErrorMessage("no"), is_reply=True)
    swim.swim.streams.receive(opening.stream, data, swim.now)
    swim.advance(45.0)
    assert len(swim.table) == 2
    assert swim.delegate.states == []


def test_alone_there_is_nobody_to_exchange_with(swim: SwimUnderTest) -> None:
    swim.swim.exchanges.start(swim.now)
    swim.advance(100.0)
    assert swim.swim.streams.take_opens() == []
