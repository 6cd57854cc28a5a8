"""One text, any number of labels, none included. Each label is a yes or no of its own, with a threshold of its own.

Thresholds are chosen on the validation split (`settle`): at every check, so that a moment is judged by what it will be once it is
kept, and once more for the kept model. Until then, and without validation rows, a label is said from one half on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from core.errors import RunError
from core.tasks.base import (
    Annotation,
    Column,
    Example,
    Figure,
    Labels,
    LabelSet,
    Link,
    Prediction,
    Rival,
    Row,
    Score,
    Trait,
)
from core.tasks.label_sets import HALF, Counts, counted, gold_matrix, probabilities, said_matrix, shared, thresholds
from core.tasks.texts import averaged, collated, encoded
from core.tasks.usual import Usual
from core.tasks.weighing import rarer
from core.words import Message, plural

if TYPE_CHECKING:
    import torch

FREQUENT = 40  # labels of the bar chart
PAIRS = 400  # cells of the matrix
HEAVIEST = 100.0  # times at most that a rare label's texts weigh
TRIALS = (1.0, 3.0, 10.0)  # restraints that word counting tries


class MultiLabel(Usual):
    name = "multilabel"
    traits: tuple[Trait, ...] = (
        "labels",
        "smoothed",
        "cleaned",
        "adapts",
        "weighed",
        "drawn",
        "mixes",
        "doubles",
        "varies",
    )
    title = Message("Give texts any number of labels")
    help = Message("Each text gets all labels that fit it, or none: topics of an article, feelings in a comment.")
    prediction = "label_set"
    columns: tuple[Column, ...] = (
        Column("text", "text", Message("The text is in"), Message("What the model reads."), several=True),
        Column(
            "label",
            "categories",
            Message("The labels are in"),
            Message("One column with all labels of a text, or one column of 0 and 1 for each label."),
            required=False,
            target=True,
            several=True,
            names=("labels", "label", "tags", "topics", "categories", "classes", "genres", "emotions", "标签"),
        ),
    )
    annotation = Annotation("multi", Message("Which labels fit this text?"))
    scores: tuple[Score, ...] = (
        Score(
            "macro_f1",
            Message("Mean of labels"),
            Message("How well each label is found, every label counting the same, however rare (macro F1)."),
        ),
        Score(
            "micro_f1",
            Message("All answers together"),
            Message("How well labels are found, frequent labels counting more (micro F1)."),
        ),
        Score(
            "samples_f1",
            Message("Text by text"),
            Message("How well the labels of a text are found, on average over the texts (samples F1)."),
        ),
        Score(
            "exact_match",
            Message("Whole sets right"),
            Message("Of 100 texts, how many get exactly their labels, none missing and none too many."),
        ),
    )
    link: Link | None = "sigmoid"
    figures: tuple[Figure, ...] = (
        Figure("labels", Message("Label by label"), "table"),
        Figure("frequency", Message("How many texts carry each label"), "bars"),
        Figure("instead", Message("Said instead. Rows: labels it missed. Columns: labels it said wrongly."), "matrix"),
    )

    def labels(self, rows: Sequence[Row], names: Sequence[str] | None = None) -> Labels:
        """The labels of the training rows: in the order of `names`, else most frequent first."""
        train = [row for row in rows if row["label"] is not None and row.get("split") == "train"]
        found = Counter(name for row in train for name in row["label"])
        order = tuple(names) if names else tuple(sorted(found, key=lambda n: (-found[n], n)))
        if strangers := sorted(set(found) - set(order)):
            raise RunError(Message("The label “{label}” is not among the run's labels.", label=strangers[0]))
        if not found:
            raise RunError(
                Message("There is nothing to learn: no training text carries a label."),
                fix=Message("Label some texts, then start again."),
            )
        return Labels(order, tuple(found[name] for name in order), {"texts": len(train)})

    def model(self, source: Any, labels: Labels, settings: Any) -> torch.nn.Module:
        from core.models.loading import new_model

        return new_model(source, labels.names, dropout=settings.dropout, link=self.link)

    def encode(self, rows: Sequence[Row], processor: Any, settings: Any) -> Iterable[Example]:
        return encoded(rows, processor, settings)

    def target(self, row: Row, example: Example | None, labels: Labels) -> np.ndarray:
        """0 and 1 for each label, (labels,)."""
        target = np.zeros(len(labels.names), dtype=np.float32)
        target[[labels.index(name) for name in row["label"]]] = 1
        return target

    def collate(
        self, examples: Sequence[Example], targets: Sequence[np.ndarray] | None, processor: Any
    ) -> dict[str, torch.Tensor]:
        return collated(examples, targets, processor)

    def forward(self, model: torch.nn.Module, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Logits (batch, labels)."""
        return model(batch["input_ids"], batch["attention_mask"])

    def loss(
        self, outputs: torch.Tensor, batch: Mapping[str, torch.Tensor], settings: Any, labels: Labels
    ) -> torch.Tensor:
        """Binary cross-entropy, mean over examples and labels. Rare labels: their texts weigh more (`pos_weight`).

        Focal loss: Lin et al. 2017, `focal_alpha` being the weight of labels that are there. Smoothing moves both 0 and 1 towards one half.
        """
        import torch
        from torch.nn import functional

        logits, targets = outputs.float(), batch["targets"]
        smooth = targets * (1 - settings.label_smoothing) + settings.label_smoothing / 2
        weights = self.weights(labels, settings)
        heavier = None if weights is None else torch.from_numpy(weights).to(logits)
        losses = functional.binary_cross_entropy_with_logits(logits, smooth, reduction="none", pos_weight=heavier)
        if settings.loss == "focal":
            right = torch.sigmoid(torch.where(targets > 0.5, logits, -logits))  # probability of what is right
            losses = losses * (1 - right).clamp(min=1e-6) ** settings.focal_gamma
            if settings.focal_alpha is not None:
                losses = losses * torch.where(targets > 0.5, settings.focal_alpha, 1 - settings.focal_alpha)
        return losses.mean()

    def weights(self, labels: Labels, settings: Any) -> np.ndarray | None:
        """By label: how many times its texts weigh (labels,); None where all weigh the same."""
        if settings.class_weights == "none":
            return None
        there = np.maximum(np.array(labels.counts, dtype=np.float64), 1.0)
        without = np.maximum(labels.extra["texts"] - there, 1.0)
        return np.clip(rarer(there, without, settings), 1.0, HEAVIEST).astype(np.float32)

    def label_of(self, target: Any, labels: Labels) -> int:
        there = np.flatnonzero(target)
        return int(min(there, key=lambda label: labels.counts[label])) if len(there) else -1

    def difference(self, one: torch.Tensor, other: torch.Tensor, batch: Mapping[str, Any]) -> torch.Tensor:
        from core.tasks.difference import of_sets

        return of_sets(one, other)

    def decode(
        self, outputs: Sequence[Any], rows: Sequence[Row], examples: Sequence[Example], labels: Labels
    ) -> list[Prediction]:
        """One set a row; the probabilities of several windows of a row are averaged."""
        logits = np.asarray(outputs, dtype=np.float32).reshape(len(examples), len(labels.names))
        return [*sets(averaged(sigmoid(logits), len(rows), examples), labels)]

    def settle(self, labels: Labels, rows: Sequence[Row], predictions: Sequence[Prediction]) -> Labels:
        """A threshold for each label: where its F1 on these rows is best."""
        if not rows:
            return labels
        chosen = thresholds(probabilities(predictions, labels), gold_matrix(rows, labels))
        told = {name: round(float(value), 6) for name, value in zip(labels.names, chosen, strict=True)}
        return replace(labels, extra={**labels.extra, "thresholds": told})

    def again(self, predictions: Sequence[Prediction], labels: Labels) -> list[Prediction]:
        return [*sets(probabilities(predictions, labels), labels)]

    def score(self, rows: Sequence[Row], predictions: Sequence[Any], labels: Labels) -> dict[str, float]:
        """The measures in `scores`, of what was said, and loss (mean binary cross-entropy). macro_f1 is over the labels that stand in
        `rows`; in samples_f1 a text without labels that got none counts as right."""
        if not rows:
            return {}
        gold, said = gold_matrix(rows, labels), said_matrix(predictions, labels)
        counts = counted(gold, said)
        shares = np.clip(probabilities(predictions, labels), 1e-7, 1 - 1e-7)
        return {
            "macro_f1": float(counts.f1[counts.there > 0].mean()) if counts.there.any() else 0.0,
            "micro_f1": counts.micro_f1,
            "samples_f1": float(shared(gold, said).mean()),
            "exact_match": float((gold == said).all(axis=1).mean()),
            "loss": float(-np.where(gold, np.log(shares), np.log1p(-shares)).mean()),
        }

    def credit(self, row: Row, prediction: Any, labels: Labels) -> float:
        """F1 of the row's own labels; 1 only where the set is right."""
        gold, said = set(row["label"]), set(prediction.labels)
        return 2 * len(gold & said) / (len(gold) + len(said)) if gold or said else 1.0

    def per_label(self, rows: Sequence[Row], predictions: Sequence[Any], labels: Labels) -> dict[str, float]:
        """label -> share of its rows that was found (recall), for the labels that stand in `rows`."""
        counts = counted(gold_matrix(rows, labels), said_matrix(predictions, labels))
        shares = zip(labels.names, counts.recall.tolist(), counts.there.tolist(), strict=True)
        return {name: recall for name, recall, there in shares if there}

    def report(self, rows: Sequence[Row], predictions: Sequence[Any], labels: Labels) -> Mapping[str, Any]:
        gold, said = gold_matrix(rows, labels), said_matrix(predictions, labels)
        counts = counted(gold, said)
        order = np.argsort(-counts.there, kind="stable")
        often = order[:FREQUENT].tolist()
        return {
            "labels": table(counts, labels, order.tolist()),
            "frequency": {
                "names": [labels.names[i] for i in often],
                "values": [int(counts.there[i]) for i in often],
            },
            "instead": instead(gold, said, labels.names),
        }

    def rivals(
        self,
        train: Sequence[Row],
        validation: Sequence[Row],
        asked: Sequence[Row],
        labels: Labels,
        cancelled: Callable[[], bool],
    ) -> Iterable[Rival]:
        """Always the commonest set; and word counting with a logistic regression a label, its thresholds tuned like the run's."""
        common = Counter(tuple(sorted(row["label"], key=labels.index)) for row in train).most_common(1)[0][0]
        shares = {name: n / len(train) for name, n in zip(labels.names, labels.counts, strict=True)}
        yield Rival(
            "commonest",
            Message("Always the commonest set"),
            Message("Says “{labels}” to every text.", labels=", ".join(common)) if common else NOTHING,
            [LabelSet(common, shares)] * len(asked),
        )
        yield self._counting(train, validation, asked, labels, cancelled)

    def _counting(
        self,
        train: Sequence[Row],
        validation: Sequence[Row],
        asked: Sequence[Row],
        labels: Labels,
        cancelled: Callable[[], bool],
    ) -> Rival:
        from core.tasks.counting import fits

        plain = replace(labels, extra={})
        best, most = None, -1.0
        trials = TRIALS if validation else TRIALS[-1:]
        for fitted in fits(train, gold_matrix(train, labels), "sigmoid", trials, cancelled):
            checked = sets(sigmoid(fitted.outputs(validation)), plain)
            settled = self.settle(plain, validation, checked)
            f1 = self.score(validation, self.again(checked, settled), plain).get("macro_f1", 0.0)
            if f1 > most:
                best, most = (fitted, settled), f1
        assert best is not None
        fitted, settled = best
        detail = plural(
            len(train),
            "A logistic regression for each label, learnt from one text; thresholds tuned on validation like the run's.",
            "A logistic regression for each label, learnt from {n:,} texts; thresholds tuned on validation like the run's.",
        )
        return Rival("counting", Message("Word counting"), detail, sets(sigmoid(fitted.outputs(asked)), settled))


