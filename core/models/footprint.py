"""How much memory learning takes, before anything is loaded: weights, gradients, the optimizer's memory, and what each step keeps.

Rough by nature: it serves to choose a base and a method, and `core.training.estimate` measures afterwards. What a layer keeps for the way back is
counted after Korthikanti et al. 2022 ("Reducing Activation Recomputation in Large Transformer Models", section 4), with figures that fit what torch
keeps for BERT, GPT-2, Llama, T5 and BART within a third, for ViT and ResNet within a factor of two; models without dropout use fused attention, which keeps no attention matrix.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from core.models.catalogue import Base
from core.models.counting import GATED, learning
from core.models.methods import CONVOLUTIONS
from core.training.settings import TrainingSettings

Precision = Literal["fp32", "bf16", "fp16"]
OPTIMIZER = {"adamw": 8, "adam": 8, "sgd": 4, "adafactor": 1}  # bytes for each weight that learns
LIBRARIES = 700 << 20  # the process itself, with torch loaded
WHOLE = ("full", "lpft", "contrastive")  # all weights learn
PATCH = 16  # pixels of an image that become one token


@dataclass(frozen=True)
class Footprint:
    """Bytes. `trained` counts the weights that learn."""

    weights: int
    gradients: int
    optimizer: int
    kept: int  # by each step for the way back
    trained: int

    @property
    def total(self) -> int:
        return self.weights + self.gradients + self.optimizer + self.kept + LIBRARIES


def footprint(
    base: Base,
    method: str,
    *,
    batch: int,
    length: int,
    precision: Precision = "fp32",
    optimizer: str = "adamw",
    lora_rank: int = 8,
    top_layers: int = 2,
    recompute: bool = False,
    copies: int = 1,
) -> Footprint | None:
    """Memory of learning with `method` on batches of `batch` texts of `length` tokens (images: of `length` pixels an edge).

    `recompute`: layers are computed again on the way back (gradient checkpointing). `copies`: models in memory; DPO with a reference
    of its own has 2. None for a base whose number of parameters nobody knows.
    """
    if base.kind == "classic" or not base.parameters:
        return None
    width, layers, inner = _shape(base)
    told = replace(base, width=width, layers=layers, inner=inner)
    heads = 0 if base.family in ("causal", "encoder-decoder") else 2
    learnt = learning(told, method, TrainingSettings(lora_rank=lora_rank, top_layers=top_layers), labels=heads)
    trained = base.parameters if method in WHOLE or learnt is None else learnt
    weights = 4 * base.parameters * copies + (
        2 * base.parameters if precision != "fp32" else 0
    )  # autocast keeps halved copies
    through = {"head": 0.0, "headsteps": 0.0, "top": min(1.0, top_layers / layers)}.get(
        method, 1.0
    )  # of the layers, that are kept for the way back
    tokens = batch * _tokens(base, length)
    number = 4 if precision == "fp32" else 2
    layer = tokens * (
        number * (12 * width + inner * (4 if base.architecture in GATED else 3)) + _attention(base, length)
    )
    kept = layers * tokens * number * width + layer if recompute else max(1.0, through * layers) * layer
    if (
        base.architecture in CONVOLUTIONS
    ):  # about one number a weight for each picture of 224 pixels (measured: ResNet-18 a half, ResNet-50 0.9)
        kept = max(0.1, through) * number * base.parameters * batch
    if base.family in (
        "causal",
        "encoder-decoder",
    ):  # what is said of each word of the vocabulary, its logarithm and its gradient
        kept += 3 * 4 * tokens * base.vocabulary
    return Footprint(weights, 4 * trained, OPTIMIZER.get(optimizer, 8) * trained, int(kept), trained)


def _attention(base: Base, length: int) -> int:
    """Bytes a token for the attention matrix of models with dropout on it (softmax, mask and product), with heads 64 wide."""
    return 0 if base.architecture in GATED else 9 * (_shape(base)[0] // 64) * _tokens(base, length)


def _shape(base: Base) -> tuple[int, int, int]:
    """Width, layers and inner width; guessed from the parameters where unknown (12 layers of width² a layer, 64 wide for each layer)."""
    if base.width and base.layers:
        return base.width, base.layers, base.inner or 4 * base.width
    layers = max(1, round((base.parameters / (12 * 64**2)) ** (1 / 3)))
    return 64 * layers, layers, 256 * layers


def _tokens(base: Base, length: int) -> int:
    if base.family != "image":
        return length
    return (min(length or 224, 224) // PATCH) ** 2 + 1  # processors bring pictures to 224 pixels
