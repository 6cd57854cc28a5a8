"""What a task is. What differs between tasks lives in the task's own file; everybody else asks the task.

Importing this needs no torch: the types that come from it are only named.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Protocol

from core.words import Message

if TYPE_CHECKING:
    import numpy.typing as npt
    import torch

Row = Mapping[str, Any]  # a row of rows.arrow: "id", "split", and one entry per column role of the task
Kind = Literal["text", "category", "number", "spans", "messages", "image"]


@dataclass(frozen=True)
class Column:
    """A column the task needs: its role, its kind (from which the form and the labelling screen follow), and words for it."""

    role: str
    kind: Kind
    title: Message
    help: Message
    required: bool = True
    target: bool = False  # what the model learns to give; may be missing (then it is labelled by hand)


@dataclass(frozen=True)
class Annotation:
    """How a person answers on the Label tab: `single` picks one of the labels."""

    kind: Literal["single", "multi", "number", "spans"]
    question: Message


@dataclass(frozen=True)
class Figure:
    """A figure of the evaluation page, by the name under which `core.evaluation.report` stores its values."""

    name: str
    title: Message
    kind: Literal["matrix", "bars", "table"]


@dataclass(frozen=True)
class Labels:
    """The label set, learnt from training rows and saved with the run. Order is the output order of the model."""

    names: tuple[str, ...]
    counts: tuple[int, ...]

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


@dataclass(frozen=True)
class LabelScores:
    """A prediction: a probability for each label, in the order of Labels. `label` is the most probable."""

    label: str
    probabilities: Mapping[str, float]
    kind: Literal["label_scores"] = "label_scores"

    def as_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "label": self.label, "probabilities": dict(self.probabilities)}


Prediction = LabelScores  # a small closed set; later tasks add LabelSet, Number, Spans, ...


class Task(Protocol):
    """What a task must know. See core/tasks/classification.py for the whole of one."""

    name: str
    title: Message
    columns: tuple[Column, ...]
    annotation: Annotation
    figures: tuple[Figure, ...]

    def labels(self, rows: Sequence[Row], names: Sequence[str] | None = None) -> Labels:
        """Learnt from training rows; `names` gives the order."""

    def model(self, source: Any, labels: Labels, settings: Any) -> torch.nn.Module:
        """The base `source` (core.models.loading.Source) with a new last layer for the labels."""

    def encode(self, rows: Sequence[Row], processor: Any, settings: Any) -> Iterable[Example]:
        """Model inputs of rows, one or more windows each; needs no label. Called once a run."""

    def target(self, row: Row, example: Example, labels: Labels) -> Any: ...

    def arrange(self, examples: Sequence[Example], settings: Any, seed: int) -> list[list[Example]]:
        """One round of batches. The same seed gives the same order."""

    def collate(self, examples: Sequence[Example], targets: Sequence[Any] | None, processor: Any) -> dict[str, Any]: ...

    def forward(self, model: torch.nn.Module, batch: Mapping[str, Any]) -> torch.Tensor: ...

    def loss(self, outputs: torch.Tensor, batch: Mapping[str, Any], settings: Any, labels: Labels) -> torch.Tensor:
        """Mean over the batch's examples."""

    def decode(
        self, outputs: torch.Tensor, rows: Sequence[Row], examples: Sequence[Example], labels: Labels
    ) -> list[Prediction]:
        """One answer a row; windows are merged again."""

    def score(self, rows: Sequence[Row], predictions: Sequence[Prediction], labels: Labels) -> dict[str, float]: ...

    def per_label(self, rows: Sequence[Row], predictions: Sequence[Prediction], labels: Labels) -> dict[str, float]: ...
