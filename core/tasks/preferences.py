"""A question with a better and a worse answer: the model learns to prefer the better one (DPO or ORPO, see core.training.preference).

How much it prefers the better answer is measured against the model it began with (DPO) or by the odds of both answers (ORPO): the margin
of a pair. A pair counts as right where its margin is above nought. Finished, the model answers questions.

A data set may also have two answers of which a column, or a person, says the better one (`told_by`); a run only ever sees chosen and rejected.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from core.data.better import learnt
from core.data.messages import compared
from core.errors import DataError, RunError
from core.tasks import chat_text
from core.tasks.base import Annotation, Column, Example, Figure, Labels, Prediction, Rival, Row, Score, Text, Trait
from core.tasks.causal import WRITTEN, Causal, saying, spread, written
from core.tasks.chat import NAMES, template_of, turns_of
from core.words import Message

if TYPE_CHECKING:
    import torch

UNLEARNT = -100
SAMPLES = 12
WHOLE = 1 << 30  # tokens: nothing is cut yet


class Preferences(Causal):
    name = "preferences"
    traits: tuple[Trait, ...] = ("turns", "writes", "prefers", "cleaned")
    title = Message("Prefer the better answer")
    help = Message(
        "Questions with an answer that was chosen and one that was rejected: the model learns to answer like the chosen ones."
    )
    columns: tuple[Column, ...] = (
        Column(
            "messages",
            "messages",
            Message("The question is in"),
            Message("What was asked, or all turns before the answer."),
            several=True,
            names=("prompt", "question", "instruction", *NAMES),
            called=Message("Conversation"),
        ),
        Column(
            "chosen",
            "text",
            Message("The better answer is in"),
            Message("The answer that was chosen."),
            names=("chosen", "chosen.value", "chosen.content", "preferred", "accepted", "chosen_response", "better", "好的回答"),
            written=True,
            called=Message("The better answer"),
        ),
        Column(
            "rejected",
            "text",
            Message("The worse answer is in"),
            Message("The answer that was rejected."),
            names=("rejected", "rejected.value", "rejected.content", "dispreferred", "rejected_response", "worse", "差的回答"),
            written=True,
            called=Message("The worse answer"),
        ),
    )  # fmt: skip
    told_by: tuple[Column, ...] = (
        Column(
            "better",
            "better",
            Message("Which answer is better is in"),
            Message(
                "Its number, its letter or the name of its column, for two answers of which no column's name says it. Without it, you choose by hand."
            ),
            required=False,
            target=True,
            names=(
                "better",
                "preference",
                "winner",
                "preferred_answer",
                "better_answer",
                "which_is_better",
                "哪个更好",
            ),
            called=Message("The better answer"),
        ),
    )
    asks: tuple[str, ...] = ("messages",)
    compares = True  # a finished model is measured against its base, where that is still at hand
    annotation = Annotation("better", Message("Which answer is better?"))
    scores: tuple[Score, ...] = (
        Score(
            "accuracy",
            Message("Pairs the right way round"),
            Message("Of 100 pairs, in how many the better answer has gained more than the worse one; 50 is chance."),
        ),
        Score(
            "margin",
            Message("Lead of the better answer"),
            Message("By how much the better answer has gained more, on average (reward margin)."),
            share=False,
        ),
    )
    figures: tuple[Figure, ...] = (
        Figure("margins", Message("Lead of the better answer, pairs by size"), "bars"),
        Figure("samples", Message("Pairs it has most the wrong way round"), "samples"),
    )
    usual: Mapping[str, Any] = {
        "start_from_probe": False, "learning_rate": 1e-5, "batch_size": 8, "max_length": 512, "metric": "main",
    }  # fmt: skip

    # What is learnt -------------------------------------------------------------------------------------------------

    def labels(self, rows: Sequence[Row], names: Sequence[str] | None = None) -> Labels:
        """Nothing is learnt beforehand; RunError where no training row has two different answers."""
        if not any(pair(row) for row in rows if row.get("split") == "train"):
            raise RunError(
                Message("There is nothing to learn: no training row has a better and a worse answer."),
                fix=Message("Choose the columns with both answers on the Data tab."),
            )
        return Labels((), ())

    def model(self, source: Any, labels: Labels, settings: Any) -> torch.nn.Module:
        from core.models.reference import Reference

        source.tokenizer.chat_template = chat_text.source_of(source.tokenizer, template_of(source.tokenizer, settings))
        model: Any = super().model(source, labels, settings)
        if settings.preference_loss == "dpo":
            model.reference = Reference(source.base, "causal-lm")
        return model

    def encode(self, rows: Sequence[Row], processor: Any, settings: Any) -> Iterable[Example]:
        """One example a pair: `sides` holds token ids and a mark on those of the answer, of the better and of the worse one. A row without
        two answers is only answered."""
        template = template_of(processor, settings)
        stop_ids, stops = chat_text.stops(processor, template)
        shared = {"room": 0, "say": saying(settings, stops, stop_ids), "tokenizer": processor}
        shared |= {"how": settings.preference_loss, "beta": settings.beta}
        shown = spread(len(rows), WRITTEN)
        for i, row in enumerate(rows):
            turns = asked(row) or [{"role": "user", "content": ""}]
            both = pair(row)
            sides = [_side(turns, said, processor, template, settings.max_length) for said in both or ()]
            if not all(mask.any() for _, mask in sides):
                sides = []
            prompt = chat_text.prompt(processor, turns, template, settings.max_length) or [0]
            ids = np.concatenate([ids for ids, _ in sides]) if sides else np.array(prompt, dtype=np.int32)
            extra = {"sides": sides, "prompt": prompt if i in shown or not both else None, **shared}
            yield Example(i, ids, extra, weight=float(bool(sides)))

    def target(self, row: Row, example: Example | None, labels: Labels) -> Any:
        """The pair itself says which answer is better."""
        return None

    def collate(
        self, examples: Sequence[Example], targets: Sequence[Any] | None, processor: Any
    ) -> dict[str, torch.Tensor]:
        """input_ids, attention_mask and labels (-100 before the answer), (2 × pairs, tokens of the longest): first all better answers, then
        all worse ones. Rows without answers are left out."""
        import torch

        from core.training.batches import padded

        pairs = [example.extra["sides"] for example in examples if example.extra["sides"]]
        rows = [sides[k] for k in (0, 1) for sides in pairs] or [(np.zeros(1, dtype=np.int32), np.zeros(1, dtype=bool))]
        batch = padded([Example(0, ids) for ids, _ in rows], processor)
        labels = torch.full_like(batch["input_ids"], UNLEARNT)
        for i, (ids, mask) in enumerate(rows):
            labels[i, : len(ids)] = torch.from_numpy(np.where(mask, ids, UNLEARNT).astype(np.int64))
        return {**batch, "labels": labels}

    def forward(self, model: Any, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Of each pair, (pairs, 6) float32: log p of the better and of the worse answer, the same by the reference (nought without one),
        and the tokens of both."""
        import torch

        from core.training.preference import sequence_logprobs

        mine, tokens = sequence_logprobs(model.body, batch)
        before = torch.zeros_like(mine)
        if reference := getattr(model, "reference", None):
            with reference.of(model) as body:
                before = before if body is None else sequence_logprobs(body, batch)[0]
        return torch.cat([one.float().view(2, -1).T for one in (mine, before, tokens)], dim=1)

    def loss(
        self, outputs: torch.Tensor, batch: Mapping[str, torch.Tensor], settings: Any, labels: Labels
    ) -> torch.Tensor:
        return judged(outputs, settings.preference_loss, settings.beta)[0].mean()

    # What is answered -----------------------------------------------------------------------------------------------

    def outputs(self, model: Any, batch: Mapping[str, torch.Tensor], examples: Sequence[Example]) -> list[Any]:
        """Of each example: what is known of its pair, and the text written for it."""
        extra = examples[0].extra
        places = [i for i, example in enumerate(examples) if example.extra["sides"]]
        known: list[dict[str, float]] = [{} for _ in examples]
        if places:
            told = self.forward(model, batch)
            losses, margins = judged(told, extra["how"], extra["beta"])
            for i, loss, margin in zip(places, losses.tolist(), margins.tolist(), strict=True):
                known[i] = {"loss": loss, "margin": margin}
        return list(zip(known, written(model, examples), strict=True))

    def decode(
        self, outputs: Sequence[Any], rows: Sequence[Row], examples: Sequence[Example], labels: Labels
    ) -> list[Prediction]:
        found: list[Prediction] = [Text("", written=False)] * len(rows)
        for (known, text), example in zip(outputs, examples, strict=True):
            found[example.row] = Text(text or "", written=text is not None, known=known)
        return found

    def sparing(self, examples: Sequence[Example]) -> Sequence[Example]:
        return [replace(e, extra={**e.extra, "prompt": None}) for e in examples]

    def answer_tokens(self, example: Example) -> int:
        return max((int(mask.sum()) for _, mask in example.extra["sides"]), default=0)

    def score(self, rows: Sequence[Row], predictions: Sequence[Any], labels: Labels) -> dict[str, float]:
        """accuracy (a tie counts half) and margin over pairs, and loss where it is known."""
        known = [p.known for p in predictions if "margin" in p.known]
        if not known:
            return {}
        margins = np.array([one["margin"] for one in known])
        losses = [one["loss"] for one in known if "loss" in one]
        loss = {"loss": float(np.mean(losses))} if losses else {}
        return {"accuracy": float(np.mean((np.sign(margins) + 1) / 2)), "margin": float(margins.mean()), **loss}

    def credit(self, row: Row, prediction: Any, labels: Labels) -> float:
        """The probability it gives to the right way round."""
        margin = float(np.clip(prediction.known.get("margin", 0.0), -50, 50))
        return float(1 / (1 + np.exp(-margin)))

    def right(self, row: Row) -> str:
        both = pair(row)
        return both[0] if both else ""

    def given(self, row: Row) -> Mapping[str, Any]:
        """The better answer is the right one, so it stands there."""
        both = pair(row)
        return {"messages": asked(row), "rejected": both[1] if both else row.get("rejected")}

    def unwritten(self, prediction: Any) -> Message | None:
        if prediction.written:
            return None
        lead = round(float(prediction.known.get("margin", 0.0)), 3)
        return Message("Only measured, not written: the better answer leads by {lead:g}.", lead=lead)

    # What is shown --------------------------------------------------------------------------------------------------

    def report(self, rows: Sequence[Row], predictions: Sequence[Any], labels: Labels) -> Mapping[str, Any]:
        places = [i for i, p in enumerate(predictions) if "margin" in p.known]
        worst = sorted(places, key=lambda i: predictions[i].known["margin"])[:SAMPLES]
        samples = [
            {
                "inputs": self.given(rows[i]),
                "gold": self.right(rows[i])[:600],
                "said": told.as_json() if (told := self.unwritten(predictions[i])) else predictions[i].text,
                "credit": round(self.credit(rows[i], predictions[i], labels), 4),
            }
            for i in worst
        ]
        return {"margins": _bars([predictions[i].known["margin"] for i in places]), "samples": {"rows": samples}}

    def rivals(
        self,
        train: Sequence[Row],
        validation: Sequence[Row],
        asked: Sequence[Row],
        labels: Labels,
        cancelled: Callable[[], bool],
    ) -> Iterable[Rival]:
        """Whoever says more."""
        leads = [len(both[0]) - len(both[1]) if (both := pair(row)) else 0 for row in asked]
        yield Rival(
            "longer",
            Message("The longer answer"),
            Message("Prefers the longer of both answers."),
            [Text("", written=False, known={"margin": float(np.sign(lead))}) for lead in leads],
        )


