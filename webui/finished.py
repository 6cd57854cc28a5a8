"""Finished runs as the Evaluate and Playground tabs choose among them. Knows what a run says of itself; opens no model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from core.evaluation import report
from webui.calls import Here

AT_WORK = ("queued", "preparing", "running", "paused", "interrupted")


def finished(here: Here) -> dict[str, Any]:
    """{"runs": those with a kept model, newest first, "under_way": whether another one is at work or waits}."""
    kept, under_way = [], False
    for run in here.project.runs():
        view = run.view()
        if view.state in AT_WORK:
            under_way = under_way or view.state != "interrupted"
        elif run.has_model:
            kept.append(_told(run, view))
    return {"runs": kept, "under_way": under_way}


def chips(names: Sequence[str], colours: Sequence[int] | None) -> list[dict[str, Any]]:
    """Labels as the page draws them. Colours are kept from 1 to 8; the page counts from 0."""
    known = [colour - 1 for colour in colours or []]
    known += range(len(known), len(names))
    return [{"name": name, "colour": colour} for name, colour in zip(names, known, strict=False)]


def accuracy(run: Any, view: Any) -> float | None:
    """On the test texts: from the run itself, or from its report when it was stopped before its own test."""
    if "accuracy" in view.test:
        return float(view.test["accuracy"])
    made = report.read(run.folder)
    return made.get("accuracy") if made and made["split"] == "test" else None


def _told(run: Any, view: Any) -> dict[str, Any]:
    spec = run.spec
    return {
        "id": run.id,
        "title": run.name,
        "created": spec["created"],
        "accuracy": accuracy(run, view),
        "labels": chips(spec["labels"]["names"], spec["labels"].get("colours")),
    }
