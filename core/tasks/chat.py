"""Conversations: the model learns to say what the assistant says, given all that was said before.

Turns become tokens through a chat template (`core.tasks.chat_text`). A conversation that is too long loses its oldest turns. There is
no target column: the answers stand in the conversation. A conversation that ends with somebody else's turn is answered.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from core.errors import RunError
from core.tasks import chat_text
from core.tasks.base import Annotation, Column, Example, Figure, Labels, Row, Score, Trait
from core.tasks.causal import WRITTEN, Causal, by_group, samples, saying, spread
from core.words import Message

if TYPE_CHECKING:
    import torch

NAMES = ("messages", "conversations", "conversation", "chat", "dialog", "dialogue", "turns", "对话")


class Chat(Causal):
    name = "chat"
    things = "conversations"
    traits: tuple[Trait, ...] = ("turns", "writes", "packs", "answers_only", "cleaned")
    foretells = True
    title = Message("Answer in conversations")
    help = Message(
        "Instructions with their answers, or whole conversations: the model learns to answer as the assistant does."
    )
    columns: tuple[Column, ...] = (
        Column(
            "messages",
            "messages",
            Message("The conversation is in"),
            Message("One column with all turns, or columns with the question and its answer."),
            several=True,
            names=NAMES,
            called=Message("Conversation"),
        ),
    )
    asks: tuple[str, ...] = ("messages",)
    annotation = Annotation("none", Message("Conversations bring their answers with them."))
    scores: tuple[Score, ...] = (
        Score(
            "perplexity",
            Message("Surprise at the answers"),
            Message("Between how many tokens it wavers at each place of an answer; 1 is certainty (perplexity)."),
            share=False,
        ),
        Score(
            "token_accuracy",
            Message("Tokens foreseen"),
            Message("Of 100 tokens of the right answers, how many it would have said itself."),
        ),
    )
    figures: tuple[Figure, ...] = (
        Figure("turns", Message("By the number of answers in a conversation"), "table"),
        Figure("samples", Message("What it answers"), "samples"),
    )
    usual: Mapping[str, Any] = {
        "start_from_probe": False, "learning_rate": 1e-4, "batch_size": 16, "max_length": 512, "metric": "main",
    }  # fmt: skip

    def labels(self, rows: Sequence[Row], names: Sequence[str] | None = None) -> Labels:
        """Nothing is learnt beforehand; RunError where nobody answers in any training conversation."""
        if not any(answers(row) for row in rows if row.get("split") == "train"):
            raise RunError(
                Message("There is nothing to learn: nobody answers in the training conversations."),
                fix=Message("Choose the columns that hold the answers on the Data tab."),
            )
        return Labels((), ())

    def model(self, source: Any, labels: Labels, settings: Any) -> torch.nn.Module:
        """The base; its tokenizer learns the template that was chosen, so that whoever takes the model away has it."""
        chosen = template_of(source.tokenizer, settings)
        source.tokenizer.chat_template = chat_text.source_of(source.tokenizer, chosen)
        return super().model(source, labels, settings)

    def encode(self, rows: Sequence[Row], processor: Any, settings: Any) -> Iterable[Example]:
        """One example a conversation. Of rows with a split, which are data, what follows the last answer is left out; others are
        answered where they end with a question."""
        template = template_of(processor, settings)
        stop_ids, stops = chat_text.stops(processor, template)
        room = settings.max_length if settings.packing else 0
        shared = {"room": room, "say": saying(settings, stops, stop_ids), "tokenizer": processor}
        shown = spread(len(rows), WRITTEN)
        for i, row in enumerate(rows):
            turns = told(row)
            if not turns or turns[-1]["role"] != "assistant":
                yield _asked(i, turns, processor, template, settings, shared)
                continue
            found = chat_text.render(processor, turns, template, settings.max_length, settings.learn_turns)
            learnt = np.array(found.answers, dtype=bool)
            learnt[:1] = False  # nothing stands before the first token
            before = turns[:-1] if any(turn["role"] != "system" for turn in turns[:-1]) else None
            wanted = i in shown and before
            prompt = chat_text.prompt(processor, before, template, settings.max_length) if wanted and before else None
            extra = {"learnt": learnt, "prompt": prompt, **shared}
            yield Example(i, np.array(found.input_ids, dtype=np.int32), extra, weight=float(learnt.sum()))

    def right(self, row: Row) -> str:
        """What the assistant says last."""
        turns = told(row)
        return turns[-1]["content"] if turns and turns[-1]["role"] == "assistant" else ""

    def given(self, row: Row) -> Mapping[str, Any]:
        """The turns before the answer that is asked for."""
        turns = told(row)
        return {"messages": turns[:-1] if turns and turns[-1]["role"] == "assistant" else turns}

    def report(self, rows: Sequence[Row], predictions: Sequence[Any], labels: Labels) -> Mapping[str, Any]:
        counts = [answers(row) for row in rows]
        order = sorted(range(len(rows)), key=lambda i: counts[i])
        groups = [str(min(counts[i], 6)) if counts[i] < 6 else "6+" for i in order]
        titles = (Message("Answers"), Message("conversations"))
        credits = [self.credit(row, p, labels) for row, p in zip(rows, predictions, strict=True)]
        return {
            "turns": by_group(*titles, groups, [predictions[i] for i in order]),
            "samples": samples(rows, predictions, self.given, self.right, credits),
        }


def _asked(
    place: int,
    turns: Sequence[Mapping[str, str]],
    processor: Any,
    template: str,
    settings: Any,
    shared: Mapping[str, Any],
) -> Example:
    """An example that only asks for an answer. A conversation without any turn is an empty question."""
    turns = turns or [{"role": "user", "content": ""}]
    ids = chat_text.prompt(processor, turns, template, settings.max_length) or [0]
    learnt = np.zeros(len(ids), dtype=bool)
    return Example(place, np.array(ids, dtype=np.int32), {"learnt": learnt, "prompt": ids, **shared}, weight=0.0)


def told(row: Row) -> list[dict[str, str]]:
    """The turns of a row; of data only up to the last answer. Plain words are a question."""
    turns = turns_of(row)
    if "split" not in row:
        return turns
    last = max((i for i, turn in enumerate(turns) if turn["role"] == "assistant"), default=-1)
    return turns[: last + 1] or turns


def turns_of(row: Row) -> list[dict[str, str]]:
    said = row.get("messages") or ()
    return [{"role": "user", "content": said}] if isinstance(said, str) else [dict(turn) for turn in said]


def answers(row: Row) -> int:
    return sum(turn["role"] == "assistant" for turn in turns_of(row))


def template_of(tokenizer: Any, settings: Any) -> str:
    """The name of the template in use. "auto": the tokenizer's own, by our name for it where it is one of ours."""
    if settings.chat_template != "auto":
        return str(settings.chat_template)
    own = tokenizer.chat_template
    ours = next((t.name for t in chat_text.TEMPLATES.values() if own == t.source), None)
    return ours or chat_text.proposed(tokenizer)
