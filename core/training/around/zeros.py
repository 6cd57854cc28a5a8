"""Weights that were nought when the phase began stay nought: retuning under the mask of magnitude pruning (Han et al. 2015)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from core.training.around.base import Around


class Zeros(Around):
    def __init__(self, model: nn.Module):
        self.there = {name: w != 0 for name, w in model.named_parameters() if w.requires_grad and w.dim() == 2}

    def stepped(self, model: nn.Module, step: int) -> None:
        with torch.no_grad():
            for name, weights in model.named_parameters():
                if name in self.there:
                    weights.mul_(self.there[name])

    def tensors(self) -> dict[str, Tensor]:
        return {name: mask.cpu() for name, mask in self.there.items()}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        self.there = {name: tensors[name].to(mask.device) for name, mask in self.there.items()}
