"""Numbers as targets: their scale, loss, measures and figures. For every task that answers with one number (regression, similarity).

Knows nothing of texts or models. Importing it brings no torch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from core.errors import RunError
from core.tasks.base import Figure, Labels, Number, Rival, Score
from core.words import Message

if TYPE_CHECKING:
    import torch

MOST_POINTS = 2_000  # of the scatter
BINS = 15  # of the residuals
STEEP = (
    5.0  # how much a spread in the wrong order weighs; CoSENT has 20 on cosines, of which a quarter is about a spread
)
FEWEST_FOR_A_LINE = 30  # validation rows
WORTH_A_LINE = 0.95  # the squared miss with it, as a share of that without, must be less
HUBER = 1.0  # standard deviations from which on a miss counts plainly

SCORES: tuple[Score, ...] = (
    Score(
        "spearman",
        Message("Order right"),
        Message("How well it puts texts in order: 1 is the right order, 0 is chance (Spearman's rank correlation)."),
        share=False,
    ),
    Score(
        "pearson",
        Message("In a line"),
        Message("How well its numbers rise and fall with the right ones (Pearson's correlation)."),
        share=False,
    ),
    Score(
        "r2",
        Message("Differences explained"),
        Message("1: every number is exact. 0: no better than always saying the mean. Below: worse (R2)."),
        share=False,
    ),
    Score(
        "mae",
        Message("Mean miss"),
        Message("How far it is off on average, on your scale (mean absolute error). Lower is better."),
        share=False,
    ),
    Score(
        "mse",
        Message("Mean squared miss"),
        Message("As the mean miss, with large misses counting more (mean squared error). Lower is better."),
        share=False,
    ),
)
FIGURES: tuple[Figure, ...] = (
    Figure("scatter", Message("What it said against what is right"), "scatter"),
    Figure("residuals", Message("How far it is off, and how often"), "bars"),
    Figure("ranges", Message("Along the scale"), "table"),
)


def scale(values: Sequence[float], output: str) -> Labels:
    """Mean, standard deviation and ends of the training numbers."""
    if not values:
        raise RunError(
            Message("There is nothing to learn: no training text carries a number."),
            fix=Message("Give some texts a number, then start again."),
        )
    found = np.asarray(values, dtype=np.float64)
    if not np.ptp(found):
        raise RunError(
            Message("There is nothing to learn: all training texts carry the same number."),
            fix=Message("Bring texts with different numbers, then start again."),
        )
    told = {"mean": found.mean(), "std": found.std(), "low": found.min(), "high": found.max()}
    return Labels((output,), (len(found),), {name: float(value) for name, value in told.items()})


def scaled(values: Sequence[float], labels: Labels) -> np.ndarray:
    """How many standard deviations from the mean."""
    return (np.asarray(values, dtype=np.float64) - labels.extra["mean"]) / labels.extra["std"]


def told(outputs: np.ndarray, labels: Labels) -> list[Number]:
    """Outputs (rows,) of a model, back on the scale. They are not cut off at its ends."""
    extra = labels.extra
    return [Number(value * extra["std"] + extra["mean"], extra["low"], extra["high"]) for value in outputs.tolist()]


def straightened(labels: Labels, gold: Sequence[float], said: Sequence[float]) -> Labels:
    """Labels with `extra["line"]`, (slope, start): the straight line from what was said to what is right, by least squares, where that is
    clearly nearer. An answer learnt by its order (the loss "order", cosines) need not be on the scale; a rising line keeps the order."""
    right, answer = np.asarray(gold, dtype=np.float64), np.asarray(said, dtype=np.float64)
    if len(right) < FEWEST_FOR_A_LINE or not np.ptp(answer):
        return labels
    slope, start = np.polyfit(answer, right, 1)
    off, before = right - (slope * answer + start), right - answer
    if slope <= 0 or (off**2).mean() > WORTH_A_LINE * (before**2).mean():
        return labels
    return replace(labels, extra={**labels.extra, "line": [float(slope), float(start)]})


def lined(said: Sequence[Number], labels: Labels) -> list[Number]:
    """Answers put on the line of `straightened`, if there is one."""
    slope, start = labels.extra.get("line", (1.0, 0.0))
    return [replace(one, value=slope * one.value + start) for one in said]


def loss(outputs: torch.Tensor, targets: torch.Tensor, settings: Any) -> torch.Tensor:
    """Mean over the batch of scaled numbers: squared, plain, or squared up to one standard deviation and plain beyond (Huber 1964).

    "order": squared, plus log(1 + the sum of exp(STEEP * how far it is the wrong way round)) over all pairs of the batch whose right
    numbers differ (Su 2022, CoSENT), which is what rank correlations look at.
    """
    from torch.nn import functional

    said, right = outputs.float().reshape(-1), targets.reshape(-1)
    if settings.number_loss == "mae":
        return functional.l1_loss(said, right)
    if settings.number_loss == "huber":
        return functional.huber_loss(said, right, delta=HUBER)
    squared = functional.mse_loss(said, right)
    if settings.number_loss == "order":
        return squared + _disorder(said, right)
    return squared


def _disorder(said: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    import torch

    above = right[:, None] > right[None, :]
    off = STEEP * (said[None, :] - said[:, None])[above]
    return torch.logsumexp(torch.cat([off.new_zeros(1), off]), dim=0)


def score(gold: Sequence[float], said: Sequence[float], labels: Labels) -> dict[str, float]:
    """spearman, pearson, r2, mae, mse (on the person's scale), and loss: the mean squared miss in units of the spread."""
    if not len(gold):
        return {}
    right, answer = np.asarray(gold, dtype=np.float64), np.asarray(said, dtype=np.float64)
    mse = float(((answer - right) ** 2).mean())
    spread = float(((right - right.mean()) ** 2).mean())
    return {
        "spearman": correlation(ranks(right), ranks(answer)),
        "pearson": correlation(right, answer),
        "r2": 1 - mse / spread if spread else 0.0,
        "mae": float(np.abs(answer - right).mean()),
        "mse": mse,
        "loss": mse / labels.extra["std"] ** 2,
    }


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's; 0 where one of them does not vary."""
    a, b = a - a.mean(), b - b.mean()
    length = math.sqrt(float((a * a).sum())) * math.sqrt(float((b * b).sum()))
    return float((a * b).sum()) / length if length > 1e-12 else 0.0


def ranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 1 on; equal values share the mean of theirs."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    found: np.ndarray = (last - (count - 1) / 2)[place]
    return found


def credit(gold: float, said: float, labels: Labels) -> float:
    """1 where it is exact, 0 where it is off by the whole scale."""
    return max(0.0, 1 - abs(said - gold) / (labels.extra["high"] - labels.extra["low"]))


def report(gold: Sequence[float], said: Sequence[float]) -> dict[str, Any]:
    right, answer = np.asarray(gold, dtype=np.float64), np.asarray(said, dtype=np.float64)
    chosen = np.linspace(0, len(right) - 1, min(len(right), MOST_POINTS)).astype(np.int64)
    return {
        "scatter": {
            "x": [short(v) for v in right[chosen]],
            "y": [short(v) for v in answer[chosen]],
            "x_title": Message("right number").as_json(),
            "y_title": Message("its number").as_json(),
        },
        "residuals": residuals(answer - right),
        "ranges": along(right, answer),
    }


def residuals(off: np.ndarray) -> dict[str, Any]:
    """How many answers are off by how much; the bin in the middle is around 0. What is further off than 99.5 % is in the last bins."""
    reach = float(np.percentile(np.abs(off), 99.5)) if len(off) else 0.0
    width = 2 * (reach or 1.0) / BINS
    places = np.clip(np.rint(off / width), -(BINS // 2), BINS // 2).astype(np.int64) + BINS // 2
    middles = [(i - BINS // 2) * width for i in range(BINS)]
    counts = np.bincount(places, minlength=BINS)
    return {"names": [f"{middle:+.2g}" if middle else "0" for middle in middles], "values": counts.tolist()}


def along(right: np.ndarray, said: np.ndarray) -> dict[str, Any]:
    """Five parts of the scale: how many texts lie there, how far it is off, and to which side."""
    edges = np.linspace(right.min(), right.max(), 6)
    part = np.clip(np.searchsorted(edges, right, side="right") - 1, 0, 4)
    titles = (Message("right number"), Message("texts"), Message("mean miss"), Message("too high on average by"))
    rows = []
    for i in range(5):
        off = (said - right)[part == i]
        misses = (short(np.abs(off).mean()), short(off.mean())) if len(off) else (None, None)
        rows.append([f"{edges[i]:.3g} – {edges[i + 1]:.3g}", len(off), *misses])
    return {"columns": [title.as_json() for title in titles], "rows": rows}


def always_the_mean(count: int, labels: Labels) -> Rival:
    mean = labels.extra["mean"]
    detail = Message("Says {mean} to every text.", mean=f"{mean:.4g}")
    said = told(np.zeros(count), labels)
    return Rival("mean", Message("Always the mean"), detail, said)


def short(value: float) -> float:
    return float(f"{value:.5g}")
