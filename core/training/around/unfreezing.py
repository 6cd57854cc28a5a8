"""One layer more each round: the uppermost layer learns from the first round on, the next lower one from the second (Howard & Ruder 2018, "Universal
Language Model Fine-tuning for Text Classification", section 3.3). What stands above the layers learns from the start.

Layers that still wait take no step because their gradients are thrown away, so nothing has to be remembered: the number of the round decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn

from core.models.parts import layers_of
from core.tasks.base import Example
from core.training.around.base import Around, Look


class Unfreezing(Around):
    """`layers`: how many upper ones learn in the end."""

    def __init__(self, model: nn.Module, layers: int):
        found: list[Any] = layers_of(model)[-layers:]  # type: ignore[arg-type]
        self.waiting = [list(layer.parameters()) for layer in reversed(found)]  # the uppermost first
        self.epoch = 0

    def examples(self, examples: Sequence[Example], epoch: int) -> Sequence[Example]:
        self.epoch = epoch
        return examples

    def after_backward(self, look: Look) -> None:
        for layer in self.waiting[self.epoch + 1 :]:
            for weights in layer:
                weights.grad = None
