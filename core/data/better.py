"""Which of two answers is better, as people bring it: "1" (the first), "2" (the second) or "same".

A column may say it by a number, a letter, a side, the name of the better answer's column or its words; all rows together tell whether numbers
count from 0. Without one, columns called chosen and rejected say it by their names, while columns that differ only in a 1 and a 2 or an a and
a b say nothing: those rows wait for a person. Knows no model.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

FIRST, SECOND, SAME = "1", "2", "same"
SAID = {
    FIRST: frozenset(("1", "a", "first", "left", "chosen", "one", "model_a", "response_a", "answer_a", "甲", "左")),
    SECOND: frozenset(
        ("2", "b", "second", "right", "rejected", "two", "model_b", "response_b", "answer_b", "乙", "右")
    ),
    SAME: frozenset(
        (
            "same",
            "tie",
            "equal",
            "both",
            "neither",
            "draw",
            "no difference",
            "tie (bothbad)",
            "=",
            "一样",
            "相同",
            "平局",
        )
    ),
}
TWINS = (("a", "b"), ("1", "2"), ("x", "y"), ("left", "right"), ("first", "second"), ("one", "two"))
Cells = Mapping[str, str]


def read(cells: Cells) -> str | None:
    """What one cell says by itself; None where it says nothing known."""
    return _said(next((cell for cell in cells.values() if cell.strip()), ""), False)


def read_all(cells: Sequence[Cells], inputs: Mapping[str, Sequence[Cells]]) -> list[str | None]:
    """What the file says of each row; `inputs` has the cells of `chosen` and `rejected`, the first and the second answer."""
    first, second = (inputs.get(role) or [{}] * len(cells) for role in ("chosen", "rejected"))
    if not any(cells):
        return [None if are_twins(one, other) else FIRST for one, other in zip(first, second, strict=True)]
    told = [next((cell.strip() for cell in one.values() if cell.strip()), "") for one in cells]
    zero = {"0"} <= set(told) and not set(told) - {"0", "1", ""}
    return [_of_row(cell, one, other, zero) for cell, one, other in zip(told, first, second, strict=True)]


def checked(value: Any) -> str:
    """From a page or a file of ours; ValueError for anything else."""
    if value not in (FIRST, SECOND, SAME):
        raise ValueError("neither the first nor the second nor the same")
    return str(value)


def learnt(value: Any, inputs: Mapping[str, Any]) -> dict[str, Any] | None:
    """A row as a run learns it, with the better answer as `chosen`; None where there is no difference to learn."""
    if value == SECOND:
        return {**inputs, "chosen": inputs.get("rejected"), "rejected": inputs.get("chosen")}
    return None if value == SAME else dict(inputs)


def are_twins(one: Cells, other: Cells) -> bool:
    """Do the columns of two answers differ only in a 1 and a 2, an a and a b, ...?"""
    if len(one) != 1 or len(other) != 1:
        return False
    first, second = (next(iter(cells)).strip().casefold() for cells in (one, other))
    return any(
        first.endswith(a) and second.endswith(b) and first.removesuffix(a) == second.removesuffix(b) for a, b in TWINS
    )


def _of_row(cell: str, first: Cells, second: Cells, zero: bool) -> str | None:
    if not cell:
        return None
    for meant, cells in ((FIRST, first), (SECOND, second)):
        if any(cell.casefold() == name.strip().casefold() or cell == said.strip() for name, said in cells.items()):
            return meant
    return _said(cell, zero)


def _said(cell: str, zero: bool) -> str | None:
    word = re.sub(r"\.0$", "", cell.strip().casefold())
    if zero:
        return {"0": FIRST, "1": SECOND}.get(word)
    if word == "0":
        return SAME
    return next((meant for meant, words in SAID.items() if word in words), None)
