"""Two texts, one number: how alike are they? Apart, the answer is the cosine of what the model makes of each, on the scale of the numbers
(Reimers and Gurevych 2019, Sentence-BERT); together, both go through the model as one input.

Numbers are learnt and told as in `core.tasks.regression`; what differs is how the two texts are read (`core.tasks.two_texts`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from core.tasks import numbers, two_texts
from core.tasks.base import Annotation, Column, Example, Figure, Labels, Number, Rival, Row, Score, Trait
from core.tasks.pairs import INPUTS, detail
from core.tasks.regression import TRIALS, Regression
from core.words import Message

if TYPE_CHECKING:
    import torch

SAMPLES = 12
MOST_READ = 2_000  # training pairs by which the untouched cosine finds its scale


class Similarity(Regression):
    name = "similarity"
    traits: tuple[Trait, ...] = ("numbers", "compared", "cleaned", "adapts", "doubles", "varies")
    title = Message("Say how alike two texts are")
    help = Message("Each row has two texts and a number for both, such as 0 for nothing in common to 5 for the same.")
    columns: tuple[Column, ...] = (
        *INPUTS,
        Column(
            "label",
            "number",
            Message("The number is in"),
            Message("How alike the two are, on your scale. Without it, you type numbers by hand."),
            required=False,
            target=True,
            names=(
                "score",
                "similarity",
                "label",
                "number",
                "rating",
                "relatedness",
                "value",
                "分数",
                "相似度",
                "评分",
            ),
        ),
    )
    annotation = Annotation("number", Message("How alike are these two texts?"))
    scores: tuple[Score, ...] = tuple(s for s in numbers.SCORES if s.name in ("spearman", "pearson", "mae"))
    figures: tuple[Figure, ...] = (
        *numbers.FIGURES,
        Figure("samples", Message("Where it is furthest off"), "samples"),
    )
    usual: Mapping[str, Any] = {"pair_reading": "apart", "number_loss": "order"}

    def model(self, source: Any, labels: Labels, settings: Any) -> torch.nn.Module:
        return two_texts.model(source, labels.names, settings, "cosine", self.link)

    def encode(self, rows: Sequence[Row], processor: Any, settings: Any) -> Iterable[Example]:
        return two_texts.encoded(rows, processor, settings)

    def collate(
        self, examples: Sequence[Example], targets: Sequence[np.ndarray] | None, processor: Any
    ) -> dict[str, torch.Tensor]:
        """See `core.tasks.two_texts.collated`; targets (rows, 1) in fp32."""
        import torch

        batch = two_texts.collated(examples, processor)
        if targets is not None:
            batch["targets"] = torch.from_numpy(np.stack(targets).astype(np.float32))
        return batch

    def forward(self, model: torch.nn.Module, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Scaled numbers (rows, 1)."""
        return two_texts.forward(model, batch)

    def features(self, model: Any, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Apart: the cosine, (rows, 1), so that the last layer only finds its scale."""
        return two_texts.features(model, batch)

    def report(self, rows: Sequence[Row], predictions: Sequence[Any], labels: Labels) -> Mapping[str, Any]:
        return {**super().report(rows, predictions, labels), "samples": {"rows": _furthest(rows, predictions, labels)}}

    def rivals(
        self,
        train: Sequence[Row],
        validation: Sequence[Row],
        asked: Sequence[Row],
        labels: Labels,
        cancelled: Callable[[], bool],
    ) -> Iterable[Rival]:
        """Always the mean; and a ridge regression on the words that the two share and do not share."""
        from core.tasks.overlap import fits

        yield numbers.always_the_mean(len(asked), labels)
        best, least = None, math.inf
        targets = numbers.scaled([row["label"] for row in train], labels).reshape(-1, 1)
        right = numbers.scaled([row["label"] for row in validation], labels).reshape(-1, 1)
        for fitted in fits(train, targets, "identity", TRIALS if validation else (1.0,), cancelled):
            wrong = float(((fitted.outputs(validation) - right) ** 2).mean()) if validation else 0.0
            if wrong < least:
                best, least = fitted, wrong
        assert best is not None
        said = numbers.told(best.outputs(asked)[:, 0], labels)
        yield Rival("overlap", Message("Shared words"), detail(len(train)), said)

    def untouched(
        self, vectors: Callable[[Sequence[str]], np.ndarray], train: Sequence[Row], asked: Sequence[Row], labels: Labels
    ) -> Rival:
        """The cosine before tuning; a line through the training pairs puts it on the scale."""
        known = train[:: -(-len(train) // MOST_READ)] if train else []
        seen, right = _cosines(vectors, known), np.array([row["label"] for row in known])
        slope, start = np.polyfit(seen, right, 1) if len(known) > 1 and np.ptp(seen) else (0.0, labels.extra["mean"])
        low, high = labels.extra["low"], labels.extra["high"]
        said = [Number(float(slope * cosine + start), low, high) for cosine in _cosines(vectors, asked)]
        told = Message("The cosine of what the base makes of each text, as it came.")
        return Rival("before", Message("Before tuning"), told, said)


def _cosines(vectors: Callable[[Sequence[str]], np.ndarray], rows: Sequence[Row]) -> np.ndarray:
    found = vectors([str(row[role] or "") for row in rows for role in two_texts.PAIR])
    pairs = found.reshape(len(rows), 2, -1)
    cosines: np.ndarray = (pairs[:, 0] * pairs[:, 1]).sum(axis=1).astype(np.float64)
    return cosines


def _furthest(rows: Sequence[Row], predictions: Sequence[Any], labels: Labels) -> list[dict[str, Any]]:
    order = sorted(range(len(rows)), key=lambda i: -abs(predictions[i].value - rows[i]["label"]))
    return [
        {
            "inputs": {role: rows[i][role] for role in two_texts.PAIR},
            "gold": f"{rows[i]['label']:.4g}",
            "said": f"{predictions[i].value:.4g}",
            "credit": numbers.credit(rows[i]["label"], predictions[i].value, labels),
        }
        for i in order[:SAMPLES]
    ]
