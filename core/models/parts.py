"""The parts of a base that may learn on their own: its layers, its upper ones, its biases, its norms. Nothing is added to the model here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from core.errors import ModelError
from core.models.heads import BARE
from core.models.inside import LAST, UNUSED
from core.words import Message

if TYPE_CHECKING:
    from core.models.heads import TextModel

WRITERS = ("causal-lm", "seq2seq-lm")  # their last layer is the base's own, and often its word list as well


def full(model: TextModel, settings: Any) -> None:
    model.requires_grad_(True)
    _still_unused(model)


def head(model: TextModel, settings: Any) -> None:
    model.requires_grad_(False)
    model.head.requires_grad_(True)


def top(model: TextModel, settings: Any) -> None:
    """The upper layers, and those between the body and the last linear one (pooler, dense)."""
    layers = layers_of(model)
    head(model, settings)
    for layer in layers[-settings.top_layers :]:
        layer.requires_grad_(True)
    if model.kind == "standard":
        for name, module in model.body.named_children():
            if name != model.body.base_model_prefix:
                module.requires_grad_(True)


def bitfit(model: TextModel, settings: Any) -> None:
    """Ben Zaken et al. 2022 ("BitFit"): the biases learn, all matrices stay."""
    only_head(model)
    for name, weights in body_of(model).named_parameters():
        if name.endswith("bias") and UNUSED not in name.split("."):
            weights.requires_grad_(True)
    _something_learns(model, Message("This base has no biases, so they cannot learn."))


def layernorm(model: TextModel, settings: Any) -> None:
    """Qi et al. 2022 ("Parameter-efficient tuning on layer normalization"): the norms learn; of networks for pictures those over a
    batch (Frankle et al. 2021)."""
    only_head(model)
    for module in norms_of(body_of(model)):
        module.requires_grad_(True)
    _something_learns(model, Message("This base has no norms, so they cannot learn."))


def only_head(model: TextModel) -> None:
    """Nothing but a new last layer learns; of a model that writes nothing, because its last layer is the base's own."""
    model.requires_grad_(False)
    if getattr(model, "architecture", "") not in WRITERS:
        model.head.requires_grad_(True)


def body_of(model: TextModel) -> Any:
    """The encoder without any classification layers."""
    return model.body if model.kind in BARE else getattr(model.body, str(model.body.base_model_prefix), model.body)


def layers_of(model: TextModel) -> list[Any]:
    """The encoder's stacked layers, from the input to the output."""
    from torch import nn

    stacks: list[nn.ModuleList] = [m for m in body_of(model).modules() if isinstance(m, nn.ModuleList) and len(m) > 0]
    stacks = [m for m in stacks if len({type(layer) for layer in m.children()}) == 1]
    if not stacks:
        raise ModelError(
            Message("This model does not show its layers one by one, so its upper ones cannot be chosen."),
            fix=Message("Let all of it learn, or use LoRA."),
        )
    return list(max(stacks, key=lambda stack: sum(p.numel() for p in stack.parameters())).children())


def linear_names(body: Any) -> list[str]:
    """Full names of the linear layers inside the encoder's stacked layers (no poolers, no heads)."""
    from torch import nn
    from transformers.pytorch_utils import Conv1D

    apart = {UNUSED, *LAST}
    found = [(name, m) for name, m in body.named_modules() if isinstance(m, nn.Linear | Conv1D)]
    return [name for name, _ in found if not apart & set(name.split("."))]


def norms_of(body: Any) -> Iterator[Any]:
    """Every normalisation: LayerNorm, RMSNorm by whichever name, BatchNorm."""
    for name, module in body.named_modules():
        if "Norm" in type(module).__name__ and not list(module.children()) and UNUSED not in name.split("."):
            yield module


def _something_learns(model: TextModel, reason: Message) -> None:
    if not any(w.requires_grad for w in body_of(model).parameters()):
        raise ModelError(reason, fix=Message("Let all of it learn, or use LoRA."))


def _still_unused(model: TextModel) -> None:
    """A pooler that nothing uses would be carried along by the optimizer for nothing."""
    if model.kind in BARE:
        for name, weights in model.body.named_parameters():
            if UNUSED in name.split("."):
                weights.requires_grad_(False)
