"""The curves of a run as a small SVG for the model card: learning loss, validation loss, the best moment. No library needed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from xml.sax.saxutils import escape

from core.training.view import RunView, thinned
from core.words import Message

WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 720, 300, 52, 34, 16, 38
GREY, ACCENT, LINE, INK = "#616A6D", "#0B5F6E", "#D3DBDB", "#435459"
Point = tuple[float, float]


def curves(view: RunView, language: str = "en") -> str | None:
    """The SVG, or None where there is no curve to draw."""
    points, _ = thinned(view.points)
    learning = _known(points["step"], points["loss"])
    checks = [(float(c.step), float(c.scores["loss"])) for c in view.checks if _finite(c.scores.get("loss"))]
    drawn = learning + checks
    if len(drawn) < 2:
        return None
    ticks = _ticks(min(y for _, y in drawn), max(y for _, y in drawn))
    right = max(max(x for x, _ in drawn), 1.0)

    def at(point: Point) -> Point:
        x = LEFT + (WIDTH - LEFT - RIGHT) * point[0] / right
        share = (point[1] - ticks[0]) / max(ticks[-1] - ticks[0], 1e-12)
        return round(x, 1), round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share, 1)

    parts = [*_axes(ticks, right, at, language)]
    if learning:
        parts.append(_line([at(p) for p in learning], GREY, 1.0, 0.45))
        parts.append(_line([at(p) for p in _smooth(learning)], GREY, 2.2))
    if checks:
        parts.append(_line([at(p) for p in checks], ACCENT, 2.6))
        parts += [f'<circle cx="{x}" cy="{y}" r="3" fill="{ACCENT}"/>' for x, y in map(at, checks)]
    best = next((p for p in checks if p[0] == view.best_step), None)
    if best:
        x, y = at(best)
        parts.append(f'<path d="M{x} {y - 7}l7 7l-7 7l-7-7z" fill="{ACCENT}" stroke="#FFFFFF"/>')
    body = "\n".join([*_legend(bool(learning), bool(checks), language), *parts])
    title = escape(Message("How wrong it still was, step by step. Loss, lower is better.").said(language))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'role="img" font-family="sans-serif" font-size="12"><title>{title}</title>\n'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#FFFFFF"/>\n{body}\n</svg>\n'
    )


def _axes(ticks: Sequence[float], right: float, at, language: str) -> list[str]:  # type: ignore[no-untyped-def]
    parts = []
    for tick in ticks:
        y = at((0.0, tick))[1]
        parts.append(f'<path d="M{LEFT} {y}H{WIDTH - RIGHT}" stroke="{LINE}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4}" text-anchor="end" fill="{INK}">{tick:.4g}</text>')
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        x = at((right * share, ticks[0]))[0]
        text = f"{round(right * share):,}"
        parts.append(f'<text x="{x}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle" fill="{INK}">{text}</text>')
    word = escape(Message("step").said(language))
    parts.append(f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 6}" text-anchor="end" fill="{INK}">{word}</text>')
    return parts


def _legend(learning: bool, checks: bool, language: str) -> list[str]:
    shown = []
    if learning:
        shown.append((GREY, Message("loss while learning").said(language)))
    if checks:
        shown.append((ACCENT, Message("loss on validation").said(language)))
    parts, x = [], LEFT
    for colour, words in shown:
        parts.append(f'<path d="M{x} 16h22" stroke="{colour}" stroke-width="3"/>')
        parts.append(f'<text x="{x + 28}" y="20" fill="{INK}">{escape(words)}</text>')
        x += 190
    return parts


def _line(points: Sequence[Point], colour: str, width: float, opacity: float = 1.0) -> str:
    path = " ".join(f"{x},{y}" for x, y in points)
    return (
        f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width}" stroke-opacity="{opacity}"/>'
    )


def _smooth(points: Sequence[Point]) -> list[Point]:
    """A running mean that forgets half of itself over a twentieth of the curve."""
    keep = 0.5 ** (1 / max(1.0, len(points) / 20))
    mean, weight, out = 0.0, 0.0, []
    for x, y in points:
        mean, weight = keep * mean + (1 - keep) * y, keep * weight + (1 - keep)
        out.append((x, mean / weight))
    return out


def _ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers that enclose low to high."""
    low = min(low, 0.0) if low > 0 and low < 0.3 * high else low
    rough = max(high - low, 1e-9) / about
    unit = 10 ** math.floor(math.log10(rough))
    step = next(m * unit for m in (1, 2, 5, 10) if m * unit >= rough)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [i * step for i in range(first, max(last, first + 1) + 1)]


def _known(xs: Sequence[float | None], ys: Sequence[float | None]) -> list[Point]:
    return [(float(x), float(y)) for x, y in zip(xs, ys, strict=True) if _finite(x) and _finite(y)]  # type: ignore[arg-type]


def _finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)
