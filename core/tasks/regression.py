"""One text, one number: a rating, a price, a degree. The number is learnt in units of its spread and told on its own scale.

`labels.extra` holds the scale: mean, std, and the ends low and high of the training rows. Answers are not cut off at the ends.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from core.tasks import numbers
from core.tasks.base import Annotation, Column, Example, Figure, Labels, Link, Prediction, Rival, Row, Score, Trait
from core.tasks.texts import averaged, collated, encoded
from core.tasks.usual import Usual
from core.words import Message, plural

if TYPE_CHECKING:
    import torch

OUTPUT = "value"  # the model's only output
TRIALS = (0.1, 0.3, 1.0, 3.0, 10.0)  # restraints that word counting tries


class Regression(Usual):
    name = "regression"
    traits: tuple[Trait, ...] = ("numbers", "cleaned", "adapts", "mixes", "doubles", "varies")
    title = Message("Give texts a number")
    help = Message("Each text gets a number on your scale: stars, a degree, a price, how urgent it is.")
    prediction = "number"
    columns: tuple[Column, ...] = (
        Column("text", "text", Message("The text is in"), Message("What the model reads."), several=True),
        Column(
            "label",
            "number",
            Message("The number is in"),
            Message("What the model learns to tell. Without it, you type numbers by hand."),
            required=False,
            target=True,
            names=("score", "rating", "value", "number", "stars", "grade", "price", "degree", "label", "分数", "评分"),
        ),
    )
    annotation = Annotation("number", Message("Which number fits this text?"))
    scores: tuple[Score, ...] = numbers.SCORES
    link: Link | None = "identity"
    figures: tuple[Figure, ...] = numbers.FIGURES

    def labels(self, rows: Sequence[Row], names: Sequence[str] | None = None) -> Labels:
        """The scale of the training rows. There are no label names; the one output has a name of its own."""
        found = [row["label"] for row in rows if row["label"] is not None and row.get("split") == "train"]
        return numbers.scale(found, OUTPUT)

    def model(self, source: Any, labels: Labels, settings: Any) -> torch.nn.Module:
        from core.models.loading import new_model

        return new_model(source, labels.names, dropout=settings.dropout, link=self.link)

    def encode(self, rows: Sequence[Row], processor: Any, settings: Any) -> Iterable[Example]:
        return encoded(rows, processor, settings)

    def target(self, row: Row, example: Example | None, labels: Labels) -> np.ndarray:
        """How many standard deviations the number is from the mean, (1,)."""
        return numbers.scaled([row["label"]], labels).astype(np.float32)

    def collate(
        self, examples: Sequence[Example], targets: Sequence[np.ndarray] | None, processor: Any
    ) -> dict[str, torch.Tensor]:
        return collated(examples, targets, processor)

    def forward(self, model: torch.nn.Module, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Scaled numbers (batch, 1)."""
        return model(batch["input_ids"], batch["attention_mask"])

    def loss(
        self, outputs: torch.Tensor, batch: Mapping[str, torch.Tensor], settings: Any, labels: Labels
    ) -> torch.Tensor:
        return numbers.loss(outputs, batch["targets"], settings)

    def difference(self, one: torch.Tensor, other: torch.Tensor, batch: Mapping[str, Any]) -> torch.Tensor:
        from core.tasks.difference import of_numbers

        return of_numbers(one, other)

    def decode(
        self, outputs: Sequence[Any], rows: Sequence[Row], examples: Sequence[Example], labels: Labels
    ) -> list[Prediction]:
        """One number a row; the mean over several windows of it."""
        told = averaged(np.asarray(outputs, dtype=np.float64).reshape(len(examples), 1), len(rows), examples)[:, 0]
        return [*numbers.lined(numbers.told(told, labels), labels)]

    def settle(self, labels: Labels, rows: Sequence[Row], predictions: Sequence[Any]) -> Labels:
        """The line that brings answers onto the scale, where they are off it."""
        return numbers.straightened(labels, [row["label"] for row in rows], [p.value for p in predictions])

    def again(self, predictions: Sequence[Any], labels: Labels) -> list[Prediction]:
        return [*numbers.lined(predictions, labels)]

    def score(self, rows: Sequence[Row], predictions: Sequence[Any], labels: Labels) -> dict[str, float]:
        return numbers.score([row["label"] for row in rows], [p.value for p in predictions], labels)

    def credit(self, row: Row, prediction: Any, labels: Labels) -> float:
        return numbers.credit(row["label"], prediction.value, labels)

    def report(self, rows: Sequence[Row], predictions: Sequence[Any], labels: Labels) -> Mapping[str, Any]:
        return numbers.report([row["label"] for row in rows], [p.value for p in predictions])

    def rivals(
        self,
        train: Sequence[Row],
        validation: Sequence[Row],
        asked: Sequence[Row],
        labels: Labels,
        cancelled: Callable[[], bool],
    ) -> Iterable[Rival]:
        """Always the mean; and word counting with a ridge regression whose restraint validation chooses."""
        from core.tasks.counting import fits

        yield numbers.always_the_mean(len(asked), labels)
        best, least = None, math.inf
        trials = TRIALS if validation else (1.0,)
        for fitted in fits(train, _targets(train, labels), "identity", trials, cancelled):
            off = fitted.outputs(validation) - _targets(validation, labels)
            wrong = float((off**2).mean()) if validation else 0.0
            if wrong < least:
                best, least = fitted, wrong
        assert best is not None
        detail = plural(
            len(train),
            "A ridge regression on counted words, learnt from one text.",
            "A ridge regression on counted words, learnt from {n:,} texts.",
        )
        yield Rival("counting", Message("Word counting"), detail, numbers.told(best.outputs(asked)[:, 0], labels))


def _targets(rows: Sequence[Row], labels: Labels) -> np.ndarray:
    """(rows, 1)."""
    return numbers.scaled([row["label"] for row in rows], labels).reshape(-1, 1)
