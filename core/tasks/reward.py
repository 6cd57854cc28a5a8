"""How good is a text? One score a text, learnt from comparisons: of two texts the better one must score higher (Bradley and Terry 1952; as
reward models are learnt since Ouyang et al. 2022). Rows may bring two texts to compare, or one with a grade; graded texts are compared
within a batch wherever their grades differ (Burges et al. 2005, RankNet).

A score has no unit: only differences mean something. What the text answers, if there is a column for it, is read together with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from core.errors import Cancelled, RunError
from core.tasks import numbers, two_texts
from core.tasks.base import Annotation, Column, Example, Figure, Labels, Number, Prediction, Rival, Row, Score, Trait
from core.tasks.usual import Usual
from core.words import Message, plural

if TYPE_CHECKING:
    import torch

JUDGED = ("text", "rejected")
MOST = 50_000  # comparisons of graded texts that are looked at
SAMPLES = 12


class Reward(Usual):
    name = "reward"
    traits: tuple[Trait, ...] = ("cleaned", "adapts")
    title = Message("Judge how good texts are")
    help = Message(
        "From comparisons of two texts, or from grades, it learns to give any text a score: the higher the better."
    )
    prediction = "number"
    asks: tuple[str, ...] = ("text", "prompt")
    columns: tuple[Column, ...] = (
        Column(
            "text",
            "text",
            Message("The better text, or the graded one, is in"),
            Message("The text that was chosen of two; with grades, the text that has the grade."),
            names=(
                "chosen",
                "better",
                "preferred",
                "winner",
                "accepted",
                "good",
                "response",
                "answer",
                "completion",
                "reply",
                "text",
                "较好",
                "回答",
            ),
            called=Message("Text to judge"),
        ),
        Column(
            "rejected",
            "text",
            Message("The worse text is in"),
            Message("The text that was not chosen. Leave it empty where there are grades."),
            required=False,
            names=("rejected", "worse", "loser", "refused", "bad", "较差"),
            called=Message("The worse text"),
        ),
        Column(
            "prompt",
            "text",
            Message("What both answer is in"),
            Message(
                "The question or task that the texts answer. Where both are too long to be read, the longer one is cut first."
            ),
            required=False,
            names=("prompt", "question", "instruction", "query", "input", "问题", "指令"),
            called=Message("What it answers"),
        ),
        Column(
            "grade",
            "number",
            Message("The grade is in"),
            Message("How good the text is, the higher the better. Not needed where two texts are compared."),
            required=False,
            names=("grade", "reward", "helpfulness", "quality", "rating", "stars", "score", "评分", "分数"),
        ),
    )
    annotation = Annotation("none", Message("Which of these texts is better?"))
    scores: tuple[Score, ...] = (
        Score(
            "accuracy",
            Message("Better one higher"),
            Message("Of 100 comparisons, in how many the better text gets the higher score (accuracy)."),
        ),
        Score(
            "margin",
            Message("Lead"),
            Message("By how much the better text scores higher, on average (margin)."),
            share=False,
        ),
    )
    figures: tuple[Figure, ...] = (
        Figure("margins", Message("By how much the better text leads, and how often"), "bars"),
        Figure("grades", Message("Its score against the grade"), "scatter"),
        Figure("samples", Message("Where it prefers the worse text"), "samples"),
    )

    # What is learnt -------------------------------------------------------------------------------------------------

    def labels(self, rows: Sequence[Row], names: Sequence[str] | None = None) -> Labels:
        """There are no names; `extra` has the ends of the grades, where there are any."""
        train = [row for row in rows if row.get("split") == "train" and (row.get("rejected") or _graded(row))]
        grades = [float(row["grade"]) for row in train if _graded(row)]
        if not any(row.get("rejected") for row in train) and len(set(grades)) < 2:
            raise RunError(
                Message("There is nothing to compare: no training row has a worse text or a grade that differs."),
                fix=Message("Choose the column of the worse texts, or the one of the grades."),
            )
        ends = {"lowest": min(grades), "highest": max(grades)} if grades else {}
        return Labels(("score",), (len(train),), ends)

    def model(self, source: Any, labels: Labels, settings: Any) -> torch.nn.Module:
        from core.models.loading import new_model

        return new_model(source, labels.names, dropout=settings.dropout, link="identity")  # type: ignore[no-any-return]

    def encode(self, rows: Sequence[Row], processor: Any, settings: Any) -> Iterable[Example]:
        """One example a row: its text and, where there is one, the worse text, each read together with what they answer."""
        for i, row in enumerate(rows):
            there = [p for p, role in enumerate(JUDGED) if p == 0 or row.get(role)]
            asked = str(row.get("prompt") or "")
            texts = [str(row.get(JUDGED[p]) or "") for p in there]
            cut = {"truncation": "longest_first", "max_length": settings.max_length, "return_attention_mask": False}
            told = processor([asked] * len(texts), texts, **cut) if asked else processor(texts, **cut)
            extra: dict[str, Any] = {"parts": tuple(there), "sizes": tuple(map(len, told["input_ids"]))}
            if types := told.get("token_type_ids"):
                extra["types"] = np.concatenate([np.asarray(one, dtype=np.int32) for one in types])
            yield Example(i, np.concatenate([np.asarray(one, dtype=np.int32) for one in told["input_ids"]]), extra)

    def target(self, row: Row, example: Example | None, labels: Labels) -> float:
        """The grade; no number where two texts are compared or there is no grade."""
        return float("nan") if row.get("rejected") or not _graded(row) else float(row["grade"])

    def collate(
        self, examples: Sequence[Example], targets: Sequence[float] | None, processor: Any
    ) -> dict[str, torch.Tensor]:
        """See `core.tasks.two_texts.collated`; targets (rows,): grades."""
        import torch

        batch = two_texts.collated(examples, processor)
        if targets is not None:
            batch["targets"] = torch.tensor(targets, dtype=torch.float32)
        return batch

    def forward(self, model: torch.nn.Module, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Scores (texts,)."""
        found: torch.Tensor = model(batch["input_ids"], batch["attention_mask"], batch.get("token_type_ids"))[:, 0]
        return found.float()

    def loss(
        self, outputs: torch.Tensor, batch: Mapping[str, torch.Tensor], settings: Any, labels: Labels
    ) -> torch.Tensor:
        """-log sigmoid(better - worse): of each row with two texts, and the mean over all graded pairs for each graded row."""
        from core.training.preference import bradley_terry

        first, worse, grades = outputs[batch["part"] == 0], outputs[batch["part"] == 1], batch["targets"]
        better = first[batch["of"][batch["part"] == 1]]
        total = bradley_terry(better, worse).sum()
        graded = grades == grades  # those that are numbers
        said, right = first[graded], grades[graded]
        above = right[:, None] > right[None, :]
        if bool(above.any()):
            total = total + len(said) * bradley_terry(said[:, None], said[None, :])[above].mean()
        return total / len(first)

    # What is answered -----------------------------------------------------------------------------------------------

    def outputs(
        self, model: torch.nn.Module, batch: Mapping[str, torch.Tensor], examples: Sequence[Example]
    ) -> list[np.ndarray]:
        """Scores of each row's texts, (1 or 2,)."""
        flat = self.forward(model, batch).cpu().numpy()
        return np.split(flat, np.cumsum([len(example.extra["sizes"]) for example in examples])[:-1])

    def decode(
        self, outputs: Sequence[Any], rows: Sequence[Row], examples: Sequence[Example], labels: Labels
    ) -> list[Prediction]:
        low, high = (labels.extra.get(name) for name in ("low", "high"))
        found: list[Prediction] = [Number(0.0)] * len(rows)
        for scores, example in zip(outputs, examples, strict=True):
            against = float(scores[1]) if len(scores) > 1 else None
            found[example.row] = Number(float(scores[0]), low, high, against)
        return found

    def settle(self, labels: Labels, rows: Sequence[Row], predictions: Sequence[Any]) -> Labels:
        """The range in which nearly all scores of validation lie, and the line that makes grades of scores."""
        scores = np.array([v for p in predictions for v in (p.value, p.against) if v is not None])
        if len(scores) < 2 or not np.isfinite(scores).all():
            return labels
        found = {"low": float(np.percentile(scores, 1)), "high": float(np.percentile(scores, 99))}
        said, right = _grades(rows, predictions)
        if len(said) > 1 and np.ptp(said):
            slope, start = np.polyfit(said, right, 1)
            found |= {"slope": float(slope), "start": float(start)}
        return replace(labels, extra={**labels.extra, **found})

    def score(self, rows: Sequence[Row], predictions: Sequence[Any], labels: Labels) -> dict[str, float]:
        """accuracy (a tie counts half), margin, and loss: the mean of -log sigmoid(lead) over comparisons."""
        leads = np.concatenate([_leads(predictions), _between(*_grades(rows, predictions))])
        if not len(leads):
            return {}
        right = (leads > 0) + 0.5 * (leads == 0)
        return {
            "accuracy": float(right.mean()),
            "margin": float(leads.mean()),
            "loss": float(np.logaddexp(0.0, -leads).mean()),
        }

    def credit(self, row: Row, prediction: Any, labels: Labels) -> float:
        """Of two texts, whether the better one leads; of a grade, how near the line through scores and grades comes."""
        if prediction.against is not None:
            return float(prediction.value > prediction.against) + 0.5 * float(prediction.value == prediction.against)
        extra = labels.extra
        if not _graded(row) or not {"slope", "highest"} <= set(extra) or extra["highest"] == extra["lowest"]:
            return 0.5
        off = abs(extra["slope"] * prediction.value + extra["start"] - float(row["grade"]))
        return max(0.0, 1 - off / (extra["highest"] - extra["lowest"]))

    # What is shown --------------------------------------------------------------------------------------------------

    def report(self, rows: Sequence[Row], predictions: Sequence[Any], labels: Labels) -> Mapping[str, Any]:
        leads, (said, right) = _leads(predictions), _grades(rows, predictions)
        told: dict[str, Any] = {}
        if len(leads):
            told["margins"] = numbers.residuals(leads)
        if len(said):
            told["grades"] = numbers.report(right.tolist(), said.tolist())["scatter"] | {
                "x_title": Message("grade").as_json(),
                "y_title": Message("its score").as_json(),
            }
        wrong = [i for i, p in enumerate(predictions) if p.against is not None and p.value < p.against]
        wrong.sort(key=lambda i: predictions[i].value - predictions[i].against)
        samples = [
            {
                "inputs": {"prompt": rows[i].get("prompt") or ""},
                "gold": str(rows[i]["text"]),
                "said": str(rows[i]["rejected"]),
                "credit": 0.0,
            }
            for i in wrong[:SAMPLES]
        ]
        return {**told, "samples": {"rows": samples}}

    def rivals(
        self,
        train: Sequence[Row],
        validation: Sequence[Row],
        asked: Sequence[Row],
        labels: Labels,
        cancelled: Callable[[], bool],
    ) -> Iterable[Rival]:
        """The longer text; and a linear model on counted words, learnt from the same comparisons or grades."""
        said = [_judged(row, lambda text: float(len(text))) for row in asked]
        yield Rival("longer", Message("The longer one"), Message("The longer a text, the better."), said)
        detail = plural(
            len(train),
            "A linear model on counted words, learnt from one row.",
            "A linear model on counted words, learnt from {n:,} rows.",
        )
        worth = _counted(train, cancelled)
        yield Rival("counting", Message("Word counting"), detail, [_judged(row, worth) for row in asked])


