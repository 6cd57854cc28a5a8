"""A text with two marked entities, one relation between them. The last layer sees the states at the two marks, one beside the other
(entity start states, Baldini Soares et al. 2019, "Matching the Blanks").

A label may carry a direction, as "Cause-Effect(e2,e1)"; each direction is a label of its own to the model, and the measure is the
official one of SemEval-2010 task 8 (`core.tasks.relation_scores`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from core.tasks.base import Annotation, Column, Example, Figure, Labels, Rival, Row, Score, Trait
from core.tasks.classification import Classification
from core.tasks.entities import encode
from core.tasks.relation_scores import count
from core.tasks.sorting import best_fit, commonest, surest_mistakes
from core.words import Message, plural

if TYPE_CHECKING:
    import torch

PLACES = 2
TRIALS = (1.0, 10.0, 100.0)  # restraints that word counting tries


class Relations(Classification):
    name = "relations"
    traits: tuple[Trait, ...] = ("labels", "smoothed", "cleaned", "adapts", "weighed", "drawn", "mixes", "doubles")
    title = Message("Name the relation of two marked words")
    help = Message("In each text two things are marked; the model says how they belong together, and which way round.")
    columns: tuple[Column, ...] = (
        Column(
            "text",
            "marked",
            Message("The text is in"),
            Message(
                "Two entities are marked in it, as <e1>this</e1> and <e2>that</e2>, or stand in columns beside it."
            ),
            several=True,
            names=("text", "sentence", "sent", "content", "文本", "句子"),
        ),
        Column(
            "label",
            "category",
            Message("The relation is in"),
            Message("What the model learns to answer, as Cause-Effect(e1,e2). Without it, you label by hand."),
            required=False,
            target=True,
            names=("relation", "label", "relations", "rel", "predicate", "关系"),
        ),
    )
    annotation = Annotation("single", Message("How do the two marked things belong together?"))
    scores: tuple[Score, ...] = (
        Score(
            "macro_f1",
            Message("Mean of relations"),
            Message(
                "Every relation counts the same, however rare; the direction must be right, and “Other” is left out (the official macro F1 "
                "of SemEval-2010 task 8)."
            ),
        ),
        Score("accuracy", Message("Share right"), Message("Of 100 texts, how many get the right label (accuracy).")),
    )
    figures: tuple[Figure, ...] = (
        Figure("relations", Message("Relation by relation"), "table"),
        Figure("turned", Message("Right relation, wrong way round"), "bars"),
        Figure(
            "confusion",
            Message("What it confuses, whichever way round. Rows: what is right. Columns: what it said."),
            "matrix",
        ),
        Figure("samples", Message("Its surest mistakes"), "samples"),
    )
    usual: Mapping[str, Any] = {"start_from_probe": False, "learning_rate": 2e-4}

    def model(self, source: Any, labels: Labels, settings: Any) -> torch.nn.Module:
        from core.models.loading import new_placed

        return new_placed(source, labels.names, PLACES, dropout=settings.dropout)

    def encode(self, rows: Sequence[Row], processor: Any, settings: Any) -> Iterable[Example]:
        """One example a row; of a long text what stands around the entities."""
        return encode([str(row["text"] or "") for row in rows], processor, settings.max_length)

    def collate(
        self, examples: Sequence[Example], targets: Sequence[int] | None, processor: Any
    ) -> dict[str, torch.Tensor]:
        """input_ids and attention_mask (batch, tokens of the longest), places (batch, 2), targets (batch,)."""
        import torch

        batch = super().collate(examples, targets, processor)
        places = np.stack([example.extra["places"] for example in examples])
        return {**batch, "places": torch.from_numpy(places)}

    def features(self, model: Any, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
        found: torch.Tensor = model.features(batch["input_ids"], batch["attention_mask"], batch["places"])
        return found

    def forward(self, model: torch.nn.Module, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Logits (batch, labels)."""
        return model(batch["input_ids"], batch["attention_mask"], batch["places"])

    def score(self, rows: Sequence[Row], predictions: Sequence[Any], labels: Labels) -> dict[str, float]:
        """The official macro F1, accuracy over all labels, and loss (mean of -log p of the right label)."""
        if not rows:
            return {}
        usual = super().score(rows, predictions, labels)
        return {**usual, "macro_f1": count([row["label"] for row in rows], [p.label for p in predictions]).macro_f1}

    def report(self, rows: Sequence[Row], predictions: Sequence[Any], labels: Labels) -> Mapping[str, Any]:
        from core.evaluation.relations import figures

        made = figures([row["label"] for row in rows], [p.label for p in predictions])
        cells = [[i, j, n] for i, line in enumerate(made.matrix) for j, n in enumerate(line) if n]
        titles = (
            Message("Relation"),
            Message("right of what it said (precision)"),
            Message("found of what is right (recall)"),
            Message("both (F1)"),
            Message("wrong way round"),
            Message("texts"),
        )
        table: list[list[Any]] = [
            [name, _short(f.precision), _short(f.recall), _short(f.f1), made.turned.get(name), f.support]
            for name, f in made.relations.items()
        ]
        overall: list[Any] = [
            Message("mean, without “Other”").as_json(),
            _short(made.macro.precision),
            _short(made.macro.recall),
        ]
        table.append([*overall, _short(made.macro.f1), sum(made.turned.values()), made.macro.support])
        return {
            "relations": {"columns": [title.as_json() for title in titles], "rows": table},
            "turned": {"names": list(made.turned), "values": list(made.turned.values())},
            "confusion": {"rows": list(made.names), "columns": list(made.names), "cells": cells},
            "samples": {"rows": surest_mistakes(rows, predictions, lambda row: {"text": row["text"]})},
        }

    def rivals(
        self,
        train: Sequence[Row],
        validation: Sequence[Row],
        asked: Sequence[Row],
        labels: Labels,
        cancelled: Callable[[], bool],
    ) -> Iterable[Rival]:
        """Always the commonest relation; and a logistic regression on the counted words of the marked text."""
        yield commonest(train, asked, labels, lambda label: Message("Says “{label}” to every text.", label=label))
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

        targets = np.array([labels.index(row["label"]) for row in train])
        trials = TRIALS if validation else TRIALS[1:2]
        said = best_fit(
            fits(train, targets, "softmax", trials, cancelled, len(labels.names)),
            validation,
            asked,
            labels,
            lambda answers: self.score(validation, answers, labels).get("macro_f1", 0.0),
        )
        detail = plural(
            len(train),
            "A logistic regression on the words of the marked texts, learnt from one text.",
            "A logistic regression on the words of the marked texts, learnt from {n:,} texts.",
        )
        return Rival("counting", Message("Word counting"), detail, said)


def _short(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
