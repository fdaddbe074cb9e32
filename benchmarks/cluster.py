"""Measures a cluster: a thousand members in virtual time, and real nodes on loopback.

    python -m benchmarks.cluster                  everything, about 20 minutes
    python -m benchmarks.cluster --smoke          every kind of step once and short, in a minute
    python -m benchmarks.cluster --only crash     some steps

Prints a table of figures beside their targets. The exit status tells whether every step could be
run; a figure that misses its target is in the table, since it may be the machine's fault.
"""

import argparse
import logging
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType
from typing import NoReturn

from benchmarks import cluster_changes, cluster_members, cluster_simulated
from benchmarks.cluster_nodes import Datastore
from benchmarks.cluster_plot import write_curves
from benchmarks.cluster_report import Report
from benchmarks.cluster_simulated import Sizes
from benchmarks.cluster_targets import TARGETS

SMOKE_SIZES = Sizes(large=100, sizes=(32, 100), spreads=1, cuts=1, patience_minutes=1.0, crashes=20)


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to measure.

    Attributes:
        name: as in the targets.
        run: measures and keeps figures.
        limit_s: real time after which it has failed.
    """

    name: str
    run: Callable[[Report], None]
    limit_s: int


@dataclass(frozen=True, slots=True)
class Amounts:
    """How much real nodes are measured."""

    joins: int = 5
    kills: int = 50
    writes: int = 1000
    lossy_writes: int = 300
    cut_writes: int = 60
    idle_s: float = 30.0
    settle_s: float = 65.0  # nodes look for others every 3 s in their first minute
    members: int = 1000
    nodes: int = 5


SMOKE_AMOUNTS = Amounts(
    joins=1,
    kills=1,
    writes=20,
    lossy_writes=10,
    cut_writes=2,
    idle_s=2.0,
    settle_s=1.0,
    members=100,
    nodes=3,
)


def steps(options: argparse.Namespace) -> list[Step]:
    """Return every step, the quick ones first."""
    datastore = Datastore(options.datastore)
    sizes, amounts = (SMOKE_SIZES, SMOKE_AMOUNTS) if options.smoke else (Sizes(), Amounts())
    minutes = options.minutes
    if minutes is None:
        minutes = 0.05 if options.smoke else 10.0
    simulated = {
        "replay": cluster_simulated.replay,
        "detection": cluster_simulated.detection,
        "patience": cluster_simulated.patience,
        "healing": cluster_simulated.healing,
        "traffic": cluster_simulated.traffic,
        "dissemination": cluster_simulated.dissemination,
    }
    found = [Step(name, partial(_simulate, run, sizes), 300) for name, run in simulated.items()]
    real: list[tuple[str, Callable[[Report], None], int]] = [
        ("memory", lambda r: cluster_members.memory(r, datastore, members=amounts.members), 60),
        (
            "idle",
            lambda r: cluster_members.idle(
                r,
                datastore,
                seconds=amounts.idle_s,
                settle_s=amounts.settle_s,
                nodes=amounts.nodes,
            ),
            120,
        ),
        ("join", lambda r: cluster_members.join(r, datastore, rounds=amounts.joins), 180),
        (
            "changes",
            lambda r: cluster_changes.changes(
                r, datastore, writes=amounts.writes, nodes=amounts.nodes
            ),
            240,
        ),
        (
            "changes at 30 % loss",
            lambda r: cluster_changes.lossy(
                r, datastore, writes=amounts.lossy_writes, nodes=amounts.nodes
            ),
            240,
        ),
        (
            "changes without gossip",
            lambda r: cluster_changes.cut(
                r, datastore, writes=amounts.cut_writes, nodes=amounts.nodes
            ),
            240,
        ),
        (
            "crash",
            lambda r: cluster_members.crash(r, datastore, kills=amounts.kills, nodes=amounts.nodes),
            480,
        ),
        (
            "saturation",
            lambda r: cluster_members.saturation(
                r, datastore, minutes=minutes, nodes=amounts.nodes
            ),
            int(minutes * 60) + 120,
        ),
    ]
    if options.smoke:  # what differs is a number that the relay is told
        real = [step for step in real if step[0] != "changes at 30 % loss"]
    return found + [Step(*step) for step in real]


def _simulate(run: Callable[[Report, Sizes], None], sizes: Sizes, report: Report) -> None:
    run(report, sizes)


def main(arguments: Sequence[str]) -> int:
    """Run the steps that were asked for and write what came of them."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--smoke", action="store_true", help="every kind of step once and short")
    parser.add_argument("--only", action="append", help="a step by name; may be repeated")
    parser.add_argument("--minutes", type=float, help="of saturated processors; 10 unless given")
    parser.add_argument("--datastore", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--plots", type=Path, help="a folder for the plots")
    options = parser.parse_args(arguments)
    chosen = [step for step in steps(options) if not options.only or step.name in options.only]
    if unknown := set(options.only or ()) - {step.name for step in chosen}:
        parser.error(f"no such step: {', '.join(sorted(unknown))}")
    logging.disable(logging.WARNING)  # the simulated members have much to say
    signal.signal(signal.SIGTERM, _terminated)
    report = Report(" ".join(["python -m benchmarks.cluster", *arguments]))
    report.notes["datastore"] = options.datastore
    for number, step in enumerate(chosen, 1):
        _run(step, report, f"[{number}/{len(chosen)}]")
    print(report.table())
    if options.json:
        report.write(options.json)
    if options.plots:
        _plot(options.plots, report)
    return 1 if report.failures else 0


def _terminated(_number: int, _frame: FrameType | None) -> NoReturn:
    # Unwinds the stack, which ends every process that was started.
    raise SystemExit("terminated")


def _run(step: Step, report: Report, where: str) -> None:
    """Run one step; whatever becomes of it, the next one can be run."""

    def expire(_number: int, _frame: FrameType | None) -> NoReturn:
        raise TimeoutError(f"not done within {step.limit_s} s")

    print(f"{where} {step.name} …", file=sys.stderr, flush=True)
    began = time.monotonic()
    signal.signal(signal.SIGALRM, expire)
    signal.alarm(step.limit_s)
    try:
        step.run(report)
    except Exception as exc:  # noqa: BLE001  (named in the report; the other steps go on)
        first_line = str(exc).partition("\n")[0]
        report.failures[step.name] = f"{type(exc).__name__}: {first_line}"[:300]
        print(f"{where} {step.name} FAILED: {exc}", file=sys.stderr, flush=True)
    finally:
        signal.alarm(0)
    took_s = time.monotonic() - began
    report.notes.setdefault("seconds of each step", {})[step.name] = round(took_s, 1)
    verdicts = [
        f"{key} {report.figures[key].value:.3g} {target.unit} {report.verdict(key)}"
        for key, target in TARGETS.items()
        if target.step == step.name and key in report.figures
    ]
    print(
        f"{where} {step.name}: {took_s:.0f} s; {', '.join(verdicts)}", file=sys.stderr, flush=True
    )


def _plot(folder: Path, report: Report) -> None:
    curves = report.curves
    drawings = [
        (
            "cluster-changes.svg",
            "From the commit until every worker of five nodes routes by a change",
            "milliseconds",
            {
                "hint on another node": "hint",
                "every worker": "change",
                "… at 30 % datagram loss": "lossy",
                "… without any gossip": "cut",
            },
        ),
        (
            "cluster-dissemination.svg",
            "A user event among 1 000 members, simulated",
            "seconds",
            {
                "gossip": "sim_spread",
                "gossip, 10 % loss": "sim_spread_lossy",
                "direct and gossip, 10 % loss": "sim_spread_direct_lossy",
            },
        ),
        (
            "cluster-detection.svg",
            "From a crash until another member knows, five members",
            "seconds",
            {
                "process killed, real nodes": "crash",
                "process killed, simulated": "sim_crash",
                "host silent, simulated": "sim_silent",
            },
        ),
    ]
    for file, title, unit, names in drawings:
        found = {label: curves[key] for label, key in names.items() if curves.get(key)}
        if found:
            is_logarithmic = unit == "milliseconds"
            write_curves(folder / file, title, found, unit=unit, is_logarithmic=is_logarithmic)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
