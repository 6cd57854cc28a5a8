"""Candidates in order: of what a question, a user or a situation brings along, what should stand first? Each candidate is read together
with the question and scored, and one row's candidates compete (ListNet's top-one likelihood, Cao et al. 2007: a softmax over the list
against what was clicked, in equal shares where several were, by grade where there are grades). Otherwise as `core.tasks.choice`; what
differs is that the whole order is the answer and is measured.

A row is a list. Files with one candidate a row are gathered into lists before they come here (`core.data.gathering`). A label is
{candidate: grade}, of those with a grade above nought; 1 is a click.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from core.errors import RunError
from core.evaluation.ranking import auc, ndcg, reciprocal_rank
from core.tasks.base import Annotation, Column, Example, Figure, Labels, Prediction, Ranking, Rival, Row, Score, Trait
from core.tasks.choice import Choice, listwise, options_of
from core.tasks.reading_rivals import words
from core.words import Message

if TYPE_CHECKING:
    import torch

SAMPLES = 12
TOP = 10
LEARNT = 32  # candidates of a list that a step learns from; of the others a sample (as Wu et al. 2019 do for clicks)
SORTED = 0.95  # share of lists with all clicked ones in front from which that order is the file's own doing


class Ranked(Choice):
    name = "ranking"
    traits: tuple[Trait, ...] = ("labels", "smoothed", "adapts", "doubles")
    title = Message("Put candidates in order")
    help = Message(
        "A question or a situation, its candidates, and which were clicked, as lists or one candidate a row; the likeliest come first."
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
            Message("A column for each candidate, one column with all of them, or one candidate a row."),
            several=True,
            names=(
                "candidates",
                "items",
                "impressions",
                "results",
                "documents",
                "choices",
                "options",
                "候选",
                "candidate",
                "item",
                "title",
            ),
            called=Message("Candidates"),
        ),
        Column(
            "label",
            "relevance",
            Message("What was clicked is in"),
            Message(
                "The candidates that were clicked, bought or right: their words, letters or numbers, or 0, 1 or a grade for each. Without it, you choose by hand."
            ),
            required=False,
            target=True,
            names=(
                "clicked",
                "click",
                "selected",
                "bought",
                "purchased",
                "relevant",
                "relevance",
                "answer",
                "label",
                "点击",
            ),
        ),
    )
    annotation = Annotation("single", Message("Which candidate should stand first?"))
    scores: tuple[Score, ...] = (
        Score(
            "ndcg@10",
            Message("Order of ten"),
            Message("1 if what was clicked stands in front, less with every place it is further down (nDCG of ten)."),
            share=False,
        ),
        Score(
            "auc",
            Message("Clicked above the others"),
            Message(
                "Of 100 others in a list, how many stand under a clicked one (AUC, mean over lists); 50 is chance."
            ),
        ),
        Score(
            "hit@1",
            Message("Found first"),
            Message("Of 100 lists, how many have one that was clicked first (hit rate)."),
        ),
        Score(
            "mrr",
            Message("How far up"),
            Message("1 if the first clicked one stands first, a half if second, a third if third, and so on (MRR)."),
            share=False,
        ),
    )
    figures: tuple[Figure, ...] = (
        Figure("places", Message("Where the first clicked one stood"), "bars"),
        Figure("samples", Message("Lists where it stood furthest down"), "samples"),
    )

    # What is learnt -------------------------------------------------------------------------------------------------

    def target(self, row: Row, example: Example | None, labels: Labels) -> Any:
        """The share of each candidate in what was clicked, (candidates,)."""
        grades = np.array(_grades(row, row["choices"]), dtype=np.float32)
        if not grades.any():
            raise RunError(
                Message("“{label}” is not among its list's candidates.", label=", ".join(row["label"] or ())[:80]),
                fix=Message("Choose what was clicked again on the Label tab, or leave the row out."),
            )
        return grades / grades.sum()

    def collate(
        self, examples: Sequence[Example], targets: Sequence[Any] | None, processor: Any
    ) -> dict[str, torch.Tensor]:
        """As `Choice.collate`; targets (rows, most candidates of a row). Of long lists a sample is learnt from."""
        import torch

        if targets is None:
            return super().collate(examples, None, processor)
        taken = [_sampled(example, shares) for example, shares in zip(examples, targets, strict=True)]
        batch = super().collate([example for example, _ in taken], None, processor)
        shares = [torch.as_tensor(shares) for _, shares in taken]
        return {**batch, "targets": torch.nn.utils.rnn.pad_sequence(shares, batch_first=True)}

    def loss(
        self, outputs: torch.Tensor, batch: Mapping[str, torch.Tensor], settings: Any, labels: Labels
    ) -> torch.Tensor:
        """Mean over lists of the cross-entropy with the shares of the clicked ones; see `core.tasks.choice.listwise`."""
        return listwise(outputs, batch["targets"], settings)

    # What is answered -----------------------------------------------------------------------------------------------

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
            grades = np.array(_grades(row, [item["text"] for item in prediction.items]))
            if not grades.any():
                continue
            right = grades > 0
            first = reciprocal_rank(right, values)
            told = {
                "ndcg@10": ndcg(grades, values, TOP),
                "auc": auc(right, values),
                "hit@1": float(first == 1),
                "mrr": first,
                "loss": -float(grades / grades.sum() @ np.log(np.clip(values, 1e-12, None))),
            }
            for name, value in told.items():
                if value is not None:
                    found.setdefault(name, []).append(value)
        return {name: float(np.mean(values)) for name, values in found.items()}

    def credit(self, row: Row, prediction: Any, labels: Labels) -> float:
        """1 over the place of the first clicked one."""
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
                "gold": " | ".join(rows[i]["label"]),
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
        """As the candidates are listed, unless the file has put the clicked ones in front; by shared words; by how often they were
        clicked."""
        if not _sorted(train):
            said = [_ordered(row["choices"], -np.arange(len(row["choices"]), dtype=np.float64)) for row in asked]
            detail = Message("The candidates in the order in which they came.")
            yield Rival("listed", Message("As listed"), detail, said)
        yield Rival(
            "overlap",
            Message("Shared words"),
            Message("Those first that share most words with what is asked."),
            [_ordered(row["choices"], _overlaps(row)) for row in asked],
        )
        clicked = Counter(option for row in train for option in row["label"])
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


def _grades(row: Row, options: Sequence[str]) -> list[float]:
    clicked = row.get("label") or {}
    return [float(clicked.get(option, 0.0)) for option in options]


def _place(row: Row, prediction: Any) -> int:
    """Of the first clicked one, from 1; 0 where there is none."""
    grades = _grades(row, [item["text"] for item in prediction.items])
    return next((place for place, grade in enumerate(grades, 1) if grade), 0)


def _sampled(example: Example, shares: np.ndarray) -> tuple[Example, np.ndarray]:
    """A list as it is learnt from: of a long one up to half are clicked ones, and the rest is drawn from the others."""
    import torch

    sizes = example.extra["sizes"]
    if len(sizes) <= LEARNT:
        return example, shares
    dice = torch.randperm(len(sizes)).numpy()  # torch's own chance, which a run that goes on has back
    clicked, others = dice[shares[dice] > 0], dice[shares[dice] == 0]
    clicked = clicked[: max(LEARNT // 2, LEARNT - len(others))]
    kept = np.sort(np.concatenate([clicked, others[: LEARNT - len(clicked)]]))
    options = options_of(example)
    ids = np.concatenate([options[i] for i in kept])
    return Example(example.row, ids, {"sizes": tuple(sizes[i] for i in kept)}), shares[kept] / shares[kept].sum()


def _sorted(rows: Sequence[Row]) -> bool:
    """Do the clicked ones stand in front in nearly all lists? No list of results looks like that."""
    first = [grades == sorted(grades, reverse=True) for row in rows if (grades := _grades(row, row["choices"]))]
    return len(first) >= 20 and sum(first) >= SORTED * len(first)


def _overlaps(row: Row) -> np.ndarray:
    asked = {word for _, _, word in words(str(row["text"]))}
    found = []
    for option in row["choices"]:
        mine = {word for _, _, word in words(option)}
        found.append(len(mine & asked) / (len(mine | asked) or 1))
    return np.array(found)
