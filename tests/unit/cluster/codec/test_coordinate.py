"""Coordinates as the payload of an acknowledgement."""

import pytest
from hypothesis import given, settings, strategies as st

from colobus.cluster.codec.coordinate import decode_ack_payload, encode_ack_payload
from colobus.cluster.codec.dialect import pack_old
from colobus.cluster.coordinates import START, Coordinate
from colobus.errors import ClusterProtocolError
from support.gossip_messages import coordinates


@settings(max_examples=60, deadline=None)
@given(coordinates, st.binary(max_size=20))
def test_a_coordinate_comes_back_with_what_follows_it(
    coordinate: Coordinate, extension: bytes
) -> None:
    payload = encode_ack_payload(coordinate, extension)
    assert decode_ack_payload(payload) == (coordinate, extension)


def test_an_empty_payload_holds_none() -> None:
    assert decode_ack_payload(b"") is None


def test_the_start_is_what_an_agent_sends_at_first() -> None:
    whole = pack_old({"Adjustment": 0.0, "Error": 1.5, "Height": 1e-5, "Vec": [0.0] * 8})
    assert encode_ack_payload(START) == b"\x01" + whole


@pytest.mark.parametrize(
    "payload",
    [
        b"\x02" + pack_old({}),
        b"\x01",
        b"\x01\xc0",
        b"\x01" + pack_old({"Vec": 1.0}),
        b"\x01" + pack_old({"Vec": ["a"]}),
        b"\x01" + pack_old({"Error": "a"}),
        b"\x01\x81\xa3Vec\xdd\x00\x10\x00\x00",
    ],
)
def test_what_is_no_coordinate_is_refused(payload: bytes) -> None:
    with pytest.raises(ClusterProtocolError):
        decode_ack_payload(payload)
