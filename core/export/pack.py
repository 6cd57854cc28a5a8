"""The model as one zip that anybody can run: model, tokenizer, labels, card, scores, curves, recipe and `predict.py`.

It is offered only after it was opened again: unpacked into an empty folder, asked in a fresh process by its own `predict.py`,
and found to answer as the run does. `read` tells what is there and needs no torch; `pack` does the work.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from core import tasks
from core.data.values import decode, kind
from core.errors import Cancelled, Missing, RunError
from core.export.card import base_name, card, upstream
from core.export.checking import compare
from core.export.curves import curves
from core.export.program import add_program
from core.export.recipe import recipe_of
from core.locks import FileLock
from core.tasks.base import Task
from core.training.runs import Run
from core.words import Message
from core.workspace import read_json, write_json, write_text

Progress = Callable[[int, int], None]
Stop = Callable[[], bool]
STORED = (".safetensors",)  # does not shrink, so it is not compressed
RECORD = "export.json"


def pack(
    run_dir: Path | str,
    progress: Progress = lambda done, total: None,
    cancelled: Stop = lambda: False,
    *,
    language: str = "en",
) -> dict[str, Any]:
    """Make the zip, open it again in a fresh process and compare. -> {"zip": path, "size", "checked", "equal", "files", "sha256"}.

    Writes the report first when there is none. Raises RunError, and leaves no zip, when the copy answers differently.
    """
    run_dir = Path(run_dir)
    if not (run_dir / "model" / "hone.json").is_file():
        raise Missing(Message("This run has no model yet."), fix=Message("Wait until it has finished."))
    folder = run_dir / "export"
    lock = FileLock(folder / "export.lock")
    while not lock.acquire(wait=0.2):
        _look(cancelled)
    try:
        done = read(run_dir)
        if done and done["language"] == language:
            return done
        report = _report(run_dir, lambda d, t: progress(50 * d // max(1, t), 100), cancelled)
        return _packed(run_dir, folder, report, lambda d: progress(50 + d // 2, 100), cancelled, language)
    finally:
        lock.release()


def pack_learnt(run_dir: Path) -> Path:
    """A zip of adapter/, which holds only what the run has learnt; made anew where the run has been saved since."""
    source = run_dir / "adapter"
    if not (source / "hone.json").is_file():
        raise Missing(Message("All of this model was learnt, so there is nothing smaller to take away."))
    target = run_dir / "export" / f"{slug(title_of(Run(run_dir)))}-learnt.zip"
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".packing-") as working:
        inside = Path(working) / "inside"
        _copy_model(source, inside, read_json(source / "hone.json"))
        _zip(inside, Path(working) / "made.zip", target.stem, lambda: False)
        (Path(working) / "made.zip").replace(target)
    return target


def read(run_dir: Path | str) -> dict[str, Any] | None:
    """What `pack` said, while the zip is there and the model is still the one in it."""
    run_dir = Path(run_dir)
    try:
        told = read_json(run_dir / "export" / RECORD)
        same = told["model_stamp"] == (run_dir / "model" / "hone.json").stat().st_mtime_ns
    except (OSError, ValueError, KeyError):
        return None
    path = run_dir / "export" / told["zip"]
    return {**told, "zip": str(path)} if same and path.is_file() else None


def _packed(
    run_dir: Path,
    folder: Path,
    report: Mapping[str, Any] | None,
    progress: Callable[[int], None],
    cancelled: Stop,
    language: str,
) -> dict[str, Any]:
    run = Run(run_dir)
    stamp = (run.model / "hone.json").stat().st_mtime_ns
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".packing-") as working:
        inside = Path(working) / "inside"
        inside.mkdir()
        _fill(inside, run, report, language)
        manifest = _manifest(inside)
        progress(15)
        _look(cancelled)
        making = Path(working) / "made.zip"
        _zip(inside, making, slug(title_of(run)), cancelled)
        shutil.rmtree(inside)
        progress(40)
        asked = lambda share: progress(40 + share // 2)  # noqa: E731
        checked, equal = compare(making, run_dir, Path(working), asked, cancelled, _whole)
        if equal < checked:
            raise RunError(
                Message(
                    "The copy answered {n} of {m} texts differently, so it is not offered.",
                    n=checked - equal,
                    m=checked,
                ),
                fix=Message(
                    "Try again. If it happens twice, the versions of torch and transformers may differ between runs."
                ),
            )
        for old in folder.glob("*.zip"):
            old.unlink()
        target = folder / f"{slug(title_of(run))}.zip"
        making.replace(target)
    told = {
        "zip": target.name,
        "size": target.stat().st_size,
        "checked": checked,
        "equal": equal,
        "files": len(manifest["files"]),
        "sha256": _sha256(target),
        "model_stamp": stamp,
        "language": language,
        "made": time.time(),
    }
    write_json(folder / RECORD, told)
    progress(100)
    return {**told, "zip": str(target)}


# What is inside -----------------------------------------------------------------------------------------------------


def _fill(folder: Path, run: Run, report: Mapping[str, Any] | None, language: str) -> None:
    spec, view = run.spec, run.view()
    about = read_json(run.model / "hone.json")
    _copy_model(run.model, folder / "model", about)
    task = tasks.task(spec["task"])
    parts = add_program(folder, task, about)
    if spec["labels"]["names"]:
        write_json(folder / "labels.json", {"labels": list(about["labels"])})
    drawn = curves(view, language)
    if drawn:
        write_text(folder / "curves.svg", drawn)
    write_json(folder / "scores.json", _scores(run, report))
    name = title_of(run)
    settings = {**spec["settings"], "base": base_name(spec)}
    write_text(folder / "recipe.yaml", recipe_of(spec, name=name, settings=settings))
    told = card(
        spec,
        view,
        report,
        name=name,
        counts=_label_counts(run.folder, task),
        has_curves=bool(drawn),
        about=about,
        parts=bool(parts),
        language=language,
    )
    write_text(folder / "README.md", told)


def _copy_model(source: Path, target: Path, about: Mapping[str, Any]) -> None:
    """The model's folder without what only this machine knows: paths to the base and to itself."""
    shutil.copytree(source, target, ignore=shutil.ignore_patterns(".*", "*.lock"))
    about = {k: v for k, v in about.items() if k != "base"}
    if "base_id" in about:
        about["base_id"] = upstream({"base": {"id": about["base_id"]}})
    write_json(target / "hone.json", about)
    for name in ("config.json", "tokenizer_config.json"):
        path = target / name
        if path.is_file():
            told = read_json(path)
            cleaned = {k: v for k, v in told.items() if k not in ("_name_or_path", "name_or_path")}
            if cleaned != told:
                write_json(path, cleaned)


