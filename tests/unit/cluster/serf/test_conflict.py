"""Two nodes with one name (serf §11), and whom we know by a name (§9)."""

from dataclasses import replace

import pytest

from colobus.cluster.codec import serf as codec
from colobus.cluster.messages import (
    VERSIONS,
    Alive,
    ConflictResponse,
    MemberRecord,
    Query,
    QueryResponse,
)
from colobus.cluster.serf.facts import NameConflict, NameLost
from support.machine import OWN, OWN_ADDRESS, PORT, MachineUnderTest, address_of
from support.swim import alive

IMPOSTOR = Alive(1, OWN, address_of("n9"), PORT, b"", VERSIONS)
MAPPED = bytes(10) + b"\xff\xff" + OWN_ADDRESS


@pytest.fixture
def node() -> MachineUnderTest:
    under_test = MachineUnderTest()
    under_test.meet("n1", "n2", "n3")
    return under_test


def vote(node: MachineUnderTest, *payloads: bytes) -> list[NameLost]:
    """Let the members answer our question about our name; return what came of it."""
    node.receive(IMPOSTOR)
    [query] = node.queued_messages()
    assert isinstance(query, Query)
    assert (query.name, query.payload) == ("_serf_conflict", OWN.encode())
    for number, payload in enumerate(payloads, 1):
        node.hear(QueryResponse(query.time, query.id, f"n{number}", 0, payload))
    node.advance(3.3)
    return node.facts_of(NameLost)


def known_at(address: bytes, port: int = PORT) -> bytes:
    return codec.encode(ConflictResponse(MemberRecord(OWN, address, port)))


NOBODY = codec.encode(ConflictResponse())


@pytest.mark.parametrize(
    ("payloads", "lost"),
    [
        ([known_at(OWN_ADDRESS), known_at(OWN_ADDRESS), known_at(address_of("n9"))], []),
        ([known_at(MAPPED), known_at(OWN_ADDRESS)], []),
        ([known_at(OWN_ADDRESS), known_at(address_of("n9"))], [NameLost(2, 1)]),
        ([known_at(OWN_ADDRESS, 1), NOBODY, b"nonsense"], [NameLost(3, 0)]),
        ([], [NameLost(0, 0)]),
    ],
)
def test_more_than_half_of_the_answers_must_be_for_us(
    node: MachineUnderTest, payloads: list[bytes], lost: list[NameLost]
) -> None:
    assert vote(node, *payloads) == lost


def test_one_vote_runs_at_a_time(node: MachineUnderTest) -> None:
    for _ in range(3):
        node.receive(IMPOSTOR)
    assert len(node.queued()) == 1
    own, other = ("10.0.0.1", PORT), ("10.0.1.9", PORT)
    assert node.facts() == [NameConflict(OWN, own, other)]
    node.advance(3.3)
    node.forget()
    node.receive(IMPOSTOR)
    assert len(node.queued()) == 1


def test_a_conflict_of_others_is_told_and_not_voted_on(node: MachineUnderTest) -> None:
    node.receive(replace(alive("n1", 5), address=address_of("n9")))
    assert node.facts() == [NameConflict("n1", ("10.0.1.1", PORT), ("10.0.1.9", PORT))]
    assert node.queued() == []


def test_a_vote_that_cannot_be_called_leaves_things_as_they_are(node: MachineUnderTest) -> None:
    for _ in range(512):
        node.commands.query("load", b"", node.now, timeout_s=100.0)
    node.forget()
    node.receive(IMPOSTOR)
    node.advance(5.0)
    assert node.facts_of(NameLost) == []


def asked(node: MachineUnderTest, name: str) -> list[object]:
    node.hear(Query(9, 1, address_of("n1"), PORT, "_serf_conflict", name.encode()))
    answers = [message for _, message in node.sent()]
    return [
        codec.decode_as(answer.payload, ConflictResponse).member
        for answer in answers
        if isinstance(answer, QueryResponse)
    ]


def test_others_are_told_whom_we_know_by_a_name(node: MachineUnderTest) -> None:
    [record] = asked(node, "n2")
    assert record == MemberRecord("n2", address_of("n2"), PORT, {}, 1, 1, 5, 2, 2, 5, 5)


def test_an_unknown_name_is_answered_and_our_own_is_not(node: MachineUnderTest) -> None:
    assert asked(node, "nobody") == [None]
    assert asked(MachineUnderTest(), OWN) == []


@pytest.mark.parametrize("name", ["_serf_ping", "_serf_what"])
def test_other_internal_queries_get_nothing_but_their_ack(
    node: MachineUnderTest, name: str
) -> None:
    node.hear(Query(9, 1, address_of("n1"), PORT, name, flags=1))
    assert [message for _, message in node.sent()] == [QueryResponse(9, 1, OWN, 1)]
    assert node.facts() == []
