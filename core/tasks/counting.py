"""Word counting as a rival: TF-IDF of words (or characters) with one linear layer, for tasks that sort into labels or sets or tell numbers.

The same counted pieces and the same convex fit as a classic base (`core.models.classic`, `core.training.fit`): with link "sigmoid" this is
scikit-learn's one-vs-rest LogisticRegression on TfidfVectorizer(sublinear_tf=True), with "softmax" its multinomial one, with "identity"
its Ridge.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from core.errors import Cancelled
from core.tasks.base import Link, Row

if TYPE_CHECKING:
    from core.models.classic import Vocabulary
    from core.training.fit import Head

MOST_TEXTS = 100_000
PIECES = 300_000


@dataclass(frozen=True)
class Fitted:
    vocabulary: Vocabulary
    head: Head

    def outputs(self, rows: Sequence[Row]) -> np.ndarray:
        """(rows, outputs), before they become answers."""
        if not rows:
            return np.zeros((0, len(self.head.bias)))
        return self.head.logits(self.vocabulary.features([str(row["text"]) for row in rows]))


def fits(
    train: Sequence[Row],
    targets: np.ndarray,
    link: Link,
    trials: Sequence[float],
    cancelled: Callable[[], bool],
    outputs: int | None = None,
) -> Iterator[Fitted]:
    """One fit for each restraint of `trials`, from tight to loose. `targets` (rows, outputs); with link "softmax" label numbers, (rows,),
    and `outputs` says how many labels there are."""
    from core.models.classic import MOST_WEIGHTS, Counting, Vocabulary, unspaced
    from core.training.fit import Objective, lbfgs

    chosen = _some(len(train))
    texts = [str(train[i]["text"]) for i in chosen]
    outputs = outputs or targets.shape[1]
    counting = Counting(None, (1, 3)) if unspaced(texts) else Counting((1, 2), None)
    most = min(PIECES, MOST_WEIGHTS // max(1, outputs))
    vocabulary = Vocabulary.learn(texts, counting, 2 if len(texts) >= 200 else 1, most, _asking(cancelled))
    objective = Objective(vocabulary.features(texts, _asking(cancelled)), targets[chosen], outputs, None, link)
    point = objective.start
    for c in trials:
        for move in lbfgs(partial(objective, c=c), point):
            if cancelled():
                raise Cancelled
            point = move.point
        yield Fitted(vocabulary, objective.head(point))


def _asking(cancelled: Callable[[], bool]) -> Callable[[int, int], None]:
    def progress(done: int, total: int) -> None:
        if cancelled():
            raise Cancelled

    return progress


def _some(count: int) -> list[int]:
    if count <= MOST_TEXTS:
        return list(range(count))
    chosen: Any = np.random.default_rng(7).permutation(count)[:MOST_TEXTS]
    return sorted(chosen.tolist())
