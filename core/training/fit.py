"""The convex fit: multinomial logistic regression on features that stay as they are, by L-BFGS.

This is the last layer of an encoder before the rest moves (a linear probe), and all of a classic n-gram model. There is one
best answer, so chance plays no part. Knows matrices and targets, neither texts nor runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from core.tasks.base import Link

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

ITERATIONS = 100  # at most, for one restraint; from the last restraint's answer it takes fewer
ENOUGH = 2e-5  # relative gain of one iteration below which the fit is done
ROWS = 32_768  # examples computed at once

# Restraints tried in turn, from tight to loose, each from the answer of the one before. Features of an encoder have unit variance, those of
# counted pieces unit length, hence the two scales.
DENSE_TRIALS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
SPARSE_TRIALS = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0)


@dataclass(frozen=True)
class Head:
    """logits = features @ weight.T + bias. weight (labels, width), bias (labels,)."""

    weight: np.ndarray
    bias: np.ndarray

    def logits(self, features: Any) -> np.ndarray:
        """(examples, labels) from dense or sparse features (examples, width)."""
        return np.asarray(features @ self.weight.T) + self.bias


class Objective:
    """Mean weighted loss plus |weights - anchor|^2 / (2 C n); with `softmax` this is scikit-learn's LogisticRegression(C) divided by C n.

    `link`: softmax (targets are label numbers, or shares (rows, labels)), sigmoid (targets (rows, labels) of 0 and 1, the binary cross-entropy summed over the
    labels) or identity (targets (rows, outputs), half the squared error: ridge regression). `weights` (labels,): what a text of the label
    weighs; with sigmoid, what a 1 weighs against a 0. `anchor`: the layer it starts from and is held to, instead of nought. The point is (labels, width + 1), the bias in the last column. Dense features are
    centred, which changes no answer and makes the fit several times shorter.
    """

    def __init__(
        self,
        features: np.ndarray | csr_matrix,
        targets: np.ndarray,
        labels: int,
        weights: np.ndarray | None,
        link: Link = "softmax",
        anchor: Head | None = None,
    ):
        self.link = link
        self.sparse = not isinstance(features, np.ndarray)
        self.features = features
        numbered = link == "softmax" and targets.ndim == 1
        shaped = targets.astype(np.int64) if numbered else targets.astype(np.float32).reshape(len(targets), labels)
        self.targets = torch.from_numpy(shaped)
        self.weights = torch.ones(len(targets))
        self.heavier = torch.ones(labels)
        if weights is not None and link == "softmax":
            self.weights = torch.from_numpy(weights[targets] if numbered else shaped @ weights)
        elif weights is not None:
            self.heavier = torch.from_numpy(weights)
        self.count, self.width = features.shape
        self.labels = labels
        mean = np.zeros(self.width) if self.sparse else features.mean(axis=0, dtype=np.float64)
        self.centre = torch.from_numpy(np.asarray(mean, dtype=np.float32))
        self.start = torch.zeros(labels, self.width + 1)
        if anchor is not None:
            self.start[:, :-1] = torch.from_numpy(anchor.weight)
            self.start[:, -1] = torch.from_numpy(anchor.bias) + self.start[:, :-1] @ self.centre
        self.held = self.start[:, :-1].clone()

    def __call__(self, point: Tensor, c: float) -> tuple[float, Tensor, float]:
        """The value, its gradient, and the mean loss without the restraint."""
        weight, bias = point[:, :-1], point[:, -1]
        gradient = torch.zeros_like(point)
        loss = 0.0
        for start in range(0, self.count, ROWS):
            rows = slice(start, min(start + ROWS, self.count))
            block, targets, weights = self._block(rows), self.targets[rows], self.weights[rows]
            logits = self._times(block, weight) + bias
            losses, error = LINKS[self.link](logits, targets, self.heavier)
            loss += float((losses * weights).sum(dtype=torch.float64))
            error *= (weights / self.count)[:, None]
            gradient[:, :-1] += self._transposed(block, error)
            gradient[:, -1] += error.sum(0)
        restraint = 1 / (c * self.count)
        away = weight - self.held
        gradient[:, :-1] += restraint * away
        value = loss / self.count + 0.5 * restraint * float((away.double() ** 2).sum())
        return value, gradient, loss / self.count

    def head(self, point: Tensor) -> Head:
        """The layer for features as they are, not centred."""
        bias = point[:, -1] - point[:, :-1] @ self.centre
        return Head(point[:, :-1].numpy().copy(), bias.numpy().copy())

    def _block(self, rows: slice) -> Any:
        if self.sparse:
            return self.features[rows]
        return torch.from_numpy(np.array(self.features[rows], dtype=np.float32)) - self.centre

    def _times(self, block: Any, weight: Tensor) -> Tensor:
        return torch.from_numpy(np.asarray(block @ weight.numpy().T)) if self.sparse else block @ weight.T

    def _transposed(self, block: Any, error: Tensor) -> Tensor:
        if self.sparse:
            return torch.from_numpy(np.ascontiguousarray(np.asarray(block.T @ error.numpy()).T))
        return error.T @ block


def _softmax(logits: Tensor, targets: Tensor, heavier: Tensor) -> tuple[Tensor, Tensor]:
    logs = functional.log_softmax(logits, dim=1)
    if targets.dim() == 2:  # shares of labels that sum to 1, not the number of one
        return -(targets * logs).sum(1), logs.exp() - targets
    losses = -logs.gather(1, targets[:, None])[:, 0]
    error = logs.exp_()
    error[torch.arange(len(targets)), targets] -= 1
    return losses, error


def _sigmoid(logits: Tensor, targets: Tensor, heavier: Tensor) -> tuple[Tensor, Tensor]:
    losses = functional.binary_cross_entropy_with_logits(logits, targets, reduction="none", pos_weight=heavier).sum(1)
    heavy = heavier * targets
    return losses, torch.sigmoid(logits) * (heavy + 1 - targets) - heavy


def _identity(logits: Tensor, targets: Tensor, heavier: Tensor) -> tuple[Tensor, Tensor]:
    error = logits - targets
    return 0.5 * (error**2).sum(1), error


# By link: the loss of each row, and its slope at the outputs (rows, labels).
LINKS: dict[Link, Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]] = {
    "softmax": _softmax,
    "sigmoid": _sigmoid,
    "identity": _identity,
}


@dataclass(frozen=True)
class Move:
    """One iteration: where it is now, the mean loss there (without the restraint) and the gradient's length."""

    point: Tensor
    loss: float
    norm: float


