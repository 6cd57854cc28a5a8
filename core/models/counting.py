"""How many weights learn under each method, before anything is loaded: from the names and shapes of a base's tensors.

Those stand in the header of its file; of a base that is not on this machine they are put together from its width and its layers, which is exact for the usual
architectures but for the width of shared keys and values.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from core.errors import ModelError
from core.models import inside
from core.models.architectures import header, weight_files
from core.models.catalogue import Base
from core.models.inside import UNUSED, role

GATED = ("llama", "qwen2", "qwen3", "mistral", "gemma", "gemma2", "gemma3", "modernbert", "phi3", "olmo2")
Shapes = Mapping[str, tuple[int, ...]]


def learning(base: Base, method: str, settings: Any, labels: int = 0) -> int | None:
    """How many weights learn, those of a new last layer for `labels` among them; None where nobody knows."""
    count = COUNTS.get(method)
    tensors = shapes(base)
    if count is None or not tensors:
        return None
    head = labels * ((base.width or _width(tensors)) + 1)
    return head + count(_Inside(base, tensors, settings))


class _Inside:
    """What the sums below ask for."""

    def __init__(self, base: Base, tensors: Shapes, settings: Any):
        self.base, self.tensors, self.settings = base, tensors, settings
        self.linear = inside.linear(tensors, base.architecture)

    def lines(self) -> Iterator[tuple[int, int]]:
        """(inputs, outputs) of every linear layer."""
        return iter(self.linear.values())

    def of(self, *roles: str) -> Iterator[tuple[int, int]]:
        return (size for name, size in self.linear.items() if role(name) in roles)

    def sum(self, wanted: Callable[[str], bool]) -> int:
        return sum(math.prod(shape) for name, shape in self.tensors.items() if wanted(name))

    @property
    def embedded(self) -> int:
        """The width of word embeddings."""
        tables = [s for n, s in self.tensors.items() if len(s) == 2 and any(word in n.lower() for word in inside.FED)]
        return max(tables, default=(0, 0))[1]


def _full(at: _Inside) -> int:
    bare = at.base.family == "encoder"
    return at.sum(lambda name: not (bare and UNUSED in name.split(".")))


def _top(at: _Inside) -> int:
    prefix = inside.stack(at.tensors)
    numbers = [n for name in at.tensors if (n := inside.layer_of(name, prefix)) is not None]
    first = max(numbers, default=-1) + 1 - at.settings.top_layers
    return at.sum(
        lambda name: (inside.layer_of(name, prefix) or 0) >= max(0, first) if name.startswith(prefix) else False
    )


def _pairs(at: _Inside, rank: int) -> int:
    return sum(rank * (a + b) for a, b in at.lines())


def _adalora(at: _Inside) -> int:
    from core.models.matrices import start_rank

    rank = start_rank(at.settings.lora_rank)
    return _pairs(at, rank) + rank * len(at.linear)


def _lokr(at: _Inside) -> int:
    """peft's rules: each matrix is a Kronecker product of two, whose sides are the divisors nearest to the square root; the second is itself a
    product of rank r where that is smaller."""
    rank, total = at.settings.lora_rank, 0
    for a, b in at.lines():
        (in_small, in_large), (out_small, out_large) = divided(a), divided(b)
        total += out_small * in_small
        low = rank < max(out_large, in_large) / 2
        total += rank * (out_large + in_large) if low else out_large * in_large
    return total


def divided(n: int) -> tuple[int, int]:
    """Two whole numbers, nearest to each other, whose product is n; the smaller first."""
    small = next(k for k in range(math.isqrt(n), 0, -1) if n % k == 0)
    return small, n // small


def _oft(at: _Inside) -> int:
    from core.models.matrices import block_size

    widths = [a for a, _ in at.lines()]
    size = block_size(at.settings.oft_block, widths)
    return sum(a // size * size * (size - 1) // 2 for a in widths)


def _ia3(at: _Inside) -> int:
    return sum(b for _, b in at.of("key", "value", "fused")) + sum(a for a, _ in at.of("outer"))


def _adapter(at: _Inside) -> int:
    size = at.settings.adapter_size
    places = ("outer",) if at.settings.adapter_places == "pfeiffer" else ("attended", "outer")
    return sum(2 * b * size + size + b for _, b in at.of(*places))


def _prompt(at: _Inside) -> int:
    return int(at.settings.virtual_words) * at.embedded


def _ptuning(at: _Inside) -> int:
    width, hidden = at.embedded, at.settings.prompt_network
    return _prompt(at) + 2 * width * hidden + hidden * hidden + 2 * hidden + width


def _prefix(at: _Inside) -> int:
    """Keys and values of each attention; one matrix for three holds a third of them."""
    wide = sum(b for _, b in at.of("key")) + sum(b // 3 for _, b in at.of("fused"))
    return 2 * int(at.settings.virtual_words) * wide


def _lora(at: _Inside) -> int:
    return _pairs(at, at.settings.lora_rank)


COUNTS: dict[str, Callable[[_Inside], int]] = {
    "full": _full,
    "lpft": _full,
    "contrastive": _full,
    "head": lambda at: 0,
    "headsteps": lambda at: 0,
    "top": _top,
    "bitfit": lambda at: at.sum(inside.is_bias),
    "layernorm": lambda at: at.sum(inside.is_norm),
    "lora": _lora,
    "rslora": _lora,
    "qlora": _lora,
    "dora": lambda at: _lora(at) + sum(b for _, b in at.lines()),
    "adalora": _adalora,
    "vera": lambda at: sum(at.settings.vera_rank + b for _, b in at.lines()),
    "loha": lambda at: 2 * _lora(at),
    "lokr": _lokr,
    "oft": _oft,
    "ia3": _ia3,
    "adapter": _adapter,
    "prompt": _prompt,
    "ptuning": _ptuning,
    "prefix": _prefix,
}


# The tensors of a base ------------------------------------------------------------------------------------------------


def shapes(base: Base) -> Shapes:
    """Names and shapes of a base's tensors; nothing of one that nobody has described."""
    folder = Path(base.source) if base.source else None
    if folder and folder.is_dir():
        return _in_folder(str(folder), max((f.stat().st_mtime_ns for f in weight_files(folder)), default=0))
    return _usual(base) if base.width and base.layers else {}


