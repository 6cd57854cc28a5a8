"""What the frame around the tabs shows: the project, the state and note of each step, the next step, the run at work.

A step is `done`, `busy`, `warn` (it needs attention) or `open`; its note says what it holds or what it waits for. All of it is
computed from the folders at every question, so that any window and any restart shows the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core import projects, sharing, tasks
from core.errors import Missing
from core.studies.study import studies
from core.training import draft
from core.words import Message, plural
from core.workspace import read_json
from webui.calls import Here, call, labelling
from webui.finished import own_first, reached
from webui.show import duration
from webui.tabs.label_rows import mine

SORTED = ("category", "categories")  # kinds of answers for which two labels must be there
WORKING = ("queued", "preparing", "running")
LATE, MANY = 3, 60  # runs and studies whose end is told; runs among which they are looked for
PARTS = {"search": "search"}  # where on the Train tab a study of this kind is looked at, if not among several
PRESETS = {
    "quick": Message("Quick look"),
    "balanced": Message("Balanced"),
    "best": Message("Best"),
    "own": Message("Own settings"),
}


@call
@labelling
def overview(here: Here) -> dict[str, Any]:
    """The frame's whole state. A project that is gone, or none yet, leads to one that is there."""
    shared = _shared(here)
    here.project_id = _project(here, shared)
    found = [{"id": p.id, "name": p.name} for p in projects.projects(here.workspace)]
    told = {
        "project": here.project_id,
        "projects": found,
        "shared": shared,
        "user": here.workspace.user,
        "mode": here.studio.mode,
    }
    if here.is_guest:
        return {**told, **_for_labelling(here)}
    facts = _facts(here)
    return {
        **told,
        "steps": {name: {"state": step.state, "note": step.note} for name, step in _steps(facts).items()},
        "next": _next(facts),
        "things": here.things,
        "running": _running(facts),
        "away": facts.model is not None,
        "labels": facts.labels,
        "ended": _ended(here, facts),
    }


@dataclass(frozen=True)
class Step:
    state: str
    note: Message | None


@dataclass(frozen=True)
class _Seen:
    """A run as far as the frame needs it."""

    id: str
    name: str
    state: str
    share: float
    seconds_left: float | None
    step: int
    right: float | None  # the task's first measure on the test
    place: int | None = None
    member: bool = False  # a study made it
    measure: Message | None = None  # its name where it is not the share right
    share_of: bool = True  # whether it is a share


@dataclass(frozen=True)
class _Facts:
    """What the steps are computed from."""

    rows: int = 0
    unlabelled: int = 0
    labels: int = 0
    answered: int = 0
    target: str | None = "category"  # kind of the answers; None where there is nothing to answer
    preset: str | None = None
    runs: Sequence[_Seen] = field(default_factory=tuple)
    model: _Seen | None = None  # the newest run that kept a model, if there is one that no study made
    judged: bool = False
    taken: bool = False

    @property
    def waits(self) -> Message | None:
        """What must be there before anything can be learnt."""
        if self.target in SORTED:
            return Message("Needs two labels") if self.labels < 2 else None
        if self.target is None:
            return None if self.rows else Message("Needs texts")
        return None if self.answered else Message("Needs answers")


def _project(here: Here, shared: Sequence[dict[str, Any]]) -> str:
    try:
        return str(here.project_id) if here.project and here.is_guest else here.project.id
    except Missing:
        there = projects.projects(here.workspace)
        if there:
            return there[0].id
        if shared:
            return str(shared[0]["id"])
        return projects.create(here.workspace, Message("My first project").said(here.language)).id


def _shared(here: Here) -> list[dict[str, Any]]:
    """Projects that others share with the caller for labelling: [{id, name, owner}]."""
    if here.studio.mode != "login":
        return []
    found = sharing.with_me(here.studio.home, here.workspace.user)
    return [{"id": sharing.address(owner, one), "name": one.name, "owner": owner} for owner, one in found]


def _for_labelling(here: Here) -> dict[str, Any]:
    """The frame of a project that somebody else shares: only the Label tab, nothing of its runs."""
    counts, target, own = here.dataset.counts(), here.dataset.shape.target, mine(here)
    left = counts.unlabelled if own is None else own.counts["unlabelled"]
    facts = _Facts(rows=counts.rows, unlabelled=left, labels=2, target=target.kind if target else None)
    nothing = {"state": "open", "note": None}
    label = _label(facts)
    steps = dict.fromkeys(_steps(facts), nothing) | {"label": {"state": label.state, "note": label.note}}
    return {
        "steps": steps,
        "next": None,
        "things": here.things,
        "running": None,
        "away": False,
        "labels": 0,
        "ended": [],
        "guest": True,
    }


