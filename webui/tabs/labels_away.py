"""Take the labels away: which formats can hold them, what each loses, and the file, made as a job. The page is assets/js/labels_away.js.

Offered on the Data and on the Label tab, so its calls stand in both panels.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from core.data import exporting
from core.data.exporting import Layout
from core.errors import Missing
from core.words import Message
from core.workspace import new_id
from webui.calls import Here, call


@call
def labels_formats(here: Here) -> dict[str, Any]:
    """What can be taken along: the formats that can hold the answers of this data set, and how many rows, answers and people there are."""
    data = here.dataset
    counts = data.counts()
    n, people = data.log.read().execute("SELECT COUNT(*), COUNT(DISTINCT who) FROM answers WHERE NOT undone").fetchone()
    formats = [
        {"name": one.name, "title": one.title, "help": one.help, "layouts": list(one.layouts)}
        for one in exporting.offered(data.shape)
    ]
    return {"formats": formats, "rows": counts.rows, "labelled": counts.labelled, "answers": n, "people": people}


@call
def labels_losses(here: Here, *, format: str, layout: str) -> list[Message]:
    """What the format does not hold, said before."""
    return exporting.losses(here.dataset, format, cast(Layout, layout))


@call
def labels_make(here: Here, *, format: str, layout: str, labelled: bool) -> dict[str, Any]:
    """Begin to write the file; the latest of a project is the one that counts."""
    chosen = exporting.format_of(format)
    out = here.workspace.folder / "uploads" / new_id("upload") / f"labels.{chosen.ending}"
    arguments = {
        "folder": str(here.project.data),
        "out": str(out),
        "format": format,
        "layout": layout,
        "labelled": bool(labelled),
    }
    title = Message("Labels of {project}", project=here.project.name)
    light = here.dataset.counts().rows < 20_000
    job = here.jobs.start("core.data.exporting:job", arguments, title=title, key=_key(here), light=light)
    return here.jobs.state(job.id)


@call
def labels_state(here: Here, *, job: str) -> dict[str, Any]:
    state = here.jobs.state(job)
    shown = {key: state[key] for key in ("id", "state", "done", "total", "seconds_left", "error")}
    return {**shown, "config": (state["result"] or {}).get("config"), "rows": (state["result"] or {}).get("rows")}


@call
def labels_cancel(here: Here, *, job: str) -> None:
    here.jobs.cancel(job)


@call
def labels_file(here: Here, *, job: str) -> dict[str, Any]:
    """Where the file can be fetched, once."""
    state = here.jobs.state(job)
    path = Path((state["result"] or {}).get("path", ""))
    if state["key"] != _key(here) or not path.is_file():
        raise Missing(Message("This file is no longer here."), fix=Message("Make it again."))
    return {"url": here.offer(path, f"{_plain(here.project.name)}-labels{path.suffix}")}


CALLS: list[Any] = [labels_formats, labels_losses, labels_make, labels_state, labels_cancel, labels_file]


def _key(here: Here) -> str:
    return f"labels:{here.project_id}"


def _plain(name: str) -> str:
    """A project's name as the beginning of a file's."""
    return " ".join("".join(c if c.isalnum() or c in " -_" else " " for c in name).split())[:60] or "hone"
