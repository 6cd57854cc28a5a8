"""Rules worth having: words that, in the labelled rows, nearly only stand in texts of one label, and that stand in many unlabelled ones.

How sure a word is counts by the lower end of Wilson's interval, so that three of three says less than thirty of thirty-one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from core.data.state import State
from core.evaluation.metrics import wilson
from core.labelling.rules import Rule, rows, texts
from core.labelling.wording import pieces
from core.models.classic import unspaced

READ = 5_000  # labelled rows
LONGEST = 1_000  # characters of each
FEWEST = 3  # labelled rows a word stands in
SURE = 0.5  # the least lower end
LOOKED_AT = 60  # words whose unlabelled rows are counted


def suggested(state: State, kept: Sequence[Rule], most: int = 6) -> list[dict[str, Any]]:
    """[{any, label, right, labelled, low, high, open}], the most useful first: of one word each, none that a kept rule looks for already."""
    if not texts(state) or not state.alive:
        return []
    known = {word for rule in kept for word in (*rule.any, *rule.all)}
    candidates = [one for one in _words(state) if one[0] not in known][:LOOKED_AT]
    counted = []
    for word, label, right, labelled in candidates:
        rule = Rule(any=(word,), label=state.alive[label].id)
        open_ = int((state.label[rows(state, rule)] < 0).sum())
        if open_:
            low, high = wilson(right, labelled)
            counted.append((low * np.log1p(open_), rule, right, labelled, low, high, open_))
    counted.sort(key=lambda one: (-one[0], one[1].any))
    told = []
    for _, rule, right, labelled, low, high, open_ in _different(state, counted)[:most]:
        told.append(
            {"any": list(asdict(rule)["any"]), "label": rule.label, "right": right, "labelled": labelled, "low": low, "high": high,
             "open": open_}
        )  # fmt: skip
    return told


def _words(state: State) -> list[tuple[str, int, int, int]]:
    """(word, label, rows of that label it stands in, labelled rows it stands in), the surest first."""
    labelled = np.flatnonzero(state.usable & (state.label >= 0))
    some = labelled[:: max(1, len(labelled) // READ)]
    contents = state.texts(some)
    whole = unspaced(contents)
    carried = [_labels(state, place) for place in some.tolist()]
    stands: Counter[str] = Counter()
    found: Counter[tuple[str, int]] = Counter()
    for text, labels in zip(contents, carried, strict=True):
        for word in set(pieces(text[:LONGEST], whole)):
            stands[word] += 1
            found.update((word, label) for label in labels)
    ranked = []
    for (word, label), right in found.items():
        if right >= FEWEST:
            low, _ = wilson(right, stands[word])
            if low >= SURE or (right == stands[word] and len(some) < 60):
                ranked.append((-low, -right, word, label))
    return [(word, label, -right, stands[word]) for _, right, word, label in sorted(ranked)]


def _labels(state: State, place: int) -> list[int]:
    if state.shape.by_label:
        return [int(state.label[place])]
    names = {label.name: at for at, label in enumerate(state.alive)}
    return [names[name] for name in state.value(place) or [] if name in names]


def _different(state: State, counted: list[Any]) -> list[Any]:
    """Without those whose rows are nearly all those of an earlier one of the same label."""
    chosen: list[tuple[Any, set[int]]] = []
    for one in counted:
        mine = set(rows(state, one[1]).tolist())
        if all(other[1].label != one[1].label or len(mine & seen) < 0.7 * len(mine) for other, seen in chosen):
            chosen.append((one, mine))
    return [one for one, _ in chosen]
