"""Sets of labels as matrices of yes and no, (rows, labels), and what is counted on them. Definitions as in scikit-learn's f1_score.

Knows nothing of models or texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.tasks.base import Labels, Row

HALF = 0.5
FEW = 3  # positive rows under which a label gets the threshold that suits all labels together


@dataclass(frozen=True)
class Counts:
    """By label, (labels,): rows where it is right, where it was said, and where both."""

    there: np.ndarray
    said: np.ndarray
    both: np.ndarray

    @property
    def precision(self) -> np.ndarray:
        return self.both / np.maximum(self.said, 1)

    @property
    def recall(self) -> np.ndarray:
        return self.both / np.maximum(self.there, 1)

    @property
    def f1(self) -> np.ndarray:
        return 2 * self.both / np.maximum(self.there + self.said, 1)

    @property
    def micro_f1(self) -> float:
        total = int(self.there.sum() + self.said.sum())
        return 2 * int(self.both.sum()) / total if total else 1.0


def counted(gold: np.ndarray, said: np.ndarray) -> Counts:
    return Counts(gold.sum(axis=0), said.sum(axis=0), (gold & said).sum(axis=0))


def shared(gold: np.ndarray, said: np.ndarray) -> np.ndarray:
    """F1 of each row, (rows,); 1 where there is no label and none was said."""
    sizes = gold.sum(axis=1) + said.sum(axis=1)
    return np.where(sizes > 0, 2 * (gold & said).sum(axis=1) / np.maximum(sizes, 1), 1.0)


def gold_matrix(rows: Sequence[Row], labels: Labels) -> np.ndarray:
    return _matrix([row["label"] for row in rows], labels)


def said_matrix(predictions: Sequence[Any], labels: Labels) -> np.ndarray:
    return _matrix([p.labels for p in predictions], labels)


def probabilities(predictions: Sequence[Any], labels: Labels) -> np.ndarray:
    """(rows, labels) of predictions that carry a probability for every label, in the labels' order."""
    return np.array([list(p.probabilities.values()) for p in predictions]).reshape(len(predictions), len(labels.names))


def thresholds(shares: np.ndarray, gold: np.ndarray) -> np.ndarray:
    """For each label the probability from which on saying it gives the best F1 on these rows, (labels,).

    All cuts of all labels at once: sorted by probability, the F1 of saying the first k is 2 * (right among them) / (k + right in all).
    A label with fewer than three rows that carry it says little about itself: it takes the one threshold that is best for all together.
    """
    if not gold.any():
        return np.full(gold.shape[1], HALF)
    found = _best_cuts(shares, gold)
    common = _best_cuts(shares.reshape(-1, 1), gold.reshape(-1, 1))[0]
    return np.where(gold.sum(axis=0) >= FEW, found, common)


def _best_cuts(shares: np.ndarray, gold: np.ndarray) -> np.ndarray:
    order = np.argsort(-shares, axis=0, kind="stable")
    sorted_shares = np.take_along_axis(shares, order, axis=0)
    right = np.cumsum(np.take_along_axis(gold, order, axis=0), axis=0)
    f1 = 2 * right / (np.arange(1, len(shares) + 1)[:, None] + gold.sum(axis=0))
    after = np.vstack([sorted_shares[1:], np.zeros((1, shares.shape[1]))])
    f1[sorted_shares == after] = -1.0  # equal probabilities cannot be cut apart
    best = f1.argmax(axis=0)
    columns = np.arange(shares.shape[1])
    between: np.ndarray = (sorted_shares[best, columns] + after[best, columns]) / 2
    return between


def _matrix(sets: Sequence[Sequence[str]], labels: Labels) -> np.ndarray:
    """(rows, labels) of yes and no; names that are no labels of the run are passed over."""
    places = {name: place for place, name in enumerate(labels.names)}
    found = np.zeros((len(sets), len(labels.names)), dtype=bool)
    pairs = [(i, places[name]) for i, names in enumerate(sets) for name in names if name in places]
    if pairs:
        found[tuple(np.array(pairs).T)] = True
    return found
