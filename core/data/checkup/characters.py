"""Characters in the check-up: rows without any, garbled ones, and those the bundled model does not know."""

from __future__ import annotations

import numpy as np

from core.data import edits, facts, garbled, tokens
from core.data.checkup.finding import (
    EXAMPLES,
    Change,
    Check,
    Example,
    Finding,
    Fix,
    Mask,
    left_out,
    line_of,
)
from core.data.state import State
from core.words import Message, plural

UNKNOWN = 0.05  # share of tokens; more and the base reads gaps


def _empties(state: State) -> Finding | None:
    n = int(empty_rows(state).sum())
    if not n:
        return None
    return Finding(
        "empty",
        "empty",
        "info",
        plural(n, "{n} row is empty.", "{n:,} rows are empty."),
        Message("They teach nothing and are passed over."),
        n,
        (Fix("leave_out", Message("Leave out")),),
    )


def _garbled(state: State) -> Finding | None:
    if state.shape.inputs[0].kind != "text":
        return None
    mask = garbled.garbled_rows(state)
    n = int(mask.sum())
    if not n:
        return None
    return Finding(
        "garbled",
        "garbled",
        "warn",
        plural(n, "{n} text has garbled characters.", "{n:,} texts have garbled characters."),
        Message("Such as “â€™” for an apostrophe: saved once in the wrong encoding."),
        n,
        (Fix("mend", Message("Mend them")),) if edits.one_column(state) else (),
        examples=_garbled_examples(state, mask),
    )


def _garbled_examples(state: State, mask: Mask) -> tuple[Example, ...]:
    found = []
    for place in np.flatnonzero(mask)[:EXAMPLES].tolist():
        text, at, pieces = state.texts([place])[0], 0, []
        for run in garbled.RUN.finditer(text):
            if garbled.mended(run[0]) != run[0]:
                pieces += [(text[at : run.start()], False), (run[0], True)]
                at = run.end()
        found.append((line_of(state, place, [*pieces, (text[at:], False)]),))
    return tuple(found)


def _unknown(state: State) -> Finding | None:
    share = facts.facts(state).unknown_share
    if share < UNKNOWN:
        return None
    return Finding(
        "unknown",
        "unknown",
        "warn",
        Message("The bundled model does not know {p:.0f} % of the characters and words here.", p=100 * share),
        Message("Settings will propose a model that counts words and characters instead."),
        round(100 * share),
    )


def empty_rows(state: State) -> Mask:
    return state.empty & ~state.edits.excluded


def _unknown_rows(state: State) -> Mask:
    """Of the first texts, those of which more than a fifth is unknown."""
    mask = np.zeros(len(state), np.bool_)
    places = np.flatnonzero(state.usable)[:5000]
    counted, unknown = tokens.token_counts(state.texts(places))
    if counted:
        mask[places] = np.array(unknown) > 0.2 * np.array(counted)
    return mask


def _mend(state: State) -> Change:
    places = np.flatnonzero(garbled.garbled_rows(state))
    return Change(places, "cell", edits.retyped(state, places, [garbled.mended(text) for text in state.texts(places)]))


EMPTY = Check("empty", _empties, empty_rows, {"leave_out": left_out(empty_rows)})
GARBLED = Check("garbled", _garbled, garbled.garbled_rows, {"mend": _mend})
UNKNOWN_CHARACTERS = Check("unknown", _unknown, _unknown_rows)
