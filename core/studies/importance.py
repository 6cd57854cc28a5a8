"""How much each setting mattered in a search: PED-ANOVA (Watanabe, Bansal and Hutter, "PED-ANOVA: Efficiently Quantifying Hyperparameter
Importance in Arbitrary Subspaces", IJCAI 2023), in numpy alone.

A setting matters where the values of the good trials lie elsewhere than those of all trials: the Pearson divergence between the two
densities. Optuna's own evaluator computes the same, but imports scikit-learn, which the page does not want.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from core.studies.ranges import Range

FEWEST = 6  # trials with a score, under which nothing is said
TOP = 0.25  # of the trials are the good ones
GRID = 50  # points at which the densities are compared


def importance(
    ranges: Sequence[Range], trials: Sequence[tuple[Mapping[str, Any], float]], lower_is_better: bool = False
) -> dict[str, float]:
    """Shares (they add up to 1) by name of the knob, the largest first; empty where too few trials have ended. `trials`: values and score."""
    if len(trials) < FEWEST:
        return {}
    scores = np.array([score for _, score in trials])
    scores = -scores if lower_is_better else scores
    good = max(2, math.ceil(TOP * len(trials)))
    line = np.sort(scores)[-good]
    if np.ptp(scores) == 0:
        return {}
    found = {}
    for one in ranges:
        have = [i for i, (values, _) in enumerate(trials) if values.get(one.name) is not None]
        best = [i for i in have if scores[i] >= line]
        if len(have) < FEWEST or len(best) < 2 or len(best) == len(have):
            continue
        places = _unit(one, [trials[i][0][one.name] for i in have])
        chosen = np.isin(have, best)
        found[one.name] = _divergence(places[chosen], places, one)
    total = sum(found.values())
    if total <= 0:
        return {}
    return dict(sorted(((name, value / total) for name, value in found.items()), key=lambda pair: -pair[1]))


def _unit(one: Range, values: Sequence[Any]) -> np.ndarray:
    """Values as places between 0 and 1; of choices their number."""
    if one.kind == "choice":
        return np.array([one.choices.index(v) if v in one.choices else 0 for v in values], dtype=float)
    numbers = np.clip(np.array(values, dtype=float), one.low, one.high)
    low, high = one.low, one.high
    if one.log:
        numbers, low, high = np.log(numbers), math.log(low), math.log(high)
    return (numbers - low) / max(high - low, 1e-12)


def _divergence(good: np.ndarray, all_of_them: np.ndarray, one: Range) -> float:
    """Pearson divergence of the good ones' density from that of all: the mean of (p / q - 1)² under q."""
    if one.kind == "choice":
        count = len(one.choices)
        p, q = (np.bincount(x.astype(int), minlength=count) + 1.0 / count for x in (good, all_of_them))
        p, q = p / p.sum(), q / q.sum()
    else:
        grid = np.linspace(0.0, 1.0, GRID)
        p, q = _density(good, grid), _density(all_of_them, grid)
    return float((q * (p / q - 1) ** 2).sum())


def _density(places: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """Gaussian kernels of Scott's width (not under half a step of the grid), with one broad kernel as prior so that it is nought nowhere."""
    low, high = np.percentile(places, (25, 75))
    spread = min(float(np.std(places)), float(high - low) / 1.34) or float(np.std(places))
    width = max(1.059 * spread * len(places) ** -0.2, 0.5 / GRID)
    kernels = np.exp(-0.5 * ((grid[:, None] - places[None, :]) / width) ** 2) / width
    prior = np.exp(-0.5 * (grid - 0.5) ** 2)
    total = kernels.sum(axis=1) + prior
    return total / total.sum()
