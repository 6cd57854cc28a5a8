"""A base with what is put on top. Pooled, Placed and Standard give `features`, on which the last layer is linear.

Pooled     the mean of the last hidden states over real tokens, scaled to unit length times sqrt(width), then a linear layer.
           all-MiniLM was trained on exactly this mean at unit length; the factor makes features of unit variance.
Placed     the last hidden states at a few places of the text, one beside the other, then a linear layer (two marked entities).
Standard   a transformers sequence-classification model; its own last linear layer is the head.
Whole      any other standard transformers model (tokens, answers, generation, images), asked as it is.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


class Pooled(nn.Module):
    kind = "pooled"

    def __init__(self, body: nn.Module, labels: int, dropout: float):
        super().__init__()
        self.body = body
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(width_of(body.config), labels)
        nn.init.zeros_(self.head.bias)
        nn.init.normal_(self.head.weight, std=0.02)

    def features(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """(batch, width) from input_ids and attention_mask (batch, tokens)."""
        hidden = self.body(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        return pooled(hidden, attention_mask)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        return self.head(self.dropout(self.features(input_ids, attention_mask)))


class Placed(nn.Module):
    kind = "placed"

    def __init__(self, body: nn.Module, labels: int, dropout: float, places: int):
        super().__init__()
        self.body, self.places = body, places
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(places * width_of(body.config), labels)
        nn.init.zeros_(self.head.bias)
        nn.init.normal_(self.head.weight, std=0.02)

    def features(self, input_ids: Tensor, attention_mask: Tensor, places: Tensor) -> Tensor:
        """(batch, width times places), from input_ids and attention_mask (batch, tokens) and the tokens to look at (batch, places)."""
        hidden = self.body(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        rows = torch.arange(len(hidden), device=hidden.device)[:, None]
        return hidden[rows, places].flatten(1).float()

    def forward(self, input_ids: Tensor, attention_mask: Tensor, places: Tensor) -> Tensor:
        return self.head(self.dropout(self.features(input_ids, attention_mask, places)))


class Standard(nn.Module):
    kind = "standard"

    def __init__(self, body: nn.Module, labels: int):
        super().__init__()
        self.body = body
        self._head = _last_linear(body, labels)

    @property
    def head(self) -> nn.Linear:
        return self.body.get_submodule(self._head)  # type: ignore[return-value]

    def features(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """What goes into the last linear layer, (batch, width); of the first token where the layer sees all of them."""
        seen: list[Tensor] = []
        hook = self.head.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
        try:
            self.body(input_ids=input_ids, attention_mask=attention_mask)
        finally:
            hook.remove()
        return seen[0]

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        return self.body(input_ids=input_ids, attention_mask=attention_mask).logits


class Whole(nn.Module):
    """`architecture` is a name of core.models.loading.ARCHITECTURES. Its outputs are the transformers model's own."""

    kind = "standard"

    def __init__(self, body: nn.Module, architecture: str):
        super().__init__()
        self.body = body
        self.architecture = architecture
        self._head = _last_layer(body)

    @property
    def head(self) -> nn.Module:
        """What turns hidden states into the answer; may share its weights with the embeddings."""
        return self.body.get_submodule(self._head)

    def forward(self, **batch: Tensor) -> Any:
        return self.body(**batch)


TextModel = Pooled | Placed | Standard | Whole
BARE = ("pooled", "placed")  # kinds whose body is an encoder with nothing on top


def pooled(hidden: Tensor, attention_mask: Tensor) -> Tensor:
    """Mean over real tokens at length sqrt(width): (batch, tokens, width), (batch, tokens) -> (batch, width)."""
    mask = attention_mask[..., None].to(hidden.dtype)
    mean = (hidden * mask).sum(1) / mask.sum(1).clamp(min=1)
    return functional.normalize(mean.float(), dim=-1) * math.sqrt(hidden.shape[-1])


def set_head(model: Any, weight: Tensor, bias: Tensor) -> None:
    """Put a fitted last layer, (labels, width) and (labels,), into the model."""
    with torch.no_grad():
        model.head.weight.copy_(weight)
        model.head.bias.copy_(bias)


def width_of(config: Any) -> int:
    """The width of the hidden states, by whichever name the architecture gives it."""
    for name in ("hidden_size", "d_model", "dim", "n_embd"):
        if isinstance(getattr(config, name, None), int):
            return getattr(config, name)
    raise AttributeError(f"{type(config).__name__} does not say how wide its hidden states are")


def _last_layer(body: nn.Module) -> str:
    """The name of the layer on top of the base."""
    names = ("classifier", "qa_outputs", "lm_head", "score", "embed_out", "final_logits_bias")
    found = [name for name in names if isinstance(getattr(body, name, None), nn.Module)]
    if found:
        return found[0]
    linear = [n for n, m in body.named_modules() if isinstance(m, nn.Linear)]
    if not linear:
        raise AttributeError(f"{type(body).__name__} has no layer on top")
    return linear[-1]


def _last_linear(body: nn.Module, labels: int) -> str:
    names = [n for n, m in body.named_modules() if isinstance(m, nn.Linear) and m.out_features == labels]
    if not names:
        raise AttributeError(f"{type(body).__name__} has no linear layer for {labels} labels")
    return names[-1]
