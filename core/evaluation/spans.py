"""The figures of spans, from gold and predicted ones: strict and partial precision, recall and F1, a confusion of types, and what kind
of mistakes were made. Nothing here knows of runs, models or files.

Strict is the definition of the CoNLL-2003 scorer (Tjong Kim Sang, De Meulder 2003): a span is right if start, end and type are. Partial
asks for the right type and at least one shared character, each span matched at most once (as “type” in SemEval-2013 task 9).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.data.spans_values import Span
from core.evaluation.metrics import LabelFigures
from core.tasks.span_counts import Counts, Key, exact, keys

KINDS_OF_MISTAKE = ("type", "too_long", "too_short", "shifted", "type_and_place", "missed", "invented")


@dataclass(frozen=True)
class Table:
    """Figures over all spans together (micro), the mean over the labels that stand in the gold answers (macro), and of each label."""

    micro: LabelFigures
    macro: LabelFigures
    labels: dict[str, LabelFigures]

    def as_json(self) -> dict[str, Any]:
        each = {name: figures.as_json() for name, figures in self.labels.items()}
        return {"micro": self.micro.as_json(), "macro": self.macro.as_json(), "labels": each}


@dataclass(frozen=True)
class SpanFigures:
    """All figures of a test.

    `names` and `matrix` are the confusion of types at the same place: row is what is right, column what was said; the last row
    counts the invented (no gold span stands exactly there), the last column the missed. `mistakes` counts gold spans that were not found
    exactly, by kind, and invented ones:
    type: right place, wrong type. too_long, too_short, shifted: right type, and the predicted place holds the right one, lies in it, or
    neither. type_and_place: they overlap, and both are wrong. missed: nothing was said there. invented: nothing is there.
    """

    strict: Table
    partial: Table
    names: tuple[str, ...]
    matrix: list[list[int]]
    mistakes: dict[str, int]
    rows: int
    rows_right: int  # rows in which every span is right and none too many

    def as_json(self) -> dict[str, Any]:
        return {
            "strict": self.strict.as_json(),
            "partial": self.partial.as_json(),
            "names": list(self.names),
            "matrix": self.matrix,
            "mistakes": self.mistakes,
            "rows": self.rows,
            "rows_right": self.rows_right,
        }


def figures(
    gold: Sequence[Iterable[Span]], predicted: Sequence[Iterable[Span]], names: Sequence[str] | None = None
) -> SpanFigures:
    """All figures over rows; `gold` and `predicted` have one list of spans a row. `names` gives the order of the labels."""
    right = [keys(row) for row in gold]
    said = [keys(row) for row in predicted]
    counts = exact(gold, predicted)
    order = tuple(dict.fromkeys([*(names or ()), *counts.labels]))
    mistakes: Counter[str] = Counter()
    for a, b in zip(right, said, strict=True):
        mistakes.update(mistakes_of(a, b))
    return SpanFigures(
        strict=_table(counts, order),
        partial=_table(partial(right, said), order),
        names=order,
        matrix=confusion(right, said, order),
        mistakes={kind: mistakes[kind] for kind in KINDS_OF_MISTAKE},
        rows=len(right),
        rows_right=sum(a == b for a, b in zip(right, said, strict=True)),
    )


def partial(gold: Sequence[set[Key]], predicted: Sequence[set[Key]]) -> Counts:
    """Counts in which a span is right if it overlaps one of its type. Matches are one to one, largest overlap first."""
    counts = Counts()
    for a, b in zip(gold, predicted, strict=True):
        counts.there.update(label for _, _, label in a)
        counts.said.update(label for _, _, label in b)
        counts.right.update(g[2] for g, _ in _matched(a, b, same_type=True))
    return counts


def confusion(gold: Sequence[set[Key]], predicted: Sequence[set[Key]], names: Sequence[str]) -> list[list[int]]:
    """(labels + 1, labels + 1) counts; see SpanFigures. Where several spans stand at one place, equal types are matched first."""
    place = {name: i for i, name in enumerate(names)}
    other = len(names)
    matrix = [[0] * (other + 1) for _ in range(other + 1)]
    for a, b in zip(gold, predicted, strict=True):
        left, over = _by_place(a - b), _by_place(b - a)
        for key in a & b:
            matrix[place[key[2]]][place[key[2]]] += 1
        for where in sorted(left.keys() | over.keys()):
            ours, theirs = left.get(where, []), over.get(where, [])
            paired = min(len(ours), len(theirs))
            for x, y in zip(ours[:paired], theirs[:paired], strict=True):
                matrix[place[x]][place[y]] += 1
            for x in ours[paired:]:
                matrix[place[x]][other] += 1
            for y in theirs[paired:]:
                matrix[other][place[y]] += 1
    return matrix


def mistakes_of(gold: set[Key], predicted: set[Key]) -> Counter[str]:
    """Kinds of mistake in one row. Each gold span that is not right has one kind; each predicted one explains one gold span at most."""
    found: Counter[str] = Counter()
    left, over = gold - predicted, predicted - gold
    for same_place, same_type in ((True, False), (False, True), (False, False)):
        for a, b in _matched(left, over, same_type, same_place):
            left, over = left - {a}, over - {b}
            found[_kind(a, b)] += 1
    found["missed"] = len(left)
    found["invented"] = len(over)
    return found


def _kind(gold: Key, said: Key) -> str:
    if gold[:2] == said[:2]:
        return "type"
    if gold[2] != said[2]:
        return "type_and_place"
    if said[0] <= gold[0] and said[1] >= gold[1]:
        return "too_long"
    return "too_short" if said[0] >= gold[0] and said[1] <= gold[1] else "shifted"


def _matched(
    gold: set[Key], predicted: set[Key], same_type: bool = False, same_place: bool = False
) -> list[tuple[Key, Key]]:
    """Pairs that share characters, one to one: equal ones first, then by the number of shared characters, then from the left."""
    pairs = [
        (a != b, max(a[0], b[0]) - min(a[1], b[1]), a, b)
        for a in gold
        for b in predicted
        if a[0] < b[1] and b[0] < a[1] and (not same_type or a[2] == b[2]) and (not same_place or a[:2] == b[:2])
    ]
    found: list[tuple[Key, Key]] = []
    used_gold: set[Key] = set()
    used_said: set[Key] = set()
    for _, _, a, b in sorted(pairs):
        if a not in used_gold and b not in used_said:
            used_gold.add(a)
            used_said.add(b)
            found.append((a, b))
    return found


def _table(counts: Counts, names: Sequence[str]) -> Table:
    each = {name: _figures(counts.right[name], counts.said[name], counts.there[name]) for name in names}
    right, said, there = counts.right.total(), counts.said.total(), counts.there.total()
    return Table(_figures(right, said, there), _macro(each, said, there), each)


def _macro(each: Mapping[str, LabelFigures], said: int, there: int) -> LabelFigures:
    """The plain mean over labels of the gold answers; what has no meaning counts as 0."""
    seen = [f for f in each.values() if f.support]

    def mean(name: str) -> float | None:
        return sum(getattr(f, name) or 0.0 for f in seen) / len(seen) if seen else None

    return LabelFigures(mean("precision"), mean("recall"), mean("f1"), there, said)


def _figures(right: int, said: int, there: int) -> LabelFigures:
    return LabelFigures(
        precision=right / said if said else None,
        recall=right / there if there else None,
        f1=2 * right / (said + there) if said + there else None,
        support=there,
        said=said,
    )


def _by_place(spans: set[Key]) -> dict[tuple[int, int], list[str]]:
    places: dict[tuple[int, int], list[str]] = {}
    for start, end, label in sorted(spans):
        places.setdefault((start, end), []).append(label)
    return places
