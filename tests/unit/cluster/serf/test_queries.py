"""Queries asked and answered (serf §8)."""

from dataclasses import replace

import pytest

from colobus.cluster.codec import serf as codec
from colobus.cluster.codec.filters import NodeFilter, encode_filter
from colobus.cluster.messages import Query, QueryFlag, QueryResponse, Relay, UserMessage
from colobus.cluster.serf.answering import MOST_PENDING
from colobus.cluster.serf.asking import MOST_OPEN
from colobus.cluster.serf.facts import (
    QueryAcked,
    QueryAnswered,
    QueryClosed,
    QueryKey,
    QueryReceived,
)
from colobus.errors import ClusterError
from support.machine import OWN, OWN_ADDRESS, PORT, MachineUnderTest, address_of

ACK = int(QueryFlag.ACK)
ASKER = ("10.0.1.1", PORT)
QUERY = Query(
    3, 77, address_of("n1"), PORT, "load", b"?", "n1", timeout_ns=5_000_000_000, flags=ACK
)


@pytest.fixture
def node() -> MachineUnderTest:
    under_test = MachineUnderTest(tags={"role": "db"})
    under_test.meet("n1", "n2", "n3")
    return under_test


def response(key: QueryKey, sender: str, payload: bytes = b"", flags: int = 0) -> QueryResponse:
    return QueryResponse(key.time, key.id, sender, flags, payload)


def test_a_query_is_acknowledged_delivered_and_passed_on_once(node: MachineUnderTest) -> None:
    node.hear(QUERY, trailing=b"more")
    node.hear(QUERY)
    assert node.sent() == [(ASKER, QueryResponse(3, 77, OWN, ACK))]
    expected = QueryReceived(QueryKey(3, 77), "load", b"?", "n1", node.now + 5.0)
    assert node.facts() == [expected]
    assert node.queued() == [codec.encode(QUERY) + b"more"]
    assert node.machine.statistics().query_time == 4


def test_a_query_of_ours_goes_to_everybody_at_once_and_gossips(node: MachineUnderTest) -> None:
    node.commands.query("load", b"?", node.now)
    sent = node.sent()
    assert {address for address, _ in sent} == {(f"10.0.1.{n}", PORT) for n in (1, 2, 3)}
    [message] = {message for _, message in sent}
    assert node.queued_messages() == [message]


def test_queries_of_one_time_are_told_apart_by_id(node: MachineUnderTest) -> None:
    node.hear(QUERY)
    node.hear(replace(QUERY, id=78))
    assert len(node.facts_of(QueryReceived)) == 2


def test_a_query_that_left_the_ring_is_too_old(node: MachineUnderTest) -> None:
    node.hear(replace(QUERY, time=600))
    node.forget()
    node.hear(replace(QUERY, time=88))
    assert node.facts() == []
    node.hear(replace(QUERY, time=89))
    assert len(node.facts()) == 1


def test_without_the_flag_there_is_no_ack(node: MachineUnderTest) -> None:
    node.hear(replace(QUERY, flags=0))
    assert node.sent() == []
    assert len(node.facts()) == 1


def test_a_query_whose_filters_exclude_us_is_only_passed_on(node: MachineUnderTest) -> None:
    node.hear(replace(QUERY, filters=(encode_filter(NodeFilter(("n2",))),)))
    assert node.sent() == []
    assert node.facts() == []
    assert len(node.queued()) == 1


def test_a_query_that_forbids_it_is_not_passed_on(node: MachineUnderTest) -> None:
    node.hear(replace(QUERY, flags=int(QueryFlag.NO_BROADCAST)))
    assert len(node.facts()) == 1
    assert node.queued() == []


def test_a_query_that_fits_no_packet_is_dropped(node: MachineUnderTest) -> None:
    node.hear(replace(QUERY, payload=bytes(2000)))
    assert node.facts() == []


def test_a_delivered_query_can_be_answered_once_and_in_time(node: MachineUnderTest) -> None:
    node.hear(QUERY)
    node.sent()
    key = QueryKey(3, 77)
    with pytest.raises(ClusterError, match="response exceeds limit of 1024 bytes"):
        node.machine.respond(key, bytes(1000), node.now)
    node.machine.respond(key, b"0.5", node.now)
    assert node.sent() == [(ASKER, QueryResponse(3, 77, OWN, 0, b"0.5"))]
    with pytest.raises(ClusterError, match="response already sent"):
        node.machine.respond(key, b"0.5", node.now)
    node.hear(replace(QUERY, id=78))
    with pytest.raises(ClusterError, match="response is past the deadline"):
        node.machine.respond(QueryKey(3, 78), b"", node.now + 5.1)
    with pytest.raises(ClusterError, match="response is past the deadline"):
        node.machine.respond(QueryKey(3, 79), b"", node.now)


