"""Right, said and there: how many spans of each label agree exactly, as the CoNLL scorer counts them. Only counting; no figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from core.data.spans_values import Span

Key = tuple[int, int, str]


@dataclass(frozen=True)
class Counts:
    """label -> number of spans. `right`: same start, end and label on both sides; `said`: predicted; `there`: in the gold answers."""

    right: Counter[str] = field(default_factory=Counter)
    said: Counter[str] = field(default_factory=Counter)
    there: Counter[str] = field(default_factory=Counter)

    @property
    def labels(self) -> list[str]:
        return sorted(self.said.keys() | self.there.keys())

    @property
    def micro(self) -> tuple[float, float, float]:
        """Precision, recall and F1 over all labels together; 0 where nothing was said or nothing is there."""
        right, said, there = self.right.total(), self.said.total(), self.there.total()
        return right / max(said, 1), right / max(there, 1), 2 * right / max(said + there, 1)

    def f1(self, label: str) -> float:
        return 2 * self.right[label] / max(self.said[label] + self.there[label], 1)


def exact(gold: Sequence[Iterable[Span]], predicted: Sequence[Iterable[Span]]) -> Counts:
    """Counts over rows. A span that stands twice in a row counts once."""
    counts = Counts()
    for right, said in zip(gold, predicted, strict=True):
        a, b = keys(right), keys(said)
        counts.there.update(label for _, _, label in a)
        counts.said.update(label for _, _, label in b)
        counts.right.update(label for _, _, label in a & b)
    return counts


def keys(spans: Iterable[Span]) -> set[Key]:
    return {(s["start"], s["end"], s["label"]) for s in spans}
