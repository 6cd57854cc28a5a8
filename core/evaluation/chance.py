"""What chance does to a figure: the interval around a measure, and whether a difference of two models on the same rows may be luck.

Needs no torch, and nothing of a run: rows, answers and credits (0 to 1 a row; `Task.credit`) are enough.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from core.evaluation.metrics import mcnemar
from core.tasks.base import Labels, Prediction, Row, Task

DRAWS = 1_000
PATIENCE = 5.0  # seconds after which the draws so far must do


def interval(
    task: Task, measure: str, rows: Sequence[Row], predictions: Sequence[Prediction], labels: Labels, seed: int = 7
) -> tuple[float | None, float | None]:
    """Where the measure would fall 95 times of 100 with other rows of this kind: percentiles of the bootstrap. Up to 2,000 rows are drawn
    from, and fewer draws are taken where each has to be scored anew, so that it stays a matter of seconds; None with fewer than ten rows."""
    if len(rows) < 10:
        return None, None
    chance = np.random.default_rng(seed)
    redrawn = task.redrawn(measure, rows, predictions, labels)
    draws = DRAWS if redrawn or len(rows) <= 200 else 200 if len(rows) <= 1_000 else 60
    values = []
    began = time.monotonic()
    for _ in range(draws):
        chosen = chance.integers(0, len(rows), min(len(rows), 2_000))
        found = redrawn(chosen) if redrawn else _scored(task, measure, rows, predictions, labels, chosen)
        if found is not None and np.isfinite(found):
            values.append(found)
        if time.monotonic() - began > PATIENCE and len(values) >= 20:
            break
    if len(values) < 20:
        return None, None
    spread = (
        min(len(rows), 2_000) / len(rows)
    ) ** 0.5  # fewer rows a draw than there are spread wider than they should
    middle = float(np.mean(values))
    low, high = (middle + (float(q) - middle) * spread for q in np.percentile(values, (2.5, 97.5)))
    return low, high


def _scored(
    task: Task, measure: str, rows: Sequence[Row], said: Sequence[Prediction], labels: Labels, places: np.ndarray
) -> float | None:
    return task.score([rows[i] for i in places], [said[i] for i in places], labels).get(measure)


def sign_p(gains: np.ndarray, seed: int = 7) -> float:
    """Two-sided p of a paired difference by flipping signs at random (Fisher's randomisation test, 2,000 draws)."""
    gains = gains[gains != 0]
    if len(gains) == 0:
        return 1.0
    flips = np.random.default_rng(seed).choice((-1.0, 1.0), size=(2_000, len(gains)))
    return float((np.abs((flips * gains).sum(axis=1)) >= abs(gains.sum()) - 1e-12).mean())


def paired_p(one: np.ndarray, other: np.ndarray) -> float:
    """Two-sided p of the difference of two models' credits on the same rows, (rows,) each: the exact McNemar test where every row is right or
    wrong (1 or 0), else `sign_p`."""
    gains = one - other
    if np.isin(one, (0.0, 1.0)).all() and np.isin(other, (0.0, 1.0)).all():
        return mcnemar(int((gains > 0).sum()), int((gains < 0).sum()))
    return sign_p(gains)
