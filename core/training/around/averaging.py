"""The mean of the weights over many steps: what is checked and kept is steadier than the weights of a single step.

`MovingAverage`: exponential moving average, Polyak & Juditsky 1992 in the form of Tarvainen & Valpola 2017 (mean teacher); its rate rises over the first steps
(1 + t) / (10 + t), as TensorFlow's ExponentialMovingAverage has it, so that the mean does not hang on to where it began.
`LastMean`: the plain mean over the last share of the steps, stochastic weight averaging, Izmailov et al. 2018 ("Averaging Weights Leads to Wider
Optima and Better Generalization"), here of every step and with whatever schedule the run has. The statistics of a batch norm are those of the
last step, not of the mean (they ask for one more pass through the data).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from core.training.around.base import Around


class Mean(Around):
    """`steps`: how many it has followed."""

    def __init__(self, model: nn.Module):
        self.steps = 0
        self.mean = {name: w.detach().clone() for name, w in _learning(model)}

    def kept(self) -> float:
        """How much of the mean is kept at this step, 0 to 1."""
        raise NotImplementedError

    def stepped(self, model: nn.Module, step: int) -> None:
        self.steps += 1
        kept = self.kept()
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


class MovingAverage(Mean):
    """`decay`: how much of the mean is kept at a step, 0 to 1."""

    def __init__(self, model: nn.Module, decay: float):
        super().__init__(model)
        self.decay = decay

    def kept(self) -> float:
        return min(self.decay, (1 + self.steps) / (10 + self.steps))


class LastMean(Mean):
    """Over the last `share` of `total` steps. Until then the mean is what the model is."""

    def __init__(self, model: nn.Module, share: float, total: int):
        super().__init__(model)
        self.begin = max(0, total - max(1, round(share * total)))  # the last step that does not count

    def kept(self) -> float:
        counted = self.steps - self.begin
        return 0.0 if counted <= 1 else (counted - 1) / counted


def _learning(model: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    return ((name, w) for name, w in model.named_parameters() if w.requires_grad)


def _put(learning: Mapping[str, Any], values: Mapping[str, Tensor]) -> None:
    with torch.no_grad():
        for name, weights in learning.items():
            weights.copy_(values[name])
