"""A question and a text that holds its answer: the model points at the place. Several answers may be right, or none at all.

A long text is read in windows that share a quarter of their tokens (`core.tasks.reading_windows`). Whether "no answer" may be said is
learnt from the training rows (`labels.extra["none"]`); how sure it must be for that is chosen on the validation split (`settle`), as
SQuAD 2.0's script does (Rajpurkar et al. 2018). There are no label names.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from core.errors import ModelError, RunError
from core.tasks import reading_rivals, reading_windows
from core.tasks.base import Annotation, Answer, Column, Example, Figure, Labels, Prediction, Rival, Row, Score, Trait
from core.tasks.reading_rivals import told
from core.tasks.reading_scores import best_threshold, exact_match, f1, scores
from core.tasks.usual import Usual
from core.words import Message

if TYPE_CHECKING:
    import torch

SHARED = 4  # neighbouring windows share one in so many tokens
FAR = 1e6  # how much surer "no answer" is where nothing else was found
SAMPLES = 12
AROUND = 120  # characters shown on both sides of an answer
LENGTHS = (
    (1, 1, "1"),
    (2, 2, "2"),
    (3, 3, "3"),
    (4, 5, "4–5"),
    (6, 10, "6–10"),
    (11, 10**9, "11…"),
)  # words of an answer
ASKED = re.compile(
    r"(?i)\b(how (?:many|much|long|old|often|far)|whom?|whose|what|when|where|which|why|how)\b"
    r"|为什么|为何|什么时候|什么|多少|多大|多久|几|谁|哪里|哪|何时|怎么样|怎么|如何"
)
OUTCOMES = {
    "right": Message("right"),
    "longer": Message("too long"),
    "shorter": Message("too short"),
    "shifted": Message("shifted"),
    "elsewhere": Message("another place"),
    "silent": Message("nothing said"),
    "invented": Message("said, though there is none"),
}


class Answers(Usual):
    name = "answers"
    traits: tuple[Trait, ...] = ("cleaned", "adapts")
    title = Message("Find answers in texts")
    help = Message("You ask, the model marks the place in a text that answers it, or says that there is none.")
    prediction = "answer"
    columns: tuple[Column, ...] = (
        Column(
            "text",
            "text",
            Message("The text with the answer is in"),
            Message("What the model looks for the answer in."),
            names=("context", "passage", "paragraph", "text", "document", "article", "上下文", "文章", "段落"),
            called=Message("Text"),
        ),
        Column(
            "question",
            "text",
            Message("The question is in"),
            Message("What is asked of the text."),
            names=("question", "query", "questions", "q", "问题"),
            called=Message("Question"),
        ),
        Column(
            "label",
            "answers",
            Message("The answers are in"),
            Message(
                "Words of the text, with or without a column that says where they start. Without it, you mark them by hand."
            ),
            required=False,
            target=True,
            several=True,
            names=("answers", "answer", "answer_text", "label", "gold", "答案", "回答"),
        ),
    )
    annotation = Annotation("answer", Message("Where is the answer?"))
    scores: tuple[Score, ...] = (
        Score(
            "f1",
            Message("Words of the answer right"),
            Message("How much the words of its answer and of the right one agree (F1, by SQuAD's definition)."),
        ),
        Score(
            "exact_match",
            Message("Whole answers right"),
            Message("Of 100 answers, how many are word for word right, but for case and articles (exact match)."),
        ),
    )
    figures: tuple[Figure, ...] = (
        Figure("words", Message("By what is asked"), "table"),
        Figure("lengths", Message("Share of words right, by the words of the right answer"), "bars"),
        Figure("outcomes", Message("What became of the questions"), "bars"),
        Figure("samples", Message("Its surest mistakes, each in its text"), "samples"),
    )
    usual: Mapping[str, Any] = {"start_from_probe": False, "learning_rate": 1e-4, "epochs": 3.0, "batch_size": 16}

    # What is learnt -------------------------------------------------------------------------------------------------

    def labels(self, rows: Sequence[Row], names: Sequence[str] | None = None) -> Labels:
        """Whether some training question has no answer; there is nothing else to learn from the rows beforehand."""
        train = [row for row in rows if row["label"] is not None and row.get("split") == "train"]
        if not any(row["label"] for row in train):
            raise RunError(
                Message("There is nothing to learn: no training question has an answer."),
                fix=Message("Mark the answers of some questions, then start again."),
            )
        return Labels((), (), {"none": not all(row["label"] for row in train)})

    def model(self, source: Any, labels: Labels, settings: Any) -> torch.nn.Module:
        from core.models.loading import new_whole

        return new_whole(source, "question-answering", dropout=settings.dropout)

    def encode(self, rows: Sequence[Row], processor: Any, settings: Any) -> Iterable[Example]:
        """Windows of at most `settings.max_length` tokens; see `reading_windows.encode` for their `extra`."""
        if not getattr(processor, "is_fast", True):
            raise ModelError(
                Message("The tokenizer of this base does not say where its word pieces stand in a text."),
                fix=Message("Choose a base that has a tokenizer.json."),
            )
        asked, texts = [str(row["question"] or "") for row in rows], [str(row["text"] or "") for row in rows]
        longest = settings.max_length
        return reading_windows.encode(asked, texts, processor, longest, longest // SHARED)

    def target(self, row: Row, example: Example | None, labels: Labels) -> tuple[int, int]:
        """Positions of the answer's first and last token; twice that of "no answer" where the window holds none."""
        assert example is not None
        return reading_windows.target(example, row["label"])

    def collate(
        self, examples: Sequence[Example], targets: Sequence[tuple[int, int]] | None, processor: Any
    ) -> dict[str, torch.Tensor]:
        """input_ids, attention_mask and (where the base tells question and text apart) token_type_ids, (batch, tokens of the longest);
        targets (batch, 2)."""
        import torch

        from core.training.batches import padded

        batch = padded(examples, processor)
        if "token_type_ids" in processor.model_input_names:
            types = np.zeros(batch["input_ids"].shape, dtype=np.int64)
            for i, example in enumerate(examples):
                types[i, : len(example.input_ids)] = example.extra["token_type_ids"]
            batch["token_type_ids"] = torch.from_numpy(types)
        if targets is not None:
            batch["targets"] = torch.tensor(targets, dtype=torch.long)
        return batch

    def forward(self, model: torch.nn.Module, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Logits of the start and the end at each token, (batch, tokens, 2); far below all others where there is only padding."""
        import torch

        given = model(**{name: value for name, value in batch.items() if name != "targets"})
        logits = torch.stack([given.start_logits, given.end_logits], dim=-1).float()
        return logits.masked_fill(batch["attention_mask"][..., None] == 0, -1e4)

    def loss(
        self, outputs: torch.Tensor, batch: Mapping[str, torch.Tensor], settings: Any, labels: Labels
    ) -> torch.Tensor:
        """Mean over windows of the mean cross-entropy of start and end."""
        from torch.nn import functional

        return functional.cross_entropy(outputs, batch["targets"])

    # What is answered -----------------------------------------------------------------------------------------------

    def outputs(
        self, model: torch.nn.Module, batch: Mapping[str, torch.Tensor], examples: Sequence[Example]
    ) -> list[np.ndarray]:
        """Logits of each window's own tokens, (tokens, 2)."""
        given: np.ndarray = self.forward(model, batch).cpu().numpy()
        return [one[: len(example.input_ids)] for one, example in zip(given, examples, strict=True)]

    def decode(
        self, outputs: Sequence[Any], rows: Sequence[Row], examples: Sequence[Example], labels: Labels
    ) -> list[Prediction]:
        """One answer a row from all its windows, with the next best behind it."""
        texts = [str(row["text"] or "") for row in rows]
        found = reading_windows.decode(outputs, examples, texts, bool(labels.extra.get("none")))
        missed: dict[int, list[float]] = defaultdict(list)
        for logits, example in zip(outputs, examples, strict=True):
            if rows[example.row].get("label") is not None:
                right = reading_windows.target(example, rows[example.row]["label"])
                missed[example.row].append(float(np.mean([_nll(logits[:, i], right[i]) for i in (0, 1)])))
        threshold = float(labels.extra.get("threshold", 0.0))
        return [
            replace(one.answer(threshold), nll=float(np.mean(missed[i])) if i in missed else None)
            for i, one in enumerate(found)
        ]

    def settle(self, labels: Labels, rows: Sequence[Row], predictions: Sequence[Any]) -> Labels:
        """How much surer "no answer" must be than the best place, so that F1 on these rows is highest."""
        if not labels.extra.get("none") or not rows:
            return labels
        places = [_apart(one) for one in predictions]
        best = [place["text"] if place else "" for _, place in places]
        threshold = best_threshold([told(row) for row in rows], best, [_margin(*one) for one in places])
        return replace(labels, extra={**labels.extra, "threshold": round(threshold, 6)})

    def again(self, predictions: Sequence[Any], labels: Labels) -> list[Prediction]:
        threshold = float(labels.extra.get("threshold", 0.0))
        return [_ordered(one, threshold) for one in predictions]

    def score(self, rows: Sequence[Row], predictions: Sequence[Any], labels: Labels) -> dict[str, float]:
        """f1 and exact_match, of questions with and without an answer too where there are both; loss (as while learning) where known."""
        known = [p.nll for p in predictions if p.nll is not None]
        loss = {"loss": float(np.mean(known))} if known else {}
        return {**scores([told(row) for row in rows], [p.text for p in predictions]), **loss}

    def credit(self, row: Row, prediction: Any, labels: Labels) -> float:
        return f1(told(row), prediction.text)

    # What is shown --------------------------------------------------------------------------------------------------

    def report(self, rows: Sequence[Row], predictions: Sequence[Any], labels: Labels) -> Mapping[str, Any]:
        from core.evaluation.reading_metrics import figures

        each = [f1(told(row), p.text) for row, p in zip(rows, predictions, strict=True)]
        made = figures([row["label"] for row in rows], [{"text": p.text, "start": p.start} for p in predictions])
        return {
            "words": _by_word(rows, predictions, each),
            "lengths": _by_length(rows, each),
            "outcomes": {
                "names": [OUTCOMES[name].as_json() for name in made.outcomes],
                "values": list(made.outcomes.values()),
            },
            "samples": {"rows": _samples(rows, predictions, each)},
        }

    def rivals(
        self,
        train: Sequence[Row],
        validation: Sequence[Row],
        asked: Sequence[Row],
        labels: Labels,
        cancelled: Callable[[], bool],
    ) -> Iterable[Rival]:
        """Always the first sentence; and the words that stand beside those of the question."""
        yield Rival(
            "first",
            Message("The first sentence"),
            Message("Says the first sentence of the text, whatever is asked."),
            [reading_rivals.first_sentence(str(row["text"])) for row in asked],
        )
        rarity = reading_rivals.rarities(sorted({str(row["text"]) for row in train}))
        longest = reading_rivals.usual_length([text for row in train for text in told(row)[:1]])
        yield Rival(
            "overlap",
            Message("Shared words"),
            Message(
                "Takes the sentence that shares most with the question, and in it up to {n} rare words that the question does not hold.",
                n=longest,
            ),
            [reading_rivals.overlap(str(r["question"]), str(r["text"]), rarity, longest) for r in asked],
        )


def _nll(logits: np.ndarray, right: int) -> float:
    top = float(logits.max())
    return top + math.log(float(np.exp(logits - top).sum())) - float(logits[right])


Place = Mapping[str, Any]


def _apart(one: Answer) -> tuple[Place | None, Place | None]:
    """ "No answer" and the best place, as far as each was considered."""
    candidates: list[Place] = [{"text": one.text, "start": one.start, "probability": one.probability}, *one.others]
    none = next((c for c in candidates if not c["text"]), None)
    return none, max((c for c in candidates if c["text"]), key=lambda c: c["probability"], default=None)


def _margin(none: Place | None, best: Place | None) -> float:
    """How much surer "no answer" is than the best place, in logits: the logarithm of their probabilities' ratio."""
    if none is None or best is None:
        return FAR if best is None else -FAR
    return float(np.log(max(none["probability"], 1e-30)) - np.log(max(best["probability"], 1e-30)))


def _ordered(one: Answer, threshold: float) -> Answer:
    """The same candidates, with the one first that is said at this threshold."""
    none, best = _apart(one)
    if none is None or best is None:
        return one
    first = none if _margin(none, best) > threshold else best
    rest = [{"text": one.text, "start": one.start, "probability": one.probability}, *one.others]
    others = sorted((c for c in rest if c["start"] != first["start"] or c["text"] != first["text"]), key=_unlikely)
    return replace(
        one, text=first["text"], start=first["start"], probability=first["probability"], others=tuple(others)
    )


def _unlikely(one: Place) -> float:
    return -float(one["probability"])


def _by_word(rows: Sequence[Row], predictions: Sequence[Any], each: Sequence[float]) -> dict[str, Any]:
    """A line for each question word, the most frequent first."""
    groups: dict[str, list[int]] = defaultdict(list)
    for i, row in enumerate(rows):
        found = ASKED.search(str(row["question"]))
        groups[found[0].lower() if found else ""].append(i)
    titles = (
        Message("Asked with"),
        Message("words right (F1)"),
        Message("whole answers right (exact match)"),
        Message("questions"),
    )
    lines = []
    for word, places in sorted(groups.items(), key=lambda item: -len(item[1])):
        exact = [exact_match(told(rows[i]), predictions[i].text) for i in places]
        name = word or Message("(no question word)").as_json()
        lines.append([name, _mean([each[i] for i in places]), _mean(exact), len(places)])
    return {"columns": [title.as_json() for title in titles], "rows": lines}


def _by_length(rows: Sequence[Row], each: Sequence[float]) -> dict[str, Any]:
    """Mean F1 by the words of the first right answer."""
    sizes = [len(reading_rivals.words(answers[0])) if (answers := told(row)) else 0 for row in rows]
    names, values = [], []
    for low, high, name in ((0, 0, Message("no answer").as_json()), *LENGTHS):
        mine = [value for value, size in zip(each, sizes, strict=True) if low <= size <= high]
        if mine:
            names.append(name)
            values.append(_mean(mine))
    return {"names": names, "values": values}


def _samples(rows: Sequence[Row], predictions: Sequence[Any], each: Sequence[float]) -> list[dict[str, Any]]:
    wrong = [i for i, value in enumerate(each) if value < 0.5]
    wrong.sort(key=lambda i: -predictions[i].probability)
    return [
        {
            "inputs": {"text": _around(rows[i], predictions[i]), "question": str(rows[i]["question"])},
            "gold": " | ".join(dict.fromkeys(told(rows[i]))),
            "said": predictions[i].text,
            "credit": round(each[i], 4),
        }
        for i in wrong[:SAMPLES]
    ]


def _around(row: Row, prediction: Any) -> str:
    """The part of the text around what was said, that in double brackets; around the right answer where nothing was said."""
    text, start, size = str(row["text"]), prediction.start, len(prediction.text)
    if not prediction.text:
        start, size = (row["label"][0]["start"], 0) if row["label"] else (0, 0)
    first, last = max(0, start - AROUND), min(len(text), start + size + AROUND)
    said = f"⟦{text[start : start + size]}⟧" if size else ""
    return (
        ("…" if first else "")
        + text[first:start]
        + said
        + text[start + size : last]
        + ("…" if last < len(text) else "")
    )


def _mean(values: Sequence[float]) -> float:
    return round(sum(values) / len(values), 4)
