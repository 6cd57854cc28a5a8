"""Taking parts out of a model: whole layers, neurons of its feed-forward layers, single weights. What is left is a model of the usual shape, so
that everything opens it; single weights only become nought, which changes neither file nor speed.

Attention heads are not taken out: an architecture such as BERT has no place in its config for a layer whose heads do not add up to its width, so
that no other program could open the result.

Knows modules and tensors; neither runs nor rows. What a part is worth is measured by who has rows (core.training.shrinking).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from core.errors import ModelError
from core.models.heads import TextModel, width_of
from core.models.parts import body_of, layers_of, linear_names
from core.words import Message

INNER = (
    "intermediate_size",
    "hidden_dim",
    "ffn_dim",
)  # by which architectures call the width of their feed-forward layers
EVEN = 8  # a multiple of this many neurons stays, which processors like


def depth(model: TextModel) -> int:
    """How many layers can be chosen from. ModelError where its config does not say the same, so that no one could open it with fewer."""
    config, layers = body_of(model).config, layers_of(model)
    if getattr(config, "num_hidden_layers", None) != len(layers) or getattr(config, "is_encoder_decoder", False):
        raise ModelError(
            Message("This kind of model ({kind}) cannot be cut layer by layer.", kind=config.model_type),
            fix=Message("Choose another way to make it smaller."),
        )
    return len(layers)


def keep_layers(model: TextModel, kept: Sequence[int]) -> None:
    """Only the layers of these numbers stay, 0 the one next to the input, in this order."""
    body, layers, count = body_of(model), layers_of(model), depth(model)
    for module in list(body.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.ModuleList) and len(child) == count and child[0] is layers[0]:
                setattr(module, name, nn.ModuleList(layers[i] for i in kept))
    for config in configs_of(model):
        config.num_hidden_layers = len(kept)
        if len(kinds := getattr(config, "layer_types", None) or ()) == count:
            config.layer_types = [kinds[i] for i in kept]


def configs_of(model: TextModel) -> list[Any]:
    """That of the encoder and that of what stands on it; mostly they are one."""
    whole: Any = model.body
    return list({id(config): config for config in (body_of(model).config, whole.config)}.values())


def spread(count: int, keep: int) -> list[int]:
    """`keep` of `count` layers, evenly spread, the last one among them: 6 to 3 keeps 1, 3, 5 (every second)."""
    return sorted({round((i + 1) * count / keep) - 1 for i in range(keep)})


@dataclass(frozen=True)
class FeedForward:
    """One feed-forward layer: what goes up into its neurons (two where a gate stands beside them), and what comes down again."""

    ups: tuple[nn.Linear, ...]
    down: nn.Linear

    @property
    def inner(self) -> int:
        return self.down.in_features


def feed_forwards(model: TextModel) -> list[FeedForward]:
    """Those of every layer. ModelError where a layer shows none, or where the config has no one width for all of them."""
    config, found = body_of(model).config, []
    inner, width = getattr(config, inner_name(config) or "", None), width_of(config)
    for layer in layers_of(model):
        linear = [m for m in layer.modules() if isinstance(m, nn.Linear)]
        ups = [m for m in linear if (m.in_features, m.out_features) == (width, inner)]
        downs = [m for m in linear if (m.in_features, m.out_features) == (inner, width)]
        if inner == width or not ups or len(downs) != 1:
            raise ModelError(
                Message("This kind of model ({kind}) does not show the neurons of its layers.", kind=config.model_type),
                fix=Message("Choose another way to make it smaller."),
            )
        found.append(FeedForward(tuple(ups), downs[0]))
    return found


def inner_name(config: Any) -> str | None:
    return next((name for name in INNER if isinstance(getattr(config, name, None), int)), None)


def keep_neurons(model: TextModel, worth: Sequence[Tensor], share: float) -> int:
    """The `share` of each layer's neurons that are worth most stay; `worth` (neurons,) of every layer. Returns how many stay in each."""
    layers = feed_forwards(model)
    keep = even(layers[0].inner, share)
    for layer, values in zip(layers, worth, strict=True):
        chosen = values.topk(keep).indices.sort().values
        for up in layer.ups:
            up.weight = nn.Parameter(up.weight.detach()[chosen].clone())
            if up.bias is not None:
                up.bias = nn.Parameter(up.bias.detach()[chosen].clone())
            up.out_features = keep
        layer.down.weight = nn.Parameter(layer.down.weight.detach()[:, chosen].clone())
        layer.down.in_features = keep
    for config in configs_of(model):
        setattr(config, inner_name(config) or INNER[0], keep)
    return keep


def even(inner: int, share: float) -> int:
    """How many of `inner` neurons a share of them is."""
    return min(inner, max(EVEN, round(inner * share / EVEN) * EVEN)) if inner > EVEN else max(1, round(inner * share))


def by_size(model: TextModel) -> list[Tensor]:
    """What each neuron is worth by its weights alone: the length of those that lead to it times the length of those that leave it."""
    return [
        torch.stack([up.weight.detach().norm(dim=1) for up in layer.ups]).prod(0)
        * layer.down.weight.detach().norm(dim=0)
        for layer in feed_forwards(model)
    ]


def by_gradient(model: TextModel, batches: Iterable[Any], loss: Callable[[Any], Tensor]) -> list[Tensor]:
    """What each neuron is worth: how much the loss would change without it, to the first order, |activation * gradient| summed over the
    tokens, mean over examples (Molchanov et al. 2017; the gate gradient of Michel et al. 2019, on neurons). `loss` of a batch is a mean."""
    layers = feed_forwards(model)
    worth = [torch.zeros(layer.inner) for layer in layers]
    seen: dict[int, Tensor] = {}

    def heard(number: int) -> Callable[[nn.Module, Any], None]:
        def keep(_: nn.Module, inputs: Any) -> None:
            inputs[0].retain_grad()
            seen[number] = inputs[0]

        return keep

    hooks = [layer.down.register_forward_pre_hook(heard(i)) for i, layer in enumerate(layers)]
    try:
        for batch in batches:
            model.zero_grad(set_to_none=True)
            loss(batch).backward()
            for number, activation in seen.items():
                assert activation.grad is not None
                slope = (activation.detach() * activation.grad).float()  # (batch, tokens, neurons)
                worth[number] += slope.sum(1).abs().sum(0).cpu()
    finally:
        for hook in hooks:
            hook.remove()
        model.zero_grad(set_to_none=True)
    return worth


def zero_smallest(model: TextModel, share: float) -> int:
    """The `share` of smallest weights of all the layers' matrices together becomes nought (magnitude pruning, Han et al. 2015); word vectors,
    biases and the last layer stay. Returns how many are nought."""
    body = body_of(model)
    matrices = [body.get_submodule(name).weight for name in linear_names(body)]
    sizes = np.concatenate([w.detach().abs().reshape(-1).cpu().numpy() for w in matrices])
    count = round(share * len(sizes))
    if not count:
        return 0
    limit = float(np.partition(sizes, count - 1)[count - 1])
    zeros = 0
    with torch.no_grad():
        for weights in matrices:
            weights.masked_fill_(weights.abs() <= limit, 0.0)
            zeros += int((weights == 0).sum())
    return zeros
