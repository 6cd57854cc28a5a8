"""Label Studio: tasks with annotations as JSON, and the labelling configuration that shows them.

After "Label Studio JSON format of annotated tasks" (labelstud.io/guide/task_format) and its tags' pages: Choices, Labels, Number, TextArea,
Pairwise. Offsets count code points. `written` makes the files; `said` reads the result of one annotation, also in foreign files.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

from core.data.exchange.rows import Answer, Row, role_columns
from core.data.shape import Part
from core.data.state import State
from core.data.tables import unused

CONTROL = "label"  # the name of the tag with which one answers
PLACE = "Answer"  # the only label where one place answers a question
OPTIONS = "hone_options"  # data of a row's own options, as the tag Choices takes them
PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")  # what may stand behind $ in a configuration
TAGS = {  # kind of value -> the tag, its type in a result
    "category": ("Choices", "choices"),
    "categories": ("Choices", "choices"),
    "option": ("Choices", "choices"),
    "relevance": ("Choices", "choices"),
    "number": ("Number", "number"),
    "spans": ("Labels", "labels"),
    "answers": ("Labels", "labels"),
    "text": ("TextArea", "textarea"),
    "better": ("Pairwise", "pairwise"),
}
SIDES = {"1": "left", "2": "right"}


@dataclass(frozen=True)
class Shown:
    """An input on Label Studio's page: the tag's name is the role's, `variable` is where its value stands in a task's data."""

    part: Part
    variable: str
    own: bool  # does the value stand in a column of the file, or is it put there?

    @property
    def tag(self) -> str:
        name = "Image" if self.part.kind == "image" else "Text"
        return f"<{name} name={quoteattr(self.part.role)} value={quoteattr('$' + self.variable)}/>"


def write(path: Path, rows: Iterable[Row], state: State) -> tuple[int, int]:
    """A JSON list of tasks; (tasks, annotations)."""
    shown, numbers = _shown(state), {"tasks": 0, "annotations": 0}
    people: dict[str, int] = {}
    with path.open("w", encoding="utf-8", newline="\n") as out:
        out.write("[")
        for row in rows:
            task = _task(row, state, shown, numbers, people)
            out.write((",\n" if numbers["tasks"] > 1 else "\n") + json.dumps(task, ensure_ascii=False))
        out.write("\n]\n")
    return numbers["tasks"], numbers["annotations"]


def config(state: State) -> str:
    """The labelling configuration, to paste into Label Studio's settings."""
    target, shown = state.shape.target, _shown(state)
    tag = TAGS[target.kind][0] if target else "Choices"
    names = [PLACE] if target and target.kind == "answers" else [label.name for label in state.alive]
    compared = [one.part.role for one in shown if one.part.role in ("chosen", "rejected")]
    to = ",".join(compared) if tag == "Pairwise" else _object(state, shown)
    told = f"<{tag} name={quoteattr(CONTROL)} toName={quoteattr(to)}"
    if target and target.kind in ("option", "relevance"):
        inner = [f'{told} value="${OPTIONS}" choice="{"single" if target.kind == "option" else "multiple"}"/>']
    elif tag == "Choices":
        choice = "multiple" if target and target.kind == "categories" else "single"
        inner = [f'{told} choice="{choice}">', *(f"  <Choice value={quoteattr(n)}/>" for n in names), "</Choices>"]
    elif tag == "Labels":
        inner = [f"{told}>", *(f"  <Label value={quoteattr(n)}/>" for n in names), "</Labels>"]
    else:
        inner = [f"{told}/>"]
    return "\n".join(["<View>", *("  " + line for line in [*(one.tag for one in shown), *inner]), "</View>"]) + "\n"


def said(results: Sequence[Mapping[str, Any]]) -> tuple[str, Any] | None:
    """What the result of one annotation says: (type, value), of labels the results themselves. None where it says nothing known."""
    for kind in ("labels", "choices", "number", "rating", "textarea", "pairwise"):
        mine = [one for one in results if one.get("type") == kind and isinstance(one.get("value"), Mapping)]
        first = mine[0]["value"] if mine else {}
        if kind == "labels" and mine:
            return kind, mine
        if kind == "choices" and mine:
            return kind, [str(name) for name in first.get("choices") or ()]
        if kind in ("number", "rating") and mine:
            return "number", first.get(kind)
        if kind == "textarea" and mine:
            texts = first.get("text")
            return kind, "\n".join(map(str, texts)) if isinstance(texts, list) else str(texts or "")
        if kind == "pairwise" and mine:
            return kind, next((key for key, side in SIDES.items() if side == first.get("selected")), None)
    return None


