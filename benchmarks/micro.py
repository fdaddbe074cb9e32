"""The parts of a request, one by one, in both builds: ``python -m benchmarks.micro``.

Each figure is CPU time, the best of several repetitions: what the work costs when nothing disturbs
it.
"""

import argparse
import json
import os
import subprocess
import sys
import time
import timeit
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks.parts import ACCESS_WITHOUT_PLUGINS, PHASE, parts

__all__ = ["main", "markdown"]

BUILDS = {"compiled": "0", "pure": "1"}
REPEATS = 25
TARGETS_NS = {"cache hit": 1000}
"""The most that the compiled build may take."""


def main(arguments: Sequence[str]) -> int:
    """Measure both builds, each in a process of its own, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.micro", description=__doc__)
    parser.add_argument("--build", choices=BUILDS, help="measure this one here, and print JSON")
    parser.add_argument("--apis", type=int, default=100_000, help="the largest routing table")
    parser.add_argument("--number", type=int, default=2_000, help="calls in each repetition")
    parser.add_argument("--output", type=Path, help="write OUTPUT.json and OUTPUT.md")
    options = parser.parse_args(arguments)
    if options.build is not None:
        print(json.dumps(measure(options.apis, options.number)))
        return 0
    size = ["--apis", str(options.apis), "--number", str(options.number)]
    results = {build: _measured(build, size) for build in BUILDS}
    text = markdown(results)
    print(text)
    if options.output is not None:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.with_suffix(".md").write_text(text, encoding="utf-8")
        facts = json.dumps({"unit": "ns", "builds": results}, indent=1) + "\n"
        options.output.with_suffix(".json").write_text(facts, encoding="utf-8")
    return 0


def _measured(build: str, size: Sequence[str]) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.micro", "--build", build, *size],
        env={**os.environ, "COLOBUS_PURE": BUILDS[build]}, cwd=Path(__file__).parent.parent,
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    if done.returncode != 0:
        raise SystemExit(f"the {build} build failed: {done.stderr}")
    found: dict[str, float] = json.loads(done.stdout)
    return found


def measure(apis: int, number: int) -> dict[str, float]:
    """Return nanoseconds per call of each part, in the build that is running."""
    found = {name: nanoseconds(work, number) for name, work in parts(apis).items()}
    return with_phases(found)


def with_phases(found: Mapping[str, float]) -> dict[str, float]:
    """Return the figures, access phases as what they add to an exchange without plugins."""
    bare = found[ACCESS_WITHOUT_PLUGINS]
    return {
        name: value if not name.startswith(PHASE) else max(0.0, value - bare)
        for name, value in found.items()
    }


def nanoseconds(work: Callable[[], object], number: int) -> float:
    """Return the CPU time of one call of ``work``, the loop around it taken off."""
    best, empty = (
        min(timeit.repeat(what, timer=time.process_time, number=number, repeat=REPEATS))
        for what in (work, _nothing)
    )
    return max(0.0, best - empty) / number * 1e9


def _nothing() -> None:
    return None


def markdown(results: Mapping[str, Mapping[str, float]]) -> str:
    """Return the figures of both builds as a table."""
    lines = [
        "| part | compiled, ns | pure, ns | target (compiled) | |",
        "|---|---:|---:|---:|---|",
    ]
    for name, compiled in results["compiled"].items():
        limit = TARGETS_NS.get(name)
        verdict = "" if limit is None else "met" if compiled <= limit else "**missed**"
        target = "" if limit is None else f"≤ {limit}"
        pure = results["pure"][name]
        lines.append(f"| {name} | {compiled:.0f} | {pure:.0f} | {target} | {verdict} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
