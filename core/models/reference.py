"""The model as it was before tuning, beside the one that learns: with its added matrices switched off where there are any, else a frozen copy
that is opened from the base when it is first needed. It is no part of the model, so it is neither tuned nor saved.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from core.errors import ModelError
from core.models.catalogue import Base
from core.models.loading import new_whole, open_base
from core.training.preference import adapters_off


class Reference:
    """`needed`: a base that cannot be opened any more is an error; else there is then no reference."""

    def __init__(self, base: Base, architecture: str, needed: bool = True):
        self.base, self.architecture, self.needed = base, architecture, needed
        self._copy: Any = None

    @contextmanager
    def of(self, model: Any) -> Iterator[Any]:
        """The transformers model to ask, without dropout and gradients; None where there is none."""
        training = model.training
        model.eval()
        try:
            with torch.no_grad(), adapters_off(model.body) as has_adapters:
                yield model.body if has_adapters else self._frozen(next(model.parameters()).device)
        finally:
            model.train(training)

    def _frozen(self, device: torch.device) -> Any:
        if self._copy is None:
            try:
                source = open_base(self.base, "causal")
                self._copy = new_whole(source, self.architecture).body.eval().requires_grad_(False)
            except ModelError:
                if self.needed:
                    raise
                return None
        return self._copy.to(device)
