"""A search: which of the known texts belongs to a question? Each text becomes a vector, and the nearest ones are the answer.

Learnt with negatives from the same batch: of all texts of the batch (and those named as wrong) the question's own must be nearest
(Henderson et al. 2017; as MultipleNegativesRankingLoss known from sentence-transformers). During training the texts of the split that is
asked are searched; a finished model carries all texts of its run along, with their vectors, and searches those.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from core.errors import RunError
from core.tasks import two_texts
from core.tasks.base import Annotation, Column, Example, Figure, Labels, Prediction, Ranking, Rival, Row, Score, Trait
from core.tasks.usual import Usual
from core.words import Message, plural

if TYPE_CHECKING:
    import torch

ROLES = ("text", "text_b", "negative")
TOP = 10  # texts in an answer
MOST = 20_000  # texts that a finished model carries along
SHARP = 20.0  # times the cosine, where likelihood is told; training has a temperature of its own
BLOCK = 256  # questions that are compared at once
SAMPLES = 12
LOOKED = 400  # examples that wait at most for a batch without a text of theirs


class Retrieval(Usual):
    name = "retrieval"
    traits: tuple[Trait, ...] = ("searches", "cleaned", "adapts")
    title = Message("Find what belongs to a question")
    help = Message(
        "Each row has a question and a text that answers it; then you search all the texts with questions of your own."
    )
    prediction = "ranking"
    asks: tuple[str, ...] = ("text",)
    columns: tuple[Column, ...] = (
        Column(
            "text",
            "text",
            Message("The question is in"),
            Message("What somebody looks for: a question, search words, a title."),
            names=("query", "question", "anchor", "search", "text", "查询", "问题"),
            called=Message("Question"),
        ),
        Column(
            "text_b",
            "text",
            Message("What belongs to it is in"),
            Message("The text that should be found: a paragraph, an answer, a product."),
            names=(
                "positive",
                "passage",
                "document",
                "answer",
                "pos",
                "text_b",
                "paragraph",
                "context",
                "文档",
                "答案",
            ),
            called=Message("What belongs to it"),
        ),
        Column(
            "negative",
            "text",
            Message("What does not belong to it is in"),
            Message("A text that looks right and is wrong; it makes the search sharper."),
            required=False,
            names=("negative", "neg", "hard_negative", "rejected", "反例"),
            called=Message("What does not belong to it"),
        ),
    )
    annotation = Annotation("none", Message("Which text belongs to this question?"))
    scores: tuple[Score, ...] = (
        Score("recall@1", Message("Found first"), Message("Of 100 searches, how many show the right text first.")),
        Score(
            "recall@10", Message("Found among ten"), Message("Of 100 searches, how many show the right text among ten.")
        ),
        Score(
            "mrr",
            Message("How far up"),
            Message("1 if the right text stands first, a half if second, a third if third, and so on (MRR, of ten)."),
            share=False,
        ),
        Score(
            "ndcg@10",
            Message("Order of ten"),
            Message("As how far up, but falling more gently with the place (nDCG of ten)."),
            share=False,
        ),
    )
    figures: tuple[Figure, ...] = (
        Figure("places", Message("Where the right text stood"), "bars"),
        Figure("samples", Message("Searches that found something else first"), "samples"),
    )
    usual: Mapping[str, Any] = {"learning_rate": 2e-5}

    # What is learnt -------------------------------------------------------------------------------------------------

    def labels(self, rows: Sequence[Row], names: Sequence[str] | None = None) -> Labels:
        count = sum(row.get("split") == "train" and bool(row.get("text_b")) for row in rows)
        if not count:
            raise RunError(
                Message("There is nothing to learn: no training row has a question and a text."),
                fix=Message("Choose the columns with the questions and with what belongs to them."),
            )
        return Labels(("vector",), (count,))

    def model(self, source: Any, labels: Labels, settings: Any) -> torch.nn.Module:
        from core.models.loading import new_apart

        return new_apart(source, labels.names, "none", dropout=settings.dropout)  # type: ignore[no-any-return]

    def encode(self, rows: Sequence[Row], processor: Any, settings: Any) -> Iterable[Example]:
        """One example a row. A finished model reads the question only. `extra["same"]`: numbers of the question and of its text, so that
        equal ones are known."""
        roles = ROLES[:1] if getattr(settings, "answering", False) else ROLES
        seen: dict[str, int] = {}
        for example in two_texts.apart(rows, processor, settings, roles, needed=1):
            row = rows[example.row]
            same = tuple(seen.setdefault(str(row.get(role) or ""), len(seen)) for role in ROLES[:2])
            yield Example(example.row, example.input_ids, {**example.extra, "same": same})

    def target(self, row: Row, example: Example | None, labels: Labels) -> int:
        """Nothing: what is right stands in the example itself."""
        return 0

    def arrange(self, examples: Sequence[Example], settings: Any, seed: int) -> list[list[Example]]:
        """Batches in random order in which no question and no text stands twice, as far as that can be avoided."""
        order = np.random.default_rng(seed).permutation(len(examples)).tolist()
        coming = deque(examples[i] for i in order if 1 in examples[i].extra["parts"])
        waiting: deque[Example] = deque()
        batches = []
        while coming or waiting:
            batch: list[Example] = []
            held: set[int] = set()
            later: deque[Example] = deque()
            while len(batch) < settings.batch_size and (waiting or coming):
                example = waiting.popleft() if waiting else coming.popleft()
                if held.isdisjoint(example.extra["same"]) or len(later) >= LOOKED:
                    batch.append(example)
                    held.update(example.extra["same"])
                else:
                    later.append(example)
            waiting.extendleft(reversed(later))
            batches.append(batch)
        return batches

    def collate(
        self, examples: Sequence[Example], targets: Sequence[Any] | None, processor: Any
    ) -> dict[str, torch.Tensor]:
        """See `core.tasks.two_texts.collated`; `same` (rows, 2): numbers of each row's question and text."""
        import torch

        same = torch.tensor([example.extra["same"] for example in examples], dtype=torch.long).reshape(-1, 2)
        return {**two_texts.collated(examples, processor), "same": same}

    def forward(self, model: Any, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Vectors of unit length (texts, width): all questions, then what belongs to them, then what does not."""
        import torch

        there = batch["part"].unique().tolist()
        return torch.cat([model.turned(two_texts.vectors(model, batch, part)) for part in there])

    def loss(
        self, outputs: torch.Tensor, batch: Mapping[str, torch.Tensor], settings: Any, labels: Labels
    ) -> torch.Tensor:
        """Mean over questions of -log of the share of their own text among all of the batch, cosines divided by the temperature. What
        belongs to the same question, and the same text again, is not counted as wrong."""
        import torch
        from torch.nn import functional

        rows = len(batch["same"])
        questions, texts = outputs[:rows], outputs[rows:]
        alike = questions @ texts.T / settings.pair_temperature
        question, text = batch["same"][:, 0], batch["same"][:, 1]
        again = (question[:, None] == question[None, :]) | (text[:, None] == text[None, :])
        again.fill_diagonal_(False)
        shut = torch.zeros_like(alike, dtype=torch.bool)
        shut[:, :rows] = again
        return functional.cross_entropy(alike.masked_fill(shut, float("-inf")), torch.arange(rows, device=alike.device))

    # What is answered -----------------------------------------------------------------------------------------------

    def outputs(self, model: Any, batch: Mapping[str, torch.Tensor], examples: Sequence[Example]) -> list[np.ndarray]:
        """Vectors of each row's texts, (1 to 3, width)."""
        flat = self.forward(model, batch).float().cpu().numpy()
        order = sorted((part, row) for row, e in enumerate(examples) for part in e.extra["parts"])
        found: list[list[np.ndarray]] = [[] for _ in examples]
        for (_, row), vector in zip(order, flat, strict=True):
            found[row].append(vector)
        return [np.stack(one) for one in found]

    def gather(
        self, labels: Labels, rows: Sequence[Row], model: Any, processor: Any, settings: Any, device: Any
    ) -> Labels:
        """The different texts of the run, at most `MOST`, with the vectors that the finished model gives them."""
        from core.training import asking

        texts = list(dict.fromkeys(str(row["text_b"]) for row in rows if row.get("text_b")))
        told = {"texts": min(len(texts), MOST), "left_out": max(0, len(texts) - MOST)}
        texts = texts[:MOST]
        examples = list(self.encode([{"text": text} for text in texts], processor, _reading(settings)))
        found = asking.outputs(model.eval(), examples, self, processor, device)
        vectors = np.stack([one[0] for one in found]).astype(np.float16)
        return Labels(labels.names, labels.counts, {**labels.extra, **told}, {"texts": texts, "vectors": vectors})

    def decode(
        self, outputs: Sequence[Any], rows: Sequence[Row], examples: Sequence[Example], labels: Labels
    ) -> list[Prediction]:
        """The nearest of the texts carried along; where there are none, of those in `rows`."""
        found: list[Prediction] = [Ranking(())] * len(rows)
        if labels.stored:
            texts, vectors = labels.stored["texts"], np.asarray(labels.stored["vectors"], dtype=np.float32)
        else:
            known = {
                str(rows[e.row]["text_b"]): o[1]
                for o, e in zip(outputs, examples, strict=True)
                if 1 in e.extra["parts"]
            }
            texts, vectors = list(known), np.array(list(known.values()), dtype=np.float32)
        if not len(texts) or not examples:
            return found
        asked = np.stack([output[0] for output in outputs])
        right = [str(rows[example.row].get("text_b") or "") for example in examples]
        for example, ranking in zip(examples, nearest(asked, vectors, texts, right), strict=True):
            found[example.row] = ranking
        return found

    def score(self, rows: Sequence[Row], predictions: Sequence[Any], labels: Labels) -> dict[str, float]:
        """recall@1, recall@10, mrr and ndcg@10, each row's own text being the right one; and loss, where the likelihood is known."""
        if not rows:
            return {}
        places = _places(rows, predictions)
        there = places > 0
        steps = np.where(there, places, 1)
        found = {
            "recall@1": float((places == 1).mean()),
            "recall@10": float(there.mean()),
            "mrr": float((there / steps).mean()),
            "ndcg@10": float((there / np.log2(1 + steps)).mean()),
        }
        known = [p.nll for p in predictions if p.nll is not None]
        return {**found, "loss": float(np.mean(known))} if known else found

    def credit(self, row: Row, prediction: Any, labels: Labels) -> float:
        """1 over the place of the right text; 0 where it is not among ten."""
        place = int(_places([row], [prediction])[0])
        return 1 / place if place else 0.0

    # What is shown --------------------------------------------------------------------------------------------------

    def report(self, rows: Sequence[Row], predictions: Sequence[Any], labels: Labels) -> Mapping[str, Any]:
        places = _places(rows, predictions)
        names: list[Any] = [*(str(n) for n in range(1, TOP + 1)), Message("not among ten").as_json()]
        counts = [int((places == n).sum()) for n in (*range(1, TOP + 1), 0)]
        wrong = sorted(np.flatnonzero(places != 1).tolist(), key=lambda i: -_first(predictions[i])["score"])
        samples = [
            {
                "inputs": {"text": rows[i]["text"]},
                "gold": str(rows[i]["text_b"]),
                "said": str(_first(predictions[i])["text"]),
                "credit": self.credit(rows[i], predictions[i], labels),
            }
            for i in wrong[:SAMPLES]
        ]
        return {"places": {"names": names, "values": counts}, "samples": {"rows": samples}}

    def rivals(
        self,
        train: Sequence[Row],
        validation: Sequence[Row],
        asked: Sequence[Row],
        labels: Labels,
        cancelled: Callable[[], bool],
    ) -> Iterable[Rival]:
        """A search by words, in the same texts."""
        from core.models.classic import Counting, Vocabulary, unspaced

        texts = _known(asked, validation, train)
        counting = Counting(None, (1, 3)) if unspaced(texts) else Counting((1, 1), None)
        vocabulary = Vocabulary.learn(texts, counting, 1, 300_000)
        vectors = vocabulary.features(texts)
        said = nearest(vocabulary.features([str(row["text"]) for row in asked]), vectors, texts)
        detail = plural(
            len(texts),
            "The texts with the rarest words in common with the question (TF-IDF), in one text.",
            "The texts with the rarest words in common with the question (TF-IDF), in {n:,} texts.",
        )
        yield Rival("words", Message("Search by words"), detail, said)

    def untouched(
        self, vectors: Callable[[Sequence[str]], np.ndarray], train: Sequence[Row], asked: Sequence[Row], labels: Labels
    ) -> Rival:
        """The base as it came, in the same texts."""
        texts = _known(asked, train)
        found = vectors([*texts, *(str(row["text"]) for row in asked)])
        said = nearest(found[len(texts) :], found[: len(texts)], texts)
        return Rival("before", Message("Before tuning"), Message("The same search with the base as it came."), said)


def nearest(asked: Any, vectors: Any, texts: Sequence[str], right: Sequence[str] = ()) -> list[Ranking]:
    """The `TOP` texts whose vectors (texts, width) are nearest to each question's (questions, width), both of unit length, dense or sparse.
    With `right`, the text of each question, also how unlikely that is."""
    places = {text: i for i, text in enumerate(texts)} if len(right) else {}
    found = []
    for start in range(0, asked.shape[0], BLOCK):
        alike = asked[start : start + BLOCK] @ vectors.T
        table = np.asarray(alike.todense() if hasattr(alike, "todense") else alike, dtype=np.float64)
        for i, line in enumerate(table):
            best = np.argsort(-line, kind="stable")[:TOP]
            items = tuple({"text": texts[j], "score": round(float(line[j]), 6)} for j in best.tolist())
            own = places.get(right[start + i]) if len(right) else None
            found.append(Ranking(items, None if own is None else _unlikely(line, own)))
    return found


def _unlikely(cosines: np.ndarray, own: int) -> float:
    logits = SHARP * cosines
    most = logits.max()
    return float(most + np.log(np.exp(logits - most).sum()) - logits[own])


def _places(rows: Sequence[Row], predictions: Sequence[Any]) -> np.ndarray:
    """Where each row's own text stands in its answer, from 1; 0 where it does not."""
    found = np.zeros(len(rows), dtype=np.int64)
    for i, (row, prediction) in enumerate(zip(rows, predictions, strict=True)):
        said = [item["text"] for item in prediction.items]
        found[i] = said.index(row["text_b"]) + 1 if row.get("text_b") in said else 0
    return found


def _first(prediction: Any) -> Mapping[str, Any]:
    return prediction.items[0] if prediction.items else {"text": "", "score": 0.0}


def _known(*parts: Sequence[Row]) -> list[str]:
    """The different texts, in the order in which a finished model keeps them."""
    return list(dict.fromkeys(str(row["text_b"]) for rows in parts for row in rows if row.get("text_b")))[:MOST]


def _reading(settings: Any) -> Any:
    from types import SimpleNamespace

    return SimpleNamespace(max_length=settings.max_length, answering=True)
