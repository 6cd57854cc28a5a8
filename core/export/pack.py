"""The model as one zip that anybody can run: model, tokenizer, labels, card, scores, curves, recipe and `predict.py`.

It is offered only after it was opened again: unpacked into an empty folder, asked in a fresh process by its own `predict.py`,
and found to answer as the run does. `read` tells what is there and needs no torch; `pack` does the work.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from core.errors import Cancelled, Missing, RunError
from core.export.card import base_name, card, upstream
from core.export.curves import curves
from core.export.recipe import recipe_text
from core.locks import FileLock
from core.training.runs import Run
from core.words import Message
from core.workspace import read_json, write_json, write_text

Progress = Callable[[int, int], None]
Stop = Callable[[], bool]
ASKED = 500  # texts on which the copy must agree
CLOSE = 1e-3  # how far a probability may be off: other batches pad differently
STANDALONE = Path(__file__).resolve().parent / "standalone"
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
        checked, equal = _compare(making, run_dir, Path(working), progress, cancelled)
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
    kind = "classic" if about["kind"] == "classic" else "encoder"
    shutil.copyfile(STANDALONE / f"{kind}.py", folder / "predict.py")
    write_json(folder / "labels.json", {"labels": list(about["labels"])})
    drawn = curves(view, language)
    if drawn:
        write_text(folder / "curves.svg", drawn)
    write_json(folder / "scores.json", _scores(run, report))
    name = title_of(run)
    settings = {**spec["settings"], "base": base_name(spec)}
    recipe = recipe_text(settings, preset=spec.get("preset"), phases=spec["phases"], name=name)
    write_text(folder / "recipe.yaml", recipe)
    told = card(
        spec, view, report, name=name, counts=_label_counts(run.folder), has_curves=bool(drawn), language=language
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
    if report:
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


def _label_counts(run_dir: Path) -> dict[str, int]:
    """Training texts of each label."""
    import pyarrow as pa

    with pa.memory_map(str(run_dir / "rows.arrow")) as source:
        table = pa.ipc.open_file(source).read_all()
    pairs = zip(table.column("label").to_pylist(), table.column("split").to_pylist(), strict=True)
    return dict(Counter(label for label, split in pairs if split == "train"))


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


# The check ----------------------------------------------------------------------------------------------------------

# Runs beside the copy's own predict.py, in a process that sees nothing of Hone (python -I: no PYTHONPATH, no own folder).
QUESTION = """
import importlib.util, json, sys
folder, questions, answers = sys.argv[1:]
spec = importlib.util.spec_from_file_location("predict", folder + "/predict.py")
predict = importlib.util.module_from_spec(spec)
spec.loader.exec_module(predict)
assert "core" not in sys.modules
texts = json.load(open(questions, encoding="utf-8"))
json.dump(predict.Model().predict(texts), open(answers, "w", encoding="utf-8"))
"""


def _compare(
    made: Path, run_dir: Path, working: Path, progress: Callable[[int], None], cancelled: Stop
) -> tuple[int, int]:
    """How many texts both were asked, and on how many they agree."""
    from core.inference import Predictor

    texts = _questions(run_dir)
    unpacked = working / "again"
    with zipfile.ZipFile(made) as archive:
        archive.extractall(unpacked)
    (home,) = unpacked.iterdir()
    _whole(home)
    write_text(working / "questions.json", json.dumps(texts))
    process = _fresh(home, working)
    try:
        predictor = Predictor.open(run_dir / "model", device="cpu")
        expected = predictor.probabilities(
            texts, lambda done, total: progress(40 + 50 * done // max(1, total)), cancelled
        )
        while process.poll() is None:
            _look(cancelled)
            time.sleep(0.05)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
    if process.returncode != 0:
        tail = (working / "log.txt").read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
        raise RunError(
            Message("The copy does not run in a fresh process: {why}", why=(tail or ["?"])[0][:300]),
            fix=Message("Try again; if it stays so, this is a fault of Hone."),
        )
    answers = json.loads((working / "answers.json").read_text(encoding="utf-8"))
    return len(texts), sum(
        _agree(answer, share, predictor.labels) for answer, share in zip(answers, expected, strict=True)
    )


def _agree(answer: Mapping[str, float], expected: Sequence[float], labels: Sequence[str]) -> bool:
    """The same label (or a tie) and every probability within `CLOSE`."""
    if set(answer) != set(labels):
        return False
    return all(abs(answer[label] - float(share)) <= CLOSE for label, share in zip(labels, expected, strict=True))


def _questions(run_dir: Path) -> list[str]:
    """Texts of the test split, spread over all of it; of other splits where it has none."""
    import pyarrow as pa

    with pa.memory_map(str(run_dir / "rows.arrow")) as source:
        table = pa.ipc.open_file(source).read_all()
    texts, splits = table.column("text").to_pylist(), table.column("split").to_pylist()
    for split in ("test", "validation", "train"):
        found = [text or "" for text, where in zip(texts, splits, strict=True) if where == split]
        if found:
            return found[:: -(-len(found) // ASKED)]
    return ["text"]


def _fresh(home: Path, working: Path) -> subprocess.Popen[bytes]:
    """A new interpreter in the copy's folder."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "HONE"))}
    environment |= {"CUDA_VISIBLE_DEVICES": "", "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    command = [sys.executable, "-I", "-X", "utf8", "-c", QUESTION]
    command += [str(home), str(working / "questions.json"), str(working / "answers.json")]
    with (working / "log.txt").open("wb") as log:
        return subprocess.Popen(
            command, cwd=home, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
        )


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
