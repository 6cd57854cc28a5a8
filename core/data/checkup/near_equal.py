"""Near-equal texts in the check-up: on both sides of the test, more than once, with different labels.

Two texts are near-equal when at least four fifths of their pairs of words are the same (`core.data.near`). What is exactly equal is said
elsewhere and not counted here. Every pair that leads to leaving a row out has been compared, without chance.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.data import near, twins
from core.data.checkup.finding import EXAMPLES, Check, Example, Finding, Fix, Mask, Piece, left_out, line_of, part_of
from core.data.splits import TEST, TRAIN, VALIDATION
from core.data.state import State
from core.words import Message, plural

Places = NDArray[np.int64]
# characters of scripts without spaces, white space, words, signs: together the whole text
PARTS = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|\s+|[^\W\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
    r"\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+|[^\w\s]"
)
COMPARED = 1_000  # characters of two texts in which differences are marked


def _beside(state: State, mask: Mask) -> Mask:
    """Rows that are near-equal to a row of the mask with another text, or with the same words."""
    first, pairs = near.pairs(state)
    at_first = np.zeros(len(state), np.bool_)
    at_first[first[mask]] = True
    found = at_first.copy()
    found[pairs[at_first[pairs[:, 1]], 0]] = True
    found[pairs[at_first[pairs[:, 0]], 1]] = True
    inside = near.groups(state) >= 0
    return inside & found[first]


def _taking_part(state: State) -> Mask:
    return state.usable & (state.label >= 0)


def _leaking(state: State, kept: int, others: tuple[int, ...]) -> Mask:
    """Rows of the splits `others` that are near-equal to one in `kept`, without those that are exactly equal to one."""
    part = _taking_part(state)
    beside = _beside(state, part & (state.split == kept))
    exact = twins.leak_rows(state) if kept == TEST else twins.leak_rows(state) | twins.leak_validation_rows(state)
    return part & np.isin(state.split, others) & beside & ~exact


def leak_rows(state: State) -> Mask:
    """Rows to learn from (or to steer by) whose text is nearly in the test."""
    return _leaking(state, TEST, (TRAIN, VALIDATION))


def leak_validation_rows(state: State) -> Mask:
    return _leaking(state, VALIDATION, (TRAIN,)) & ~leak_rows(state)


def extra_rows(state: State) -> Mask:
    """Of near-equal texts in one split with one answer: all but the one that stays, which has a label, or is the longest. Each is near-equal
    to one that stays."""
    gone = twins.extra_rows(state) | twins.leak_rows(state) | twins.leak_validation_rows(state)
    gone |= twins.conflict_rows(state) | leak_rows(state) | leak_validation_rows(state)
    group = near.groups(state)
    places = np.flatnonzero((group >= 0) & state.usable & ~gone)
    bare = state.label[places] < 0
    order = places[np.lexsort((places, -state.lengths[places], bare))].tolist()
    first, neighbours = near.pairs(state)[0], _neighbours(state)
    staying: dict[int, set[tuple[int, int]]] = {}  # first place -> part and label of the rows that stay
    mask = np.zeros(len(state), np.bool_)
    for place in order:
        around = [staying[one] for one in (int(first[place]), *neighbours.get(int(first[place]), ())) if one in staying]
        mine = (int(state.split[place]), int(state.label[place]))
        if any(mine in one or (mine[1] < 0 and one) for one in around):
            mask[place] = True
        else:
            staying.setdefault(int(first[place]), set()).add(mine)
    return mask


def conflict_rows(state: State) -> Mask:
    """Labelled rows with a near-equal text of another label; those that are exactly equal are left to `twins`."""
    mask = np.zeros(len(state), np.bool_)
    if not state.shape.by_label or not len(state):
        return mask
    places = np.flatnonzero(_taking_part(state) & (near.groups(state) >= 0) & ~twins.conflict_rows(state))
    first, pairs = near.pairs(state)
    none = len(state.alive)
    least, most = np.full(len(state), none), np.full(len(state), -1)
    np.minimum.at(least, first[places], state.label[places])
    np.maximum.at(most, first[places], state.label[places])
    around_least, around_most = least.copy(), most.copy()
    for a, b in (pairs.T, pairs.T[::-1]):
        np.minimum.at(around_least, a, least[b])
        np.maximum.at(around_most, a, most[b])
    here = first[places]
    mask[places] = (around_least[here] < none) & (around_least[here] != around_most[here])
    return mask


def _with_beside(rows: Any, state: State) -> Mask:
    """Rows and those they are near-equal to, for looking at both sides."""
    mask = rows(state)
    return mask | (_beside(state, mask) & state.usable)


# --- findings --------------------------------------------------------------------------------------------------------


def _leaks(state: State) -> Finding | None:
    mask = leak_rows(state)
    n = int(mask.sum())
    if not n:
        return None
    return Finding(
        "near_leak",
        "near_leak",
        "warn",
        plural(n, "{n} text is nearly the same as a test text.", "{n:,} texts are nearly the same as test texts."),
        _said(state, Message("It would learn from nearly the same texts, and the test would look better than it is.")),
        n,
        (Fix("keep_in_test", Message("Keep in test")),),
        examples=_examples(state, mask, state.split == TEST),
    )


def _leaks_validation(state: State) -> Finding | None:
    mask = leak_validation_rows(state)
    n = int(mask.sum())
    if not n:
        return None
    return Finding(
        "near_leak_validation",
        "near_leak_validation",
        "info",
        plural(
            n,
            "{n} text to learn from is nearly the same as a validation text.",
            "{n:,} texts to learn from are nearly the same as validation texts.",
        ),
        _said(state, Message("The best moment would be chosen by texts it has all but learnt.")),
        n,
        (Fix("keep_in_validation", Message("Keep in validation")),),
        examples=_examples(state, mask, state.split == VALIDATION),
    )


def _duplicates(state: State) -> Finding | None:
    mask = extra_rows(state)
    n = int(mask.sum())
    if not n:
        return None
    return Finding(
        "near_duplicate",
        "near_duplicate",
        "info",
        plural(n, "{n} text nearly repeats another one.", "{n:,} texts nearly repeat others."),
        _said(state, Message("All but a word or a sign is the same. They teach little that is new, and count double.")),
        n,
        (Fix("keep_one", Message("Keep one of each")),),
        examples=_examples(state, mask, ~mask & state.usable),
    )


def _conflicts(state: State) -> Finding | None:
    mask = conflict_rows(state)
    n = int(mask.sum())
    if not n:
        return None
    return Finding(
        "near_conflict",
        "near_conflict",
        "info",
        Message("{n:,} near-equal texts carry different labels.", n=n),
        _said(state, Message("Some may be mistakes; where one word makes the difference, they are the best teachers.")),
        n,
        examples=_examples(state, mask, mask, other_label=True),
    )


def _said(state: State, why: Message) -> Message:
    looked = near.looked_at(state)
    if looked == len(state):
        return why
    return Message("{why} Only the first {n:,} texts were compared.", why=why, n=looked)


# --- examples --------------------------------------------------------------------------------------------------------


def _examples(state: State, mask: Mask, beside: Mask, other_label: bool = False) -> tuple[Example, ...]:
    """Pairs of a row of the mask and a near-equal one, each text once."""
    seen: set[int] = set()
    found: list[Example] = []
    for place, other in _pairs(state, mask, beside, other_label):
        if {place, other} & seen:
            continue
        seen |= {place, other}
        one, two = differing(*_texts(state, (place, other)))
        found.append(
            (line_of(state, place, one, _notes(state, place)), line_of(state, other, two, _notes(state, other)))
        )
        if len(found) == EXAMPLES:
            break
    return tuple(found)


def _pairs(state: State, mask: Mask, beside: Mask, other_label: bool) -> Iterator[tuple[int, int]]:
    first, neighbours = near.pairs(state)[0], _neighbours(state)
    inside = np.flatnonzero((near.groups(state) >= 0) & beside)
    by_first: dict[int, list[int]] = {}
    for place in inside.tolist():
        by_first.setdefault(int(first[place]), []).append(place)
    for place in np.flatnonzero(mask)[: 20 * EXAMPLES].tolist():
        mine = int(first[place])
        around = (one for at in (*neighbours.get(mine, ()), mine) for one in by_first.get(at, ()))
        for other in around:
            if other != place and not (other_label and state.label[other] == state.label[place]):
                yield place, other
                break


def _neighbours(state: State) -> dict[int, list[int]]:
    """First place -> first places of near-equal texts."""
    if "near_neighbours" not in state.text_memory:
        found: dict[int, list[int]] = {}
        for a, b in near.pairs(state)[1].tolist():
            found.setdefault(a, []).append(b)
            found.setdefault(b, []).append(a)
        state.text_memory["near_neighbours"] = found
    kept: dict[int, list[int]] = state.text_memory["near_neighbours"]
    return kept


def _texts(state: State, places: tuple[int, int]) -> list[str]:
    """All texts of a row, the shortest kind first, so that a question stands in front of what it is about."""
    rows = state.inputs(np.array(places, np.int64))
    roles = sorted(rows[0], key=lambda role: len(str(rows[0][role])))
    return [" · ".join(str(row[role]) for role in roles) for row in rows]


def _notes(state: State, place: int) -> list[Message | str]:
    label = int(state.label[place])
    if label < 0:
        return []
    return [part_of(state, place), state.alive[label].name] if state.shape.by_label else [part_of(state, place)]


def differing(one: str, other: str) -> tuple[list[Piece], list[Piece]]:
    """Two texts in pieces; marked is what only one of them has, whatever the case."""
    a, b = PARTS.findall(one[:COMPARED]), PARTS.findall(other[:COMPARED])
    left: list[Piece] = []
    right: list[Piece] = []
    matcher = SequenceMatcher(None, [p.casefold() for p in a], [p.casefold() for p in b], autojunk=False)
    for what, i, j, k, m in matcher.get_opcodes():
        left.append(("".join(a[i:j]), what != "equal"))
        right.append(("".join(b[k:m]), what != "equal"))
    return [piece for piece in left if piece[0]], [piece for piece in right if piece[0]]


LEAK = Check("near_leak", _leaks, partial(_with_beside, leak_rows), {"keep_in_test": left_out(leak_rows)}, (near.NEAR,))
LEAK_VALIDATION = Check(
    "near_leak_validation",
    _leaks_validation,
    partial(_with_beside, leak_validation_rows),
    {"keep_in_validation": left_out(leak_validation_rows)},
    (near.NEAR,),
)
DUPLICATE = Check(
    "near_duplicate",
    _duplicates,
    partial(_with_beside, extra_rows),
    {"keep_one": left_out(extra_rows)},
    (near.NEAR,),
)
CONFLICT = Check("near_conflict", _conflicts, conflict_rows, {}, (near.NEAR,))
