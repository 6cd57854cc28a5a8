"""The Evaluate tab: the report of a run, made by a job and read part by part. Shapes it for the page; computes nothing."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from core.errors import Missing
from core.evaluation import answers, report
from core.words import Message, plural
from webui import measures
from webui.calls import Here, call, panel
from webui.finished import chips, finished
from webui.page import Page
from webui.tabs import retune, smaller, untrained
from webui.tabs.playground import wake

MOST_PAIRS = 40
PARTS = ("total", "split", "stale", "verdict", "contenders", "table", "confusion", "mistakes")
COLOURS = {"majority": "l8", "counting": "l2", "before": "l6", "run": "accent"}
FILES = {
    "labels": "labels",
    "confusion": "confusion",
    "answers": "rows",
}  # what the page asks for -> core.evaluation.answers


def tab(page: Page) -> None:
    own: list[Any] = [judged, report_of, make_report, cancel_report, texts, relabel, report_file, wake]
    panel(page, "evaluate", [*own, *untrained.CALLS, *smaller.CALLS, *retune.CALLS])


@call
def judged(here: Here) -> dict[str, Any]:
    """The runs that can be judged, and whether texts can be answered without training."""
    return {**finished(here), "untrained": untrained.applies(here)}


@call
def report_of(here: Here, *, run: str) -> dict[str, Any]:
    """The report of a run as far as it is ready. One that is missing is begun: nobody has to ask for it."""
    chosen = here.run(run)
    made, guessed = report.read(chosen.folder), {"guessed": chosen.spec["data"].get("guessed", 0)}
    if made and made["done"]:
        return {"state": "ready", **guessed, **_parts(here, run, made)}
    last = here.jobs.latest(_key(here, run))
    job = here.jobs.state(last) if last else None
    if job is None or job["state"] == "done" or job["lost"]:
        job = make_report(here, run=run)
    if job["state"] in ("failed", "cancelled"):
        return {"state": job["state"], "error": job["error"], **guessed, **_parts(here, run, made)}
    title = measures.doing(made) if _measured(here, run) else _doing(made)
    told = {"title": title, "done": job["done"], "total": job["total"], "seconds_left": job["seconds_left"]}
    return {"state": "making", "job": told, **guessed, **_parts(here, run, made)}


@call
def make_report(here: Here, *, run: str) -> dict[str, Any]:
    chosen = here.run(run)
    title = Message("The report of {run}", run=chosen.name)
    arguments = {"run_dir": str(chosen.folder)}
    job = here.jobs.start("core.evaluation.report:make", arguments, title=title, key=_key(here, run), torch=True)
    return here.jobs.state(job.id)


@call
def cancel_report(here: Here, *, run: str) -> None:
    last = here.jobs.latest(_key(here, run))
    if last:
        here.jobs.cancel(last)


@call
def texts(here: Here, *, run: str, what: Mapping[str, Any], start: int = 0, count: int = 20) -> dict[str, Any]:
    """A page of texts: of a cell {"kind": "cell", "right", "said"}, or all "mistakes", or what tuning "mended" or "broke"; where there are
    measures, the "worst" or the "best" answers."""
    folder, kind = here.run(run).folder, str(what.get("kind"))
    if _measured(here, run):
        return measures.rows(here, run, kind, start, count)
    if kind == "cell":
        page = answers.rows_of(folder, what.get("right"), what.get("said"), start=start, count=count)
    else:
        page = answers.rows_of(folder, only=kind, start=start, count=count)
    now = _labels_now(here, [row["id"] for row in page["rows"]])
    return {"total": page["total"], "rows": [_text(row, now) for row in page["rows"]]}


@call
def relabel(here: Here, *, run: str, row: str, label: str | None, client: str, seq: int) -> None:
    """Another label for a text of the data set, by hand. The run itself keeps what it learnt from."""
    entry = {"row": row, "label": label, "client": client, "seq": seq}
    here.dataset.labels.decide([entry], here.person)


@call
def report_file(here: Here, *, run: str, what: str) -> dict[str, Any]:
    """An address for one table of the report as CSV, or for all of it in a zip."""
    chosen = here.run(run)
    if _measured(here, run):
        return measures.file(here, run, report.read(chosen.folder) or {}, what)
    name = re.sub(r"[^\w.-]+", "-", chosen.name).strip("-") or "run"
    folder = chosen.folder / "report"
    if what == "all":
        return {"url": here.offer(_zip(chosen.folder, folder / "report.zip"), f"{name}-report.zip")}
    if what not in FILES:
        raise Missing(Message("There is no download called “{name}”.", name=what[:40]))
    path = answers.download(chosen.folder, FILES[what], folder / f"{what}.csv")
    return {"url": here.offer(path, f"{name}-{what}.csv")}


# What the page is told ----------------------------------------------------------------------------------------------


def _key(here: Here, run: str) -> str:
    return f"report:{here.project_id}:{run}"


def _measured(here: Here, run: str) -> bool:
    return report.by_measures(here.run(run).spec["task"])


def _doing(made: Mapping[str, Any] | None) -> Message:
    ready = made["ready"] if made else []
    if "counting" in ready:
        return Message("Asking the model as it was before tuning")
    if "answers" in ready:
        return Message("Counting words, to compare")
    return Message("Asking the model about the texts kept aside")


def _parts(here: Here, run: str, made: Mapping[str, Any] | None) -> dict[str, Any]:
    """The parts that are ready, in the page's shape; those that are not are None."""
    if _measured(here, run):
        told = measures.parts(here, run, made)
        return {**told, "verdict": _marked(told["verdict"], ("value",)) if told["verdict"] else None}
    if made is None:
        told = here.run(run).spec["labels"]
        return {**dict.fromkeys(PARTS), "labels": chips(told["names"], told.get("colours"))}
    labels = chips(made["labels"], made["colours"])
    ready = made["ready"]
    return {
        "labels": labels,
        "total": made["total"],
        "split": made["split"],
        "stale": _stale(here, run) if made["done"] else None,
        "verdict": _marked(made["verdict"]) if made["verdict"] else None,
        "contenders": _contenders(here, run, made) if "answers" in ready else None,
        "table": _table(made, labels) if "labels" in ready else None,
        "confusion": _confusion(made) if "confusion" in ready else None,
        "mistakes": {"total": made["mistakes"]} if "answers" in ready else None,
    }


