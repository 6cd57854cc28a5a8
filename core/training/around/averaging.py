"""The running mean of the weights: what is checked and kept is steadier than the weights of a single step.

Exponential moving average, Polyak & Juditsky 1992 in the form of Tarvainen & Valpola 2017 (mean teacher); its rate rises over the first steps
(1 + t) / (10 + t), as TensorFlow's ExponentialMovingAverage has it, so that the mean does not hang on to where it began.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from core.training.around.base import Around


class MovingAverage(Around):
    """`decay`: how much of the mean is kept at a step, 0 to 1."""

    def __init__(self, model: nn.Module, decay: float):
        self.decay = decay
        self.steps = 0
        self.mean = {name: w.detach().clone() for name, w in _learning(model)}

    def stepped(self, model: nn.Module, step: int) -> None:
        self.steps += 1
        kept = min(self.decay, (1 + self.steps) / (10 + self.steps))
        with torch.no_grad():
            for name, weights in _learning(model):
                self.mean[name].lerp_(weights.detach(), 1 - kept)

    @contextmanager
    def asking(self, model: nn.Module) -> Iterator[None]:
        """The mean stands in the model's place."""
        learning = dict(_learning(model))
        now = {name: w.detach().clone() for name, w in learning.items()}
        _put(learning, self.mean)
        try:
            yield
        finally:
            _put(learning, now)

    def tensors(self) -> dict[str, Tensor]:
        counted = {"steps": torch.tensor(self.steps)}
        return {**{f"mean.{name}": w.cpu().contiguous() for name, w in self.mean.items()}, **counted}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        self.steps = int(tensors["steps"])
        for name in self.mean:
            self.mean[name].copy_(tensors[f"mean.{name}"])


def _learning(model: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    return ((name, w) for name, w in model.named_parameters() if w.requires_grad)


def _put(learning: Mapping[str, Any], values: Mapping[str, Tensor]) -> None:
    with torch.no_grad():
        for name, weights in learning.items():
            weights.copy_(values[name])
