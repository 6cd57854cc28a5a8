"""One text, one label. Everything that is particular to it: columns, encoding, loss, answers and scores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from core.errors import RunError
from core.tasks.base import (
    Annotation,
    Column,
    Example,
    Figure,
    Labels,
    LabelScores,
    Link,
    Prediction,
    Row,
    Score,
    Trait,
)
from core.tasks.texts import averaged, encoded
from core.tasks.usual import Usual
from core.tasks.weighing import rarer
from core.words import Message

if TYPE_CHECKING:
    import torch


class Classification(Usual):
    name = "classification"
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
    title = Message("Sort texts under labels")
    help = Message("Each text gets one of your labels: topics, intents, moods, spam or not.")
    columns: tuple[Column, ...] = (
        Column("text", "text", Message("The text is in"), Message("What the model reads."), several=True),
        Column(
            "label",
            "category",
            Message("The label is in"),
            Message("What the model learns to answer. Without it, you label by hand."),
            required=False,
            target=True,
        ),
    )
    annotation = Annotation("single", Message("What is this message about?"))
    scores: tuple[Score, ...] = (
        Score("accuracy", Message("Share right"), Message("Of 100 texts, how many get the right label (accuracy).")),
        Score("macro_f1", Message("Mean of labels"), Message("Every label counts the same, however rare (macro F1).")),
    )
    link: Link | None = "softmax"
    figures: tuple[Figure, ...] = (
        Figure("labels", Message("Label by label"), "table"),
        Figure("confusion", Message("What it confuses. Rows: what is right. Columns: what it said."), "matrix"),
    )

    def labels(self, rows: Sequence[Row], names: Sequence[str] | None = None) -> Labels:
        """The label set of the training rows: in the order of `names`, else most frequent first."""
        counted = Counter(row["label"] for row in rows if row["label"] is not None and row.get("split") == "train")
        order = tuple(names) if names is not None else tuple(sorted(counted, key=lambda n: (-counted[n], n)))
        if strangers := sorted(set(counted) - set(order)):
            raise RunError(Message("The label “{label}” is not among the run's labels.", label=strangers[0]))
        if sum(1 for name in order if counted[name]) < 2:
            raise RunError(
                Message("There is nothing to tell apart: the training texts carry fewer than two labels."),
                fix=Message("Label texts with at least two different labels, then start again."),
            )
        return Labels(order, tuple(counted[name] for name in order))

    def model(self, source: Any, labels: Labels, settings: Any) -> torch.nn.Module:
        from core.models.loading import new_model

        return new_model(source, labels.names, dropout=settings.dropout)

    def encode(self, rows: Sequence[Row], processor: Any, settings: Any) -> Iterable[Example]:
        """Token ids of each row's text, cut at `settings.max_length`; one example a row, no padding."""
        return encoded(rows, processor, settings)

    def target(self, row: Row, example: Example | None, labels: Labels) -> int:
        return labels.index(row["label"])

    def collate(
        self, examples: Sequence[Example], targets: Sequence[int] | None, processor: Any
    ) -> dict[str, torch.Tensor]:
        """input_ids and attention_mask (batch, tokens of the longest), targets (batch,)."""
        import torch

        from core.training.batches import padded

        batch = padded(examples, processor)
        if targets is not None:
            batch["targets"] = torch.tensor(targets, dtype=torch.long)
        return batch

    def forward(self, model: torch.nn.Module, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Logits (batch, labels)."""
        return model(batch["input_ids"], batch["attention_mask"])

    def weights(self, labels: Labels, settings: Any) -> np.ndarray | None:
        return label_weights(labels, settings)

    def label_of(self, target: Any, labels: Labels) -> int:
        return int(target)

    def loss(
        self, outputs: torch.Tensor, batch: Mapping[str, torch.Tensor], settings: Any, labels: Labels
    ) -> torch.Tensor:
        """Mean loss per example. Weights are scaled to a mean of 1 over the training texts, and the sum is divided by the number
        of examples (not by their weights), so that gathered small batches equal one large one.

        Focal loss: Lin et al. 2017, with the label-smoothed cross-entropy in the place of -log p.
        """
        import torch
        from torch.nn import functional

        logits, targets = outputs.float(), batch["targets"]
        losses = functional.cross_entropy(logits, targets, reduction="none", label_smoothing=settings.label_smoothing)
        if settings.loss == "focal":
            right = torch.softmax(logits, dim=-1).gather(1, targets[:, None])[
                :, 0
            ]  # (batch,) probability of the right label
            losses = losses * (1 - right).clamp(min=1e-6) ** settings.focal_gamma
        weights = label_weights(labels, settings)
        if weights is not None:
            losses = losses * torch.from_numpy(weights).to(losses)[targets]
        return losses.mean()

    def decode(
        self, outputs: Sequence[Any], rows: Sequence[Row], examples: Sequence[Example], labels: Labels
    ) -> list[Prediction]:
        """One answer a row, in the order of `rows`; several windows of a row are averaged."""
        probabilities = softmax(np.asarray(outputs, dtype=np.float32).reshape(len(examples), len(labels.names)))
        return [*answers(averaged(probabilities, len(rows), examples), labels.names)]

    def score(self, rows: Sequence[Row], predictions: Sequence[Any], labels: Labels) -> dict[str, float]:
        """accuracy, macro_f1 (over the labels that stand in `rows`) and loss (mean of -log p of the right label)."""
        if not rows:
            return {}
        gold = np.array([labels.index(row["label"]) for row in rows])
        said = np.array([labels.index(p.label) for p in predictions])
        right = np.array([p.probabilities[row["label"]] for row, p in zip(rows, predictions, strict=True)])
        size = len(labels.names)
        true = np.bincount(gold[gold == said], minlength=size)
        both = np.bincount(gold, minlength=size) + np.bincount(said, minlength=size)
        present = np.unique(gold)
        f1 = 2 * true[present] / both[present]
        return {
            "accuracy": float((gold == said).mean()),
            "macro_f1": float(f1.mean()),
            "loss": float(-np.log(np.clip(right, 1e-12, 1)).mean()),
        }

    def per_label(self, rows: Sequence[Row], predictions: Sequence[Any], labels: Labels) -> dict[str, float]:
        """label -> share of its rows that was found (recall), for the labels that stand in `rows`."""
        there = Counter(row["label"] for row in rows)
        found = Counter(row["label"] for row, p in zip(rows, predictions, strict=True) if row["label"] == p.label)
        return {name: found[name] / there[name] for name in labels.names if there[name]}


def softmax(logits: np.ndarray) -> np.ndarray:
    """Along the last axis."""
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True, initial=-np.inf))
    return shifted / shifted.sum(axis=-1, keepdims=True)


def answers(probabilities: np.ndarray, names: Sequence[str]) -> list[LabelScores]:
    """Predictions from probabilities (rows, labels)."""
    best = probabilities.argmax(axis=1) if len(probabilities) else []
    return [
        LabelScores(names[top], dict(zip(names, row, strict=True)))
        for top, row in zip(best, probabilities.tolist(), strict=True)
    ]


def label_weights(labels: Labels, settings: Any) -> np.ndarray | None:
    """A weight for each label, with mean 1 over the training texts; None where all weigh the same."""
    counts = np.maximum(np.array(labels.counts, dtype=np.float64), 1.0)
    weights = rarer(counts, counts.max(), settings)
    if settings.loss == "focal" and settings.focal_alpha is not None:
        commonest = counts == counts.max()
        weights = weights * np.where(commonest, 1 - settings.focal_alpha, settings.focal_alpha)
    if np.ptp(weights) == 0:
        return None
    return (weights / np.average(weights, weights=counts)).astype(np.float32)
