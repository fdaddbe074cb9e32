"""Colobus beside nginx, HAProxy and Envoy, interleaved in one run.

    python -m benchmarks.proxy --rounds 5 --output benchmarks/results/proxy

Every proxy has one worker on CPU 0, the load generator and the upstream (nginx) are on another.
Within a round each is measured once, so that what slows the machine slows all of them. See
docs/how-to/measure.md.
"""

import argparse
import json
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.cases import Case, Scale, cases, number_of_apis
from benchmarks.changes import change_entrants, measure_changes
from benchmarks.datastore import Datastores
from benchmarks.figures import CaseResult
from benchmarks.fleet import FAILURES, Fleet, worded
from benchmarks.machine import describe
from benchmarks.memory import measure_memory
from benchmarks.node import make_certificate
from benchmarks.plot import draw
from benchmarks.process import Ports, raise_file_limit
from benchmarks.report import document, markdown
from benchmarks.subjects import Absent, Surroundings, Upstream
from benchmarks.traffic import measure_case

__all__ = ["main"]

SMOKE_SECONDS = 0.1
FILES_BESIDE_CONNECTIONS = 1_000


@dataclass(slots=True)
class Run:
    """One run of the benchmark.

    Attributes:
        rounds, seconds: of each case. ``scale``: how much of everything.
        wanted: says of a case's name whether it is to run.
        results: by name of the case; filled as the run goes on.
    """

    rounds: int
    seconds: float
    scale: Scale
    wanted: Callable[[str], bool]
    results: dict[str, CaseResult] = field(default_factory=dict)
    _begin: float = field(default_factory=time.monotonic)

    def begin(self, name: str) -> CaseResult:
        """Open a case, and say so."""
        took = time.monotonic() - self._begin
        print(f"{took:5.0f} s  {name}", file=sys.stderr, flush=True)
        self.results[name] = CaseResult(name)
        return self.results[name]

    def run(self, fleet: Fleet) -> None:
        """Run every case that is wanted; one that breaks as a whole is named and left."""
        self._memory(fleet)
        chosen = [case for case in cases(self.scale) if self.wanted(case.name)]
        name = f"changes among {number_of_apis(self.scale.most_apis)}"
        last = change_entrants(self.scale) if self.wanted(name) else ()
        for number, case in enumerate(chosen):
            self._guarded(case, fleet)
            later = [entrant for rest in chosen[number + 1 :] for entrant in rest.entrants]
            fleet.keep([*later, *last])
        if last:
            result = self.begin(name)
            measure_changes(fleet, result, self.scale, rounds=self.rounds, seconds=self.seconds)

    def _guarded(self, case: Case, fleet: Fleet) -> None:
        result = self.begin(case.name)
        try:
            measure_case(
                case, fleet, result,
                rounds=self.rounds, seconds=self.seconds, warm_up=self.rounds > 1,
            )  # fmt: skip
        except FAILURES as exc:
            result.failed["the case"] = worded(exc)

    def _memory(self, fleet: Fleet) -> None:
        count = f"{self.scale.idle_connections:,}".replace(",", " ")
        names = ("memory of an idle worker", f"{count} idle connections")
        if not any(self.wanted(name) for name in names):
            return
        idle, connections = self.begin(names[0]), self.begin(names[1])
        limit = raise_file_limit()
        if limit < self.scale.idle_connections + FILES_BESIDE_CONNECTIONS:
            connections.failed["the case"] = f"no more than {limit} files may be open"
            return
        measure_memory(fleet, idle, connections, self.scale.idle_connections)


def main(arguments: Sequence[str]) -> int:
    """Run the cases that were asked for and write what came of them."""
    options = _parse(arguments)
    smoke = options.smoke
    # The proxies are ended in any case.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    run = Run(
        rounds=1 if smoke else options.rounds,
        seconds=SMOKE_SECONDS if smoke else options.seconds,
        scale=Scale.small() if smoke else Scale(),
        wanted=lambda name: not options.only or any(part in name for part in options.only),
    )
    machine = describe()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)  # nginx's worker may run as another user
        try:
            _run_within(folder, run, options.without)
        finally:
            command = " ".join(["python -m benchmarks.proxy", *arguments])
            _write(run, machine, command, options.output, options.plot)
    failed = [case for case in run.results.values() if case.failed]
    return 1 if failed or not (run.results or smoke) else 0


def _run_within(folder: Path, run: Run, without: Sequence[str]) -> None:
    ports = Ports()
    upstream = Upstream(folder / "upstream", ports.take())
    try:
        upstream.start()
        certificate, key, combined = make_certificate(folder / "tls")
        around = Surroundings(ports, upstream.port, certificate, key, combined)
        fleet = Fleet(folder, around, Datastores(folder / "datastores", upstream.port), without)
        try:
            run.run(fleet)
        finally:
            fleet.stop()
    except Absent as exc:  # the upstream is nginx
        print(f"SKIPPED, there is nothing to proxy to: {exc}", file=sys.stderr)
    finally:
        upstream.stop()


def _write(
    run: Run, machine: dict[str, object], command: str, output: Path | None, plot: Path | None
) -> None:
    """Print the tables, and write them with everything else where that was asked for."""
    text = markdown(run.results, machine, run.rounds, run.seconds)
    print(text)
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        facts = document(run.results, machine, command, run.rounds, run.seconds)
        output.with_suffix(".json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
        output.with_suffix(".md").write_text(text, encoding="utf-8")
    drawn = draw(run.results)
    if plot is not None and drawn is not None:
        plot.parent.mkdir(parents=True, exist_ok=True)
        plot.write_text(drawn, encoding="utf-8")


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.proxy", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=1, help="length of each measurement")
    parser.add_argument("--only", action="append", help="a part of a case's name; may be repeated")
    parser.add_argument("--without", action="append", default=[], help="leave a proxy out, by name")
    parser.add_argument("--output", type=Path, help="write OUTPUT.json and OUTPUT.md")
    parser.add_argument("--plot", type=Path, help="write a plot (SVG)")
    parser.add_argument(
        "--smoke",
        action="store_true",
        help="every case, one very short round, smaller numbers: to see that it works",
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
