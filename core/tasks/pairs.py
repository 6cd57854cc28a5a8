"""Two texts, one label: does one follow from the other, do they say the same? Learns and answers as sorting into labels does; what differs is
how the two are read (`core.tasks.two_texts`) and what is told of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from core.tasks import two_texts
from core.tasks.base import Annotation, Column, Example, Figure, Labels, Rival, Row, Score, Trait
from core.tasks.classification import Classification
from core.tasks.sorting import best_fit, by_label, commonest, surest_mistakes
from core.words import Message, plural

if TYPE_CHECKING:
    import torch

TRIALS = (0.3, 1.0, 10.0)  # restraints that the rival tries
NO = (
    "0",
    "no",
    "false",
    "negative",
    "different",
    "unrelated",
    "neg",
    "n",
    "f",
    "nein",
    "non",
    "否",
    "不同",
    "不是",
)  # words
FIRST = ("text", "sentence1", "sentence_1", "text1", "text_1", "text_a", "sentence_a", "question1", "premise", "context",
         "#1 string", "string1", "first", "question", "query", "句子1", "文本1", "前提", "问题1")  # fmt: skip
SECOND = ("text_b", "sentence2", "sentence_2", "text2", "text_2", "sentence_b", "question2", "hypothesis", "#2 string",
          "string2", "second", "other", "response", "句子2", "文本2", "假设", "问题2")  # fmt: skip

INPUTS: tuple[Column, ...] = (
    Column(
        "text",
        "text",
        Message("The first text is in"),
        Message("What the model reads first: a sentence, a question, what is given."),
        names=FIRST,
        called=Message("First text"),
    ),
    Column(
        "text_b",
        "text",
        Message("The second text is in"),
        Message(
            "What the model reads beside it: the other sentence, what is claimed. Where both are too long, the longer is cut first."
        ),
        names=SECOND,
        called=Message("Second text"),
    ),
)


class Pairs(Classification):
    name = "pairs"
    traits: tuple[Trait, ...] = (
        "labels", "smoothed", "compared", "cleaned", "adapts", "weighed", "drawn", "mixes", "doubles", "varies",
    )  # fmt: skip
    title = Message("Compare two texts")
    help = Message(
        "Each row has two texts and a label for both: the same or not, follows or contradicts, fits or does not."
    )
    columns: tuple[Column, ...] = (
        *INPUTS,
        Column(
            "label",
            "category",
            Message("The label is in"),
            Message("What the model learns to answer. Without it, you label by hand."),
            required=False,
            target=True,
            names=("label", "quality", "gold_label", "class", "is_duplicate", "relation", "entailment", "标签", "类别"),
        ),
    )
    annotation = Annotation("single", Message("How do these two texts belong together?"))
    scores: tuple[Score, ...] = (
        Score("accuracy", Message("Share right"), Message("Of 100 pairs, how many get the right label (accuracy).")),
        Score("macro_f1", Message("Mean of labels"), Message("Every label counts the same, however rare (macro F1).")),
        Score(
            "f1",
            Message("The label looked for"),
            Message(
                "Of two labels the one that means yes, else the rarer one: found, and rightly so (F1). Of more labels their mean."
            ),
        ),
    )
    figures: tuple[Figure, ...] = (
        Figure("labels", Message("Label by label"), "table"),
        Figure("confusion", Message("What it confuses. Rows: what is right. Columns: what it said."), "matrix"),
        Figure("shared", Message("Share right, by how many words the two share"), "bars"),
        Figure("samples", Message("Its surest mistakes"), "samples"),
    )
    usual: Mapping[str, Any] = {"learning_rate": 1e-4, "start_from_probe": False}

    def model(self, source: Any, labels: Labels, settings: Any) -> torch.nn.Module:
        return two_texts.model(source, labels.names, settings, "beside", self.link)

    def encode(self, rows: Sequence[Row], processor: Any, settings: Any) -> Iterable[Example]:
        return two_texts.encoded(rows, processor, settings)

    def collate(
        self, examples: Sequence[Example], targets: Sequence[int] | None, processor: Any
    ) -> dict[str, torch.Tensor]:
        """See `core.tasks.two_texts.collated`; targets (rows,)."""
        import torch

        batch = two_texts.collated(examples, processor)
        if targets is not None:
            batch["targets"] = torch.tensor(targets, dtype=torch.long)
        return batch

    def forward(self, model: torch.nn.Module, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Logits (rows, labels)."""
        return two_texts.forward(model, batch)

    def features(self, model: Any, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
        return two_texts.features(model, batch)

    def score(self, rows: Sequence[Row], predictions: Sequence[Any], labels: Labels) -> dict[str, float]:
        """accuracy, macro_f1, f1 (of the label that means yes, of two labels) and loss."""
        usual = super().score(rows, predictions, labels)
        if not usual:
            return {}
        wanted = looked_for(labels)
        f1 = (
            usual["macro_f1"]
            if wanted is None
            else by_label(rows, predictions, [wanted], Message("pairs"))["rows"][0][3]
        )
        return {**usual, "f1": float(f1 or 0.0)}

    def report(self, rows: Sequence[Row], predictions: Sequence[Any], labels: Labels) -> Mapping[str, Any]:
        counted = Counter(
            (labels.index(r["label"]), labels.index(p.label)) for r, p in zip(rows, predictions, strict=True)
        )
        names = list(labels.names)
        cells = [[i, j, n] for (i, j), n in sorted(counted.items())]
        return {
            "labels": by_label(rows, predictions, names, Message("pairs")),
            "confusion": {"rows": names, "columns": names, "cells": cells},
            "shared": _by_share(rows, predictions),
            "samples": {
                "rows": surest_mistakes(rows, predictions, lambda row: {role: row[role] for role in two_texts.PAIR})
            },
        }

    def rivals(
        self,
        train: Sequence[Row],
        validation: Sequence[Row],
        asked: Sequence[Row],
        labels: Labels,
        cancelled: Callable[[], bool],
    ) -> Iterable[Rival]:
        """Always the commonest label; and a logistic regression on the words that the two share and do not share."""
        yield commonest(train, asked, labels, lambda label: Message("Says “{label}” to every pair.", label=label))
        from core.tasks.overlap import fits

        targets = np.array([labels.index(row["label"]) for row in train])
        trials = TRIALS if validation else (1.0,)
        said = best_fit(
            fits(train, targets, "softmax", trials, cancelled, len(labels.names)),
            validation,
            asked,
            labels,
            lambda answers: self.score(validation, answers, labels).get("accuracy", 0.0),
        )
        yield Rival("overlap", Message("Shared words"), detail(len(train)), said)


def detail(count: int) -> Message:
    return plural(
        count,
        "A linear model on the words that both texts have and that only one of them has, learnt from one pair.",
        "A linear model on the words that both texts have and that only one of them has, learnt from {n:,} pairs.",
    )


def looked_for(labels: Labels) -> str | None:
    """Of two labels the one that means yes: the other is called no, 0, false or not-something. Else the rarer one; None for more labels."""
    if len(labels.names) != 2:
        return None
    denied = [name for name in labels.names if _means_no(name)]
    if len(denied) == 1:
        return next(name for name in labels.names if name not in denied)
    rarer = int(np.argmin(labels.counts)) if any(labels.counts) else 1
    return labels.names[rarer]


def _means_no(name: str) -> bool:
    plain = str(name).strip().casefold()
    return plain in NO or plain.startswith(("not ", "not_", "not-", "no ", "no_", "non ", "non_", "non-", "不"))


def _by_share(rows: Sequence[Row], predictions: Sequence[Any]) -> dict[str, Any]:
    """Five parts, from pairs that share nothing to pairs of the same words; parts without pairs are left out."""
    places = np.array([min(4, int(5 * two_texts.shared(row))) for row in rows])
    right = np.array([row["label"] == p.label for row, p in zip(rows, predictions, strict=True)])
    there = [int(i) for i in np.unique(places)]
    names = [f"{20 * i}–{20 * (i + 1)} %" for i in there]
    return {"names": names, "values": [round(float(right[places == i].mean()), 4) for i in there]}
