"""A run is a list of phases: which method, with which settings, and whether it starts afresh from the probe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.errors import ModelError
from core.models.catalogue import Base
from core.models.methods import method
from core.tasks.base import Task
from core.training.plan import Plan
from core.training.settings import TrainingSettings
from core.words import Message


@dataclass(frozen=True)
class Phase:
    number: int
    method: str
    settings: TrainingSettings
    fresh: bool


def planned(phases: Sequence[Mapping[str, Any]], settings: TrainingSettings, base: Base, task: Task) -> list[Phase]:
    """The run's phases with their settings. A classic base is fitted, whatever was asked; a first tuning phase that wants to start
    from the probe gets one, where the task's last layer can be fitted alone. Where it cannot, tuning begins at once."""
    if base.kind == "classic":
        if not task.link:
            raise ModelError(
                Message("Counted words cannot learn this task: {task}.", task=task.title),
                fix=Message("Choose a base model that reads texts."),
            )
        return [Phase(0, "head", settings, False)]
    found = [(p["method"], {**settings.model_dump(), **p.get("settings", {})}, bool(p.get("fresh"))) for p in phases]
    if not task.link:
        found = [one for one in found if not method(one[0]).fits] or found[-1:]
    elif not method(found[0][0]).fits and (settings.start_from_probe or found[0][0] == "lpft"):
        found = [("head", settings.model_dump(), False), *found]
    return [
        Phase(n, name, TrainingSettings(**{**values, "method": name}), fresh)
        for n, (name, values, fresh) in enumerate(found)
    ]


def seconds(phases: Sequence[Phase], texts: int, pace: float) -> float:
    """How long phases will take at `pace` seconds a text. The clock decides where minutes were asked for; rounds on kept features take moments."""
    total = 0.0
    for phase in phases:
        plan, size = Plan.of(phase.settings, texts), phase.settings.batch_size * phase.settings.accumulation
        total += plan.seconds or (plan.steps or 0) * size * (0.0 if phase.method == "headsteps" else pace)
    return total