def test_queries_nobody_answers_are_forgotten(node: MachineUnderTest) -> None:
    for number in range(MOST_PENDING + 1):
        node.hear(replace(QUERY, time=1 + number // 100, id=number, timeout_ns=10**18))
    assert len(node.serf.answerer._pending) == MOST_PENDING
    node.advance(3700.0)
    assert len(node.serf.answerer._pending) == 0


def test_an_answer_is_also_relayed_by_others(node: MachineUnderTest) -> None:
    node.hear(replace(QUERY, relay_factor=2))
    ack = QueryResponse(3, 77, OWN, ACK)
    sent = node.sent()
    assert sent[0] == (ASKER, ack)
    relay = Relay("n1", address_of("n1"), PORT, codec.encode(ack))
    assert [message for _, message in sent[1:]] == [relay, relay]
    assert len({address for address, _ in sent[1:]}) == 2


@pytest.mark.parametrize(("factor", "relays"), [(0, 0), (3, 3), (4, 0)])
def test_one_member_more_than_relays_must_be_there(
    node: MachineUnderTest, factor: int, relays: int
) -> None:
    node.hear(replace(QUERY, relay_factor=factor))
    assert len(node.sent()) == 1 + relays


def test_only_the_living_relay(node: MachineUnderTest) -> None:
    node.fail("n2")
    node.hear(replace(QUERY, relay_factor=3))
    assert sorted(address[0] for address, _ in node.sent()[1:]) == ["10.0.1.1", "10.0.1.3"]


def test_a_relay_is_unwrapped_and_sent_on(node: MachineUnderTest) -> None:
    ack = QueryResponse(3, 77, "n3", ACK)
    node.hear(Relay("n2", address_of("n2"), PORT, codec.encode(ack)))
    assert node.sent() == [(("10.0.1.2", PORT), ack)]


def test_only_answers_are_relayed(node: MachineUnderTest) -> None:
    node.hear(Relay("n2", address_of("n2"), PORT, codec.encode(QUERY)))
    node.hear(Relay("n2", b"", PORT, codec.encode(QueryResponse(3, 77, "n3"))))
    assert node.sent() == []


def test_our_query_is_spread_and_what_comes_back_is_told(node: MachineUnderTest) -> None:
    key = node.commands.query("load", b"?", node.now, wants_acks=True, timeout_s=2.0)
    [query] = node.queued_messages()
    assert isinstance(query, Query)
    assert (query.time, query.id) == (key.time, key.id)
    assert (query.address, query.port, query.source_node) == (OWN_ADDRESS, PORT, OWN)
    assert (query.flags, query.timeout_ns) == (ACK, 2_000_000_000)
    received = QueryReceived(key, "load", b"?", OWN, node.now + 2.0)
    assert node.facts() == [QueryAcked(key, OWN), received], "we are asked as well"
    node.machine.respond(key, b"mine", node.now)
    for _ in range(2):
        node.hear(response(key, "n1", flags=ACK))
        node.hear(response(key, "n1", b"theirs"))
    node.hear(replace(response(key, "n2", b"of another query"), id=key.id ^ 1))
    assert node.facts() == [
        QueryAnswered(key, OWN, b"mine"),
        QueryAcked(key, "n1"),
        QueryAnswered(key, "n1", b"theirs"),
    ]
    node.advance(2.0)
    assert node.facts() == [QueryClosed(key)]
    node.hear(response(key, "n2", b"late"))
    assert node.facts() == []


def test_the_default_timeout_grows_with_the_cluster(node: MachineUnderTest) -> None:
    node.commands.query("load", b"", node.now)
    [query] = node.queued_messages()
    assert isinstance(query, Query)
    assert query.timeout_ns == 3_200_000_000


def test_no_more_answers_count_than_there_were_members(node: MachineUnderTest) -> None:
    key = node.commands.query("load", b"", node.now)
    node.facts()
    for number in range(10):
        node.hear(response(key, f"n{number}", b"x"))
    assert len(node.facts_of(QueryAnswered)) == 4


def test_queries_are_limited_in_size_and_number(node: MachineUnderTest) -> None:
    with pytest.raises(ClusterError, match="query exceeds limit of 1024 bytes"):
        node.commands.query("load", bytes(1000), node.now)
    for _ in range(MOST_OPEN):
        node.commands.query("load", b"", node.now)
    with pytest.raises(ClusterError, match="too many queries are open"):
        node.commands.query("load", b"", node.now)


def test_an_ack_relayed_by_the_asker_itself_counts_once(node: MachineUnderTest) -> None:
    key = node.commands.query("load", b"", node.now, wants_acks=True, relay_factor=1)
    node.facts()
    ack = codec.encode(response(key, "n1", flags=ACK))
    node.hear(Relay(OWN, OWN_ADDRESS, PORT, ack))
    node.receive(UserMessage(ack))
    assert node.facts() == [QueryAcked(key, "n1")]
