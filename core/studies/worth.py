"""Whether the best trial of a search is really better than the settings as they were: both models answer the same texts again.

The search has chosen the best of many on the validation texts, so these flatter it; the texts kept aside for the final test have been shown
to neither. For each part the difference stands with the range in which it would fall 95 times of 100 with other texts of this kind: the
percentiles of a paired bootstrap (Efron and Tibshirani, An Introduction to the Bootstrap, 1993).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from core import tasks
from core.studies.study import Study
from core.studies.trials import Trial
from core.tasks.base import Labels, Prediction, Row, Task
from core.training.runs import Run
from core.words import Message
from core.workspace import read_json

JOB = "core.studies.worth:compare"
DRAWS = 1_000
FEWEST = 10  # texts, under which no range is given
MOST = 5_000  # texts of a part that are asked


def compare(
    folder: str,
    best: int,
    default: int,
    *,
    progress: Callable[..., None] = lambda done, total: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Ask both models; kept in the study's log as `compared`: {"best", "default", "validation": part, "test": part | None}, a part being
    {"texts", "best", "default", "difference", "low", "high"} in the search's measure."""
    study = Study(Path(folder))
    metric = study.question["metric"]
    runs = [Run(study.project_folder / "runs" / member.run) for member in _members(study, (best, default))]
    found: dict[str, Any] = {"best": best, "default": default}
    for number, part in enumerate(("validation", "test")):

        def at(done: int, total: int, first: int = 50 * number) -> None:
            progress(first + int(50 * done / max(1, total)), 100)

        found[part] = _part(runs, part, metric, at, cancelled)
    study.note(compared=found)
    return found


def difference(
    task: Task, metric: str, rows: Sequence[Row], said: Sequence[Sequence[Prediction]], labels: Sequence[Labels]
) -> dict[str, Any]:
    """Two models on the same rows, each with its own labels (thresholds): {"texts", "best", "default", "difference", "low", "high"}."""
    pair = list(zip(said, labels, strict=True))
    scores = [task.score(rows, one, own)[metric] for one, own in pair]
    told = {"texts": len(rows), "best": scores[0], "default": scores[1], "difference": scores[0] - scores[1]}
    if len(rows) < FEWEST:
        return {**told, "low": None, "high": None}
    quick = [task.redrawn(metric, rows, one, own) for one, own in pair]

    def score(which: int, places: np.ndarray) -> float | None:
        if redrawn := quick[which]:
            return redrawn(places)
        one, own = pair[which]
        return task.score([rows[i] for i in places], [one[i] for i in places], own).get(metric)

    dice = np.random.default_rng(7)
    drawn = []
    for _ in range(DRAWS if all(quick) or len(rows) <= 500 else 200):
        places = dice.integers(0, len(rows), len(rows))
        a, b = score(0, places), score(1, places)
        if a is not None and b is not None:
            drawn.append(a - b)
    low, high = np.percentile(drawn, (2.5, 97.5)) if drawn else (None, None)
    return {**told, "low": None if low is None else float(low), "high": None if high is None else float(high)}


def verdict(
    best: Trial | None,
    default: Trial | None,
    compared: Mapping[str, Any] | None,
    share: bool,
    lower: bool,
    tried: int = 1,
) -> Message:
    """What came of the search so far, in a sentence that promises no more than the figures do. `tried`: trials with other settings that have
    ended."""
    if best is None or best.score is None:
        return Message("No trial has ended yet.")
    if best.default and not tried:
        return Message(
            "The settings as they were reach {b} on validation. Now others are tried.", b=figure(best.score, share)
        )
    if best.default:
        return Message("Nothing that was tried did better than the settings as they were.")
    if default is None or default.score is None:
        return Message("Trial {n} is the best so far: {a} on validation.", n=best.number, a=figure(best.score, share))
    values = {"n": best.number, "a": figure(best.score, share), "b": figure(default.score, share)}
    if not compared:
        return Message(
            "Trial {n} is the best so far: {a} on validation; the settings as they were reach {b}.", **values
        )
    part, where = compared["validation"], Message("on validation")
    if compared.get("test"):
        part, where = compared["test"], Message("on the texts of the final test")
    values |= {"a": figure(part["best"], share), "b": figure(part["default"], share), "where": where}
    if _is_sure(part, lower):
        return Message(
            "Trial {n} is better than the settings as they were: {a} against {b} {where}, more than chance.", **values
        )
    return Message(
        "The settings as they were did as well: {b} against {a} of trial {n} {where}, a difference within chance.",
        **values,
    )


def figure(value: float, share: bool) -> str:
    return f"{100 * value:.1f} %" if share else f"{value:.3g}"


def _is_sure(part: Mapping[str, Any] | None, lower: bool) -> bool:
    """Whether the whole range of the difference is on the better side."""
    if not part or part["low"] is None:
        return False
    return part["high"] < 0 if lower else part["low"] > 0


def _members(study: Study, numbers: Sequence[int]) -> list[Any]:
    members = {member.key: member for member in study.view().members}
    return [members[str(number)] for number in numbers]


def _part(
    runs: Sequence[Run], part: str, metric: str, progress: Callable[[int, int], None], cancelled: Callable[[], bool]
) -> dict[str, Any] | None:
    from core.evaluation.measured import rows_in
    from core.inference import Predictor

    spec = runs[0].spec
    task = tasks.task(spec["task"])
    rows = rows_in(runs[0].folder / "rows.arrow", task)
    asked = [row for row in rows if row["split"] == part][:MOST]
    if not asked:
        return None
    labels = task.labels(rows, spec["labels"]["names"] or None)
    said, own = [], []
    for n, run in enumerate(runs):

        def at(done: int, total: int, before: int = n) -> None:
            progress(before * total + done, len(runs) * total)

        said.append(Predictor.open(run.model).predict(asked, at, cancelled))
        extra = read_json(run.model / "hone.json").get("extra") or {}
        own.append(Labels(labels.names, labels.counts, {**labels.extra, **extra}))
    return difference(task, metric, asked, said, own)