def _graded(row: Row) -> bool:
    return row.get("grade") is not None


def _leads(predictions: Sequence[Any]) -> np.ndarray:
    """By how much the better text leads, for rows with two."""
    return np.array([p.value - p.against for p in predictions if p.against is not None], dtype=np.float64)


def _grades(rows: Sequence[Row], predictions: Sequence[Any]) -> tuple[np.ndarray, np.ndarray]:
    """Scores and grades of rows with one text and a grade."""
    both = [
        (p.value, float(r["grade"])) for r, p in zip(rows, predictions, strict=True) if p.against is None and _graded(r)
    ]
    found = np.array(both, dtype=np.float64).reshape(-1, 2)
    return found[:, 0], found[:, 1]


def _between(said: np.ndarray, right: np.ndarray) -> np.ndarray:
    """By how much the better of two graded texts leads: all pairs whose grades differ, or `MOST` at random."""
    n = len(said)
    if n * (n - 1) // 2 <= MOST:
        one, other = np.triu_indices(n, 1)
    else:
        one, other = np.random.default_rng(7).integers(0, n, (2, MOST))
    way = np.sign(right[one] - right[other])
    leads: np.ndarray = (way * (said[one] - said[other]))[way != 0]
    return leads


def _judged(row: Row, worth: Callable[[str], float]) -> Number:
    worse = row.get("rejected")
    return Number(worth(str(row["text"])), against=worth(str(worse)) if worse else None)


