"""CPU per proxied request: Colobus beside nginx and HAProxy, interleaved in one run.

    python -m benchmarks.proxy --rounds 5 --seconds 4 --json benchmarks/results/proxy.json

Every proxy runs alone on CPU 0 with one worker, the load generator (wrk) and the upstream (nginx)
on CPU 1. Within a round each proxy is measured once, so that what slows the machine slows all of
them; the table shows medians over the rounds, and ratios taken round by round. It needs ``nginx``,
``wrk`` and ``taskset``; ``haproxy`` is left out when it is not there.
"""

import argparse
import json
import platform
import shutil
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.load import run_wrk
from benchmarks.measure import cpu_seconds, memory_kib, spread
from benchmarks.plot import write_plot
from benchmarks.subjects import Colobus, HAProxy, Nginx, Subject, Upstream
from benchmarks.workload import Workload

BASE_PORT = 21_000
LIMIT = {"rate-limiting": {"hour": 1_000_000_000, "policy": "local"}}
KEY_AUTH: dict[str, dict[str, Any]] = {"key-auth": {}}

CASES = (
    Workload("keep-alive, no plugin"),
    Workload("key-auth", plugins=KEY_AUTH),
    Workload("key-auth + rate-limiting", plugins=KEY_AUTH | LIMIT),
    Workload("close per request", close=True),
    Workload("16 KiB answers", size=16_384),
    Workload("1 MiB answers", size=1_048_576, connections=8),
    Workload("one connection", connections=1),
    Workload("1 API", apis=1),
    Workload("10 000 APIs", apis=10_000),
    Workload("100 000 APIs", apis=100_000),
    Workload("access log on", access_log=True),
)


@dataclass(slots=True)
class Figures:
    """What one proxy showed in one case, a value per round."""

    cpu_us: list[float] = field(default_factory=list)
    per_second: list[float] = field(default_factory=list)
    p50_us: list[float] = field(default_factory=list)
    p99_us: list[float] = field(default_factory=list)
    memory_kib: dict[str, int] = field(default_factory=dict)
    errors: int = 0


def subjects(folder: Path) -> list[Subject]:
    """Return the proxies that this machine has."""
    found: list[Subject] = [Nginx(folder / "nginx", BASE_PORT + 1)]
    if shutil.which("haproxy"):
        found.append(HAProxy(folder / "haproxy", BASE_PORT + 2))
    found.append(Colobus(folder / "compiled", BASE_PORT + 3, BASE_PORT + 4, pure=False))
    found.append(Colobus(folder / "pure", BASE_PORT + 5, BASE_PORT + 6, pure=True))
    return found


def measure_case(
    workload: Workload, proxies: Sequence[Subject], upstream_port: int, rounds: int, seconds: int
) -> dict[str, Figures]:
    """Run one case and return the figures of each proxy."""
    figures = {proxy.name: Figures() for proxy in proxies}
    started: list[Subject] = []
    try:
        for proxy in proxies:
            proxy.start(workload, upstream_port)
            started.append(proxy)
            _load(workload, proxy, 1)
        for _ in range(rounds):
            for proxy in proxies:
                _measure(workload, proxy, seconds, figures[proxy.name])
    finally:
        for proxy in started:
            proxy.stop()
    return figures


def _load(workload: Workload, proxy: Subject, seconds: int) -> Any:
    return run_wrk(
        f"http://127.0.0.1:{proxy.port}{workload.path}",
        connections=workload.connections, seconds=seconds, headers=workload.headers,
    )  # fmt: skip


def _measure(workload: Workload, proxy: Subject, seconds: int, figures: Figures) -> None:
    pids = proxy.pids()
    before = cpu_seconds(pids)
    load = _load(workload, proxy, seconds)
    used = cpu_seconds(pids) - before
    figures.cpu_us.append(used / load.requests * 1e6)
    figures.per_second.append(load.per_second)
    figures.p50_us.append(load.p50_s * 1e6)
    figures.p99_us.append(load.p99_s * 1e6)
    figures.errors += load.errors
    figures.memory_kib = memory_kib(pids[-1])


def ratio(figures: Figures, beside: Figures, what: str) -> float:
    """Return the median over the rounds of ours / theirs."""
    pairs = zip(getattr(figures, what), getattr(beside, what), strict=True)
    return float(statistics.median(ours / theirs for ours, theirs in pairs))


def table(results: dict[str, dict[str, Figures]]) -> str:
    """Return the results as a Markdown table."""
    lines = [
        "| case | proxy | CPU µs/request | ÷ nginx | requests/s | p50 µs | p50 ÷ nginx | p99 µs | RSS MiB | errors |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for case, by_proxy in results.items():
        nginx = by_proxy["nginx"]
        for name, figures in by_proxy.items():
            lines.append(
                f"| {case} | {name} | {statistics.median(figures.cpu_us):.1f} "
                f"| {ratio(figures, nginx, 'cpu_us'):.2f} "
                f"| {statistics.median(figures.per_second):.0f} "
                f"| {statistics.median(figures.p50_us):.0f} "
                f"| {ratio(figures, nginx, 'p50_us'):.2f} "
                f"| {statistics.median(figures.p99_us):.0f} "
                f"| {figures.memory_kib['Rss'] / 1024:.1f} | {figures.errors} |"
            )
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    """Run the cases that were asked for and write what came of them."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--only", action="append", help="a part of a case's name; may be repeated")
    parser.add_argument("--without", action="append", default=[], help="leave a proxy out, by name")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args(arguments)
    results: dict[str, dict[str, Figures]] = {}
    with tempfile.TemporaryDirectory() as folder:
        upstream = Upstream(Path(folder) / "upstream", BASE_PORT)
        upstream.launch()
        try:
            for case in CASES:
                if options.only and not any(part in case.name for part in options.only):
                    continue
                proxies = [p for p in subjects(Path(folder)) if p.name not in options.without]
                print(f"{case.name} …", file=sys.stderr, flush=True)
                results[case.name] = measure_case(
                    case, proxies, upstream.port, options.rounds, options.seconds
                )
        finally:
            upstream.stop()
    noise = [spread(by_proxy["nginx"].cpu_us) for by_proxy in results.values()]
    print(table(results))
    print(
        f"\nNoise: nginx's own CPU per request varied by {statistics.median(noise):.0%} within a case "
        f"(median; worst {max(noise):.0%}) over {options.rounds} rounds of {options.seconds} s."
    )
    if options.json:
        _write_json(options.json, results, arguments, noise)
    if options.plot:
        write_plot(options.plot, results)
    return 0


def _write_json(
    path: Path, results: dict[str, dict[str, Figures]], arguments: Sequence[str], noise: list[float]
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {
        "command": " ".join(["python -m benchmarks.proxy", *arguments]),
        "machine": {"python": platform.python_version(), "kernel": platform.release()},
        "noise": {"median": statistics.median(noise), "worst": max(noise)},
        "cases": {
            case: {
                name: {
                    "cpu_us": figures.cpu_us, "requests_per_second": figures.per_second,
                    "p50_us": figures.p50_us, "p99_us": figures.p99_us,
                    "memory_kib": figures.memory_kib, "errors": figures.errors,
                }
                for name, figures in by_proxy.items()
            }
            for case, by_proxy in results.items()
        },
    }  # fmt: skip
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
