"""What tasks share whose model goes on from a text: token ids with a mark on what is learnt, a loss over those, and texts written from prompts.

An example's `extra` holds `learnt` (a mark for each token), `room` (tokens of a row into which several examples are packed; 0: none are),
and, where a text is to be written, `prompt` (token ids) and `say` (how, with `tokenizer`). A task of this kind only decides what is read
and what is learnt. Knows nothing of turns or documents.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from core.tasks.base import Example, Family, Labels, Prediction, Rival, Row, Text
from core.tasks.usual import Usual
from core.words import Message

if TYPE_CHECKING:
    import torch

WRITTEN = 24  # rows of a file or report whose right text is known, for which one is written nevertheless, as a sample
SAMPLES = 12
MOST_LOSS = 50.0  # of a token, where its exponent is taken


class Seen(NamedTuple):
    """Of one example: how unlikely the learnt tokens were, how many they are, how many would have been chosen; and what was written."""

    nll: float = 0.0
    tokens: int = 0
    right: int = 0
    text: str | None = None  # None: none was asked for


class Causal(Usual):
    family: Family = "causal"
    prediction: str = "text"

    def model(self, source: Any, labels: Labels, settings: Any) -> torch.nn.Module:
        from core.models.loading import new_whole

        return new_whole(source, "causal-lm", dropout=settings.dropout)

    def target(self, row: Row, example: Example | None, labels: Labels) -> Any:
        """Which tokens are learnt, (tokens,) bool: the targets are the tokens themselves."""
        assert example is not None
        return example.extra["learnt"]

    def collate(
        self, examples: Sequence[Example], targets: Sequence[np.ndarray] | None, processor: Any
    ) -> dict[str, torch.Tensor]:
        """See core.training.packing.packed; and `order` (examples,): which example stands where in the batch. Examples are packed
        together only while learning."""
        import torch

        from core.training import packing

        lengths = [len(example.input_ids) for example in examples]
        room = max(example.extra["room"] for example in examples) if targets is not None else 0
        rows = packing.fill(lengths, room, seed=sum(lengths)) if room else [[i] for i in range(len(examples))]
        said: Any = [[(examples[i].input_ids, examples[i].extra["learnt"]) for i in row] for row in rows]
        batch = packing.packed(said, processor.pad_token_id or 0)
        batch["order"] = torch.tensor([i for row in rows for i in row], dtype=torch.long)
        return batch

    def forward(self, model: torch.nn.Module, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Of each example: the summed negative log likelihood of its learnt tokens, how many those are, how many of them are the
        likeliest; (examples, 3) float32."""
        import torch

        told = spelt(model, batch)
        found = torch.zeros_like(told)
        return found.index_copy(0, batch["order"], told)

    def loss(
        self, outputs: torch.Tensor, batch: Mapping[str, torch.Tensor], settings: Any, labels: Labels
    ) -> torch.Tensor:
        """Mean over the learnt tokens of the batch."""
        return outputs[:, 0].sum() / outputs[:, 1].sum().clamp(min=1)

    def sparing(self, examples: Sequence[Example]) -> Sequence[Example]:
        """At a check nothing is written but for the rows a person watches."""
        return [replace(e, extra={**e.extra, "prompt": None}) if e.weight else e for e in examples]

    def texts_written(self, rows: int, checking: bool) -> int:
        return 0 if checking else min(rows, WRITTEN)

    def answer_tokens(self, example: Example) -> int:
        return len(example.input_ids) - len(example.extra["prompt"])

    def outputs(self, model: Any, batch: Mapping[str, torch.Tensor], examples: Sequence[Example]) -> list[Any]:
        """What is known of each example, with the text written where there is a prompt."""
        told = [[0.0, 0.0, 0.0] for _ in examples]
        if any(example.extra["learnt"].any() for example in examples):
            told = self.forward(model, batch).float().cpu().tolist()
        texts = written(model, examples)
        return [Seen(nll, int(n), int(right), text) for (nll, n, right, *_), text in zip(told, texts, strict=True)]

    def decode(
        self, outputs: Sequence[Any], rows: Sequence[Row], examples: Sequence[Example], labels: Labels
    ) -> list[Prediction]:
        """One answer a row; what its windows tell is summed."""
        found = [Text("", written=False)] * len(rows)
        for seen, example in zip(outputs, examples, strict=True):
            so_far = found[example.row]
            found[example.row] = Text(
                so_far.text or seen.text or "",
                so_far.nll + seen.nll,
                so_far.tokens + seen.tokens,
                so_far.right + seen.right,
                so_far.written or seen.text is not None,
            )
        return list(found)

    def score(self, rows: Sequence[Row], predictions: Sequence[Any], labels: Labels) -> dict[str, float]:
        """loss (nats a token), perplexity and token_accuracy over all tokens together."""
        tokens = sum(p.tokens for p in predictions)
        if not tokens:
            return {}
        loss = sum(p.nll for p in predictions) / tokens
        right = sum(p.right for p in predictions) / tokens
        return {"perplexity": math.exp(min(loss, MOST_LOSS)), "token_accuracy": right, "loss": loss}

    def unwritten(self, prediction: Any) -> Message | None:
        if prediction.written:
            return None
        told = {"k": prediction.right, "n": prediction.tokens}
        return Message("Only measured, not written: it foresaw {k:,} of {n:,} tokens.", **told)

    def token_rivals(
        self,
        train: Iterable[Example],
        asked: Sequence[Example],
        rows: int,
        vocabulary: int,
        cancelled: Callable[[], bool],
    ) -> Iterable[Rival]:
        from core.tasks import grams

        wanted = [(e.row, self.asked_windows(e)) for e in asked]
        yield grams.rival(map(self.learnt_windows, train), wanted, rows, vocabulary, cancelled)

    def learnt_windows(self, example: Example) -> np.ndarray:
        """Its tokens that are learnt, each behind those before it (`core.tasks.grams`)."""
        from core.tasks import grams

        return grams.windows(example.input_ids, example.extra["learnt"])

    def asked_windows(self, example: Example) -> np.ndarray:
        """Its tokens that are measured at checks, likewise."""
        return self.learnt_windows(example)

    def redrawn(
        self, measure: str, rows: Sequence[Row], predictions: Sequence[Any], labels: Labels
    ) -> Callable[[np.ndarray], float | None] | None:
        if measure not in ("perplexity", "token_accuracy"):
            return None
        sums = np.array([[p.nll, p.tokens, p.right] for p in predictions], dtype=float)

        def found(places: np.ndarray) -> float | None:
            nll, tokens, right = sums[places].sum(axis=0).tolist()
            if not tokens:
                return None
            return math.exp(min(nll / tokens, MOST_LOSS)) if measure == "perplexity" else right / tokens

        return found

    def credit(self, row: Row, prediction: Any, labels: Labels) -> float:
        """The probability of a right token, as the geometric mean over the row's."""
        return math.exp(-prediction.nll / prediction.tokens) if prediction.tokens else 0.0


