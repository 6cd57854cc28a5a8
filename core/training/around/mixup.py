"""What the last layer sees of two texts is mixed, and so are their answers: mixup of features.

Zhang et al. 2018 ("mixup: Beyond Empirical Risk Minimization"), on the features under the last layer as in Verma et al. 2019 ("Manifold Mixup") and, for
texts, Guo et al. 2019 (senMixup). That layer is linear, so to mix its outputs is the same as to mix what it sees: W(λa + (1-λ)b) + c =
λ(Wa + c) + (1-λ)(Wb + c). One λ a batch, drawn from Beta(α, α); the partner is another text of the batch.
"""

from __future__ import annotations

import torch
from torch import Tensor

from core.training.around.base import Around, Look


class Mixup(Around):
    def __init__(self, alpha: float):
        self.dice = torch.distributions.Beta(alpha, alpha)

    def loss(self, look: Look, loss: Tensor) -> Tensor:
        """λ loss(mixed, answers) + (1-λ) loss(mixed, answers of the partners), in the place of `loss`."""
        count = len(look.outputs)
        if count < 2:
            return loss
        share = float(self.dice.sample())
        order = torch.randperm(count).to(look.outputs.device)
        mixed = share * look.outputs + (1 - share) * look.outputs[order]
        partners = {**look.inputs, "targets": look.inputs["targets"][order]}
        return share * look.loss_of(mixed) + (1 - share) * look.loss_of(mixed, partners)
