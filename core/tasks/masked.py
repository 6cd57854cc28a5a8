"""Plain text for a model that reads: some words are hidden and it learns to guess them, so that it knows the language of a field before it is
tuned for anything else (domain adaptation; Gururangan et al. 2020). Hidden as in Devlin et al. 2019: of the chosen tokens 80 % become the
mask, 10 % another token, 10 % stay.

While learning, other tokens are hidden in every round; at checks always the same ones. Asked, it fills the blanks of a text.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from core.errors import ModelError
from core.tasks.base import Annotation, Column, Example, Family, Figure, Labels, Prediction, Row, Score, Trait
from core.tasks.causal import Causal, Seen, by_group
from core.tasks.documents import ACCURACY, PERPLEXITY, TEXT, by_length, nothing_to_learn, tokenized
from core.words import Message

if TYPE_CHECKING:
    import torch

UNLEARNT = -100
BLANK = re.compile(
    r"(?i)_{2,}|\[MASK\]|<mask>|＿{2,}"
)  # what a person writes for a hidden word; a cleaning may have made it small


class Masked(Causal):
    name = "masked"
    traits: tuple[Trait, ...] = ("hides", "cleaned")
    foretells = True
    title = Message("Learn the language of a field")
    help = Message(
        "Documents without any labels: a model that reads gets to know their words, before it is tuned for something else."
    )
    family: Family = "encoder"
    columns: tuple[Column, ...] = (replace(TEXT, called=Message("Your text, with ___ for each word to fill in")),)
    annotation = Annotation("none", Message("Plain text needs no labels."))
    scores: tuple[Score, ...] = (PERPLEXITY, ACCURACY)
    figures: tuple[Figure, ...] = (Figure("lengths", Message("By the characters of a text"), "table"),)
    usual: Mapping[str, Any] = {"start_from_probe": False, "learning_rate": 1e-4, "batch_size": 16, "metric": "main"}

    def labels(self, rows: Sequence[Row], names: Sequence[str] | None = None) -> Labels:
        return nothing_to_learn(rows)

    def model(self, source: Any, labels: Labels, settings: Any) -> torch.nn.Module:
        from core.models.loading import new_whole

        return new_whole(source, "masked-lm", dropout=settings.dropout)

    def encode(self, rows: Sequence[Row], processor: Any, settings: Any) -> Iterable[Example]:
        """One example a piece of at most `settings.max_length` tokens, special ones at both ends. In a text that is no data, blanks are
        what is hidden."""
        if processor.mask_token_id is None:
            raise ModelError(
                Message("The tokenizer of this base has no mark for a hidden word."),
                fix=Message("Choose a base that learnt by guessing hidden words, such as BERT."),
            )
        texts = [str(row["text"] or "") for row in rows]
        asked = [processor.mask_token.join(BLANK.split(t)) if "split" not in r else t for t, r in zip(texts, rows, strict=True)]  # fmt: skip
        first, last = frame(processor)
        longest = max(1, settings.max_length - len(first) - len(last))
        for i, ids in enumerate(tokenized(asked, processor)):
            blanks = "split" not in rows[i] and processor.mask_token_id in ids
            for at in range(0, max(1, len(ids)), longest):
                whole = [*first, *ids[at : at + longest], *last]
                fixed = {*processor.all_special_ids} - {processor.unk_token_id}
                open_ = np.array([token not in fixed for token in whole], dtype=bool)
                extra = {"open": open_, "share": settings.mask_share, "blanks": blanks, "vocabulary": len(processor)}
                extra["tokenizer"] = processor
                yield Example(i, np.array(whole, dtype=np.int32), extra, weight=float(open_.sum()))

    def target(self, row: Row, example: Example | None, labels: Labels) -> Any:
        """The tokens themselves; which of them are hidden is decided anew in every round."""
        assert example is not None
        return example.input_ids

    def collate(
        self, examples: Sequence[Example], targets: Sequence[Any] | None, processor: Any
    ) -> dict[str, torch.Tensor]:
        """input_ids with tokens hidden, attention_mask, labels (-100 where nothing is asked); all (batch, tokens)."""
        import torch

        from core.training.batches import padded

        batch = padded(examples, processor)
        labels = torch.full_like(batch["input_ids"], UNLEARNT)
        for i, example in enumerate(examples):
            if example.extra["blanks"]:
                continue
            dice = np.random.default_rng(int(torch.randint(2**31, ()))) if targets is not None else always(example)
            ids, chosen = hidden(example, dice, processor.mask_token_id)
            places = torch.from_numpy(np.flatnonzero(chosen))
            labels[i, places] = batch["input_ids"][i, places]
            batch["input_ids"][i, : len(ids)] = torch.from_numpy(ids.astype(np.int64))
        return {**batch, "labels": labels}

    def forward(self, model: torch.nn.Module, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Of each example: the summed negative log likelihood of its hidden tokens, how many those are, how many of them are guessed;
        (examples, 3) float32."""
        import torch
        from torch.nn import functional

        logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits.float()
        labels = batch["labels"]
        each = functional.cross_entropy(logits.transpose(1, 2), labels, ignore_index=UNLEARNT, reduction="none")
        asked = labels != UNLEARNT
        right = (logits.argmax(-1) == labels) & asked
        return torch.stack([each.sum(1), asked.sum(1).float(), right.sum(1).float()], dim=1)

    def sparing(self, examples: Sequence[Example]) -> Sequence[Example]:
        return examples

    def texts_written(self, rows: int, checking: bool) -> int:
        return 0

    def outputs(self, model: Any, batch: Mapping[str, torch.Tensor], examples: Sequence[Example]) -> list[Any]:
        told = self.forward(model, batch).cpu().tolist()
        none: list[str | None] = [None] * len(examples)
        said = filled(model, batch, examples) if any(e.extra["blanks"] for e in examples) else none
        return [Seen(nll, int(n), int(right), text) for (nll, n, right), text in zip(told, said, strict=True)]

    def decode(
        self, outputs: Sequence[Any], rows: Sequence[Row], examples: Sequence[Example], labels: Labels
    ) -> list[Prediction]:
        """What the pieces of a row tell, summed; the words for its blanks, put into the text."""
        found: list[Any] = super().decode(outputs, rows, examples, labels)
        words: list[list[str]] = [[] for _ in rows]
        for seen, example in zip(outputs, examples, strict=True):
            words[example.row] += seen.text.split("\n") if seen.text else []
        return [
            replace(p, text=_into(str(row["text"] or ""), said)) if said else p
            for row, p, said in zip(rows, found, words, strict=True)
        ]

    def learnt_windows(self, example: Example) -> np.ndarray:
        """Every token that may be hidden, behind those before it."""
        from core.tasks import grams

        return grams.windows(example.input_ids, example.extra["open"])

    def asked_windows(self, example: Example) -> np.ndarray:
        """Those that are hidden at checks, behind what stands before them then."""
        from core.tasks import grams

        ids, chosen = hidden(example, always(example), example.extra["tokenizer"].mask_token_id)
        return grams.windows(example.input_ids, chosen, ids)

    def report(self, rows: Sequence[Row], predictions: Sequence[Any], labels: Labels) -> Mapping[str, Any]:
        order, groups = by_length(rows)
        titles = (Message("Characters"), Message("texts"))
        return {"lengths": by_group(*titles, groups, [predictions[i] for i in order])}