NOTHING = Message("Gives no text a label.")


def sigmoid(logits: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(logits, -60, 60)))


def sets(shares: np.ndarray, labels: Labels) -> list[LabelSet]:
    """Predictions from probabilities (rows, labels): the labels that reach their threshold, in the order of `labels`."""
    limits = {name: float(labels.extra.get("thresholds", {}).get(name, HALF)) for name in labels.names}
    over = shares >= np.array(list(limits.values()))
    return [
        LabelSet(
            tuple(name for name, yes in zip(labels.names, row, strict=True) if yes),
            dict(zip(labels.names, told, strict=True)),
            limits,
        )
        for row, told in zip(over.tolist(), shares.tolist(), strict=True)
    ]


def table(counts: Counts, labels: Labels, order: Sequence[int]) -> dict[str, Any]:
    """A line for each label: how often its name was right, how many of its texts were found, both together."""
    limits = labels.extra.get("thresholds", {})
    titles = (
        Message("Label"),
        Message("right of what it said (precision)"),
        Message("found of what is right (recall)"),
        Message("both (F1)"),
        Message("texts"),
        Message("said from … on"),
    )
    rows = [
        [
            labels.names[i],
            round(float(counts.precision[i]), 4) if counts.said[i] else None,
            round(float(counts.recall[i]), 4) if counts.there[i] else None,
            round(float(counts.f1[i]), 4) if counts.there[i] + counts.said[i] else None,
            int(counts.there[i]),
            round(float(limits.get(labels.names[i], HALF)), 3),
        ]
        for i in order
    ]
    return {"columns": [title.as_json() for title in titles], "rows": rows}


def instead(gold: np.ndarray, said: np.ndarray, names: Sequence[str]) -> dict[str, Any]:
    """How often, in a text whose label i was missed, label j was said wrongly; the most frequent pairs."""
    missed, wrong = (gold & ~said).astype(np.int64), (said & ~gold).astype(np.int64)
    both = missed.T @ wrong  # (labels, labels)
    places = np.argsort(-both, axis=None, kind="stable")[:PAIRS]
    pairs = [(int(p // len(names)), int(p % len(names))) for p in places]
    cells = [[i, j, int(both[i, j])] for i, j in pairs if both[i, j]]
    return {"rows": list(names), "columns": list(names), "cells": cells}
