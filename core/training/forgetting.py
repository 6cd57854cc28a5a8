"""What a run that continues others has forgotten: the matrix of runs and parts it keeps at its end, and the figure drawn from it.

Row i of the matrix holds how well run i of the chain does on the test rows that came with each run 0 to i. Forgetting of an earlier part is the
best score of any earlier run on it minus the last run's; the figure is their mean (Chaudhry et al. 2018, Riemannian Walk). Imports no torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from core.training.continuing import FILE
from core.workspace import read_json

Matrix = Sequence[Sequence[float | None]]


@dataclass(frozen=True)
class Forgetting:
    """`lost` by earlier part, None where it cannot be told; negative where it has got better. `figure` is their mean."""

    measure: str
    lower: bool  # whether less is better
    split: str
    rows: tuple[int, ...]
    matrix: Matrix
    lost: tuple[float | None, ...]
    figure: float | None


def read(run_dir: Path) -> Forgetting | None:
    """Of a finished run that continues another; None for any other."""
    path = run_dir / FILE
    if not path.is_file():
        return None
    told = read_json(path)
    lost = forgotten(told["matrix"], told["lower"])
    known = [one for one in lost if one is not None]
    figure = sum(known) / len(known) if known else None
    return Forgetting(
        told["measure"], told["lower"], told["split"], tuple(told["rows"]), told["matrix"], tuple(lost), figure
    )


def forgotten(matrix: Matrix, lower: bool = False) -> list[float | None]:
    """By part, all but the last: what the last run has lost against the best of those before it."""
    last = len(matrix) - 1
    found: list[float | None] = []
    for part in range(last):
        before = [row[part] for row in matrix[part:last] if part < len(row) and row[part] is not None]
        now = matrix[last][part]
        if not before or now is None:
            found.append(None)
        else:
            found.append(now - min(before) if lower else max(before) - now)  # type: ignore[type-var, operator]
    return found