def _scores(run: Run, report: Mapping[str, Any] | None) -> dict[str, Any]:
    view = run.view()
    told: dict[str, Any] = {"validation": dict(view.scores), "best_step": view.best_step, "steps": view.step}
    if report and report.get("kind") == "measures":
        told["asked_on"] = {key: report[key] for key in ("task", "split", "total", "main")}
        told["scores"] = {score["name"]: score["value"] for score in report["scores"]}
        ready = [row for row in report["contenders"] if row["state"] == "ready"]
        told["contenders"] = [{k: v for k, v in row.items() if k not in ("title", "detail")} for row in ready]
    elif report:
        keys = ("split", "total", "correct", "accuracy", "macro_f1", "labels", "confusion")
        told["asked_on"] = {key: report[key] for key in keys}
        words = ("title", "detail")
        told["per_label"] = report["per_label"]
        told["averages"] = [{k: v for k, v in row.items() if k not in words} for row in report["averages"]]
        told["contenders"] = [
            {k: v for k, v in row.items() if k not in words} for row in report["contenders"] if row["state"] == "ready"
        ]
        told["changes"] = {k: v for k, v in (report["changes"] or {}).items() if k != "luck"}
    return told


def _label_counts(run_dir: Path, task: Task) -> dict[str, int]:
    """How many training rows carry each label."""
    import pyarrow as pa

    target = next((column for column in task.columns if column.target), None)
    if target is None:
        return {}
    with pa.memory_map(str(run_dir / "rows.arrow")) as source:
        table = pa.ipc.open_file(source).read_all()
    names = kind(target.kind).names
    counted: Counter[str] = Counter()
    for cell, split in zip(table.column(target.role).to_pylist(), table.column("split").to_pylist(), strict=True):
        if split == "train" and cell is not None:
            counted.update(set(names(decode(target.kind, cell))))
    return dict(counted)


def _manifest(folder: Path) -> dict[str, Any]:
    files = [p for p in sorted(folder.rglob("*")) if p.is_file()]
    listed = {str(p.relative_to(folder).as_posix()): {"size": p.stat().st_size, "sha256": _sha256(p)} for p in files}
    manifest = {"format": 1, "files": listed}
    write_json(folder / "MANIFEST.json", manifest)
    return manifest


def _zip(folder: Path, target: Path, name: str, cancelled: Stop) -> None:
    """One folder inside, so that unpacking scatters nothing."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for path in sorted(folder.rglob("*")):
            _look(cancelled)
            if path.is_file():
                told = zipfile.ZipInfo.from_file(path, f"{name}/{path.relative_to(folder).as_posix()}")
                told.external_attr = 0o100644 << 16
                told.compress_type = zipfile.ZIP_STORED if path.suffix in STORED else zipfile.ZIP_DEFLATED
                with path.open("rb") as source, archive.open(told, "w", force_zip64=True) as target_file:
                    shutil.copyfileobj(source, target_file, 1 << 20)


def _whole(home: Path) -> None:
    """Every file of the manifest is there as it was."""
    for name, told in read_json(home / "MANIFEST.json")["files"].items():
        if _sha256(home / name) != told["sha256"]:
            raise RunError(Message("{file} changed while it was packed.", file=name), fix=Message("Try again."))


# Small things -------------------------------------------------------------------------------------------------------


def title_of(run: Run) -> str:
    """The project's name and the run's, as far as there are any."""
    try:
        project = str(read_json(run.folder.parent.parent / "project.json")["name"])
    except (OSError, ValueError, KeyError):
        project = ""
    return f"{project} · {run.name}" if project else run.name


def slug(name: str) -> str:
    """A file name from a run's name: letters of any script, digits and dashes."""
    return re.sub(r"[^\w.-]+", "-", name).strip("-._")[:60] or "model"


def _report(run_dir: Path, progress: Progress, cancelled: Stop) -> dict[str, Any] | None:
    from core.evaluation import report as reports

    report = reports.read(run_dir)
    if report and report["done"]:
        return report
    try:
        return reports.make(run_dir, progress, cancelled)
    except RunError:  # nothing was kept aside; the card says so
        return None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _look(cancelled: Stop) -> None:
    if cancelled():
        raise Cancelled
