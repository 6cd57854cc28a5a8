"""A base gets to know the texts before it learns from labels: in a run before the run it guesses hidden words of the data's texts, labelled
or not (domain adaptation; Gururangan et al. 2020). What is kept aside for validation and test is not read.

    plan(dataset, folder, spec, settings)   the earlier run, beside the texts it reads, in a new run's folder
    waits(folder)                           whether it is still to be carried out
    relay(emit)                             what of its events goes into the run's own log: how far it is
    base_of(base, folder)                   the base as it came out of it

It is a run of the task `masked` like any other, with its own safety copies. Importing this brings no torch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from core import tasks
from core.models.catalogue import Base, in_folder
from core.training.events import Began, Event, Paused, Preparing, Resumed, Stepped
from core.training.method_settings import TUNED
from core.training.settings import TrainingSettings
from core.workspace import write_json

FOLDER = "adapt"  # within a run
TASK = "masked"


def is_wanted(settings: TrainingSettings, base_kind: str, task: str) -> bool:
    known = "adapts" in tasks.task(task).traits and settings.method in TUNED
    return bool(settings.adapt_rounds) and base_kind != "classic" and known


def plan(dataset: Any, folder: Path, spec: Mapping[str, Any], settings: TrainingSettings) -> None:
    """Write run.json and rows.arrow of the earlier run into `folder`; nothing where the data has no text to read."""
    if not dataset.freeze_texts(folder / "rows.arrow"):
        return
    own = {
        **settings.model_dump(),
        **tasks.task(TASK).usual,
        "method": "full",
        "length": "epochs",
        "epochs": settings.adapt_rounds,
        "learning_rate": settings.adapt_learning_rate,
        "batch_size": settings.batch_size,
        "keep_best": True,
    }
    told = {
        **{key: spec[key] for key in ("format", "id", "name", "base", "threads")},
        "task": TASK,
        "settings": TrainingSettings(**own).model_dump(),
        "phases": [{"method": "full", "settings": {}, "fresh": False}],
        "labels": {"names": []},
        "watched": [],
    }
    write_json(folder / "run.json", told)


def waits(folder: Path) -> bool:
    inner = folder / FOLDER
    return (inner / "run.json").is_file() and not (inner / "model" / "hone.json").is_file()


def relay(emit: Callable[[Event], None]) -> Callable[[Event], None]:
    """Its steps become progress of something that is prepared; a pause and its end stay what they are."""
    total = 0

    def heard(event: Event) -> None:
        nonlocal total
        if isinstance(event, Began):
            total = event.first_step + event.steps
        elif isinstance(event, Stepped):
            emit(Preparing(what="adapting", done=event.step, total=total))
        elif isinstance(event, Preparing):
            emit(event)
        elif isinstance(event, Paused | Resumed):
            emit(replace(event, step=0))

    return heard


def base_of(base: Base, folder: Path) -> Base:
    model = folder / FOLDER / "model"
    if not (model / "hone.json").is_file():
        return base
    return replace(base, source=in_folder(model).source)
