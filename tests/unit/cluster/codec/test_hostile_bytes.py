"""Bytes that no agent sends: one kind of error, and no more memory than the limits say."""

import contextlib
import tracemalloc
from collections.abc import Callable

import pytest
from hypothesis import given, settings, strategies as st

from colobus.cluster.codec import lzw, serf
from colobus.cluster.codec.coordinate import decode_ack_payload
from colobus.cluster.codec.datagram import DatagramCodec
from colobus.cluster.codec.dialect import pack_old
from colobus.cluster.codec.filters import decode_filter
from colobus.cluster.codec.stream import StreamCodec
from colobus.cluster.codec.tags import decode_tags
from colobus.cluster.keyring import Keyring
from colobus.cluster.messages import (
    Ack,
    Alive,
    Message,
    PushPull,
    Query,
    QueryResponse,
    UserMessage,
)
from colobus.errors import ClusterProtocolError
from support.serf_vectors import load

MIB = 1 << 20


def never(size: int) -> bytes:
    raise AssertionError(f"nothing here draws {size} random bytes")


DATAGRAMS = DatagramCodec(Keyring(), never)
STREAMS = StreamCodec(Keyring(), never)


def plain_datagrams() -> list[bytes]:
    """Return the captured datagrams, those that are sealed without their seal."""
    return [
        bytes.fromhex(vector["decoded"].get("plain_hex", vector["hex"]))
        if "key_hex" in vector
        else bytes.fromhex(vector["hex"])
        for vector in load("udp")
    ]


def plain_streams() -> list[bytes]:
    return [
        bytes.fromhex(vector["decoded"]["plain_hex"] if "key_hex" in vector else vector["hex"])
        for vector in load("tcp")
    ]


@st.composite
def mutated(draw: st.DrawFn, vectors: list[bytes]) -> bytes:
    """Draw a vector with some bytes changed, removed, repeated or put in."""
    data = bytearray(draw(st.sampled_from(vectors)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        match draw(st.integers(0, 3)):
            case 0:
                data[at : at + 1] = bytes((draw(st.integers(0, 255)),))
            case 1:
                del data[at : at + draw(st.integers(1, 40))]
            case 2:
                data[at:at] = data[at : at + draw(st.integers(1, 40))]
            case _:
                data[at:at] = draw(st.binary(max_size=6))
    return bytes(data)


def read_serf(payload: bytes) -> None:
    """Read a Serf message and all that is within it."""
    with contextlib.suppress(ClusterProtocolError):
        message = serf.decode(payload)
        if isinstance(message, Query | QueryResponse):
            read_serf(message.payload)
        if isinstance(message, Query):
            for condition in message.filters:
                with contextlib.suppress(ClusterProtocolError):
                    decode_filter(condition)


def read_inner(message: Message) -> None:
    """Read what the upper layers read out of a message."""
    with contextlib.suppress(ClusterProtocolError):
        match message:
            case UserMessage(payload):
                read_serf(payload)
            case Alive(meta=meta):
                decode_tags(meta)
            case Ack(payload=payload):
                decode_ack_payload(payload)
            case _:
                return


def read_datagram(data: bytes) -> None:
    with contextlib.suppress(ClusterProtocolError):
        for message in DATAGRAMS.decode(data).messages:
            read_inner(message)


def read_stream(data: bytes) -> None:
    with contextlib.suppress(ClusterProtocolError):
        message = STREAMS.reader().feed(data)
        if isinstance(message, PushPull):
            read_serf(message.user_state)
            for node in message.nodes:
                with contextlib.suppress(ClusterProtocolError):
                    decode_tags(node.meta)


@settings(max_examples=300, deadline=None)
@given(mutated(plain_datagrams()))
def test_a_changed_datagram_raises_nothing_else(data: bytes) -> None:
    read_datagram(data)


@settings(max_examples=200, deadline=None)
@given(mutated(plain_streams()))
def test_a_changed_stream_raises_nothing_else(data: bytes) -> None:
    read_stream(data)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=80), st.sampled_from(list(range(15))))
def test_noise_raises_nothing_else(data: bytes, kind: int) -> None:
    read_datagram(bytes((kind,)) + data)
    read_stream(bytes((kind,)) + data)
    read_serf(bytes((kind,)) + data)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_changed_sealed_vector_raises_nothing_else(data: st.DataObject) -> None:
    sealed = [vector for vector in load("udp") if "key_hex" in vector]
    keyring = Keyring([bytes.fromhex(sealed[0]["key_hex"])])
    changed = data.draw(mutated([bytes.fromhex(vector["hex"]) for vector in sealed]))
    with contextlib.suppress(ClusterProtocolError):
        DatagramCodec(keyring, never).decode(changed)


def nested_lists(levels: int) -> bytes:
    """Return lists within lists, each of which announces a million values."""
    return b"\xdd\x00\x0f\xff\xff" * levels


def compressed(size: int) -> bytes:
    return b"\x09" + pack_old({"Algo": 0, "Buf": lzw.compress(bytes(size))})


BOMBS: dict[str, tuple[Callable[[bytes], None], bytes, int]] = {
    "lists that announce millions": (read_datagram, b"\x00" + nested_lists(12000), MIB),
    "a map that announces billions": (read_stream, b"\x06\xdf\xff\xff\xff\xff", MIB),
    "nodes that announce millions": (
        read_stream,
        b"\x06" + pack_old({"Nodes": 60000}) + nested_lists(12000),
        MIB,
    ),
    "a datagram that unpacks to 1 MiB": (read_datagram, compressed(MIB), MIB),
    "the smallest nodes": (
        read_stream,
        b"\x06" + pack_old({"Nodes": 8192}) + b"\x80" * 8192,
        2 * MIB,
    ),
    "events that are lists": (read_serf, b"\x02\x81\xa6Events" + nested_lists(12000), MIB),
    "the smallest slots": (
        read_serf,
        b"\x02\x81\xa6Events\xdc\x20\x00" + b"\x80" * 8192,
        2 * MIB,
    ),
    "lengths of nothing": (read_datagram, b"\x07\xff" + bytes(65000), MIB),
}


@pytest.mark.parametrize("name", BOMBS)
def test_no_more_memory_is_taken_than_the_limits_say(name: str) -> None:
    read, data, most = BOMBS[name]
    tracemalloc.start()
    try:
        read(data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < most
