from random import Random

import pytest

from colobus.cluster.codec.coordinate import decode_ack_payload, encode_ack_payload
from colobus.cluster.coordinates import START, Coordinate
from colobus.cluster.serf.facts import Fact, PeerReported
from colobus.cluster.serf.latency import EXTENSION_LIMIT, Latency
from colobus.errors import ClusterError

THEIRS = Coordinate(error=0.5)


@pytest.fixture
def facts() -> list[Fact]:
    return []


@pytest.fixture
def latency(facts: list[Fact]) -> Latency:
    return Latency(Random(1), facts.append)


def test_acks_carry_the_coordinate_and_what_is_appended(latency: Latency) -> None:
    assert decode_ack_payload(latency.payload()) == (START, b"")
    latency.extend(b"\x81\xa1r\x2a")
    assert decode_ack_payload(latency.payload()) == (START, b"\x81\xa1r\x2a")
    latency.measured("n1", 0.01, encode_ack_payload(THEIRS))
    decoded = decode_ack_payload(latency.payload())
    assert decoded is not None
    assert decoded == (latency.own, b"\x81\xa1r\x2a")
    assert latency.own != START


def test_an_extension_too_long_is_refused(latency: Latency) -> None:
    latency.extend(bytes(EXTENSION_LIMIT))
    with pytest.raises(ClusterError, match="extension exceeds limit of 1024 bytes"):
        latency.extend(bytes(EXTENSION_LIMIT + 1))


def test_what_a_peer_appends_is_told(latency: Latency, facts: list[Fact]) -> None:
    latency.measured("n1", 0.01, encode_ack_payload(THEIRS, b"\x80"))
    latency.measured("n2", 0.01, encode_ack_payload(THEIRS))
    assert facts == [PeerReported("n1", b"\x80")]
    assert latency.coordinate_of("n1") == THEIRS
    latency.forget("n1")
    assert latency.coordinate_of("n1") is None


def test_the_coordinates_of_too_many_peers_are_not_kept(
    latency: Latency, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("colobus.cluster.serf.latency.MOST_PEERS", 2)
    for name in ("n1", "n2", "n2", "n3"):
        latency.measured(name, 0.01, encode_ack_payload(THEIRS))
    assert [latency.coordinate_of(name) is None for name in ("n1", "n2", "n3")] == [
        True,
        False,
        False,
    ]


@pytest.mark.parametrize(
    ("rtt_s", "payload"),
    [
        (0.01, b""),
        (0.01, b"\x02"),
        (0.01, b"\x01\xc1"),
        (99.0, encode_ack_payload(THEIRS)),
        (0.01, encode_ack_payload(Coordinate(vector=(0.0,)))),
    ],
)
def test_what_measures_nothing_changes_nothing(
    latency: Latency, rtt_s: float, payload: bytes
) -> None:
    latency.measured("n1", rtt_s, payload)
    assert latency.own == START
    assert latency.coordinate_of("n1") is None
    assert latency.resets == 0
