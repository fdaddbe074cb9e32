"""Messages of memberlist."""

import pytest
from hypothesis import given, settings, strategies as st

from colobus.cluster.codec import gossip
from colobus.cluster.codec.dialect import pack_old
from colobus.cluster.messages import Alive, Message, Nack, Ping, UserMessage
from colobus.errors import ClusterProtocolError
from support.gossip_messages import messages


@settings(max_examples=60, deadline=None)
@given(messages, st.binary(max_size=3))
def test_a_message_comes_back_as_it_was(message: Message, rest: bytes) -> None:
    data = gossip.encode(message)
    assert gossip.decode(data) == message
    if not isinstance(message, UserMessage):  # which is all there is
        assert gossip.decode(data + rest) == message


def test_fields_left_out_are_empty() -> None:
    assert gossip.decode(b"\x00" + pack_old({"SeqNo": 7})) == Ping(7)
    assert gossip.decode(b"\x00" + pack_old({})) == Ping(0)
    assert gossip.decode(b"\x04" + pack_old({"Node": "a"})) == Alive(0, "a", b"", 0, versions=b"")


def test_a_ping_without_a_source_does_not_mention_one() -> None:
    assert gossip.encode(Ping(1, "n2")) == b"\x00" + pack_old({"Node": "n2", "SeqNo": 1})


def test_nothing_is_written_that_a_peer_would_refuse() -> None:
    for message in (Nack(1 << 32), Ping(-1), Alive(1, "a", b"1.2.3.4", 1)):
        with pytest.raises(ClusterProtocolError):
            gossip.encode(message)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"\x00", "truncated"),
        (b"\x00\xc0", "not a map"),
        (b"\x00\x91\x01", "not a map"),
        (b"\x06\x80", "type 6"),  # push/pull: streams only
        (b"\x07\x00", "type 7"),  # layers are not messages
        (b"\x0a\x80", "type 10"),
        (b"\x0e\x80", "type 14"),
        (b"\xf4\x01a", "type 244"),
        (b"\x04" + pack_old({"Vsn": b"\x01\x05\x02"}), "Alive.Vsn: 3 bytes"),
        (b"\x04" + pack_old({"Addr": b"12345"}), "Alive.Addr: 5 bytes"),
        (b"\x04" + pack_old({"Port": 65536}), "Alive.Port: number out of range"),
        (b"\x0b" + pack_old({"SeqNo": 1 << 32}), "Nack.SeqNo: number out of range"),
        (b"\x0b" + pack_old({"SeqNo": -1}), "Nack.SeqNo: number out of range"),
        (b"\x03" + pack_old({"Node": 1}), "Suspect.Node: not raw bytes"),
        (b"\x0b\x81\xa5SeqNo\xd6\x00\x00\x00\x00\x00", "byte d6"),
        (b"\x0b\x81\xa1x" + b"\x91" * 9 + b"\x00", "deeper"),
        (b"\x0b\x81\xa1x\xdd\x00\x01\x00\x00", "more than 16384 values"),
    ],
)
def test_what_is_no_message_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(ClusterProtocolError, match=reason):
        gossip.decode(data)
