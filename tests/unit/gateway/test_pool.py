"""Which idle upstream connections are used, kept and closed."""

import pytest
from hypothesis import given, strategies as st

from colobus.gateway.pool import SPARE_KEYS, Key, Poolable, UpstreamPool

A: Key = ("http", "10.0.0.1", 80, "")
B: Key = ("https", "10.0.0.1", 80, "b.test")


class Idle(Poolable):
    """A connection that does nothing."""

    def __init__(self, key: Key, name: str = "") -> None:
        self.key = key
        self.name = name
        self.idle_since = 0.0


def pool(limit: int = 3) -> UpstreamPool:
    return UpstreamPool(limit, 60.0)


def test_the_connection_used_last_is_used_first() -> None:
    idle = pool()
    first, second = Idle(A), Idle(A)
    assert idle.put(first, 1.0) is None
    assert idle.put(second, 2.0) is None
    assert idle.take(A) is second
    assert idle.take(A) is first
    assert idle.take(A) is None


def test_connections_are_kept_apart_by_what_they_lead_to() -> None:
    idle = pool()
    idle.put(Idle(A), 1.0)
    assert idle.take(B) is None
    assert idle.take(("http", "10.0.0.1", 81, "")) is None


def test_the_limit_counts_over_everything_and_the_oldest_goes() -> None:
    idle = pool(2)
    oldest, newer, newest = Idle(A), Idle(B), Idle(A)
    idle.put(oldest, 1.0)
    idle.put(newer, 2.0)
    assert idle.put(newest, 3.0) is oldest
    assert len(idle) == 2
    assert idle.take(A) is newest
    assert idle.take(A) is None


@pytest.mark.parametrize("limit", [0, -1])
def test_nothing_is_kept_without_a_limit(limit: int) -> None:
    connection = Idle(A)
    idle = pool(limit)
    assert idle.put(connection, 1.0) is connection
    assert len(idle) == 0


def test_connections_grow_old() -> None:
    idle = pool()
    old, young = Idle(A), Idle(B)
    idle.put(old, 0.0)
    idle.put(young, 30.0)
    assert idle.take_expired(59.9) == []
    assert idle.take_expired(60.0) == [old]
    assert idle.take_expired(89.0) == []
    assert idle.take_expired(90.0) == [young]
    assert len(idle) == 0


def test_a_connection_that_ended_is_forgotten() -> None:
    idle = pool()
    connection = Idle(A)
    idle.discard(connection)
    idle.put(connection, 1.0)
    idle.discard(connection)
    idle.discard(connection)
    assert idle.take(A) is None
    assert idle.take_all() == []


@given(st.lists(st.tuples(st.sampled_from("ptd"), st.sampled_from([A, B]), st.integers(0, 9))))
def test_the_two_views_of_the_pool_agree(steps: list[tuple[str, Key, int]]) -> None:
    idle = pool(4)
    everything: list[Idle] = []
    for now, (step, key, number) in enumerate(steps):
        if step == "p":
            connection = Idle(key)
            everything.append(connection)
            idle.put(connection, float(now))
        elif step == "t":
            taken = idle.take(key)
            assert taken is None or taken.key == key
        elif everything:
            idle.discard(everything[number % len(everything)])
        listed = [connection for group in idle.by_key.values() for connection in group]
        assert set(listed) == set(idle.by_age)
        assert len(listed) == len(idle) <= 4


def test_keys_that_nothing_waits_for_are_dropped_when_there_are_many() -> None:
    idle = pool(4)
    for port in range(1000):
        key = ("http", "10.0.0.1", port, "")
        idle.put(Idle(key), 1.0)
        assert idle.take(key) is not None
    assert len(idle.by_key) <= 2 * 4 + SPARE_KEYS + 1
