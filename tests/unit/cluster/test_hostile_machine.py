"""Whole machines given what no agent sends: nothing escapes, nothing changes without the key."""

from random import Random

import pytest
from hypothesis import given, settings, strategies as st

from colobus.cluster.codec import gossip, lzw, serf as serf_codec
from colobus.cluster.codec.dialect import pack_old
from colobus.cluster.messages import NodeRecord, PushPull, UserEvent, UserMessage
from colobus.cluster.refusals import Refusal
from support.gossip_campaign import KEY, SOURCE, Campaign, make_machine, snapshot
from support.hostile_bytes import datagrams
from support.machine import MachineUnderTest


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32))
def test_rounds_of_the_campaign_let_nothing_escape(seed: int) -> None:
    """Also that a machine with a key is changed by nothing it has not sealed; see there."""
    campaign = Campaign(seed)
    campaign.run(60)
    assert campaign.counts["sealed_datagram"] + campaign.counts["sealed_stream"] > 0


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_one_changed_bit_of_a_sealed_datagram_makes_it_nothing(data: st.DataObject) -> None:
    """The version byte aside, which the seal does not cover and only says how to open it."""
    node = MachineUnderTest(keys=(KEY,))
    good = node.codec.encode(
        [gossip.encode(UserMessage(serf_codec.encode(UserEvent(5, "deploy"))))]
    )
    bit = data.draw(st.integers(8, 8 * len(good) - 1))
    bad = bytearray(good)
    bad[bit // 8] ^= 1 << bit % 8
    before = snapshot(node.machine)
    node.machine.receive_datagram(bytes(bad), SOURCE, node.now)
    assert snapshot(node.machine) == before
    assert node.machine.refusals.counts[Refusal.UNAUTHENTICATED] == 1
    node.machine.receive_datagram(good, SOURCE, node.now)
    assert snapshot(node.machine) != before


def compressed(size: int) -> bytes:
    return b"\x09" + pack_old({"Algo": 0, "Buf": lzw.compress(bytes(size))})


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\x00" + b"\xdd\x00\x0f\xff\xff" * 12000, Refusal.MALFORMED_DATAGRAM),
        (b"\x04" + b"\x91" * 60000, Refusal.MALFORMED_DATAGRAM),
        (b"\x04\xdf\xff\xff\xff\xff", Refusal.MALFORMED_DATAGRAM),
        (compressed(1 << 20), Refusal.MALFORMED_DATAGRAM),
        (b"\x07\xff" + bytes(60000), Refusal.MALFORMED_DATAGRAM),
        (b"\x0c\x00\x00\x00\x00\x00", Refusal.MALFORMED_DATAGRAM),
        (b"\xf4\x03abc\x00", Refusal.MALFORMED_DATAGRAM),
        (b"\x63", Refusal.MALFORMED_DATAGRAM),
        (b"\x08\x63", Refusal.MALFORMED_MESSAGE),
        (b"\x08\x03" + b"\x91" * 6000, Refusal.MALFORMED_MESSAGE),
        (b"\x08\x03" + pack_old({"LTime": 2**64 - 1, "Name": "x"}), Refusal.MALFORMED_MESSAGE),
    ],
)
def test_bad_datagrams_are_counted_and_change_nothing(data: bytes, kind: Refusal) -> None:
    machine = make_machine(Random(1), [])
    before = snapshot(machine)
    for _ in range(3):
        machine.receive_datagram(data, SOURCE, 1.0)
    assert snapshot(machine) == before
    assert {k: n for k, n in machine.refusals.counts.items() if n} == {kind: 3}
    assert machine.datagrams_to_send() == []


def push_pull(*nodes: NodeRecord) -> bytes:
    node = MachineUnderTest()
    return node.stream_codec.encode(PushPull(nodes))


STRANGER = NodeRecord("stranger", bytes((10, 0, 0, 9)), 7946, incarnation=1)
OLD = NodeRecord(
    "old", bytes((10, 0, 0, 8)), 7946, incarnation=1, versions=bytes((1, 5, 2, 2, 4, 4))
)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\x63", Refusal.MALFORMED_STREAM),
        (b"\x06\x81\xa5Nodes\xce\xff\xff\xff\xff", Refusal.MALFORMED_STREAM),
        (b"\x06\x81\xacUserStateLen\xce\x7f\xff\xff\xff", Refusal.MALFORMED_STREAM),
        (b"\x06" + b"\x91" * 60000, Refusal.MALFORMED_STREAM),
        (
            b"\x09" + pack_old({"Algo": 0, "Buf": lzw.compress(bytes(100))}),
            Refusal.MALFORMED_STREAM,
        ),
        (b"\x09" + pack_old({"Algo": 7, "Buf": b"x"}), Refusal.MALFORMED_STREAM),
        (b"\x0a\xff\xff\xff\xff", Refusal.UNAUTHENTICATED),
        (push_pull(OLD, STRANGER), Refusal.INCOMPATIBLE),
    ],
)
def test_bad_streams_are_counted_ended_and_change_nothing(data: bytes, kind: Refusal) -> None:
    machine = make_machine(Random(1), [])
    before = snapshot(machine)
    stream = machine.accept_stream(1.0, SOURCE[0])
    assert stream is not None
    machine.receive_stream(stream, data, 1.0)
    assert [write.is_last for write in machine.stream_writes()] == [True]
    assert snapshot(machine) == before
    assert {k: n for k, n in machine.refusals.counts.items() if n} == {kind: 1}


def test_with_a_key_what_agents_send_without_it_is_refused() -> None:
    machine = make_machine(Random(1), [KEY])
    before = snapshot(machine)
    vectors = datagrams(sealed=False)
    for data in vectors:
        machine.receive_datagram(data, SOURCE, 1.0)
    assert snapshot(machine) == before
    assert machine.refusals.counts[Refusal.UNAUTHENTICATED] == len(vectors)
    stream = machine.accept_stream(1.0)
    assert stream is not None
    machine.receive_stream(stream, push_pull(STRANGER), 1.0)
    assert machine.member("stranger") is None
    assert machine.refusals.counts[Refusal.UNAUTHENTICATED] == len(vectors) + 1
