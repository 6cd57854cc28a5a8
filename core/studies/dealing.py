"""Rows dealt to folds for cross-validation (Stone 1974; Kohavi 1995), and what the figures of the folds say together.

`dealt` deals the rows, `plan` says which part a row plays in a fold, `spread` makes mean, deviation and interval of the folds' figures. The test
split stays aside in every fold; what was to learn from or to steer by is dealt anew.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.data.splits import mixed
from core.studies.rows import Rows

CHOICES = (3, 5, 10)
BINS = 5  # of a number's range, of which each fold gets its share
# Student's t at 97.5 %, by degrees of freedom 1 to 19
T = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
    2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093,
)  # fmt: skip


@dataclass(frozen=True)
class Spread:
    """`deviation` is that of one fold's figure (n - 1); `low` and `high` enclose the mean 95 times of 100 as far as folds can tell: they share
    training texts, so that the true range is a little wider (Bengio and Grandvalet 2004)."""

    mean: float
    deviation: float | None
    low: float | None
    high: float | None
    n: int


def spread(values: Sequence[float]) -> Spread | None:
    """Of the folds' figures; None without any."""
    if not values:
        return None
    n, mean = len(values), float(np.mean(values))
    if n < 2:
        return Spread(mean, None, None, None, n)
    deviation = float(np.std(values, ddof=1))
    wide = T[min(n - 1, len(T)) - 1] * deviation / math.sqrt(n)
    return Spread(mean, deviation, mean - wide, mean + wide, n)


def dealt(keys: Sequence[str], kinds: Sequence[Any], k: int, seed: int) -> list[int]:
    """The fold, 0 to k - 1, of each row. Rows of one key (equal texts) stay together; of each kind (label) every fold gets its share, give or
    take one key; and the folds are as large as one another, give or take one key."""
    firsts: dict[str, int] = {}
    for place, key in enumerate(keys):
        firsts.setdefault(key, place)
    hashed = [int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big") for key in firsts]
    chance = mixed(np.array(hashed, np.uint64), seed)
    names = sorted({str(kinds[place]) for place in firsts.values()})
    order = {name: i for i, name in enumerate(names)}
    ranked = sorted(
        zip(firsts, (order[str(kinds[p])] for p in firsts.values()), chance.tolist(), strict=True),
        key=lambda one: one[1:],
    )
    fold = {key: place % k for place, (key, _, _) in enumerate(ranked)}
    return [fold[key] for key in keys]


def folds_of(rows: Rows, k: int, seed: int) -> dict[str, int]:
    """Row id -> fold, for the rows that are not kept for the final test."""
    table = rows.table()
    shape = rows.shape
    columns = {part.role: table[part.role].to_pylist() for part in shape.parts if part.role in table.column_names}
    taking = [i for i, split in enumerate(table["split"].to_pylist()) if split != "test"]
    keys = ["\x1f".join(str(columns[part.role][i]) for part in shape.inputs if part.role in columns) for i in taking]
    target = shape.target
    cells = [columns[target.role][i] for i in taking] if target and target.role in columns else [""] * len(taking)
    ids = table["id"].to_pylist()
    found = dealt(keys, _kinds(cells, target.kind if target else ""), k, seed)
    return {ids[i]: fold for i, fold in zip(taking, found, strict=True)}


def plan(folds: Mapping[str, int], fold: int) -> dict[str, str]:
    """Row id -> part, where this fold is the one set aside."""
    return {row: "validation" if own == fold else "train" for row, own in folds.items()}


def _kinds(cells: Sequence[str | None], kind: str) -> list[str]:
    """Of what every fold is to have its share: labels, sets of labels, or fifths of a number's range; else nothing."""
    if kind in ("category", "categories"):
        return [str(cell) for cell in cells]
    if kind == "number":
        numbers = np.array([float(cell) if cell else 0.0 for cell in cells])
        edges = np.quantile(numbers, np.linspace(0, 1, BINS + 1)[1:-1]) if len(numbers) else []
        return [str(place) for place in np.searchsorted(edges, numbers).tolist()]
    return [""] * len(cells)
