"""Answers of a model that writes: the label whose words it would most likely write behind the prompt.

A label's score is the mean log-likelihood of its tokens, so that long names are not held against it. What the model says of a text without
content is taken off (contextual calibration, Zhao et al. 2021): probabilities are divided by those of "N/A" in the same prompt. Examples most
similar to the text stand nearest to it, at the end (Liu et al. 2022). Where the model has a chat template, the prompt is a user's turn.

Room: what the model holds less the longest label. Examples that do not fit go, the least similar first; then the text is cut at its end.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

from core.device import choose
from core.errors import Cancelled, ModelError
from core.models.catalogue import BUNDLED, find
from core.models.generating import context
from core.models.loading import new_whole, open_base
from core.prompting import prompts
from core.prompting.similar import drawn, texts
from core.prompting.vectors import Vectors
from core.prompting.ways import Asked, Floats, Said
from core.tasks.base import Row
from core.tasks.classification import softmax
from core.words import Message, plural

EMPTY = ("N/A", "", "[MASK]")  # texts without content, Zhao et al. 2021
LABELS = 32  # labels scored in one pass behind a prompt


def answer(asked: Asked) -> Said:
    """Every row's label probabilities, by one prompt a row (and one more without content where the examples differ from row to row)."""
    shown = _shown(asked)
    asked.progress(0, len(asked.rows), Message("Loading the model …"))
    writer = Writer.open(asked)
    settings = asked.settings
    same = settings.choose == "chance" or not settings.examples
    usual = _without_content(asked, writer, shown[0] if shown else [], EMPTY) if settings.calibrate and same else None
    scores = np.zeros((len(asked.rows), len(asked.labels)), np.float32)
    fitted, cut = [], 0
    began = time.perf_counter()
    for i, row in enumerate(asked.rows):
        if asked.cancelled():
            raise Cancelled
        asked.progress(i, len(asked.rows), Message("Asking the model …"))
        prompt = writer.prompt(row, shown[i])
        fitted.append(prompt.examples)
        cut += prompt.cut
        mine = writer.scores(prompt)
        if settings.calibrate:
            mine = mine - (usual if usual is not None else _without_content(asked, writer, shown[i], EMPTY[:1]))
        scores[i] = mine
    took = (time.perf_counter() - began) / max(1, len(asked.rows))
    return Said(softmax(scores), took, {}, _notes(asked, shown, fitted, cut))


def _without_content(asked: Asked, writer: Writer, examples: Sequence[Row], empty: Sequence[str]) -> Floats:
    """log of the mean probability of each label (labels,) for texts without content, with the same examples."""
    blank = dict.fromkeys(asked.rows[0] if asked.rows else {}, "")
    told = [writer.scores(writer.prompt({**blank, "text": text}, examples)) for text in empty]
    return np.log(np.clip(softmax(np.stack(told)).mean(axis=0), 1e-12, 1)).astype(np.float32)


@dataclass(frozen=True)
class Prompt:
    """`ids` of the prompt, how many `examples` are in it, whether the text was `cut`."""

    ids: list[int]
    examples: int
    cut: bool


