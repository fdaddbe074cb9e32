"""What came of the steps: figures beside their targets, as a table and as JSON."""

import json
import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.cluster_targets import TARGETS

__all__ = ["Figure", "Report", "percentile"]


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the smallest value that ``percent`` % of the values do not exceed."""
    ordered = sorted(values)
    rank = -(-len(ordered) * percent // 100)
    return ordered[max(int(rank), 1) - 1]


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value, and how the samples behind it spread."""

    value: float
    spread: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, value: float, samples: Sequence[float] = ()) -> "Figure":
        """Return a figure with the spread of ``samples``."""
        if not samples:
            return cls(value)
        return cls(
            value,
            {
                "samples": len(samples),
                "least": min(samples),
                "p50": percentile(samples, 50),
                "p95": percentile(samples, 95),
                "p99": percentile(samples, 99),
                "most": max(samples),
                "deviation": statistics.pstdev(samples),
            },
        )


class Report:
    """Everything that was measured in one run."""

    def __init__(self, command: str) -> None:
        self.command = command
        self.figures: dict[str, Figure] = {}
        self.curves: dict[str, list[float]] = {}
        self.failures: dict[str, str] = {}
        self.notes: dict[str, Any] = {}
        self._load_before = os.getloadavg()

    def add(self, key: str, value: float, samples: Sequence[float] = ()) -> None:
        """Keep a figure of the targets; ``samples`` are what it was taken from."""
        assert key in TARGETS, key
        self.figures[key] = Figure.of(value, samples)

    def percentiles(self, prefix: str, samples: Sequence[float]) -> None:
        """Keep those of ``_p50`` and ``_p99`` that are targets."""
        for percent in (50, 99):
            if f"{prefix}_p{percent}" in TARGETS:
                self.add(f"{prefix}_p{percent}", percentile(samples, percent), samples)

    def verdict(self, key: str) -> str:
        """Return met, missed, or why there is none."""
        target = TARGETS[key]
        if key not in self.figures:
            return "failed" if target.step in self.failures else "not run"
        if target.most is None:
            return "told"
        return "met" if self.figures[key].value <= target.most else "MISSED"

    def table(self) -> str:
        """Return the figures as Markdown."""
        lines = ["| step | figure | value | target | |", "|---|---|---:|---:|---|"]
        for key, target in TARGETS.items():
            figure = self.figures.get(key)
            value = "" if figure is None else f"{figure.value:.3g} {target.unit}".strip()
            bound = "" if target.most is None else f"≤ {target.most:g} {target.unit}".strip()
            verdict = self.verdict(key)
            lines.append(f"| {target.step} | {target.what} | {value} | {bound} | {verdict} |")
        lines += [f"\nStep {step!r} failed: {why}" for step, why in self.failures.items()]
        return "\n".join(lines)

    def write(self, path: Path) -> None:
        """Write everything but the curves as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        document = {
            "command": self.command,
            "machine": {
                "processors": os.cpu_count(),
                "processor": _processor(),
                "python": platform.python_version(),
                "kernel": platform.release(),
                "load_before": self._load_before,
                "load_after": os.getloadavg(),
            },
            "figures": {
                key: {
                    "what": TARGETS[key].what, "unit": TARGETS[key].unit, "value": figure.value,
                    "target": TARGETS[key].most, "verdict": self.verdict(key),
                    "spread": figure.spread,
                }
                for key, figure in self.figures.items()
            },
            "notes": self.notes,
            "failures": self.failures,
        }  # fmt: skip
        path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()