def spelt(model: Any, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """What `Causal.forward` gives, in the order of the packed batch."""
    import torch

    from core.training import packing

    if not getattr(model, "keeps_apart", ""):
        with torch.autocast(batch["input_ids"].device.type, enabled=False):  # halved arithmetic would look like a leak
            model.keeps_apart = packing.way(model.body, 0) or "never"
    given = dict(batch)
    alone = int(batch["example"].max()) + 1 == len(batch["input_ids"])
    if not alone and model.keeps_apart == "mask":
        given["attention_mask"] = packing.apart(batch["example"])
    elif not alone and model.keeps_apart == "never":
        given = unpacked(batch)
    logits = packing.forward(model.body, given) if model.keeps_apart != "never" else model(
        input_ids=given["input_ids"], attention_mask=(given["example"] >= 0).long()
    ).logits  # fmt: skip
    sums, counts = packing.losses(logits, given)
    with torch.no_grad():
        hits = (logits[:, :-1].argmax(-1) == given["labels"][:, 1:]).flatten().float()
        owner = given["example"][:, 1:].flatten()
        right = torch.zeros_like(counts).index_add(0, owner[owner >= 0], hits[owner >= 0])
    return torch.stack([sums, counts, right], dim=1)


def unpacked(batch: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The same examples, one a row, for a model that cannot keep them apart within one."""
    import torch
    from torch.nn.utils.rnn import pad_sequence

    owner = batch["example"].flatten()
    found: dict[str, torch.Tensor] = {}
    for name, nothing in (("input_ids", 0), ("position_ids", 0), ("labels", -100), ("example", -1)):
        flat = batch[name].flatten()
        parts = [flat[owner == i] for i in range(int(owner.max()) + 1)]
        found[name] = pad_sequence(parts, batch_first=True, padding_value=nothing)
    found["example"] = torch.where(found["example"] >= 0, found["example"], -1)
    return found


# Writing -------------------------------------------------------------------------------------------------------------


def saying(settings: Any, stops: tuple[str, ...] = (), stop_ids: tuple[int, ...] = ()) -> dict[str, Any]:
    """How a text is written, from the knobs: the fields of core.models.generating.Settings."""
    return {
        "way": settings.decoding,
        "max_new_tokens": settings.answer_length,
        "beams": settings.beams,
        "temperature": settings.temperature,
        "top_p": settings.top_p,
        "repetition_penalty": settings.repetition_penalty,
        "seed": settings.seed,
        "stops": stops,
        "stop_ids": stop_ids,
    }


def written(model: Any, examples: Sequence[Example]) -> list[str | None]:
    """A text for each example with a prompt, None for the others."""
    from core.models import generating

    places = [i for i, example in enumerate(examples) if example.extra.get("prompt") is not None]
    texts: list[str | None] = [None] * len(examples)
    if not places:
        return texts
    extra = examples[places[0]].extra
    how = how_written(model, extra)
    prompts = [examples[i].extra["prompt"] for i in places]
    for i, answer in zip(places, generating.generate(model.body, extra["tokenizer"], prompts, how), strict=True):
        texts[i] = answer.text.strip()
    return texts


def how_written(model: Any, extra: Mapping[str, Any]) -> Any:
    """core.models.generating.Settings of an example, for what the model holds at once."""
    from core.models import generating

    how, longest = generating.Settings(**extra["say"]), generating.context(model.body)
    if not longest:
        return how
    most = longest - 1 if generating.encodes(model.body) else longest // 2  # the other half is for the prompt
    return replace(how, max_new_tokens=max(1, min(how.max_new_tokens, most)))


def spread(count: int, most: int) -> set[int]:
    """`most` places of `count`, evenly."""
    return set(range(count)) if count <= most else {i * count // most for i in range(most)}


# What is shown -------------------------------------------------------------------------------------------------------


def samples(
    rows: Sequence[Row], predictions: Sequence[Any], asked: Any, gold: Any, credits: Sequence[float]
) -> dict[str, Any]:
    """Rows for which a text was written, beside the right one. `asked(row)` gives inputs, `gold(row)` the right text."""
    places = [i for i, p in enumerate(predictions) if p.text][:SAMPLES]
    return {
        "rows": [
            {"inputs": asked(rows[i]), "gold": gold(rows[i]), "said": predictions[i].text, "credit": round(credits[i], 4)}
            for i in places
        ]
    }  # fmt: skip


def by_group(title: Message, unit: Message, groups: Sequence[str], predictions: Sequence[Any]) -> dict[str, Any]:
    """A line for each group in the order of appearance: perplexity and share of right tokens."""
    titles = (title, Message("perplexity"), Message("right tokens"), unit)
    lines = []
    for name in dict.fromkeys(groups):
        mine = [p for p, group in zip(predictions, groups, strict=True) if group == name and p.tokens]
        tokens = sum(p.tokens for p in mine)
        if tokens:
            loss = min(sum(p.nll for p in mine) / tokens, MOST_LOSS)
            right = sum(p.right for p in mine) / tokens
            lines.append([name, round(math.exp(loss), 3), round(right, 4), len(mine)])
    return {"columns": [one.as_json() for one in titles], "rows": lines}
