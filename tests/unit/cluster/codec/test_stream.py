"""Streams: one message in each direction."""

import random

import pytest
from hypothesis import given, settings, strategies as st

from colobus.cluster.codec import compression, gossip
from colobus.cluster.codec.dialect import pack_old
from colobus.cluster.codec.limits import StreamLimits
from colobus.cluster.codec.stream import StreamCodec
from colobus.cluster.keyring import Keyring
from colobus.cluster.messages import (
    Ack,
    ErrorMessage,
    NodeRecord,
    Ping,
    PushPull,
    StreamMessage,
    UserMessage,
)
from colobus.errors import ClusterProtocolError
from support.gossip_messages import stream_messages
from support.serf_vectors import load

KEY, OTHER = bytes(range(32)), bytes(32)
SMALL = StreamLimits(size=1000, packed=500, nodes=10)
VECTORS = {vector["name"]: vector for vector in load("codec")["crypto"]}


def make_codec(
    keys: tuple[bytes, ...] = (),
    label: bytes = b"",
    *,
    compresses: bool = False,
    limits: StreamLimits | None = None,
) -> StreamCodec:
    return StreamCodec(
        Keyring(keys),
        random.Random(7).randbytes,
        label=label,
        compresses=compresses,
        limits=limits,
    )


def header(nodes: int = 0, user_state: int = 0) -> bytes:
    values = {"Join": True, "Nodes": nodes, "UserStateLen": user_state}
    return b"\x06" + pack_old(values)


@settings(max_examples=100, deadline=None)
@given(
    stream_messages,
    st.sampled_from([(), (KEY,)]),
    st.sampled_from([b"", b"dc1"]),
    *(st.booleans(), st.booleans()),
    st.data(),
)
def test_a_message_comes_back_however_its_bytes_come_in(
    sent: StreamMessage,
    keys: tuple[bytes, ...],
    label: bytes,
    compresses: bool,
    is_reply: bool,
    data: st.DataObject,
) -> None:
    codec = make_codec(keys, label, compresses=compresses)
    whole = codec.encode(sent, is_reply=is_reply)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(whole) - 1), max_size=5)))
    reader = codec.reader(is_reply=is_reply)
    for start, end in zip([0, *cuts], cuts, strict=False):
        assert reader.feed(whole[start:end]) is None
    last = cuts[-1] if cuts else 0
    assert reader.feed(whole[last:] + b"\x00" * 3) == sent
    assert reader.feed(b"anything") is None


def test_a_captured_stream_is_read_byte_by_byte() -> None:
    for vector in load("tcp"):
        keys = (bytes.fromhex(vector["key_hex"]),) if "key_hex" in vector else ()
        data = bytes.fromhex(vector["hex"])
        whole = make_codec(keys).reader().feed(data)
        reader = make_codec(keys).reader()
        assert [reader.feed(data[at : at + 1]) for at in range(len(data))][:-1] == [None] * (
            len(data) - 1
        )
        assert whole is not None


@pytest.mark.parametrize("name", ["stream_v0_aes256", "stream_v1_aes256", "label_stream_v1"])
def test_a_sealed_frame_of_either_version_is_opened(name: str) -> None:
    vector = VECTORS[name]
    codec = make_codec((OTHER, bytes.fromhex(vector["key"])), vector.get("label", "").encode())
    message = codec.reader().feed(bytes.fromhex(vector.get("frame", vector.get("hex"))))
    assert isinstance(message, Ping)
    assert gossip.encode(message).hex() == VECTORS["stream_v1_aes256"]["plain"]


def test_only_the_dialler_sends_the_label_but_both_seal_with_it() -> None:
    codec = make_codec((KEY,), b"dc1")
    assert codec.encode(Ping(1)).startswith(b"\xf4\x03dc1\x0a")
    reply = codec.encode(Ack(1), is_reply=True)
    assert reply.startswith(b"\x0a")
    assert codec.reader(is_reply=True).feed(reply) == Ack(1)
    with pytest.raises(ClusterProtocolError, match="No installed keys"):
        make_codec((KEY,)).reader().feed(reply)


def test_a_large_frame_is_not_compressed() -> None:
    codec = make_codec(compresses=True)
    assert codec.encode(PushPull((), user_state=bytes(60000)))[0] == 9
    assert codec.encode(PushPull((), user_state=bytes(70000)))[0] == 6


