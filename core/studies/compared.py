"""Members of a study side by side: the figures of each, and which differences are more than chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from core import tasks
from core.evaluation.chance import paired_p
from core.studies.base import Seen
from core.studies.study import Study
from core.tasks.base import LOWER
from core.training.judging import credits

CLEAR = 0.05  # p below which a difference is called one


@dataclass(frozen=True)
class Measure:
    """The task's first measure: what ways are compared by."""

    name: str
    title: Any
    share: bool
    lower: bool  # lower is better

    @staticmethod
    def of(task: str) -> Measure:
        first = tasks.task(task).scores[0]
        return Measure(first.name, first.title, first.share, first.name in LOWER)

    def as_json(self) -> dict[str, Any]:
        return {"name": self.name, "title": self.title, "share": self.share, "lower": self.lower}

    def shown(self, value: float | None) -> str:
        if value is None:
            return "–"
        return f"{100 * value:.1f} %" if self.share else f"{value:.3g}"

    def within(self, value: float | None) -> float | None:
        """A bound of a share lies between 0 and 1."""
        return min(1.0, max(0.0, value)) if self.share and value is not None else value

    def best(self, values: Mapping[str, float]) -> str | None:
        """The key of the best value."""
        return (min if self.lower else max)(values, key=lambda key: values[key]) if values else None


@dataclass(frozen=True)
class Figure:
    """What a member reaches on one split."""

    value: float | None
    low: float | None = None
    high: float | None = None
    n: int | None = None

    def as_json(self) -> dict[str, Any]:
        return {"value": self.value, "low": self.low, "high": self.high, "n": self.n}


def figure(one: Seen, split: str, measure: str) -> Figure:
    """As the member judged itself; else the bare score it told."""
    told = judged(one).get(split)
    if told:
        return Figure(told["value"], told["low"], told["high"], told["n"])
    return Figure((one.test if split == "test" else one.scores).get(measure))


def judged(one: Seen) -> Mapping[str, Any]:
    return (one.member.ended or {}).get("judged") or {}


def answers(study: Study, members: Sequence[Seen], split: str) -> dict[str, float]:
    """Row id -> credit, over the answers of all these members (the folds of one way); empty where one has left none."""
    found: dict[str, float] = {}
    for one in members:
        path = study.answers(one.member.run) if one.member.run else None
        if path is None or not path.is_file():
            return {}
        found |= _credits(path, split)
    return found


def p_of(one: Mapping[str, float], other: Mapping[str, float]) -> float | None:
    """Of the paired difference on the rows both have; None with fewer than five."""
    both = sorted(set(one) & set(other))
    if len(both) < 5:
        return None
    return paired_p(np.array([one[row] for row in both]), np.array([other[row] for row in both]))


def holm(ps: Mapping[str, float | None]) -> dict[str, float | None]:
    """The same p adjusted for having asked so many questions at once (Holm 1979)."""
    known = sorted((p, key) for key, p in ps.items() if p is not None)
    adjusted: dict[str, float | None] = dict.fromkeys(ps)
    highest = 0.0
    for place, (p, key) in enumerate(known):
        highest = max(highest, min(1.0, (len(known) - place) * p))
        adjusted[key] = highest
    return adjusted


@dataclass(frozen=True)
class Standing:
    """Which is best, and who is about as good. `p` is each one's adjusted p against the best; None where nobody can tell."""

    best: str | None = None
    p: Mapping[str, float | None] = field(default_factory=dict)

    def about_as_good(self, key: str) -> bool:
        """Not clearly worse than the best."""
        p = self.p.get(key)
        return key == self.best or (p is not None and p >= CLEAR)


def standing(values: Mapping[str, float], credits_of: Mapping[str, Mapping[str, float]], measure: Measure) -> Standing:
    best = measure.best(values)
    if best is None:
        return Standing()
    against = {key: p_of(credits_of.get(best, {}), credits_of.get(key, {})) for key in values if key != best}
    return Standing(best, holm(against))


@lru_cache(maxsize=256)
def _credits(path: Path, split: str) -> Mapping[str, float]:
    return credits(path, split)
