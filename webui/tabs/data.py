"""Data: files come in, columns get roles, rows are shared out, looked at and mended. The page is assets/js/data*.js."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from core import tasks
from core.data import checks, intake, kept, languages, templates
from core.data.checkup import lengths
from core.data.how import How
from core.data.reading import inspect as look_at
from core.data.splits import TEST, VALIDATION
from core.errors import DataError, Missing
from core.models import catalogue
from core.tasks import guessing
from core.words import ASSETS, Message, plural
from core.workspace import new_id
from webui.calls import Here, call, panel
from webui.page import Page
from webui.tabs import labels_away

LIGHT = (
    4_000_000  # bytes; a smaller file is read in a thread, which begins at once; a larger one in a process of its own
)
COUNT = 50
GROUPED = ("finding:conflict", "finding:duplicate", "finding:leak")  # equal texts are looked at side by side
ALIKE = ("finding:near_",)  # and near-equal ones
LONGEST = 2_000  # characters of a cell sent for the table of rows
NAMED = ("category", "categories", "spans")  # kinds of answers that are made of labels
OF_ENCODERS = ("long", "unknown")  # findings about what the bundled encoder reads


def tab(page: Page) -> None:
    panel(page, "data", [*CALLS, *labels_away.CALLS])


@call
def state(here: Here) -> dict[str, Any]:
    """Everything the page needs at once that costs nothing: what was read, roles, shares, counts, an import under way."""
    data = here.dataset
    empty = data.empty
    told: dict[str, Any] = {
        "empty": empty,
        "version": data.version,
        "private": here.studio.mode == "local",
        "limit": here.limits.upload_bytes,
        "job": _under_way(here),
    }
    if empty:
        return {**told, "examples": _examples(here.language)}
    counts = data.counts()
    plan = data.split_plan
    return {
        **told,
        "imports": [
            {**one.as_json(), "said": one.sentence, "rereadable": intake.has_source(data, one)} for one in data.imports
        ],
        "columns": data.columns,
        "task": _task(data),
        "roles": {role: _role(one, data.columns) for role, one in data.roles.items()},
        "plan": {**plan.as_json(), "shares": _shared_by_hone(data)},
        "counts": {
            "rows": counts.rows,
            "labelled": counts.labelled,
            "unlabelled": counts.unlabelled,
            "excluded": counts.excluded,
            **counts.splits,
            "labels": [_label(one) for one in data.labels.labels()],
        },
    }


# --- files coming in: each starts a job, whose state the page then asks for ---


@call
def load(here: Here, *, upload: str, split: str | None = None, replace: bool = False) -> dict[str, Any]:
    path, name = here.upload(upload)
    arguments = {"path": str(path), "name": name, "split": split, "replace": bool(replace), "most": here.limits.rows}
    return _start(here, "bring", arguments, light=path.stat().st_size < LIGHT)


@call
def example(here: Here, *, example: str) -> dict[str, Any]:
    found = next((e for e in _index() if e["id"] == example), None)
    if found is None:
        raise Missing(Message("There is nothing called “{name}” here any more.", name=str(example)[:40]))
    path = ASSETS / "examples" / found["file"]
    return _start(here, "copy", {"path": str(path), "name": found["file"]}, light=True)


@call
def hub(here: Here, *, name: str, config: str | None = None, split: str = "train") -> dict[str, Any]:
    arguments = {"name": name, "config": config, "hub_split": split, "most": here.limits.rows}
    return _start(here, "hub", arguments, light=False)


@call
def inspect(here: Here, *, file: int, how: dict[str, Any]) -> dict[str, Any]:
    """How a file that is there would be read in another way, with its first rows."""
    one, path = intake.source(here.dataset, file)
    return look_at(path, one.name, How.from_json(how)).as_json()


@call
def reread(here: Here, *, file: int, how: dict[str, Any]) -> dict[str, Any]:
    _, path = intake.source(here.dataset, file)
    arguments = {"file": file, "how": how, "most": here.limits.rows}
    return _start(here, "reread", arguments, light=path.stat().st_size < LIGHT)


@call
def job(here: Here, *, job: str) -> dict[str, Any]:
    return here.jobs.state(job)


@call
def cancel(here: Here, *, job: str) -> None:
    here.jobs.cancel(job)


@call
def use(here: Here, *, file: int, split: str | None) -> None:
    """What all rows of one file are for."""
    here.dataset.set_import_split(file, split)


@call
def remove(here: Here, *, file: int) -> None:
    here.dataset.remove(file)
    intake.prune(here.dataset)


# --- the task, roles and shares ---


@call
def choices(here: Here) -> list[dict[str, Any]]:
    """What the model could learn from these texts, the likeliest first, each with the reason."""
    found = []
    for one in guessing.guess(here.dataset):
        task = tasks.task(one.task)
        found.append({"name": one.task, "title": task.title, "help": task.help, "why": one.reason, "seen": one.seen})
    return found


@call
def learn(here: Here, *, task: str) -> dict[str, Any]:
    """What the model should learn, as a person chose it. `before` is what it was."""
    before = here.dataset.task
    guessing.settle(here.dataset, tasks.task(task).name)
    return {"before": before, "title": tasks.task(task).title}


@call
def roles(here: Here, *, roles: dict[str, str | list[str] | None]) -> None:
    here.dataset.set_roles(roles)


@call
def shares(here: Here, *, validation: float, test: float, seed: int) -> None:
    here.dataset.set_split(validation=validation, test=test, seed=seed)


# --- looking ---


@call
def facts(here: Here) -> dict[str, Any]:
    data = here.dataset
    told, histogram = data.facts(), data.lengths()
    target = data.shape.target
    unit = "words" if told.spaces else "characters"
    edges, n = histogram["edges"], histogram["counts"]
    return {
        "unit": unit,
        "mean": told.mean_words if told.spaces else told.mean_characters,
        "most": (told.words if told.spaces else told.characters).get(100, 0),
        "language": languages.NAMES.get(told.language, Message("not clear")),
        "fit": _fit(told.tokens.get(100, 0), _cut(data)) if _cuts(data) else None,
        "histogram": [
            {"low": low, "high": high, "count": count} for low, high, count in zip(edges, edges[1:], n, strict=False)
        ],
        "numbers": data.numbers() if target and target.kind == "number" else None,
    }


@call
def rows(
    here: Here,
    *,
    start: int = 0,
    count: int = COUNT,
    search: str = "",
    label: str = "",
    split: str = "",
    only: str = "",
) -> dict[str, Any]:
    data = here.dataset
    page = data.page(
        max(0, int(start)),
        min(max(1, int(count)), 200),
        search=str(search),
        label=None if label in ("", "none") else label,
        split=split if split in ("train", "validation", "test") else None,
        sort="text" if only.startswith(GROUPED) else "alike" if only.startswith(ALIKE) else None,
        only="unlabelled" if label == "none" else "excluded" if split == "out" else only or None,
    )
    labels = {one["id"]: _label(one) for one in data.labels.labels()}
    return {"total": page.total, "rows": [_row(row, labels) for row in page.rows]}


# --- the check-up, and edits by hand ---


@call
def findings(here: Here) -> dict[str, Any]:
    """What was found, and the job that still looks for more, if one does."""
    data = here.dataset
    found = [
        {
            "id": f.id,
            "code": f.code,
            "tone": f.tone,
            "title": f.title,
            "detail": f.detail,
            "done": f.done,
            "rows": f.count if f.looks else 0,
            "fixes": [{"id": fix.id, "title": fix.title} for fix in f.fixes],
            "examples": [[line.as_json() for line in example] for example in f.examples],
        }
        for f in data.findings(wait=False)
        if f.code not in OF_ENCODERS or _cuts(data)
    ]
    return {"findings": found, "looking": _looking(here)}


@call
def report(here: Here, *, form: str) -> dict[str, Any]:
    """An address for the data report, as a page (html) or as text (md)."""
    from core.data.checkup import report

    if form not in report.FORMS:
        raise Missing(Message("There is no download called “{name}”.", name=form[:40]))
    if _looking(here):
        raise DataError(Message("The check-up is still looking."), fix=Message("Try again in a moment."))
    name = re.sub(r"[^\w.-]+", "-", here.project.name).strip("-") or "data"
    path = here.project.data / "cache" / f"report.{form}"
    path.parent.mkdir(exist_ok=True)
    path.write_text(report.written(here.dataset, here.project.name, here.language, form, here.things), encoding="utf-8")
    return {"url": here.offer(path, f"{name}-data.{form}")}


@call
def fix(here: Here, *, finding: str, fix: str) -> dict[str, Any]:
    return {"group": checks.apply(here.dataset, finding, fix, who=here.person)}


@call
def exclude(here: Here, *, rows: list[str]) -> dict[str, Any]:
    return {"group": here.dataset.exclude(rows, who=here.person)}


@call
def restore(here: Here, *, rows: list[str]) -> dict[str, Any]:
    return {"group": here.dataset.restore(rows, who=here.person)}


@call
def move(here: Here, *, rows: list[str], split: str | None) -> dict[str, Any]:
    return {"group": here.dataset.move(rows, split, who=here.person)}


@call
def relabel(here: Here, *, row: str, label: int | None) -> dict[str, Any]:
    """A label given in the table of rows; None takes it off. `back` undoes it with `take_back`."""
    entry = {"row": row, "label": label, "client": f"rows:{new_id('put')}", "seq": 1}
    _put(here, entry)
    return {"back": {"row": row, "takes_back": {"client": entry["client"], "seq": 1}}}


@call
def take_back(here: Here, *, back: dict[str, Any]) -> None:
    _put(here, {"row": back["row"], "takes_back": back["takes_back"], "label": None, "client": "rows", "seq": 0})


@call
def undo(here: Here, *, group: str) -> None:
    here.dataset.undo(group)


CALLS: list[Any] = [
    state, load, example, hub, inspect, reread, job, cancel, use, remove, choices, learn, roles, shares, facts, rows,
    findings, report, fix, exclude, restore, move, relabel, take_back, undo,
]  # fmt: skip


def _key(here: Here) -> str:
    return f"import:{here.project.id}"


def _start(here: Here, function: str, arguments: dict[str, Any], *, light: bool) -> dict[str, Any]:
    arguments = {"folder": str(here.project.data), **arguments}
    begun = here.jobs.start(
        f"core.tasks.intake:{function}", arguments, title=Message("Reading"), key=_key(here), light=light
    )
    return here.jobs.state(begun.id)


def _looking(here: Here) -> dict[str, Any] | None:
    """The job that measures what the check-up needs, begun if nobody has; None where everything is there."""
    data = here.dataset
    if data.empty or checks.ready(data.state):
        return None
    arguments = {"folder": str(here.project.data), "texts": kept.fingerprint(data.state)}
    title, key = Message("Looking through the texts …"), f"checkup:{here.project.id}"
    return here.jobs.state(here.jobs.start("core.data.checkup.looking:look", arguments, title=title, key=key).id)


def _under_way(here: Here) -> dict[str, Any] | None:
    """An import that began before this page was opened, or in another window."""
    latest = here.jobs.latest(_key(here))
    if latest is None:
        return None
    state = here.jobs.state(latest)
    return state if state["state"] in ("waiting", "running") else None


def _put(here: Here, entry: dict[str, Any]) -> None:
    refused = here.dataset.labels.decide([entry], here.person)["refused"]
    if refused:
        raise DataError(Message.from_json(refused[0]["message"]))


def _index() -> list[dict[str, Any]]:
    path = ASSETS / "examples" / "index.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []


def _examples(language: str) -> list[dict[str, Any]]:
    """The built-in sets; those in the page's language come first."""
    found = sorted(_index(), key=lambda e: e["language"] != language)
    return [
        {
            "id": e["id"],
            "title": e["title"][language],
            "about": e["about"][language],
            "rows": e["rows"],
            "labels": e["labels"],
        }
        for e in found
    ]


