"""Every captured datagram and stream: what it holds, and back to the same bytes."""

import hashlib
import json
from typing import Any

import pytest

from colobus.cluster.codec import compression, gossip, serf
from colobus.cluster.codec.coordinate import decode_ack_payload
from colobus.cluster.codec.datagram import DatagramCodec
from colobus.cluster.codec.filters import decode_filter, encode_filter
from colobus.cluster.codec.stream import StreamCodec
from colobus.cluster.codec.tags import decode_tags, encode_tags
from colobus.cluster.keyring import Keyring
from colobus.cluster.messages import (
    Ack,
    Alive,
    ConflictResponse,
    Message,
    PushPull,
    Query,
    QueryResponse,
    Relay,
    SerfMessage,
    SerfState,
    UserMessage,
)
from support.serf_vectors import described, leaves, load, sparse_events

DATAGRAMS = {vector["name"]: vector for vector in load("udp")}
STREAMS = {vector["name"]: vector for vector in load("tcp")}
# Names on the wire -> classes, where they are not the same but for the first letter.
RENAMED = {
    "ackResp": "Ack",
    "join": "JoinIntent",
    "leave": "LeaveIntent",
    "nackResp": "Nack",
    "user": "UserMessage",
}


def class_name(kind: str) -> str:
    return RENAMED.get(kind, kind[0].upper() + kind[1:])


def keyring_of(vector: dict[str, Any]) -> Keyring:
    return Keyring([bytes.fromhex(vector["key_hex"])] if "key_hex" in vector else [])


def never(size: int) -> bytes:
    raise AssertionError(f"nothing here draws {size} random bytes")


def assert_body(message: object, expected: dict[str, Any]) -> None:
    """Compare a message with its spelling, and the extra readings beside the fields."""
    body = dict(expected)
    tags, coordinate = body.pop("tags", None), body.pop("coordinate(v1)", None)
    assert described(message) == described(body)
    if tags is not None:
        assert isinstance(message, Alive)
        assert decode_tags(message.meta) == tags
        assert encode_tags(decode_tags(message.meta)) == message.meta
    if coordinate is not None:
        assert isinstance(message, Ack)
        read = decode_ack_payload(message.payload)
        assert read is not None
        assert (described(read[0]), read[1]) == (described(coordinate), b"")


def assert_serf(payload: bytes, expected: dict[str, Any]) -> None:
    """Compare a Serf message, read it whole, and write it as it was."""
    message = serf.decode(payload)
    assert type(message).__name__ == class_name(expected["serf"])
    assert serf.encode(message) == payload
    if isinstance(message, Relay):
        header = expected["header"]
        to = {"IP": message.address, "Port": message.port, "Zone": message.zone}
        assert described({"DestAddr": to, "DestName": message.node}) == described(header)
        assert_serf(message.payload, expected["inner"])
    elif isinstance(message, ConflictResponse):
        assert described(message.member) == described(expected["body"])
    else:
        assert described(message) == described(expected["body"])
    if "payload" in expected and expected["payload"] is not None:
        assert isinstance(message, Query | QueryResponse)
        assert_serf(message.payload, expected["payload"])
    if "filters" in expected:
        assert isinstance(message, Query)
        assert_filters(message.filters, expected["filters"])


def assert_filters(filters: tuple[bytes, ...], expected: list[Any]) -> None:
    read = [decode_filter(data) for data in filters]
    assert [encode_filter(condition) for condition in read] == list(filters)
    spelt = [described(condition) for condition in read if hasattr(condition, "tag")]
    assert spelt == [described(value) for kind, value in expected if kind == "tag"]
    names = [list(condition.names) for condition in read if hasattr(condition, "names")]
    assert names == [value for kind, value in expected if kind == "node"]


def assert_message(message: Message, expected: dict[str, Any]) -> None:
    assert type(message).__name__ == class_name(expected["type"])
    if isinstance(message, UserMessage):
        assert_serf(message.payload, expected)
    else:
        assert_body(message, expected["body"])


@pytest.mark.parametrize("name", DATAGRAMS)
def test_a_captured_datagram_is_read_as_it_was_meant(name: str) -> None:
    vector = DATAGRAMS[name]
    received = DatagramCodec(keyring_of(vector), never).decode(bytes.fromhex(vector["hex"]))
    assert received.problems == ()
    expected = list(leaves(vector["decoded"]))
    assert len(received.messages) == len(expected)
    for message, leaf in zip(received.messages, expected, strict=True):
        assert_message(message, leaf)


@pytest.mark.parametrize("name", DATAGRAMS)
def test_a_captured_datagram_is_written_as_it_was(name: str) -> None:
    vector = DATAGRAMS[name]
    data = bytes.fromhex(vector["hex"])
    layers = json.dumps(vector["decoded"])
    codec = DatagramCodec(
        keyring_of(vector), lambda size: data[1 : 1 + size], compresses="compress" in layers
    )
    messages = [gossip.encode(message) for message in codec.decode(data).messages]
    assert codec.encode(messages, has_checksum="hasCrc" in layers) == data


def state_of(message: PushPull) -> SerfMessage:
    state = serf.decode(message.user_state)
    assert isinstance(state, SerfState)
    assert serf.encode(state) == message.user_state
    return state


@pytest.mark.parametrize("name", STREAMS)
def test_a_captured_stream_is_read_as_it_was_meant(name: str) -> None:
    vector = STREAMS[name]
    data = bytes.fromhex(vector["hex"])
    message = StreamCodec(keyring_of(vector), never).reader().feed(data)
    (expected,) = leaves(vector["decoded"])
    if not isinstance(message, PushPull):
        assert message is not None
        assert_body(message, expected["body"])
        return
    assert expected["type"] == "pushPull"
    header = {
        "Join": message.is_join,
        "Nodes": len(message.nodes),
        "UserStateLen": len(message.user_state),
    }
    assert header == expected["header"]
    for node, spelt in zip(message.nodes, expected["nodes"], strict=True):
        tags = spelt.pop("tags")
        assert described(node) == described(spelt)
        assert decode_tags(node.meta) == tags
    state = sparse_events(described(state_of(message)))
    assert described(state) == described(expected["user_state"]["body"])


@pytest.mark.parametrize("name", STREAMS)
def test_a_captured_stream_is_written_as_it_was(name: str) -> None:
    vector = STREAMS[name]
    data = bytes.fromhex(vector["hex"])
    codec = StreamCodec(
        keyring_of(vector),
        lambda size: data[6 : 6 + size],
        compresses="compress" in json.dumps(vector["decoded"]),
    )
    message = codec.reader().feed(data)
    assert message is not None
    if name == "lzw_err_frame":  # an agent compresses streams even where they grow
        plain = bytes.fromhex(vector["decoded"]["plain_hex"])
        assert compression.pack(plain) == data
        assert codec.encode(message) == plain
    else:
        assert codec.encode(message) == data


def test_a_push_pull_with_a_full_event_ring_is_read_and_written_as_it_was() -> None:
    vector = load("big")
    data = bytes.fromhex(vector["hex"])
    message = StreamCodec(Keyring(), never).reader().feed(data)
    assert isinstance(message, PushPull)
    assert len(message.nodes) == vector["header"]["Nodes"]
    assert len(message.user_state) == vector["user_state_len"]
    state_of(message)
    plain = StreamCodec(Keyring(), never, compresses=False).encode(message)
    assert len(plain) == vector["plain_len"]
    assert hashlib.sha256(plain).hexdigest() == vector["plain_sha256"]
    assert compression.pack(plain) == data
