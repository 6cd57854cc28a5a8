"""A new run that makes an earlier one smaller: the same rows, splits and labels, so that the two can be compared answer by answer.

Its folder is the whole run: rows, the earlier model (linked, it costs no room twice) and, where wanted, the texts without a label from which it
learns what the earlier one says.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from core import tasks
from core.data.freezing import FrozenInfo, freeze_unlabelled
from core.data.shape import Shape
from core.data.values import decode, kind
from core.errors import HoneError
from core.smaller.ways import Earlier, settings_of, way
from core.studies.rows import linked as link
from core.training import runs, teaching
from core.training.continuing import FOLDER as FROM
from core.training.continuing import linked
from core.training.runs import Run
from core.training.settings import TrainingSettings
from core.words import Message


def begin(
    run: Run,
    name: str,
    values: Mapping[str, Any],
    dataset: Any = None,
    *,
    uploads: Path | None = None,
    folders: bool = True,
    language: str = "en",
    limited: Callable[[TrainingSettings, int], TrainingSettings] = lambda settings, texts: settings,
) -> Run:
    """The new run, not started yet. `dataset` gives the texts without a label; `limited` what a demo allows of settings for so many
    texts. HoneError where the way does not fit this run."""
    if not run.has_model:
        raise HoneError(
            Message("“{name}” has no model to make smaller.", name=run.name),
            fix=Message("Choose a run that has finished."),
        )
    chosen, earlier = way(name), Earlier(run.folder, run.spec, uploads, folders)
    if why := chosen.why_not(earlier):
        raise HoneError(why, fix=Message("Choose another run, or another way."))
    known = chosen.checked(earlier, values)
    plan = chosen.plan(earlier, known)
    asked = dataset if plan.smaller.get("taught") and known.get("unlabelled") else None
    return runs.create(
        run.folder.parent.parent,
        name=f"{run.name}, {plan.suffix.said(language)}",
        task=run.spec["task"],
        base=plan.base,
        settings=limited(settings_of(earlier, plan), int(run.spec["data"]["counts"]["train"])),
        phases=plan.phases,
        preset="own",
        dataset=SameRows(run, asked),
        watched=run.spec.get("watched") or (),
        threads=run.spec.get("threads"),
        study={"from": run.id, "smaller": {**plan.smaller, "values": known}},
    )


class SameRows:
    """Stands in for a data set in `core.training.runs.create`: the rows of a run once more."""

    def __init__(self, run: Run, unlabelled: Any = None):
        self.run, self.unlabelled = run, unlabelled
        self.task = run.spec["task"]
        self.shape = Shape.of(self.task, tasks.task(self.task).columns)

    def freeze(self, path: Path) -> FrozenInfo:
        """Write the rows, the earlier model, and texts without a label where they are wanted."""
        link(self.run.folder / "rows.arrow", path)
        if (self.run.folder / "files").is_dir():
            shutil.copytree(self.run.folder / "files", path.parent / "files", copy_function=link, dirs_exist_ok=True)
        linked(self.run.model, path.parent / FROM / "model")
        with pa.memory_map(str(path)) as source:
            table = pa.ipc.open_file(source).read_all()
        if self.unlabelled is not None and self.unlabelled.task == self.task:
            known = set(table["id"].to_pylist())
            freeze_unlabelled(self.unlabelled.state, path.parent / teaching.UNLABELLED, known)
        return self._told(table)

    def _told(self, table: pa.Table) -> FrozenInfo:
        spec, target = self.run.spec, self.shape.target
        trained: Counter[str] = Counter()
        if target and target.role in table.column_names:
            names = kind(target.kind).names
            for cell, part in zip(table[target.role].to_pylist(), table["split"].to_pylist(), strict=True):
                if part == "train" and cell is not None:
                    trained.update(set(names(decode(target.kind, cell))))
        data = spec["data"]
        return FrozenInfo(
            labels=tuple(spec["labels"]["names"]),
            colours=tuple(spec["labels"]["colours"]),
            counts=dict(data["counts"]),
            label_counts={name: trained[name] for name in spec["labels"]["names"]},
            version=data["version"],
            name=data["name"],
            columns=dict(data["columns"]),
            guessed=data.get("guessed", 0),
        )
