"""Run folders by hand, as the contract of a run describes them, and what came out of them."""

from __future__ import annotations

import hashlib
import random
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from core.journal import read
from core.models.catalogue import Base, find
from core.training.settings import TrainingSettings
from core.workspace import write_json

ROOT = Path(__file__).resolve().parents[3]
GOOD = ["good", "great", "happy", "movie", "film", "is", "very", "the"]
BAD = ["bad", "awful", "sad", "movie", "film", "is", "very", "the"]


def opinions(count: int = 120, seed: int = 3) -> list[dict[str, str]]:
    """Little made-up texts of two labels, 60 : 20 : 20, that can nearly be told apart."""
    dice = random.Random(seed)
    rows = []
    for i in range(count):
        label = dice.choice(["good", "bad"])
        words = [dice.choice(GOOD if label == "good" else BAD) for _ in range(dice.randint(3, 12))]
        split = "train" if i % 5 < 3 else "validation" if i % 5 == 3 else "test"
        rows.append({"id": f"1:{i}", "text": " ".join(words), "label": label, "split": split})
    return rows


def write_run(
    folder: Path,
    base: str | Path | Base,
    phases: Sequence[Mapping[str, Any] | str],
    rows: Sequence[Mapping[str, str]] | None = None,
    *,
    threads: int = 1,
    labels: Sequence[str] | None = None,
    watched: Sequence[str] = (),
    **settings: Any,
) -> Path:
    """run.json and rows.arrow of a run that has not begun."""
    rows = opinions() if rows is None else rows
    known = base if isinstance(base, Base) else find(str(base))
    folder.mkdir(parents=True)
    names = list(labels or sorted({row["label"] for row in rows}))
    table = pa.table(
        {name: pa.array([row[name] for row in rows], pa.string()) for name in ("id", "text", "label", "split")}
    )
    with pa.OSFile(str(folder / "rows.arrow"), "wb") as sink, pa.ipc.new_file(sink, table.schema) as out:
        out.write_table(table)
    spec = {
        "format": 1,
        "id": folder.name,
        "name": folder.name,
        "task": "classification",
        "preset": "own",
        "base": known.as_json(),
        "settings": TrainingSettings(base=known.id, **settings).model_dump(),
        "phases": [{"method": p, "settings": {}, "fresh": False} if isinstance(p, str) else dict(p) for p in phases],
        "labels": {"names": names, "colours": list(range(len(names)))},
        "watched": list(watched),
        "threads": threads,
    }
    write_json(folder / "run.json", spec)
    return folder


def events(folder: Path, kind: str | None = None) -> list[dict[str, Any]]:
    """What the run has said, or only events of one kind."""
    return [line for line in read(folder / "events.jsonl")[0] if kind in (None, line["kind"])]


def last_events(folder: Path, kind: str) -> list[dict[str, Any]]:
    """Events of one kind as a reader of the whole log keeps them: without what a resume took back."""
    kept: list[dict[str, Any]] = []
    for line in events(folder):
        if line["kind"] == "resumed":
            kept = [e for e in kept if e["step"] <= line["step"]]
        if line["kind"] == kind:
            kept.append(line)
    return kept


def worker_process(folder: Path) -> subprocess.Popen[bytes]:
    """A worker in a process of its own, which a test may kill."""
    code = "import sys; from core.training.worker import worker; worker(sys.argv[1])"
    return subprocess.Popen([sys.executable, "-c", code, str(folder)], cwd=ROOT, stderr=subprocess.PIPE)


def tensors(folder: Path) -> dict[str, Any]:
    """Every tensor of the kept model, as numpy arrays."""
    from safetensors.numpy import load_file

    files = sorted((folder / "model").glob("*.safetensors"))
    found = {f"{file.name}/{name}": tensor for file in files for name, tensor in load_file(file).items()}
    assert found, f"{folder} has no kept model"
    return found


def weights(folder: Path) -> dict[str, str]:
    """Every tensor of the kept model, to the bit: as a digest, so that two of them are quickly compared also where they differ."""
    return {name: hashlib.sha256(tensor.tobytes()).hexdigest() for name, tensor in tensors(folder).items()}
