"""Two ways to learn something new without an old text at hand: hold in place what mattered (EWC), or keep answering as before (LwF).

Elastic weight consolidation: Kirkpatrick et al. 2017, with the diagonal of the empirical Fisher information, which is the mean of the squared
gradients of single examples with their right answers. Learning without forgetting: Li & Hoiem 2016, with the distillation of Hinton et al. 2015.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from core.tasks.base import Link
from core.training.around.base import Around, Look

Tensors = dict[str, Tensor]


class Consolidation(Around):
    """Adds strength / 2 * sum of fisher * (weights - where they were) ** 2 to the loss. `measure` gives (fisher, where they were) by the name of
    a weight; it is asked once, before the first step, since it takes as long as many steps. Rows of a layer that the earlier model did not have
    carry a Fisher of 0."""

    def __init__(self, measure: Callable[[], tuple[Tensors, Tensors]], strength: float):
        self.measure, self.strength = measure, strength
        self.fisher: Tensors | None = None
        self.were: Tensors = {}

    def loss(self, look: Look, loss: Tensor) -> Tensor:
        if self.fisher is None:
            self.fisher, self.were = self.measure()
        return loss + self.penalty(look.model)

    def penalty(self, model: nn.Module) -> Tensor:
        """What is added, a number."""
        fisher = self.fisher or {}
        held = [(fisher[n], w, self.were[n]) for n, w in model.named_parameters() if w.requires_grad and n in fisher]
        total = torch.stack([(f.to(w.device) * (w - were.to(w.device)) ** 2).sum() for f, w, were in held]).sum()
        return 0.5 * self.strength * total

    def tensors(self) -> Tensors:
        if self.fisher is None:
            return {}
        told = {f"fisher.{name}": t for name, t in self.fisher.items()} | {f"were.{n}": t for n, t in self.were.items()}
        return {name: tensor.cpu().contiguous() for name, tensor in told.items()}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        if tensors:
            parts = {part: len(part) + 1 for part in ("fisher", "were")}
            found = {p: {n[cut:]: t for n, t in tensors.items() if n.startswith(f"{p}.")} for p, cut in parts.items()}
            self.fisher, self.were = found["fisher"], found["were"]


class Distillation(Around):
    """Adds strength * the distance of the answers on the labels that both know from those of `old`, softened by `temperature` (`softened`).
    `pairs`: (place of an output in the old model, its place in the new one)."""

    def __init__(
        self, old: nn.Module, pairs: Sequence[tuple[int, int]], link: Link, strength: float, temperature: float
    ):
        self.old = old.eval().requires_grad_(False)
        self.there, self.here = [list(places) for places in zip(*pairs, strict=True)]
        self.link, self.strength, self.temperature = link, strength, temperature

    def loss(self, look: Look, loss: Tensor) -> Tensor:
        with torch.no_grad():
            before = look.task.forward(self.old, look.inputs)
        now = look.outputs[:, self.here].float()
        return loss + self.strength * softened(now, before[:, self.there].float(), self.temperature, self.link)


def softened(now: Tensor, before: Tensor, temperature: float, link: Link) -> Tensor:
    """How far answers (batch, outputs) are from earlier ones, as a mean over the batch: the Kullback-Leibler divergence of probabilities at a
    temperature, times its square so that gradients keep their size; for labels of their own that of each, summed; for numbers the square."""
    if link == "identity":
        return ((now - before) ** 2).mean()
    if link == "sigmoid":
        right = torch.sigmoid(before / temperature)
        apart = functional.binary_cross_entropy_with_logits(now / temperature, right, reduction="none")
        least = functional.binary_cross_entropy(right, right, reduction="none")
        return (apart - least).sum(1).mean() * temperature**2
    logs = functional.log_softmax(now / temperature, dim=1)
    right = functional.log_softmax(before / temperature, dim=1)
    return functional.kl_div(logs, right, reduction="batchmean", log_target=True) * temperature**2


def fisher(model: nn.Module, losses: Sequence[Callable[[nn.Module], Tensor]]) -> Tensors:
    """The diagonal of the empirical Fisher information by the name of a weight: the mean over examples of the squared gradient. Each of `losses`
    gives the loss of one example; the model is asked without dropout and its gradients are left empty."""
    model.eval().requires_grad_(True)
    found = {name: torch.zeros_like(w) for name, w in model.named_parameters()}
    for loss in losses:
        model.zero_grad(set_to_none=True)
        loss(model).backward()
        for name, weights in model.named_parameters():
            if weights.grad is not None:
                found[name] += weights.grad.detach() ** 2
    model.zero_grad(set_to_none=True)
    return {name: total / max(1, len(losses)) for name, total in found.items()}
