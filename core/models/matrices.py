"""Matrices added beside or into the linear layers of a base, by the library peft; in the end they are merged, so that nothing of peft is left.

Each way is a peft configuration. What is learnt can also be kept alone, in peft's own format (`save`, `load`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import ModelError
from core.models.heads import BARE
from core.models.inside import role
from core.models.parts import body_of, linear_names, only_head
from core.words import Message

if TYPE_CHECKING:
    import torch

    from core.models.heads import TextModel

NAME = "default"  # peft's name of an adapter that needs none
OUTER = "base_model.model."  # before every tensor of a file in peft's format


def add(how: str, model: TextModel, settings: Any) -> None:
    """Put the matrices of `how` (a name of CONFIGS) into the body; they and a new last layer learn."""
    from peft.mapping import PEFT_TYPE_TO_TUNER_MAPPING

    body = body_of(model)
    names = linear_names(body)
    if not names:
        raise ModelError(
            Message("This base has no linear layers that small matrices could stand beside."),
            fix=Message("Let all of it learn, or its upper layers."),
        )
    config = CONFIGS[how](settings, names, body)
    only_head(model)
    PEFT_TYPE_TO_TUNER_MAPPING[config.peft_type](body, config, NAME)


def merge(model: TextModel) -> None:
    """Work the matrices into the weights they stand beside, and take them away."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    for name, module in list(model.named_modules()):
        if isinstance(module, BaseTunerLayer):
            module.merge()
            parent, _, child = name.rpartition(".")
            setattr(model.get_submodule(parent), child, _whole(module.get_base_layer()))


def _lora(settings: Any, names: list[str], body: Any, **more: Any) -> Any:
    """Hu et al. 2021: a pair of small matrices beside each linear layer."""
    from peft import LoraConfig

    return LoraConfig(
        r=settings.lora_rank,
        lora_alpha=settings.lora_alpha,
        lora_dropout=settings.lora_dropout,
        target_modules=names,
        **more,
    )


def _adalora(settings: Any, names: list[str], body: Any) -> Any:
    """Zhang et al. 2023: three matrices like a singular value decomposition. It begins with half as many ranks again as are left in the end;
    which go is decided step by step in core.training.around.allocating, which knows the number of steps."""
    from peft import AdaLoraConfig

    final = settings.lora_rank
    return AdaLoraConfig(
        target_r=final,
        init_r=start_rank(final),
        lora_alpha=settings.lora_alpha,
        lora_dropout=settings.lora_dropout,
        target_modules=names,
        total_step=10,  # of no consequence here
        tinit=0,
        tfinal=0,
    )


def start_rank(final: int) -> int:
    """How many ranks AdaLoRA begins with: half as many again (Zhang et al. 2023, section 4.1)."""
    return max(final + 1, round(1.5 * final))


def _vera(settings: Any, names: list[str], body: Any) -> Any:
    """Kopiczko et al. 2024: one pair of fixed random matrices for all layers; only two vectors a layer learn."""
    from peft import VeraConfig

    return VeraConfig(
        r=settings.vera_rank, target_modules=names, vera_dropout=settings.lora_dropout, projection_prng_key=0,
        save_projection=False,
    )  # fmt: skip


def _loha(settings: Any, names: list[str], body: Any) -> Any:
    """Hyeon-Woo et al. 2022 (FedPara) as Yeh et al. 2024 (LyCORIS) have it: the product, place by place, of two pairs of small matrices."""
    from peft import LoHaConfig

    return LoHaConfig(r=settings.lora_rank, alpha=round(settings.lora_alpha), target_modules=names)


def _lokr(settings: Any, names: list[str], body: Any) -> Any:
    """Edalati et al. 2022 (KronA) as Yeh et al. 2024 (LyCORIS) have it: a Kronecker product of small matrices."""
    from peft import LoKrConfig

    return LoKrConfig(r=settings.lora_rank, alpha=round(settings.lora_alpha), target_modules=names)


def _oft(settings: Any, names: list[str], body: Any) -> Any:
    """Qiu et al. 2023: what goes into a layer is turned, block by block, and keeps its length."""
    from peft import OFTConfig

    widths = [body.get_submodule(name).weight.shape[1] for name in names]
    return OFTConfig(r=0, oft_block_size=block_size(settings.oft_block, widths), target_modules=names)


def block_size(wanted: int, widths: Iterable[int]) -> int:
    """The largest size up to `wanted` that divides all widths."""
    common = math.gcd(*widths)
    return max(size for size in range(1, min(wanted, common) + 1) if common % size == 0)


