"""spaCy's training data as JSON lines: a text with `entities` (start, end, label) or `cats` (label: 1.0 or 0.0), as in spaCy's annotation
dictionaries (`Example.from_dict`). Who said it stands in `meta`, which spaCy and Prodigy pass on.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from core.data.exchange.rows import Answer, Row
from core.data.state import State


def write(path: Path, rows: Iterable[Row], state: State) -> tuple[int, int]:
    """(rows of the data set, lines written)."""
    names, done, lines = [label.name for label in state.alive], 0, 0
    kind = state.shape.target.kind if state.shape.target else "category"
    with path.open("w", encoding="utf-8", newline="\n") as out:
        for row in rows:
            done += 1
            for answer in row.answers or (None,):
                told = {"text": row.text, **_said(kind, answer, names), "meta": _meta(row, answer, state.shape.task)}
                out.write(json.dumps(told, ensure_ascii=False) + "\n")
                lines += 1
    return done, lines


def _said(kind: str, answer: Answer | None, names: list[str]) -> dict[str, Any]:
    if answer is None or answer.value is None:
        return {}
    if kind == "spans":
        return {"entities": [[s["start"], s["end"], s["label"]] for s in answer.value]}
    there = {answer.value} if kind == "category" else set(answer.value)
    return {"cats": {name: float(name in there) for name in names}}


def _meta(row: Row, answer: Answer | None, task: str) -> dict[str, Any]:
    """As `core.data.exchange.tables` calls it, so that both come back the same way."""
    how = {"annotator": answer.who, "answered": answer.time, "origin": answer.origin} if answer else {}
    seconds = {"seconds": round(answer.seconds, 2)} if answer and answer.seconds is not None else {}
    blank: dict[str, Any] = {"annotator": None, "answered": None, "origin": None}
    return {"row": row.id, "task": task, **blank, **how, **seconds}
