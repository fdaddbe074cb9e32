"""The workers' statistics in shared memory."""

import os
from collections.abc import Iterator

import pytest

from colobus.errors import NodeError
from colobus.gateway.presence import ABSENT, READING, WAITING, WRITING
from colobus.gateway.stats import SharedStats


@pytest.fixture
def stats() -> Iterator[SharedStats]:
    shared = SharedStats.create(3)
    yield shared
    shared.close()


def test_the_numbers_are_those_of_the_status_page_and_start_at_zero(stats: SharedStats) -> None:
    assert stats.total() == {
        "connections_active": 0,
        "connections_reading": 0,
        "connections_writing": 0,
        "connections_waiting": 0,
        "connections_accepted": 0,
        "connections_handled": 0,
        "total_requests": 0,
    }


def test_totals_are_sums_over_the_workers(stats: SharedStats) -> None:
    for number in range(3):
        slot = stats.slot(number)
        slot.total_requests += number + 1
        slot.connections_active += 2
        slot.connections_active -= 1
    assert stats.total()["total_requests"] == 6
    assert stats.total()["connections_active"] == 3


def test_another_process_sees_what_a_worker_writes(stats: SharedStats) -> None:
    worker = SharedStats.attach(os.dup(stats.fileno()))
    worker.slot(1).connections_accepted = 2**40
    assert stats.total()["connections_accepted"] == 2**40
    worker.close()


def test_a_new_worker_in_a_slot_clears_what_is_now_and_keeps_what_was(stats: SharedStats) -> None:
    slot = stats.slot(0)
    slot.connections_active = slot.connections_waiting = slot.total_requests = 7
    slot.connections_reading = slot.connections_writing = slot.connections_accepted = 7
    slot.reset_gauges()
    total = stats.total()
    assert [number for number in total.values() if number] == [7, 7]
    assert total["total_requests"] == total["connections_accepted"] == 7


def test_memory_of_another_layout_is_refused() -> None:
    fd = os.memfd_create("other")
    os.truncate(fd, 100)
    with pytest.raises(NodeError, match="another layout"):
        SharedStats.attach(fd)
    os.close(fd)


def test_a_connection_counts_as_one_thing_at_a_time(stats: SharedStats) -> None:
    slot = stats.slot(0)
    slot.moved(ABSENT, READING)
    slot.moved(ABSENT, READING)
    slot.moved(READING, WRITING)
    slot.request_begun()
    assert [slot.connections_reading, slot.connections_writing, slot.total_requests] == [1, 1, 1]
    slot.moved(WRITING, WAITING)
    slot.moved(READING, ABSENT)
    assert [slot.connections_reading, slot.connections_writing] == [0, 0]
    assert slot.connections_waiting == 1
    with pytest.raises(AttributeError):
        _ = slot.connections_dreaming
