"""The Train tab: one run as it is now, and the list of all. Here are its calls; assets/js/train*.js draw it.

Nothing here owns a run: every call reads the run's folder (incrementally, see `core.training.runs`) or leaves a word for the engine.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from functools import reduce
from typing import Any

from core import followers, tasks
from core.errors import HoneError
from core.settings import Knob, knobs
from core.studies.study import studies
from core.tasks.base import metric_of
from core.training import draft as drafts
from core.training import watching
from core.training.settings import TrainingSettings
from core.training.view import facts
from core.words import Message
from webui import form
from webui.calls import Here, call, panel
from webui.page import Page
from webui.tabs import retune, several
from webui.tabs import search as searches
from webui.tabs import settings as form_tab

DRAWN = ("generation", "reset", "seen_points", "seen_checks", "points", "checks")
OFTEN = (
    "state", "preparing", "step", "steps", "epoch", "epochs", "phase", "share", "seconds", "seconds_left", "loss", "learning_rate",
    "grad_norm", "examples_per_second", "tokens_per_second", "memory", "memory_total",
)  # fmt: skip
SELDOM = ("phases", "best_step", "scores", "before", "test", "notices", "failure")  # sent when one of them has changed


def tab(page: Page) -> None:
    calls: list[Any] = [training, opened, follow, control, start, start_again, details, note, delete, watchable, watch]
    panel(page, "train", [*calls, *several.CALLS, *searches.CALLS, *retune.CALLS])


@call
def training(here: Here) -> dict[str, Any]:
    """The list of runs, newest first, the draft that would be started, and the studies that runs may belong to."""
    there = [{"id": one.id, "name": one.name} for one in studies(here.project.folder)]
    return {"runs": [_listed(run) for run in here.project.runs()], "draft": form_tab.summary(here), "studies": there}


@call
def opened(here: Here, *, run: str) -> dict[str, Any]:
    """What of a run does not change while it works: its labels, the watched texts, its task's measures and the one it goes by.
    `single`: each answer is one of the labels."""
    one = here.run(run)
    spec = one.spec
    task = tasks.task(spec["task"])
    return {
        "run": run,
        "labels": _labels(spec),
        "watched": watching.watched(one),
        "single": task.annotation.kind == "single",
        "scores": [{"name": s.name, "title": s.title, "help": s.help} for s in task.scores],
        "metric": metric_of(task, spec["settings"].get("metric", "main")),
        "why": spec["why"],
        "phases": [phase["method"] for phase in spec["phases"]],
    }


@call
def follow(
    here: Here, *, run: str, generation: str = "", points: int = 0, checks: int = 0, stamp: str = ""
) -> dict[str, Any]:
    """What the page does not know yet. Small while nothing but steps has come: notices and the like only when they changed."""
    one = here.run(run)
    told = one.delta(generation, points, checks)
    slow = {name: told[name] for name in SELDOM}
    slow |= {"followers": followers.told(one.folder) if here.studio.mode == "local" else []}
    slow |= {"phases": [_phase(p) for p in told["phases"]], "failure": _failure(one, told["failure"])}
    now = hashlib.blake2s(
        json.dumps([slow, told["state"], told["seen_checks"]], default=str).encode(), digest_size=8
    ).hexdigest()
    answer = {name: told[name] for name in (*DRAWN, *OFTEN)} | {"stamp": now, "asked": one.controlled()}
    if now != stamp:
        answer["slow"] = slow
    if told["state"] == "queued":
        place = here.engine.line(one)
        answer["line"] = place and place.as_json()
    return answer


@call
def control(here: Here, *, run: str, word: str) -> dict[str, Any]:
    """pause, resume, stop (and keep) or discard. Returns at once; what comes of it shows in the run."""
    one = here.run(run)
    verbs = {
        "pause": here.engine.pause,
        "resume": here.engine.resume,
        "stop": here.engine.stop,
        "discard": here.engine.discard,
    }
    if word not in verbs:
        raise HoneError(Message("This page is older than the server."), fix=Message("Reload the page."))
    verbs[word](one)
    return {"state": here.engine.state(one)}


@call
def start(here: Here) -> dict[str, Any]:
    return form_tab.start(here)


@call
def start_again(here: Here, *, run: str, values: dict[str, Any]) -> dict[str, Any]:
    """A new run with the settings of an earlier one and some of them changed; they become the draft too."""
    spec = here.run(run).spec
    before = drafts.read(here.project.folder)
    mine = {name: value for name, value in spec["settings"].items() if name in spec["changed"]}
    draft = drafts.drafted(spec["preset"], {**mine, **values}, before)
    drafts.write(here.project.folder, draft)
    return {"run": form_tab.begin(here, draft).id}


@call
def details(here: Here, *, run: str) -> dict[str, Any]:
    """The traceback of a failed run, without the folders of this server where others can see it."""
    text = here.run(run).error
    return {"text": text if here.studio.mode == "local" else text.replace(str(here.studio.home), "…")}


@call
def note(here: Here, *, run: str, name: str | None = None, text: str | None = None) -> dict[str, Any]:
    """What the person calls a run and thinks of it."""
    one = here.run(run)
    if name is not None and not name.strip():
        raise HoneError(Message("A run needs a name."))
    one.set_notes(name=name, note=text)
    return _listed(one)


@call
def delete(here: Here, *, run: str) -> dict[str, Any]:
    here.run(run).delete()
    return {}


@call
def watchable(here: Here, *, run: str, search: str = "", start: int = 0) -> dict[str, Any]:
    """Texts that could be watched: of the validation split, where the model answers at every check."""
    return watching.candidates(here.run(run), search=search[:200], start=max(0, start), count=40)


@call
def watch(here: Here, *, run: str, rows: list[str]) -> dict[str, Any]:
    """Watch other texts from the next check on, and in later runs."""
    one = here.run(run)
    chosen = watching.choose(one, rows)
    draft = drafts.read(here.project.folder)
    drafts.write(here.project.folder, replace(draft, watched=tuple(chosen)))
    return opened(here, run=run)


# What the page is told -------------------------------------------------------------------------------------------------


def _listed(run: Any) -> dict[str, Any]:
    """A run as a line of the list."""
    spec, notes = run.spec, run.notes
    now = facts(run.view())
    main = tasks.task(spec["task"]).scores[0]
    return {
        "id": run.id,
        "name": notes["name"] or spec["name"],
        "note": notes["note"],
        "changed": _changes(spec),
        "created": spec["created"],
        "state": now["state"],
        "step": now["step"],
        "share": now["share"],
        "score": now["scores"].get(main.name),
        "measure": main.title,
        "seconds": now["seconds"],
        "texts": spec["data"]["counts"].get("train"),
        "base": spec["base"]["title"],
        "study": spec.get("study"),
    }


def _changes(spec: Mapping[str, Any]) -> list[Message]:
    """The knobs in which a run differs from its preset, in words."""
    declared = {k.name: k for k in knobs(TrainingSettings)}
    found = []
    for name, value in spec["changed"].items():
        if name == "base":
            found.append(Message.from_json(spec["base"]["title"]))
        elif name in declared:
            found.append(Message("{title}: {value}", title=declared[name].title, value=_value(declared[name], value)))
    return found


def _value(knob: Knob, value: Any) -> Message | str:
    """The value of a knob in words."""
    if value is None:
        return Message("by itself")
    if isinstance(value, bool):
        return Message("on") if value else Message("off")
    if isinstance(value, list):
        named = [knob.choices.get(one, one) for one in value] or [Message("nothing")]
        return reduce(lambda some, more: Message("{some}, {more}", some=some, more=more), named)
    return knob.choices.get(value, form.plain(value))


def _labels(spec: Mapping[str, Any]) -> list[dict[str, Any]]:
    names, colours = spec["labels"]["names"], spec["labels"]["colours"]
    return [{"name": name, "colour": colour - 1} for name, colour in zip(names, colours, strict=True)]


def _phase(phase: Mapping[str, Any]) -> dict[str, Any]:
    """A phase without all its settings: where it begins, how far it goes, its step width, and on what it computes."""
    settled = phase["settled"]
    rest = {name: phase[name] for name in ("method", "first_step", "steps", "epochs", "steps_per_epoch")}
    return {**rest, "learning_rate": settled.get("settings", {}).get("learning_rate"), "device": settled.get("device")}


def _failure(run: Any, failure: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """A failed run with its one repair, where there is one: the smaller batch."""
    if not failure:
        return None
    repair = None
    if failure["code"] == "out_of_memory":
        smaller = max(1, int(run.spec["settings"]["batch_size"]) // 2)
        repair = {"title": Message("Try with {c}", c=smaller), "set": {"batch_size": smaller}}
    return {**failure, "repair": repair}
