"""A handful of labels: texts of one label are drawn together and others pushed apart, then the last layer is fitted on what came out.

The way is SetFit's (Tunstall et al. 2022), which lets a model compare pairs of texts, two passes for one comparison. Here every text of a step is
compared with every other (supervised contrastive loss, Khosla et al. 2020, equation 2), so that one pass serves them all; a step holds several
texts of each of its labels. The last layer takes no part in the steps: it is fitted (core.training.fit) whenever the model is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from core.models.heads import set_head
from core.tasks.base import Example
from core.training.around.base import Around, Look
from core.training.fit import Head

FIT = 0.1  # restraint of the fitted layer: texts of a label lie close together by then, so that hardly anything hangs on it


class Refitted(Around):
    """The last layer learns in steps as ever; what is checked and kept has one that was fitted, by `fit`, to the model as it stands. With few texts
    the steps end long before the layer is at its best."""

    def __init__(self, fit: Callable[[Any], Head]):
        self.fit = fit

    @contextmanager
    def asking(self, model: nn.Module) -> Iterator[None]:  # type: ignore[override]
        layer: Any = model.head
        before = {name: tensor.clone() for name, tensor in layer.state_dict().items()}
        put(model, self.fit(model))
        try:
            yield
        finally:
            layer.load_state_dict(before)


class Contrasting(Around):
    """`labels` (examples,): the label of each, by number. `fit` gives the best last layer for the model as it stands."""

    def __init__(
        self,
        labels: Sequence[int],
        temperature: float,
        each: int,
        seed: tuple[int, ...],
        fit: Callable[[Any], Head],
    ):
        self.labels = np.asarray(labels)
        self.temperature, self.each, self.seed, self.fit = temperature, each, seed, fit
        self.seen: list[Tensor] = []

    def batches(self, batches: list[list[Example]], epoch: int) -> list[list[Example]]:
        """The same texts in as many batches, those of a label side by side."""
        examples = [one for batch in batches for one in batch]
        sizes = [len(batch) for batch in batches]
        kinds = self.labels[[one.number for one in examples]]
        order = side_by_side(kinds, self.each, np.random.default_rng((*self.seed, epoch)))
        ends = np.cumsum(sizes)
        return [[examples[i] for i in order[end - n : end]] for n, end in zip(sizes, ends.tolist(), strict=True)]

    @contextmanager
    def forward(self, model: nn.Module, inputs: Mapping[str, Tensor]) -> Iterator[None]:  # type: ignore[override]
        """Catch what goes into the last layer."""
        self.seen.clear()
        hook = model.head.register_forward_pre_hook(lambda _, given: self.seen.append(given[0]))  # type: ignore[union-attr,operator]
        try:
            yield
        finally:
            hook.remove()

    def loss(self, look: Look, loss: Tensor) -> Tensor:
        kinds = torch.from_numpy(self.labels[[one.number for one in look.examples]])
        return contrast(self.seen[0], kinds.to(self.seen[0].device), self.temperature)

    def asking(self, model: nn.Module) -> AbstractContextManager[Any]:
        put(model, self.fit(model))
        return super().asking(model)


def put(model: nn.Module, head: Head) -> None:
    set_head(model, torch.from_numpy(head.weight), torch.from_numpy(head.bias))


def contrast(vectors: Tensor, kinds: Tensor, temperature: float) -> Tensor:
    """Of vectors (texts, width) with labels (texts,): how unlikely each finds the others of its label among all others, by cosine. Texts without
    another of their label count only as the others of the rest; with no two alike it is 0."""
    unit = functional.normalize(vectors.float(), dim=-1)
    itself = torch.eye(len(kinds), dtype=torch.bool, device=kinds.device)
    near = (unit @ unit.T / temperature).masked_fill(itself, -torch.inf)
    alike = (kinds[:, None] == kinds[None]) & ~itself
    logs = (near - torch.logsumexp(near, dim=1, keepdim=True)).masked_fill(~alike, 0.0)
    found = alike.any(1)
    if not bool(found.any()):
        return unit.sum() * 0.0
    return -(logs.sum(1)[found] / alike.sum(1)[found]).mean()


def side_by_side(kinds: np.ndarray, each: int, dice: np.random.Generator) -> list[int]:
    """Places of `kinds` (texts,), each once, at random, but so that `each` of one kind stand together while they last."""
    left = {int(kind): dice.permutation(np.flatnonzero(kinds == kind)).tolist() for kind in np.unique(kinds)}
    order: list[int] = []
    while left:
        for kind in dice.permutation(list(left)).tolist():
            order += left[kind][:each]
            left[kind] = left[kind][each:]
        left = {kind: rest for kind, rest in left.items() if rest}
    return order
