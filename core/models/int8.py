"""A model in whole numbers: the weights of its matrices as int8 with one scale an output, those of its word vectors with one scale a word.

A quarter of the file, and on a processor quicker: what goes into a matrix is rounded to eight bits while it is computed (dynamic quantization;
Jacob et al. 2018, as PyTorch's quantize_dynamic does it, and by the same kernels). On a GPU the weights are unfolded, which saves no time.

<model>/int8.safetensors    in the place of model.safetensors; hone.json says {"numbers": "int8"}; no pickle
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from core.models.heads import BARE, Apart, Placed, Pooled, Standard, TextModel, Whole

FILE = "int8.safetensors"
MOST = 127


def quantize(model: TextModel) -> int:
    """Every matrix and every table of vectors of the body in whole numbers, in place; the last layer stays as it is. Returns how many were changed."""
    last = {id(model.head)}
    changed = 0
    for module in list(model.modules()):
        for name, child in module.named_children():
            if id(child) in last:
                continue
            if type(child) is nn.Linear:
                setattr(module, name, Matrix.of(child))
            elif type(child) is nn.Embedding:
                setattr(module, name, Vectors.of(child))
            else:
                continue
            changed += 1
    return changed


def rounded(weight: Tensor) -> tuple[Tensor, Tensor]:
    """int8 (rows, columns) and the scale of each row (rows,), by which weight is about int8 times scale."""
    weight = weight.detach().float()
    scale = weight.abs().amax(dim=1).clamp(min=1e-12) / MOST
    return (weight / scale[:, None]).round().clamp(-MOST, MOST).to(torch.int8), scale


class Matrix(nn.Module):
    """Stands in for nn.Linear."""

    numbers: Tensor
    scale: Tensor
    bias: Tensor | None

    def __init__(self, outputs: int, inputs: int, bias: bool):
        super().__init__()
        self.in_features, self.out_features = inputs, outputs
        self.register_buffer("numbers", torch.zeros(outputs, inputs, dtype=torch.int8))
        self.register_buffer("scale", torch.ones(outputs))
        self.register_buffer("bias", torch.zeros(outputs) if bias else None)
        self._packed: Any = None

    @staticmethod
    def of(linear: nn.Linear) -> Matrix:
        made = Matrix(linear.out_features, linear.in_features, linear.bias is not None)
        made.numbers, made.scale = rounded(linear.weight)
        made.bias = None if linear.bias is None else linear.bias.detach().float().clone()
        return made

    @property
    def weight(self) -> Tensor:
        """About what it was, (outputs, inputs) in fp32; architectures look at its kind."""
        return self.numbers.float() * self.scale[:, None]

    def forward(self, inputs: Tensor) -> Tensor:
        if inputs.is_cuda or not _has_kernels():
            return functional.linear(inputs, self.weight.to(inputs.dtype), self.bias)
        if self._packed is None:
            self._packed = _packed(self.numbers, self.scale, self.bias)
        return torch.ops.quantized.linear_dynamic(inputs.float(), self._packed, reduce_range=True)


class Vectors(nn.Module):
    """Stands in for nn.Embedding."""

    numbers: Tensor
    scale: Tensor

    def __init__(self, count: int, width: int):
        super().__init__()
        self.num_embeddings, self.embedding_dim = count, width
        self.register_buffer("numbers", torch.zeros(count, width, dtype=torch.int8))
        self.register_buffer("scale", torch.ones(count))

    @staticmethod
    def of(table: nn.Embedding) -> Vectors:
        made = Vectors(table.num_embeddings, table.embedding_dim)
        made.numbers, made.scale = rounded(table.weight)
        return made

    @property
    def weight(self) -> Tensor:
        return self.numbers.float() * self.scale[:, None]

    def forward(self, ids: Tensor) -> Tensor:
        return self.numbers[ids].float() * self.scale[ids][..., None]


def save(model: TextModel, folder: Path) -> None:
    """What `load` reads, beside the tokenizer: config.json and int8.safetensors."""
    from safetensors.torch import save_file

    body: Any = model.body
    body.config.save_pretrained(folder)
    save_file({name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}, folder / FILE)


def load(folder: Path, about: dict[str, Any]) -> TextModel:
    """The module of a folder that `save` wrote, in eval mode."""
    from safetensors.torch import load_file
    from transformers import AutoConfig

    model = _shaped(AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False), about)
    quantize(model)
    model.load_state_dict(load_file(folder / FILE))
    return model.eval()


def _shaped(config: Any, about: dict[str, Any]) -> TextModel:
    """A model of the right shape whose weights say nothing yet."""
    import transformers

    from core.models.loading import ARCHITECTURES, quiet

    quiet()
    labels, kind = len(about["labels"]), about["kind"]
    if kind not in BARE:
        architecture = about.get("architecture", "sequence-classification")
        body = getattr(transformers, ARCHITECTURES[architecture]).from_config(config)
        return Whole(body, architecture) if "architecture" in about else Standard(body, labels)
    body = transformers.AutoModel.from_config(config)
    body = body.get_encoder() if config.is_encoder_decoder else body
    if kind == "placed":
        return Placed(body, labels, 0.0, about["places"])
    return Apart(body, labels, 0.0, about["join"]) if kind == "apart" else Pooled(body, labels, 0.0)


def _has_kernels() -> bool:
    return "none" not in torch.backends.quantized.engine and hasattr(torch.ops.quantized, "linear_dynamic")


def _packed(numbers: Tensor, scale: Tensor, bias: Tensor | None) -> Any:
    """The weights as the processor's kernels want them."""
    with (
        warnings.catch_warnings()
    ):  # PyTorch 2.13 says that quantized tensors will go some day; the kernels take nothing else
        warnings.simplefilter("ignore")
        zero = torch.zeros(len(scale), dtype=torch.long)
        tensor = torch._make_per_channel_quantized_tensor(numbers, scale.double(), zero, 0)
        return torch.ops.quantized.linear_prepack(tensor, bias)
