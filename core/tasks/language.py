"""Plain text: the model goes on learning to say what comes next, from documents of any length (continued pre-training).

A document is its tokens with the tokenizer's beginning and end; a long one is cut into pieces that share one token, so that every token but
the first is learnt once. Short pieces are packed together without seeing each other. Asked, the model goes on from a text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from core.tasks.base import Annotation, Column, Example, Figure, Labels, Row, Score, Trait
from core.tasks.causal import WRITTEN, Causal, by_group, samples, saying, spread
from core.tasks.documents import ACCURACY, PERPLEXITY, TEXT, by_length, nothing_to_learn, tokenized
from core.words import Message

BEGUN = 48  # tokens of a document at most, from which a sample goes on


class Language(Causal):
    name = "language"
    traits: tuple[Trait, ...] = ("writes", "packs", "cleaned")
    foretells = True
    title = Message("Go on from plain text")
    help = Message("Documents without any labels: the model learns how such texts go on, their words and their style.")
    columns: tuple[Column, ...] = (TEXT,)
    annotation = Annotation("none", Message("Plain text needs no labels."))
    scores: tuple[Score, ...] = (PERPLEXITY, ACCURACY)
    figures: tuple[Figure, ...] = (
        Figure("lengths", Message("By the characters of a text"), "table"),
        Figure("samples", Message("How it goes on"), "samples"),
    )
    usual: Mapping[str, Any] = {
        "start_from_probe": False, "learning_rate": 1e-4, "batch_size": 16, "max_length": 256, "metric": "main",
    }  # fmt: skip

    def labels(self, rows: Sequence[Row], names: Sequence[str] | None = None) -> Labels:
        return nothing_to_learn(rows)

    def encode(self, rows: Sequence[Row], processor: Any, settings: Any) -> Iterable[Example]:
        """One example a piece. The first piece of a document asks for a text: of data, of some rows, after its beginning; of any other
        text, after all of it."""
        room = settings.max_length if settings.packing else 0
        shared = {"room": room, "say": saying(settings), "tokenizer": processor}
        shown = spread(len(rows), WRITTEN)
        first, last = processor.bos_token_id, processor.eos_token_id
        for i, ids in enumerate(tokenized([str(row["text"] or "") for row in rows], processor)):
            is_data = "split" in rows[i]
            whole = ([] if first is None else [first]) + ids
            prompt = (whole[: min(BEGUN, max(1, len(whole) // 2))] if i in shown else None) if is_data else whole
            prompt = prompt if prompt is None else prompt or [last or 0]
            whole = [*whole, last] if is_data and last is not None else whole
            for place, piece in enumerate(pieces(whole, settings.max_length)):
                learnt = np.ones(len(piece), dtype=bool)
                learnt[:1] = False  # nothing stands before it; of a later piece it is the last of the one before
                extra = {"learnt": learnt, "prompt": prompt if place == 0 else None, **shared}
                yield Example(i, np.array(piece, dtype=np.int32), extra, weight=float(learnt.sum()))

    def report(self, rows: Sequence[Row], predictions: Sequence[Any], labels: Labels) -> Mapping[str, Any]:
        order, groups = by_length(rows)
        credits = [self.credit(row, p, labels) for row, p in zip(rows, predictions, strict=True)]
        titles = (Message("Characters"), Message("texts"))
        return {
            "lengths": by_group(*titles, groups, [predictions[i] for i in order]),
            "samples": samples(
                rows, predictions, lambda row: {"text": str(row["text"])[:600]}, lambda row: "", credits
            ),
        }


def pieces(ids: Sequence[int], longest: int) -> list[list[int]]:
    """Pieces of at most `longest` tokens, each beginning with the last token of the one before."""
    step = max(1, longest - 1)
    return [list(ids[at : at + longest]) for at in range(0, max(1, len(ids) - 1), step)] or [list(ids)]
