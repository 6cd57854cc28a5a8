"""What two texts share, counted: the rival of tasks that read two texts. Pieces (words, or characters where no spaces stand between
words) that both have, that only the first has and that only the second has, and four shares; one linear layer on top.

The same counted pieces and the same convex fit as a classic base (`core.models.classic`, `core.training.fit`).
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

MOST_ROWS = 50_000
PIECES = 60_000


@dataclass(frozen=True)
class Fitted:
    vocabulary: Vocabulary
    head: Head

    def outputs(self, rows: Sequence[Row]) -> np.ndarray:
        """(rows, outputs), before they become answers."""
        if not rows:
            return np.zeros((0, len(self.head.bias)))
        return self.head.logits(features(self.vocabulary, rows))


def fits(
    train: Sequence[Row],
    targets: np.ndarray,
    link: Link,
    trials: Sequence[float],
    cancelled: Callable[[], bool],
    outputs: int | None = None,
) -> Iterator[Fitted]:
    """One fit for each restraint of `trials`, from tight to loose; see `core.tasks.counting.fits`."""
    from core.models.classic import MOST_WEIGHTS, Counting, Vocabulary, unspaced
    from core.training.fit import Objective, lbfgs

    chosen = np.arange(len(train))
    if len(train) > MOST_ROWS:
        chosen = np.sort(np.random.default_rng(7).permutation(len(train))[:MOST_ROWS])
    rows = [train[i] for i in chosen.tolist()]
    texts = [text for row in rows for text in both(row)]
    outputs = outputs or targets.shape[1]
    counting = Counting(None, (1, 3)) if unspaced(texts) else Counting((1, 2), None)
    vocabulary = Vocabulary.learn(texts, counting, 2 if len(texts) >= 200 else 1, min(PIECES, MOST_WEIGHTS // outputs))
    objective = Objective(features(vocabulary, rows), targets[chosen], outputs, None, link)
    point = objective.start
    for c in trials:
        for move in lbfgs(partial(objective, c=c), point):
            if cancelled():
                raise Cancelled
            point = move.point
        yield Fitted(vocabulary, objective.head(point))


def features(vocabulary: Vocabulary, rows: Sequence[Row]) -> Any:
    """(rows, 3 times the pieces and 4): shared, only first, only second, and the shares of `_shares`."""
    from scipy.sparse import csr_matrix, hstack

    pairs = [both(row) for row in rows]
    first, second = (vocabulary.features([pair[i] for pair in pairs]) for i in (0, 1))
    shared = first.minimum(second)
    cosine = np.asarray(first.multiply(second).sum(axis=1))
    shares = csr_matrix(np.hstack([cosine, np.array([_shares(*pair) for pair in pairs])]).astype(np.float32))
    return hstack([shared, first - shared, second - shared, shares], format="csr", dtype=np.float32)


def both(row: Row) -> tuple[str, str]:
    return str(row.get("text") or ""), str(row.get("text_b") or "")


def _shares(one: str, other: str) -> tuple[float, float, float]:
    """Of the pieces of both the share that is common (Jaccard), and that of each text's own pieces."""
    from core.models.classic import Counting, unspaced

    counting = Counting(None, (2, 2)) if unspaced([one, other]) else Counting((1, 1), None)
    a, b = set(counting.pieces(one)), set(counting.pieces(other))
    common = len(a & b)
    return common / (len(a | b) or 1), common / (len(a) or 1), common / (len(b) or 1)