@cache
def _in_folder(folder: str, stamp: int) -> Shapes:
    try:
        told = [header(file) for file in weight_files(Path(folder))]
    except (OSError, ModelError):
        return {}
    return {
        name: tuple(int(n) for n in tensor["shape"])
        for file in told
        for name, tensor in file.items()
        if name != "__metadata__" and str(tensor["dtype"]).startswith(("F", "BF"))
    }


def _usual(base: Base) -> Shapes:
    """The tensors that an architecture of this family usually has."""
    found: dict[str, tuple[int, ...]] = {"embeddings.weight": (base.vocabulary, base.width)}
    if base.family == "encoder-decoder":
        half = base.layers // 2
        _layers(found, base, "encoder.layers", half, attentions=1)
        _layers(found, base, "decoder.layers", base.layers - half, attentions=2)
    else:
        _layers(found, base, "layers", base.layers, attentions=1)
    return found


def _layers(found: dict[str, tuple[int, ...]], base: Base, prefix: str, count: int, attentions: int) -> None:
    width, inner = base.width, base.inner or 4 * base.width
    plain = base.architecture in GATED or base.architecture in ("t5", "mt5")  # no biases, norms without offset
    parts = [("key", width), ("value", width), ("query", width), ("out_proj", width)]
    fused = [("c_attn", 3 * width), ("c_proj", width)]
    for i in range(count):
        sizes: dict[str, tuple[int, int]] = {}
        for n in range(attentions):
            for part, wide in fused if base.architecture in inside.CONV1D else parts:
                sizes[f"attention{n}.{part}"] = (wide, width)
        for part in ("gate_proj", "up_proj") if base.architecture in GATED else ("fc1",):
            sizes[f"mlp.{part}"] = (inner, width)
        sizes["mlp.fc2"] = (width, inner)
        for name, (wide, deep) in sizes.items():
            turned = base.architecture in inside.CONV1D
            found[f"{prefix}.{i}.{name}.weight"] = (deep, wide) if turned else (wide, deep)
            if not plain:
                found[f"{prefix}.{i}.{name}.bias"] = (wide,)
        for n in range(attentions + 1):
            found[f"{prefix}.{i}.layernorm{n}.weight"] = (width,)
            if not plain:
                found[f"{prefix}.{i}.layernorm{n}.bias"] = (width,)
    found[f"{prefix}.layernorm.weight"] = (width,)
    if not plain:
        found[f"{prefix}.layernorm.bias"] = (width,)


def _width(tensors: Shapes) -> int:
    return max((shape[0] for name, shape in tensors.items() if len(shape) == 1 and inside.is_norm(name)), default=0)
