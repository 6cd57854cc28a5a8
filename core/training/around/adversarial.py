"""The words are pushed a little where it hurts, and the text is learnt once more: adversarial training with the fast gradient method (FGM).

Miyato et al. 2017, "Adversarial Training Methods for Semi-Supervised Text Classification", equation 5: r = ε g / |g|, where g is the gradient of the
loss by the word embeddings of one whole text. The loss at the pushed place is added to the plain one (their λ is 1). Unlike there the embeddings
are not scaled to unit variance first, so that ε counts in the base's own units (a word of BERT is about 1.4 long).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from core.training.around.base import Around, Look


class Adversarial(Around):
    """`words`: the table of word embeddings; where a model reads several texts apart it is asked several times, and each is pushed."""

    def __init__(self, words: nn.Module, epsilon: float):
        self.words, self.epsilon = words, epsilon
        self.seen: list[Tensor] = []  # what the table gave in the pass of the plain loss, (texts, tokens, width) each

    @contextmanager
    def forward(self, model: nn.Module, inputs: Mapping[str, Tensor]) -> Iterator[None]:
        self.seen = []

        def keep(module: nn.Module, given: Any, found: Tensor) -> Tensor:
            found = found if found.requires_grad else found.requires_grad_()  # where the table itself does not learn
            found.retain_grad()
            self.seen.append(found)
            return found

        with hooked(self.words, keep):
            yield

    def after_backward(self, look: Look) -> None:
        pushes = iter([push(found.grad, self.epsilon) for found in self.seen])
        self.seen = []

        def add(module: nn.Module, given: Any, found: Tensor) -> Tensor:
            return found + next(pushes)

        with hooked(self.words, add):
            outputs = look.forward()
        look.backward(look.loss_of(outputs))


def push(gradient: Tensor | None, epsilon: float) -> Tensor:
    """ε g / |g| of each text (texts, tokens, width); nothing where the gradient is nought or no number."""
    if gradient is None:
        return torch.zeros(())
    length = gradient.float().flatten(1).norm(dim=1)[:, None, None]
    there = torch.isfinite(length) & (length > 0)
    return torch.where(there, epsilon * gradient / torch.where(there, length, 1.0), 0.0).to(gradient.dtype)


@contextmanager
def hooked(module: nn.Module, hook: Any) -> Iterator[None]:
    handle = module.register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()
