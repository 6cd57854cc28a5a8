"""Equal texts in the check-up: in two splits, with different labels, more than once. What is equal is found in `core.data.twins`."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from core.data import twins
from core.data.checkup.finding import EXAMPLES, Check, Example, Finding, Fix, Line, Mask, cut, left_out, part_of
from core.data.state import State
from core.words import Message, plural


def _leaks(state: State) -> Finding | None:
    n = _texts(state, twins.leak_rows(state))
    if not n:
        return None
    return Finding(
        "leak",
        "leak",
        "bad",
        plural(n, "{n} text is in both training and test.", "{n:,} texts are in both training and test."),
        Message("The test would look better than it is."),
        n,
        (Fix("keep_in_test", Message("Keep in test")),),
        examples=_examples(state, twins.leaked_rows(state), _part),
    )


def _leaks_validation(state: State) -> Finding | None:
    n = _texts(state, twins.leak_validation_rows(state))
    if not n:
        return None
    return Finding(
        "leak_validation",
        "leak_validation",
        "warn",
        plural(n, "{n} text is in both training and validation.", "{n:,} texts are in both training and validation."),
        Message("The best moment would be chosen by texts it has learnt."),
        n,
        (Fix("keep_in_validation", Message("Keep in validation")),),
        examples=_examples(state, twins.leaked_validation_rows(state), _part),
    )


def _conflicts(state: State) -> Finding | None:
    if not state.shape.by_label:
        return None  # several answers to one text may all be right
    mask = twins.conflict_rows(state)
    n = int(mask.sum())
    if not n:
        return None
    return Finding(
        "conflict",
        "conflict",
        "warn",
        Message("{n:,} equal texts carry different labels.", n=n),
        Message("The model cannot learn both."),
        n,
        (Fix("leave_out", Message("Leave them out")), Fix("keep_majority", Message("Keep the commoner label"))),
        examples=_examples(state, mask, _label),
    )


def _duplicates(state: State) -> Finding | None:
    extra = twins.extra_rows(state)
    n = _texts(state, extra)
    if not n:
        return None
    return Finding(
        "duplicate",
        "duplicate",
        "warn",
        plural(n, "{n} text appears twice.", "{n:,} texts appear twice or more."),
        Message("They count double."),
        n,
        (Fix("keep_one", Message("Keep one")),),
        examples=_examples(state, twins.duplicate_rows(state), lambda state, places: [f"{len(places)}×"]),
    )


def _texts(state: State, mask: Mask) -> int:
    return len(np.unique(state.keys[mask]))


def _examples(
    state: State, mask: Mask, notes: Callable[[State, list[int]], Iterable[Message | str]]
) -> tuple[Example, ...]:
    """The first texts, each once, with what is to be said of its rows."""
    if state.shape.inputs[0].kind != "text":
        return ()
    places = np.flatnonzero(mask)
    _, first = np.unique(state.keys[places], return_index=True)
    found: list[Example] = []
    for at in np.sort(first)[:EXAMPLES].tolist():
        mine = places[state.keys[places] == state.keys[places[at]]].tolist()
        pieces = cut([(state.texts([mine[0]])[0], False)])
        found.append((Line(state.rows.id(mine[0]), pieces, tuple(notes(state, mine))),))
    return tuple(found)


def _part(state: State, places: list[int]) -> list[Message | str]:
    return list(dict.fromkeys(part_of(state, place) for place in places))


def _label(state: State, places: list[int]) -> list[Message | str]:
    return list(dict.fromkeys(state.alive[int(state.label[place])].name for place in places))


LEAK = Check("leak", _leaks, twins.leaked_rows, {"keep_in_test": left_out(twins.leak_rows)})
LEAK_VALIDATION = Check(
    "leak_validation",
    _leaks_validation,
    twins.leaked_validation_rows,
    {"keep_in_validation": left_out(twins.leak_validation_rows)},
)
CONFLICT = Check(
    "conflict",
    _conflicts,
    twins.conflict_rows,
    {"leave_out": left_out(twins.conflict_rows), "keep_majority": left_out(twins.minority_rows)},
)
DUPLICATE = Check("duplicate", _duplicates, twins.duplicate_rows, {"keep_one": left_out(twins.extra_rows)})
