"""Lengths in the check-up: texts of which the bundled model reads only the beginning, and how much of them that cuts off."""

from __future__ import annotations

import numpy as np

from core.data import tokens
from core.data.checkup.finding import EXAMPLES, Check, Example, Finding, Line, Mask, cut
from core.data.kept import Arrays, Measure, Progress
from core.data.state import State
from core.words import Message, plural

COUNTED = 20_000  # texts tokenized to find those that are too long
BLOCK = 500
BEFORE = 60  # characters shown in front of the cut


def measure(state: State, progress: Progress) -> Arrays:
    """Tokens of each text that could be too long at all (a token has at least one character); 0 for the others."""
    found = np.zeros(len(state), np.int32)
    if state.shape.inputs[0].kind == "text":
        places = np.flatnonzero(state.lengths > tokens.limit())[:COUNTED]
        for start in range(0, len(places), BLOCK):
            some = places[start : start + BLOCK]
            counted, _ = tokens.token_counts(state.texts(some))
            if counted:
                found[some] = counted
            progress(start, len(places))
    return {"tokens": found}


LENGTHS = Measure("lengths", f"{COUNTED}", Message("Measuring long texts …"), measure)


def long_rows(state: State) -> Mask:
    found: Mask = (LENGTHS.of(state)["tokens"] > tokens.limit()) & state.usable
    return found


def cut_share(state: State) -> float:
    """Of the tokens of the texts that are too long, the share that is not read; 0 to 1."""
    counted = LENGTHS.of(state)["tokens"][long_rows(state)].astype(np.int64)
    return float((counted - tokens.limit()).sum() / counted.sum()) if len(counted) else 0.0


def _long(state: State) -> Finding | None:
    limit = tokens.limit()
    mask = long_rows(state)
    n = int(mask.sum())
    if not n:
        return None
    target = state.shape.target
    windowed = len(state.shape.parts) == 1 if target is None else target.kind in ("spans", "answers")
    return Finding(
        "long",
        "long",
        "info",
        plural(
            n,
            "{n} text is longer than the bundled model reads ({limit} word pieces).",
            "{n:,} texts are longer than the bundled model reads ({limit} word pieces).",
            limit=limit,
        ),
        Message("They are read in several pieces.")
        if windowed
        else Message("What comes after that is cut: {p:.0f} % of what stands in them.", p=100 * cut_share(state)),
        n,
        examples=() if windowed else _examples(state, mask),
    )


def _examples(state: State, mask: Mask) -> tuple[Example, ...]:
    """The place of the cut, and what comes after it."""
    found = []
    for place in np.flatnonzero(mask)[:EXAMPLES].tolist():
        text = state.texts([place])[0]
        at = tokens.read_until(text)
        pieces = cut([(text[max(0, at - BEFORE) : at], False), (text[at:], True)])
        found.append((Line(state.rows.id(place), (("…", False), *pieces)),))
    return tuple(found)


LONG = Check("long", _long, long_rows, {}, (LENGTHS,))
