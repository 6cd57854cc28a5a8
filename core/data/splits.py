"""Which rows are to learn from, which to steer by, which for the final test. Seeded, stratified by label, equal texts kept together.

What a file or a column says wins; only what they leave open is planned. A row's place follows from a hash of its text and the seed, so
labelling more rows, or importing the file again, moves hardly any row to another split.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import DataError
from core.words import Message

TRAIN, VALIDATION, TEST = 0, 1, 2
OPEN = -1
NAMES = ("train", "validation", "test")


@dataclass(frozen=True)
class SplitPlan:
    """Shares of the rows that nothing else decides. `column`: name of the column that says it, if there is one."""

    validation: float = 0.1
    test: float = 0.1
    seed: int = 7
    column: str | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> SplitPlan:
        """Checked: shares from 0 to 0.8, at least a fifth left to learn from."""
        try:
            validation, test = float(value.get("validation", 0.1)), float(value.get("test", 0.1))
            seed = int(value.get("seed", 7))
        except (TypeError, ValueError) as error:
            raise DataError(Message("A share is not a number."), fix=Message("10 % each is usual.")) from error
        if not (0 <= validation <= 0.8 and 0 <= test <= 0.8 and validation + test <= 0.8):
            raise DataError(
                Message(
                    "{a:.0%} to steer by and {b:.0%} for the test leave too little to learn from.", a=validation, b=test
                ),
                fix=Message("10 % each is usual; together at most 80 %."),
            )
        return SplitPlan(validation, test, abs(seed) % 2**31, value.get("column") or None)


@dataclass(frozen=True)
class Lot:
    """The chance of each row under a seed, and the rows in that order. Drawn once; labels may change under it."""

    chance: NDArray[np.uint64]
    order: NDArray[np.int64]
    seed: int

    @staticmethod
    def drawn(keys: NDArray[np.uint64], seed: int) -> Lot:
        """From hashes of the texts: equal texts have equal chances."""
        chance = mixed(keys, seed)
        return Lot(chance, np.argsort(chance, kind="stable"), seed)


def decide(
    fixed: NDArray[np.int8],
    moved: NDArray[np.int8],
    lot: Lot,
    labels: NDArray[np.int32],
    usable: NDArray[np.bool_],
    plan: SplitPlan,
) -> NDArray[np.int8]:
    """The split of every row. `fixed` is what files and columns say (OPEN where nothing), `moved` what a person said of single rows,
    `labels` label numbers (-1: none), `usable` rows that can take part."""
    split = np.where(fixed == OPEN, TRAIN, fixed).astype(np.int8)
    shares = [
        (TEST, plan.test if not (fixed == TEST).any() else 0.0),
        (VALIDATION, plan.validation if not (fixed == VALIDATION).any() else 0.0),
    ]
    if any(share for _, share in shares):
        free = (split == TRAIN) & usable
        _plan(split, lot.order[free[lot.order]], lot.chance, labels, shares)
    chosen = moved != OPEN
    split[chosen] = moved[chosen]
    return split


def _plan(
    split: NDArray[np.int8],
    rows: NDArray[np.int64],
    chance: NDArray[np.uint64],
    labels: NDArray[np.int32],
    shares: list[tuple[int, float]],
) -> None:
    """Within each label the rows with the smallest chances (`rows` is in their order) go to test, the next to validation.
    Equal texts stay together."""
    kinds = labels[rows].astype(np.int16)  # 16 bits: numpy then sorts by counting
    order = rows[np.argsort(kinds, kind="stable")]
    sizes = np.bincount(kinds.astype(np.int64) + 1)
    start = 0
    for size in sizes.tolist():
        mine = order[start : start + size]
        start += size
        ranked = chance[mine]
        at = 0
        for name, share in shares:
            n = _how_many(size, share)
            stop = at + n
            while n > 0 and stop < size and ranked[stop] == ranked[stop - 1] and stop < at + 2 * n + 1:
                stop += 1
            if size - stop < 1:  # always leave something to learn from
                stop = max(at, size - 1)
            split[mine[at:stop]] = name
            at = stop


def _how_many(n: int, share: float) -> int:
    """Of n rows; at least one once there are four."""
    if not share:
        return 0
    return max(1, int(n * share + 0.5)) if n >= 4 else int(n * share + 0.5)


def mixed(keys: NDArray[np.uint64], seed: int) -> NDArray[np.uint64]:
    """splitmix64 of each key with the seed: uniform, and unrelated for different seeds."""
    with np.errstate(over="ignore"):
        z = keys + np.uint64((seed + 1) * 0x9E3779B97F4A7C15 % 2**64)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))
