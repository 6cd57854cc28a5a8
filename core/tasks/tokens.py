"""One text, places marked in it: names, dates, products, slots. The model gives every token a tag (IOB2), from which spans are made.

Spans are offsets in code points everywhere; of overlapping ones the longest is learnt. Long texts are read in windows that share a
quarter of their tokens. `labels.names` are the sorts of places, the model's outputs are their tags; `labels.extra["whole_words"]` says
that places end where words do, as nearly all of the training rows' do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from core.data.values import kind
from core.errors import ModelError, RunError
from core.evaluation.spans import SpanFigures, partial
from core.evaluation.spans import figures as all_figures
from core.tasks.base import Annotation, Column, Example, Figure, Labels, Prediction, Rival, Row, Score, Spans, Trait
from core.tasks.span_counts import exact, keys
from core.tasks.span_lookup import Lookup
from core.tasks.subwords import IGNORED, Window, bio_targets, decode_bio, inside_word, merged, windows
from core.tasks.usual import Usual
from core.tasks.weighing import rarer
from core.words import Message, plural

if TYPE_CHECKING:
    import torch

SHARED = 4  # neighbouring windows share one in so many tokens
INSIDE = 0.01  # share of places that end inside a word, up to which the model's answers never do
HEAVIEST = 10.0  # times at most that a rare sort's tokens weigh
SAMPLES = 12
MISTAKES = {
    "type": Message("right place, wrong sort"),
    "too_long": Message("too long"),
    "too_short": Message("too short"),
    "shifted": Message("shifted"),
    "type_and_place": Message("place and sort wrong"),
    "missed": Message("missed"),
    "invented": Message("invented"),
}


class Tokens(Usual):
    name = "tokens"
    traits: tuple[Trait, ...] = ("labels", "smoothed", "cleaned", "adapts", "weighed", "doubles")
    title = Message("Mark places in texts")
    help = Message("Names, places, dates, products or parts of a request: the model finds them and says what they are.")
    prediction = "spans"
    columns: tuple[Column, ...] = (
        Column(
            "text",
            "text",
            Message("The text is in"),
            Message("What the model reads."),
            names=("text", "sentence", "content", "文本", "句子"),
        ),
        Column(
            "label",
            "spans",
            Message("The marked places are in"),
            Message("What the model learns to find. Without it, you mark places by hand."),
            required=False,
            target=True,
            names=("spans", "entities", "ents", "ner", "annotations", "slots", "label", "labels", "实体", "标注"),
        ),
    )
    annotation = Annotation("spans", Message("What is named in this text?"))
    scores: tuple[Score, ...] = (
        Score(
            "f1",
            Message("Places found exactly"),
            Message("How well places are found, with both ends and their sort right (strict entity F1)."),
        ),
        Score(
            "partial_f1",
            Message("Places found roughly"),
            Message("The same, but sharing one character with the right place is enough (partial F1)."),
        ),
        Score("precision", Message("Right of what it marked"), Message("Of 100 places it marks, how many are right.")),
        Score("recall", Message("Found of what is there"), Message("Of 100 places that are there, how many it finds.")),
    )
    figures: tuple[Figure, ...] = (
        Figure("labels", Message("Sort by sort"), "table"),
        Figure("confusion", Message("What it confuses. Rows: what is right. Columns: what it marked."), "matrix"),
        Figure("mistakes", Message("Mistakes by kind"), "bars"),
        Figure("samples", Message("Texts with the most mistakes"), "samples"),
    )
    usual: Mapping[str, Any] = {"learning_rate": 2e-4}

    # What is learnt -------------------------------------------------------------------------------------------------

    def labels(self, rows: Sequence[Row], names: Sequence[str] | None = None) -> Labels:
        """The sorts of places in the training rows: in the order of `names`, else most frequent first."""
        train = [row for row in rows if row["label"] is not None and row.get("split") == "train"]
        found = Counter(str(one["label"]) for row in train for one in row["label"])
        order = tuple(names) if names else tuple(sorted(found, key=lambda n: (-found[n], n)))
        if strangers := sorted(set(found) - set(order)):
            raise RunError(Message("The label “{label}” is not among the run's labels.", label=strangers[0]))
        if not found:
            raise RunError(
                Message("There is nothing to learn: no place is marked in the training texts."),
                fix=Message("Mark places in some texts, then start again."),
            )
        return Labels(order, tuple(found[name] for name in order), {"whole_words": _by_words(train)})

    def model(self, source: Any, labels: Labels, settings: Any) -> torch.nn.Module:
        from core.models.loading import new_whole

        return new_whole(source, "token-classification", tags(labels.names), dropout=settings.dropout)

    def encode(self, rows: Sequence[Row], processor: Any, settings: Any) -> Iterable[Example]:
        """One example a window of at most `settings.max_length` tokens. What a window is stands in its `extra`."""
        if not getattr(processor, "is_fast", True):
            raise ModelError(
                Message("The tokenizer of this base does not say where its word pieces stand in a text."),
                fix=Message("Choose a base that has a tokenizer.json."),
            )
        texts = [str(row["text"]) for row in rows]
        for one in windows(texts, processor, settings.max_length, settings.max_length // SHARED):
            yield Example(one.row, one.input_ids, {"first": one.first, "offsets": one.offsets, "inner": one.inner})

    def target(self, row: Row, example: Example | None, labels: Labels) -> np.ndarray:
        """A tag for each token of the window, int64 (tokens,); IGNORED for those that hold nothing of the text."""
        assert example is not None
        return bio_targets(row["label"], example.extra["offsets"], labels.names)

    def collate(
        self, examples: Sequence[Example], targets: Sequence[np.ndarray] | None, processor: Any
    ) -> dict[str, torch.Tensor]:
        """input_ids and attention_mask (batch, tokens of the longest), targets of the same shape."""
        import torch

        from core.training.batches import padded

        batch = padded(examples, processor)
        if targets is not None:
            filled = np.full(batch["input_ids"].shape, IGNORED, dtype=np.int64)
            for i, target in enumerate(targets):
                filled[i, : len(target)] = target
            batch["targets"] = torch.from_numpy(filled)
        return batch

    def forward(self, model: torch.nn.Module, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Logits (batch, tokens, tags)."""
        return model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits

    def loss(
        self, outputs: torch.Tensor, batch: Mapping[str, torch.Tensor], settings: Any, labels: Labels
    ) -> torch.Tensor:
        """Mean over the examples of the mean over their tokens, so that gathered small batches equal one large one. Tokens of rare sorts
        may weigh more. Focal loss: Lin et al. 2017, `focal_alpha` being the weight of every tag but O."""
        import torch
        from torch.nn import functional

        logits, targets = outputs.float(), batch["targets"]
        kept = targets != IGNORED
        losses = functional.cross_entropy(
            logits.transpose(1, 2), targets, ignore_index=IGNORED, reduction="none",
            label_smoothing=settings.label_smoothing,
        )  # (batch, tokens)  # fmt: skip
        places = targets.clamp(min=0)
        if settings.loss == "focal":
            right = torch.softmax(logits, dim=-1).gather(2, places[..., None])[..., 0]
            losses = losses * (1 - right).clamp(min=1e-6) ** settings.focal_gamma
        if (weights := tag_weights(labels, settings)) is not None:
            losses = losses * torch.from_numpy(weights).to(losses)[places]
        return ((losses * kept).sum(1) / kept.sum(1).clamp(min=1)).mean()

    def difference(self, one: torch.Tensor, other: torch.Tensor, batch: Mapping[str, Any]) -> torch.Tensor:
        from core.tasks.difference import of_shares

        return of_shares(one, other, batch["targets"] != IGNORED)

    # What is answered -----------------------------------------------------------------------------------------------

    def outputs(
        self, model: torch.nn.Module, batch: Mapping[str, torch.Tensor], examples: Sequence[Example]
    ) -> list[np.ndarray]:
        """Probabilities of the tags of each window's tokens, (tokens, tags)."""
        import torch

        given: np.ndarray = torch.softmax(self.forward(model, batch).float(), dim=-1).cpu().numpy()
        return [one[: len(example.input_ids)] for one, example in zip(given, examples, strict=True)]

    def decode(
        self, outputs: Sequence[Any], rows: Sequence[Row], examples: Sequence[Example], labels: Labels
    ) -> list[Prediction]:
        """The most probable spans that tags can mean, of each row. A token in several windows is taken from the one where it has the most
        text around it."""
        parts: list[list[tuple[Window, np.ndarray]]] = [[] for _ in rows]
        for example, given in zip(examples, outputs, strict=True):
            parts[example.row].append((Window(example.row, input_ids=example.input_ids, **example.extra), given))
        return [self._answer(row, *merged(mine), labels) for row, mine in zip(rows, parts, strict=True)]

    def _answer(self, row: Row, offsets: np.ndarray, shares: np.ndarray, labels: Labels) -> Spans:
        text = str(row["text"])
        found = decode_bio(shares, offsets, text, labels.names, bool(labels.extra.get("whole_words")))
        if row.get("label") is None:
            return Spans(tuple(found), text)
        right = bio_targets(row["label"], offsets, labels.names)
        there = np.flatnonzero(right != IGNORED)
        nll = -np.log(np.clip(shares[there, right[there]], 1e-12, 1.0)).sum() if len(there) else 0.0
        return Spans(tuple(found), text, float(nll), len(there))

    def score(self, rows: Sequence[Row], predictions: Sequence[Any], labels: Labels) -> dict[str, float]:
        """The measures in `scores`, over all places together, and loss: mean over rows of their tokens' mean -log p, where it is known."""
        if not rows:
            return {}
        gold, said = [row["label"] for row in rows], [p.spans for p in predictions]
        precision, recall, f1 = exact(gold, said).micro
        _, _, rough = partial([keys(g) for g in gold], [keys(s) for s in said]).micro
        known = [p.nll / p.tokens for p in predictions if p.tokens]
        loss = {"loss": float(np.mean(known))} if known else {}
        return {"f1": f1, "partial_f1": rough, "precision": precision, "recall": recall, **loss}

    def credit(self, row: Row, prediction: Any, labels: Labels) -> float:
        """Strict F1 of the row's own places; 1 where nothing is there and nothing was marked."""
        gold, said = keys(row["label"]), keys(prediction.spans)
        return 2 * len(gold & said) / (len(gold) + len(said)) if gold or said else 1.0

    def per_label(self, rows: Sequence[Row], predictions: Sequence[Any], labels: Labels) -> dict[str, float]:
        """sort -> share of its places that was found exactly, for the sorts that stand in `rows`."""
        counts = exact([row["label"] for row in rows], [p.spans for p in predictions])
        return {name: counts.right[name] / n for name in labels.names if (n := counts.there[name])}

    # What is shown --------------------------------------------------------------------------------------------------

    def report(self, rows: Sequence[Row], predictions: Sequence[Any], labels: Labels) -> Mapping[str, Any]:
        made = all_figures([row["label"] for row in rows], [p.spans for p in predictions], labels.names)
        sizes = [(i, j, n) for i, line in enumerate(made.matrix) for j, n in enumerate(line) if n]
        return {
            "labels": _table(made),
            "confusion": {
                "rows": [*made.names, Message("(invented)").as_json()],
                "columns": [*made.names, Message("(missed)").as_json()],
                "cells": [[i, j, n] for i, j, n in sizes],
            },
            "mistakes": {
                "names": [MISTAKES[name].as_json() for name in made.mistakes],
                "values": list(made.mistakes.values()),
            },
            "samples": {"rows": self._samples(rows, predictions, labels)},
        }

    def _samples(self, rows: Sequence[Row], predictions: Sequence[Any], labels: Labels) -> list[dict[str, Any]]:
        """Rows with most places missed or invented."""

        def wrong(i: int) -> int:
            return len(keys(rows[i]["label"]) ^ keys(predictions[i].spans))

        shown = kind("spans").shown
        return [
            {
                "inputs": {"text": rows[i]["text"]},
                "gold": shown(rows[i]["label"], rows[i]),
                "said": shown(list(predictions[i].spans), rows[i]),
                "credit": round(self.credit(rows[i], predictions[i], labels), 4),
            }
            for i in sorted(range(len(rows)), key=wrong, reverse=True)[:SAMPLES]
            if wrong(i)
        ]

    def rivals(
        self,
        train: Sequence[Row],
        validation: Sequence[Row],
        asked: Sequence[Row],
        labels: Labels,
        cancelled: Callable[[], bool],
    ) -> Iterable[Rival]:
        """A dictionary of what was marked in the training texts."""
        lookup = Lookup.learn((str(row["text"]), row["label"]) for row in train)
        found = [Spans(tuple(lookup.spans(str(row["text"]))), str(row["text"])) for row in asked]
        detail = plural(
            len(lookup),
            "Marks again what was marked in the training texts: one expression.",
            "Marks again what was mostly marked in the training texts, the longest first: {n:,} expressions.",
        )
        yield Rival("lookup", Message("Dictionary"), detail, found)