def _ia3(settings: Any, names: list[str], body: Any) -> Any:
    """Liu et al. 2022: keys, values and the middle of the feed-forward part are stretched or shrunk, number by number."""
    from peft import IA3Config

    scaled = [name for name in names if role(name) in ("key", "value", "fused", "outer")]
    if not scaled:
        raise ModelError(
            Message("This base does not show which of its layers are keys and values."),
            fix=Message("Use LoRA instead."),
        )
    return IA3Config(target_modules=scaled, feedforward_modules=[name for name in scaled if role(name) == "outer"])


CONFIGS: dict[str, Callable[[Any, list[str], Any], Any]] = {
    "lora": _lora,
    "rslora": lambda s, names, body: _lora(
        s, names, body, use_rslora=True
    ),  # Kalajdzievski 2023: divided by the root of the rank
    "dora": lambda s, names, body: _lora(
        s, names, body, use_dora=True
    ),  # Liu et al. 2024: direction by LoRA, length by itself
    "adalora": _adalora,
    "vera": _vera,
    "loha": _loha,
    "lokr": _lokr,
    "oft": _oft,
    "ia3": _ia3,
}


# Four bits ------------------------------------------------------------------------------------------------------------


def add_in_four_bits(model: TextModel, settings: Any) -> None:
    """Dettmers et al. 2023 (QLoRA): the linear layers are kept in four bits (NF4, doubly quantised), LoRA beside them. They shrink when the
    model is moved to the GPU."""
    import bitsandbytes as bnb
    import torch

    body = body_of(model)
    for name in linear_names(body):
        layer = body.get_submodule(name)
        if not isinstance(layer, torch.nn.Linear):
            continue
        small = bnb.nn.Linear4bit(
            layer.in_features, layer.out_features, bias=layer.bias is not None, compute_dtype=torch.float32,
            compress_statistics=True, quant_type="nf4",
        )  # fmt: skip
        small.weight = bnb.nn.Params4bit(
            layer.weight.data, requires_grad=False, quant_type="nf4", compress_statistics=True
        )
        small.bias = layer.bias
        parent, _, child = name.rpartition(".")
        setattr(body.get_submodule(parent), child, small)
    add("lora", model, settings)


def merge_four_bits(model: TextModel) -> None:
    """Widen the four bits again, the rounding kept (the matrices were learnt beside it), and merge the matrices into that."""
    import torch
    from peft.tuners.tuners_utils import BaseTunerLayer

    where = next(model.parameters()).device
    model.to("cuda")  # the rounding happens on the way there, if it has not yet
    for name, module in list(model.named_modules()):
        if isinstance(module, BaseTunerLayer):
            plain = _whole(module.get_base_layer())
            with torch.no_grad():
                plain.weight += module.get_delta_weight(NAME)  # type: ignore[attr-defined]
            parent, _, child = name.rpartition(".")
            setattr(model.get_submodule(parent), child, plain)
    model.to(where)


def _whole(layer: Any) -> Any:
    """A layer of the usual shape: as it is, or widened from four bits."""
    import torch

    if type(layer).__name__ != "Linear4bit":
        return layer
    import bitsandbytes as bnb

    plain = torch.nn.Linear(
        layer.in_features, layer.out_features, bias=layer.bias is not None, device=layer.weight.device
    )
    wide = bnb.functional.dequantize_4bit(layer.weight.data, layer.weight.quant_state)
    plain.weight = torch.nn.Parameter(wide.float())
    plain.bias = layer.bias
    return plain


# What is learnt, alone -------------------------------------------------------------------------------------------------


def save(model: TextModel, folder: Path, base: str) -> bool:
    """adapter_config.json and adapter_model.safetensors as peft writes them, for the body alone. False where peft added nothing.

    `base` is the name somebody else finds the base by.
    """
    from peft import get_peft_model_state_dict
    from safetensors.torch import save_file

    body = body_of(model)
    config = getattr(body, "peft_config", {}).get(NAME)
    if config is None:
        return False
    config.base_model_name_or_path = base
    config.inference_mode = True
    config.save_pretrained(folder)
    learnt = get_peft_model_state_dict(body, adapter_name=NAME, save_embedding_layers=False)
    before = OUTER + _within(model)
    save_file(
        {before + name: tensor.detach().cpu().clone().contiguous() for name, tensor in learnt.items()},
        folder / "adapter_model.safetensors",
    )
    return True


def load(model: TextModel, folder: Path) -> None:
    """Put a file of peft's format into a prepared model."""
    from peft import set_peft_model_state_dict
    from safetensors.torch import load_file

    before = OUTER + _within(model)
    found: dict[str, torch.Tensor] = load_file(folder / "adapter_model.safetensors")
    set_peft_model_state_dict(body_of(model), {name.removeprefix(before): t for name, t in found.items()}, NAME)


def _within(model: TextModel) -> str:
    """Where the body stands in what transformers would open for this model."""
    prefix = "" if model.kind in BARE else str(model.body.base_model_prefix)
    return f"{prefix}." if prefix and hasattr(model.body, prefix) else ""
