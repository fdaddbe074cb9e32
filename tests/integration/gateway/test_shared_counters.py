"""The shared counters over real processes: exact, and not stuck when one of them dies."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack

import pytest

from colobus.gateway import counters as module
from colobus.gateway.counters import SharedCounters
from colobus.plugins.context import Window

pytestmark = pytest.mark.integration

NOW = 1_500_000_000.0
WINDOW = Window("w", 5, 2e9)

Process = subprocess.Popen[str]
Start = Callable[..., Process]

HAMMER = """
import sys
from colobus.gateway.counters import SharedCounters
from colobus.plugins.context import Window
fd, calls, limit = map(int, sys.argv[1:])
counters = SharedCounters.attach(fd)
windows = [Window("minute", limit, 2e9), Window("hour", 10**9, 2e9)]
sys.stdin.readline()  # all start together
passed = 0
for _ in range(calls):
    before = counters.consume("group", windows, 1.5e9)
    passed += before[0] < limit
print(passed)
"""

HOLD = """
import sys
from colobus.gateway.counters import SharedCounters
counters = SharedCounters.attach(int(sys.argv[1]))
counters._lock(counters._locate("group")[1])
print("held", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def counters() -> Iterator[SharedCounters]:
    shared = SharedCounters.create(1 << 20)
    yield shared
    shared.close()


@pytest.fixture
def start(counters: SharedCounters) -> Iterator[Start]:
    """Starts another process that has the table's descriptor; none outlives the test."""
    fd = counters.fileno()
    with ExitStack() as running:

        def start(script: str, *arguments: int) -> Process:
            process = running.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", script, str(fd), *map(str, arguments)],
                    pass_fds=[fd],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                    env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
                )
            )
            running.callback(process.kill)
            return process

        yield start


def outputs(processes: Sequence[Process]) -> list[str]:
    """Let the processes run, and return what each printed."""
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    return [process.communicate(timeout=30)[0] for process in processes]


def holder_of_the_lock(start: Start) -> Process:
    """Start a process that holds the lock of the bucket of "group"."""
    process = start(HOLD)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_processes_that_hammer_one_window_pass_exactly_its_limit(
    counters: SharedCounters, start: Start
) -> None:
    limit, calls = 6000, 3000
    processes = [start(HAMMER, calls, limit) for _ in range(4)]
    passed = [int(output) for output in outputs(processes)]
    assert sum(passed) == limit
    assert counters.count("group", "minute", NOW) == limit
    assert counters.count("group", "hour", NOW) == limit
    assert counters.lock_timeouts == 0


def test_every_count_of_every_process_is_there(counters: SharedCounters, start: Start) -> None:
    outputs([start(HAMMER, 3000, 10**9) for _ in range(3)])
    assert counters.count("group", "minute", NOW) == 9000


def test_a_lock_falls_with_its_owner(counters: SharedCounters, start: Start) -> None:
    process = holder_of_the_lock(start)
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=30)
    assert counters.consume("group", [WINDOW], NOW) == [0]
    assert counters.lock_timeouts == 0


def test_processes_killed_at_any_moment_leave_the_counters_usable(
    counters: SharedCounters, start: Start
) -> None:
    processes = [start(HAMMER, 10**9, 10**9) for _ in range(2)]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    for process in processes:
        before = counters.count("group", "minute", NOW) or 0
        while (counters.count("group", "minute", NOW) or 0) < before + 100:
            os.sched_yield()
        process.kill()
        process.wait(timeout=30)
    count = counters.count("group", "minute", NOW)
    windows = [Window("minute", 10**9, 2e9)]
    assert counters.consume("group", windows, NOW) == [count]
    assert counters.lock_timeouts == 0


def test_an_owner_that_is_stopped_delays_others_for_a_bounded_time(
    counters: SharedCounters, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOCK_NAPS", 3)
    process = holder_of_the_lock(start)
    assert counters.consume("group", [WINDOW], NOW) == [0]
    assert counters.lock_timeouts == 1
    outputs([process])
    assert counters.consume("group", [WINDOW], NOW) == [1]
    assert counters.lock_timeouts == 1
