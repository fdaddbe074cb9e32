"""Load from wrk on CPU 1: bounded in connections and in time."""

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Load", "run_wrk"]

LOAD_CPU = 1
_UNITS_S = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}


@dataclass(frozen=True, slots=True)
class Load:
    """What wrk reported.

    Attributes:
        requests: completed requests. ``per_second``: their rate.
        p50_s, p99_s: latency in seconds.
        errors: answers that were not 2xx or 3xx, and socket errors.
    """

    requests: int
    per_second: float
    p50_s: float
    p99_s: float
    errors: int


def run_wrk(url: str, *, connections: int, seconds: int, headers: Mapping[str, str]) -> Load:
    """Send requests for ``seconds`` over ``connections`` and return what came of them."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "--timeout", "10s"]
    for name, value in headers.items():
        command += ["-H", f"{name}: {value}"]
    result = subprocess.run(
        [*command, url], capture_output=True, text=True, timeout=seconds + 30, check=True,
        preexec_fn=lambda: os.sched_setaffinity(0, {LOAD_CPU}),
    )  # fmt: skip
    return parse(result.stdout)


def parse(report: str) -> Load:
    """Return the figures of wrk's report."""
    requests = re.search(r"(\d+) requests in", report)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", report)
    if requests is None or rate is None:
        raise ValueError(f"not a report of wrk: {report!r}")
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", report)
    broken = re.search(
        r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", report
    )
    errors = int(bad.group(1)) if bad else 0
    errors += sum(map(int, broken.groups())) if broken else 0
    return Load(
        int(requests.group(1)), float(rate.group(1)),
        _percentile(report, 50), _percentile(report, 99), errors,
    )  # fmt: skip


def _percentile(report: str, percent: int) -> float:
    found = re.search(rf"{percent}%\s+([\d.]+)(us|ms|s|m)", report)
    if found is None:
        raise ValueError(f"no {percent} % latency in {report!r}")
    return float(found.group(1)) * _UNITS_S[found.group(2)]