def person(told: Any) -> str | None:
    """Who is meant by `completed_by`: a number, or an object with an e-mail and names."""
    if isinstance(told, Mapping):
        named = " ".join(str(told.get(key) or "") for key in ("first_name", "last_name")).strip()
        return str(told.get("email") or "") or named or person(told.get("id"))
    return None if told in (None, "") else f"Label Studio {told}"


def _shown(state: State) -> list[Shown]:
    columns, found = list(state.rows.columns), []
    for part in state.shape.inputs:
        if part.kind == "choices":
            continue
        given = role_columns(state, part.role)
        if not given and not part.required:
            continue
        own = len(given) == 1 and part.kind in ("text", "marked") and bool(PLAIN_NAME.fullmatch(given[0]))
        found.append(Shown(part, given[0] if own else unused(part.role, columns).replace(" ", "_"), own))
    return found


def _object(state: State, shown: Sequence[Shown]) -> str:
    """The tag that answers belong to: that of the text in which places are marked, else the first."""
    return next((one.part.role for one in shown if one.part.role == state.shape.first), shown[0].part.role)


def _task(
    row: Row, state: State, shown: Sequence[Shown], numbers: dict[str, int], people: dict[str, int]
) -> dict[str, Any]:
    import numpy as np

    numbers["tasks"] += 1
    alone = len(state.shape.inputs) == 1 and state.shape.inputs[0].kind == "text"
    inputs = {state.shape.first: row.text} if alone else state.inputs(np.array([row.place], np.int64))[0]
    data: dict[str, Any] = dict(row.cells)
    data |= {one.variable: _line(one.part.kind, inputs[one.part.role]) for one in shown if not one.own}
    data |= {one.variable: row.cells["name"] for one in shown if one.part.kind == "image" and row.cells.get("name")}
    options = next((inputs[part.role] for part in state.shape.inputs if part.kind == "choices"), None)
    if options:
        data[OPTIONS] = [{"value": option} for option in options]
    kind = state.shape.target.kind if state.shape.target else "category"
    annotations = []
    for answer in row.answers:
        if answer.value is None:
            continue  # a label taken off is no annotation
        numbers["annotations"] += 1
        told = _results(kind, answer.value, row.text, _object(state, shown), numbers["annotations"])
        annotations.append(_annotation(answer, told, numbers, people))
    meta = {"hone": {"row": row.id, "task": state.shape.task}}
    return {"id": numbers["tasks"], "data": data, "annotations": annotations, "predictions": [], "meta": meta}


def _annotation(
    answer: Answer, results: list[dict[str, Any]], numbers: Mapping[str, int], people: dict[str, int]
) -> dict[str, Any]:
    made: dict[str, Any] = {
        "id": numbers["annotations"],
        "task": numbers["tasks"],
        "was_cancelled": False,
        "ground_truth": False,
        "result": results,
    }
    if answer.who:
        made["completed_by"] = {"id": people.setdefault(answer.who, len(people) + 1), "email": answer.who}
    if answer.time:
        made["created_at"] = made["updated_at"] = answer.time
    if answer.seconds is not None:
        made["lead_time"] = round(answer.seconds, 3)
    return made


def _results(kind: str, value: Any, text: str, to: str, number: int) -> list[dict[str, Any]]:
    type_ = TAGS[kind][1]
    values: list[dict[str, Any]] = []
    if type_ == "choices":
        names = [value] if isinstance(value, str) else list(value)
        values = [{"choices": names}] if names else []
    elif kind == "number":
        values = [{"number": value}]
    elif kind == "spans":
        values = [
            {"start": s["start"], "end": s["end"], "text": text[s["start"] : s["end"]], "labels": [s["label"]]}
            for s in value
        ]
    elif kind == "answers":
        values = [
            {"start": a["start"], "end": a["start"] + len(a["text"]), "text": a["text"], "labels": [PLACE]}
            for a in value
        ]
    elif kind == "text":
        values = [{"text": [value]}]
    elif value in SIDES:
        values = [{"selected": SIDES[value]}]
    frame = {"from_name": CONTROL, "to_name": to, "type": type_, "origin": "manual"}
    return [{"id": f"h{number}x{i}", **frame, "value": one} for i, one in enumerate(values)]


def _line(kind: str, value: Any) -> str:
    """An input as a text: turns of a conversation one under the other."""
    if kind == "messages" and isinstance(value, list):
        return "\n".join(f"{turn['role']}: {turn['content']}" for turn in value)
    return "" if value is None else str(value)
