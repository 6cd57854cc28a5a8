"""What a run learns from a larger model's answers (distillation): asked once, before the first step, on the rows to learn from and, where wanted,
on rows without a label, which the answer then labels.

<run>/from/model/           the larger model
      unlabelled.arrow      rows without a label that are learnt from too, as rows.arrow has them
      taught.safetensors    what it said, (rows to learn from and then those without a label, outputs): probabilities or scaled numbers

    waits(folder)      whether it is still to be asked        ask(folder, progress)     ask it
    more(folder, task) rows it labelled                       said(folder)              what it said

Works for tasks with a `link`: one label, several, or a number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from core import tasks
from core.data.cleaning import Cleaning
from core.data.values import encode
from core.tasks.base import Labels, LabelScores, LabelSet, Number, Prediction, Task
from core.tasks.cleaned import cleaned
from core.tasks.numbers import scaled
from core.training.continuing import FOLDER as FROM
from core.workspace import read_json

SAID, UNLABELLED = "taught.safetensors", "unlabelled.arrow"
BLOCK = 512  # rows asked together
Progress = Callable[[int, int], None]


def waits(folder: Path, spec: Mapping[str, Any]) -> bool:
    return bool((spec.get("smaller") or {}).get("taught")) and not (folder / SAID).is_file()


def ask(folder: Path, progress: Progress) -> None:
    """The larger model answers; what it said is written whole, at the end."""
    from safetensors.numpy import save_file

    from core.models.loading import load_model
    from core.training.session import read_rows

    spec = read_json(folder / "run.json")
    task = tasks.task(spec["task"])
    rows = read_rows(folder / "rows.arrow", task)
    labels = task.labels(rows, spec["labels"]["names"])
    known = [row for row in rows if row["split"] == "train"]
    new = read_rows(folder / UNLABELLED, task) if (folder / UNLABELLED).is_file() else []
    model = load_model(folder / FROM / "model")
    cleaning = Cleaning.from_json(read_json(folder / FROM / "model" / "hone.json").get("cleaning")).ready()
    asked = cleaned([*known, *new], task.columns, cleaning)
    found: list[Prediction] = []
    for start in range(0, len(asked), BLOCK):

        def ahead(done: int, _: int, before: int = start) -> None:
            progress(before + done, len(asked))

        found += model.answer(asked[start : start + BLOCK], ahead)
    if new:
        _labelled(folder / UNLABELLED, task, found[len(known) :])
    save_file({"said": as_outputs(found, labels)}, folder / f".{SAID}")
    (folder / f".{SAID}").replace(folder / SAID)


def as_outputs(answers: Sequence[Prediction], labels: Labels) -> np.ndarray:
    """(rows, labels) float32: probabilities in the order of the labels, or (rows, 1) scaled numbers."""
    told = [
        scaled([p.value], labels) if isinstance(p, Number) else [p.probabilities[name] for name in labels.names]  # type: ignore[union-attr]
        for p in answers
    ]
    return np.array(told, dtype=np.float32).reshape(len(told), -1)


def answer_of(said: Prediction) -> Any:
    """A prediction as a value of the target's column."""
    if isinstance(said, LabelScores):
        return said.label
    if isinstance(said, LabelSet):
        return list(said.labels)
    assert isinstance(said, Number)
    return said.value


def more(folder: Path, task: Task) -> list[dict[str, Any]]:
    """Rows without a label of their own, with the larger model's answer in its place; none where there are none."""
    from core.training.session import read_rows

    path = folder / UNLABELLED
    return read_rows(path, task) if path.is_file() and (folder / SAID).is_file() else []


def said(folder: Path) -> np.ndarray | None:
    """(rows, outputs), in the order of the rows to learn from; None in a run that nobody teaches."""
    from safetensors.numpy import load_file

    path = folder / SAID
    return load_file(path)["said"] if path.is_file() else None


def blended(folder: Path, targets: np.ndarray, labels: int, settings: Any) -> np.ndarray:
    """Targets of a convex fit, (rows, labels) float32: those of the labels and what the larger model said, by its weight. A fit has no temperature.
    The targets themselves in a run that nobody teaches."""
    told = said(folder)
    if told is None or not settings.teacher_weight:
        return targets
    own = np.eye(labels, dtype=np.float32)[targets] if targets.ndim == 1 else targets.astype(np.float32)
    return (1 - settings.teacher_weight) * own + settings.teacher_weight * told


def _labelled(path: Path, task: Task, answers: Sequence[Prediction]) -> None:
    """The answers become the rows' targets."""
    target = next(column for column in task.columns if column.target)
    with pa.memory_map(str(path)) as source:
        table = pa.ipc.open_file(source).read_all()
    given = pa.array([encode(target.kind, answer_of(p)) for p in answers], pa.string())
    columns = {name: table[name] for name in table.column_names if name != target.role}
    made = pa.table({**columns, target.role: given})
    new = path.with_name(f".{path.name}")
    with pa.OSFile(str(new), "wb") as sink, pa.ipc.new_file(sink, made.schema) as out:
        out.write_table(made)
    new.replace(path)
