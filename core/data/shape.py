"""What a data set is for: the task's name and the roles its columns play. Stored with the data set, so that it is whole by itself.

The roles come from the task's declaration (`core.tasks.base.Column`); this only keeps them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from core.tasks.base import Column, Kind
from core.words import Message


@dataclass(frozen=True)
class Part:
    """One role: what kind of value its cells hold, and whether it is what the model learns to give."""

    role: str
    kind: Kind
    target: bool = False
    required: bool = True
    several: bool = False

    @property
    def column(self) -> Column:
        """As much of the task's declaration as guessing needs."""
        words = Message("{role}", role=self.role)
        return Column(self.role, self.kind, words, words, self.required, self.target, (self.role,), self.several)


@dataclass(frozen=True)
class Shape:
    """`parts` in the task's order; "split" is a role of every data set and not among them."""

    task: str
    parts: tuple[Part, ...]

    @staticmethod
    def of(task: str, columns: Iterable[Column]) -> Shape:
        return Shape(task, tuple(Part(c.role, c.kind, c.target, c.required, c.several) for c in columns))

    @staticmethod
    def from_json(told: Mapping[str, Any] | None) -> Shape:
        if not told:
            return SORTING
        return Shape(str(told["task"]), tuple(Part(**part) for part in told["parts"]))

    def as_json(self) -> dict[str, Any]:
        return {"task": self.task, "parts": [dict(part.__dict__) for part in self.parts]}

    @cached_property
    def target(self) -> Part | None:
        """What the model learns to give; None where the input itself is it (plain text, chat)."""
        return next((part for part in self.parts if part.target), None)

    @cached_property
    def inputs(self) -> tuple[Part, ...]:
        return tuple(part for part in self.parts if not part.target)

    @property
    def first(self) -> str:
        """The role whose cells are searched, measured and compared: the first input."""
        return self.inputs[0].role

    @property
    def names(self) -> tuple[str, ...]:
        return (*(part.role for part in self.parts), "split")

    @property
    def listed(self) -> bool:
        """Is it to put a row's own candidates in order?"""
        return self.target is not None and self.target.kind == "relevance"

    @property
    def by_label(self) -> bool:
        """One label a row: kept as numbers, which a million rows need."""
        return self.target is not None and self.target.kind == "category"


SORTING = Shape(
    "classification", (Part("text", "text", several=True), Part("label", "category", target=True, required=False))
)
