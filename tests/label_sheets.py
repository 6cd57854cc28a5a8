"""What tests of the Label tab share: a project of a task, the sheet's text, keys, and what was saved."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from core.data.roles import Role
from core.tasks import TASKS
from core.tasks.guessing import shape_of
from core.words import Message

SAVED = "document.querySelector('.lb-saved').textContent === 'All saved'"
LABELS = ("Person", "Place", "Group")


def filled(project, tmp_path: Path, task: str, rows: list[dict[str, str]], labels: tuple[str, ...] = ()):
    """A project of the task whose columns are called as its roles."""
    file = tmp_path / "rows.jsonl"
    file.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    data = project.dataset()
    data.add(file, "rows.jsonl")
    shape = shape_of(TASKS[task])
    data.set_shape(
        shape, {name: Role(name if name in data.columns else None, Message("You chose it.")) for name in shape.names}
    )
    for name in labels:
        data.labels.create(name)
    return data


def texts(*texts: str) -> list[dict[str, str]]:
    return [{"text": text, "label": ""} for text in texts]


def ready(page, start: str) -> None:
    page.wait_for_function("start => document.querySelector('.lb-text')?.textContent.startsWith(start)", arg=start)


def saved(page) -> None:
    page.wait_for_function(SAVED)


def press(page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def values(data) -> dict[int, Any]:
    """Row number -> value, as the data set has it."""
    return {row["number"]: row["value"] for row in data.page(0, 500).rows if row["label"] is not None}


def words(data, number: int = 1) -> list[tuple[str, str]]:
    """The marked words of a row with their labels, cut out by Python."""
    row = data.page(number - 1, 1).rows[0]
    return [(row["text"][span["start"] : span["end"]], span["label"]) for span in row["value"]]
