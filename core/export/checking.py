"""The check of a copy: unpacked, asked in a fresh process by its own `predict.py`, compared with the run's own answers.

The process sees nothing of Hone and none of the packages that Hone needs besides torch and transformers.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from core import tasks
from core.data.images import placed
from core.data.values import decode
from core.errors import Cancelled, RunError
from core.tasks.base import Task, asked
from core.words import Message
from core.workspace import read_json, write_text

Stop = Callable[[], bool]
ASKED = 500  # rows on which the copy must agree
WRITTEN = 24  # where the model writes texts, which takes long
CLOSE = 1e-3  # how far a probability may be off: other batches pad differently

# What Hone needs and a copy must not; counted words need scipy where a task asks for more than one text and one row of outputs.
ABSENT = ("psutil", "pyarrow", "pydantic", "sklearn", "scipy", "datasets", "gradio")

# Runs beside the copy's own predict.py (python -I: no PYTHONPATH, no own folder).
QUESTION = """
import importlib.util, inspect, json, sys
folder, questions, answers, absent = sys.argv[1:]
for name in absent.split(","):
    sys.modules[name] = None  # as if it were not installed
spec = importlib.util.spec_from_file_location("predict", folder + "/predict.py")
predict = importlib.util.module_from_spec(spec)
spec.loader.exec_module(predict)
assert "core" not in sys.modules
rows = json.load(open(questions, encoding="utf-8"))
where = {"device": "cpu"} if "device" in inspect.signature(predict.Model).parameters else {}
json.dump(predict.Model(**where).predict(rows), open(answers, "w", encoding="utf-8"))
"""


def compare(
    made: Path,
    run_dir: Path,
    working: Path,
    progress: Callable[[int], None],
    cancelled: Stop,
    whole: Callable[..., None],
) -> tuple[int, int]:
    """How many rows both were asked, and on how many they agree. `whole` checks the unpacked folder first; `progress` counts to 100."""
    from core.inference import Predictor

    rows = questions(run_dir)
    unpacked = working / "again"
    with zipfile.ZipFile(made) as archive:
        archive.extractall(unpacked)
    (home,) = unpacked.iterdir()
    whole(home)
    write_text(working / "questions.json", json.dumps(rows))
    process = _fresh(home, working)
    try:
        predictor = Predictor.open(run_dir / "model", device="cpu")
        expected = predictor.predict(rows, lambda done, total: progress(100 * done // max(1, total)), cancelled)
        while process.poll() is None:
            if cancelled():
                raise Cancelled
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
    pairs = zip(answers, expected, strict=True)
    return len(rows), sum(agree(answer, json.loads(json.dumps(right.as_json()))) for answer, right in pairs)


def agree(answer: Any, right: Any, close: float = CLOSE) -> bool:
    """The same words, and numbers within `close` (of large ones, within that share). Where two labels are as probable as each other, or a
    label just at its threshold, either will do."""
    if isinstance(right, Mapping):
        loose = _undecided(right, close)
        return (
            isinstance(answer, Mapping)
            and set(answer) == set(right)
            and all(agree(answer[key], value, close) for key, value in right.items() if key not in loose)
        )
    if isinstance(right, list):
        return (
            isinstance(answer, list)
            and len(answer) == len(right)
            and all(agree(a, r, close) for a, r in zip(answer, right, strict=True))
        )
    if isinstance(right, float) and isinstance(answer, int | float):
        return math.isclose(answer, right, rel_tol=close, abs_tol=close) or (answer != answer and right != right)
    return type(answer) is type(right) and answer == right


def _undecided(right: Mapping[str, Any], close: float) -> tuple[str, ...]:
    """Keys of an answer that rest on a hair."""
    shares = right.get("probabilities") or {}
    if right.get("kind") == "label_scores":
        return ("label",) if sum(share >= shares[right["label"]] - 2 * close for share in shares.values()) > 1 else ()
    if right.get("kind") == "label_set":
        limits = right["thresholds"]
        return ("labels",) if any(abs(share - limits.get(name, 0.5)) <= close for name, share in shares.items()) else ()
    return ()


def questions(run_dir: Path) -> list[dict[str, Any]]:
    """Inputs of rows of the test split, spread over all of it; of other splits where it has none."""
    import pyarrow as pa

    task: Task = tasks.task(read_json(run_dir / "run.json")["task"])
    with pa.memory_map(str(run_dir / "rows.arrow")) as source:
        table = pa.ipc.open_file(source).read_all()
    splits = table.column("split").to_pylist()
    most = WRITTEN if task.prediction == "text" else ASKED
    for split in ("test", "validation", "train"):
        places = [i for i, where in enumerate(splits) if where == split]
        if places:
            rows = table.take(places[:: -(-len(places) // most)]).to_pylist()
            placed(rows, task.columns, run_dir / "files")
            return [_inputs(task, row) for row in rows]
    return []


def _inputs(task: Task, row: Mapping[str, Any]) -> dict[str, Any]:
    found = {c.role: decode(c.kind, row.get(c.role)) for c in asked(task)}
    return {role: value for role, value in found.items() if value is not None}


def _fresh(home: Path, working: Path) -> subprocess.Popen[bytes]:
    """A new interpreter in the copy's folder."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "HONE"))}
    environment |= {"CUDA_VISIBLE_DEVICES": "", "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    command = [sys.executable, "-I", "-X", "utf8", "-c", QUESTION]
    absent = [
        name for name in ABSENT if name != "scipy" or read_json(home / "model" / "hone.json")["kind"] != "classic"
    ]
    command += [str(home), str(working / "questions.json"), str(working / "answers.json"), ",".join(absent)]
    with (working / "log.txt").open("wb") as log:
        return subprocess.Popen(
            command, cwd=home, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
        )
