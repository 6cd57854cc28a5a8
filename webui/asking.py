"""What a finished run can be asked: a page's inputs as a row of its task, and rows kept aside as they are asked again. Knows a run's
folder; asks no model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from core import tasks
from core.data.values import kind, plain
from core.errors import DataError, Missing
from core.evaluation import measured
from core.words import Message
from webui.finished import asked

LONGEST = 20_000  # characters of a text
MOST = 200  # options or turns
MOST_ROWS = 20_000


def row_of(name: str, inputs: Mapping[str, Any], picture: Callable[[Any], str]) -> dict[str, Any]:
    """The values of the input roles, checked and cut; DataError for what is no value of its kind or is missing. `picture`: the file of what
    the page calls a picture."""
    row: dict[str, Any] = {}
    for column in asked(name):
        value = inputs.get(column.role)
        if value is None or value == "" or value == []:
            if column.required:
                raise DataError(Message("Something is missing: {what}.", what=column.called or column.title))
            row[column.role] = None
            continue
        if column.kind == "image":
            row[column.role] = picture(value)
            continue
        try:
            row[column.role] = _cut(kind(column.kind).check(value))
        except (ValueError, TypeError, KeyError):
            raise DataError(
                Message("This is not what the model reads: {what}.", what=column.called or column.title)
            ) from None
    return row


def kept_aside(run: Any) -> list[dict[str, Any]]:
    """The test rows of a run, without any those of validation: [{"id", "text", "inputs", "label": the right answer in a line}]."""
    task = tasks.task(run.spec["task"])
    rows = measured.rows_in(run.folder / "rows.arrow", task)
    for split in ("test", "validation"):
        if found := [row for row in rows if row["split"] == split][:MOST_ROWS]:
            return [again(task.name, row["id"], row) for row in found]
    return []


def mistakes(run: Any) -> list[dict[str, Any]]:
    """Rows of the report with the worst answers; Missing without a report."""
    found = measured.rows_of(run.folder, only="worst", count=200)["rows"]
    name = run.spec["task"]
    return [
        {**again(name, row["id"], row["inputs"]), "label": row["gold"] or None} for row in found if row["credit"] < 0.5
    ]


def again(name: str, id: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of the data as it is asked again: the last answer of a conversation is taken off and is the right one."""
    target = next((column for column in tasks.task(name).columns if column.target), None)
    value = row.get(target.role) if target else None
    label = kind(target.kind).shown(value, row) if target and value is not None else None
    inputs = {column.role: plain(column.kind, row.get(column.role)) for column in asked(name)}
    for column in asked(name):
        turns = inputs[column.role]
        if column.kind == "messages" and turns and turns[-1]["role"] == "assistant":
            inputs[column.role], label = turns[:-1], turns[-1]["content"]
    first = asked(name)[0]
    text = kind(first.kind).shown(inputs[first.role], inputs) if inputs[first.role] is not None else ""
    return {"id": id, "text": text[:LONGEST], "inputs": _cut(inputs), "label": label}


def no_report() -> Missing:
    return Missing(
        Message("Which answers were wrong is known once the run has been judged."), fix=Message("Open Evaluate first.")
    )


def _cut(value: Any) -> Any:
    if isinstance(value, str):
        return value[:LONGEST]
    if isinstance(value, Mapping):
        return {key: _cut(one) for key, one in value.items()}
    return [_cut(one) for one in value[:MOST]] if isinstance(value, list) else value
