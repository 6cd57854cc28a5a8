"""What most tasks share. A task inherits it and overrides what it does otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from core.tasks.base import Example, Family, Figure, Labels, Link, Row

if TYPE_CHECKING:
    import numpy as np
    import torch


class Usual:
    """What most tasks share. A task overrides what it does otherwise."""

    family: Family = "encoder"
    link: Link | None = None
    usual: Mapping[str, Any] = {}
    figures: tuple[Figure, ...] = ()

    def arrange(self, examples: Sequence[Example], settings: Any, seed: int) -> list[list[Example]]:
        from core.training.batches import bucketed, shuffled

        return (bucketed if settings.bucketing else shuffled)(examples, settings.batch_size, seed)

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

    def per_label(self, rows: Sequence[Row], predictions: Sequence[Any], labels: Labels) -> dict[str, float]:
        return {}