def lbfgs(function: Callable[[Tensor], tuple[float, Tensor, float]], start: Tensor, memory: int = 8) -> Iterator[Move]:
    """Minimise by L-BFGS (Nocedal & Wright, algorithm 7.4) with a backtracking search; ends when an iteration gains too little."""
    point = start.clone()
    value, gradient, loss = function(point)
    pairs: list[tuple[Tensor, Tensor, float]] = []
    for _ in range(ITERATIONS):
        direction = _direction(gradient, pairs)
        slope = float((direction * gradient).sum())
        width = 1.0 if pairs else 1.0 / max(1.0, float(gradient.norm()))
        while True:  # a shorter and shorter step until it gains what its slope promises
            after = point + width * direction
            new_value, new_gradient, new_loss = function(after)
            if new_value <= value + 1e-4 * width * slope:
                break
            width /= 2
            if width < 1e-6:
                return
        moved, turned = after - point, new_gradient - gradient
        curvature = float((moved * turned).sum())
        if curvature > 1e-10:
            pairs = [*pairs[1 - memory :], (moved, turned, curvature)]
        gain = (value - new_value) / max(abs(value), 1e-8)
        point, value, gradient, loss = after, new_value, new_gradient, new_loss
        yield Move(point, loss, float(gradient.norm()))
        if gain < ENOUGH:
            return


def _direction(gradient: Tensor, pairs: list[tuple[Tensor, Tensor, float]]) -> Tensor:
    """Minus the approximate inverse Hessian times the gradient: the two-loop recursion."""
    rest = gradient.clone()
    shares = []
    for moved, turned, curvature in reversed(pairs):
        share = float((moved * rest).sum()) / curvature
        shares.append(share)
        rest -= share * turned
    if pairs:
        _, turned, curvature = pairs[-1]
        rest *= curvature / float((turned * turned).sum())
    for (moved, turned, curvature), share in zip(pairs, reversed(shares), strict=True):
        rest += (share - float((turned * rest).sum()) / curvature) * moved
    return -rest