SEALED = make_codec((KEY,)).encode(Ping(1))
NODE = pack_old({"Name": "n1"})


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (SEALED, "Remote state is encrypted and encryption is not configured"),
        (b"GET / HTTP/1.1\r\n", "message type 71 is not supported"),
        (b"\x03\x80", "message type 3 is not supported"),  # a datagram's
        (b"\x07\x01", "message type 7 is not supported"),
        (b"\xf4\x03dc1\x00", "label is that of another pool"),
        (b"\x00\xc1", "byte c1"),
        (header(nodes=11), "exceeds 10 nodes"),
        (header(user_state=1001), "state exceeds 1000 bytes"),
        (header(nodes=1 << 31), "out of range"),
        (header(nodes=1) + pack_old({"Port": -1}), "NodeRecord.Port"),
        (header(nodes=1) + b"\xde\xff\xff", "more than 256 values"),
        (b"\x08" + pack_old({"UserMsgLen": 1001}), "state exceeds 1000 bytes"),
        (b"\x09\x82\xa3Buf\xdb\x00\x00\x10\x00", "object exceeds 500 bytes"),
        (b"\x09\xdd\x00\x00\xff\xff", "more than 32 values"),
        (b"\x09" + pack_old({"Algo": 1, "Buf": b""}), "algorithm 1 is unknown"),
        (compression.pack(bytes(1001)), "more than 1000 bytes"),
        (compression.pack(b""), "frame is empty"),
        (compression.pack(header(nodes=1)), "frame is cut off"),
        (compression.pack(compression.pack(b"\x00\x80")), "message type 9 is not supported"),
        (compression.pack(SEALED), "message type 10 is not supported"),
        (header(nodes=2) + pack_old({"Meta": b"x" * 900}) + bytes(400), "stream exceeds 1000"),
    ],
)
def test_what_is_no_stream_is_refused(data: bytes, reason: str) -> None:
    reader = make_codec(limits=SMALL).reader()
    with pytest.raises(ClusterProtocolError, match=reason):
        reader.feed(data)
    assert reader.feed(b"more") is None


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x00\x80", "Encryption is configured but remote state is not encrypted"),
        (compression.pack(b"\x00\x80"), "Encryption is configured but remote state is not"),
        (b"\x0a\x00\x00\x03\xe9", "sealed frame exceeds 1000 bytes"),
        (b"\x0a\xff\xff\xff\xff", "sealed frame exceeds 1000 bytes"),
        (b"\x0a\x00\x00\x00\x1c" + bytes(28), "too short"),
        (b"\x0a\x00\x00\x00\x00", "too short"),
        (make_codec((OTHER,)).encode(Ping(1)), "No installed keys could decrypt the message"),
    ],
)
def test_what_is_not_sealed_as_it_should_be_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(ClusterProtocolError, match=reason):
        make_codec((KEY,), limits=SMALL).reader().feed(data)


def test_the_length_of_a_sealed_frame_is_authenticated() -> None:
    data = SEALED[:4] + bytes((SEALED[4] + 1,)) + SEALED[5:] + b"x"
    with pytest.raises(ClusterProtocolError, match="No installed keys"):
        make_codec((KEY,)).reader().feed(data)


def test_a_frame_cut_off_within_a_seal_is_refused() -> None:
    codec = make_codec((KEY,))
    frame = codec.encode(UserMessage(b"x" * 50))
    assert codec.reader().feed(frame[:-1]) is None


def test_an_error_frame_carries_the_reason() -> None:
    error = ErrorMessage("Remote state is encrypted and encryption is not configured")
    plain = make_codec()
    assert plain.reader(is_reply=True).feed(plain.encode(error, is_reply=True)) == error


def test_a_push_pull_is_complete_with_the_last_byte_of_its_state() -> None:
    reader = make_codec().reader()
    assert reader.feed(header(nodes=1, user_state=3) + NODE + b"ab") is None
    node = NodeRecord("n1", b"", 0, versions=b"")
    assert reader.feed(b"c") == PushPull((node,), is_join=True, user_state=b"abc")


def test_no_more_is_sent_than_peers_read() -> None:
    codec = make_codec(limits=SMALL)
    with pytest.raises(ClusterProtocolError, match="frame exceeds 1000 bytes"):
        codec.encode(UserMessage(bytes(1000)))
