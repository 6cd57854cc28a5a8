"""Candidates in order: of what a question, a user or a situation brings along, what should stand first? Each candidate is read together
with the question and scored, and one row's candidates compete (listwise softmax over the list; Cao et al. 2007, with one clicked candidate
a list). Learns as `core.tasks.choice` does; what differs is that the whole order is the answer and is measured.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from core.evaluation.ranking import auc, ndcg, recall, reciprocal_rank
from core.tasks.base import Annotation, Column, Example, Figure, Labels, Prediction, Ranking, Rival, Row, Score, Trait
from core.tasks.choice import Choice
from core.tasks.reading_rivals import words
from core.words import Message

SAMPLES = 12
TOP = 10


class Ranked(Choice):
    name = "ranking"
    traits: tuple[Trait, ...] = ("labels", "smoothed")
    title = Message("Put candidates in order")
    help = Message(
        "Each row has a question or a situation, its candidates, and the one that was clicked; the likeliest come first."
    )
    prediction = "ranking"
    columns: tuple[Column, ...] = (
        Column(
            "text",
            "text",
            Message("What was asked is in"),
            Message("A search, what somebody has read or bought, a situation; several columns are read together."),
            several=True,
            names=("query", "user", "history", "search", "context", "question", "text", "查询", "历史"),
            called=Message("What is asked"),
        ),
        Column(
            "choices",
            "choices",
            Message("The candidates are in"),
            Message("A column for each candidate, or one column with all of them."),
            several=True,
            names=("candidates", "items", "impressions", "results", "documents", "choices", "options", "候选"),
            called=Message("Candidates"),
        ),
        Column(
            "label",
            "option",
            Message("The clicked one is in"),
            Message(
                "The candidate that was clicked, bought or right: its words, letter or number. Without it, you choose by hand."
            ),
            required=False,
            target=True,
            names=("clicked", "click", "selected", "bought", "purchased", "relevant", "answer", "label", "点击"),
        ),
    )
    annotation = Annotation("single", Message("Which candidate should stand first?"))
    scores: tuple[Score, ...] = (
        Score(
            "ndcg@10",
            Message("Order of ten"),
            Message("1 if the clicked one stands first, less with every place it is further down (nDCG of ten)."),
            share=False,
        ),
        Score(
            "auc",
            Message("Clicked above the others"),
            Message(
                "Of 100 others in a list, how many stand under the clicked one (AUC, mean over lists); 50 is chance."
            ),
        ),
        Score("recall@1", Message("Found first"), Message("Of 100 lists, how many have the clicked one first.")),
        Score(
            "mrr",
            Message("How far up"),
            Message("1 if the clicked one stands first, a half if second, a third if third, and so on (MRR)."),
            share=False,
        ),
    )
    figures: tuple[Figure, ...] = (
        Figure("places", Message("Where the clicked one stood"), "bars"),
        Figure("samples", Message("Lists where it stood furthest down"), "samples"),
    )

    def decode(
        self, outputs: Sequence[Any], rows: Sequence[Row], examples: Sequence[Example], labels: Labels
    ) -> list[Prediction]:
        """A row's candidates, the likeliest first; the score is the share of a softmax over the list."""
        found: list[Prediction] = [Ranking(())] * len(rows)
        for scores, example in zip(outputs, examples, strict=True):
            if len(scores):
                logits = np.asarray(scores, dtype=np.float64)
                shares = np.exp(logits - logits.max())
                found[example.row] = _ordered(rows[example.row]["choices"], shares / shares.sum())
        return found

    def score(self, rows: Sequence[Row], predictions: Sequence[Any], labels: Labels) -> dict[str, float]:
        """Means over lists with a clicked and another candidate; ties are never a gift (`core.evaluation.ranking`)."""
        found: dict[str, list[float]] = {}
        for row, prediction in zip(rows, predictions, strict=True):
            values = [item["score"] for item in prediction.items]
            right = [item["text"] == row["label"] for item in prediction.items]
            if not any(right):
                continue
            told = {
                "ndcg@10": ndcg(right, values, TOP),
                "auc": auc(right, values),
                "recall@1": recall(right, values, 1),
                "mrr": reciprocal_rank(right, values),
                "loss": -float(np.log(max(1e-12, sum(v for v, r in zip(values, right, strict=True) if r)))),
            }
            for name, value in told.items():
                if value is not None:
                    found.setdefault(name, []).append(value)
        return {name: float(np.mean(values)) for name, values in found.items()}

    def credit(self, row: Row, prediction: Any, labels: Labels) -> float:
        """1 over the place of the clicked one."""
        place = _place(row, prediction)
        return 1 / place if place else 0.0

    def report(self, rows: Sequence[Row], predictions: Sequence[Any], labels: Labels) -> Mapping[str, Any]:
        places = [_place(row, p) for row, p in zip(rows, predictions, strict=True)]
        counted = Counter(min(place, TOP + 1) for place in places if place)
        there = sorted(counted)
        down = sorted((i for i, place in enumerate(places) if place > 1), key=lambda i: -places[i])
        samples = [
            {
                "inputs": {"text": rows[i]["text"]},
                "gold": str(rows[i]["label"]),
                "said": str(predictions[i].items[0]["text"]),
                "credit": 1 / places[i],
            }
            for i in down[:SAMPLES]
        ]
        names = [str(n) if n <= TOP else f"> {TOP}" for n in there]
        return {"places": {"names": names, "values": [counted[n] for n in there]}, "samples": {"rows": samples}}

    def rivals(
        self,
        train: Sequence[Row],
        validation: Sequence[Row],
        asked: Sequence[Row],
        labels: Labels,
        cancelled: Callable[[], bool],
    ) -> Iterable[Rival]:
        """As the candidates are listed; by shared words; by how often they were clicked."""
        said = [_ordered(row["choices"], -np.arange(len(row["choices"]), dtype=np.float64)) for row in asked]
        yield Rival("listed", Message("As listed"), Message("The candidates in the order in which they came."), said)
        yield Rival(
            "overlap",
            Message("Shared words"),
            Message("Those first that share most words with what is asked."),
            [_ordered(row["choices"], _overlaps(row)) for row in asked],
        )
        clicked = Counter(str(row["label"]) for row in train)
        shown = Counter(option for row in train for option in set(row["choices"]))
        yield Rival(
            "popular",
            Message("Often clicked"),
            Message("Those first that were clicked most often where they stood in training rows."),
            [
                _ordered(row["choices"], np.array([clicked[o] / (shown[o] + 5) for o in row["choices"]]))
                for row in asked
            ],
        )


def _ordered(options: Sequence[str], values: np.ndarray) -> Ranking:
    order = np.argsort(-values, kind="stable").tolist()
    return Ranking(tuple({"text": options[i], "score": round(float(values[i]), 6)} for i in order))


def _place(row: Row, prediction: Any) -> int:
    """From 1; 0 where it is not among them."""
    said = [item["text"] for item in prediction.items]
    return said.index(row["label"]) + 1 if row.get("label") in said else 0


def _overlaps(row: Row) -> np.ndarray:
    asked = {word for _, _, word in words(str(row["text"]))}
    found = []
    for option in row["choices"]:
        mine = {word for _, _, word in words(option)}
        found.append(len(mine & asked) / (len(mine | asked) or 1))
    return np.array(found)
