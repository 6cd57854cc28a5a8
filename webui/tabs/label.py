"""Label: one text, one answer. The loop runs in the browser (assets/js/label*.js); here are the texts it shows and the answers it sends.

How a person answers (one label, several, marks, a number ...) is the task's `annotation`. Values travel with label ids in the place of
names, so that a label renamed meanwhile is still the same.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from core import tasks
from core.data import team, votes
from core.errors import HoneError
from core.sharing import is_others
from core.words import Message
from webui.calls import Here, call, labelling, panel
from webui.page import Page
from webui.tabs import label_doubtful, label_guide, label_many, label_team, labels_away
from webui.tabs.label_rows import LONGEST, listed, mine, shown

MOST = 200  # texts a call


def tab(page: Page) -> None:
    panel(page, "label", [*CALLS, *labels_away.CALLS])


@call
@labelling
def state(here: Here) -> dict[str, Any]:
    """Labels, counts, the question and how it is answered. `data` changes when other rows are there, not with a label.

    `inputs`: [{role, kind, title}] in the task's order. `single`: an answer is one label. `scale`: of the numbers that stand in the data.
    """
    data = here.dataset
    counts, shape = data.counts(), data.shape
    task = tasks.task(shape.task)
    annotation, called = (
        task.annotation,
        {column.role: column.called or column.title for column in (*task.columns, *task.told_by)},
    )
    own = mine(here)
    return {
        "empty": data.empty,
        "data": "-".join(str(one.id) for one in data.imports) + f":{shape.task}:{sorted(data.rows.roles.items())}",
        "me": here.person,
        "guest": here.is_guest,
        "question": annotation.question,
        "kind": annotation.kind if shape.target else "none",
        "single": shape.by_label,
        "inputs": [{"role": part.role, "kind": part.kind, "title": called[part.role]} for part in shape.inputs],
        "scale": _scale(data) if annotation.kind == "number" else None,
        "longest": LONGEST,
        **label_guide.offered(data.state),
        "labels": _labels(data) if own is None else _labels_of(data, own),
        "counts": {
            "rows": counts.labelled + counts.unlabelled,
            "labelled": counts.labelled,
            "unlabelled": counts.unlabelled,
        }
        if own is None
        else own.counts,
    }


@call
@labelling
def texts(
    here: Here,
    *,
    after: str | None = None,
    count: int = 100,
    show: str = "unlabelled",
    search: str = "",
    label: str = "",
    order: str = "file",
) -> dict[str, Any]:
    """The next texts behind row `after`. `show`: unlabelled | all | search (then by `search` and `label`; "none" is without one)."""
    data = here.dataset
    only, words = listed(show, search, label)
    own = mine(here)
    page = data.queue(order, only, words, after, min(max(1, int(count)), MOST), mine=own)
    rows = shown(here, page.rows, own, after)
    before = rows[-1]["id"] if rows else after
    return {"rows": rows, "next": before if page.left else None, "total": page.total}


@call
@labelling
def put(here: Here, *, project: str, entries: list[dict[str, Any]]) -> dict[str, Any]:
    """Save answers; what cannot be saved is named in `refused` and holds up nothing. `project` is the one they were given in."""
    data = here.studio.dataset(here.project_of(project).data)
    if is_others(project):
        votes.join(data, here.person)
    return data.labels.put(entries, here.person)


@call
@labelling
def history(here: Here, *, row: str) -> list[dict[str, Any]]:
    """Who gave this row which answer, newest first: `label` where it is one label, else `said`, the answer in a line."""
    data = here.dataset
    colours = {one["name"]: one for one in _labels(data)}
    single, own = data.shape.by_label, mine(here)
    return [
        {
            "who": _who(here, entry["who"]) if entry["origin"] != "file" else entry["who"],
            "label": colours.get(entry["label"], {"name": entry["label"], "colour": 7})
            if single and entry["label"]
            else None,
            "said": None if single else entry["label"],
            "at": entry["at"],
            "origin": entry["origin"],
            "undone": entry["undone"],
        }
        for entry in data.labels.history(row)
        if not (own and own.blind) or entry["origin"] == "file" or entry["who"] == here.person
    ]


# --- the label list: every change can be taken back with `revert` ---


@call
def create(here: Here, *, names: list[str]) -> dict[str, Any]:
    """New labels, all or none."""
    labels, done = here.dataset.labels, []
    try:
        for name in names:
            done.append(labels.create(name, who=here.person))
    except HoneError:
        for change in reversed(done):
            labels.undo_change(change.change)
        raise
    return _changed(here, done[-1] if len(done) == 1 else None)


@call
def rename(here: Here, *, label: int, name: str) -> dict[str, Any]:
    return _changed(here, here.dataset.labels.rename(label, name, here.person))


@call
def recolour(here: Here, *, label: int, colour: int) -> dict[str, Any]:
    return _changed(here, here.dataset.labels.recolour(label, colour + 1, here.person))


@call
def merge(here: Here, *, label: int, into: int) -> dict[str, Any]:
    return _changed(here, here.dataset.labels.merge(label, into, here.person))


@call
def delete(here: Here, *, label: int) -> dict[str, Any]:
    return _changed(here, here.dataset.labels.delete(label, here.person))


@call
def revert(here: Here, *, change: str) -> dict[str, Any]:
    rows = here.dataset.labels.undo_change(change)
    return {"rows": rows, "labels": _labels(here.dataset), "undo": None}


CALLS: list[Any] = [
    state,
    texts,
    put,
    history,
    create,
    rename,
    recolour,
    merge,
    delete,
    revert,
    *label_guide.CALLS,
    *label_team.CALLS,
    *label_many.CALLS,
    *label_doubtful.CALLS,
]


def _changed(here: Here, change: Any) -> dict[str, Any]:
    return {
        "rows": change.rows if change else 0,
        "labels": _labels(here.dataset),
        "undo": change.change if change else None,
    }


def _labels(data: Any) -> list[dict[str, Any]]:
    """Colours are 1 to 8 on disk and counted from 0 on the page."""
    return [{**one, "colour": one["colour"] - 1} for one in data.labels.labels()]


def _scale(data: Any) -> dict[str, Any] | None:
    """The ends of the numbers that stand in the data; None where there are not two different ones. Kept until something changes."""
    memory = data.state.memory
    if "scale" not in memory:
        found = [value for value in (*data.rows.file_values, *data.state.said.values()) if isinstance(value, float)]
        low, high = min(found, default=0.0), max(found, default=0.0)
        whole = all(value.is_integer() for value in found)
        memory["scale"] = {"low": low, "high": high, "whole": whole} if low < high else None
    return memory["scale"]


def _who(here: Here, name: str) -> Message | str:
    return Message("you") if name == here.person else name


def _labels_of(data: Any, own: team.Mine) -> list[dict[str, Any]]:
    """The labels, counted over a person's own answers."""
    state = data.state
    counts = Counter(name for place in own.said for name in team.names_in(state, own.value(state, place)))
    return [{**one, "count": counts[one["name"]]} for one in _labels(data)]