def _facts(here: Here) -> _Facts:
    counts, target = here.dataset.counts(), here.dataset.shape.target
    runs = here.project.runs()
    seen = {run.id: _seen(here, run) for run in runs}
    kept = next((run for run in own_first(runs) if _has_model(run, seen[run.id])), None)
    folder = kept.folder if kept else None
    return _Facts(
        rows=counts.rows,
        unlabelled=counts.unlabelled,
        labels=sum(1 for n in counts.labels.values() if n),
        answered=counts.labelled,
        target=target.kind if target else None,
        preset=_preset(here.project.folder),
        runs=tuple(seen.values()),
        model=seen[kept.id] if kept else None,
        judged=folder is not None and _is_judged(folder),
        taken=folder is not None and any((folder / "export").glob("*.zip")),
    )


def _seen(here: Here, run: Any) -> _Seen:
    view = run.view()
    right = reached(run, view) if view.state in ("finished", "stopped") else None
    place = here.engine.place(run) if view.state == "queued" else None
    score = tasks.task(run.spec["task"]).scores[0]
    measure = None if score.name == "accuracy" else score.title
    return _Seen(
        run.id,
        run.name,
        view.state,
        view.share,
        view.seconds_left,
        view.step,
        right,
        place,
        "member" in run.spec,
        measure,
        score.share,
    )


def _has_model(run: Any, seen: _Seen) -> bool:
    return seen.state in ("finished", "stopped") and (run.folder / "model" / "hone.json").is_file()


def _is_judged(folder: Path) -> bool:
    try:
        return bool(read_json(folder / "report" / "report.json").get("done"))
    except (OSError, ValueError):
        return False


def _preset(folder: Path) -> str | None:
    """Which preset the Settings tab holds; None while nobody has chosen."""
    try:
        return str(read_json(folder / draft.FILE).get("preset") or "own")
    except (OSError, ValueError):
        return None


# The six steps --------------------------------------------------------------------------------------------------------


def _steps(facts: _Facts) -> dict[str, Step]:
    return {
        "data": _data(facts),
        "label": _label(facts),
        "settings": _settings(facts),
        "train": _train(facts),
        "evaluate": _evaluate(facts),
        "playground": _playground(facts),
    }


def _data(facts: _Facts) -> Step:
    if not facts.rows:
        return Step("open", Message("Add your texts"))
    if not facts.labels:
        return Step("done", plural(facts.rows, "{n:,} text", "{n:,} texts"))
    labels = plural(facts.labels, "{n} label", "{n} labels")
    return Step(
        "done", Message("{texts}, {labels}", texts=plural(facts.rows, "{n:,} text", "{n:,} texts"), labels=labels)
    )


def _label(facts: _Facts) -> Step:
    if not facts.rows:
        return Step("open", Message("Needs texts"))
    if facts.target is None:
        return Step("done", Message("Nothing to label here"))
    if not facts.unlabelled:
        labels = facts.target in SORTED
        return Step("done", Message("Every text has a label") if labels else Message("Every text has an answer"))
    if facts.target not in SORTED:
        return Step("warn", Message("{n:,} still without an answer", n=facts.unlabelled))
    if facts.labels < 2:
        return Step("open", Message("Name the first two labels") if not facts.labels else Message("Needs two labels"))
    return Step("warn", plural(facts.unlabelled, "{n:,} still without a label", "{n:,} still without a label"))


def _settings(facts: _Facts) -> Step:
    if facts.waits:
        return Step("open", facts.waits)
    if facts.preset is None and not facts.runs:
        return Step("open", Message("Choose how hard it tries"))
    return Step("done", PRESETS.get(facts.preset or "balanced", PRESETS["own"]))


def _train(facts: _Facts) -> Step:
    if not facts.runs:
        return Step("open", facts.waits or Message("Ready to start"))
    active = _active(facts)
    if active is None:
        return _last_run(facts)
    if active.state == "queued":
        return Step("busy", Message("{n} in line", n=active.place or 1))
    if active.state == "preparing":
        return Step("busy", Message("Preparing"))
    percent = int(active.share * 100)
    if active.seconds_left is None:
        return Step("busy", Message("{p} %", p=percent))
    return Step("busy", Message("{p} %, {t} left", p=percent, t=duration(active.seconds_left)))


