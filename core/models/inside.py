"""What the layers of a network are for, told by the names transformers gives them. Knows nothing of torch: names and shapes are enough.

Used twice: by the ways to tune, which choose modules by their role, and by the count of weights that learn, which reads a file's header.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

Role = Literal["query", "key", "value", "fused", "attended", "inner", "outer"]
# query, key, value; `fused`: the three in one matrix; `attended`: what turns attention's findings back to the width of the layer; `inner`, `outer`: into
# and out of the wider middle of the feed-forward part.

NAMES: dict[Role, tuple[str, ...]] = {
    "query": ("query", "q_proj", "q_lin", "q", "query_proj"),
    "key": ("key", "k_proj", "k_lin", "k", "key_proj"),
    "value": ("value", "v_proj", "v_lin", "v", "value_proj"),
    "fused": ("c_attn", "query_key_value", "qkv", "Wqkv", "qkv_proj", "in_proj"),
}
ATTENDED = ("dense", "o_proj", "out_proj", "c_proj", "out_lin", "o", "Wo")
OUTER = ("down_proj", "fc2", "c_proj", "lin2", "wo", "Wo", "dense_4h_to_h", "w2", "ffn_output", "output")
NORMS = ("norm", "ln_", "layer_norm", "layernorm", "ln1", "ln2", "bn", "normalization")
UNUSED = "pooler"  # of encoders whose hidden states are read directly
LAST = ("lm_head", "classifier", "qa_outputs", "score", "embed_out")  # what stands on top of a base
FED = ("embed", "wte", "wpe", "shared", "relative_attention_bias", "position")  # tables of vectors, no layers
CONV1D = (
    "gpt2",
    "openai-gpt",
    "imagegpt",
    "decision_transformer",
)  # keep matrices the other way round: (inputs, outputs)


def role(name: str) -> Role | None:
    """The role of a linear layer by its full name; None for others (poolers, heads, gates beside the inner layer count as inner)."""
    parts = name.split(".")
    last = parts[-1]
    if set(parts) & {UNUSED, *LAST}:
        return None
    for found, names in NAMES.items():
        if last in names:
            return found
    if "att" in name.lower():
        return "attended" if last in ATTENDED else None
    if last in OUTER or (last == "dense" and parts[-2:-1] == ["output"]):
        return "outer"
    return "inner"


def is_linear(name: str, shape: tuple[int, ...]) -> bool:
    """Whether the tensor is the matrix of a linear layer inside the base."""
    told = name.lower()
    top = set(name.split(".")) & {UNUSED, *LAST}
    return len(shape) == 2 and name.endswith(".weight") and not top and not any(word in told for word in FED)


def is_bias(name: str) -> bool:
    return name.endswith(".bias") and UNUSED not in name.split(".")


def is_norm(name: str) -> bool:
    """Whether the tensor belongs to a normalisation: of a layer, of the root of squares, of a batch."""
    parent = name.lower().split(".")[-2:-1]
    return bool(parent) and any(word in parent[0] for word in NORMS) and UNUSED not in name.split(".")


def stack(names: Iterable[str]) -> str:
    """What comes before the number of a layer in the names of the largest stack ("encoder.layer."); "" where layers are not numbered."""
    found: dict[str, int] = {}
    for name in names:
        parts = name.split(".")
        places = [i for i, part in enumerate(parts) if part.isdigit()]
        if places:
            prefix = ".".join(parts[: places[0]]) + "."
            found[prefix] = found.get(prefix, 0) + 1
    return max(found, key=lambda prefix: found[prefix]) if found else ""


def layer_of(name: str, prefix: str) -> int | None:
    """The number of the layer a tensor belongs to, in the stack called `prefix`."""
    number = name[len(prefix) :].split(".")[0] if prefix and name.startswith(prefix) else ""
    return int(number) if number.isdigit() else None


def turned(architecture: str, shape: tuple[int, ...]) -> tuple[int, int]:
    """(inputs, outputs) of a linear layer's matrix."""
    a, b = shape
    return (a, b) if architecture in CONV1D else (b, a)


def linear(tensors: Mapping[str, tuple[int, ...]], architecture: str = "") -> dict[str, tuple[int, int]]:
    """(inputs, outputs) of every linear layer inside the base, by its name."""
    found = {name: shape for name, shape in tensors.items() if is_linear(name, shape)}
    return {name.removesuffix(".weight"): turned(architecture, shape) for name, shape in found.items()}