def _contenders(here: Here, run: str, made: Mapping[str, Any]) -> dict[str, Any]:
    chosen = here.run(run)
    lines = [_line(one, chosen.name) for one in made["contenders"]]
    if (
        made["done"]
        and made["split"] == "test"
        and (more := untrained.contender(here, answers.load(chosen.folder).ids))
    ):
        lines.insert(len(lines) - 1, more)
    changes = made["changes"]
    return {
        "sub": Message(
            "Share right on the same {n:,} texts; the bar is where it would fall 95 times of 100.", n=made["total"]
        ),
        "lines": lines,
        "change": {**changes, "by_tuning": changes["against"] == "before"} if changes else None,
    }


def _line(one: Mapping[str, Any], name: str) -> dict[str, Any]:
    ready = one["state"] == "ready"
    return {
        "id": one["id"],
        "title": one["title"],
        "sub": one["detail"] or name,
        "me": one["id"] == "run",
        "colour": COLOURS.get(one["id"], "l8"),
        "share": one["accuracy"] if ready else None,
        "low": one["low"] if ready else None,
        "high": one["high"] if ready else None,
        "wrong": Message("{n:,} wrong", n=one["wrong"]) if ready else Message("not asked yet"),
    }


def _table(made: Mapping[str, Any], labels: list[dict[str, Any]]) -> dict[str, Any]:
    rows = [{**chip, **_figures(row)} for chip, row in zip(labels, made["per_label"], strict=True)]
    share = {"title": Message("share right (accuracy)"), "precision": None, "recall": None, "f1": made["accuracy"]}
    averages = [{"title": row["title"], **_figures(row)} for row in made["averages"]]
    return {"rows": rows, "averages": [{**share, "support": made["total"]}, *averages]}


