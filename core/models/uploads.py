"""A zip of a model becomes a folder that can be a base. Only weights as safetensors, their configuration and tokenizer are taken.

Each upload has a folder of its own under `uploads` (a folder of the workspace), under a name made here: no name out of the archive is
a path. Python, pickles and everything else that could run stays in the zip.
"""

from __future__ import annotations

import shutil
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from core.errors import Cancelled, ModelError
from core.models.architectures import LARGEST_JSON, family_of, has_tokenizer, read_config, weight_files, weights
from core.models.catalogue import UPLOADED, Base, find
from core.words import Message
from core.workspace import inside, new_id, write_json

MAX_BYTES = 16 << 30  # unpacked
MAX_ENTRIES = 10_000
PIECE = 1 << 20
TAKEN = frozenset((
    "config.json", "generation_config.json", "model.safetensors.index.json", "tokenizer.json", "tokenizer_config.json",
    "special_tokens_map.json", "added_tokens.json", "vocab.txt", "vocab.json", "merges.txt", "spiece.model", "sentencepiece.bpe.model",
    "tokenizer.model", "source.spm", "target.spm", "chat_template.jinja", "chat_template.json", "preprocessor_config.json",
    "processor_config.json", "README.md",
))  # fmt: skip


@dataclass(frozen=True)
class _Entry:
    """A file worth taking: its plain name, and where it lies in the archive."""

    name: str
    info: zipfile.ZipInfo


def add(
    archive: Path,
    name: str,
    uploads: Path,
    *,
    progress: Callable[[int, int], None] = lambda done, total: None,
    cancelled: Callable[[], bool] = lambda: False,
    most_bytes: int = MAX_BYTES,
) -> Base:
    """Unpack a model. ModelError with what is missing or wrong; then nothing stays behind. Progress counts bytes."""
    uploads.mkdir(parents=True, exist_ok=True)
    id = new_id("model")
    new, folder = uploads / f".{id}", uploads / id
    new.mkdir()
    try:
        with zipfile.ZipFile(archive) as opened:
            _unpack(opened, new, progress, cancelled, most_bytes)
        _check(new)
        write_json(new / "upload.json", {"format": 1, "name": PurePosixPath(name.replace("\\", "/")).stem[:80] or id})
        new.rename(folder)
    except (zipfile.BadZipFile, zlib.error, EOFError, UnicodeError, NotImplementedError) as error:
        raise ModelError(
            Message("{file} is damaged: it breaks off or cannot be unpacked.", file=name),
            fix=Message("Save it again and drop it here again. Nothing was changed."),
        ) from error
    except RuntimeError as error:
        raise ModelError(
            Message("{file} is locked with a password.", file=name), fix=Message("Save the zip without one.")
        ) from error
    finally:
        shutil.rmtree(new, ignore_errors=True)
    return find(UPLOADED + id, uploads)


def adopt(model: Path, name: str, uploads: Path) -> Base:
    """The model of a finished run becomes a base to go on from (adapted to a field first, then tuned). Its own last layer stays behind."""
    files = [p for p in model.iterdir() if _is_taken(p.name) and p.name != "head.safetensors"] if model.is_dir() else []
    if not any(p.name == "config.json" for p in files):
        raise ModelError(
            Message("This model cannot be a base: it counts words."), fix=Message("Choose a run that tuned a network.")
        )
    if (model / "added.safetensors").is_file():
        raise ModelError(
            Message("This model keeps what it learnt beside its own weights, so no other run can begin from it."),
            fix=Message("Begin from its base, or tune the earlier run in a way that is merged, such as LoRA."),
        )
    uploads.mkdir(parents=True, exist_ok=True)
    id = new_id("model")
    new = uploads / f".{id}"
    new.mkdir()
    try:
        for path in files:
            shutil.copyfile(path, new / path.name)
        _check(new)
        write_json(new / "upload.json", {"format": 1, "name": name[:80], "from": "run"})
        new.rename(uploads / id)
    finally:
        shutil.rmtree(new, ignore_errors=True)
    return find(UPLOADED + id, uploads)


