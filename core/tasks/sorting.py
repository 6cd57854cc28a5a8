"""What tasks share that sort rows into single labels, whatever the rows are: their mistakes, a line a label, and two rivals. Knows no models."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from core.tasks.base import Labels, LabelScores, Rival, Row
from core.tasks.classification import answers, softmax
from core.words import Message

SAMPLES = 12


class Fitted(Protocol):
    def outputs(self, rows: Sequence[Row]) -> np.ndarray: ...


def surest_mistakes(
    rows: Sequence[Row], predictions: Sequence[Any], shown: Callable[[Row], Mapping[str, Any]], most: int = SAMPLES
) -> list[dict[str, Any]]:
    """Rows of a figure "samples": wrong answers, the most confident first. `shown(row)`: role -> what is shown of a row."""
    wrong = [(row, p) for row, p in zip(rows, predictions, strict=True) if p.label != row["label"]]
    wrong.sort(key=lambda pair: -pair[1].probabilities[pair[1].label])
    return [
        {"inputs": dict(shown(row)), "gold": str(row["label"]), "said": str(p.label), "credit": 0.0}
        for row, p in wrong[:most]
    ]


def by_label(rows: Sequence[Row], predictions: Sequence[Any], names: Sequence[str], unit: Message) -> dict[str, Any]:
    """A figure "table" with a line for each label; None where there is nothing to count. `unit` names what is counted."""
    titles = (
        Message("Label"),
        Message("right of what it said (precision)"),
        Message("found of what is right (recall)"),
        Message("both (F1)"),
        unit,
    )
    found = []
    for name in names:
        there = sum(row["label"] == name for row in rows)
        said = sum(p.label == name for p in predictions)
        both = sum(row["label"] == name == p.label for row, p in zip(rows, predictions, strict=True))
        shares = ((both, said), (both, there), (2 * both, said + there))
        found.append([name, *(round(part / whole, 4) if whole else None for part, whole in shares), there])
    return {"columns": [title.as_json() for title in titles], "rows": found}


def commonest(train: Sequence[Row], asked: Sequence[Row], labels: Labels, detail: Callable[[str], Message]) -> Rival:
    """Says the commonest label of the training rows to every row."""
    label = Counter(row["label"] for row in train).most_common(1)[0][0]
    shares = {name: n / max(1, sum(labels.counts)) for name, n in zip(labels.names, labels.counts, strict=True)}
    return Rival("commonest", Message("Always the commonest"), detail(label), [LabelScores(label, shares)] * len(asked))


def best_fit(
    fits: Iterable[Fitted],
    validation: Sequence[Row],
    asked: Sequence[Row],
    labels: Labels,
    score: Callable[[Sequence[LabelScores]], float],
) -> list[LabelScores]:
    """What the fit answers that is best on the validation rows; the first of equals."""
    best, most = None, -1.0
    for fitted in fits:
        found = score(answers(softmax(fitted.outputs(validation)), labels.names))
        if found > most:
            best, most = fitted, found
    assert best is not None
    return answers(softmax(best.outputs(asked)), labels.names)