def _figures(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: row[key] for key in ("precision", "recall", "f1", "support")}


def _confusion(made: Mapping[str, Any]) -> dict[str, Any]:
    """Cells that are not empty, and the pairs confused most, the largest first."""
    cells = made["confusion"]
    wrong = sorted((cell for cell in cells if cell[0] != cell[1]), key=lambda cell: -cell[2])
    return {"names": made["labels"], "cells": cells, "pairs": wrong[:MOST_PAIRS]}


def _text(row: Mapping[str, Any], now: Mapping[str, str | None]) -> dict[str, Any]:
    return {
        "id": row["id"],
        "text": row["text"],
        "right": row["label"],
        "said": row["predicted"],
        "probability": row["probability"],
        "before": row.get("before", row.get("counting")),
        "now": now.get(row["id"]),
        "gone": row["id"] not in now,
    }


def _stale(here: Here, run: str) -> dict[str, Any] | None:
    """What to say when texts of the report carry another label by now than the report counts."""
    folder = here.run(run).folder
    if here.dataset.version == here.run(run).spec["data"]["version"]:
        return None
    asked = answers.load(folder)
    now = _labels_now(here, asked.ids)
    right_then = [asked.names[i] for i in asked.gold]
    changed = [i for i, id in enumerate(asked.ids) if id in now and now[id] != right_then[i]]
    if not changed:
        return None
    right = int(asked.right.sum())
    again = sum(now[asked.ids[i]] == asked.names[asked.said[i]] for i in changed) - sum(
        bool(asked.right[i]) for i in changed
    )
    return {
        "title": plural(
            len(changed),
            "This report is out of date: {n} text of the test carries another label now.",
            "This report is out of date: {n:,} texts of the test carry another label now.",
        ),
        "body": Message(
            "With today’s labels it would be {k:,} of {n:,} right. Train again to count them.",
            k=right + again,
            n=len(asked.ids),
        ),
    }


def _labels_now(here: Here, ids: Sequence[str]) -> dict[str, str | None]:
    """Row id -> the label in force today (None: none), for rows that are still in the data set."""
    state, now = here.dataset.state, {}
    for id in ids:
        with suppress(Missing):
            label = int(state.label[state.rows.place(id)])
            now[id] = state.alive[label].name if label >= 0 else None
    return now


class _Figure(str):
    """A value as the verdict shows it, whatever format its template asks for: thousands are grouped, and a loud one is wrapped
    in two signs that no template contains, by which the page sets it off."""

    __slots__ = ("loud", "value")
    value: Any
    loud: bool

    def __new__(cls, value: Any, loud: bool) -> _Figure:
        made = super().__new__(cls, value)
        made.value, made.loud = value, loud
        return made

    def __format__(self, spec: str) -> str:
        grouped = "," if isinstance(self.value, int) else ""
        shown = format(self.value, spec or grouped)
        return f"\x01{shown}\x02" if self.loud else shown


LOUD = ("k", "n", "label")  # the holes of the verdict's first sentences that carry its weight


def _marked(parts: Mapping[str, Any], loud_ones: Sequence[str] = LOUD) -> dict[str, Any]:
    """The verdict with its figures marked; "It answers \\x01207\\x02 of \\x01220\\x02 ..."."""
    told = {}
    for name in ("caution", "answers", "mind", "expect", "tuning"):
        message = Message.from_json(parts[name]) if parts.get(name) else None
        if message:
            loud = loud_ones if name in ("answers", "mind") else ()
            values = {k: v if isinstance(v, Message) else _Figure(v, k in loud) for k, v in message.values.items()}
            message = Message(message.template, **values)  # words: the same sentence
        told[name] = message
    return told


def _zip(run_dir: Path, out: Path) -> Path:
    """Every table of the report, and the report itself as JSON."""
    partial = out.with_name(out.name + ".part")
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in answers.DOWNLOADS:
            path = answers.download(run_dir, name, out.parent / f"{name}.csv")
            archive.write(path, path.name)
        archive.write(run_dir / "report" / "report.json", "report.json")
    return partial.replace(out)
