"""Runs the cases of proxied requests: every subject once per round, so that noise meets all."""

from benchmarks.cases import Case, Entrant
from benchmarks.figures import CaseResult, Figures
from benchmarks.fleet import FAILURES, Fleet, worded
from benchmarks.load import run_load
from benchmarks.measure import cpu_seconds
from benchmarks.subjects import Absent, Proxy
from benchmarks.workload import Traffic

__all__ = ["measure_case"]

MIB = 1_048_576
LARGE_ANSWER = 10_000


def measure_case(
    case: Case,
    fleet: Fleet,
    result: CaseResult,
    *,
    rounds: int,
    seconds: float,
    warm_up: bool = True,
) -> None:
    """Run one case; figures, and what is missing, go into ``result``.

    Args:
        case: which.
        fleet: where the proxies come from.
        result: takes all that is found.
        rounds: how often each subject is measured.
        seconds: how long each time.
        warm_up: begin with a round that is not counted.
    """
    subjects = fleet.start(case.entrants, result)
    labels = [entrant.label for entrant in subjects]
    for number in range(-1 if warm_up else 0, rounds):
        # Every other round the other way round, so that nobody always follows the same neighbour.
        for entrant, proxy in list(subjects.items())[:: -1 if number % 2 else 1]:
            measured = _attempt(case.traffic, entrant, proxy, seconds, result)
            if measured is None:
                del subjects[entrant]
            elif number >= 0:
                result.figures.setdefault(entrant.label, Figures()).add(**measured)
    result.figures = {label: result.figures[label] for label in labels if label in result.figures}
    for entrant, proxy in subjects.items():
        result.figures[entrant.label].note = _note(result.figures[entrant.label], proxy)


def _attempt(
    traffic: Traffic, entrant: Entrant, proxy: Proxy, seconds: float, result: CaseResult
) -> dict[str, float] | None:
    """Return the measures of one round; or None, and ``result`` says why."""
    try:
        return _measure(traffic, entrant, proxy, seconds)
    except Absent as exc:
        result.left_out[entrant.label] = str(exc)
    except FAILURES as exc:
        result.failed[entrant.label] = worded(exc)
    return None


def _port(traffic: Traffic, proxy: Proxy) -> int:
    return proxy.port if traffic.scheme == "http" else proxy.tls_port


def _measure(traffic: Traffic, entrant: Entrant, proxy: Proxy, seconds: float) -> dict[str, float]:
    """Return the measures of one round.

    Raises:
        RuntimeError: nothing was answered.
    """
    pids = proxy.pids()
    before = cpu_seconds(pids)
    load = run_load(traffic, entrant.setup, _port(traffic, proxy), seconds)
    used = cpu_seconds(pids) - before
    if not load.requests:
        raise RuntimeError(f"no request was answered; {proxy.last_words()}")
    measured = {
        "requests": load.requests,
        "errors": load.errors,
        "cpu_us": used / load.requests * 1e6,
        "per_second": load.per_second,
        "busy": used * load.per_second / load.requests,
    }
    if traffic.size >= LARGE_ANSWER:
        measured["cpu_us_per_mib"] = measured["cpu_us"] * MIB / traffic.size
    if load.p50_s is not None and load.p99_s is not None:
        measured |= {"p50_us": load.p50_s * 1e6, "p99_us": load.p99_s * 1e6}
    return measured


def _note(figures: Figures, proxy: Proxy) -> str:
    """Return what a reader must know of the figures."""
    notes = []
    if figures.is_void:
        notes.append("void: answers failed")
    log = proxy.access_log
    if log is not None and not (log.exists() and log.stat().st_size):
        notes.append("wrote no access log")
    return "; ".join(notes)