def _last_run(facts: _Facts) -> Step:
    last = facts.runs[0]
    if last.state == "paused":
        return Step("warn", Message("Paused at step {s:,}", s=last.step))
    if last.state == "interrupted":
        return Step("warn", Message("Stopped at step {s:,}", s=last.step))
    if last.state == "failed":
        return Step("warn", Message("The last run did not finish"))
    finished = sum(1 for run in facts.runs if run.state in ("finished", "stopped"))
    if not finished:
        return Step("open", Message("Ready to start"))
    return Step("done", plural(finished, "{n} finished run", "{n} finished runs"))


def _evaluate(facts: _Facts) -> Step:
    if facts.model is None:
        return Step("open", Message("Needs a finished run"))
    if facts.model.right is None:
        return Step("done" if facts.judged else "open", Message("Can you trust it?"))
    value, measure = facts.model.right, facts.model.measure
    if measure is None:
        note = Message("{k} of 100 right", k=int(value * 100 + 0.5))
    else:
        shown = f"{100 * value:.0f} %" if facts.model.share_of else f"{value:.3g}"
        note = Message("{measure} {value}", measure=measure, value=shown)
    return Step("done" if facts.judged else "open", note)


def _playground(facts: _Facts) -> Step:
    if facts.model is None:
        return Step("open", Message("Needs a finished run"))
    return Step("done" if facts.taken else "open", Message("Try it on your own words"))


# The next step, the run at work, what has ended ----------------------------------------------------------------------


def _next(facts: _Facts) -> dict[str, Any]:
    """One sentence and where it leads: texts, two labels, settings, start, verdict, take away."""
    if not facts.rows:
        return {"step": Message("add your texts"), "tab": "data"}
    if facts.waits:
        two = facts.target in SORTED
        step = Message("give at least two labels") if two else Message("give the first answers")
        return {"step": step, "tab": "label"}
    if _active(facts) and facts.unlabelled:
        return {"step": _the_rest(facts), "tab": "label"}
    if _active(facts):
        return {"step": Message("watch it learn"), "tab": "train"}
    if facts.model is None and facts.runs and facts.runs[0].state in ("paused", "interrupted"):
        return {"step": Message("resume the training"), "tab": "train"}
    if facts.model is None and facts.preset is None:
        return {"step": Message("choose the settings"), "tab": "settings"}
    if facts.model is None:
        return {"step": Message("start the training"), "tab": "train"}
    if not facts.judged:
        return {"step": Message("read the verdict"), "tab": "evaluate"}
    if not facts.taken:
        return {"step": Message("take the model away"), "tab": "playground"}
    if facts.unlabelled:
        return {"step": _the_rest(facts), "tab": "label"}
    return {"step": Message("try it on your own words"), "tab": "playground"}


def _the_rest(facts: _Facts) -> Message:
    if facts.target not in SORTED:
        return plural(facts.unlabelled, "answer the last text", "answer the last {n:,} texts")
    return plural(facts.unlabelled, "label the last text", "label the last {n:,} texts")


def _active(facts: _Facts) -> _Seen | None:
    """The run at work, else the first in line."""
    for states in (("running", "preparing"), ("queued",)):
        found = [run for run in facts.runs if run.state in states]
        if found:
            return found[-1]
    return None


def _running(facts: _Facts) -> dict[str, Any] | None:
    run = _active(facts)
    if run is None:
        return None
    if run.state == "queued":
        return {"id": run.id, "text": Message("{n} in line", n=run.place or 1), "share": None, "percent": None}
    if run.state == "preparing":
        return {"id": run.id, "text": Message("Preparing"), "share": None, "percent": None}
    percent = int(run.share * 100)
    return {"id": run.id, "text": Message("Training"), "share": run.share, "percent": percent}


def _ended(here: Here, facts: _Facts) -> list[dict[str, Any]]:
    """What of late has come to its end, and is told: runs that a person started, and studies as a whole."""
    own = [run for run in facts.runs[:MANY] if not run.member][:LATE]
    over = [study for study in studies(here.project.folder)[:LATE] if study.view().state == "over"]
    told = [
        {
            "id": one.id,
            "state": "study",
            "text": Message("Finished: {name}", name=one.name),
            "part": PARTS.get(one.kind, "several"),
        }
        for one in over
    ]
    return [_ending(run) for run in own if run.state in ("finished", "failed", "stopped")] + told


def _ending(run: _Seen) -> dict[str, Any]:
    """For the notification that tells the end of a training."""
    said = {
        "finished": Message("Finished: {name}", name=run.name),
        "stopped": Message("Stopped and kept: {name}", name=run.name),
        "failed": Message("Did not finish: {name}", name=run.name),
    }
    return {"id": run.id, "state": run.state, "text": said[run.state]}
