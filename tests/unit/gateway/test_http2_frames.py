"""What the watch in front of the HTTP/2 machine counts, holds back and takes out."""

import pytest
from hypothesis import given, strategies as st

from colobus.errors import AbuseError, MalformedError
from colobus.gateway.http2_frames import PREFACE, FrameWatch
from colobus.gateway.http2_limits import (
    BYTES_PER_CONTROL,
    CONTINUATIONS,
    CONTROL_BURST,
    CONTROLS_PER_REQUEST,
    CONTROLS_PER_S,
    HEADER_BLOCK_BYTES,
)

BURST = int(CONTROL_BURST)


def frame(kind: int, payload: bytes = b"", flags: int = 0, stream: int = 0) -> bytes:
    size = len(payload).to_bytes(3, "big")
    return size + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


def watch() -> FrameWatch:
    watching = FrameWatch(0.0)
    assert watching.feed(PREFACE, 0.0) == PREFACE
    return watching


PING = frame(6, bytes(8))
GOAWAY = frame(7, bytes(8))
EMPTY_DATA = frame(0, stream=1)
HEADERS = frame(1, b"x", flags=4, stream=1)

NOTHING = {
    "ping": PING,
    "ping answer": frame(6, bytes(8), flags=1),
    "settings": frame(4),
    "priority": frame(2, bytes(5), stream=1),
    "reset": frame(3, bytes(4), stream=1),
    "window": frame(8, bytes(4)),
    "unknown": frame(0xBE, b"grease"),
    "empty data": EMPTY_DATA,
    "goaway": GOAWAY,
}


@pytest.mark.parametrize("kind", NOTHING)
def test_frames_that_carry_nothing_are_bounded(kind: str) -> None:
    watching = watch()
    watching.feed(NOTHING[kind] * BURST, 0.0)
    with pytest.raises(AbuseError):
        watching.feed(NOTHING[kind], 0.0)


@pytest.mark.parametrize("kind", NOTHING)
def test_the_bound_grows_with_time(kind: str) -> None:
    watching = watch()
    watching.feed(NOTHING[kind] * BURST, 0.0)
    watching.feed(NOTHING[kind] * int(CONTROLS_PER_S), 1.0)


@pytest.mark.parametrize(
    "harmless",
    [frame(0, b"x", stream=1), frame(0, flags=1, stream=1), HEADERS],
    ids=["data", "last data", "headers"],
)
def test_frames_that_carry_something_are_not(harmless: bytes) -> None:
    assert watch().feed(harmless * (2 * BURST), 0.0) == harmless * (2 * BURST)


def test_requests_and_payload_allow_for_more() -> None:
    watching = watch()
    watching.feed(PING * BURST, 0.0)
    watching.feed(HEADERS + PING * int(CONTROLS_PER_REQUEST), 0.0)
    watching.feed(frame(0, bytes(BYTES_PER_CONTROL), stream=1) + PING, 0.0)
    watching.passed(BYTES_PER_CONTROL)
    watching.feed(PING, 0.0)
    with pytest.raises(AbuseError):
        watching.feed(PING, 0.0)


def test_a_header_block_has_so_many_pieces() -> None:
    watching = watch()
    watching.feed(frame(1, b"x", stream=1) + frame(9, stream=1) * CONTINUATIONS, 0.0)
    assert watching.is_in_headers
    with pytest.raises(AbuseError):
        watching.feed(frame(9, stream=1), 0.0)


def test_a_header_block_has_so_many_bytes() -> None:
    watching = watch()
    pieces = HEADER_BLOCK_BYTES // 16_384
    watching.feed(frame(1, bytes(16_384), stream=1), 0.0)
    watching.feed(frame(9, bytes(16_384), stream=1) * (pieces - 1), 0.0)
    with pytest.raises(AbuseError):
        watching.feed(frame(9, b"x", stream=1), 0.0)


def test_a_frame_that_is_too_large_is_refused_before_it_comes() -> None:
    allowed = frame(0, bytes(16_384), stream=1)
    assert watch().feed(allowed, 0.0) == allowed
    with pytest.raises(MalformedError):
        watch().feed(frame(0, bytes(16_385), stream=1)[:9], 0.0)


def test_the_end_of_a_header_block_is_noticed() -> None:
    watching = watch()
    watching.feed(frame(1, b"x", stream=1), 0.0)
    assert watching.is_in_headers
    watching.feed(frame(9, b"x", flags=4, stream=1), 0.0)
    assert not watching.is_in_headers


def test_a_goaway_is_taken_out_and_remembered() -> None:
    watching = watch()
    assert watching.feed(PING + GOAWAY + HEADERS, 0.0) == PING + HEADERS
    assert watching.is_leaving


@pytest.mark.parametrize(
    "broken",
    [frame(7, bytes(7)), frame(7, bytes(8), stream=1)],
    ids=["short", "on a stream"],
)
def test_a_broken_goaway_is_left_to_the_machine(broken: bytes) -> None:
    watching = watch()
    assert watching.feed(broken, 0.0) == broken
    assert not watching.is_leaving


@given(st.lists(st.integers(1, 20), max_size=40))
def test_splitting_the_bytes_changes_nothing(cuts: list[int]) -> None:
    data = PREFACE + HEADERS + GOAWAY + PING + frame(0, b"payload", stream=1) + EMPTY_DATA
    expected = data.replace(GOAWAY, b"")
    watching = FrameWatch(0.0)
    seen = b""
    at = 0
    for cut in [*cuts, len(data)]:
        seen += watching.feed(data[at : at + cut], 0.0)
        at += cut
    assert seen == expected
