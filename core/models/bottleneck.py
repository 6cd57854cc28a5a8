"""Little layers between the layers of a base (adapters): narrow in the middle, nothing at first. Own code, because the maintained libraries for
them pin other versions of transformers.

Two a layer, after attention and after the feed-forward part (Houlsby et al. 2019, "Parameter-Efficient Transfer Learning for NLP"), or one, after the
feed-forward part (Pfeiffer et al. 2020, "AdapterHub"). Each stands before the residual sum. Unlike in Houlsby et al. the norms stay as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from core.errors import ModelError
from core.models.added import Added, mark
from core.models.inside import role
from core.models.parts import body_of, linear_names, only_head
from core.words import Message

if TYPE_CHECKING:
    from core.models.heads import TextModel

PLACES = {"houlsby": ("attended", "outer"), "pfeiffer": ("outer",)}


class Bottleneck(Added):
    """(..., width) -> (..., width): down to `size`, bent, up again, on top of what came in. The way up begins at nought."""

    def __init__(self, width: int, size: int):
        super().__init__()
        self.down, self.up = nn.Linear(width, size), nn.Linear(size, width)
        self.bend = nn.GELU()
        nn.init.normal_(self.down.weight, std=0.02)
        for weights in (self.down.bias, self.up.weight, self.up.bias):
            nn.init.zeros_(weights)

    def forward(self, hidden: Tensor) -> Tensor:
        return hidden + self.up(self.bend(self.down(hidden)))


def adapter(model: TextModel, settings: Any) -> None:
    only_head(model)
    insert(model, settings.adapter_size, settings.adapter_places)


def insert(model: TextModel, size: int, places: str) -> None:
    """Put a bottleneck behind every layer of these roles. It learns, whatever else does."""
    body = body_of(model)
    behind = [name for name in linear_names(body) if role(name) in PLACES[places]]
    if not behind:
        raise ModelError(
            Message("This base does not show where its layers end, so nothing can be put between them."),
            fix=Message("Use LoRA instead."),
        )
    for name in behind:
        layer = body.get_submodule(name)
        width = layer.out_features if isinstance(layer, nn.Linear) else layer.weight.shape[1]  # type: ignore[union-attr]
        layer.adapter = Bottleneck(int(width), size).to(layer.weight.device)  # type: ignore[union-attr, arg-type]
        layer.register_forward_hook(lambda module, _, hidden: module.adapter(hidden))
    mark(model, how="layers", size=size, places=places)
