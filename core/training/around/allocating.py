"""AdaLoRA's ranks: which of the added singular values stay is decided while it learns (Zhang et al. 2023, "Adaptive Budget Allocation for
Parameter-Efficient Fine-Tuning"). The steps are peft's own; here is when they are taken, and what is remembered so that a resumed run goes on exactly.

Over the first tenth of the steps all ranks stay, over the last third none goes any more.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from core.errors import ModelError
from core.models.matrices import NAME
from core.training.around.base import Around, Look
from core.words import Message

ORTHOGONAL = 0.5  # weight of the pull towards orthogonal singular vectors, as in the paper's code
WARM, CALM = 0.1, 1 / 3  # shares of the steps
LEAST = 12  # steps, for the three parts to have some each
EVERY = 10  # steps between two decisions; fewer in short runs
MEMORY = ("ipt", "exp_avg_ipt", "exp_avg_unc")
WHOLE = 1 - 1e-6


class Ranks(Around):
    """`final`: ranks a layer that are left on average. `steps`: of the whole phase."""

    def __init__(self, model: nn.Module, final: int, steps: int | None):
        from peft.tuners.adalora.layer import RankAllocator

        if not steps:
            raise ModelError(
                Message("AdaLoRA must know its number of steps beforehand."),
                fix=Message("Count in rounds or steps instead of minutes."),
            )
        self.steps, self.calm = max(steps, LEAST), round(CALM * max(steps, LEAST))  # so short a run decides nothing
        self.every = max(1, min(EVERY, self.steps // 20))
        settled = SimpleNamespace(
            beta1=0.85, beta2=0.85, target_r=final, tinit=round(WARM * self.steps), tfinal=self.calm,
            total_step=self.steps,
            deltaT=self.every,
        )  # fmt: skip
        self.allocator: Any = RankAllocator(model, settled, NAME)
        self.seen = 0.0  # share of the step that has gone back
        self.taken = 0
        self.left: dict[str, Tensor] = {}  # after the last decision: which ranks are left, by the name of their values

    def loss(self, look: Look, loss: Tensor) -> Tensor:
        """Singular vectors are to stay orthogonal (equation 4)."""
        found = []
        for name, weights in look.model.named_parameters():
            if "lora_A" in name or "lora_B" in name:
                product = weights @ weights.T if "lora_A" in name else weights.T @ weights
                found.append((product - torch.eye(len(product), device=product.device)).norm())
        return loss + ORTHOGONAL * torch.stack(found).mean()

    def after_backward(self, look: Look) -> None:
        """The last part of a step has gone back: how much each value matters is put down (equations 9 to 11)."""
        self.seen += look.share
        if self.seen >= WHOLE and self.taken < self.steps - self.calm:
            self.allocator.update_ipt(look.model)
            self.seen = 0.0

    def stepped(self, model: nn.Module, step: int) -> None:
        self.taken, self.seen = self.taken + 1, 0.0
        last = self.steps - self.calm
        budget, due = (
            self.allocator.budget_schedule(self.taken) if self.taken < last else (self.allocator.target_bgt, True)
        )
        if self.allocator.ipt and due and self.taken <= last:
            left = self.allocator.mask_to_budget(model, budget)
            self.left = {name: torch.tensor(mask) for name, mask in left.items()}
        elif self.taken > last:
            with torch.no_grad():
                for name, weights in model.named_parameters():
                    if name in self.left:
                        weights.masked_fill_(~self.left[name].to(weights.device)[:, None], 0.0)

    def tensors(self) -> dict[str, Tensor]:
        known = {f"{kind}.{name}": w for kind in MEMORY for name, w in getattr(self.allocator, kind).items()}
        left = {f"left.{name}": mask for name, mask in self.left.items()}
        told = {name: w.detach().cpu().clone().contiguous() for name, w in {**known, **left}.items()}
        return {**told, "taken": torch.tensor(self.taken)}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        self.taken = int(tensors["taken"])
        for full, tensor in tensors.items():
            kind, _, name = full.partition(".")
            if kind in MEMORY:
                getattr(self.allocator, kind)[name] = tensor.clone()
            elif kind == "left":
                self.left[name] = tensor.clone()