def _label(label: dict[str, Any]) -> dict[str, Any]:
    """Colours are 1 to 8 on disk and counted from 0 on the page."""
    return {**label, "colour": label["colour"] - 1}


def _task(data: Any) -> dict[str, Any]:
    """What the data set is for, why, and the columns that takes."""
    task, target = tasks.task(data.task), data.shape.target
    columns = [
        {key: getattr(column, key) for key in ("role", "kind", "title", "help", "required", "target", "several")}
        for column in (*task.columns, *task.told_by)
    ]
    return {
        "name": task.name,
        "title": task.title,
        "help": task.help,
        "why": guessing.reason_of(data),
        "columns": columns,
        "target": target.kind if target else None,
        "named": target is not None and target.kind in NAMED,
    }


def _role(role: Any, known: Sequence[str]) -> dict[str, Any]:
    """The columns of a role; with `template` where they are put together by one."""
    template = role.column if templates.is_template(role.column, known) else None
    columns = templates.columns_in(template, known) if template else role.column
    return {"column": columns, "template": template, "reason": role.reason}


def _cuts(data: Any) -> bool:
    """Is the bundled encoder what these texts will be read by?"""
    return tasks.task(data.task).family == "encoder" and data.shape.inputs[0].kind == "text"


def _cut(data: Any) -> int | None:
    """Texts longer than the bundled model reads, as the check-up counts them; None while it has not counted them."""
    if not checks.ready(data.state, (lengths.LENGTHS,)):
        return None
    return next((f.count for f in data.findings(wait=False) if f.code == "long"), 0)


