"""Datagrams: layers on and off."""

import random
import zlib

import pytest
from hypothesis import given, settings, strategies as st

from colobus.cluster.codec import compression, gossip, lzw
from colobus.cluster.codec.compound import HEADER_SIZE, PART_SIZE, join
from colobus.cluster.codec.datagram import DatagramCodec, Received
from colobus.cluster.codec.dialect import pack_old
from colobus.cluster.keyring import Keyring
from colobus.cluster.messages import Message, Nack, Suspect, UserMessage
from colobus.errors import ClusterProtocolError
from support.gossip_messages import datagram_messages
from support.serf_vectors import load

KEYS = [bytes(range(16)), bytes(range(32))]
NACK = gossip.encode(Nack(7))
CODEC_VECTORS = load("codec")


def make_codec(
    keys: tuple[bytes, ...] = (), label: bytes = b"", *, compresses: bool = False
) -> DatagramCodec:
    rng = random.Random(7)
    return DatagramCodec(Keyring(keys), rng.randbytes, label=label, compresses=compresses)


PLAIN = make_codec()


@settings(max_examples=100, deadline=None)
@given(
    st.lists(datagram_messages, min_size=1, max_size=5),
    st.sampled_from([(), (KEYS[0],), tuple(KEYS)]),
    st.sampled_from([b"", b"dc1"]),
    *(st.booleans(), st.booleans()),
)
def test_messages_come_back_through_every_set_of_layers(
    sent: list[Message], keys: tuple[bytes, ...], label: bytes, compresses: bool, has_checksum: bool
) -> None:
    codec = make_codec(keys, label, compresses=compresses)
    data = codec.encode([gossip.encode(message) for message in sent], has_checksum=has_checksum)
    assert make_codec(keys[::-1], label).decode(data) == Received(tuple(sent))


def test_a_datagram_is_as_long_as_the_sizes_say() -> None:
    for keys, label in ((), b""), ((KEYS[1],), b""), ((KEYS[1],), b"dc1"):
        codec = make_codec(keys, label)
        parts = [gossip.encode(Suspect(1, "n" * size, "me")) for size in (5, 50, 500)]
        expected = HEADER_SIZE + sum(PART_SIZE + len(part) for part in parts) + codec.overhead
        assert len(codec.encode(parts)) == expected
        assert len(codec.encode(parts, has_checksum=True)) == expected + 5


def test_compression_is_used_only_where_it_makes_smaller() -> None:
    codec = make_codec(compresses=True)
    assert codec.encode([NACK]) == NACK
    long = gossip.encode(UserMessage(b"x" * 200))
    assert codec.encode([long]) == compression.pack(long)
    assert len(compression.pack(long)) < len(long)


def test_every_seal_has_a_nonce_of_its_own() -> None:
    codec = make_codec((KEYS[0],))
    assert codec.encode([NACK])[:13] != codec.encode([NACK])[:13]


def test_a_checksum_is_that_of_ieee() -> None:
    (vector,) = CODEC_VECTORS["crc"]
    plain, framed = bytes.fromhex(vector["plain"]), bytes.fromhex(vector["framed"])
    assert PLAIN.encode([plain], has_checksum=True) == framed


@pytest.mark.parametrize("name", ["label_packet_plain", "label_packet_v1"])
def test_a_labelled_datagram_is_read(name: str) -> None:
    vector = next(entry for entry in CODEC_VECTORS["crypto"] if entry["name"] == name)
    keys = (bytes.fromhex(vector["key"]),) if "key" in vector else ()
    (message,) = make_codec(keys, b"dc1").decode(bytes.fromhex(vector["hex"])).messages
    assert gossip.encode(message).hex() == CODEC_VECTORS["crypto"][0]["plain"]


def test_an_empty_datagram_holds_nothing() -> None:
    assert make_codec((KEYS[0],)).decode(b"") == Received()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\xf4\x03dc", "label is cut off"),
        (b"\xf4\x03dc1" + NACK, "label is that of another pool"),
        (b"\x0c" + bytes(4) + NACK, "checksum is wrong"),
        (bytes(65537), "exceeds 65536 bytes"),
    ],
)
def test_a_datagram_of_no_use_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(ClusterProtocolError, match=reason):
        PLAIN.decode(data)


def test_whether_it_is_sealed_is_decided_by_the_keyring_alone() -> None:
    sealed = make_codec((KEYS[0],)).encode([NACK])
    assert PLAIN.decode(sealed).messages == ()
    for data in (NACK, b"\x01" + NACK, make_codec((KEYS[1],)).encode([NACK])):
        with pytest.raises(ClusterProtocolError):
            make_codec((KEYS[0],)).decode(data)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"\x0c\x00\x00\x00", "message type 12 is not supported here"),  # too short for a checksum
        (b"\x0d\x80", "error messages belong to streams"),
        (b"\x0e\x80", "message type 14 is not supported here"),
        (b"\x07", "compound is empty"),
        (b"\x07\x02\x00\x03", "compound ends within its lengths"),
        (b"\x09\xc0", "Compressed is not a map"),
        # Checksums belong outside.
        (
            join([NACK, b"\x0c" + zlib.crc32(NACK).to_bytes(4, "big") + NACK]),
            "message type 12 is not supported here",
        ),
    ],
)
def test_a_part_that_cannot_be_read_is_told(data: bytes, problem: str) -> None:
    assert PLAIN.decode(data).problems == (problem,)


def test_bad_parts_do_not_spoil_the_others() -> None:
    received = PLAIN.decode(join([NACK, b"\x63", b"", NACK]) + b"rest")
    assert received.messages == (Nack(7), Nack(7))
    assert received.problems == ("message type 99 is not supported here", "message is empty")


def test_parts_cut_off_are_told_and_the_others_kept() -> None:
    received = PLAIN.decode(join([NACK, NACK, NACK])[:-1])
    assert received.messages == (Nack(7), Nack(7))
    assert received.problems == ("compound is cut off, 1 messages are lost",)


def test_layers_may_nest_but_not_for_ever() -> None:
    data = NACK
    for _ in range(2):
        data = compression.pack(join([data, NACK]))
    assert PLAIN.decode(data) == Received((Nack(7),) * 3)
    received = PLAIN.decode(compression.pack(data))
    assert received.messages == (Nack(7),)  # the outermost of the three
    assert set(received.problems) == {"layers nest deeper than 4"}


def test_all_parts_together_unpack_to_at_most_64_kib() -> None:
    zeros = pack_old({"Algo": 0, "Buf": lzw.compress(b"\x08" + bytes(40000))})
    bomb = join([b"\x09" + zeros] * 20)
    received = PLAIN.decode(bomb)
    assert len(received.messages) == 1
    assert received.problems[0] == "LZW unpacks to more than 25535 bytes"


def test_only_a_few_problems_are_told() -> None:
    assert len(PLAIN.decode(b"\x07\xff" + bytes(510)).problems) == 4


def test_no_more_is_sent_than_udp_carries() -> None:
    fits = gossip.encode(UserMessage(bytes(65506)))
    assert len(PLAIN.encode([fits])) == 65507
    with pytest.raises(ClusterProtocolError, match="65507"):
        PLAIN.encode([fits + b"x"])
    with pytest.raises(ClusterProtocolError, match="65507"):
        PLAIN.encode([fits], has_checksum=True)
