"""A report of measures (`core.evaluation.measured`) as the Evaluate tab draws it. Shapes it for the page; computes nothing but what changed."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core import tasks
from core.data.tables import write
from core.errors import Missing
from core.evaluation import measured
from core.evaluation.measured_tables import tables
from core.tasks.base import LOWER
from core.words import Message, plural
from webui.calls import Here
from webui.finished import chips

PARTS = ("total", "split", "stale", "verdict", "scores", "contenders", "figures", "rows")
COLOURS = ("l8", "l2", "l6", "l4", "l7")


def parts(here: Here, run: str, made: Mapping[str, Any] | None) -> dict[str, Any]:
    """The parts that are ready; those that are not are None. `verdict` is as the report has it."""
    spec = here.run(run).spec
    task = tasks.task(spec["task"])
    columns = [{"role": c.role, "kind": c.kind, "title": c.called or c.title, "target": c.target} for c in task.columns]
    told = {"kind": "measures", "columns": columns}
    if made is None:
        labels = spec["labels"]
        return {**dict.fromkeys(PARTS), **told, "labels": chips(labels["names"], labels.get("colours"))}
    ready = made["ready"]
    main = {"lower": made["main"] in LOWER, "name": made["main"]}
    return {
        **told,
        "labels": chips(made["labels"], made["colours"]),
        "total": made["total"],
        "split": made["split"],
        "stale": _stale(here, run, made) if made["done"] else None,
        "verdict": made["verdict"],
        "scores": [{**one, **_direction(one, main)} for one in made["scores"]] if "scores" in ready else None,
        "contenders": _contenders(made, here.run(run).name) if "scores" in ready else None,
        "figures": made["figures"] if "figures" in ready else None,
        "rows": {"total": made["total"]} if "rows" in ready else None,
    }


def doing(made: Mapping[str, Any] | None) -> Message:
    if made and "figures" in made["ready"]:
        return Message("Asking simpler ways, to compare")
    return Message("Asking the model about the texts kept aside")


def rows(here: Here, run: str, kind: str, start: int, count: int) -> dict[str, Any]:
    """A page of answers, the worst or the best first."""
    only = kind if kind in ("worst", "best") else None
    return measured.rows_of(here.run(run).folder, only=only, start=start, count=min(count, 100))


def file(here: Here, run: str, made: Mapping[str, Any], what: str) -> dict[str, Any]:
    """An address for one table of the report as CSV, or for all of them in a zip."""
    chosen = here.run(run)
    name = re.sub(r"[^\w.-]+", "-", chosen.name).strip("-") or "run"
    folder = chosen.folder / "report"
    if what == "all":
        return {"url": here.offer(_zip(chosen.folder, made, here.language), f"{name}-report.zip")}
    found = dict(tables(chosen.folder, made, here.language)).get(what)
    if found is None:
        raise Missing(Message("There is no download called “{name}”.", name=what[:40]))
    path = folder / f"{re.sub(r'[^A-Za-z0-9_-]+', '-', what)}.csv"
    write(path, *found)
    return {"url": here.offer(path, f"{name}-{path.name}")}


def _direction(score: Mapping[str, Any], main: Mapping[str, Any]) -> dict[str, bool]:
    return {"main": score["name"] == main["name"], "lower": score["name"] in LOWER}


def _contenders(made: Mapping[str, Any], name: str) -> dict[str, Any]:
    main = next(one for one in made["scores"] if one["name"] == made["main"])
    lower = made["main"] in LOWER
    sentence = (
        Message("{measure} on the same {n:,} rows, less is better; the bar is where it would fall 95 times of 100.",
                measure=Message.from_json(main["title"]), n=made["total"])
        if lower
        else Message("{measure} on the same {n:,} rows; the bar is where it would fall 95 times of 100.",
                     measure=Message.from_json(main["title"]), n=made["total"])
    )  # fmt: skip
    lines = []
    for place, one in enumerate(made["contenders"]):
        me = one["id"] == "run"
        told = {key: one[key] for key in ("id", "title", "value", "low", "high")}
        colour = "accent" if me else COLOURS[place % len(COLOURS)]
        lines.append({**told, "sub": one["detail"] or name, "me": me, "colour": colour})
    return {"sub": sentence, "share": main["share"], "lines": lines}


def _stale(here: Here, run: str, made: Mapping[str, Any]) -> dict[str, Any] | None:
    """What to say when rows of the report have another right answer by now."""
    if here.dataset.version == here.run(run).spec["data"]["version"] or here.dataset.task != made["task"]:
        return None
    right = measured.right_answers(here.run(run).folder)
    now = here.dataset.labels_of(list(right))
    changed = sum(now[row] != answer for row, answer in right.items() if row in now and answer)
    if not changed:
        return None
    return {
        "title": plural(
            changed,
            "This report is out of date: {n} row of the test has another right answer now.",
            "This report is out of date: {n:,} rows of the test have another right answer now.",
        ),
        "body": Message("Train again to count them."),
    }


def _zip(run_dir: Path, made: Mapping[str, Any], language: str) -> Path:
    """Every table of the report, and the report itself as JSON."""
    folder = run_dir / "report"
    out = folder / "report.zip"
    partial = out.with_name(out.name + ".part")
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, found in tables(run_dir, made, language):
            path = folder / f"{re.sub(r'[^A-Za-z0-9_-]+', '-', name)}.csv"
            write(path, *found)
            archive.write(path, path.name)
        archive.write(folder / "report.json", "report.json")
    return partial.replace(out)
