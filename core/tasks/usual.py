"""What most tasks share. A task inherits it and overrides what it does otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from core.tasks.base import Column, Example, Family, Figure, Labels, Link, Rival, Row, Trait
from core.words import TEXTS, Message

if TYPE_CHECKING:
    import numpy as np
    import torch


class Usual:
    """What most tasks share. A task overrides what it does otherwise."""

    columns: tuple[Column, ...]
    told_by: tuple[Column, ...] = ()
    family: Family = "encoder"
    prediction: str = "label_scores"
    link: Link | None = None
    usual: Mapping[str, Any] = {}
    traits: tuple[Trait, ...] = ()
    figures: tuple[Figure, ...] = ()
    asks: tuple[str, ...] = ()
    foretells: bool = False
    things: str = TEXTS

    def arrange(self, examples: Sequence[Example], settings: Any, seed: int) -> list[list[Example]]:
        from core.training.batches import bucketed, shuffled

        return (bucketed if settings.bucketing else shuffled)(examples, settings.batch_size, seed)

    def label_of(self, target: Any, labels: Labels) -> int:
        return -1

    def difference(self, one: torch.Tensor, other: torch.Tensor, batch: Mapping[str, Any]) -> torch.Tensor:
        from core.tasks.difference import of_shares

        return of_shares(one, other)

    def sparing(self, examples: Sequence[Example]) -> Sequence[Example]:
        return examples

    def texts_written(self, rows: int, checking: bool) -> int:
        return 0

    def answer_tokens(self, example: Example) -> int:
        return 0

    def features(self, model: Any, batch: Mapping[str, Any]) -> torch.Tensor:
        found: torch.Tensor = model.features(batch["input_ids"], batch["attention_mask"])
        return found

    def outputs(
        self, model: torch.nn.Module, batch: Mapping[str, Any], examples: Sequence[Example]
    ) -> list[np.ndarray]:
        found: Any = self.forward(model, batch).float().cpu().numpy()  # type: ignore[attr-defined]
        return list(found)

    def settle(self, labels: Labels, rows: Sequence[Row], predictions: Sequence[Any]) -> Labels:
        return labels

    def gather(
        self, labels: Labels, rows: Sequence[Row], model: Any, processor: Any, settings: Any, device: Any
    ) -> Labels:
        return labels

    def weights(self, labels: Labels, settings: Any) -> np.ndarray | None:
        return None

    def again(self, predictions: Sequence[Any], labels: Labels) -> Sequence[Any]:
        return predictions

    def per_label(self, rows: Sequence[Row], predictions: Sequence[Any], labels: Labels) -> dict[str, float]:
        return {}

    def credit(self, row: Row, prediction: Any, labels: Labels) -> float:
        return float(row["label"] == prediction.brief()["label"])

    def given(self, row: Row) -> Mapping[str, Any]:
        return {column.role: row.get(column.role) for column in self.columns if not column.target}

    def unwritten(self, prediction: Any) -> Message | None:
        return None

    def redrawn(
        self, measure: str, rows: Sequence[Row], predictions: Sequence[Any], labels: Labels
    ) -> Callable[[np.ndarray], float | None] | None:
        return None

    def right(self, row: Row) -> str:
        return ""

    def report(self, rows: Sequence[Row], predictions: Sequence[Any], labels: Labels) -> Mapping[str, Any]:
        return {}

    def untouched(
        self, vectors: Callable[[Sequence[str]], np.ndarray], train: Sequence[Row], asked: Sequence[Row], labels: Labels
    ) -> Rival | None:
        return None

    def rivals(
        self,
        train: Sequence[Row],
        validation: Sequence[Row],
        asked: Sequence[Row],
        labels: Labels,
        cancelled: Callable[[], bool],
    ) -> Iterable[Rival]:
        return ()

    def token_rivals(
        self,
        train: Iterable[Example],
        asked: Sequence[Example],
        rows: int,
        vocabulary: int,
        cancelled: Callable[[], bool],
    ) -> Iterable[Rival]:
        return ()
