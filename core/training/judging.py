"""What a member of a study leaves beside its model, so that it can be compared row by row without being opened again.

<run>/answers.jsonl   a line for each validation and test row: {"id", "split", "credit", and the answer in brief}
      judged.json     {"validation": {"n", "value", "low", "high"}, "test": ..., "memory", "weights", "learns", "bytes"}

`value` is the task's first measure, `low` and `high` where it would fall 95 times of 100 with other rows of this kind; `memory` is the most
the process (on a GPU: its memory) ever held, in bytes; `weights` counts the model's numbers, `learns` those that learnt; `bytes` is the size
of model/ on disk. Any of them is None where nobody knows.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.device import most_memory
from core.evaluation.chance import interval
from core.evaluation.metrics import wilson
from core.journal import Journal, read
from core.models.counting import learning
from core.projects import disk_used
from core.tasks.base import Prediction, Row
from core.workspace import FORMAT, read_json, write_json

if TYPE_CHECKING:
    from core.training.session import Session

ANSWERS, JUDGED = "answers.jsonl", "judged.json"


def judge(session: Session, model: Any) -> dict[str, float]:
    """Ask the kept model for all validation and test rows and write both files. Returns the scores on the test split."""
    found: dict[str, Any] = {"format": FORMAT}
    scores: dict[str, float] = {}
    (session.folder / ANSWERS).unlink(missing_ok=True)
    log = Journal(session.folder / ANSWERS)
    try:
        for split, rows in (("validation", session.validation), ("test", session.test)):
            if rows:
                said = session.predictions(model, rows, session.prepare("testing", obey=False))
                each = [
                    round(session.task.credit(row, p, session.labels), 6) for row, p in zip(rows, said, strict=True)
                ]
                for row, p, credit in zip(rows, said, each, strict=True):
                    log.append({"id": row["id"], "split": split, "credit": credit, **_brief(p)})
                scores = session.task.score(rows, said, session.labels)
                found[split] = _figure(session, rows, said, each, scores)
    finally:
        log.close()
    found |= {"memory": most_memory(session.device), "weights": _weights(model), "learns": _learnt(session, model)}
    write_json(session.folder / JUDGED, {**found, "bytes": disk_used(session.folder / "model")})
    return scores if session.test else {}


def _figure(
    session: Session,
    rows: Sequence[Row],
    said: Sequence[Prediction],
    each: Sequence[float],
    scores: dict[str, float],
) -> dict[str, Any]:
    """The first measure with its interval: Wilson's where it is a share of rows, else by the bootstrap."""
    measure = session.task.scores[0].name
    value, right = scores.get(measure), sum(each)
    if measure == "accuracy" and set(each) <= {0.0, 1.0} and value is not None:
        low, high = wilson(int(right), len(rows))
    else:
        low, high = interval(session.task, measure, rows, said, session.labels)  # type: ignore[assignment]
    return {"n": len(rows), "value": _plain(value), "low": _plain(low), "high": _plain(high)}


def _brief(prediction: Prediction) -> dict[str, Any]:
    told = prediction.brief()
    return {name: _plain(value) if isinstance(value, float) else value for name, value in told.items()}


def _plain(value: float | None) -> float | None:
    return round(float(value), 6) if value is not None and np.isfinite(value) else None


def _weights(model: Any) -> int | None:
    if model.kind == "classic":
        return sum(int(np.size(part)) for part in (model.weight, model.bias))
    return sum(weights.numel() for weights in model.parameters())


def _learnt(session: Session, model: Any) -> int | None:
    """How many numbers learnt under the run's method, whichever moment of it is kept."""
    if model.kind == "classic":
        return _weights(model)
    head = (
        sum(weights.numel() for weights in model.head.parameters()) if getattr(model, "head", None) is not None else 0
    )
    body = learning(session.base, session.phases[-1].method, session.settings, 0)
    return head + body if body is not None else None


def judged(folder: Path) -> dict[str, Any] | None:
    """judged.json of a run; None where it left none."""
    try:
        return read_json(folder / JUDGED)
    except (OSError, ValueError):
        return None


def credits(path: Path, split: str) -> dict[str, float]:
    """Row id -> credit, of the answers in an answers.jsonl on one split."""
    return {line["id"]: line["credit"] for line in read(path)[0] if line["split"] == split}
