"""What models say of labelled rows that they have not seen: every row is left out in turn, with all that is near-equal to it.

Several models say it, of two sorts: linear layers on the vectors of the rows, and on counted words where the rows are single texts. The two err in
different places, and together they find more than either (tests/benchmarks/suspects.py). Knows matrices and targets, and counts words;
nothing of what is doubted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import Cancelled
from core.labelling import heads
from core.models.classic import Counting, Vocabulary, unspaced
from core.tasks.base import Link
from core.training.fit import Objective, lbfgs

FOLDS = 5
ON_VECTORS, ON_WORDS = 3, 2  # models of either sort
PIECES = 20_000  # words and pairs of words that are counted
LOOSE, ITERATIONS = 3.0, 15  # restraint of the layer on counted words, and how long it is fitted
LARGE = 4_000_000  # rows times outputs, from which on one model of each sort must do

Stop = Callable[[], bool]
Tick = Callable[[int, int], None]


@dataclass(frozen=True)
class Rows:
    """What is learnt from: `vectors` (rows, width), `words` (rows, pieces) sparse or None, targets as core.labelling.heads takes them,
    `groups` (rows,): what must not be parted, `strata` (rows,): what each part gets its share of."""

    vectors: NDArray[np.float32]
    words: Any
    targets: NDArray[Any]
    outputs: int
    link: Link
    groups: NDArray[np.int64]
    strata: NDArray[np.int64]


@dataclass(frozen=True)
class Said:
    """`mean` (rows, outputs): probabilities, or the number. `votes` (rows, outputs): how many of the `models` say this label."""

    mean: NDArray[np.float32]
    votes: NDArray[np.int64]
    models: int


def asked(rows: Rows, tick: Tick, cancelled: Stop) -> Said:
    """Let all models speak. `tick(done, total)` after each fit; raises Cancelled."""
    small = len(rows.targets) * rows.outputs < LARGE
    sorts: list[tuple[Any, int, Any]] = [(rows.vectors, ON_VECTORS if small else 1, _on_vectors(rows))]
    if rows.words is not None and rows.link != "identity":
        sorts.append((rows.words, ON_WORDS if small else 1, _on_words(rows)))
    models = sum(count for _, count, _ in sorts)
    mean = np.zeros((len(rows.targets), rows.outputs), np.float32)
    votes = np.zeros(mean.shape, np.int64)
    done = seed = 0
    for matrix, count, fit in sorts:
        for _ in range(count):
            said = np.zeros(mean.shape, np.float32)
            fold = folds(rows.groups, rows.strata, FOLDS, seed)
            for part in range(FOLDS):
                if cancelled():
                    raise Cancelled
                seen, held = np.flatnonzero(fold != part), np.flatnonzero(fold == part)
                if len(held):
                    said[held] = fit(matrix[seen], rows.targets[seen]).outputs(matrix[held])
                done += 1
                tick(done, models * FOLDS)
            mean += said / (count * len(sorts))
            votes += _votes(said, rows.link)
            seed += 1
    return Said(mean, votes, models)


def folds(groups: NDArray[np.int64], strata: NDArray[np.int64], parts: int, seed: int) -> NDArray[np.int64]:
    """(rows,): in which part each row is left out. Rows of a group are in one part; every stratum is dealt out evenly."""
    _, first, group = np.unique(groups, return_index=True, return_inverse=True)
    chance = np.random.default_rng(seed).random(len(first))
    order = np.lexsort((chance, strata[first]))
    part = np.empty(len(first), np.int64)
    part[order] = np.arange(len(first)) % parts
    return part[group.reshape(-1)]


def counted(texts: Sequence[str]) -> Any:
    """(texts, pieces) sparse: words and pairs of words, or characters where none are parted; None where there is nothing to count."""
    counting = Counting(None, (1, 3)) if unspaced(texts) else Counting((1, 2), None)
    if not any(next(counting.pieces(text), None) for text in texts[:1000]):
        return None
    return Vocabulary.learn(texts, counting, 2, PIECES).features(texts).tocsr()


def _on_vectors(rows: Rows) -> Callable[[Any, Any], heads.Fitted]:
    outputs = rows.outputs
    shaped = rows.targets
    if rows.link == "identity":
        shaped = ((shaped - shaped.mean()) / (shaped.std() or 1.0)).reshape(-1, 1)
    restraint = heads.chosen_restraint(rows.vectors, shaped, outputs, rows.link)
    return lambda matrix, targets: heads.fit(matrix, targets, outputs, rows.link, restraint)


def _on_words(rows: Rows) -> Callable[[Any, Any], heads.Fitted]:
    def fit(matrix: Any, targets: Any) -> heads.Fitted:
        objective = Objective(matrix, targets, rows.outputs, None, rows.link)
        point = objective.start
        for n, move in enumerate(lbfgs(partial(objective, c=LOOSE), point), start=1):
            point = move.point
            if n == ITERATIONS:  # the rest would learn single texts by heart
                break
        return heads.Fitted(objective.head(point), rows.link, LOOSE, matrix.shape[0])

    return fit


def _votes(said: NDArray[np.float32], link: Link) -> NDArray[np.int64]:
    if link == "softmax":
        return np.eye(said.shape[1], dtype=np.int64)[said.argmax(axis=1)] if len(said) else said.astype(np.int64)
    return (said > 0.5).astype(np.int64)
