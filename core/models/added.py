"""What is added to a base and stays beside its weights, because it cannot be merged: little layers, virtual words, prefixes.

Such a model's folder holds the base as it is, the additions in added.safetensors, and in hone.json (`added`) what they are, so that anybody
builds them again: `rebuild`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn

FILE = "added.safetensors"


class Added(nn.Module):
    """A module that is not of the base."""


def mark(model: Any, **about: Any) -> None:
    """Put down what was added, as plain values from which `rebuild` makes it again."""
    model.added = about


def marked(model: Any) -> dict[str, Any] | None:
    return getattr(model, "added", None)


def tensors(body: nn.Module) -> dict[str, Tensor]:
    """The additions, by their names in the body."""
    return {name: tensor for name, tensor in body.state_dict().items() if _is_added(name, _places(body))}


def without(body: nn.Module) -> dict[str, Tensor]:
    """All other tensors of the body: what the base's own class saves and opens."""
    return {name: tensor for name, tensor in body.state_dict().items() if not _is_added(name, _places(body))}


def rebuild(model: Any, about: Mapping[str, Any], found: Mapping[str, Tensor]) -> None:
    """Add again what `about` says, with these weights."""
    from core.models.bottleneck import insert
    from core.models.virtual import put_prefix, put_words

    put: dict[str, Callable[..., None]] = {"layers": insert, "words": put_words, "prefix": put_prefix}
    put[about["how"]](model, **{name: value for name, value in about.items() if name != "how"})
    model.body.load_state_dict(dict(found), strict=False)


def _places(body: nn.Module) -> tuple[str, ...]:
    return tuple(f"{name}." for name, module in body.named_modules() if isinstance(module, Added))


def _is_added(name: str, places: tuple[str, ...]) -> bool:
    return name.startswith(places) if places else False
