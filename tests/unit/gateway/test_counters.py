"""The shared counters' memory: its places, and when they run out."""

import os
from collections.abc import Iterator

import pytest

from colobus.errors import NodeError
from colobus.gateway import counters as module
from colobus.gateway.counter_layout import BUCKET_BYTES, HEADER, PLACES, create_memory
from colobus.gateway.counters import SharedCounters
from colobus.plugins.context import Window

NOW = 1_500_000_000.0
ONE_BUCKET = HEADER.size + BUCKET_BYTES


@pytest.fixture
def counters() -> Iterator[SharedCounters]:
    shared = SharedCounters.create(1 << 20)
    yield shared
    shared.close()


@pytest.fixture
def one_bucket() -> Iterator[SharedCounters]:
    shared = SharedCounters.create(ONE_BUCKET)
    yield shared
    shared.close()


def test_a_full_bucket_gives_up_what_ends_soonest(one_bucket: SharedCounters) -> None:
    for number in range(PLACES):
        one_bucket.consume(f"g{number}", [Window("w", 9, NOW + 100 + number)], NOW)
    one_bucket.consume("new", [Window("w", 9, NOW + 1000)], NOW)
    assert one_bucket.count("g0", "w", NOW) is None
    assert one_bucket.count("new", "w", NOW) == 1
    assert all(one_bucket.count(f"g{number}", "w", NOW) == 1 for number in range(1, PLACES))


def test_expired_places_are_taken_before_any_that_counts(one_bucket: SharedCounters) -> None:
    for number in range(PLACES):
        ends_at = NOW + (1 if number == 7 else 500)
        one_bucket.consume(f"g{number}", [Window("w", 9, ends_at)], NOW)
    one_bucket.consume("new", [Window("w", 9, NOW + 100)], NOW + 2)
    lost = [n for n in range(PLACES) if one_bucket.count(f"g{n}", "w", NOW + 2) is None]
    assert lost == [7]


def test_the_windows_of_one_call_do_not_take_each_others_places(
    one_bucket: SharedCounters,
) -> None:
    for number in range(PLACES):
        one_bucket.consume(f"g{number}", [Window("w", 9, NOW + 1000)], NOW)
    windows = [Window(f"w{number}", 9, NOW + 1) for number in range(6)]
    one_bucket.consume("new", windows, NOW)
    assert one_bucket.consume("new", windows, NOW) == [1] * 6
    with pytest.raises(ValueError, match="at most 64 windows"):
        one_bucket.consume("new", windows * 11, NOW)


def test_a_name_is_found_only_where_a_place_begins(one_bucket: SharedCounters) -> None:
    name = b"0123456789abcdef"
    start_of_bucket = HEADER.size
    one_bucket._memory[start_of_bucket + 8 : start_of_bucket + 24] = name
    assert one_bucket._find(name, start_of_bucket) is None
    one_bucket._memory[start_of_bucket + 32 : start_of_bucket + 48] = name
    first = one_bucket._find(name, start_of_bucket)
    assert first == (start_of_bucket + PLACES * 16) // 8 + 2


def test_window_names_are_kept_within_a_bound(counters: SharedCounters) -> None:
    for number in range(1000):
        counters.consume("g", [Window(f"w{number}", 9, NOW + 1)], NOW)
    assert len(counters._window_names) <= module.WINDOW_NAMES_KEPT


def test_counters_need_room_for_one_bucket() -> None:
    with pytest.raises(ValueError, match="cannot hold a bucket"):
        SharedCounters.create(ONE_BUCKET - 1)


def test_memory_of_another_layout_is_refused() -> None:
    fd = os.memfd_create("other")
    os.truncate(fd, ONE_BUCKET)
    with pytest.raises(NodeError, match="another layout"):
        SharedCounters.attach(fd)
    os.close(fd)


def test_builds_that_lock_differently_do_not_share_a_table() -> None:
    fd = create_memory(ONE_BUCKET, b"other")
    with pytest.raises(NodeError, match="lock differently"):
        SharedCounters.attach(fd)
    os.close(fd)


def test_groups_are_remembered_within_a_bound(
    counters: SharedCounters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GROUPS_KEPT", 10)
    for number in range(30):
        counters.consume(f"g{number}", [Window("w", 9, NOW + 1)], NOW)
    assert len(counters._groups) <= 10
    assert counters.count("g0", "w", NOW) == 1


def test_an_attached_table_is_the_same_table(counters: SharedCounters) -> None:
    other = SharedCounters.attach(os.dup(counters.fileno()))
    other.consume("g", [Window("w", 9, NOW + 1)], NOW)
    assert counters.count("g", "w", NOW) == 1
    assert counters.count("g", "w", NOW + 1) is None
    assert counters.count("g", "x", NOW) is None
    other.close()
