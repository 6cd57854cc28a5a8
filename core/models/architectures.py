"""What a base can do, read from its files: its family from config.json, its size from the headers of its weights, its licence from its card.

Which architecture belongs to which family is what transformers itself says: the mapping names stand in one of its source files, which is
read as text. So nothing here imports torch or transformers, and no weight is loaded.
"""

from __future__ import annotations

import ast
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from core.errors import ModelError
from core.tasks.base import Family
from core.words import Message

FAMILIES: dict[Family, Message] = {
    "encoder": Message("reads texts"),
    "causal": Message("writes on from a text"),
    "encoder-decoder": Message("turns one text into another"),
    "image": Message("looks at pictures"),
}
MAPPINGS = {
    "masked": "MODEL_FOR_MASKED_LM_MAPPING_NAMES",
    "labels": "MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES",
    "causal": "MODEL_FOR_CAUSAL_LM_MAPPING_NAMES",
    "both": "MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES",
    "speech": "MODEL_FOR_SPEECH_SEQ_2_SEQ_MAPPING_NAMES",
    "image": "MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES",
}
LARGEST_HEADER = 100 << 20  # bytes of a safetensors header; the format itself allows no more
LARGEST_JSON = 64 << 20
LARGEST_CARD = 1 << 20


@dataclass(frozen=True)
class Shape:
    """Sizes from a config; 0 where it does not say. `layers` counts encoder and decoder together, `inner` is the feed-forward width."""

    width: int = 0
    layers: int = 0
    inner: int = 0
    vocabulary: int = 0
    longest: int = 0  # tokens; for images the edge in pixels


@dataclass(frozen=True)
class Card:
    """What a README says at its top."""

    licence: str = ""
    languages: tuple[str, ...] = ()


def family_of(config: Mapping[str, Any]) -> Family | None:
    """The family of a transformers config; None for one that Hone has no use for (speech, video, code of its own)."""
    kind = str(config.get("model_type") or "")
    named = [str(name) for name in config.get("architectures") or ()]
    if not kind or kind in mapped("speech"):
        return None
    if kind in mapped("both"):
        return None if "audio_config" in config or "vision_config" in config else "encoder-decoder"
    if kind in mapped("image") and kind not in mapped("masked"):
        return "image"
    if any(name.endswith(("ForCausalLM", "LMHeadModel")) for name in named) and kind in mapped("causal"):
        return "causal"
    if kind in mapped("masked"):
        return "image" if any("ForImageClassification" in name for name in named) else "encoder"
    if kind in mapped("causal"):
        return "causal"
    return "encoder" if kind in mapped("labels") and "vision_config" not in config else None


def shape_of(config: Mapping[str, Any]) -> Shape:
    """The sizes every architecture has, by whichever name it gives them. Of a model of several parts the text part counts."""
    config = {**config, **(config.get("text_config") if isinstance(config.get("text_config"), Mapping) else {})}  # type: ignore[dict-item]
    width = _first(config, "hidden_size", "d_model", "dim", "n_embd", "embed_dim")
    halves = _first(config, "encoder_layers") + _first(config, "decoder_layers")
    layers = halves or _first(config, "num_hidden_layers", "n_layers", "n_layer", "num_layers")
    if not halves and config.get("is_encoder_decoder"):
        layers += _first(config, "num_decoder_layers") or layers
    stages, widths = config.get("depths"), config.get("hidden_sizes")
    if not layers and isinstance(stages, Sequence):
        layers = sum(int(n) for n in stages)
    if isinstance(widths, Sequence) and widths and not width:
        width = int(widths[-1])
    inner = (
        _first(config, "intermediate_size", "ffn_dim", "encoder_ffn_dim", "d_ff", "hidden_dim", "n_inner") or 4 * width
    )
    return Shape(width, layers, inner, _first(config, "vocab_size"), longest(config))


def longest(config: Mapping[str, Any]) -> int:
    """Tokens the model reads at most (images: pixels of an edge). RoBERTa's kin reserve the first `pad_token_id + 1` of their positions."""
    if family_of(config) == "image":
        size = config.get("image_size") or 224
        sizes = size if isinstance(size, list) else [size]
        return max((int(n) for n in sizes if isinstance(n, int)), default=224)
    positions = _first(config, "max_position_embeddings", "n_positions", "max_sequence_length", "seq_length") or 512
    reserved = int(config.get("pad_token_id") or 0) + 1 if "roberta" in str(config.get("model_type")) else 0
    return positions - reserved


