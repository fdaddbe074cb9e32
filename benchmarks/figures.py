"""Figures: what was measured, round by round, and what is drawn from it. Pure.

A measure is named with its unit: ``cpu_us`` (CPU time per request), ``cpu_us_per_mib`` (per MiB of
answers), ``per_second``, ``p50_us``, ``p99_us``, ``busy`` (share of its CPU that the proxy used),
``errors``, ``pss_mib``, ``rss_mib``, ``bytes_per_connection``, ``apply_ms``, ``write_ms``,
``p99_during_changes`` (÷ quiet p99).
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

__all__ = ["CaseResult", "Figures", "percentile", "spread"]


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the smallest value that at least ``percent`` of ``values`` do not exceed."""
    ordered = sorted(values)
    rank = -(-len(ordered) * percent // 100)
    return ordered[max(0, int(rank) - 1)]


def spread(values: Sequence[float]) -> float:
    """Return (max - min) / median: 0 on a quiet machine, and for a single value."""
    middle = statistics.median(values)
    return (max(values) - min(values)) / middle if middle else 0.0


@dataclass(slots=True)
class Figures:
    """What one subject showed in one case.

    Attributes:
        values: measure -> a value per round, the rounds in order.
        note: what a reader must know of these figures.
    """

    values: dict[str, list[float]] = field(default_factory=dict)
    note: str = ""

    def add(self, **measured: float) -> None:
        """Take the values of one more round."""
        for measure, value in measured.items():
            self.values.setdefault(measure, []).append(value)

    def median(self, measure: str) -> float | None:
        """Return the median over the rounds, or None when it was not measured."""
        values = self.values.get(measure)
        return statistics.median(values) if values else None

    def ratio(self, beside: "Figures", measure: str) -> float | None:
        """Return the median of ours / theirs, taken round by round.

        Within a round both met the same machine; what slowed it slowed both. None when one of
        them was not measured.
        """
        pairs = zip(
            self.values.get(measure, ()), beside.values.get(measure, ()), strict=False
        )  # fmt: skip
        ratios = [ours / theirs for ours, theirs in pairs if theirs]
        return statistics.median(ratios) if ratios else None

    @property
    def is_void(self) -> bool:
        """Whether more than one answer in a thousand failed: errors are cheap, and tell nothing."""
        errors, requests = sum(self.values.get("errors", ())), sum(self.values.get("requests", ()))
        return errors > requests / 1000


@dataclass(slots=True)
class CaseResult:
    """One case.

    Attributes:
        name: as it stands in the table.
        figures: by subject, in the order of the table.
        left_out: subjects that the machine does not have, or that cannot do it: why.
        failed: subjects that did not start or broke: how.
    """

    name: str
    figures: dict[str, Figures] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
