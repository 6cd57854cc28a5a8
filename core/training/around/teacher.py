"""A smaller model learns from what a larger one said: the loss of its answers against the larger model's, beside that of the labels.

Distillation (Hinton, Vinyals & Dean 2015): the weight w of the larger model's answers, the temperature T by which both are softened,
(1 - w) * loss of the labels + w * T^2 * KL(larger || smaller). The larger model answered once, by row (core.training.teaching), so that both may
cut texts into other pieces. Keeps nothing that a resumed run would miss.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from core.tasks.base import Link
from core.training.around.base import Around, Look

LEAST = 1e-7  # probability; less cannot be told from nought in fp32 once it was one minus something


class Taught(Around):
    """`said` (rows, labels): probabilities, or scaled numbers where the link is the identity; `rows`: which row each example is of, by its number."""

    def __init__(self, said: np.ndarray, rows: Sequence[int], link: Link, weight: float, temperature: float):
        self.said, self.rows = torch.from_numpy(np.asarray(said, dtype=np.float32)), np.asarray(rows)
        self.apart, self.weight, self.temperature = APART[link], weight, temperature

    def loss(self, look: Look, loss: Tensor) -> Tensor:
        places = torch.from_numpy(self.rows[[example.number for example in look.examples]])
        outputs = look.outputs.float()
        said = self.said[places].to(outputs.device)
        return (1 - self.weight) * loss + self.weight * self.apart(outputs, said, self.temperature)


def of_one(outputs: Tensor, said: Tensor, temperature: float) -> Tensor:
    """Mean over the batch of T^2 KL(said || outputs), both softened; outputs are logits (batch, labels), said probabilities."""
    theirs = torch.log_softmax(said.clamp(min=LEAST).log() / temperature, dim=-1)
    mine = torch.log_softmax(outputs / temperature, dim=-1)
    return temperature**2 * functional.kl_div(mine, theirs, reduction="batchmean", log_target=True)


def of_several(outputs: Tensor, said: Tensor, temperature: float) -> Tensor:
    """The same for labels that are each a question of their own, mean over batch and labels, as their loss is."""
    theirs = torch.logit(said.clamp(LEAST, 1 - LEAST)) / temperature
    mine = outputs / temperature
    share = torch.sigmoid(theirs)
    here = share * (functional.logsigmoid(theirs) - functional.logsigmoid(mine))
    absent = (1 - share) * (functional.logsigmoid(-theirs) - functional.logsigmoid(-mine))
    return temperature**2 * (here + absent).mean()


def of_a_number(outputs: Tensor, said: Tensor, temperature: float) -> Tensor:
    """Mean squared miss from the larger model's number, in standard deviations; no temperature."""
    return ((outputs.reshape(-1) - said.reshape(-1)) ** 2).mean()


# By how the last layer's outputs become answers.
APART: dict[Link, Callable[[Tensor, Tensor, float], Tensor]] = {
    "softmax": of_one,
    "sigmoid": of_several,
    "identity": of_a_number,
}
