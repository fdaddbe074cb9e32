"""The line of an access log, place by place."""

import re

import pytest

from colobus.logs.line import TimeStamp, combined_line, request_line
from colobus.testing.clock import ManualClock


def line(
    *, status: int = 200, size: int = 0, request_time: float = 0.0, upstream_time: float = -1.0
) -> bytes:
    return combined_line(
        b"10.0.0.1", b"-", b"[now +0000]", request_line(b"GET", b"/a?b", b"HTTP/1.1"), status, size,
        b"http://x/", b"curl", request_time, upstream_time,
    )  # fmt: skip


def test_a_line_is_the_combined_format_and_two_times() -> None:
    assert line(size=17, request_time=0.0129, upstream_time=0.0071) == (
        b'10.0.0.1 - - [now +0000] "GET /a?b HTTP/1.1" 200 17 "http://x/" "curl" 0.012 0.007\n'
    )


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.0, b"0.000"), (0.9999, b"0.999"), (1.0, b"1.000"), (75.0421, b"75.042"), (-0.5, b"0.000")],
)
def test_a_time_is_seconds_with_three_decimals(seconds: float, shown: bytes) -> None:
    assert line(request_time=seconds).split()[-2] == shown


def test_what_no_upstream_answered_has_no_upstream_time() -> None:
    assert line().split()[-1] == b"-"


@pytest.mark.parametrize("size", [0, 4095, 4096, 5_000_000_000])
def test_a_size_is_decimal(size: int) -> None:
    assert line(size=size).split()[9] == b"%d" % size


def test_the_time_is_local_with_its_zone() -> None:
    shown = TimeStamp(ManualClock(epoch=1_500_000_000.25)).at(0.0)
    found = re.fullmatch(rb"\[(1[34])/Jul/2017:(\d\d):40:00 ([+-]\d\d)00\]", shown)
    if found is not None:  # in a zone of whole hours: 02:40 UTC
        assert (int(found[2]) - int(found[3])) % 24 == 2
    else:
        assert re.fullmatch(rb"\[1[34]/Jul/2017:\d\d:\d\d:00 [+-]\d{4}\]", shown)


def test_the_time_changes_with_the_second_and_not_before() -> None:
    clock = ManualClock(epoch=1_500_000_000.75)
    stamp = TimeStamp(clock)
    first = stamp.at(clock.monotonic())
    clock.advance(0.24)
    assert stamp.at(clock.monotonic()) is first
    clock.advance(0.01)
    assert stamp.at(clock.monotonic()) == first.replace(b":40:00 ", b":40:01 ")


def test_a_clock_that_is_set_back_is_followed_within_a_second() -> None:
    clock = ManualClock(epoch=1_500_000_000.0)
    stamp = TimeStamp(clock)
    first = stamp.at(clock.monotonic())
    clock.epoch -= 7.0
    clock.advance(1.0)
    assert stamp.at(clock.monotonic()) != first
    assert b":39:54 " in stamp.at(clock.monotonic())