@dataclass(frozen=True)
class Writer:
    """A causal model with the prompt's settings, and the token ids of every label's words as they come behind it."""

    model: Any
    tokenizer: Any
    device: Any
    asked: Asked
    endings: list[list[int]]
    room: int  # tokens of a prompt; 0: no limit

    @staticmethod
    def open(asked: Asked) -> Writer:
        source = open_base(asked.base, "causal")
        device = choose(SimpleNamespace(precision="auto"))
        model = new_whole(source, "causal-lm").body.eval().to(device.name)
        endings = _endings(source.tokenizer, asked)
        longest, holds = max(len(one) for one in endings), context(model)
        return Writer(model, source.tokenizer, device, asked, endings, max(1, holds - longest) if holds else 0)

    def prompt(self, row: Row, examples: Sequence[Row]) -> Prompt:
        """The prompt of a row; `examples` come the most similar first and stand in it the other way round."""
        kept = list(examples)
        while True:
            ids = self._ids(row, kept)
            if not self.room or len(ids) <= self.room:
                return Prompt(ids, len(kept), False)
            if not kept:
                return Prompt(self._shorter(row, len(ids) - self.room), 0, True)
            kept = kept[: len(kept) // 2 if len(ids) > 2 * self.room else len(kept) - 1]

    def _ids(self, row: Row, examples: Sequence[Row]) -> list[int]:
        settings, words = self.asked.settings, {one.name: one.words for one in self.asked.labels}
        said = [prompts.example(settings.example, one, words[one["label"]]) for one in reversed(examples)]
        text = prompts.question(settings.prompt, row, self.asked.labels, said)
        if self.tokenizer.chat_template:
            return list(self.tokenizer(_turn(self.tokenizer, text), add_special_tokens=False)["input_ids"])
        return list(self.tokenizer(text)["input_ids"])

    def _shorter(self, row: Row, over: int) -> list[int]:
        """The prompt with the end of its text left out, until it fits. ModelError where even no text does."""
        text = str(row["text"])
        ids = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        while ids:
            ids = ids[: max(0, len(ids) - over)]
            made = self._ids({**row, "text": self.tokenizer.decode(ids)}, [])
            if len(made) <= self.room:
                return made
            over = len(made) - self.room
        raise ModelError(
            Message("The prompt alone is longer than the {n:,} tokens this model holds.", n=self.room),
            fix=Message("Shorten the prompt, or choose a model that holds more."),
        )

    def scores(self, prompt: Prompt) -> Floats:
        """(labels,): the mean log-likelihood of each label's tokens behind the prompt. The prompt is read once, for all labels."""
        import torch

        from core.training.precision import autocast

        found = np.zeros(len(self.endings), np.float32)
        with torch.inference_mode(), autocast(self.device):
            read = self.model(torch.tensor([prompt.ids], device=self.device.name), use_cache=True)
            first = read.logits[0, -1].float().log_softmax(-1)
            past = read.past_key_values
            for start in range(0, len(self.endings), LABELS):
                some = self.endings[start : start + LABELS]
                found[start : start + len(some)] = self._behind(past, first, some, len(prompt.ids))
        return found

    def _behind(self, past: Any, first: Any, endings: Sequence[Sequence[int]], length: int) -> Floats:
        """(endings,): `first` (vocabulary,) log-likelihoods of the first token; the others by one pass behind a copy of `past`."""
        import copy

        import torch

        totals = np.array([float(first[one[0]]) for one in endings])
        longest = max(len(one) for one in endings) - 1
        if longest:
            fed = torch.zeros((len(endings), longest), dtype=torch.long)
            for i, one in enumerate(endings):
                fed[i, : len(one) - 1] = torch.tensor(list(one[:-1]))
            held = copy.deepcopy(past)
            held.batch_repeat_interleave(len(endings))
            mask = torch.ones((len(endings), length + longest), dtype=torch.long, device=self.device.name)
            out = self.model(fed.to(self.device.name), attention_mask=mask, past_key_values=held, use_cache=True)
            told = out.logits.float().log_softmax(-1)  # (endings, longest, vocabulary); padding is behind what counts
            for i, one in enumerate(endings):
                totals[i] += sum(float(told[i, j, token]) for j, token in enumerate(one[1:]))
        return (totals / [len(one) for one in endings]).astype(np.float32)


def _endings(tokenizer: Any, asked: Asked) -> list[list[int]]:
    """Token ids of each label's words as they come right behind the prompt: with a space before them where the prompt ends in a word."""
    tail = asked.settings.prompt.rsplit("}", 1)[-1]
    if tokenizer.chat_template:
        tail = _turn(tokenizer, "?")[-20:]
    space = "" if not tail or tail[-1].isspace() or not tail.isascii() else " "
    begun = tokenizer(tail, add_special_tokens=False)["input_ids"] if tail else []
    found = []
    for one in asked.labels:
        whole = tokenizer(tail + space + one.words, add_special_tokens=False)["input_ids"]
        apart = tokenizer(space + one.words, add_special_tokens=False)["input_ids"]
        found.append(list(whole[len(begun) :] if whole[: len(begun)] == begun else apart) or apart)
    if empty := [one.words for one, ids in zip(asked.labels, found, strict=True) if not ids]:
        raise ModelError(Message("The model has no tokens for the label “{label}”.", label=empty[0]))
    return found


def _turn(tokenizer: Any, text: str) -> str:
    """The text as a user's turn, up to where the assistant answers; without thinking aloud where the template knows that."""
    from core.tasks.chat_text import source_of

    turns = [{"role": "user", "content": text}]
    source = source_of(tokenizer)
    return str(
        tokenizer.apply_chat_template(
            turns, chat_template=source, tokenize=False, add_generation_prompt=True, enable_thinking=False
        )
    )


def _shown(asked: Asked) -> list[list[Row]]:
    """The examples of every row, the most similar first; by chance, the same for all."""
    settings = asked.settings
    pool = drawn(asked.pool, settings.pool, settings.seed)
    if not settings.examples or not pool:
        return [[] for _ in asked.rows]
    if settings.choose == "chance":
        return [pool[: settings.examples] for _ in asked.rows]
    asked.progress(0, 0, Message("Looking for similar examples …"))
    vectors = Vectors(find(BUNDLED), asked.cache, asked.progress, asked.cancelled)
    likeness = vectors.of(texts(asked.rows)) @ vectors.of(texts(pool)).T
    order = np.argsort(-likeness, axis=1, kind="stable")[:, : settings.examples]
    return [[pool[i] for i in row] for row in order.tolist()]


def _notes(asked: Asked, shown: Sequence[Sequence[Row]], fitted: Sequence[int], cut: int) -> list[Message]:
    notes = []
    wanted = sum(len(one) for one in shown)
    if wanted > sum(fitted):
        mean, most = sum(fitted) / max(1, len(fitted)), max(len(one) for one in shown)
        notes.append(
            Message("On average {k:.1f} of {n} examples fitted into what the model holds at once.", k=mean, n=most)
        )
    if cut:
        notes.append(plural(cut, "{n:,} text was cut to fit.", "{n:,} texts were cut to fit."))
    if asked.settings.examples and not wanted:
        notes.append(Message("There was no labelled text to show as an example."))
    return notes
