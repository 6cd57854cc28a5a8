"""How much of the model learns, as values in a table. A method marks the weights that learn; nothing else knows the difference."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from core.errors import ModelError
from core.models.heads import BARE, TextModel
from core.words import Message


@dataclass(frozen=True)
class Method:
    """`prepare` decides what learns (and may add matrices to the body); `settle` gives back a body of the usual shape."""

    name: str
    prepare: Callable[[TextModel, Any], None]
    settle: Callable[[TextModel], None] = lambda model: None
    fits: bool = False  # a convex fit on features that stay as they are, instead of steps through the model


def method(name: str) -> Method:
    if name not in METHODS:
        raise ModelError(
            Message(
                "There is no tuning method called “{name}”; there are: {names}.", name=name, names=", ".join(METHODS)
            )
        )
    return METHODS[name]


def _full(model: TextModel, settings: Any) -> None:
    model.requires_grad_(True)
    _still_unused(model)


def _head(model: TextModel, settings: Any) -> None:
    model.requires_grad_(False)
    model.head.requires_grad_(True)


def _top(model: TextModel, settings: Any) -> None:
    layers = layers_of(model)
    _head(model, settings)
    for layer in layers[-settings.top_layers :]:
        layer.requires_grad_(True)
    if model.kind == "standard":  # layers between the body and the last linear one (pooler, dense) learn too
        for name, module in model.body.named_children():
            if name != model.body.base_model_prefix:
                module.requires_grad_(True)


def _lora(model: TextModel, settings: Any) -> None:
    """Hu et al. 2021: every linear layer of the body gets a pair of small matrices that learn in its place."""
    from peft import LoraConfig, inject_adapter_in_model

    body = body_of(model)
    config = LoraConfig(
        r=settings.lora_rank,
        lora_alpha=settings.lora_alpha,
        lora_dropout=settings.lora_dropout,
        target_modules=linear_names(body),
    )
    model.requires_grad_(False)
    inject_adapter_in_model(config, body)
    if getattr(model, "architecture", "") not in WRITERS:
        model.head.requires_grad_(True)


WRITERS = ("causal-lm", "seq2seq-lm")  # their last layer is the base's own, and often its word list as well


def _merge(model: TextModel) -> None:
    """Add the small matrices into the weights they stand beside, and take them away."""
    from peft.tuners.lora import LoraLayer

    for name, module in list(model.named_modules()):
        if isinstance(module, LoraLayer):
            module.merge()  # type: ignore[operator]
            parent, _, child = name.rpartition(".")
            setattr(model.get_submodule(parent), child, module.get_base_layer())


METHODS: dict[str, Method] = {
    m.name: m
    for m in (
        Method("full", _full),
        Method("head", _head, fits=True),
        Method("top", _top),
        Method("lora", _lora, _merge),
    )
}


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
    """Full names of the linear layers inside the encoder's stacked layers (not poolers)."""
    from torch import nn
    from transformers.pytorch_utils import Conv1D

    return [
        name
        for name, module in body.named_modules()
        if isinstance(module, nn.Linear | Conv1D) and not {"pooler", "lm_head"} & set(name.split("."))
    ]


def _still_unused(model: TextModel) -> None:
    """A pooler that nothing uses would be carried along by the optimizer for nothing."""
    if model.kind in BARE:
        for name, weights in model.body.named_parameters():
            if "pooler" in name.split("."):
                weights.requires_grad_(False)
