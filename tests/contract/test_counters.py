"""What every implementation of Counters does."""

from collections.abc import Iterator

import pytest
from hypothesis import given, strategies as st

from colobus.gateway.counters import SharedCounters
from colobus.plugins.context import Counters, Window
from colobus.testing.counters import MemoryCounters

NOW = 1_500_000_000.0
MINUTE = Window("minute", 2, NOW + 60)
HOUR = Window("hour", 3, NOW + 3600)


@pytest.fixture(params=["memory", "shared"])
def counters(request: pytest.FixtureRequest) -> Iterator[Counters]:
    if request.param == "memory":
        yield MemoryCounters()
        return
    shared = SharedCounters.create(65_536)
    yield shared
    shared.close()


def test_consume_returns_the_counts_before_the_call(counters: Counters) -> None:
    assert [counters.consume("g", [HOUR], NOW) for _ in range(3)] == [[0], [1], [2]]


def test_a_full_window_counts_no_further(counters: Counters) -> None:
    assert [counters.consume("g", [MINUTE], NOW) for _ in range(4)] == [[0], [1], [2], [2]]


def test_all_windows_count_or_none(counters: Counters) -> None:
    for _ in range(2):
        counters.consume("g", [MINUTE, HOUR], NOW)
    assert counters.consume("g", [MINUTE, HOUR], NOW) == [2, 2]
    assert counters.consume("g", [HOUR], NOW) == [2]


def test_groups_and_windows_count_apart(counters: Counters) -> None:
    counters.consume("g", [MINUTE], NOW)
    assert counters.consume("h", [MINUTE], NOW) == [0]
    assert counters.consume("g", [HOUR], NOW) == [0]
    assert counters.consume("g", [MINUTE], NOW) == [1]


def test_a_window_starts_anew_when_it_has_ended(counters: Counters) -> None:
    for _ in range(3):
        counters.consume("g", [MINUTE, HOUR], NOW)
    later = Window("minute", 2, NOW + 120)
    assert counters.consume("g", [MINUTE], NOW + 59.9) == [2]
    assert counters.consume("g", [later, HOUR], NOW + 60) == [0, 2]
    assert counters.consume("g", [later], NOW + 60) == [1]


def test_a_limit_of_nothing_lets_nothing_pass(counters: Counters) -> None:
    assert counters.consume("g", [Window("w", 0, NOW + 1)], NOW) == [0]
    assert counters.consume("g", [Window("w", 0, NOW + 1)], NOW) == [0]


def test_no_windows_need_no_counters(counters: Counters) -> None:
    assert counters.consume("g", [], NOW) == []


def test_names_may_be_any_text(counters: Counters) -> None:
    for group in ("", "ü€", "\udcff", "a" * 10_000):
        assert counters.consume(group, [MINUTE], NOW) == [0]
        assert counters.consume(group, [MINUTE], NOW) == [1]


GROUPS = st.sampled_from(["g", "h", "i"])
WINDOWS = st.lists(
    st.builds(
        lambda key, limit: Window(str(key), limit, NOW + key * 10),
        st.integers(1, 4),
        st.integers(0, 4),
    ),
    max_size=4,
    unique_by=lambda window: window.key,
)
CALLS = st.lists(st.tuples(GROUPS, WINDOWS, st.integers(0, 8)), max_size=30)


@given(CALLS)
def test_all_implementations_give_the_same_answers(
    calls: list[tuple[str, list[Window], int]],
) -> None:
    memory, shared = MemoryCounters(), SharedCounters.create(65_536)
    now = NOW
    for group, windows, seconds in calls:
        now += seconds
        assert shared.consume(group, windows, now) == memory.consume(group, windows, now)
    shared.close()


def test_reading_counts_nothing(counters: Counters) -> None:
    counters.consume("g", [HOUR], NOW)
    assert [counters.read("g", [MINUTE, HOUR], NOW) for _ in range(2)] == [[0, 1], [0, 1]]
    assert counters.read("g", [HOUR], NOW + 3600) == [0]
    assert counters.read("h", [HOUR], NOW) == [0]


def test_what_is_added_knows_no_limit(counters: Counters) -> None:
    counters.add("g", [MINUTE, HOUR], 5, NOW)
    counters.add("g", [HOUR], 2, NOW)
    assert counters.read("g", [MINUTE, HOUR], NOW) == [5, 7]
    assert counters.consume("g", [HOUR], NOW) == [7]
    assert counters.read("g", [HOUR], NOW) == [7]
    counters.add("g", [MINUTE], 3, NOW + 60)
    assert counters.read("g", [Window("minute", 2, NOW + 120)], NOW + 59) == [3]


def test_what_is_taken_away_leaves_no_count_below_zero(counters: Counters) -> None:
    counters.add("g", [HOUR], 5, NOW)
    counters.add("g", [HOUR], -2, NOW)
    assert counters.read("g", [HOUR], NOW) == [3]
    counters.add("g", [HOUR], -9, NOW)
    assert counters.read("g", [HOUR], NOW) == [0]


def test_huge_amounts_stay_within_64_bits(counters: Counters) -> None:
    for amount in (10**30, 10**18, 2**62):
        counters.add("g", [HOUR], amount, NOW)
    [count] = counters.read("g", [HOUR], NOW)
    assert count >= 2**62 - 1
    counters.add("g", [HOUR], -(10**40), NOW)
    assert counters.read("g", [HOUR], NOW) == [0]
