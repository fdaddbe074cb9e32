"""Messages of Serf."""

import pytest
from hypothesis import given, settings, strategies as st

from colobus.cluster.codec import serf
from colobus.cluster.codec.dialect import pack_old
from colobus.cluster.messages import (
    ConflictResponse,
    EventSlot,
    JoinIntent,
    KeyRequest,
    KeyResponse,
    LeaveIntent,
    Query,
    QueryResponse,
    RecordedEvent,
    Relay,
    SerfMessage,
    SerfState,
    UserEvent,
)
from colobus.errors import ClusterProtocolError
from support.gossip_messages import serf_messages


@settings(max_examples=60, deadline=None)
@given(serf_messages, st.binary(max_size=3))
def test_a_message_comes_back_as_it_was(message: SerfMessage, rest: bytes) -> None:
    data = serf.encode(message)
    assert serf.decode(data) == message
    assert serf.decode_as(data, type(message)) == message
    if not isinstance(message, Relay):  # whose message goes on to the end
        assert serf.decode(data + rest) == message


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x00" + pack_old({"LTime": 3, "Node": "n3"}), LeaveIntent(3, "n3")),  # before 0.8.4
        (b"\x04" + pack_old({"Name": "q"}), Query(0, 0, b"", 0, "q")),  # 0.8.2: no SourceNode
        (b"\x04" + pack_old({"Filters": [None]}), Query(0, 0, b"", 0, "", filters=(b"",))),
        (b"\x08" + pack_old({"Result": True}), KeyResponse(result=True)),
        (b"\x02" + pack_old({"Events": None, "StatusLTimes": None}), SerfState(0)),
        (
            b"\x02" + pack_old({"Events": [None, {"LTime": 1, "Events": [{"Name": "a"}]}]}),
            SerfState(0, events=(None, EventSlot(1, (RecordedEvent("a"),)))),
        ),
        (b"\x06\xc0", ConflictResponse(None)),
        (b"\x09" + pack_old({"DestName": "n1"}) + b"\x05\x80", Relay("n1", b"", 0, b"\x05\x80")),
        (b"\x09\x80", Relay("", b"", 0, b"")),
    ],
)
def test_fields_left_out_are_empty(data: bytes, message: SerfMessage) -> None:
    assert serf.decode(data) == message


def test_an_empty_key_is_written_as_raw_but_an_empty_payload_as_nil() -> None:
    assert serf.encode(KeyRequest()).hex() == "0781a34b6579a0"
    assert b"Payload\xc0" in serf.encode(UserEvent(1, "a"))
    assert b"Filters\xc0" in serf.encode(Query(1, 2, b"", 0, "q"))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"\x01", "truncated"),
        (b"\x0a\x80", "type 10 is unknown"),
        (b"\x01\xc0", "JoinIntent is not a map"),
        (b"\x06\x01", "MemberRecord is not a map"),
        (b"\x09\xc0", "Relay is not a map"),
        (b"\x09" + pack_old({"DestAddr": {"IP": b"12345"}}), "Destination.IP: 5 bytes"),
        (b"\x01" + pack_old({"LTime": -1}), "JoinIntent.LTime: number out of range"),
        (b"\x04" + pack_old({"RelayFactor": 256}), "Query.RelayFactor: number out of range"),
        (b"\x02" + pack_old({"StatusLTimes": {"a": "b"}}), "not a whole number"),
        (b"\x02" + pack_old({"LeftMembers": "abc"}), "SerfState.LeftMembers: not a list"),
        (b"\x02" + pack_old({"Events": [7]}), "EventSlot is not a map"),
        (b"\x02\x81\xa6Events\xdd\x00\x10\x00\x00", "more than 262144 values"),
    ],
)
def test_what_is_no_message_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(ClusterProtocolError, match=reason):
        serf.decode(data)


def test_another_message_than_expected_is_refused() -> None:
    data = serf.encode(JoinIntent(1, "a"))
    with pytest.raises(ClusterProtocolError, match="JoinIntent instead of QueryResponse"):
        serf.decode_as(data, QueryResponse)


def test_no_key_and_no_payload_shows_in_a_repr() -> None:
    secret = b"0123456789abcdef"
    texts = [
        repr(KeyRequest(secret)),
        repr(KeyResponse(result=True, keys=(secret.decode(),), primary_key=secret.decode())),
        repr(Query(1, 2, b"", 0, "_serf_install-key", secret)),
        repr(QueryResponse(1, 2, "n1", 0, secret)),
    ]
    assert not [text for text in texts if secret.decode() in text]
