"""The official score of SemEval-2010 task 8, for any relations: macro F1 in which the direction must be right.

Hendrickx et al. 2010, and the scorer that came with the task (version 1.2, "(9+1)-way evaluation with directionality taken into account"):
both directions of a relation count as one class, a right relation with the wrong direction as a mistake; "Other" is left out of the
mean; the mean goes over the relations that stand in the gold labels. Only counting; no figures.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from core.data.relations import relation_of

OTHERS = frozenset(
    {"other", "no_relation", "no relation", "none", "na", "n/a", "无", "无关系", "其他", "unknown", "未知"}
)


@dataclass(frozen=True)
class Counts:
    """relation without its direction -> number of texts. `right`: relation and direction; `turned`: the relation, the other way round."""

    right: Counter[str] = field(default_factory=Counter)
    turned: Counter[str] = field(default_factory=Counter)
    said: Counter[str] = field(default_factory=Counter)
    there: Counter[str] = field(default_factory=Counter)

    @property
    def relations(self) -> list[str]:
        """The relations that count: those of the gold labels, without the one that stands for no relation."""
        return sorted(name for name in self.there if not is_other(name))

    def f1(self, name: str) -> float:
        return 2 * self.right[name] / max(self.said[name] + self.there[name], 1)

    @property
    def macro_f1(self) -> float:
        """The official score, 0 to 1; 0 where no relation stands in the gold labels."""
        names = self.relations
        return sum(self.f1(name) for name in names) / max(len(names), 1)


def count(gold: Sequence[str], said: Sequence[str]) -> Counts:
    """Counts over texts, from labels such as "Cause-Effect(e2,e1)" or "Other"."""
    counts = Counts()
    for right, answer in zip(gold, said, strict=True):
        name, answered = relation_of(right)[0], relation_of(answer)[0]
        counts.there[name] += 1
        counts.said[answered] += 1
        if name == answered:
            same = relation_of(right)[1] == relation_of(answer)[1]
            (counts.right if same else counts.turned)[name] += 1
    return counts


def is_other(label: str) -> bool:
    """Does this label stand for "none of the relations"?"""
    return relation_of(label)[0].strip(" _").lower() in OTHERS
