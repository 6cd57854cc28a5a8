"""A base with what is put on top. Pooled, Placed and Standard give `features`, on which the last layer is linear.

Pooled     the mean of the last hidden states over real tokens, scaled to unit length times sqrt(width), then a linear layer.
           all-MiniLM was trained on exactly this mean at unit length; the factor makes features of unit variance.
Placed     the last hidden states at a few places of the text, one beside the other, then a linear layer (two marked entities).
Apart      two texts (or more) read one by one; the last layer sees their cosine, or both with what they differ and agree in.
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

    def features(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None) -> Tensor:
        """(batch, width) from input_ids and attention_mask (batch, tokens); token_type_ids say which of two texts a token is of."""
        hidden = self.body(**_inputs(input_ids, attention_mask, token_type_ids)).last_hidden_state
        return pooled(hidden, attention_mask)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None) -> Tensor:
        return self.head(self.dropout(self.features(input_ids, attention_mask, token_type_ids)))


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


class Apart(nn.Module):
    """`join`, what the last layer sees of two texts: "cosine" of their vectors; "beside": u, v, |u - v|, u * v (Conneau et al. 2017,
    InferSent); "none": each vector for itself, turned by a square layer that begins as the identity.
    """

    kind = "apart"

    def __init__(self, body: nn.Module, labels: int, dropout: float, join: str):
        super().__init__()
        self.body, self.join = body, join
        self.dropout = nn.Dropout(dropout)
        width = width_of(body.config)
        self.head = nn.Linear(
            {"cosine": 1, "beside": 4 * width, "none": width}[join], width if join == "none" else labels
        )
        nn.init.zeros_(self.head.bias)
        nn.init.normal_(self.head.weight, std=0.02)
        if join == "none":
            nn.init.eye_(self.head.weight)
        if join == "cosine":  # cosines of 0 to 1 become -1.5 to 1.5 spreads of the numbers, until the layer is fitted
            nn.init.constant_(self.head.weight, 3.0)
            nn.init.constant_(self.head.bias, -1.5)

    def vectors(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """(texts, width) of length sqrt(width)."""
        return pooled(self.body(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state, attention_mask)

    def joined(self, u: Tensor, v: Tensor) -> Tensor:
        """What the last layer sees of vectors (pairs, width) of both texts."""
        if self.join == "cosine":
            return functional.cosine_similarity(u, v, dim=-1)[:, None]
        return torch.cat([u, v, (u - v).abs(), u * v], dim=-1)

    def turned(self, vectors: Tensor) -> Tensor:
        """Vectors (texts, width) of unit length, by the square layer."""
        return functional.normalize(self.head(vectors).float(), dim=-1)


class Standard(nn.Module):
    kind = "standard"

    def __init__(self, body: nn.Module, labels: int):
        super().__init__()
        self.body = body
        self._head = _last_linear(body, labels)

    @property
    def head(self) -> nn.Linear:
        return self.body.get_submodule(self._head)  # type: ignore[return-value]

    def features(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None) -> Tensor:
        """What goes into the last linear layer, (batch, width); of the first token where the layer sees all of them."""
        seen: list[Tensor] = []
        hook = self.head.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
        try:
            self.body(**_inputs(input_ids, attention_mask, token_type_ids))
        finally:
            hook.remove()
        return seen[0]

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None) -> Tensor:
        return self.body(**_inputs(input_ids, attention_mask, token_type_ids)).logits


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


TextModel = Pooled | Placed | Apart | Standard | Whole
BARE = ("pooled", "placed", "apart")  # kinds whose body is an encoder with nothing on top


def pooled(hidden: Tensor, attention_mask: Tensor) -> Tensor:
    """Mean over real tokens at length sqrt(width): (batch, tokens, width), (batch, tokens) -> (batch, width)."""
    mask = attention_mask[..., None].to(hidden.dtype)
    mean = (hidden * mask).sum(1) / mask.sum(1).clamp(min=1)
    return functional.normalize(mean.float(), dim=-1) * math.sqrt(hidden.shape[-1])


def _inputs(input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None) -> dict[str, Tensor]:
    told = {"input_ids": input_ids, "attention_mask": attention_mask}
    return told if token_type_ids is None else {**told, "token_type_ids": token_type_ids}


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
