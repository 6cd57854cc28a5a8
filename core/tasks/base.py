"""What a task is. What differs between tasks lives in the task's own file; everybody else asks the task.

Importing this needs no torch: the types that come from it are only named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Protocol, get_args

from core.words import Message

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import torch

Row = Mapping[str, Any]  # a row of rows.arrow: "id", "split", and a decoded value for each column role of the task
Kind = Literal[
    "text",
    "marked",
    "category",
    "categories",
    "number",
    "spans",
    "answers",
    "messages",
    "choices",
    "option",
    "better",
    "relevance",
    "image",
]
Family = Literal["encoder", "causal", "encoder-decoder", "image"]
Link = Literal["softmax", "sigmoid", "identity"]
# What decides which knobs count for a task: its loss is over labels or numbers, a label can be smoothed; its texts are cleaned; two texts can be
# read together or apart; it searches among texts; it reads turns, writes, packs several texts into a row, learns only what is answered, hides
# words, rewrites one text into another, prefers one answer to another; its base may get to know the texts first, by guessing hidden words.
# What is done against learning by heart and for rare labels: `weighed` labels may count more, `drawn` texts may come more often by their label,
# `mixes` outputs are linear in the last layer's features and may be mixed, `doubles` two passes over a text can be compared, `varies` texts may be
# changed a little, because one row is one example and no place in it is marked.
Trait = Literal[
    "labels", "numbers", "smoothed", "cleaned", "compared", "searches", "turns", "writes", "packs", "answers_only", "hides", "rewrites",
    "prefers", "adapts", "weighed", "drawn", "mixes", "doubles", "varies",
]  # fmt: skip
TRAITS: tuple[Trait, ...] = get_args(Trait)


@dataclass(frozen=True)
class Column:
    """A column the task needs: its role, its kind (from which the form and the labelling screen follow), and words for it.

    `names` are column names that usually play the role, lower case. `several`: may be made of several columns of a file. `called`: what
    the playground and messages call it, where `title` asks for a column of a file. `written`: the model learns to say it, so a cleaning of what
    is read leaves it as it is.
    """

    role: str
    kind: Kind
    title: Message
    help: Message
    required: bool = True
    target: bool = False  # what the model learns to give; may be missing (then it is labelled by hand)
    names: tuple[str, ...] = ()
    several: bool = False
    called: Message | None = None
    written: bool = False


@dataclass(frozen=True)
class Annotation:
    """How a person answers on the Label tab: `single` picks one of the labels, `multi` any number of them, `number` types a number,
    `spans` marks places of the text, `answer` marks one place, `text` writes, `better` says which of two texts is the better one, `none`:
    there is nothing to label."""

    kind: Literal["single", "multi", "number", "spans", "answer", "text", "better", "none"]
    question: Message


@dataclass(frozen=True)
class Score:
    """A measure that `Task.score` gives. `share`: a share from 0 to 1, shown in percent."""

    name: str
    title: Message
    help: Message
    share: bool = True


@dataclass(frozen=True)
class Figure:
    """A figure of the evaluation page, by the name under which the report stores its values."""

    name: str
    title: Message
    kind: Literal["matrix", "bars", "table", "scatter", "samples"]


@dataclass(frozen=True)
class Labels:
    """The label set, learnt from training rows and saved with the run. Order is the output order of the model. `extra` holds what else
    the task has learnt from the rows, as plain JSON (thresholds, the scale of a number); `stored` what a finished model carries along beside
    it because it is large (arrays, lists of texts)."""

    names: tuple[str, ...]
    counts: tuple[int, ...]
    extra: Mapping[str, Any] = field(default_factory=dict)
    stored: Mapping[str, Any] = field(default_factory=dict)

    def index(self, name: str) -> int:
        return self._places[name]

    @cached_property
    def _places(self) -> dict[str, int]:
        return {name: place for place, name in enumerate(self.names)}


@dataclass(frozen=True)
class Example:
    """One model input: token ids of one row (or one window of it), without padding and without a target."""

    row: int  # position in the list of rows it was made from
    input_ids: npt.NDArray[Any]  # int32
    extra: Mapping[str, Any] = field(default_factory=dict)
    number: int = -1  # position among the examples of its split
    weight: float = 1.0  # what it counts in the loss of a step; where a loss is a mean over tokens, how many those are


# Predictions: a small closed set, each with one way to be shown ----------------------------------------------------------


@dataclass(frozen=True)
class LabelScores:
    """One label of several: a probability for each, in the order of Labels. `label` is the most probable."""

    label: str
    probabilities: Mapping[str, float]
    kind: Literal["label_scores"] = "label_scores"

    def as_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "label": self.label, "probabilities": dict(self.probabilities)}

    def brief(self) -> dict[str, Any]:
        return {"label": self.label, "probability": round(self.probabilities[self.label], 4)}

    def cells(self) -> dict[str, Any]:
        return {"prediction": self.label, "probability": round(self.probabilities[self.label], 6)}


@dataclass(frozen=True)
class LabelSet:
    """Any number of labels: those whose probability reaches their threshold."""

    labels: tuple[str, ...]
    probabilities: Mapping[str, float]
    thresholds: Mapping[str, float] = field(default_factory=dict)
    kind: Literal["label_set"] = "label_set"

    def as_json(self) -> dict[str, Any]:
        told = {"labels": list(self.labels), "probabilities": dict(self.probabilities)}
        return {"kind": self.kind, **told, "thresholds": dict(self.thresholds)}

    def brief(self) -> dict[str, Any]:
        return {"label": ", ".join(self.labels), "probability": None}

    def cells(self) -> dict[str, Any]:
        shares = [round(self.probabilities[name], 6) for name in self.labels]
        return {"prediction": "; ".join(self.labels), "probability": "; ".join(map(str, shares))}


@dataclass(frozen=True)
class Number:
    """A number on the scale of the training rows. `low` and `high` are the scale's ends, where it has any. `against`: the number of what
    it is compared with, where the row has such a thing."""

    value: float
    low: float | None = None
    high: float | None = None
    against: float | None = None
    kind: Literal["number"] = "number"

    def as_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "value": self.value, "low": self.low, "high": self.high}

    def brief(self) -> dict[str, Any]:
        return {"label": f"{self.value:.4g}", "probability": None}

    def cells(self) -> dict[str, Any]:
        return {"prediction": round(self.value, 6)}


@dataclass(frozen=True)
class Spans:
    """Marked places of a text: [{"start", "end", "label", "probability"}], offsets in code points, end exclusive. `nll`: how unlikely it
    found what is right, summed over `tokens` (0 tokens: not known)."""

    spans: tuple[Mapping[str, Any], ...]
    text: str = ""
    nll: float = 0.0
    tokens: int = 0
    kind: Literal["spans"] = "spans"

    def as_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "spans": [dict(span) for span in self.spans]}

    def brief(self) -> dict[str, Any]:
        said = "; ".join(f"{self.text[s['start'] : s['end']]} ({s['label']})" for s in self.spans[:4])
        return {"label": said[:120], "probability": None}

    def cells(self) -> dict[str, Any]:
        import json

        told = [{k: s[k] for k in ("start", "end", "label")} for s in self.spans]
        return {"prediction": json.dumps(told, ensure_ascii=False), "found": self.brief()["label"]}


@dataclass(frozen=True)
class Answer:
    """A place of the context that answers the question, or none (`text` empty). `others` are the next best. `nll`: how unlikely it found
    what is right, where that is known."""

    text: str
    start: int
    probability: float
    others: tuple[Mapping[str, Any], ...] = ()
    nll: float | None = None
    kind: Literal["answer"] = "answer"

    def as_json(self) -> dict[str, Any]:
        told = {"text": self.text, "start": self.start, "probability": self.probability}
        return {"kind": self.kind, **told, "others": [dict(o) for o in self.others]}

    def brief(self) -> dict[str, Any]:
        return {"label": self.text[:120], "probability": round(self.probability, 4)}

    def cells(self) -> dict[str, Any]:
        return {"prediction": self.text, "start": self.start, "probability": round(self.probability, 6)}


@dataclass(frozen=True)
class Text:
    """A text the model wrote, and how likely it found what it should have written (`nll` summed over `tokens`; 0 tokens: not known);
    `right` of these tokens it would have chosen itself. `known`: other figures of this answer, by name."""

    text: str
    nll: float = 0.0
    tokens: int = 0
    right: int = 0
    written: bool = True  # False where only the likelihood was asked
    known: Mapping[str, float] = field(default_factory=dict)
    kind: Literal["text"] = "text"

    def as_json(self) -> dict[str, Any]:
        told = {"kind": self.kind, "text": self.text, "nll": self.nll, "tokens": self.tokens, "right": self.right}
        return {**told, **self.known}

    def brief(self) -> dict[str, Any]:
        return {"label": self.text[:160], "probability": None}

    def cells(self) -> dict[str, Any]:
        return {"prediction": self.text}


@dataclass(frozen=True)
class Ranking:
    """Candidates in order, best first: [{"text", "score"}]. `nll`: how unlikely it found what is right; None where that is not known."""

    items: tuple[Mapping[str, Any], ...]
    nll: float | None = None
    kind: Literal["ranking"] = "ranking"

    def as_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "items": [dict(item) for item in self.items]}

    def brief(self) -> dict[str, Any]:
        return {"label": str(self.items[0]["text"])[:120] if self.items else "", "probability": None}

    def cells(self) -> dict[str, Any]:
        return {"prediction": self.brief()["label"]}


# Columns that an answer fills in a file, by kind: the keys of its `cells()`.
TITLES: dict[str, tuple[str, ...]] = {
    "label_scores": ("prediction", "probability"),
    "label_set": ("prediction", "probability"),
    "number": ("prediction",),
    "spans": ("prediction", "found"),
    "answer": ("prediction", "start", "probability"),
    "text": ("prediction",),
    "ranking": ("prediction",),
}

Prediction = LabelScores | LabelSet | Number | Spans | Answer | Text | Ranking


@dataclass(frozen=True)
class Rival:
    """What a run must beat, on the same rows."""

    id: str
    title: Message
    detail: Message
    predictions: Sequence[Prediction]


class Task(Protocol):
    """What a task must know. See core/tasks/classification.py for the whole of one; `core.tasks.usual.Usual` answers what most tasks share."""

    name: str
    title: Message
    help: Message  # a sentence: what people bring and what they get
    columns: tuple[Column, ...]
    told_by: tuple[
        Column, ...
    ]  # of a data set and not of a run: what says how its rows are to be read (which answer is the better one)
    annotation: Annotation
    prediction: str  # the kind of its predictions
    asks: tuple[str, ...]  # input roles a person gives to the finished model; empty: all of them
    figures: tuple[Figure, ...]
    scores: tuple[Score, ...]  # the first is the one by which the best moment is kept
    things: str  # what its rows are called: "texts", or one of assets/things.json
    family: Family
    link: (
        Link | None
    )  # how the last layer's outputs become answers, where it can be fitted alone on features; else None
    usual: Mapping[str, Any]  # settings in which the presets of this task differ from those of classification
    traits: tuple[Trait, ...]  # which knobs count for it
    foretells: bool  # measured by how surprising the right tokens were, so that its base before tuning and counted tokens can be measured alike

    def labels(self, rows: Sequence[Row], names: Sequence[str] | None = None) -> Labels:
        """Learnt from training rows; `names` gives the order."""

    def model(self, source: Any, labels: Labels, settings: Any) -> torch.nn.Module:
        """The base `source` (core.models.loading.Source) with a new last layer for the labels."""

    def encode(self, rows: Sequence[Row], processor: Any, settings: Any) -> Iterable[Example]:
        """Model inputs of rows, one or more windows each; needs no label. Called once a run."""

    def target(self, row: Row, example: Example | None, labels: Labels) -> Any:
        """What the model should say of an example; also asked without one where the target is of the whole row."""

    def arrange(self, examples: Sequence[Example], settings: Any, seed: int) -> list[list[Example]]:
        """One round of batches. The same seed gives the same order."""

    def weights(self, labels: Labels, settings: Any) -> np.ndarray | None:
        """What a text of each label weighs while the last layer is fitted, (labels,) in fp32; None where all weigh the same."""

    def collate(self, examples: Sequence[Example], targets: Sequence[Any] | None, processor: Any) -> dict[str, Any]: ...

    def forward(self, model: torch.nn.Module, batch: Mapping[str, Any]) -> torch.Tensor: ...

    def features(self, model: Any, batch: Mapping[str, Any]) -> torch.Tensor:
        """What goes into the last layer, (examples, width); for tasks with a `link`."""

    def outputs(
        self, model: torch.nn.Module, batch: Mapping[str, Any], examples: Sequence[Example]
    ) -> list[np.ndarray]:
        """Without learning: what `decode` needs of each example, on the processor, in fp32."""

    def loss(self, outputs: torch.Tensor, batch: Mapping[str, Any], settings: Any, labels: Labels) -> torch.Tensor:
        """Mean over the batch's examples, each counted by its `weight`."""

    def label_of(self, target: Any, labels: Labels) -> int:
        """The place of the label by which an example is drawn, of several the rarest; -1 for none. Asked of a task that is `drawn`."""

    def difference(self, one: torch.Tensor, other: torch.Tensor, batch: Mapping[str, Any]) -> torch.Tensor:
        """How far two passes' outputs are apart, as a mean over the examples (core.tasks.difference). Asked of a task that `doubles`."""

    def sparing(self, examples: Sequence[Example]) -> Sequence[Example]:
        """The examples of the validation split as they are asked at each check while it learns: where answering takes long, with less to
        answer."""

    def texts_written(self, rows: int, checking: bool) -> int:
        """For how many of so many rows a text is written: at a check while it learns, or else for the final test."""

    def answer_tokens(self, example: Example) -> int:
        """Tokens of the right answer, of an example for which a text is written."""

    def decode(
        self, outputs: Sequence[Any], rows: Sequence[Row], examples: Sequence[Example], labels: Labels
    ) -> list[Prediction]:
        """One answer a row; windows are merged again. `outputs[i]` belongs to `examples[i]`."""

    def settle(self, labels: Labels, rows: Sequence[Row], predictions: Sequence[Prediction]) -> Labels:
        """What can only be chosen from answers on the validation split (thresholds). Asked at every check, so that a moment is judged by
        what it will be, and once more with the kept model; must be quick. The same labels where there is nothing to choose."""

    def gather(
        self, labels: Labels, rows: Sequence[Row], model: Any, processor: Any, settings: Any, device: Any
    ) -> Labels:
        """With what the finished model has to carry along (`Labels.stored`); `rows` are all of the run, those kept aside first."""

    def again(self, predictions: Sequence[Prediction], labels: Labels) -> Sequence[Prediction]:
        """Answers that were given before `settle`, as they are under its labels."""

    def score(self, rows: Sequence[Row], predictions: Sequence[Prediction], labels: Labels) -> dict[str, float]:
        """Every measure in `scores`, and "loss" (lower is better)."""

    def credit(self, row: Row, prediction: Prediction, labels: Labels) -> float:
        """How right one answer is, from 0 to 1; worst answers are shown first, and differences between models are judged by it."""

    def given(self, row: Row) -> Mapping[str, Any]:
        """Role -> value: what an answer to a row of data is judged beside, without the right answer where that stands within."""

    def unwritten(self, prediction: Prediction) -> Message | None:
        """What is known of an answer that is only measured and has no words of its own; None where it has some."""

    def redrawn(
        self, measure: str, rows: Sequence[Row], predictions: Sequence[Prediction], labels: Labels
    ) -> Callable[[np.ndarray], float | None] | None:
        """A function from places of `rows`, (draw,) with repetition, to the measure of the rows at these places, where that is quicker than to
        score them: for the bootstrap, which asks a thousand times. None: score them."""

    def right(self, row: Row) -> str:
        """The right answer in a line, where no column is the target; "" where there is none."""

    def report(self, rows: Sequence[Row], predictions: Sequence[Prediction], labels: Labels) -> Mapping[str, Any]:
        """figure name -> its data (see `Figure`)."""

    def rivals(
        self,
        train: Sequence[Row],
        validation: Sequence[Row],
        asked: Sequence[Row],
        labels: Labels,
        cancelled: Callable[[], bool],
    ) -> Iterable[Rival]:
        """Simple and honest contenders that learn from the same rows."""

    def token_rivals(
        self,
        train: Iterable[Example],
        asked: Sequence[Example],
        rows: int,
        vocabulary: int,
        cancelled: Callable[[], bool],
    ) -> Iterable[Rival]:
        """Contenders that see what the model sees, as its examples, and answer `rows` rows; asked of a task that foretells. `vocabulary`: how
        many different tokens there are."""

    def untouched(
        self, vectors: Callable[[Sequence[str]], np.ndarray], train: Sequence[Row], asked: Sequence[Row], labels: Labels
    ) -> Rival | None:
        """What the base says as it came, by `vectors` of texts, (texts, width) of unit length; None where that says nothing. `train`: the
        other rows of the run, those of validation first."""

    def per_label(self, rows: Sequence[Row], predictions: Sequence[Prediction], labels: Labels) -> dict[str, float]: ...


def asked(task: Task) -> list[Column]:
    """The columns a person gives to the finished model: those in `asks`, else every input."""
    inputs = [column for column in task.columns if not column.target]
    return [column for column in inputs if column.role in task.asks] or inputs


LOWER = ("loss", "mae", "mse", "perplexity")  # measures of which less is better


def metric_of(task: Task, wanted: str) -> str:
    """The measure by which the best moment is kept: the wanted one where the task has it."""
    return wanted if wanted == "loss" or any(s.name == wanted for s in task.scores) else task.scores[0].name
