"""Cumulative distributions as an SVG without dependencies: time to the right, share to the top."""

import math
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

__all__ = ["write_curves"]

COLOURS = ("#0969da", "#bf8700", "#cf222e", "#8250df", "#1a7f37")
LEFT, TOP, WIDTH, HEIGHT = 60, 40, 640, 260
MOST_POINTS = 400


def write_curves(
    path: Path,
    title: str,
    curves: Mapping[str, Sequence[float]],
    *,
    unit: str,
    is_logarithmic: bool = False,
) -> None:
    """Draw one line per curve: the share of samples that are at most so large."""
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = [value for values in curves.values() for value in values]
    scale = _Scale(min(samples), max(samples), is_logarithmic=is_logarithmic)
    parts = [_grid(scale, unit)]
    for number, (name, values) in enumerate(curves.items()):
        colour = COLOURS[number % len(COLOURS)]
        parts.append(_line(values, scale, colour))
        x, y = LEFT + WIDTH - 250, TOP + HEIGHT - 20 - 18 * number
        parts.append(
            f'<rect x="{x}" y="{y - 9}" width="14" height="4" fill="{colour}"/>'
            f'<text x="{x + 20}" y="{y}">{escape(name)}</text>'
        )
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDTH + 30} {TOP + HEIGHT + 46}"'
        ' role="img" font-family="system-ui, sans-serif" font-size="12" fill="#1f2328">'
        f"<title>{escape(title)}</title>"
        '<rect width="100%" height="100%" fill="#ffffff"/>'
        f'<text x="{LEFT}" y="24" font-size="14">{escape(title)}</text>{"".join(parts)}</svg>\n',
        encoding="utf-8",
    )


class _Scale:
    """Where a value stands on the horizontal axis, and where the axis has its marks."""

    def __init__(self, least: float, most: float, *, is_logarithmic: bool) -> None:
        self._is_logarithmic = is_logarithmic
        self._least: float
        self._most: float
        if is_logarithmic:
            self._least = math.floor(math.log10(max(least, 1e-6)))
            self._most = max(math.ceil(math.log10(max(most, 1e-6))), self._least + 1)
        else:
            self._least, self._most = 0, max(most, 1e-9)

    def x(self, value: float) -> float:
        at = math.log10(max(value, 10**self._least)) if self._is_logarithmic else value
        return LEFT + WIDTH * (at - self._least) / (self._most - self._least)

    def marks(self) -> list[float]:
        if self._is_logarithmic:
            exponents = range(int(self._least), int(self._most) + 1)
            return [10.0**exponent for exponent in exponents]
        step = 10 ** math.floor(math.log10(self._most))
        if self._most / step < 3:
            step /= 5
        return [step * number for number in range(int(self._most / step) + 1)]


def _grid(scale: _Scale, unit: str) -> str:
    parts = []
    for mark in scale.marks():
        x = scale.x(mark)
        parts.append(
            f'<path d="M{x:.1f} {TOP}V{TOP + HEIGHT}" stroke="#d0d7de"/>'
            f'<text x="{x:.1f}" y="{TOP + HEIGHT + 16}" text-anchor="middle">{mark:.6g}</text>'
        )
    for share in (0, 25, 50, 75, 100):
        y = TOP + HEIGHT * (1 - share / 100)
        parts.append(
            f'<path d="M{LEFT} {y}H{LEFT + WIDTH}" stroke="#d0d7de"/>'
            f'<text x="{LEFT - 6}" y="{y + 4}" text-anchor="end">{share} %</text>'
        )
    middle = LEFT + WIDTH / 2
    parts.append(f'<text x="{middle}" y="{TOP + HEIGHT + 36}" text-anchor="middle">{unit}</text>')
    return "".join(parts)


def _line(values: Sequence[float], scale: _Scale, colour: str) -> str:
    ordered = sorted(values)
    stride = max(1, len(ordered) // MOST_POINTS)
    points = [
        f"{scale.x(ordered[index]):.1f} {TOP + HEIGHT * (1 - (index + 1) / len(ordered)):.1f}"
        for index in sorted({*range(0, len(ordered), stride), len(ordered) - 1})
    ]
    start = f"{scale.x(ordered[0]):.1f} {TOP + HEIGHT}"
    return f'<path d="M{start}L{"L".join(points)}" fill="none" stroke="{colour}" stroke-width="2"/>'
