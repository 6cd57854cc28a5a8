"""Finished runs as the Evaluate and Playground tabs choose among them. Knows what a run says of itself; opens no model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from core import tasks
from core.evaluation import report
from core.tasks import base
from core.tasks.base import Column
from core.training.runs import Run
from webui.calls import Here

AT_WORK = ("queued", "preparing", "running", "paused", "interrupted")


def finished(here: Here) -> dict[str, Any]:
    """{"runs": those with a kept model, newest first but behind them those that a study made, "under_way": whether another one is at work or
    waits}."""
    kept, under_way = [], False
    for run in own_first(here.project.runs()):
        view = run.view()
        if view.state in AT_WORK:
            under_way = under_way or view.state != "interrupted"
        elif run.has_model:
            kept.append(_told(run, view))
    return {"runs": kept, "under_way": under_way}


def own_first(runs: Sequence[Run]) -> list[Run]:
    """Runs that a person started, then those that a study did: a fold or a trial is nobody's choice until somebody chooses it."""
    return sorted(runs, key=lambda run: "member" in run.spec)


def chips(names: Sequence[str], colours: Sequence[int] | None) -> list[dict[str, Any]]:
    """Labels as the page draws them. Colours are kept from 1 to 8; the page counts from 0."""
    known = [colour - 1 for colour in colours or []]
    known += range(len(known), len(names))
    return [{"name": name, "colour": colour} for name, colour in zip(names, known, strict=False)]


def reached(run: Any, view: Any) -> float | None:
    """The task's first measure on the test rows: from the run itself, or from its report when it was stopped before its own test."""
    measure = tasks.task(run.spec["task"]).scores[0].name
    if measure in view.test:
        return float(view.test[measure])
    made = report.read(run.folder)
    if not made or made["split"] != "test":
        return None
    if "scores" not in made:
        return made.get(measure)
    return next((one["value"] for one in made["scores"] if one["name"] == measure), None)


def asked(name: str) -> list[Column]:
    """The columns of a task that a person gives to its finished model."""
    return base.asked(tasks.task(name))


def _told(run: Any, view: Any) -> dict[str, Any]:
    spec = run.spec
    inputs = [
        {
            "role": one.role,
            "kind": one.kind,
            "title": one.called or one.title,
            "called": one.called is not None,
            "help": one.help,
            "required": one.required,
        }
        for one in asked(spec["task"])
    ]
    return {
        "id": run.id,
        "title": run.name,
        "created": spec["created"],
        "accuracy": reached(run, view),
        "labels": chips(spec["labels"]["names"], spec["labels"].get("colours")),
        "task": spec["task"],
        "answers": tasks.task(spec["task"]).prediction,
        "inputs": inputs,
        "continues": bool(spec.get("continues")),
    }
