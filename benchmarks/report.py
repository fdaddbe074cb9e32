"""Results as Markdown and as JSON. Pure."""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks.figures import CaseResult, Figures, spread
from benchmarks.targets import Verdict, judge

__all__ = ["document", "markdown", "noise", "problems"]

NOISY_ABOVE = 0.15
"""A spread, as a subject's median over the cases, that makes ratios worthless."""

Results = Mapping[str, CaseResult]

UNITS = {
    "cpu_us": "CPU per request",
    "cpu_us_per_mib": "CPU per MiB",
    "p50_us": "p50 latency",
    "pss_mib": "PSS, MiB",
    "bytes_per_connection": "bytes per connection",
    "apply_ms": "applied by a worker, ms",
    "p99_during_changes": "p99 ÷ quiet p99",
}

TRAFFIC_HEAD = (
    "| case | subject | CPU µs/request | ÷ nginx | CPU µs/MiB | requests/s | CPU busy"
    " | p50 µs | p99 µs | spread | note |\n|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---|"
)
OTHER_HEAD = "| case | subject | what | value |\n|---|---|---|---:|"
TARGET_HEAD = "| case | subject | what | value | target | |\n|---|---|---|---:|---:|---|"
PLAIN_PROXYING = (
    "`key-auth` and `rate-limiting` run in Colobus alone: the others do plain proxying in those"
    " cases. Answers are of 100 B unless the case says otherwise. Where a proxy kept its CPU less"
    " than busy, the requests per second are those of the load and the upstream, not its own limit."
)


def markdown(results: Results, machine: Mapping[str, Any], rounds: int, seconds: float) -> str:
    """Return the targets, the figures, what is missing and how noisy it was."""
    parts = [_targets(judge(results)), _traffic(results), PLAIN_PROXYING, _others(results)]
    missing = list(problems(results))
    if missing:
        parts.append("\n".join(["Not measured:", "", *(f"- {line}" for line in missing)]))
    parts.append(_conditions(results, machine, rounds, seconds))
    return "\n\n".join(part for part in parts if part) + "\n"


def _targets(verdicts: Sequence[Verdict]) -> str:
    lines = [TARGET_HEAD]
    for verdict in verdicts:
        target = verdict.target
        what = UNITS[target.measure]
        if target.beside is not None:
            what += f" ÷ {target.beside}"
        lines.append(
            f"| {target.case} | {target.subject} | {what} | {number(verdict.value)}"
            f" | ≤ {target.limit:g} | {verdict.word} |"
        )
    return "\n".join(lines)


def _traffic(results: Results) -> str:
    lines = [TRAFFIC_HEAD]
    for result in results.values():
        for name, figures in result.figures.items():
            if "cpu_us" in figures.values:
                lines.append(_traffic_line(result, name, figures))
    return "\n".join(lines) if len(lines) > 1 else ""


def _traffic_line(result: CaseResult, name: str, figures: Figures) -> str:
    beside = result.figures.get("nginx")
    cells = [
        result.name,
        name,
        number(figures.median("cpu_us")),
        number(None if beside is None else figures.ratio(beside, "cpu_us")),
        *(number(figures.median(what)) for what in ("cpu_us_per_mib", "per_second")),
        f"{figures.median('busy') or 0:.0%}",
        *(number(figures.median(what)) for what in ("p50_us", "p99_us")),
        f"{spread(figures.values['cpu_us']):.0%}",
        figures.note,
    ]
    return f"| {' | '.join(cells)} |"


OTHERS = {
    "pss_mib": "PSS of the worker, MiB",
    "rss_mib": "RSS of the worker, MiB",
    "bytes_per_connection": "bytes per idle connection",
    "apply_ms": "one change applied by a worker, ms",
    "write_ms": "write through the Admin API, ms",
    "p99_during_changes": "p99 during changes ÷ quiet p99",
}


def _others(results: Results) -> str:
    lines = [OTHER_HEAD]
    for result in results.values():
        for name, figures in result.figures.items():
            lines += [
                f"| {result.name} | {name} | {what} | {number(figures.median(measure))} |"
                for measure, what in OTHERS.items()
                if measure in figures.values
            ]
    return "\n".join(lines) if len(lines) > 1 else ""


def number(value: float | None) -> str:
    """Return the value with three significant digits at least; nothing for None."""
    if value is None:
        return ""
    if value >= 1000:
        return f"{value:.0f}"
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 0.1 else f"{value:.3f}"


def problems(results: Results) -> Iterator[str]:
    """Yield a line for each subject that is missing in a case."""
    for result in results.values():
        for name, reason in result.left_out.items():
            yield f"{result.name}, {name}: {reason}"
        for name, reason in result.failed.items():
            yield f"{result.name}, {name}: FAILED: {reason}"


def noise(results: Results) -> dict[str, float]:
    """Return each subject's median spread of CPU per request over the cases."""
    spreads: dict[str, list[float]] = {}
    for result in results.values():
        for name, figures in result.figures.items():
            if "cpu_us" in figures.values:
                spreads.setdefault(name, []).append(spread(figures.values["cpu_us"]))
    return {name: statistics.median(values) for name, values in spreads.items()}


def _conditions(results: Results, machine: Mapping[str, Any], rounds: int, seconds: float) -> str:
    spreads = noise(results)
    each = ", ".join(f"{name} {value:.0%}" for name, value in spreads.items() if "," not in name)
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    warning = ""
    if max(spreads.values(), default=0.0) > NOISY_ABOVE:
        warning = (
            "**Noisy: something else kept the machine busy. Read no figure above as a result, and"
            " repeat the run on a quiet machine.**\n"
        )
    average = ", ".join(f"{value:.2f}" for value in machine["load_average"])
    return (
        f"{warning}Medians of {rounds} rounds of {seconds:g} s, subjects interleaved. Noise, the median"
        f" spread of CPU per request between rounds: {each or 'not measured'}.\n"
        f"Machine: {machine['cpu']}, {machine['cpus']} CPUs, Linux {machine['kernel']}; {versions};"
        f" load average at start {average}."
    )


def document(
    results: Results, machine: Mapping[str, Any], command: str, rounds: int, seconds: float
) -> dict[str, Any]:
    """Return everything that was measured, for JSON."""
    return {
        "command": command,
        "machine": dict(machine),
        "rounds": rounds,
        "seconds": seconds,
        "noise": noise(results),
        "targets": [_target(verdict) for verdict in judge(results)],
        "cases": {name: _case(result) for name, result in results.items()},
    }


def _target(verdict: Verdict) -> dict[str, Any]:
    target = verdict.target
    return {
        "case": target.case, "subject": target.subject, "measure": target.measure,
        "beside": target.beside, "limit": target.limit, "value": verdict.value,
        "met": verdict.is_met,
    }  # fmt: skip


def _case(result: CaseResult) -> dict[str, Any]:
    return {
        "subjects": {
            name: {
                "note": figures.note,
                "medians": {measure: figures.median(measure) for measure in figures.values},
                "rounds": figures.values,
            }
            for name, figures in result.figures.items()
        },
        "left_out": result.left_out,
        "failed": result.failed,
    }
