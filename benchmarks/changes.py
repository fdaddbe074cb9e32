"""Changes of one API among many: what applying costs a worker, and what traffic feels of it.

``apply_ms`` is the worker's own work for one change, taken in a process of the same build on a
table of the same size. ``write_ms`` is the whole write as a client of the Admin API sees it while
there is no traffic: the transaction, the log, the worker's acknowledgement.

Rounds with and without changes alternate, and ``p99_during_changes`` is the p99 latency of traffic
in the one ÷ that in the other. It asks whether a change stalls the worker, so the supervisor does
its part on another CPU. Two CPUs are all that is presumed: it has that of load and upstream, at
idle priority, and so takes from them what they leave. Changes come more slowly for it.
"""

import http.client
import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.cases import Entrant, Scale
from benchmarks.figures import CaseResult, Figures
from benchmarks.fleet import FAILURES, Fleet, worded
from benchmarks.load import run_load
from benchmarks.node import Colobus
from benchmarks.process import LOAD_CPU, PROXY_CPU
from benchmarks.workload import Setup, Traffic

__all__ = ["Writer", "change_entrants", "measure_changes"]

TRAFFIC = Traffic(connections=4)
QUIET_WRITES = 20


def measure_changes(
    fleet: Fleet, result: CaseResult, scale: Scale, *, rounds: int, seconds: float
) -> None:
    """Measure both builds; figures, and what is missing, go into ``result``."""
    for entrant, node in fleet.start(change_entrants(scale), result).items():
        assert isinstance(node, Colobus)
        figures = result.figures[entrant.label] = Figures()
        try:
            figures.add(apply_ms=apply_ms(scale.most_apis, pure=node.pure))
            figures.add(write_ms=_write_ms(node, entrant.setup))
            _place(node)
            run_load(TRAFFIC, entrant.setup, node.port, seconds)
            for _ in range(rounds):
                figures.add(**_round(node, entrant.setup, scale.changes, seconds))
        except FAILURES as exc:
            result.failed[entrant.label] = worded(exc)
        fleet.end(entrant)


def change_entrants(scale: Scale) -> Sequence[Entrant]:
    """Return who is changed: nodes with the most APIs."""
    setup = Setup(apis=scale.most_apis)
    return [Entrant(name, name, setup) for name in ("Colobus", "Colobus pure")]


def apply_ms(apis: int, *, pure: bool) -> float:
    """Return the median time that a worker of that build takes to apply a change."""
    done = subprocess.run(
        ["taskset", "-c", str(PROXY_CPU), sys.executable, "-m", "benchmarks.applying", str(apis)],
        capture_output=True, text=True, check=True, timeout=120,
        env={**os.environ, "COLOBUS_PURE": "1" if pure else "0"},
        cwd=Path(__file__).parent.parent,
    )  # fmt: skip
    return float(json.loads(done.stdout)["apply_ms"])


def _place(node: Colobus) -> None:
    """Move the supervisor from its worker's CPU to another, at idle priority."""
    for task in Path(f"/proc/{node.supervisor_pid}/task").iterdir():
        os.sched_setaffinity(int(task.name), {LOAD_CPU})
        os.sched_setscheduler(int(task.name), os.SCHED_IDLE, os.sched_param(0))


def _write_ms(node: Colobus, setup: Setup) -> float:
    """Return the median time of a write while there is no traffic."""
    with Writer(node.admin_port, setup, QUIET_WRITES, 0.0) as writer:
        writer.wait()
    if not writer.times_s or writer.refused:
        raise RuntimeError(f"writes fail: {writer.refused} refused; {writer.failure}")
    return statistics.median(writer.times_s) * 1e3


def _round(node: Colobus, setup: Setup, changes: int, seconds: float) -> dict[str, float]:
    quiet = run_load(TRAFFIC, setup, node.port, seconds)
    with Writer(node.admin_port, setup, changes, seconds) as writer:
        stirred = run_load(TRAFFIC, setup, node.port, seconds)
    if not writer.times_s:
        raise RuntimeError(f"no change was made: {writer.failure}")
    assert quiet.p99_s is not None
    assert stirred.p99_s is not None
    return {
        "requests": quiet.requests + stirred.requests,
        "errors": quiet.errors + stirred.errors + writer.refused,
        "p99_us": quiet.p99_s * 1e6,
        "p99_during_changes": stirred.p99_s / quiet.p99_s if quiet.p99_s else 0.0,
        "changes": len(writer.times_s),
    }


class Writer:
    """Changes APIs through the Admin API in a thread, evenly over ``seconds``, while entered.

    Attributes:
        times_s: how long each write took.
        refused: answers other than 200. ``failure``: why it ended early.
    """

    def __init__(self, port: int, setup: Setup, changes: int, seconds: float) -> None:
        self.times_s: list[float] = []
        self.refused = 0
        self.failure = ""
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        self._apis = setup.apis
        self._changes = changes
        self._pause_s = seconds / changes
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="changes")

    def __enter__(self) -> "Writer":
        self._thread.start()
        return self

    def __exit__(self, *unused: object) -> None:
        self._ended.set()
        self._thread.join()
        self._connection.close()

    def wait(self) -> None:
        """Return once every change is made."""
        self._thread.join()

    def _run(self) -> None:
        try:
            for number in range(self._changes):
                begin = time.perf_counter()
                self._change(number * 7919 % self._apis, number)
                took = time.perf_counter() - begin
                self.times_s.append(took)
                if self._ended.wait(max(0.0, self._pause_s - took)):
                    return
        except (OSError, http.client.HTTPException) as exc:
            self.failure = str(exc)

    def _change(self, api: int, number: int) -> None:
        body = json.dumps({"retries": 1 + number % 5, "uris": [f"/api-{api}", f"/also-{api}"]})
        headers = {"Content-Type": "application/json"}
        self._connection.request("PATCH", f"/apis/api-{api}", body, headers)
        response = self._connection.getresponse()
        response.read()
        self.refused += response.status != 200
