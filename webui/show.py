"""Numbers as a person says them. The page's own twin is Hone.fmt in assets/js/lib.js; both use the same templates."""

from __future__ import annotations

from core.words import Message, plural


def duration(seconds: float) -> Message:
    """55 seconds, 2½ minutes, 1 hour: for sentences such as "about {t} left"."""
    if seconds < 90:
        step = 1 if seconds < 10 else 5
        return plural(max(1, _nearest(seconds / step) * step), "{n} second", "{n} seconds")
    if seconds < 600:
        return Message("{n} minutes", n=_halves(seconds / 60))
    if seconds < 3570:
        return Message("{n} minutes", n=_nearest(seconds / 60))
    hours = _halves(seconds / 3600)
    return Message("1 hour") if hours == "1" else Message("{n} hours", n=hours)


def size(count: int) -> str:
    """1.2 MB: units are the same in both languages."""
    value, units = float(count), ["B", "kB", "MB", "GB", "TB"]
    while value >= 1000 and len(units) > 1:
        value /= 1000
        units.pop(0)
    return f"{value:.1f} {units[0]}" if value < 10 and units[0] != "B" else f"{value:.0f} {units[0]}"


def _halves(value: float) -> str:
    whole, rest = divmod(_nearest(value * 2), 2)
    return f"{whole or ''}{'½' if rest else ''}"


def _nearest(value: float) -> int:
    """Halves go up, as in JavaScript, and not to the even number."""
    return int(value + 0.5)
