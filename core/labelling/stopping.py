"""When to stop labelling: how good a model would be by now, what a hundred more labels would bring, which labels lack rows.

Only rows that were set aside by chance are asked (core.labelling.guide): the others were chosen because they are hard. Each is told by a model
that has not seen it. The curve over growing parts of the labels is continued by a power law, a - b n^-c (Figueroa et al. 2012, "Predicting sample
size required for classification performance"); its interval comes from drawing the asked rows anew (bootstrap). Knows no pages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.data.state import State
from core.evaluation.metrics import wilson
from core.labelling import heads, tagger
from core.labelling.strategies import Floats
from core.tasks.base import Link

ENOUGH = 20  # rows set aside and labelled from which on something is said
FOLDS = 5
PARTS = (0.15, 0.3, 0.5, 0.75, 1.0)  # of the labels: the points of the curve
AHEAD = (100, 300)  # more labels that are looked ahead
DRAWN = 200  # times the asked rows are drawn anew
POWERS = np.linspace(0.1, 1.5, 29)
WANTED = 20  # rows of a label with which it can be learnt and tested
Counts = NDArray[np.float64]


@dataclass(frozen=True)
class Problem:
    """What is learnt: `gold` as core.labelling.learners.targets gives it, with vectors (rows, width) or, for marked places, texts."""

    link: Link | str
    gold: Any
    names: Sequence[str]
    vectors: Floats | None = None
    texts: Sequence[str] | None = None

    def __len__(self) -> int:
        return len(self.gold)

    def counts(self, train: NDArray[np.int64], asked: NDArray[np.int64], restraint: float | None) -> Counts:
        """(asked, 3): answers right, answers given and answers wanted of each row, from a model of the rows `train`. 2 right / (given +
        wanted) over all rows is the accuracy for one label a row, else micro F1."""
        if self.link == "marks":
            return self._marks(train, asked)
        assert self.vectors is not None
        gold = self.gold[train]
        if self.link == "softmax" and len(np.unique(gold)) < 2:
            said = np.full(len(asked), gold[0])
            return np.stack([(said == self.gold[asked]), *np.ones((2, len(asked)))], axis=1).astype(np.float64)
        fitted = heads.fit(self.vectors[train], gold, len(self.names), self.link, restraint)  # type: ignore[arg-type]
        outputs = fitted.outputs(self.vectors[asked])
        if self.link == "softmax":
            right = outputs.argmax(axis=1) == self.gold[asked]
            return np.stack([right, *np.ones((2, len(asked)))], axis=1).astype(np.float64)
        said, wanted = outputs >= 0.5, self.gold[asked] >= 0.5
        return np.stack([(said & wanted).sum(axis=1), said.sum(axis=1), wanted.sum(axis=1)], axis=1).astype(np.float64)

    def _marks(self, train: NDArray[np.int64], asked: NDArray[np.int64]) -> Counts:
        assert self.texts is not None
        learnt = tagger.fit([self.texts[i] for i in train], [self.gold[i] for i in train], list(self.names))
        found = []
        for place, one in zip(asked.tolist(), learnt.predict([self.texts[i] for i in asked]), strict=True):
            said = {(s["start"], s["end"], s["label"]) for s in one.spans}
            wanted = {(s["start"], s["end"], s["label"]) for s in self.gold[place]}
            found.append((len(said & wanted), len(said), len(wanted)))
        return np.array(found, np.float64).reshape(-1, 3)


def estimate(problem: Problem, asked: NDArray[np.int64]) -> dict[str, Any]:
    """{"aside": rows asked, "score", "low", "high", "curve": [{"n", "score"}], "ahead": [{"more", "score", "low", "high"}], "stop"}; with
    too few rows only `aside` and how many are `enough`. Rows `asked` are the ones set aside, as places in the problem."""
    if len(asked) < ENOUGH:
        return {"aside": len(asked), "enough": ENOUGH}
    restraint = _restraint(problem)
    sizes, counts = _curve(problem, asked, restraint)
    scores = [_score(one) for one in counts]
    low, high = _interval(problem, counts[-1])
    ahead = _ahead(sizes, counts, [len(problem) + more for more in AHEAD])
    return {
        "aside": len(asked),
        "enough": ENOUGH,
        "score": scores[-1],
        "low": low,
        "high": high,
        "curve": [{"n": int(n), "score": score} for n, score in zip(sizes, scores, strict=True)],
        "ahead": [{"more": more, **one} for more, one in zip(AHEAD, ahead, strict=True)],
    }


def missing(state: State) -> list[dict[str, Any]]:
    """[{"name", "count", "missing"}] of the labels that have fewer than WANTED rows, the rarest first."""
    counted = zip(state.alive, state.label_counts.tolist(), strict=True)
    few = [{"name": one.name, "count": n, "missing": WANTED - n} for one, n in counted if n < WANTED]
    return sorted(few, key=lambda one: (one["count"], one["name"]))


def power_law(sizes: Counts, scores: Counts) -> tuple[float, float, float]:
    """(a, b, c) of a - b n^-c, least squares with b >= 0 and a <= 1; later points, which are surer, weigh by their size."""
    weights = np.sqrt(sizes / sizes.sum())
    best: tuple[float, tuple[float, float, float]] | None = None
    for c in POWERS:
        column = sizes**-c
        design = np.stack([np.ones_like(column), -column], axis=1) * weights[:, None]
        (a, b), *_ = np.linalg.lstsq(design, scores * weights, rcond=None)
        if a > 1:  # the score cannot pass 1: what is left is a line through it
            a = 1.0
            b = float(((1 - scores) * column * weights**2).sum() / (column**2 * weights**2).sum())
        if b < 0:
            a, b = float((scores * weights**2).sum() / (weights**2).sum()), 0.0
        wrong = float((((a - b * column) - scores) ** 2 * weights**2).sum())
        if best is None or wrong < best[0]:
            best = (wrong, (float(a), float(b), float(c)))
    assert best is not None
    return best[1]


def _restraint(problem: Problem) -> float | None:
    if problem.vectors is None:
        return None
    return heads.chosen_restraint(problem.vectors, problem.gold, len(problem.names), problem.link)  # type: ignore[arg-type]


def _curve(problem: Problem, asked: NDArray[np.int64], restraint: float | None) -> tuple[Counts, list[Counts]]:
    """Sizes and, for each, the counts of all asked rows, each told by a model that has not seen it."""
    chance = np.random.default_rng(0)
    order = chance.permutation(len(problem))
    parts = PARTS if problem.link != "marks" else PARTS[1::2] + PARTS[-1:]
    folds = [held for _, held in heads.folds(len(asked), FOLDS if problem.link != "marks" else 3, 0)]
    sizes, found = [], []
    for part in parts:
        if part * len(problem) < 10:
            continue
        counts = np.zeros((len(asked), 3))
        for held in folds:
            train = order[~np.isin(order, asked[held])]
            train = train[: max(5, round(part * len(train)))]
            counts[held] = problem.counts(np.sort(train), asked[held], restraint)
        sizes.append(part * len(problem))
        found.append(counts)
    return np.array(sizes), found


def _score(counts: Counts) -> float:
    right, given, wanted = counts.sum(axis=0)
    return float(2 * right / (given + wanted)) if given + wanted else 0.0


def _interval(problem: Problem, counts: Counts) -> tuple[float, float]:
    if problem.link == "softmax":
        low, high = wilson(int(counts[:, 0].sum()), len(counts))
        return float(low), float(high)
    drawn = [_score(counts[rows]) for rows in _draws(len(counts))]
    return float(np.quantile(drawn, 0.025)), float(np.quantile(drawn, 0.975))


def _ahead(sizes: Counts, counts: list[Counts], wanted: Sequence[int]) -> list[dict[str, Any]]:
    """The curve continued, as the gain over now: [{"score", "gain", "low", "high"}] with the middle 80 % of the draws."""
    if len(sizes) < 3:
        return []
    now = _score(counts[-1])
    gains = []
    for rows in _draws(len(counts[0])):
        law = power_law(sizes, np.array([_score(one[rows]) for one in counts]))
        gains.append([_at(law, n) - _at(law, float(sizes[-1])) for n in wanted])
    law = power_law(sizes, np.array([_score(one) for one in counts]))
    low, high = np.quantile(np.array(gains), (0.1, 0.9), axis=0)
    found = []
    for i, n in enumerate(wanted):
        gain = _at(law, n) - _at(law, float(sizes[-1]))
        found.append({"score": min(1.0, now + gain), "gain": gain, "low": float(low[i]), "high": float(high[i])})
    return found


def _at(law: tuple[float, float, float], n: float) -> float:
    a, b, c = law
    return float(a - b * n**-c)


def _draws(count: int) -> list[NDArray[np.int64]]:
    chance = np.random.default_rng(1)
    return [chance.integers(0, count, count) for _ in range(DRAWN)]
