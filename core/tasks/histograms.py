"""Pictures as a few numbers, and a logistic regression on them: what colours alone tell. The rival of the task of pictures.

A picture becomes the share of its pixels in each of 64 colours (four steps of red, green and blue) and the brightness of an 8 x 8 copy.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from core.errors import Cancelled
from core.tasks.base import Labels, LabelScores, Row

MOST = 4_000  # pictures it learns from
EDGE = 64  # pixels it looks at
GRID = 8
STEPS = 4  # of each colour
TRIALS = (0.003, 0.03, 0.3)  # restraints tried, from tight to loose; validation decides


def contender(
    train: Sequence[Row],
    validation: Sequence[Row],
    asked: Sequence[Row],
    labels: Labels,
    cancelled: Callable[[], bool],
) -> list[LabelScores]:
    """Answers for `asked`."""
    from core.tasks.classification import answers, softmax
    from core.training.fit import Objective, lbfgs

    chosen = np.random.default_rng(7).permutation(len(train))[:MOST]
    rows = [train[i] for i in sorted(chosen.tolist())]
    seen = features(rows, cancelled)
    mean, spread = seen.mean(axis=0), seen.std(axis=0) + 1e-6
    scaled = ((seen - mean) / spread).astype(np.float32)
    targets = np.array([labels.index(row["label"]) for row in rows])
    checked = (features(validation, cancelled) - mean) / spread
    gold = np.array([labels.index(row["label"]) for row in validation], dtype=int)
    objective = Objective(scaled, targets, len(labels.names), None)
    best, least, point = None, math.inf, objective.start
    for c in TRIALS if len(gold) else TRIALS[1:2]:
        for move in lbfgs(partial(objective, c=c), point):
            if cancelled():
                raise Cancelled
            point = move.point
        head = objective.head(point)
        shares = softmax(head.logits(checked.astype(np.float32)))
        wrong = float(-np.log(np.clip(shares[np.arange(len(gold)), gold], 1e-12, 1)).mean()) if len(gold) else 0.0
        if wrong < least:
            best, least = head, wrong
    assert best is not None
    told = ((features(asked, cancelled) - mean) / spread).astype(np.float32)
    return answers(softmax(best.logits(told)), labels.names)


def features(rows: Sequence[Row], cancelled: Callable[[], bool] = lambda: False) -> np.ndarray:
    """(rows, 128) in fp32."""
    from core.data.images import look

    found = np.zeros((len(rows), STEPS**3 + GRID**2), dtype=np.float32)
    for i, row in enumerate(rows):
        if cancelled():
            raise Cancelled
        picture = look(Path(row["image"]), EDGE)
        pixels = np.asarray(picture, dtype=np.int64).reshape(-1, 3) * STEPS // 256
        colours = np.bincount(pixels @ np.array([STEPS**2, STEPS, 1]), minlength=STEPS**3)
        found[i, : STEPS**3] = np.sqrt(colours / max(1, len(pixels)))
        found[i, STEPS**3 :] = np.asarray(picture.convert("L").resize((GRID, GRID)), dtype=np.float32).reshape(-1) / 255
    return found
