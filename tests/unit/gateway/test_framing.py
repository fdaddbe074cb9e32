"""Chunked framing, in both builds."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from colobus.errors import ProtocolError
from support.builds import load_builds

BUILDS = load_builds("colobus.gateway.framing")


@pytest.fixture(params=BUILDS.values(), ids=list(BUILDS))
def framing(request: pytest.FixtureRequest) -> Any:
    return request.param


BODY = b'4\r\nWiki\r\n00A;a=b;c="d e"\r\n 0123\r\n678\r\n0;x\r\nX-Sum: 1\r\nEmpty:\r\n\r\n'
PAYLOAD = b"Wiki 0123\r\n678"


def scan_in_pieces(framing: Any, pieces: list[bytes]) -> Any:
    """Feed pieces until the message ends; return the scanner and the bytes it took."""
    scanner = framing.ChunkedScanner()
    taken = 0
    for piece in pieces:
        taken += scanner.feed(piece, 0)
        if scanner.done:
            break
    return scanner, taken


def test_a_body_is_followed_to_its_end_and_not_further(framing: Any) -> None:
    scanner = framing.ChunkedScanner()
    assert scanner.feed(b"HEAD" + BODY + b"GET /", 4) == len(BODY)
    assert (scanner.done, scanner.payload) == (True, len(PAYLOAD))
    assert scanner.feed(b"GET /", 0) == 0


def test_a_body_may_come_byte_by_byte(framing: Any) -> None:
    scanner, taken = scan_in_pieces(framing, [bytes((code,)) for code in BODY + b"GET"])
    assert (scanner.done, scanner.payload, taken) == (True, len(PAYLOAD), len(BODY))


def test_the_decoder_returns_the_payload(framing: Any) -> None:
    decoder = framing.ChunkedDecoder()
    assert decoder.feed(b"HEAD" + BODY[:7], 4) == (b"Wiki"[:4], 7)
    assert not decoder.done
    assert decoder.feed(BODY[7:] + b"GET /", 0) == (PAYLOAD[4:], len(BODY) - 7)
    assert (decoder.done, decoder.payload) == (True, len(PAYLOAD))
    assert decoder.feed(b"GET", 0) == (b"", 0)


def test_an_empty_body_is_one_last_chunk(framing: Any) -> None:
    scanner = framing.ChunkedScanner()
    assert scanner.feed(framing.LAST_CHUNK, 0) == 5
    assert (scanner.done, scanner.payload) == (True, 0)


def test_a_chunk_states_its_size(framing: Any) -> None:
    assert framing.chunk(b"x" * 26) == b"1a\r\n" + b"x" * 26 + b"\r\n"


def test_sizes_have_up_to_fifteen_digits(framing: Any) -> None:
    scanner = framing.ChunkedScanner()
    assert scanner.feed(b"00000000000000F\r\n" + b"x" * 15 + b"\r\n", 0) == 34
    assert scanner.payload == 15
    assert scanner.feed(b"fffffffffffffff\r\n", 0) == 17
    assert scanner.feed(b"x" * 1000, 0) == 1000


@pytest.mark.parametrize(
    "data",
    [
        b"\r\n",
        b";a\r\n",
        b"+4\r\nWiki\r\n",
        b"-4\r\nWiki\r\n",
        b"0x4\r\nWiki\r\n",
        b"4_0\r\n",
        b" 4\r\nWiki\r\n",
        b"4 \r\nWiki\r\n",
        b"4 ;a\r\nWiki\r\n",
        b"4\t\r\nWiki\r\n",
        b"4,4\r\nWiki\r\n",
        b"g\r\n",
        b"\xb2\r\n",
        b"0000000000000001\r\n",
        b"4\nWiki\r\n",
        b"4\rWiki\r\n",
        b"4\r\rWiki\r\n",
        b"4;a\nb\r\nWiki\r\n",
        b"4;a\rb\r\nWiki\r\n",
        b"4;a\x00\r\nWiki\r\n",
        b"4;a\x7f\r\nWiki\r\n",
        b"4;" + b"a" * 4096 + b"\r\nWiki\r\n",
        b"4\r\nWikix\r\n",
        b"4\r\nWiki\n",
        b"4\r\nWiki\r4",
        b"4\r\nWiki5\r\n",
        b"4\r\nWikipedia",
        b"0\r\n folded: x\r\n\r\n",
        b"0\r\nno colon\r\n\r\n",
        b"0\r\n: x\r\n\r\n",
        b"0\r\nA : x\r\n\r\n",
        b"0\r\nA: x\x00\r\n\r\n",
        b"0\r\nA: x\n\r\n\r\n",
        b"0\r\nA: " + b"x" * 8192 + b"\r\n\r\n",
        b"0\r\n" + b"A: x\r\n" * 1366 + b"\r\n",
        b"0\r\n\n",
        b"0\r\n\r\r\n",
        *(
            b"0\r\n%b: 1\r\n\r\n" % name
            for name in (
                *(b"Content-Length", b"content-length", b"Transfer-Encoding", b"Host", b"TE"),
                *(b"Connection", b"Keep-Alive", b"Trailer", b"UPGRADE"),
            )
        ),
    ],
)
def test_framing_that_can_be_read_in_two_ways_is_refused(framing: Any, data: bytes) -> None:
    for pieces in ([data], [bytes((code,)) for code in data]):
        with pytest.raises(ProtocolError) as caught:
            scan_in_pieces(framing, pieces)
        assert caught.value.status == 400
    with pytest.raises(ProtocolError):
        framing.ChunkedDecoder().feed(data, 0)


@pytest.mark.parametrize(
    "data",
    [
        b"4;" + b"a" * 4095 + b"\r\nWiki\r\n0\r\n\r\n",
        b"0\r\nA: " + b"x" * 8187 + b"\r\n\r\n",
        b"0\r\n" + b"A: x\r\n" * 1365 + b"\r\n",
        b"0\r\nA:\t\xe9 x\r\n\r\n",
    ],
)
def test_limits_are_met_exactly(framing: Any, data: bytes) -> None:
    for pieces in ([data], [bytes((code,)) for code in data]):
        scanner, taken = scan_in_pieces(framing, pieces)
        assert (scanner.done, taken) == (True, len(data))


@pytest.mark.parametrize(
    "data",
    [
        b"4;" + b"a" * 4200,
        b"5" * 5000,
        b"0\r\nA: " + b"x" * 8192,
        b"4\nWiki",
        b"4;\x00",
        b"4\r\nWikix",
    ],
)
def test_what_no_further_byte_can_mend_is_refused_at_once(framing: Any, data: bytes) -> None:
    with pytest.raises(ProtocolError):
        framing.ChunkedScanner().feed(data, 0)


CHUNKS = st.lists(st.binary(min_size=1, max_size=40), max_size=6)
CUTS = st.lists(st.integers(0, 400), max_size=12)


def cut(data: bytes, cuts: list[int]) -> list[bytes]:
    """Return ``data`` in pieces."""
    places = [0, *sorted(place for place in cuts if place <= len(data)), len(data)]
    return [data[start:end] for start, end in pairwise(places)]


@given(chunks=CHUNKS, cuts=CUTS)
@settings(max_examples=100, deadline=None)
def test_splitting_the_bytes_changes_nothing(chunks: list[bytes], cuts: list[int]) -> None:
    for framing in BUILDS.values():
        data = b"".join(map(framing.chunk, chunks)) + framing.LAST_CHUNK
        pieces = cut(data + b"NEXT", cuts)
        scanner, taken = scan_in_pieces(framing, pieces)
        assert (scanner.done, taken) == (True, len(data))
        decoder = framing.ChunkedDecoder()
        results = [decoder.feed(piece, 0) for piece in pieces]
        assert b"".join(payload for payload, _ in results) == b"".join(chunks)
        assert sum(consumed for _, consumed in results) == len(data)
        assert decoder.payload == scanner.payload == sum(map(len, chunks))


@given(
    chunks=CHUNKS,
    place=st.integers(0, 100),
    noise=st.sampled_from([b"", b"\r", b"\n", b"\r\n", b"0", b";", b" ", b"\0", b"x"]),
    cuts=CUTS,
)
@settings(max_examples=300, deadline=None)
def test_damaged_framing_ends_alike_in_one_piece_and_in_many(
    chunks: list[bytes], place: int, noise: bytes, cuts: list[int]
) -> None:
    outcomes: set[tuple[object, ...]] = set()
    for framing in BUILDS.values():
        data = b"".join(map(framing.chunk, chunks)) + b"0\r\nA: b\r\n\r\n"
        data = data[:place] + noise + data[place + 1 :]
        for pieces in ([data], cut(data, cuts)):
            try:
                scanner, taken = scan_in_pieces(framing, pieces)
            except ProtocolError as error:
                outcomes.add(("refused", error.status))
            else:
                outcomes.add((scanner.done, scanner.payload, taken))
    assert len(outcomes) == 1