def _counted(train: Sequence[Row], cancelled: Callable[[], bool]) -> Callable[[str], float]:
    """What a text is worth by its words: a logistic regression on the difference of two texts' counts, else a ridge regression on grades."""
    from core.models.classic import Counting, Vocabulary, unspaced
    from core.training.fit import Objective, lbfgs

    pairs = [(str(row["text"]), str(row["rejected"])) for row in train if row.get("rejected")]
    graded = [row for row in train if _graded(row) and not row.get("rejected")]
    texts = [text for pair in pairs for text in pair] or [str(row["text"]) for row in graded]
    counting = Counting(None, (1, 3)) if unspaced(texts) else Counting((1, 2), None)
    vocabulary = Vocabulary.learn(texts, counting, 2 if len(texts) >= 200 else 1, 200_000)
    if pairs:
        ahead = vocabulary.features([a for a, _ in pairs]) - vocabulary.features([b for _, b in pairs])
        turned = np.where(
            np.arange(len(pairs)) % 2, -1.0, 1.0
        )  # half of them the other way round, so that both answers occur
        objective = Objective(
            ahead.multiply(turned[:, None]).tocsr().astype(np.float32), turned > 0, 1, None, "sigmoid"
        )
    else:
        grades = np.array([float(row["grade"]) for row in graded])
        objective = Objective(
            vocabulary.features(texts), (grades - grades.mean()) / (grades.std() or 1.0), 1, None, "identity"
        )
    point = objective.start
    for move in lbfgs(partial(objective, c=3.0), point):
        if cancelled():
            raise Cancelled
        point = move.point
    weight = objective.head(point).weight
    return lambda text: float((vocabulary.features([text]) @ weight.T)[0, 0])