def frame(processor: Any) -> tuple[list[int], list[int]]:
    """The special tokens before and after a text."""
    bare = processor("a", add_special_tokens=False)["input_ids"]
    whole = list(processor("a")["input_ids"])
    at = next(i for i in range(len(whole)) if whole[i : i + len(bare)] == bare)
    return whole[:at], whole[at + len(bare) :]


def always(example: Example) -> np.random.Generator:
    """The chance by which an example's tokens are hidden at checks: the same each time."""
    return np.random.default_rng(zlib.crc32(example.input_ids.tobytes()))


def hidden(example: Example, dice: np.random.Generator, mask: int) -> tuple[np.ndarray, np.ndarray]:
    """The example's tokens with some of them hidden, and which were chosen (at least one, where there are any)."""
    ids, chances = example.input_ids.copy(), dice.random(len(example.input_ids))
    chosen = (chances < example.extra["share"]) & example.extra["open"]
    if not chosen.any() and example.extra["open"].any():
        chosen[dice.choice(np.flatnonzero(example.extra["open"]))] = True
    how = dice.random(len(ids))
    ids[chosen & (how < 0.8)] = mask
    other = chosen & (how >= 0.9)
    ids[other] = dice.integers(0, example.extra["vocabulary"], int(other.sum()))
    return ids, chosen


def filled(model: Any, batch: Mapping[str, torch.Tensor], examples: Sequence[Example]) -> list[str | None]:
    """The likeliest word for each blank, one a line; special tokens are never said."""
    logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits.float()
    tokenizer = examples[0].extra["tokenizer"]
    logits[..., tokenizer.all_special_ids] = float("-inf")
    best = logits.argmax(-1).cpu()
    found: list[str | None] = []
    for i, example in enumerate(examples):
        places = (
            np.flatnonzero(example.input_ids == tokenizer.mask_token_id).tolist() if example.extra["blanks"] else []
        )
        said = (tokenizer.convert_ids_to_tokens(int(best[i, place])) for place in places)
        found.append("\n".join(tokenizer.convert_tokens_to_string([word]).strip().removeprefix("##") or word for word in said))  # fmt: skip
    return found


def _into(text: str, words: Sequence[str]) -> str:
    """The text with its blanks filled, in their order."""
    left = list(words)
    return BLANK.sub(lambda match: left.pop(0) if left else match[0], text)
