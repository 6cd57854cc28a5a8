"""Smaller and faster: the Evaluate tab's part where a finished run is made smaller, and where what that brought is measured.

The ways are core.smaller.ways, each result is a run like any other; measuring is a job. Nothing here computes.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from core import tasks
from core.errors import HoneError, Missing
from core.smaller import measuring, results, starting, ways
from core.smaller.results import Line
from core.smaller.ways import Earlier, Option, Way
from core.training import draft as drafts
from core.training.view import facts
from core.words import Message
from webui.calls import Here, call
from webui.finished import own_first
from webui.tabs import settings as settings_tab


@call
def smaller(here: Here, *, run: str | None = None) -> dict[str, Any]:
    """Everything the part draws: {runs, run, ways, made, lines, stale, split, total, measure, share, machine, job}. `run` None, or one that is gone:
    the newest that was not made smaller itself."""
    kept = [one for one in own_first(here.project.runs()) if one.has_model]
    whole = [one for one in kept if not one.spec.get("smaller")]
    chosen = next((one for one in kept if one.id == run), next(iter(whole or kept), None))
    told: dict[str, Any] = {"runs": [{"id": one.id, "title": one.name} for one in kept], "run": chosen and chosen.id}
    if chosen is None:
        return told
    earlier = _earlier(here, chosen)
    made = results.made_of(chosen)
    ready = [one for one in made if one.has_model]
    lines = results.table(chosen, ready)
    measured = measuring.read(chosen.folder)
    score = tasks.task(chosen.spec["task"]).scores[0]
    split = next((line.figures["split"] for line in lines if line.figures), "test")
    return {
        **told,
        "ways": [_way(earlier, one) for one in ways.SMALLER.values()],
        "made": [_made(one) for one in made],
        "lines": [_line(line) for line in lines],
        "stale": bool(results.unmeasured(chosen, ready)),
        "split": split,
        "total": next((len(line.figures["ids"]) for line in lines if line.figures), 0),
        "measure": score.title,
        "share": score.share,
        "machine": measured.get("machine"),
        "job": _job(here, chosen.id),
    }


@call
def smaller_expected(here: Here, *, run: str, way: str, values: Mapping[str, Any]) -> Message | None:
    """What is expected of a way with these values; HoneError where one is off."""
    earlier, chosen = _earlier(here, here.run(run)), ways.way(way)
    return _expected(earlier, chosen, chosen.checked(earlier, values))


@call
def smaller_start(here: Here, *, run: str, way: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Put the new run in line."""
    settings_tab.check_allowed(here)
    limits = here.limits.steps

    def limited(settings: Any, texts: int) -> Any:
        return drafts.limited(settings, SimpleNamespace(train=texts), limits)  # type: ignore[arg-type]

    new = starting.begin(
        here.run(run),
        way,
        values,
        here.dataset,
        uploads=here.workspace.folder / "models",
        folders=here.studio.mode == "local",
        language=here.language,
        limited=limited,
    )
    here.engine.start(new)
    return {"run": new.id}


@call
def smaller_measure(here: Here, *, run: str, again: bool = False) -> dict[str, Any]:
    """Measure the run beside what was not measured yet (or, `again`, beside everything) made of it, as a job."""
    chosen = here.run(run)
    if not chosen.has_model:
        raise Missing(Message("This run has no model yet."), fix=Message("Wait until it has finished."))
    ready = [one for one in results.made_of(chosen) if one.has_model]
    others = [str(one.folder) for one in (ready if again else results.unmeasured(chosen, ready))]
    title = Message("Measuring {run}", run=chosen.name)
    arguments = {"run_dir": str(chosen.folder), "others": others}
    job = here.jobs.start("core.smaller.measuring:measure", arguments, title=title, key=_key(here, run))
    return here.jobs.state(job.id)


@call
def smaller_job(here: Here, *, run: str) -> dict[str, Any] | None:
    """How measuring stands."""
    return _job(here, run)


@call
def smaller_cancel(here: Here, *, run: str) -> None:
    if last := here.jobs.latest(_key(here, run)):
        here.jobs.cancel(last)


CALLS: list[Any] = [smaller, smaller_expected, smaller_start, smaller_measure, smaller_job, smaller_cancel]


# What the page is told ----------------------------------------------------------------------------------------------


def _key(here: Here, run: str) -> str:
    return f"smaller:{here.project_id}:{run}"


def _job(here: Here, run: str) -> dict[str, Any] | None:
    last = here.jobs.latest(_key(here, run))
    if not last:
        return None
    job = here.jobs.state(last)
    return {key: job[key] for key in ("id", "state", "done", "total", "seconds_left", "error")}


def _earlier(here: Here, run: Any) -> Earlier:
    return Earlier(run.folder, run.spec, here.workspace.folder / "models", here.studio.mode == "local")


def _way(earlier: Earlier, way: Way) -> dict[str, Any]:
    why = way.why_not(earlier)
    options = () if why else way.options(earlier)
    return {
        "name": way.name,
        "title": way.title,
        "term": way.term,
        "help": way.help,
        "why_not": why,
        "options": [_option(one) for one in options],
        "expected": None if why else _expected(earlier, way, {one.name: one.default for one in options}),
    }


def _option(one: Option) -> dict[str, Any]:
    values = [{"value": value, "title": title} for value, title in one.values]
    whole = isinstance(one.default, int) and not one.values
    told = {"name": one.name, "title": one.title, "default": one.default, "low": one.low, "high": one.high}
    return {**told, "values": values, "share": one.share, "whole": whole}


def _expected(earlier: Earlier, way: Way, values: Mapping[str, Any]) -> Message | None:
    try:
        expected = way.expected(earlier, values)
    except HoneError:  # a base that nobody knows: said when it is to begin
        return None
    if expected.size is None and expected.work is None:
        return None
    size = results.of_size(expected.size) if expected.size else Message("A few megabytes")
    if expected.work is None:
        return Message("{size}; how much faster, depends on the processor", size=size)
    speed = results.of_speed(1 / expected.work)
    return (
        Message("{size}; about {speed}", size=size, speed=speed)
        if expected.work != 1
        else Message("{size} and speed", size=size)
    )


def _made(run: Any) -> dict[str, Any]:
    now = facts(run.view())
    known = {key: now[key] for key in ("state", "share", "seconds_left")}
    return {"id": run.id, "title": run.name, "way": run.spec["smaller"]["way"], "has_model": run.has_model, **known}


def _line(line: Line) -> dict[str, Any]:
    figures = line.figures or {}
    keys = ("value", "low", "high", "size", "zipped", "parameters", "rate", "one", "memory")
    told = {key: figures.get(key) for key in keys}
    way = (line.run.spec.get("smaller") or {}).get("way")
    more = {"id": line.run.id, "title": line.run.name, "way": way, "sentence": line.sentence, "p": line.p}
    return {**told, **more, "measured": line.figures is not None, "of_size": line.size, "speed": line.speed}
