"""What the kernel says of processes: CPU time from the scheduler's accounting, and memory."""

import contextlib
from collections.abc import Iterable
from pathlib import Path

__all__ = ["children", "cpu_seconds", "memory_kib"]


def cpu_seconds(pids: Iterable[int]) -> float:
    """Return the time, user and system, that every thread of ``pids`` has been on a CPU so far.

    ``/proc/<pid>/task/*/schedstat`` counts nanoseconds; the clock ticks of ``stat`` (10 ms) are too
    coarse for rounds of a second.
    """
    total = 0
    for pid in pids:
        for task in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it just ended
                total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def memory_kib(pid: int) -> dict[str, int]:
    """Return the resident (``Rss``) and proportional (``Pss``) memory of a process in KiB."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    found = {}
    for line in lines:
        name, _, value = line.partition(":")
        if name in ("Rss", "Pss"):
            found[name] = int(value.split()[0])
    return found


def children(pid: int) -> list[int]:
    """Return ``pid`` and every process below it, parents before children."""
    found = [pid]
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in path.read_text().split():
            found.extend(children(int(child)))
    return found
