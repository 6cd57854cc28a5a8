"""What is wrapped around the loss of a step: something that adds to the loss, takes a second look, or follows the weights.

The loop calls each of them at the same moments and knows nothing else of them. A table of them, by name, is `core.training.around.AROUND`.
Whatever chance they need they draw from torch's own generators, and what they remember they give away as `tensors`, so that a resumed run
equals the unbroken one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from core.tasks.base import Example


@dataclass(frozen=True)
class Look:
    """One batch on its way through the model. `share`: what it weighs in the loss of the step (its parts sum to 1).

    `inputs` are the collated tensors on the device, targets among them; `outputs` what `Task.forward` made of them.
    """

    model: nn.Module
    examples: Sequence[Example]
    inputs: Mapping[str, Tensor]
    outputs: Any
    share: float
    task: Any
    labels: Any
    settings: Any
    forward: Callable[[], Any]  # through the model once more, in the device's precision: other dropout, other outputs
    backward: Callable[[Tensor], None]  # adds the gradients of a loss to those that are there

    def loss_of(self, outputs: Any, inputs: Mapping[str, Tensor] | None = None) -> Tensor:
        """The task's own loss of `outputs`, as a mean over the batch."""
        return self.task.loss(outputs, inputs or self.inputs, self.settings, self.labels)


class Around:
    """Does nothing at every moment; one that does something overrides what it needs."""

    def examples(self, examples: Sequence[Example], epoch: int) -> Sequence[Example]:
        """The examples of one round. Each keeps its `number`, by which its target is found. The same seed and epoch must give the same."""
        return examples

    def batches(self, batches: list[list[Example]], epoch: int) -> list[list[Example]]:
        """The batches of one round. As many must come back, so that the plan holds; the same seed and epoch must give the same."""
        return batches

    def forward(self, model: nn.Module, inputs: Mapping[str, Tensor]) -> AbstractContextManager[Any]:
        """Around the pass through the model that the loss is made of."""
        return nullcontext()

    def loss(self, look: Look, loss: Tensor) -> Tensor:
        """What is to be made smaller instead of `loss` (the mean over the batch)."""
        return loss

    def after_backward(self, look: Look) -> None:
        """Gradients of the batch are there; more may be added by `look.backward`."""

    def stepped(self, model: nn.Module, step: int) -> None:
        """The weights have moved."""

    def asking(self, model: nn.Module) -> AbstractContextManager[Any]:
        """Around a check on the validation split and around what is kept of that moment."""
        return nullcontext()

    def tensors(self) -> dict[str, Tensor]:
        """What it remembers, for a safety copy."""
        return {}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on from what it gave away."""
