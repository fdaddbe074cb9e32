"""The benchmark's plot: CPU per request as a multiple of nginx, as an SVG without dependencies."""

import statistics
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

__all__ = ["write_plot"]

COLOURS = {
    "nginx": "#8c959f",
    "haproxy": "#bf8700",
    "colobus": "#0969da",
    "colobus pure": "#8250df",
}
LEFT, BAR, GAP, SCALE_WIDTH = 190, 13, 16, 560


def write_plot(path: Path, results: Mapping[str, Mapping[str, Any]]) -> None:
    """Draw one group of bars per case into ``path``."""
    ratios = {
        case: {
            name: statistics.median(
                ours / theirs
                for ours, theirs in zip(figures.cpu_us, by_proxy["nginx"].cpu_us, strict=True)
            )
            for name, figures in by_proxy.items()
        }
        for case, by_proxy in results.items()
    }
    widest = max(value for case in ratios.values() for value in case.values())
    scale = SCALE_WIDTH / widest
    parts: list[str] = []
    y = 44
    for case, by_proxy in ratios.items():
        middle = y + len(by_proxy) * BAR / 2 + 4
        parts.append(
            f'<text x="{LEFT - 8}" y="{middle:.0f}" text-anchor="end">{escape(case)}</text>'
        )
        for name, value in by_proxy.items():
            parts.append(
                f'<rect x="{LEFT}" y="{y}" width="{value * scale:.1f}" height="{BAR - 2}" fill="{COLOURS[name]}"/>'
                f'<text x="{LEFT + value * scale + 4:.1f}" y="{y + BAR - 4}" font-size="10">{value:.2f}</text>'
            )
            y += BAR
        y += GAP
    legend = "".join(
        f'<rect x="{LEFT + 140 * number}" y="14" width="12" height="12" fill="{colour}"/>'
        f'<text x="{LEFT + 140 * number + 18}" y="24">{name}</text>'
        for number, (name, colour) in enumerate(COLOURS.items())
    )
    line = (
        f'<path d="M{LEFT + scale:.1f} 36V{y - GAP + 4}" stroke="#57606a" stroke-dasharray="3 3"/>'
    )
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 820 {y + 24}" role="img" '
        f'font-family="system-ui, sans-serif" font-size="12" fill="#1f2328">'
        f"<title>CPU per request, as a multiple of nginx</title>"
        f'<rect width="820" height="{y + 24}" fill="#ffffff"/>{legend}{line}{"".join(parts)}'
        f'<text x="{LEFT}" y="{y + 10}" fill="#57606a">CPU time per request ÷ nginx proxy_pass, medians; lower is better</text></svg>\n',
        encoding="utf-8",
    )
