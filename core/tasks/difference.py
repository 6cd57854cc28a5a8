"""How far two passes over the same texts are apart, as plain functions on a task's outputs: (examples, ...) twice in, one number out.

R-Drop (Liang et al. 2021, "R-Drop: Regularized Dropout for Neural Networks") asks for it: dropout makes two passes differ, and what differs
between them is made small. Knows no task.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def of_shares(one: Tensor, other: Tensor, kept: Tensor | None = None) -> Tensor:
    """Mean over the examples of ½ KL(p||q) + ½ KL(q||p), p and q being the softmax of logits (examples, outputs), or (examples, tokens, outputs)
    with `kept` (examples, tokens) marking the tokens that count. A logit of minus infinity is no output."""
    p, q = functional.log_softmax(one.float(), dim=-1), functional.log_softmax(other.float(), dim=-1)
    there = torch.isfinite(p) & torch.isfinite(q)
    p, q = torch.where(there, p, 0.0), torch.where(there, q, 0.0)
    each = 0.5 * ((p.exp() - q.exp()) * (p - q) * there).sum(-1)  # ½ Σ (p - q)(log p - log q)
    if kept is None:
        return each.mean()
    return ((each * kept).sum(1) / kept.sum(1).clamp(min=1)).mean()


def of_sets(one: Tensor, other: Tensor) -> Tensor:
    """The same for outputs (examples, labels) of which each is a yes or no of its own; mean over labels, too."""
    a, b = one.float(), other.float()
    return 0.5 * ((torch.sigmoid(a) - torch.sigmoid(b)) * (a - b)).mean()  # the log odds differ by a - b


def of_numbers(one: Tensor, other: Tensor) -> Tensor:
    """Mean squared difference: the KL divergence between normal distributions of equal spread, but for a factor."""
    return ((one.float() - other.float()) ** 2).mean()
