"""One text into another: translation, summary, rewriting, with a model that reads the whole text before it writes (encoder and decoder).

An example's `extra` holds `wanted` (token ids of the right text, empty where it is not known) and, as for `core.tasks.causal`, `prompt` and
`say`. While it learns only some texts of the validation split are written at each check; for the final test all are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from core.errors import RunError
from core.tasks.base import Annotation, Column, Example, Family, Figure, Labels, Rival, Row, Score, Text, Trait
from core.tasks.causal import Causal, saying, spread
from core.tasks.texts import AT_ONCE
from core.words import Message

if TYPE_CHECKING:
    import torch

UNLEARNT = -100
CHECKED = 48  # texts of the validation split that are written at a check
SAMPLES = 12
BLOCK = 256  # texts compared with all training texts at once
LENGTHS = ((0, 10, "< 10"), (10, 25, "10–24"), (25, 60, "25–59"), (60, 200, "60–199"), (200, 1 << 60, "200+"))


class Text2Text(Causal):
    name = "text2text"
    traits: tuple[Trait, ...] = ("writes", "rewrites", "smoothed", "cleaned")
    title = Message("Turn one text into another")
    help = Message(
        "Translation, summary, rewriting: texts with what shall become of them; the model writes it for new texts."
    )
    family: Family = "encoder-decoder"
    columns: tuple[Column, ...] = (
        Column(
            "text",
            "text",
            Message("The text is in"),
            Message("What the model reads."),
            several=True,
            names=("text", "source", "src", "input", "document", "article", "content", "sentence", "原文", "输入", "文本"),
        ),
        Column(
            "label",
            "text",
            Message("What becomes of it is in"),
            Message("The translation, summary or new wording. Without it, you write it by hand."),
            required=False,
            target=True,
            names=("target", "tgt", "summary", "translation", "output", "rewrite", "simplified", "highlights", "title", "译文", "摘要", "输出"),
        ),
    )  # fmt: skip
    annotation = Annotation("text", Message("What shall become of this text?"))
    scores: tuple[Score, ...] = (
        Score(
            "bleu",
            Message("Agreement of wording (BLEU)"),
            Message("How many runs of one to four words agree with the right text; 0 to 100, by sacrebleu."),
            share=False,
        ),
        Score(
            "chrf",
            Message("Agreement of letters (chrF)"),
            Message("The same for runs of letters, so word endings count less; 0 to 100, by sacrebleu."),
            share=False,
        ),
        Score(
            "rougeL", Message("Words in order (ROUGE-L)"), Message("Share of words that both have in the same order.")
        ),
        Score(
            "length_ratio",
            Message("Length"),
            Message("Words written for each word of the right text; 1 is just right."),
            share=False,
        ),
    )
    figures: tuple[Figure, ...] = (
        Figure("lengths", Message("By the words of the text"), "table"),
        Figure("samples", Message("What it writes, the worst first"), "samples"),
    )
    usual: Mapping[str, Any] = {
        "start_from_probe": False, "learning_rate": 1e-4, "batch_size": 32, "metric": "loss", "answer_length": 96,
        "max_length": 256,
    }  # fmt: skip

    # What is learnt -------------------------------------------------------------------------------------------------

    def labels(self, rows: Sequence[Row], names: Sequence[str] | None = None) -> Labels:
        """Nothing is learnt beforehand; RunError where no training text has its other text."""
        if not any(row["label"] for row in rows if row.get("split") == "train"):
            raise RunError(
                Message("There is nothing to learn: no training text says what shall become of it."),
                fix=Message("Choose the column with the other texts on the Data tab, or write some by hand."),
            )
        return Labels((), ())

    def model(self, source: Any, labels: Labels, settings: Any) -> torch.nn.Module:
        from core.models.loading import new_whole

        return new_whole(source, "seq2seq-lm", dropout=settings.dropout)

    def encode(self, rows: Sequence[Row], processor: Any, settings: Any) -> Iterable[Example]:
        """One example a row. Both texts are cut at `settings.max_length` tokens."""
        shared = {"room": 0, "say": saying(settings), "tokenizer": processor}
        cut: dict[str, Any] = {"truncation": True, "max_length": settings.max_length}
        for start in range(0, len(rows), AT_ONCE):
            some = rows[start : start + AT_ONCE]
            texts = [(settings.prefix or "") + str(row["text"] or "") for row in some]
            read = processor(texts, **cut)["input_ids"]
            wanted = processor(text_target=[str(row.get("label") or "") for row in some], **cut)["input_ids"]
            for i, row in enumerate(some):
                right = np.array(wanted[i] if row.get("label") else [], dtype=np.int64)
                learnt = np.ones(len(right), dtype=bool)
                extra = {"wanted": right, "learnt": learnt, "prompt": read[i], **shared}
                yield Example(start + i, np.array(read[i], dtype=np.int32), extra, weight=float(len(right)))

    def target(self, row: Row, example: Example | None, labels: Labels) -> Any:
        """Token ids of the right text."""
        assert example is not None
        return example.extra["wanted"]

    def collate(
        self, examples: Sequence[Example], targets: Sequence[np.ndarray] | None, processor: Any
    ) -> dict[str, torch.Tensor]:
        """input_ids and attention_mask (batch, tokens of the longest text), labels (batch, tokens of the longest right text), -100 behind
        their ends."""
        import torch

        from core.training.batches import padded

        right = targets if targets is not None else [example.extra["wanted"] for example in examples]
        filled = np.full((len(examples), max(1, *(len(one) for one in right))), UNLEARNT, dtype=np.int64)
        for i, one in enumerate(right):
            filled[i, : len(one)] = one
        return {**padded(examples, processor), "labels": torch.from_numpy(filled)}

    def forward(self, model: Any, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Of each example, (examples, 4) float32: the summed negative log likelihood of the right text's tokens, how many those are, how many
        of them are the likeliest, and the mean over all words of the vocabulary instead of the right one (for label smoothing)."""
        import torch

        labels = batch["labels"]
        begun = model.body.prepare_decoder_input_ids_from_labels(labels)
        logits = model(
            input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], decoder_input_ids=begun
        ).logits.float()
        asked = (labels != UNLEARNT).float()
        whole = torch.logsumexp(logits, dim=-1)
        right = logits.gather(2, labels.clamp(min=0)[..., None])[..., 0]
        hits = (logits.argmax(-1) == labels).float()
        columns = (whole - right, torch.ones_like(asked), hits, whole - logits.mean(-1))
        return torch.stack([(column * asked).sum(1) for column in columns], dim=1)

    def loss(
        self, outputs: torch.Tensor, batch: Mapping[str, torch.Tensor], settings: Any, labels: Labels
    ) -> torch.Tensor:
        """Mean over the tokens of the right texts; with label smoothing as in Szegedy et al. 2016."""
        smooth = settings.label_smoothing
        return ((1 - smooth) * outputs[:, 0] + smooth * outputs[:, 3]).sum() / outputs[:, 1].sum().clamp(min=1)

    # What is answered -----------------------------------------------------------------------------------------------

    def sparing(self, examples: Sequence[Example]) -> Sequence[Example]:
        """At a check only some texts are written; how likely the right ones are is asked of all."""
        kept = spread(len(examples), CHECKED)
        return [e if i in kept else replace(e, extra={**e.extra, "prompt": None}) for i, e in enumerate(examples)]

    def texts_written(self, rows: int, checking: bool) -> int:
        return min(rows, CHECKED) if checking else rows

    def answer_tokens(self, example: Example) -> int:
        return len(example.extra["wanted"])

    def score(self, rows: Sequence[Row], predictions: Sequence[Any], labels: Labels) -> dict[str, float]:
        """The measures in `scores` over the texts that were written, and loss (nats a token) where it is known."""
        import core.evaluation.generation as generation

        pairs = [(p.text, str(row["label"])) for row, p in zip(rows, predictions, strict=True) if p.written]
        if not pairs:
            return {}
        said, right = zip(*pairs, strict=True)
        found = generation.scores(said, right)
        tokens = sum(p.tokens for p in predictions)
        loss = {"loss": sum(p.nll for p in predictions) / tokens} if tokens else {}
        return {**{name: found[name] for name in ("bleu", "chrf", "rougeL", "length_ratio")}, **loss}

    def redrawn(
        self, measure: str, rows: Sequence[Row], predictions: Sequence[Any], labels: Labels
    ) -> Callable[[np.ndarray], float] | None:
        import core.evaluation.generation as generation

        if measure not in ("bleu", "chrf") or not all(p.written for p in predictions):
            return None
        return generation.redrawn(measure, [p.text for p in predictions], [str(row["label"]) for row in rows])  # type: ignore[arg-type]

    def credit(self, row: Row, prediction: Any, labels: Labels) -> float:
        """ROUGE-L of this text."""
        import core.evaluation.generation as generation

        said, right = generation.words_of(prediction.text), generation.words_of(str(row["label"]))
        return generation.f1(generation.common_subsequence(said, right), len(said), len(right))

    # What is shown --------------------------------------------------------------------------------------------------

    def report(self, rows: Sequence[Row], predictions: Sequence[Any], labels: Labels) -> Mapping[str, Any]:
        credits = [self.credit(row, p, labels) for row, p in zip(rows, predictions, strict=True)]
        worst = sorted(range(len(rows)), key=lambda i: credits[i])[:SAMPLES]
        samples = [
            {
                "inputs": {"text": rows[i]["text"]},
                "gold": rows[i]["label"],
                "said": predictions[i].text,
                "credit": round(credits[i], 4),
            }
            for i in worst
        ]
        return {"lengths": self._lengths(rows, predictions, labels), "samples": {"rows": samples}}

    def _lengths(self, rows: Sequence[Row], predictions: Sequence[Any], labels: Labels) -> dict[str, Any]:
        import core.evaluation.generation as generation

        sizes = [len(generation.words_of(str(row["text"] or ""))) for row in rows]
        lines = []
        for low, high, name in LENGTHS:
            mine = [i for i, size in enumerate(sizes) if low <= size < high]
            if mine:
                found = self.score([rows[i] for i in mine], [predictions[i] for i in mine], labels)
                figures = [round(found[key], 4) for key in ("bleu", "chrf", "rougeL", "length_ratio")]
                lines.append([name, *figures, len(mine)])
        titles = (Message("Words"), *(score.title for score in self.scores), Message("texts"))
        return {"columns": [title.as_json() for title in titles], "rows": lines}

    def rivals(
        self,
        train: Sequence[Row],
        validation: Sequence[Row],
        asked: Sequence[Row],
        labels: Labels,
        cancelled: Callable[[], bool],
    ) -> Iterable[Rival]:
        """The text as it is; and what became of the likest training text."""
        yield Rival(
            "copy",
            Message("The text as it is"),
            Message("Gives back what it reads."),
            [Text(str(row["text"] or "")) for row in asked],
        )
        yield Rival(
            "nearest",
            Message("The likest training text"),
            Message("Says what became of the likest of {n:,} training texts (TF-IDF of letters).", n=len(train)),
            [Text(text) for text in nearest(train, asked)],
        )


def nearest(train: Sequence[Row], asked: Sequence[Row]) -> list[str]:
    """For each row the right text of the training row whose text has the greatest cosine with its own, by runs of 2 to 4 letters."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    counter = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True, max_features=200_000)
    try:
        known = counter.fit_transform([str(row["text"] or "") for row in train])
    except ValueError:  # nothing but punctuation or nothing at all
        return [str(train[0]["label"])] * len(asked)
    found: list[str] = []
    for start in range(0, len(asked), BLOCK):
        some = counter.transform([str(row["text"] or "") for row in asked[start : start + BLOCK]])
        best = np.asarray((some @ known.T).argmax(axis=1)).ravel()
        found += [str(train[i]["label"]) for i in best.tolist()]
    return found
