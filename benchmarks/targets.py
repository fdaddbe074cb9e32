"""The targets, all of them, as data; and whether results meet them. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.figures import CaseResult

__all__ = ["TARGETS", "Target", "Verdict", "judge"]


@dataclass(frozen=True, slots=True)
class Target:
    """A figure to stay below.

    Attributes:
        case, subject, measure: which figure.
        limit: the most it may be; ``beside`` says of what.
        beside: the subject of the same case that it is divided by; None for a plain figure.
    """

    case: str
    subject: str
    measure: str
    limit: float
    beside: str | None = "nginx"


COMPILED, PURE = "Colobus", "Colobus pure"

TARGETS = (
    Target("keep-alive, no plugin", COMPILED, "cpu_us", 1.15),
    Target("keep-alive, no plugin", PURE, "cpu_us", 3.3),
    Target("key-auth + rate-limiting", COMPILED, "cpu_us", 1.7),
    Target("key-auth + rate-limiting", PURE, "cpu_us", 4.2),
    Target("close per request", COMPILED, "cpu_us", 1.4),
    Target("close per request", PURE, "cpu_us", 3.2),
    Target("answers of 1 MiB", COMPILED, "cpu_us_per_mib", 0.8),
    Target("answers of 1 MiB", PURE, "cpu_us_per_mib", 1.0),
    Target("one connection", COMPILED, "p50_us", 1.15),
    Target("one connection", PURE, "p50_us", 1.8),
    Target("number of APIs", "Colobus, 100 000 APIs", "cpu_us", 1.1, "Colobus, 100 APIs"),
    Target("number of APIs", "Colobus pure, 100 000 APIs", "cpu_us", 1.1, "Colobus pure, 100 APIs"),
    Target("TLS, keep-alive", COMPILED, "cpu_us", 1.8),
    Target("memory of an idle worker", COMPILED, "pss_mib", 35, None),
    Target("10 000 idle connections", COMPILED, "bytes_per_connection", 2048, None),
    Target("changes among 100 000 APIs", COMPILED, "apply_ms", 5, None),
    Target("changes among 100 000 APIs", PURE, "apply_ms", 5, None),
    Target("changes among 100 000 APIs", COMPILED, "p99_during_changes", 1.2, None),
    Target("changes among 100 000 APIs", PURE, "p99_during_changes", 1.2, None),
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a target.

    Attributes:
        value: what was measured; None when it was not, or is void.
    """

    target: Target
    value: float | None

    @property
    def is_met(self) -> bool:
        """Whether the value is there and within the limit."""
        return self.value is not None and self.value <= self.target.limit

    @property
    def word(self) -> str:
        """What the table says."""
        if self.value is None:
            return "not measured"
        return "met" if self.is_met else "**missed**"


def judge(results: Mapping[str, CaseResult]) -> list[Verdict]:
    """Return a verdict on every target whose case ran."""
    return [
        Verdict(target, _value(target, results[target.case]))
        for target in TARGETS
        if target.case in results
    ]


def _value(target: Target, result: CaseResult) -> float | None:
    figures = result.figures.get(target.subject)
    if figures is None or figures.is_void:
        return None
    if target.beside is None:
        return figures.median(target.measure)
    beside = result.figures.get(target.beside)
    if beside is None or beside.is_void:
        return None
    return figures.ratio(beside, target.measure)
