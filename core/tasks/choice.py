"""A question with options of its own, of which one is right. Each option is read beside the question and gets a score; the probabilities
are the softmax over the row's own options, however many there are (as for SWAG and RACE in Devlin et al. 2019).

No option knows the others or its place, so their order cannot matter; there is nothing to shuffle. A window is a whole row: its options
follow each other in `input_ids`, `extra["sizes"]` says how long each is. There are no label names; the one output has a name of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from core.errors import RunError
from core.tasks.base import (
    Annotation,
    Column,
    Example,
    Figure,
    Labels,
    LabelScores,
    Prediction,
    Rival,
    Row,
    Score,
    Trait,
)
from core.tasks.sorting import surest_mistakes
from core.tasks.usual import Usual
from core.words import Message

if TYPE_CHECKING:
    import torch

OUTPUT = "fits"  # the model's only output
AT_ONCE = 500  # rows handed to the tokenizer together
NONE = "–"  # said of a row without options


class Choice(Usual):
    name = "choice"
    traits: tuple[Trait, ...] = ("labels", "smoothed", "cleaned", "adapts", "doubles")
    title = Message("Choose one of a question's options")
    help = Message("Each question brings its own options, as in a test; the model says which one is right.")
    columns: tuple[Column, ...] = (
        Column(
            "text",
            "text",
            Message("The question is in"),
            Message("What is asked; several columns are read together, as a passage and its question."),
            several=True,
            names=("question", "query", "stem", "prompt", "sentence", "text", "startphrase", "问题", "题目", "题干"),
            called=Message("Question"),
        ),
        Column(
            "choices",
            "choices",
            Message("The options are in"),
            Message("A column for each option, or one column with all of them."),
            several=True,
            names=("choices", "options", "candidates", "endings", "alternatives", "选项", "候选"),
            called=Message("Options"),
        ),
        Column(
            "label",
            "option",
            Message("The right option is in"),
            Message("Its letter, its number or its words. Without it, you choose by hand."),
            required=False,
            target=True,
            names=(
                "answer",
                "label",
                "correct",
                "answerkey",
                "answer_key",
                "right",
                "gold",
                "target",
                "答案",
                "正确答案",
            ),
        ),
    )
    annotation = Annotation("single", Message("Which option is right?"))
    scores: tuple[Score, ...] = (
        Score(
            "accuracy", Message("Share right"), Message("Of 100 questions, how many get the right option (accuracy).")
        ),
    )
    figures: tuple[Figure, ...] = (
        Figure("options", Message("By the number of options"), "table"),
        Figure("places", Message("Share right, by the place of the right option"), "bars"),
        Figure("samples", Message("Its surest mistakes"), "samples"),
    )
    usual: Mapping[str, Any] = {"start_from_probe": False, "learning_rate": 1e-4, "batch_size": 16}

    # What is learnt -------------------------------------------------------------------------------------------------

    def labels(self, rows: Sequence[Row], names: Sequence[str] | None = None) -> Labels:
        """Nothing is learnt from the rows beforehand; RunError where no training row tells its right option."""
        found = sum(bool(row["label"]) and row.get("split") == "train" for row in rows)
        if not found:
            raise RunError(
                Message("There is nothing to learn: no training question has a right option."),
                fix=Message("Choose the right options of some questions, then start again."),
            )
        return Labels((OUTPUT,), (found,))

    def model(self, source: Any, labels: Labels, settings: Any) -> torch.nn.Module:
        from core.models.loading import new_model

        return new_model(source, labels.names, dropout=settings.dropout, link=self.link)

    def encode(self, rows: Sequence[Row], processor: Any, settings: Any) -> Iterable[Example]:
        """One example a row: the token ids of (question, option) for each option, one behind the other. Of a pair that is too long the
        question loses its end."""
        for start in range(0, len(rows), AT_ONCE):
            some = rows[start : start + AT_ONCE]
            pairs = [(str(row["text"] or ""), option) for row in some for option in row["choices"] or ()]
            ids = iter(_pairs(pairs, processor, settings.max_length))
            for i, row in enumerate(some):
                mine = [next(ids) for _ in row["choices"] or ()]
                sizes = tuple(map(len, mine))
                yield Example(start + i, np.array([t for one in mine for t in one], dtype=np.int32), {"sizes": sizes})

    def target(self, row: Row, example: Example | None, labels: Labels) -> int:
        """The place of the right option among the row's own."""
        if row["label"] not in row["choices"]:
            raise RunError(
                Message("“{label}” is not among its question's options.", label=str(row["label"])[:80]),
                fix=Message("Choose the right option again on the Label tab, or leave the row out."),
            )
        return int(list(row["choices"]).index(row["label"]))

    def collate(
        self, examples: Sequence[Example], targets: Sequence[int] | None, processor: Any
    ) -> dict[str, torch.Tensor]:
        """input_ids and attention_mask (options of all rows, tokens of the longest), sizes (rows,): how many options each row has;
        targets (rows,)."""
        import torch

        from core.training.batches import padded

        parts = [Example(0, part) for example in examples for part in options_of(example)]
        batch = padded(parts or [Example(0, np.zeros(1, dtype=np.int32))], processor)
        batch["sizes"] = torch.tensor([len(example.extra["sizes"]) for example in examples], dtype=torch.long)
        if targets is not None:
            batch["targets"] = torch.tensor(targets, dtype=torch.long)
        return batch

    def forward(self, model: torch.nn.Module, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Scores (rows, most options of a row); -inf where a row has fewer."""
        import torch

        flat = model(batch["input_ids"], batch["attention_mask"]).float()[:, 0]
        sizes = batch["sizes"].tolist()
        rows = torch.split(flat[: sum(sizes)], sizes)
        return torch.nn.utils.rnn.pad_sequence(list(rows), batch_first=True, padding_value=float("-inf"))

    def loss(
        self, outputs: torch.Tensor, batch: Mapping[str, torch.Tensor], settings: Any, labels: Labels
    ) -> torch.Tensor:
        """Mean over rows of -log p of the right option; see `listwise`."""
        import torch

        return listwise(outputs, torch.nn.functional.one_hot(batch["targets"], outputs.shape[1]).float(), settings)

    # What is answered -----------------------------------------------------------------------------------------------

    def outputs(
        self, model: torch.nn.Module, batch: Mapping[str, torch.Tensor], examples: Sequence[Example]
    ) -> list[np.ndarray]:
        """Scores of each row's own options."""
        given: np.ndarray = self.forward(model, batch).cpu().numpy()
        return [one[: len(example.extra["sizes"])] for one, example in zip(given, examples, strict=True)]

    def decode(
        self, outputs: Sequence[Any], rows: Sequence[Row], examples: Sequence[Example], labels: Labels
    ) -> list[Prediction]:
        """One answer a row, over its own options; options that read the same share their probability."""
        found: list[Prediction] = [LabelScores(NONE, {NONE: 0.0})] * len(rows)
        for scores, example in zip(outputs, examples, strict=True):
            if len(scores):
                found[example.row] = _said(rows[example.row]["choices"], np.asarray(scores, dtype=np.float64))
        return found

    def score(self, rows: Sequence[Row], predictions: Sequence[Any], labels: Labels) -> dict[str, float]:
        """accuracy, and loss (mean of -log p of the right option)."""
        if not rows:
            return {}
        right = [p.probabilities.get(row["label"], 0.0) for row, p in zip(rows, predictions, strict=True)]
        hits = [self.credit(row, p, labels) for row, p in zip(rows, predictions, strict=True)]
        return {"accuracy": float(np.mean(hits)), "loss": float(-np.log(np.clip(right, 1e-12, 1)).mean())}

    def credit(self, row: Row, prediction: Any, labels: Labels) -> float:
        return float(row["label"] == prediction.label)

    # What is shown --------------------------------------------------------------------------------------------------

    def report(self, rows: Sequence[Row], predictions: Sequence[Any], labels: Labels) -> Mapping[str, Any]:
        right = np.array([row["label"] == p.label for row, p in zip(rows, predictions, strict=True)])
        sizes = np.array([len(row["choices"]) for row in rows])
        places = np.array([_place(row) for row in rows])
        titles = (Message("Options"), Message("share right"), Message("by chance"), Message("questions"))
        table = [
            [int(n), _mean(right[sizes == n]), round(1 / int(n), 4), int((sizes == n).sum())] for n in np.unique(sizes)
        ]
        there = [int(place) for place in np.unique(places)]
        return {
            "options": {"columns": [title.as_json() for title in titles], "rows": table},
            "places": {"names": [str(p + 1) for p in there], "values": [_mean(right[places == p]) for p in there]},
            "samples": {
                "rows": surest_mistakes(
                    rows, predictions, lambda row: {role: row[role] for role in ("text", "choices")}
                )
            },
        }

    def rivals(
        self,
        train: Sequence[Row],
        validation: Sequence[Row],
        asked: Sequence[Row],
        labels: Labels,
        cancelled: Callable[[], bool],
    ) -> Iterable[Rival]:
        """The commonest place of right options; the longest option; the one that shares most words with the question; the one that was
        right most often in the training rows."""
        common = Counter(_place(row) for row in train).most_common(1)[0][0]
        said = [_certain(row, [min(common, len(row["choices"]) - 1)]) for row in asked]
        detail = Message("Says option {n}, the commonest right one, to every question.", n=common + 1)
        yield Rival("place", Message("Always the same place"), detail, said)
        said = [_certain(row, _most(row["choices"], len)) for row in asked]
        yield Rival("longest", Message("The longest option"), Message("Says the longest option."), said)
        said = [_certain(row, _most(row["choices"], _shared(str(row["text"])))) for row in asked]
        detail = Message("Says the option whose words stand in the question, as many as possible of its words.")
        yield Rival("overlap", Message("Shared words"), detail, said)
        known = Counter(str(row["label"]) for row in train)
        there = Counter(option for row in train for option in set(row["choices"]))
        said = [_certain(row, _most(row["choices"], lambda o: known[o] / (there[o] + 1))) for row in asked]
        detail = Message("Says the option that was right most often where it stood in training questions.")
        yield Rival("often", Message("The option that is often right"), detail, said)


def listwise(outputs: torch.Tensor, shares: torch.Tensor, settings: Any) -> torch.Tensor:
    """Mean over rows of the cross-entropy between the softmax over a row's own options and what each of them should get, `shares`
    (rows, options). Smoothing shares its part among the row's own options; focal loss: Lin et al. 2017, by what the right ones have together.
    """
    import torch

    logs = torch.log_softmax(outputs, dim=1)
    there = torch.isfinite(logs)
    logs = torch.where(there, logs, 0.0)  # where a row has fewer options
    losses = -(shares * logs).sum(1)
    if smooth := settings.label_smoothing:
        losses = (1 - smooth) * losses - smooth * logs.sum(1) / there.sum(1)
    if settings.loss == "focal":
        right = (logs.exp() * (shares > 0)).sum(1)
        losses = losses * (1 - right).clamp(min=1e-6) ** settings.focal_gamma
    return losses.mean()


def _pairs(pairs: Sequence[tuple[str, str]], tokenizer: Any, longest: int) -> list[list[int]]:
    """Token ids of each pair. The option stays whole unless it alone is too long: then its end is cut, and half is left for the question."""
    if not pairs:
        return []
    room = longest - tokenizer.num_special_tokens_to_add(pair=True)
    options = tokenizer([option for _, option in pairs], add_special_tokens=False)["input_ids"]
    short = [
        option if len(ids) < room else tokenizer.decode(ids[: max(1, room // 2)])
        for (_, option), ids in zip(pairs, options, strict=True)
    ]
    given = tokenizer(
        [text for text, _ in pairs], short, truncation="only_first", max_length=longest, return_attention_mask=False
    )
    found: list[list[int]] = given["input_ids"]
    return found


def options_of(example: Example) -> list[np.ndarray]:
    """The token ids of each option."""
    sizes = example.extra["sizes"]
    return np.split(example.input_ids, np.cumsum(sizes)[:-1]) if sizes else []


def _said(options: Sequence[str], scores: np.ndarray) -> LabelScores:
    shares = np.exp(scores - scores.max())
    shares = shares / shares.sum()
    found: dict[str, float] = {}
    for option, share in zip(options, shares.tolist(), strict=True):
        found[option] = found.get(option, 0.0) + share
    return LabelScores(max(found, key=lambda option: found[option]), found)


def _certain(row: Row, places: Sequence[int]) -> LabelScores:
    """One of the options at these places, all of them equally likely."""
    options = row["choices"]
    chosen = {options[place]: 1 / len(places) for place in places}
    return LabelScores(options[places[0]], dict.fromkeys(options, 0.0) | chosen)


def _most(options: Sequence[str], worth: Callable[[str], float]) -> list[int]:
    """Places of the options that are worth most."""
    found = [worth(option) for option in options]
    return [i for i, value in enumerate(found) if value == max(found)]


def _shared(question: str) -> Callable[[str], float]:
    from core.tasks.reading_rivals import words

    asked = {word for _, _, word in words(question)}

    def worth(option: str) -> float:
        mine = {word for _, _, word in words(option)}
        return len(mine & asked) / (len(mine) or 1)

    return worth


def _place(row: Row) -> int:
    return list(row["choices"]).index(row["label"]) if row["label"] in row["choices"] else 0


def _mean(values: np.ndarray) -> float:
    return round(float(values.mean()), 4)
