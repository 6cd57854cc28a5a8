"""Two looks at every text must agree: R-Drop. Liang et al. 2021, "R-Drop: Regularized Dropout for Neural Networks".

The loss becomes the mean of both passes' losses plus `weight` times the symmetric KL divergence between their answers, as in the authors' code.
A base without dropout gives the same answer twice and learns nothing by it. Not offered where the outputs are not the answers themselves (texts
that are written, searches, orders of preference).
"""

from __future__ import annotations

from torch import Tensor

from core.training.around.base import Around, Look


class Agreement(Around):
    def __init__(self, weight: float):
        self.weight = weight

    def loss(self, look: Look, loss: Tensor) -> Tensor:
        again = look.forward()
        both = 0.5 * (loss + look.loss_of(again))
        return both + self.weight * look.task.difference(look.outputs, again, look.inputs)
