"""A suspect whose port refuses connections twice is dead; anything less leaves it its time."""

from collections.abc import Callable, Sequence

import pytest

from colobus.cluster.messages import (
    Ack,
    Dead,
    IndirectPing,
    Message,
    Nack,
    NodeState,
    Ping,
    Suspect,
)
from colobus.cluster.swim.refusal import Evidence
from colobus.cluster.swim.streams import REFUSED
from colobus.cluster.timing import ClusterTiming
from support.swim import OWN, PORT, SwimUnderTest, alive

LAN = ClusterTiming.lan()
SUSPECT_ENDPOINT = ("10.0.1.1", PORT)


class Suspecting:
    """A node that pings ``n1`` first, knows ``others`` as well, and has no ack."""

    def __init__(self, *others: str) -> None:
        self.swim = SwimUnderTest(LAN).announced()
        self.swim.meet("n1")
        self.swim.swim.prober.start(self.swim.now)
        while not (sent := self._pings()):
            self._to_next_timer()
        [self.ping] = sent
        self.swim.meet(*others)

    def refuse_round(self, *, nacks: int, reason: str = REFUSED) -> list[tuple[object, object]]:
        """Let the round pass, refused; return the packets with which it ends."""
        self.swim.advance(LAN.probe_timeout_s)
        asked = [m for _, messages in self.swim.sent() for m in messages]
        assert not asked or all(isinstance(m, IndirectPing) for m in asked)
        for _ in range(nacks):
            self.swim.receive(Nack(self.ping.sequence))
        self.end_streams(reason)
        self.swim.advance(LAN.probe_interval_s - LAN.probe_timeout_s)
        return [(address, message) for address, [message, *_] in self.swim.sent()]

    def end_streams(self, reason: str) -> int:
        """End every stream that is to be opened; return how many."""
        openings = self.swim.swim.streams.take_opens()
        for opening in openings:
            self.swim.swim.streams.ended(opening.stream, reason, self.swim.now)
        return len(openings)

    def last_call(self) -> None:
        self.swim.advance(LAN.probe_timeout_s)

    def state(self) -> NodeState:
        return self.swim.state("n1")

    def _pings(self) -> list[Ping]:
        found: list[Message] = [m for _, [m, *_] in self.swim.sent()]
        return [m for m in found if isinstance(m, Ping)]

    def _to_next_timer(self) -> None:
        deadline = self.swim.schedule.next_deadline()
        assert deadline is not None
        self.swim.advance(deadline - self.swim.now)


@pytest.mark.parametrize(("others", "nacks"), [((), 0), (("n2",), 1), (("n2", "n3", "n4"), 2)])
def test_who_refuses_twice_is_dead_within_one_interval_and_one_timeout(
    others: Sequence[str], nacks: int
) -> None:
    case = Suspecting(*others)
    case.refuse_round(nacks=nacks)
    assert case.state() is NodeState.SUSPECT
    case.last_call()
    assert case.end_streams(REFUSED) >= 1, "beside that of the next round"
    assert case.state() is NodeState.DEAD
    assert Dead(1, "n1", OWN) in case.swim.queued()
    assert case.swim.delegate.told[-1] == "dead n1"


def test_the_accused_is_told_before_the_verdict() -> None:
    case = Suspecting("n2")
    sent = case.refuse_round(nacks=1)
    assert (SUSPECT_ENDPOINT, Suspect(1, "n1", OWN)) in sent


@pytest.mark.parametrize(
    ("others_asked", "nacks", "is_worth"),
    [
        (0, 0, True),
        (1, 0, False),
        (1, 1, True),
        (2, 1, True),
        (3, 1, False),
        (3, 2, True),
        (3, 3, True),
    ],
)
def test_the_others_must_bear_it_out(others_asked: int, nacks: int, *, is_worth: bool) -> None:
    node = Suspecting().swim.node("n1")
    assert Evidence(node, 1, 1, others_asked, nacks).is_borne_out is is_worth


@pytest.mark.parametrize("reason", ["timed out", "no route to host", "closed by the peer"])
def test_a_host_that_does_not_refuse_has_the_time_of_a_suspicion(reason: str) -> None:
    case = Suspecting("n2")
    case.refuse_round(nacks=1, reason=reason)
    case.last_call()
    case.end_streams(REFUSED)  # the round's own probing goes on
    assert case.state() is NodeState.SUSPECT


def _refutes(case: Suspecting) -> None:
    case.swim.rules.alive(alive("n1", 2), case.swim.now)


def _waits(case: Suspecting) -> None:
    assert case.state() is NodeState.SUSPECT


@pytest.mark.parametrize(
    ("between", "reason", "state"),
    [
        (_refutes, REFUSED, NodeState.ALIVE),
        (_waits, "timed out", NodeState.SUSPECT),
        (_waits, "closed by the peer", NodeState.SUSPECT),
    ],
)
def test_who_comes_back_in_between_lives(
    between: Callable[[Suspecting], None], reason: str, state: NodeState
) -> None:
    case = Suspecting("n2")
    case.refuse_round(nacks=1)
    between(case)
    case.last_call()
    case.end_streams(reason)
    assert case.state() is state


def test_a_refutation_that_overtakes_the_second_refusal_counts() -> None:
    case = Suspecting("n2")
    case.refuse_round(nacks=1)
    case.last_call()
    openings = case.swim.swim.streams.take_opens()
    _refutes(case)
    for opening in openings:
        case.swim.swim.streams.ended(opening.stream, REFUSED, case.swim.now)
    assert case.state() is NodeState.ALIVE


def late_answers(*answers: Message) -> Suspecting:
    """Return a case in which the others say nothing within the round, then this, in time."""
    case = Suspecting("n2", "n3", "n4")
    case.refuse_round(nacks=0)
    case.swim.advance(LAN.probe_timeout_s)
    for answer in answers:
        case.swim.receive(answer)
    case.end_streams("timed out")
    case.swim.advance(LAN.probe_interval_s - LAN.probe_timeout_s)
    case.end_streams(REFUSED)
    return case


def test_nacks_that_come_after_the_round_count() -> None:
    nack = Nack(1)
    assert late_answers(nack, nack).state() is NodeState.DEAD
    assert late_answers(nack).state() is NodeState.SUSPECT


def test_an_ack_that_comes_after_the_round_saves_the_node() -> None:
    assert late_answers(Nack(1), Nack(1), Ack(1)).state() is NodeState.SUSPECT
