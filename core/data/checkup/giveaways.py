"""What gives the label away: a word of the text, or another column, that says nearly always what the label is.

Judged on rows that were not looked at: a rule of one step is learnt on one half of the labelled rows and tried on the other (R. Holte, "Very
simple classification rules", 1993). Only what is right nearly always, and far above always saying the commonest label, is told.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from core.data import edits
from core.data.checkup.finding import EXAMPLES, Change, Check, Example, Finding, Fix, Mask, Piece, line_of
from core.data.splits import mixed
from core.data.state import State
from core.words import Message, listed, plural

FEWEST = 50  # labelled rows
MOST = 6_000  # of which are looked at
RIGHT = 0.97  # share of the other half of which the rule is right
BETTER = 0.9  # of what always saying the commonest label gets wrong, the share that the rule gets right
WORD = re.compile(r"[^\W_]+|[^\w\s]+|_+")
LOOKED = 400  # characters at the beginning and at the end of a text
COLUMN_VALUES = 0.5  # different values for a row; a column with more is a name of its rows

Places = NDArray[np.int64]


def _halves(state: State) -> tuple[Places, Places]:
    """Labelled rows in two halves, by the chance that the rows' own numbers give, so that they are the same tomorrow."""
    places = np.flatnonzero(state.usable & (state.label >= 0))
    chance = mixed(state.keys[places], 93)  # equal texts are in one half
    places = places[np.argsort(chance, kind="stable")][:MOST]
    return places[: len(places) // 2], places[len(places) // 2 :]


def says_it(
    learnt: tuple[NDArray[np.int64], NDArray[np.int32]], tried: tuple[NDArray[np.int64], NDArray[np.int32]]
) -> bool:
    """Does a value (from 0, -1 for none) say the label? Each pair: values, labels. One rule a value: the label it most often comes with."""
    values, labels = learnt
    n, k = int(max(values.max(initial=-1), tried[0].max(initial=-1))) + 2, int(labels.max(initial=0)) + 1
    table = np.zeros((n, k), np.int64)
    np.add.at(table, (values, labels), 1)
    commonest = int(np.bincount(labels, minlength=k).argmax())
    rule = np.where(table.sum(axis=1) > 0, table.argmax(axis=1), commonest)
    right = float((rule[tried[0]] == tried[1]).mean())
    usual = float((tried[1] == commonest).mean())
    return right >= RIGHT and right - usual >= BETTER * (1 - usual)


# --- columns ---------------------------------------------------------------------------------------------------------


def columns(state: State) -> list[str]:
    """Columns without a role that say what the label is."""
    one, other = _halves(state)
    if not state.shape.by_label or len(one) < FEWEST // 2 or len(state.alive) < 2:
        return []
    taken = {
        name for role in state.shape.names for at in state.rows.imports for name in state.rows.columns_of(at, role)
    }
    found = []
    for name in state.rows.columns[:60]:
        if name in taken:
            continue
        cells = state.rows.column(name).combine_chunks().dictionary_encode()
        values = cells.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        if len(np.unique(values[one])) > COLUMN_VALUES * len(one):
            continue
        if says_it((values[one], state.label[one]), (values[other], state.label[other])):
            found.append(name)
    return found


def _columns(state: State) -> Finding | None:
    found = columns(state)
    if not found:
        return None
    title = plural(
        len(found),
        "The column {names} says what the label is.",
        "The columns {names} say what the label is.",
        names=listed((f"“{name}”" for name in found), 5),
    )
    why = Message(
        "It is not read now. Keep it so: with it in the text, a test would look perfect and be worth nothing."
    )
    return Finding("giveaway_column", "giveaway_column", "info", title, why, len(found), looks=False)


# --- words -----------------------------------------------------------------------------------------------------------


def words(state: State) -> dict[str, str]:
    """Word -> label that it gives away; empty unless such words decide the label of nearly every text."""
    if "giveaways" not in state.memory:
        state.memory["giveaways"] = _words(state)
    found: dict[str, str] = state.memory["giveaways"]
    return found


def _words(state: State) -> dict[str, str]:
    one, other = _halves(state)
    if not state.shape.by_label or state.shape.inputs[0].kind != "text" or len(one) < FEWEST // 2:
        return {}
    learnt, tried = _split(state.texts(one)), _split(state.texts(other))
    markers = _markers(learnt, state.label[one], len(state.alive))
    number = {word: i for i, word in enumerate(markers)}
    values, others = _carried(learnt, number), _carried(tried, number)
    if not markers or not says_it((values, state.label[one]), (others, state.label[other])):
        return {}
    return {word: state.alive[label].name for word, label in markers.items()}


def _split(texts: Sequence[str]) -> list[set[str]]:
    """The different words and signs at both ends of each text."""
    cut = (text if len(text) <= 2 * LOOKED else f"{text[:LOOKED]} {text[-LOOKED:]}" for text in texts)
    return [set(WORD.findall(text.casefold())) for text in cut]


def _markers(texts: Sequence[set[str]], labels: NDArray[np.int32], k: int) -> dict[str, int]:
    """Of each label the word that best tells it from all others, where it stands in nearly all of its texts and hardly anywhere else."""
    number: dict[str, int] = {}
    pairs = [
        (number.setdefault(word, len(number)), label)
        for text, label in zip(texts, labels.tolist(), strict=True)
        for word in text
    ]
    if not pairs:
        return {}
    word, label = np.array(pairs).T
    table = np.bincount(word * k + label, minlength=len(number) * k).reshape(-1, k)
    sizes = np.bincount(labels, minlength=k)
    # a word's F1 as a sign of the label
    score = 2 * table / np.maximum(1, table.sum(axis=1, keepdims=True) + sizes)
    best = score.argmax(axis=0)
    names = list(number)
    return {names[best[i]]: i for i in range(k) if sizes[i] >= 5 and score[best[i], i] >= RIGHT}


def _carried(texts: Sequence[set[str]], number: dict[str, int]) -> NDArray[np.int64]:
    """The first marker of each text; -1 for none."""
    return np.array([next((i for word, i in number.items() if word in text), -1) for text in texts], np.int64)


def _giving_rows(state: State) -> Mask:
    mask = np.zeros(len(state), np.bool_)
    known = words(state)
    places = np.flatnonzero(state.usable & (state.label >= 0)) if known else np.zeros(0, np.int64)
    for at in range(0, len(places), 5_000):
        some = places[at : at + 5_000]
        mask[some] = [bool(text & known.keys()) for text in _split(state.texts(some))]
    return mask


def _text(state: State) -> Finding | None:
    known = words(state)
    if not known:
        return None
    told = [f"“{word}” → {label}" for word, label in known.items()]
    mask = _giving_rows(state)
    return Finding(
        "giveaway_text",
        "giveaway_text",
        "bad",
        Message("The text contains its label: {words}.", words=listed(told, 4)),
        Message(
            "One word decides nearly always, so a test looks perfect. Take it out if it will not stand in later texts."
        ),
        int(mask.sum()),
        (Fix("take_out", Message("Take the words out")),) if edits.one_column(state) else (),
        examples=_examples(state, mask, known),
    )


def _examples(state: State, mask: Mask, known: dict[str, str]) -> tuple[Example, ...]:
    found = []
    for place in np.flatnonzero(mask)[:EXAMPLES].tolist():
        text, at = state.texts([place])[0], 0
        pieces: list[Piece] = []
        for word in WORD.finditer(text):
            if word[0].casefold() in known:
                pieces += [(text[at : word.start()], False), (word[0], True)]
                at = word.end()
        note = state.alive[int(state.label[place])].name
        found.append((line_of(state, place, [*pieces, (text[at:], False)], [note]),))
    return tuple(found)


def _take_out(state: State) -> Change:
    """The words go with the brackets, colons and dashes that set them apart."""
    words_or = "|".join(re.escape(word) for word in words(state))
    sign = re.compile(rf"[\[(<{{]*(?<!\w)(?:{words_or})(?!\w)[\])>}}]*\s*[:|–—-]*\s*", re.IGNORECASE)
    places = np.flatnonzero(_giving_rows(state))
    return Change(
        places, "cell", edits.retyped(state, places, [sign.sub("", text).strip() for text in state.texts(places)])
    )


COLUMN = Check("giveaway_column", _columns)
TEXT = Check("giveaway_text", _text, _giving_rows, {"take_out": _take_out})
