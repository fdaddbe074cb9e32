import logging

import pytest

from colobus.cluster.refusals import MOST_LINES, MOST_PEERS, Refusal, Refusals
from colobus.errors import ClusterProtocolError, UnsealedError

PEER = "10.0.0.7"
BAD = Refusal.MALFORMED_DATAGRAM


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


def test_every_refusal_counts_and_one_a_minute_per_peer_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    refusals = Refusals()
    for second in range(121):
        refusals.note(BAD, PEER, "nonsense", float(second))
    assert refusals.counts[BAD] == 121
    assert lines(caplog) == [
        f"refused from {PEER}: nonsense",
        f"refused from {PEER}: nonsense (59 more since the last line)",
        f"refused from {PEER}: nonsense (59 more since the last line)",
    ]
    assert {record.levelno for record in caplog.records} == {logging.WARNING}


def test_peers_are_told_apart(caplog: pytest.LogCaptureFixture) -> None:
    refusals = Refusals()
    for peer in (PEER, "10.0.0.8", PEER):
        refusals.note(BAD, peer, "nonsense", 0.0)
    assert lines(caplog) == [f"refused from {peer}: nonsense" for peer in (PEER, "10.0.0.8")]


def test_invented_addresses_fill_neither_the_log_nor_the_memory(
    caplog: pytest.LogCaptureFixture,
) -> None:
    refusals = Refusals()
    for number in range(5000):
        refusals.note(BAD, str(number), "nonsense", number * 0.1)
    assert len(caplog.records) <= (500 // 60 + 1) * MOST_LINES
    assert len(refusals._logged) <= MOST_PEERS
    assert refusals.counts[BAD] == 5000


def test_what_no_key_opens_counts_as_such(caplog: pytest.LogCaptureFixture) -> None:
    refusals = Refusals()
    refusals.note_error(Refusal.MALFORMED_STREAM, "", UnsealedError("no key"), 0.0)
    refusals.note_error(Refusal.MALFORMED_STREAM, "", ClusterProtocolError("odd"), 0.0)
    assert refusals.counts[Refusal.UNAUTHENTICATED] == 1
    assert refusals.counts[Refusal.MALFORMED_STREAM] == 1
    assert repr(refusals) == "Refusals(unauthenticated=1, malformed_stream=1)"
    assert lines(caplog) == ["refused from a peer: no key"]