def _fit(longest: float, cut: int | None) -> Message:
    if not longest or cut is None:
        return Message("Counted in a sample where there are many.")
    limit = catalogue.BASES[catalogue.BUNDLED].max_length
    if cut:
        return plural(
            cut,
            "{n} text is longer than what the model reads ({limit} tokens).",
            "{n:,} texts are longer than what the model reads ({limit} tokens).",
            limit=limit,
        )
    return Message("All of them fit into what the model reads ({limit} tokens).", limit=limit)


def _shared_by_hone(data: Any) -> bool:
    """Do the shares decide anything, or do files and a column say it all?"""
    said = data.rows.file_splits
    return not ((said == VALIDATION).any() and (said == TEST).any())


def _row(row: dict[str, Any], labels: dict[int, dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": row["id"],
        "n": row["number"],
        "text": row["text"][:LONGEST],
        "inputs": _clipped(row["inputs"]),
        "label": labels.get(row["label_id"]),
        "value": _clipped(row["value"]),
        "origin": row["origin"],
        "guessed": row["guessed"],
        "split": row["split"] if row["answered"] else None,
        "excluded": row["excluded"],
        "edited": row["edited"],
        "cells": {name: cell[:LONGEST] for name, cell in list(row["cells"].items())[:60]},
    }


def _clipped(value: Any) -> Any:
    """A value with its texts cut, however deep they stand."""
    if isinstance(value, str):
        return value[:LONGEST]
    if isinstance(value, dict):
        return {key: _clipped(one) for key, one in value.items()}
    return [_clipped(one) for one in value[:200]] if isinstance(value, list) else value
