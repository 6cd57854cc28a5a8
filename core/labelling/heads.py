"""The small model that learns while people label: one linear layer on vectors that stay as they are, refitted within a second.

Softmax for one label a row, a yes or no for each label where there may be several, ridge regression for numbers (core.training.fit). How far it
is held back is chosen by asking rows it has not seen. Knows vectors and targets, nothing of texts or pages.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.models.classic import softmax
from core.tasks.base import Link
from core.training.fit import Head, Objective, lbfgs

TRIALS = (0.001, 0.005, 0.03, 0.15, 0.7)  # restraints, from tight to loose; for vectors of unit variance
FOLDS = 3
JUDGED = 2_000  # rows from which the restraint is chosen, at most
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Fitted:
    """A layer and what it was fitted on: `restraint` (C of scikit-learn's LogisticRegression), `rows`, and the spread of numbers."""

    head: Head
    link: Link
    restraint: float
    rows: int
    centre: float = 0.0  # numbers are learnt as (value - centre) / spread
    spread: float = 1.0

    def outputs(self, vectors: Floats) -> Floats:
        """(rows, labels): probabilities; for numbers (rows, 1), the number."""
        logits = np.asarray(self.head.logits(vectors), np.float32)
        if self.link == "softmax":
            return np.asarray(softmax(logits), np.float32)
        if self.link == "sigmoid":
            return np.asarray(1 / (1 + np.exp(-np.clip(logits, -60, 60))), np.float32)
        return np.asarray(logits * self.spread + self.centre, np.float32)


def fit(vectors: Floats, targets: Any, outputs: int, link: Link, restraint: float | None = None) -> Fitted:
    """The layer for targets: label numbers (rows,), 0 and 1 (rows, outputs), or numbers (rows,). Without `restraint` it is chosen."""
    targets = np.asarray(targets)
    centre, spread = (float(targets.mean()), float(targets.std()) or 1.0) if link == "identity" else (0.0, 1.0)
    shaped = ((targets - centre) / spread).reshape(-1, 1) if link == "identity" else targets
    chosen = restraint or chosen_restraint(vectors, shaped, outputs, link)
    head = _layer(vectors, shaped, outputs, link, chosen)
    return Fitted(head, link, chosen, len(vectors), centre, spread)


def chosen_restraint(vectors: Floats, targets: Any, outputs: int, link: Link, seed: int = 0) -> float:
    """The restraint under which rows that were not fitted on are told best (their mean loss), over FOLDS folds."""
    some = np.random.default_rng(seed).permutation(len(vectors))[:JUDGED]
    if len(some) < 2 * FOLDS:
        return TRIALS[2]
    losses = np.zeros(len(TRIALS))
    for train, held in folds(len(some), FOLDS, seed):
        objective = Objective(vectors[some[train]], targets[some[train]], outputs, None, link)
        judge = Objective(vectors[some[held]], targets[some[held]], outputs, None, link)
        point, worse = objective.start, 0
        for i, c in enumerate(TRIALS):
            for move in lbfgs(partial(objective, c=c), point):
                point = move.point
            centred = point.clone()
            centred[:, -1] += point[:, :-1] @ (judge.centre - objective.centre)
            losses[i] += judge(centred, c)[2]
            worse = worse + 1 if i and losses[i] > losses[:i].min() else 0
            if worse == 2:  # the loss has one valley
                losses[i + 1 :] = np.inf
                break
    return TRIALS[int(losses.argmin())]


def unseen(
    vectors: Floats, targets: Any, outputs: int, like: Fitted, asked: Any, count: int = 5, seed: int = 0
) -> Floats:
    """(asked, outputs): what layers say of rows they have not seen: the rows `asked` are left out in `count` turns, a part of them each
    time, and told by a layer that was fitted on all others. `like` says with which restraint."""
    asked = np.asarray(asked)
    targets = np.asarray(targets)
    found = np.zeros((len(asked), 1 if like.link == "identity" else outputs), np.float32)
    for _, held in folds(len(asked), min(count, max(2, len(asked))), seed):
        kept = np.ones(len(vectors), np.bool_)
        kept[asked[held]] = False
        layer = fit(vectors[kept], targets[kept], outputs, like.link, like.restraint)
        found[held] = layer.outputs(vectors[asked[held]])
    return found


def folds(count: int, parts: int, seed: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """(train, held) in turn; every place is held once."""
    order = np.random.default_rng(seed).permutation(count)
    for i in range(parts):
        held = order[i::parts]
        yield np.setdiff1d(order, held), held


def committee(vectors: Floats, targets: Any, outputs: int, like: Fitted, asked: Floats, members: int = 5) -> Floats:
    """(members, asked, outputs): what layers say that were fitted on rows drawn with replacement (bagging, Breiman 1996)."""
    said = []
    for seed in range(members):
        drawn = np.random.default_rng(seed).integers(0, len(vectors), len(vectors))
        said.append(fit(vectors[drawn], np.asarray(targets)[drawn], outputs, like.link, like.restraint).outputs(asked))
    return np.stack(said)


def _layer(vectors: Floats, targets: Any, outputs: int, link: Link, c: float) -> Head:
    objective = Objective(vectors, targets, outputs, None, link)
    point = objective.start
    for move in lbfgs(partial(objective, c=c), point):
        point = move.point
    return objective.head(point)
