"""Which marked places may be wrong: a tagger that has not seen a text says what it would mark there (see core.labelling.suspects)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.data.spans_values import Span, in_order, without_overlaps
from core.data.state import State
from core.errors import Cancelled
from core.labelling import confident, suspects, tagger, unseen
from core.words import Message


def judge(
    state: State,
    places: NDArray[np.int64],
    groups: NDArray[np.int64],
    progress: Callable[..., None],
    cancelled: Callable[[], bool],
) -> suspects.Judged:
    """A row's score is that of its worst token; what is proposed changes only the places with a doubted token."""
    texts = state.texts(places)
    given: list[list[Span]] = [list(state.value(place) or ()) for place in places.tolist()]
    names = [label.name for label in state.alive]
    said = _asked(texts, given, names, groups, progress, cancelled)
    shares = np.concatenate([one[1] for one, _ in said])
    lengths = np.array([len(one[0]) for one, _ in said], np.int64)
    of_row = np.repeat(np.arange(len(texts)), lengths)
    right = np.concatenate([_labels(one[0], marks, names) for (one, _), marks in zip(said, given, strict=True)])
    flags, score = confident.of_tokens(shares, right, of_row, len(texts))
    elsewhere: dict[str, Counter[str]] = {}
    for text, marks in zip(texts, given, strict=True):
        for one in marks:
            elsewhere.setdefault(text[one["start"] : one["end"]].lower(), Counter())[one["label"]] += 1
    doubted, pairs = [], Counter[tuple[str | None, str | None]]()
    ends = np.cumsum(lengths)
    for i in np.argsort(score, kind="stable").tolist():
        mine = flags[ends[i] - lengths[i] : ends[i]]
        if not mine.any():
            continue
        (where, _), spans = said[i]
        told = _told(given[i], spans, where[mine])
        if told is None:
            continue
        told["p_given"] = float(score[i])
        told["elsewhere"] = _elsewhere(texts[i], [*told["doubted"], *told["instead"]], given[i], elsewhere)
        doubted.append((i, told))
        pairs.update(_pairs(told["doubted"], told["instead"]))
    found = [(a, b, n) for (a, b), n in pairs.items()]
    return suspects.Judged(places, score, doubted, len(doubted), suspects.most_often(found), 1)


def _asked(
    texts: Sequence[str], given: Sequence[list[Span]], names: Sequence[str], groups: NDArray[np.int64],
    progress: Callable[..., None], cancelled: Callable[[], bool],
) -> list[tuple[tuple[NDArray[np.int64], Any], list[Span]]]:  # fmt: skip
    """For each text its tokens' places, how likely each label is there, and the spans that a tagger would mark which has not seen it."""
    note = Message("Asking models that have not seen them")
    strata = np.array([min(len(marks), 9) for marks in given], np.int64)
    fold = unseen.folds(groups, strata, unseen.FOLDS, 0)
    answer: list[Any] = [None] * len(texts)
    for part in range(unseen.FOLDS):
        if cancelled():
            raise Cancelled
        progress(part, unseen.FOLDS, note)
        seen, held = np.flatnonzero(fold != part).tolist(), np.flatnonzero(fold == part).tolist()
        fitted = tagger.fit([texts[i] for i in seen], [given[i] for i in seen], names)
        asked = [texts[i] for i in held]
        for i, shares, one in zip(held, fitted.shares(asked), fitted.predict(asked), strict=True):
            answer[i] = (shares, one.spans)
    progress(unseen.FOLDS, unseen.FOLDS, note)
    return answer


def _labels(places: NDArray[np.int64], marks: Sequence[Span], names: Sequence[str]) -> NDArray[np.int64]:
    """(tokens,): 0, or 1 + the number of the label that a token has."""
    found = np.zeros(len(places), np.int64)
    for one in without_overlaps(marks):
        found[(places[:, 0] < one["end"]) & (places[:, 1] > one["start"])] = 1 + list(names).index(one["label"])
    return found


def _told(given: Sequence[Span], said: Sequence[Span], tokens: NDArray[np.int64]) -> dict[str, Any] | None:
    """What is doubted of a text's marks, what would stand there instead, and all marks then; None where both say the same there."""

    def key(one: Span) -> tuple[int, int, str]:
        return one["start"], one["end"], one["label"]

    def touched(one: Span) -> bool:
        return bool(((tokens[:, 0] < one["end"]) & (tokens[:, 1] > one["start"])).any())

    agreed = {key(one) for one in given} & {key(one) for one in said}
    out = [one for one in given if key(one) not in agreed and touched(one)]
    new = [one for one in said if key(one) not in agreed and touched(one)]
    kept = [one for one in given if one not in out]
    new = [one for one in new if not any(one["start"] < k["end"] and k["start"] < one["end"] for k in kept)]
    if not out and not new:
        return None
    plain = [{"start": one["start"], "end": one["end"], "label": one["label"]} for one in new]
    return {
        "why": "model",
        "given": in_order(given),
        "proposed": in_order([*kept, *plain]),
        "doubted": in_order(out),
        "instead": in_order(plain),
        "p": float(np.mean([one["p"] for one in new])) if new else None,
    }


def _elsewhere(
    text: str, spans: Sequence[Span], own: Sequence[Span], counts: Mapping[str, Counter[str]]
) -> list[dict[str, Any]]:
    """How the same words are marked in other texts: [{"words", "labels": [[name, how often]]}]."""
    mine = Counter((text[s["start"] : s["end"]].lower(), s["label"]) for s in own)
    found = []
    for words in dict.fromkeys(text[one["start"] : one["end"]] for one in spans):
        there = Counter({name: n - mine[words.lower(), name] for name, n in counts.get(words.lower(), {}).items()})
        if labels := [[name, n] for name, n in there.most_common(3) if n > 0]:
            found.append({"words": words, "labels": labels})
    return found


def _pairs(out: Sequence[Span], new: Sequence[Span]) -> list[tuple[str | None, str | None]]:
    """Which label is taken for which: a doubted mark with the one that would stand in its place, None for nothing."""
    found: list[tuple[str | None, str | None]] = []
    left = list(new)
    for one in out:
        instead = next((n for n in left if n["start"] < one["end"] and one["start"] < n["end"]), None)
        if instead is not None:
            left.remove(instead)
        if instead is None or instead["label"] != one["label"]:
            found.append((one["label"], instead["label"] if instead else None))
    return [*found, *[(None, one["label"]) for one in left]]
