"""How well a model puts things in order: AUC, nDCG, recall and the rank of the first right one. Only numbers, no models.

Ties are never a gift: nDCG takes the mean over the orders they allow, AUC counts them half, and in recall and the reciprocal rank
what is wrong stands before what is right. A list without anything right in it says nothing and is left out (None if all are).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Numbers = Sequence[float] | npt.NDArray[np.float64]


def auc(right: Sequence[bool] | npt.NDArray[np.bool_], scores: Numbers) -> float | None:
    """Chance that something right is scored above something wrong; a tie counts half. None where there is only one of both.

    Mann and Whitney 1947: the rank sum of the right ones.
    """
    truth, values = np.asarray(right, dtype=bool), np.asarray(scores, dtype=np.float64)
    yes, no = int(truth.sum()), int((~truth).sum())
    if not yes or not no:
        return None
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]  # mean rank of equal scores, from 1
    return float((ranks[truth].sum() - yes * (yes + 1) / 2) / (yes * no))


def ndcg(grades: Numbers, scores: Numbers, k: int | None = None) -> float | None:
    """Discounted cumulative gain of one list's first `k`, as a share of the best possible. None without a grade above nought.

    Järvelin and Kekäläinen 2002, gain = grade, discount log2(1 + rank); equal scores share the mean of their grades (McSherry and
    Najork 2008). Grades below nought are refused.
    """
    truth, values = np.asarray(grades, dtype=np.float64), np.asarray(scores, dtype=np.float64)
    if (truth < 0).any():
        raise ValueError("grades must not be below nought")
    discounts = 1 / np.log2(np.arange(2, len(truth) + 2))
    if k is not None:
        discounts[k:] = 0
    best = float(np.sort(truth)[::-1] @ discounts)
    if best == 0:
        return None
    _, place, counts = np.unique(-values, return_inverse=True, return_counts=True)
    shared = np.bincount(place, weights=truth) / counts  # mean grade of equal scores
    return float(np.repeat(shared, counts) @ discounts) / best


def recall(right: Sequence[bool] | npt.NDArray[np.bool_], scores: Numbers, k: int) -> float | None:
    """Share of what is right in one list that stands among its first `k`."""
    truth = _ordered(right, scores)
    return float(truth[:k].sum() / truth.sum()) if truth.any() else None


def reciprocal_rank(right: Sequence[bool] | npt.NDArray[np.bool_], scores: Numbers) -> float | None:
    """1 / rank of the first right one of a list (1 if it stands first)."""
    truth = _ordered(right, scores)
    return float(1 / (truth.argmax() + 1)) if truth.any() else None


def over_lists(
    groups: Sequence[object], grades: Numbers, scores: Numbers, ks: Sequence[int] = (1, 5, 10)
) -> dict[str, float]:
    """Means over lists, from flat columns: `groups` says which list a line belongs to; a grade above nought is right.

    auc (over all lines), mrr, and ndcg@k and recall@k for each k; figures without meaning are left out.
    """
    truth, values = np.asarray(grades, dtype=np.float64), np.asarray(scores, dtype=np.float64)
    numbers: dict[object, list[int]] = {}
    for line, group in enumerate(groups):
        numbers.setdefault(group, []).append(line)
    lists = [(truth[lines], values[lines]) for lines in numbers.values()]
    found: dict[str, float | None] = {
        "auc": auc(truth > 0, values),
        "mrr": _mean([reciprocal_rank(g > 0, s) for g, s in lists]),
    }
    for k in ks:
        found[f"ndcg@{k}"] = _mean([ndcg(g, s, k) for g, s in lists])
        found[f"recall@{k}"] = _mean([recall(g > 0, s, k) for g, s in lists])
    return {name: value for name, value in found.items() if value is not None}


def from_similarities(
    similarities: npt.NDArray[np.floating], right: Sequence[int], ks: Sequence[int] = (1, 5, 10)
) -> dict[str, float]:
    """Retrieval with one right passage a query: similarities (queries, passages), `right[i]` its column. recall@k and mrr."""
    table = np.asarray(similarities)
    own = table[np.arange(len(right)), list(right)][:, None]
    ranks = (table >= own).sum(axis=1)  # itself, everything above it and everything level with it
    if not len(ranks):
        return {}
    return {"mrr": float((1 / ranks).mean())} | {f"recall@{k}": float((ranks <= k).mean()) for k in ks}


def _ordered(right: Sequence[bool] | npt.NDArray[np.bool_], scores: Numbers) -> npt.NDArray[np.bool_]:
    """The marks, highest score first; wrong before right among equals."""
    truth, values = np.asarray(right, dtype=bool), np.asarray(scores, dtype=np.float64)
    return truth[np.lexsort((truth, -values))]


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