def tags(names: Sequence[str]) -> list[str]:
    """The model's outputs, in the order of core.tasks.subwords: O, B-PER, I-PER, ..."""
    return ["O", *(f"{letter}-{name}" for name in names for letter in "BI")]


def tag_weights(labels: Labels, settings: Any) -> np.ndarray | None:
    """What a token of each tag weighs, (tags,) in fp32; O weighs 1. None where all weigh the same."""
    counts = np.maximum(np.array(labels.counts, dtype=np.float64), 1.0)
    each = np.clip(rarer(counts, counts.max(), settings), 1.0, HEAVIEST)
    alpha = settings.focal_alpha if settings.loss == "focal" else None
    if settings.class_weights == "none" and alpha is None:
        return None
    outside, inside = (1.0, 1.0) if alpha is None else (1 - alpha, alpha)
    return np.concatenate([[outside], np.repeat(each * inside, 2)]).astype(np.float32)


def _by_words(rows: Sequence[Row]) -> bool:
    """Do places begin and end where words do, but for a few?"""
    ends = [(str(row["text"]), place) for row in rows for one in row["label"] for place in (one["start"], one["end"])]
    inside = sum(0 < place < len(text) and inside_word(text, place) for text, place in ends)
    return inside <= INSIDE * len(ends)


def _table(made: SpanFigures) -> dict[str, Any]:
    """A line for each sort, and one for all."""
    titles = (
        Message("Sort"),
        Message("right of what it marked (precision)"),
        Message("found of what is there (recall)"),
        Message("both (F1)"),
        Message("roughly right (partial F1)"),
        Message("places"),
        Message("marked"),
    )
    lines: list[tuple[Any, Any, Any]] = [
        (name, made.strict.labels[name], made.partial.labels[name]) for name in made.names
    ]
    lines.sort(key=lambda line: -line[1].support)
    lines.append((Message("All together").as_json(), made.strict.micro, made.partial.micro))
    rows = [[name, *map(_rounded, (s.precision, s.recall, s.f1, p.f1)), s.support, s.said] for name, s, p in lines]
    return {"columns": [title.as_json() for title in titles], "rows": rows}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
