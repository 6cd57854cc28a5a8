"""The figures of an evaluation, from two lists of label numbers. Nothing here knows of runs, models or files.

A figure that has no meaning (the precision of a label that was never said) is None; averages count it as 0, as is usual.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

Z95 = 1.959963984540054  # two-sided 95 % of the normal distribution


@dataclass(frozen=True)
class LabelFigures:
    """Of one label, or an average over labels. `support`: texts that carry it; `said`: texts it was given to."""

    precision: float | None
    recall: float | None
    f1: float | None
    support: int
    said: int

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def confusion(gold: Sequence[int], predicted: Sequence[int], labels: int) -> np.ndarray:
    """Counts, (gold, predicted): row is what is right, column what was said."""
    pairs = np.asarray(gold, dtype=np.int64) * labels + np.asarray(predicted, dtype=np.int64)
    return np.bincount(pairs, minlength=labels * labels).reshape(labels, labels)


def per_label(counts: np.ndarray) -> list[LabelFigures]:
    """Precision, recall and F1 of each label of a confusion matrix."""
    right, support, said = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    return [
        LabelFigures(
            precision=_share(right[i], said[i]),
            recall=_share(right[i], support[i]),
            f1=_share(2 * right[i], support[i] + said[i]),
            support=int(support[i]),
            said=int(said[i]),
        )
        for i in range(len(counts))
    ]


def averages(counts: np.ndarray) -> dict[str, LabelFigures]:
    """Micro, macro and weighted means.

    Macro is the plain mean over the labels that stand in the texts (as in `score` of the task); weighted counts each label
    as often as it stands there. With one label a text, micro is accuracy.
    """
    figures = per_label(counts)
    total = int(counts.sum())
    seen = [f for f in figures if f.support]
    micro = _share(int(np.diag(counts).sum()), total)

    def mean(name: str, weights: list[int]) -> float | None:
        all_of_it = sum(weights)
        if not all_of_it:
            return None
        return sum((getattr(f, name) or 0.0) * w for f, w in zip(seen, weights, strict=True)) / all_of_it

    def average(weights: list[int]) -> LabelFigures:
        return LabelFigures(mean("precision", weights), mean("recall", weights), mean("f1", weights), total, total)

    return {
        "micro": LabelFigures(micro, micro, micro, total, total),
        "macro": average([1] * len(seen)),
        "weighted": average([f.support for f in seen]),
    }


def wilson(right: int, total: int, z: float = Z95) -> tuple[float, float]:
    """The Wilson score interval of a share: where it would fall 95 times of 100 with other texts of this kind.

    E. B. Wilson (1927); recommended over the normal interval for small numbers by Brown, Cai, DasGupta (2001).
    """
    if total == 0:
        return 0.0, 1.0
    share = right / total
    spread = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    middle = share + z * z / (2 * total)
    below = 1 + z * z / total
    low = 0.0 if right == 0 else (middle - spread) / below
    high = 1.0 if right == total else (middle + spread) / below
    return max(0.0, low), min(1.0, high)


def mcnemar(mended: int, broken: int) -> float:
    """Two-sided p of the exact McNemar test: how often a fair coin would fall at least as unevenly as these pairs.

    `mended` and `broken` count the texts on which exactly one of two models is right.
    """
    n = mended + broken
    if n == 0:
        return 1.0
    tail = range(min(mended, broken) + 1)
    logs = [math.lgamma(n + 1) - math.lgamma(i + 1) - math.lgamma(n - i + 1) - n * math.log(2) for i in tail]
    return min(1.0, 2 * math.fsum(math.exp(x) for x in logs))


def _share(part: int, whole: int) -> float | None:
    return float(part) / float(whole) if whole else None
