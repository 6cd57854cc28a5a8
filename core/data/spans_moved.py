"""Spans that stay with their words while somebody changes the text around them, or a letter in them."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher

from core.data.spans_values import Span, checked

MOST = 2_000  # characters that are compared one by one; a larger change counts as one


def moved(spans: Iterable[Span], before: str, after: str) -> list[Span]:
    """Spans of the text `before` at their places in `after`. A change inside a span, or of just its words, stays in it; one whose words
    went together with others is left out."""
    pieces = _pieces(before, after)
    placed = [
        {**one, "start": _start(one["start"], pieces), "end": _end(one["end"], pieces)}
        for one in spans
        if _is_left(one, pieces)
    ]
    return checked(placed, after)[0]


Piece = tuple[bool, int, int, int, int]  # equal?, from and to before, from and to after


def _pieces(before: str, after: str) -> list[Piece]:
    head = _alike(before, after)
    tail = _alike(before[head:][::-1], after[head:][::-1])
    old, new = before[head : len(before) - tail], after[head : len(after) - tail]
    found: list[Piece] = [(True, 0, head, 0, head)]
    if max(len(old), len(new)) > MOST:
        found.append((False, head, head + len(old), head, head + len(new)))
    else:
        for what, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
            found.append((what == "equal", head + a, head + b, head + c, head + d))
    return [*found, (True, len(before) - tail, len(before), len(after) - tail, len(after))]


def _alike(one: str, other: str) -> int:
    """How many characters they begin with in common."""
    return next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _is_left(one: Span, pieces: list[Piece]) -> bool:
    start, end = one["start"], one["end"]
    return any(a < end and b > start and (equal or (start <= a and b <= end)) for equal, a, b, _, _ in pieces)


def _start(offset: int, pieces: list[Piece]) -> int:
    """Where the character at `offset` stands now, or what took its place."""
    for equal, a, b, c, _ in pieces:
        if a <= offset < b:
            return c + offset - a if equal else c
    return pieces[-1][4]


def _end(offset: int, pieces: list[Piece]) -> int:
    """The place behind the character before `offset`."""
    for equal, a, b, c, d in pieces:
        if a < offset <= b:
            return c + offset - a if equal else d
    return 0