def judged(told: torch.Tensor, how: str, beta: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Loss and margin of each pair, (pairs,), from what `Preferences.forward` gives."""
    from core.training import preference

    chosen, rejected, before_chosen, before_rejected, chosen_tokens, rejected_tokens = told.unbind(1)
    if how == "orpo":
        good, bad = chosen / chosen_tokens.clamp(min=1), rejected / rejected_tokens.clamp(min=1)
        losses = preference.orpo(chosen, rejected, chosen_tokens, rejected_tokens, beta)
        return losses, preference.log_odds(good) - preference.log_odds(bad)
    before = (before_chosen, before_rejected)
    return preference.dpo(chosen, rejected, *before, beta), preference.margins(chosen, rejected, *before, beta)


def pair(row: Row) -> tuple[str, str] | None:
    """The better and the worse answer, however they are wrapped; None where one is missing, both are the same or neither is better."""
    told = learnt(row.get("better"), row)
    if told is None or not told.get("chosen") or not told.get("rejected"):
        return None
    found = compared(_before(row), str(told["chosen"]), str(told["rejected"]))
    return None if found.chosen is None or found.rejected is None else (found.chosen, found.rejected)


def asked(row: Row) -> list[dict[str, str]]:
    """The turns before the answer: those of the question, or what both conversations begin with."""
    turns = _before(row)
    if row.get("chosen") and row.get("rejected"):
        turns = compared(turns, str(row["chosen"]), str(row["rejected"])).messages or turns
    return turns


def _before(row: Row) -> list[dict[str, str]]:
    turns = turns_of(row)
    while turns and turns[-1]["role"] == "assistant":
        turns.pop()
    return turns


def _side(
    turns: Sequence[Mapping[str, str]], said: str, processor: Any, template: str, longest: int
) -> tuple[np.ndarray, np.ndarray]:
    """Token ids of the turns with an answer, and which of them belong to that answer alone. What is too long loses its beginning first: at
    least a quarter is left for the question."""
    try:
        found = chat_text.render(processor, [*turns, {"role": "assistant", "content": said}], template, WHOLE)
    except DataError:  # a conversation that the template cannot say
        return np.zeros(1, dtype=np.int32), np.zeros(1, dtype=bool)
    ids, mask = np.array(found.input_ids, dtype=np.int32), np.array(found.answers, dtype=bool)
    mask[:1] = False
    ends = np.flatnonzero(mask)
    if not len(ends):
        return ids[:longest], mask[:longest]
    start = int(np.flatnonzero(~mask[: ends[-1]])[-1]) + 1  # of several answers only the last one is compared
    mask[:start] = False
    left = max(longest - (len(ids) - start), longest // 4)  # for the question
    first = max(0, start - left)
    return ids[first : first + longest], mask[first : first + longest]


def _bars(margins: Sequence[float]) -> dict[str, Any]:
    counts, edges = np.histogram(margins, bins=12)
    names = [f"{low:.2g} – {high:.2g}" for low, high in pairwise(edges)]
    return {"names": names, "values": counts.tolist()}
