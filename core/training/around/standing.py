"""Old labels as an earlier model saw them: for each the mean of what goes into its last layer, and how texts of a label scatter about it.

What is drawn from them stands for texts that are not seen again. The idea is that of prototype augmentation (PASS: Zhu et al. 2021) and of aligned
classifiers (SLCA: Zhang et al. 2023); here the scatter is one for all labels, shrunk as Ledoit & Wolf 2004 do. When it is wanted, and from which texts
it is measured, says `core.training.prototypes`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from core.training.around.base import Around, Look

DRAWN = 256  # vectors of old labels in a step


@dataclass(frozen=True)
class Prototypes:
    """`labels` (old labels,) their places among all; `means` (old labels, width); `spread` (width, width), the lower triangle whose square is the
    covariance about them; `counts` (old labels,) how many texts there were."""

    labels: Tensor
    means: Tensor
    spread: Tensor
    counts: Tensor

    def drawn(self, places: Tensor, noise: Tensor) -> Tensor:
        """One text's worth for each of `places` (texts,) among the old labels; `noise` (texts, width) standard normal."""
        return self.means[places] + noise @ self.spread.T


def seen(vectors: np.ndarray, labels: np.ndarray, counts: Mapping[int, int]) -> Prototypes:
    """Of vectors (texts, width) with labels (texts,) by number; `counts`: how many texts of each there were in all."""
    from sklearn.covariance import ledoit_wolf

    kinds = np.unique(labels)
    means = np.stack([vectors[labels == kind].mean(axis=0) for kind in kinds])
    apart = (vectors - means[np.searchsorted(kinds, labels)]).astype(np.float64)
    covariance = ledoit_wolf(apart, assume_centered=True)[0] * (len(apart) / max(1, len(apart) - len(kinds)))
    covariance += np.eye(len(covariance)) * max(1e-8, 1e-6 * float(np.trace(covariance)) / len(covariance))
    return Prototypes(
        torch.from_numpy(kinds.astype(np.int64)),
        torch.from_numpy(means.astype(np.float32)),
        torch.from_numpy(np.linalg.cholesky(covariance).astype(np.float32)),
        torch.tensor([counts[int(kind)] for kind in kinds], dtype=torch.float32),
    )


class Standing(Around):
    """Adds `share` times the loss of the last layer on vectors drawn from old labels, and asks the texts of the step as if every label came as often
    as there are texts of it (logit adjustment: Menon et al. 2021): `often` (labels,) is the logarithm of how much oftener it comes than that.
    `measure` is asked once, before the first step."""

    def __init__(self, measure: Callable[[], Prototypes], share: float, often: Tensor):
        self.measure, self.share, self.often = measure, share, often
        self.found: Prototypes | None = None

    def loss(self, look: Look, loss: Tensor) -> Tensor:
        old = self.found = self.found or self.measure()
        loss = loss - look.loss_of(look.outputs) + look.loss_of(look.outputs + self.often.to(look.outputs))
        layer: Any = look.model.head
        places = torch.multinomial(old.counts, DRAWN, replacement=True)
        vectors = old.drawn(places, torch.randn(DRAWN, old.means.shape[1])).to(layer.weight)
        said = layer(vectors).float()
        return loss + self.share * functional.cross_entropy(said, old.labels[places].to(said.device))

    def tensors(self) -> dict[str, Tensor]:
        return {} if self.found is None else {name: tensor.contiguous() for name, tensor in vars(self.found).items()}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        if tensors:
            self.found = Prototypes(**tensors)
