"""Load on a CPU of its own: wrk, h2load for HTTP/2, or the generator beside this module.

Whatever generates it reports the same figures. A load is bounded in connections and in time.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.process import LOAD_CPU, unverified
from benchmarks.subjects import Absent
from benchmarks.workload import Setup, Traffic

__all__ = ["Load", "generators", "parse_h2load", "parse_wrk", "run_load", "speaks_h2"]

SHORTEST_S = 0.5
_UNITS_S = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}


@dataclass(frozen=True, slots=True)
class Load:
    """What came of a load.

    Attributes:
        requests: completed requests. ``per_second``: their rate.
        p50_s, p99_s: latency in seconds; None where the generator does not tell.
        errors: answers that were not 2xx or 3xx, and broken connections.
    """

    requests: int
    per_second: float
    p50_s: float | None
    p99_s: float | None
    errors: int


def run_load(traffic: Traffic, setup: Setup, port: int, seconds: float) -> Load:
    """Send requests for ``seconds`` and return what came of them.

    wrk and h2load count whole seconds; much shorter loads come from our own generator.

    Raises:
        Absent: HTTP/2 is asked for, and there is no h2load, or the port does not take it.
    """
    url = traffic.url(setup, port)
    if traffic.scheme == "h2":
        if shutil.which("h2load") is None:
            raise Absent("h2load is not installed (nghttp2-client)")
        if not speaks_h2(port):
            raise Absent("does not offer HTTP/2")
        return parse_h2load(_run(_h2load(traffic, url, max(1, round(seconds))), seconds))
    if seconds >= SHORTEST_S and shutil.which("wrk") is not None:
        return parse_wrk(_run(_wrk(traffic, url, max(1, round(seconds))), seconds))
    answer = json.loads(_run(_own(traffic, url, seconds), seconds))
    return Load(**answer)


def generators() -> dict[str, str]:
    """Return which generator serves which protocol on this machine."""
    return {
        "http, https": "wrk" if shutil.which("wrk") else "benchmarks.generator",
        "h2": "h2load" if shutil.which("h2load") else "none",
    }


def speaks_h2(port: int) -> bool:
    """Say whether the TLS port of 127.0.0.1 takes HTTP/2 (ALPN)."""
    context = unverified()
    context.set_alpn_protocols(["h2", "http/1.1"])
    with (
        socket.create_connection(("127.0.0.1", port), timeout=5) as plain,
        context.wrap_socket(plain) as secure,
    ):
        return secure.selected_alpn_protocol() == "h2"


def _headers(option: str, traffic: Traffic) -> list[str]:
    return [part for pair in traffic.headers.items() for part in (option, ": ".join(pair))]


def _wrk(traffic: Traffic, url: str, seconds: int) -> list[str]:
    size = [f"-c{traffic.connections}", f"-d{seconds}s"]
    return ["wrk", "-t1", *size, "--latency", "--timeout", "10s", *_headers("-H", traffic), url]


def _h2load(traffic: Traffic, url: str, seconds: int) -> list[str]:
    size = ["-c", str(traffic.connections), "-m", str(traffic.streams), "-D", str(seconds)]
    return ["h2load", "-t1", *size, *_headers("-H", traffic), url]


def _own(traffic: Traffic, url: str, seconds: float) -> list[str]:
    size = [str(traffic.connections), str(seconds)]
    return [sys.executable, "-m", "benchmarks.generator", url, *size, json.dumps(traffic.headers)]


def _run(command: Sequence[str], seconds: float) -> str:
    result = subprocess.run(
        ["taskset", "-c", str(LOAD_CPU), *command],
        capture_output=True, text=True, timeout=seconds + 30, check=False,
        cwd=Path(__file__).parent.parent, env=os.environ,
    )  # fmt: skip
    if result.returncode != 0:
        raise RuntimeError(f"{command[0]} ended with {result.returncode}: {result.stderr.strip()}")
    return result.stdout


def parse_wrk(report: str) -> Load:
    """Return the figures of wrk's report.

    Raises:
        ValueError: it is none.
    """
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", report)
    broken = re.search(
        r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", report
    )
    errors = int(bad.group(1)) if bad else 0
    errors += sum(map(int, broken.groups())) if broken else 0
    return Load(
        int(_found(r"(\d+) requests in", report)),
        float(_found(r"Requests/sec:\s+([\d.]+)", report)),
        _wrk_latency(report, 50), _wrk_latency(report, 99), errors,
    )  # fmt: skip


def _wrk_latency(report: str, percent: int) -> float:
    match = re.search(rf"{percent}%\s+([\d.]+)(us|ms|s|m)", report)
    if match is None:
        raise ValueError(f"no {percent} % latency in {report!r}")
    return float(match.group(1)) * _UNITS_S[match.group(2)]


def parse_h2load(report: str) -> Load:
    """Return the figures of h2load's report; it has no percentiles of latency.

    Raises:
        ValueError: it is none.
    """
    requests = int(_found(r"requests: \d+ total, \d+ started, (\d+) done", report))
    failed = int(_found(r"(\d+) failed", report))
    bad = sum(int(_found(rf"(\d+) {family}xx", report)) for family in (4, 5))
    rate = float(_found(r"finished in [\d.]+m?s, ([\d.]+) req/s", report))
    return Load(requests, rate, None, None, failed + bad)


def _found(pattern: str, report: str) -> str:
    match = re.search(pattern, report)
    if match is None:
        raise ValueError(f"not the report that was expected: {report!r}")
    return match.group(1)
