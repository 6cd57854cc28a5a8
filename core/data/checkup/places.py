"""Marked places in the check-up: those that do not fit their text, and those that overlap. Found in `core.data.span_checks`."""

from __future__ import annotations

from core.data import span_checks
from core.data.checkup.finding import Check, Finding, Fix, Mask, left_out
from core.data.state import State
from core.words import Message, plural


def _misplaced(state: State) -> Finding | None:
    found = span_checks.misplaced(state)
    n = int(found.rows.sum())
    if not n:
        return None
    return Finding(
        "misplaced",
        "misplaced",
        "warn",
        plural(
            n,
            "{n} text has marked places that do not fit it.",
            "{n:,} texts have marked places that do not fit them.",
        ),
        found.first or Message("The words and their tags do not stand in the text."),
        n,
        (Fix("leave_out", Message("Leave them out")),),
    )


def _overlapping(state: State) -> Finding | None:
    found = span_checks.overlapping(state)
    n = int(found.rows.sum())
    if not n or found.first is None:
        return None
    return Finding(
        "overlap",
        "overlap",
        "info",
        plural(n, "{n} text has marked places that overlap.", "{n:,} texts have marked places that overlap."),
        Message("{first} Of overlapping places the longest is learnt.", first=found.first),
        n,
    )


def _misplaced_rows(state: State) -> Mask:
    return span_checks.misplaced(state).rows


MISPLACED = Check("misplaced", _misplaced, _misplaced_rows, {"leave_out": left_out(_misplaced_rows)})
OVERLAP = Check("overlap", _overlapping, lambda state: span_checks.overlapping(state).rows)
