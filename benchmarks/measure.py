"""CPU time of processes, from the scheduler's own accounting, and how noisy the machine was."""

import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path

__all__ = ["cpu_seconds", "memory_kib", "spread"]


def cpu_seconds(pids: Iterable[int]) -> float:
    """Return the time that every thread of ``pids`` has been on a CPU so far.

    ``/proc/<pid>/task/*/schedstat`` counts nanoseconds; the clock ticks of ``stat`` are too coarse
    for rounds of a few seconds.
    """
    total = 0
    for pid in pids:
        for task in Path(f"/proc/{pid}/task").iterdir():
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


def spread(values: Sequence[float]) -> float:
    """Return (max - min) / median: 0 on a quiet machine."""
    return (max(values) - min(values)) / statistics.median(values)
