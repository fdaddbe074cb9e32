"""The plot: CPU time of each proxy as a multiple of nginx's, as an SVG. Pure."""

from collections.abc import Mapping, Sequence
from html import escape

from benchmarks.figures import CaseResult
from benchmarks.targets import TARGETS

__all__ = ["PLOTTED", "draw"]

PLOTTED = {
    "keep-alive, no plugin": "cpu_us",
    "key-auth": "cpu_us",
    "key-auth + rate-limiting": "cpu_us",
    "access log on": "cpu_us",
    "close per request": "cpu_us",
    "answers of 16 KiB": "cpu_us",
    "answers of 1 MiB": "cpu_us_per_mib",
    "TLS, keep-alive": "cpu_us",
    "HTTP/2 over TLS": "cpu_us",
}
"""The cases of the plot in its order, and what is compared."""

SUBJECTS = ("nginx", "HAProxy", "Envoy", "Colobus", "Colobus pure")
WIDTH, LEFT, RIGHT, TOP = 860, 200, 60, 92
BAR, GAP = 14, 18
NAMESPACE = "http://www.w3.org/2000/svg"
ATTRIBUTES = 'role="img" font-family="system-ui, sans-serif" font-size="12"'
# Each colour has a contrast of 3:1 or more with both backgrounds.
STYLE = """
  .b{fill:#fff;stroke:#d0d7de} .t{fill:#1f2328} .m{fill:#57606a} .g{stroke:#d8dee4}
  .one{stroke:#57606a} .aim{stroke:#1f2328} .rim{stroke:#fff}
  .s0{fill:#7d8590} .s1{fill:#b08800} .s2{fill:#bf5aa8} .s3{fill:#1f7ae0} .s4{fill:#4b9e5f}
  @media (prefers-color-scheme: dark){
    .b{fill:#0d1117;stroke:#30363d} .t{fill:#e6edf3} .m{fill:#9198a1} .g{stroke:#21262d}
    .one{stroke:#9198a1} .aim{stroke:#f0f6fc} .rim{stroke:#0d1117}}
"""

Ratios = Mapping[str, float]


def draw(results: Mapping[str, CaseResult]) -> str | None:
    """Return the plot of the cases that were measured beside nginx; None when there are none."""
    cases = {name: _ratios(results[name]) for name in PLOTTED if name in results}
    cases = {name: ratios for name, ratios in cases.items() if len(ratios) > 1}
    if not cases:
        return None
    widest = max(
        *(value for ratios in cases.values() for value in ratios.values()),
        *(limit for name in cases for limit in _limits(name).values()),
        1.0,
    )
    scale = (WIDTH - LEFT - RIGHT) / widest
    body, bottom = [], TOP
    for name, ratios in cases.items():
        body.append(_group(name, ratios, _absolute(results[name]), bottom, scale))
        bottom += len(ratios) * BAR + GAP
    return "\n".join(
        [
            f'<svg xmlns="{NAMESPACE}" viewBox="0 0 {WIDTH} {bottom + 40}" {ATTRIBUTES}>',
            "<title>CPU time per proxied request, as a multiple of nginx</title>",
            f"<style>{STYLE}</style>",
            f'<rect class="b" x=".5" y=".5" width="{WIDTH - 1}" height="{bottom + 39}" rx="6"/>',
            _heading({name for ratios in cases.values() for name in ratios}),
            _axis(widest, bottom - GAP + 6, scale),
            *body,
            "</svg>\n",
        ]
    )


def _ratios(result: CaseResult) -> Ratios:
    measure = PLOTTED[result.name]
    beside = result.figures.get("nginx")
    if beside is None or beside.is_void:
        return {}
    ratios = {
        name: result.figures[name].ratio(beside, measure)
        for name in SUBJECTS
        if name in result.figures and not result.figures[name].is_void
    }
    return {name: value for name, value in ratios.items() if value is not None}


def _limits(case: str) -> Ratios:
    return {
        target.subject: target.limit
        for target in TARGETS
        if target.case == case and target.measure == PLOTTED[case] and target.beside == "nginx"
    }


def _absolute(result: CaseResult) -> str:
    """Return what stands behind nginx's 1.00: its CPU time."""
    measure = PLOTTED[result.name]
    value = result.figures["nginx"].median(measure)
    return f" = {value:.0f} µs{' per MiB' * measure.endswith('mib')}"


def _group(name: str, ratios: Ratios, absolute: str, top: int, scale: float) -> str:
    middle = top + len(ratios) * BAR / 2 + 4
    parts = [_text(LEFT - 12, middle, name, "t", 'text-anchor="end"')]
    limits = _limits(name)
    for row, (subject, value) in enumerate(ratios.items()):
        y = top + row * BAR
        parts.append(
            f'<rect class="s{SUBJECTS.index(subject)}" x="{LEFT}" y="{y}"'
            f' width="{value * scale:.1f}" height="{BAR - 2}"/>'
        )
        end = value * scale
        if subject in limits:
            x = LEFT + limits[subject] * scale
            line = f'd="M{x:.1f} {y - 1.5}V{y + BAR - 0.5}"'
            parts.append(f'<path class="rim" stroke-width="5" {line}/>')
            parts.append(f'<path class="aim" stroke-width="2" {line}/>')
            if end - 4 < limits[subject] * scale < end + 36:
                end = limits[subject] * scale + 2
        label = f"{value:.2f}" + absolute * (subject == "nginx")
        parts.append(_text(LEFT + end + 5, y + BAR - 4, label, "m", 'font-size="10.5"'))
    return "\n".join(parts)


def _heading(subjects: set[str]) -> str:
    parts = [
        _text(20, 28, "CPU time per proxied request", "t", 'font-size="16" font-weight="600"'),
        _text(20, 46, "as a multiple of nginx, one worker on one core; less is better", "m"),
    ]
    x = 20
    for number, subject in enumerate(SUBJECTS):
        if subject in subjects:
            parts.append(f'<rect class="s{number}" x="{x}" y="60" width="12" height="12" rx="2"/>')
            parts.append(_text(x + 18, 70, subject, "t"))
            x += 34 + 7 * len(subject)
    parts.append(f'<path class="aim" stroke-width="2" d="M{x + 6} 59v14"/>')
    parts.append(_text(x + 14, 70, "target", "t"))
    return "\n".join(parts)


def _axis(widest: float, bottom: float, scale: float) -> str:
    parts = []
    for value in _ticks(widest):
        x = LEFT + value * scale
        kind = 'class="one" stroke-dasharray="4 3"' if value == 1 else 'class="g"'
        parts.append(f'<path {kind} d="M{x:.1f} {TOP - 8}V{bottom:.0f}"/>')
        parts.append(_text(x, bottom + 16, f"{value:g}", "m", 'text-anchor="middle"'))
    return "\n".join(parts)


def _ticks(widest: float) -> Sequence[int]:
    step = 1 if widest < 10 else 5 if widest < 50 else 50
    return sorted({0, 1, *range(0, int(widest) + 1, step)})


def _text(x: float, y: float, words: str, kind: str, more: str = "") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" {more}>{escape(words)}</text>'