def read_config(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(_text(path, LARGEST_JSON))
    except ValueError as error:
        raise ModelError(Message("{path} is not readable as JSON.", path=str(path))) from error
    if not isinstance(value, dict):
        raise ModelError(Message("{path} is not readable as JSON.", path=str(path)))
    return value


def weight_files(folder: Path) -> list[Path]:
    """The files a model is loaded from: those its index names, else model.safetensors, else whatever safetensors there are."""
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        names = sorted({str(name) for name in read_config(index).get("weight_map", {}).values()})
        return [folder / name for name in names if "/" not in name and "\\" not in name and (folder / name).is_file()]
    whole = folder / "model.safetensors"
    return [whole] if whole.is_file() else sorted(folder.glob("*.safetensors"))


def weights(files: Sequence[Path]) -> tuple[int, int]:
    """Parameters and bytes of safetensors files, from their headers. ModelError for a file that is none."""
    parameters = 0
    for path in files:
        for name, tensor in header(path).items():
            if name != "__metadata__" and str(tensor["dtype"]).startswith(
                ("F", "BF")
            ):  # whole numbers are counters, not weights
                parameters += math.prod(tensor["shape"])
    return parameters, sum(path.stat().st_size for path in files)


def header(path: Path) -> dict[str, Any]:
    """The header of a safetensors file (8 bytes of length, then JSON), checked against the file's size."""
    size = path.stat().st_size
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if not 2 <= length <= min(LARGEST_HEADER, size - 8):
                raise ValueError(length)
            told = json.loads(file.read(length))
        ends = [int(t["data_offsets"][1]) for name, t in told.items() if name != "__metadata__"]
        if max(ends, default=0) != size - 8 - length or not all(
            isinstance(n, int) and n >= 0 for name, t in told.items() if name != "__metadata__" for n in t["shape"]
        ):
            raise ValueError(size)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise ModelError(
            Message("{file} is no whole safetensors file.", file=path.name),
            fix=Message("Fetch or save it again; a part of it may be missing."),
        ) from error
    return told


def card(folder: Path) -> Card:
    """Licence and languages from the front matter of README.md; empty where there is none."""
    import yaml

    path = folder / "README.md"
    if not path.is_file():
        return Card()
    text = _text(path, LARGEST_CARD, errors="replace")
    if not text.startswith("---"):
        return Card()
    try:
        told = yaml.safe_load(text[3:].split("\n---", 1)[0])
    except (yaml.YAMLError, RecursionError, ValueError):
        return Card()
    if not isinstance(told, Mapping):
        return Card()
    languages = told.get("language") or ()
    listed = [languages] if isinstance(languages, str) else languages if isinstance(languages, list) else []
    return Card(
        str(told.get("license_name") or told.get("license") or "")[:60], tuple(str(x)[:12] for x in listed[:100])
    )


def has_tokenizer(folder: Path) -> bool:
    return any((folder / name).is_file() for name in TOKENIZERS)


TOKENIZERS = (
    "tokenizer.json", "vocab.txt", "vocab.json", "sentencepiece.bpe.model", "spiece.model", "tokenizer.model", "source.spm",
)  # fmt: skip


@cache
def mapped(name: str) -> frozenset[str]:
    """The model types in one of transformers' own mappings, read from its source."""
    return _mappings().get(MAPPINGS[name], frozenset())


@cache
def _mappings() -> dict[str, frozenset[str]]:
    spec = find_spec("transformers")
    path = Path(spec.origin).parent / "models" / "auto" / "modeling_auto.py" if spec and spec.origin else None
    if path is None or not path.is_file():
        return {}
    found = {}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and isinstance(node.value, ast.Call):
            name = node.targets[0].id
            if name in MAPPINGS.values():
                found[name] = frozenset(str(pair[0]) for pair in ast.literal_eval(node.value.args[0]))
    return found


def _first(config: Mapping[str, Any], *names: str) -> int:
    return next((int(config[name]) for name in names if isinstance(config.get(name), int | float)), 0)


def _text(path: Path, most: int, errors: str = "strict") -> str:
    with path.open("rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise ModelError(Message("{file} is larger than any of its kind should be.", file=path.name))
    return data.decode("utf-8", errors)