def listed(uploads: Path) -> list[Base]:
    """The uploaded bases, the newest last."""
    folders = sorted(p for p in uploads.glob("model-*") if (p / "config.json").is_file()) if uploads.is_dir() else []
    return [find(UPLOADED + folder.name, uploads) for folder in folders]


def remove(uploads: Path, id: str) -> None:
    """Let go of an uploaded base. Finished runs have a model of their own; only runs that wait or are to go on need it."""
    shutil.rmtree(inside(uploads, id.removeprefix(UPLOADED)))


def _unpack(
    opened: zipfile.ZipFile,
    folder: Path,
    progress: Callable[[int, int], None],
    cancelled: Callable[[], bool],
    most_bytes: int,
) -> None:
    entries = _entries(opened)
    total, done = sum(entry.info.file_size for entry in entries), 0
    if total > most_bytes:
        raise _too_large(most_bytes)
    for entry in entries:
        limit = most_bytes - done if entry.name.endswith(".safetensors") else min(LARGEST_JSON, most_bytes - done)
        written = 0
        with opened.open(entry.info) as source, (folder / entry.name).open("wb") as target:
            while piece := _read(source, cancelled):
                written += len(piece)
                if written > limit:  # what is really there counts, not what the archive's list says
                    raise _too_large(most_bytes)
                target.write(piece)
                progress(done + written, max(total, done + written))
        done += written


def _read(source: IO[bytes], cancelled: Callable[[], bool]) -> bytes:
    if cancelled():
        raise Cancelled
    return source.read(PIECE)


def _entries(opened: zipfile.ZipFile) -> list[_Entry]:
    """The files beside the config.json that lies highest; of these only the known names and safetensors."""
    infos = opened.infolist()
    if len(infos) > MAX_ENTRIES:
        raise ModelError(
            Message("This zip holds {n:,} files; a model has a dozen.", n=len(infos)),
            fix=Message("Zip only the model's own folder."),
        )
    places = [(PurePosixPath(info.filename.replace("\\", "/")), info) for info in infos if not info.is_dir()]
    homes = [path.parent for path, _ in places if path.name == "config.json" and "__MACOSX" not in path.parts]
    if not homes:
        raise ModelError(
            Message("This zip holds no config.json, so it is no model."),
            fix=Message("Zip a folder with config.json, model.safetensors and a tokenizer."),
        )
    home = min(homes, key=lambda path: (len(path.parts), str(path)))
    wanted = [_Entry(path.name, info) for path, info in places if path.parent == home and _is_taken(path.name)]
    return list({entry.name: entry for entry in wanted}.values())


def _is_taken(name: str) -> bool:
    return name in TAKEN or (name.endswith(".safetensors") and not name.startswith((".", "adapter_")))


def _check(folder: Path) -> None:
    """A base that transformers can open: weights that are whole, a known architecture, a tokenizer."""
    files = weight_files(folder)
    if not files:
        raise ModelError(
            Message("This zip has no weights as safetensors."),
            fix=Message(
                "Only safetensors are opened, because older formats can hide programs. Convert the model first."
            ),
        )
    weights(files)
    config = read_config(folder / "config.json")
    family = family_of(config)
    if family is None:
        kind = str(config.get("model_type") or "?")[:60]
        raise ModelError(
            Message("This model is of the kind “{kind}”, which Hone has no use for.", kind=kind),
            fix=Message("Choose a model of texts or pictures that transformers knows, without code of its own."),
        )
    if family != "image" and not has_tokenizer(folder):
        raise ModelError(
            Message("This zip has no tokenizer."),
            fix=Message("Zip a folder with config.json, model.safetensors and a tokenizer."),
        )


def _too_large(most: int) -> ModelError:
    return ModelError(
        Message("Unpacked, this zip is larger than {n:,} MB.", n=most >> 20), fix=Message("Choose a smaller model.")
    )
