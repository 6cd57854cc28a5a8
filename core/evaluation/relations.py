"""The figures of relations: the official SemEval-2010 score, a table of relations, and how often only the direction was wrong.

The counting is in core.tasks.relation_scores, where the definition and its source stand. Knows of no runs, models or files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.data.relations import relation_of
from core.evaluation.metrics import LabelFigures, confusion
from core.tasks.relation_scores import Counts, count, is_other


@dataclass(frozen=True)
class RelationFigures:
    """`macro` is the official score (`macro.f1`), `micro` the same over all texts together; both leave out "Other".

    `relations`: one entry a relation, "Other" last if it is there. `turned`: texts whose relation was right and whose direction was
    wrong, by relation. `undirected`: the official macro F1 with directions ignored. `names` and `matrix`: which relation was
    taken for which, directions ignored; row is what is right, column what was said.
    """

    macro: LabelFigures
    micro: LabelFigures
    accuracy: float
    relations: dict[str, LabelFigures]
    turned: dict[str, int]
    undirected: float
    names: tuple[str, ...]
    matrix: list[list[int]]

    def as_json(self) -> dict[str, Any]:
        return {
            "macro": self.macro.as_json(),
            "micro": self.micro.as_json(),
            "accuracy": self.accuracy,
            "relations": {name: f.as_json() for name, f in self.relations.items()},
            "turned": self.turned,
            "undirected": self.undirected,
            "names": list(self.names),
            "matrix": self.matrix,
        }


def figures(gold: Sequence[str], said: Sequence[str]) -> RelationFigures:
    """All figures, from one label a text on both sides."""
    counts = count(gold, said)
    known = sorted(counts.there.keys() | counts.said.keys())
    names = [n for n in known if not is_other(n)] + [n for n in known if is_other(n)]
    scored = counts.relations
    place = {name: i for i, name in enumerate(names)}
    rows, columns = ([place[relation_of(label)[0]] for label in labels] for labels in (gold, said))
    return RelationFigures(
        macro=_mean([_of(counts, name) for name in scored], counts),
        micro=_figures(*(sum(c[n] for n in scored) for c in (counts.right, counts.said, counts.there))),
        accuracy=counts.right.total() / max(len(gold), 1),
        relations={name: _of(counts, name) for name in names},
        turned={name: counts.turned[name] for name in scored},
        undirected=_undirected(counts),
        names=tuple(names),
        matrix=np.asarray(confusion(rows, columns, len(names))).tolist(),
    )


def _of(counts: Counts, name: str) -> LabelFigures:
    return _figures(counts.right[name], counts.said[name], counts.there[name])


def _figures(right: int, said: int, there: int) -> LabelFigures:
    return LabelFigures(
        precision=right / said if said else None,
        recall=right / there if there else None,
        f1=2 * right / (said + there) if said + there else None,
        support=there,
        said=said,
    )


def _mean(each: Sequence[LabelFigures], counts: Counts) -> LabelFigures:
    """Plain means; a relation that was never said counts with a precision of 0."""
    n = max(len(each), 1)
    return LabelFigures(
        precision=sum(f.precision or 0.0 for f in each) / n,
        recall=sum(f.recall or 0.0 for f in each) / n,
        f1=counts.macro_f1,
        support=sum(f.support for f in each),
        said=sum(f.said for f in each),
    )


def _undirected(counts: Counts) -> float:
    names = counts.relations
    hits = {name: counts.right[name] + counts.turned[name] for name in names}
    return sum(2 * hits[n] / max(counts.said[n] + counts.there[n], 1) for n in names) / max(len(names), 1)
