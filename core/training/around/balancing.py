"""Which texts come in a round, so that rare labels are not forgotten: class-balanced sampling.

Kang et al. 2020, "Decoupling Representation and Classifier for Long-Tailed Recognition", section 3: the probability of a label is in
proportion to n^q, with q 1 as they are there, ½ for its square root, 0 for all alike. Drawn without chance where that can be: a text comes so many
times as its label's share asks for, and only the remainder is drawn.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.tasks.base import Example
from core.training.around.base import Around

POWER = {"plain": 1.0, "sqrt": 0.5, "equal": 0.0}


class Balanced(Around):
    """`label` (examples,): the label of each example by its number, -1 for none, which counts as a label of its own. `way`: see POWER."""

    def __init__(self, label: Sequence[int], way: str, seed: Sequence[int]):
        self.label = np.asarray(label, dtype=np.int64)
        self.power = POWER[way]
        self.seed = tuple(seed)

    def examples(self, examples: Sequence[Example], epoch: int) -> Sequence[Example]:
        """As many as there are, each label as often as its share says."""
        mine = self.label[[example.number for example in examples]]
        names, counts = np.unique(mine, return_counts=True)
        dice = np.random.default_rng([*self.seed, epoch])
        wanted = quotas(counts**self.power, len(examples))
        chosen = [drawn(np.flatnonzero(mine == name), n, dice) for name, n in zip(names, wanted, strict=True)]
        return [examples[i] for i in np.sort(np.concatenate(chosen)).tolist()]


def quotas(shares: np.ndarray, total: int) -> np.ndarray:
    """Whole numbers in proportion to `shares` that sum to `total`, by largest remainder."""
    exact = shares / shares.sum() * total
    found = np.floor(exact).astype(np.int64)
    found[np.argsort(found - exact, kind="stable")[: total - int(found.sum())]] += 1
    return found


def drawn(places: np.ndarray, count: int, dice: np.random.Generator) -> np.ndarray:
    """`count` of `places`: all of them as often as that goes, the rest by chance without repetition."""
    times, rest = divmod(int(count), len(places))
    return np.concatenate([np.tile(places, times), dice.permutation(places)[:rest]])
