"""Train: the search for better settings, and the test that finds a step width. Calls of the part "search"; assets/js/train_search*.js draw it.

A search is a study (core.studies.search) that the server's director leads; stopping it and the like are those of every study (several). The
test is a job (core.studies.rates). Nothing here computes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from core.errors import HoneError, SettingsError
from core.models.catalogue import UPLOADED
from core.models.lookup import look_up
from core.studies import ranges, rates, search, worth
from core.studies.base import look
from core.studies.study import Study, find, studies
from core.training import draft as drafts
from core.training import estimate as estimates
from core.words import Message
from webui import form
from webui.calls import Here, call
from webui.tabs import settings as form_tab

MOST_MINUTES = 10_000.0


@call
def searching(here: Here) -> dict[str, Any]:
    """What a search would start from: {why, offers, trials, seconds (of one trial), base, studies, rates}. `why`: what stands in the way."""
    settled = form_tab.settle_for(here, drafts.read(here.project.folder))
    why = _why_not(here, settled)
    known = None if why else estimates.known(here.jobs, here.project.folder, here.dataset, settled)
    return {
        "why": why,
        "offers": [] if settled.problems else [_offer(one) for one in ranges.offered(settled)],
        "trials": search.TRIALS,
        "most": search.MOST,
        "seconds": known and known["seconds"],
        "preset": form_tab.preset_title(settled),
        "base": settled.base.title,
        "validation": settled.facts.validation,
        "studies": [_listed(one) for one in _searches(here)],
        "steps": settled.base.kind != "classic" and settled.values["method"] != "head",
    }


@call
def search_start(
    here: Here,
    *,
    wanted: dict[str, Any],
    trials: int = search.TRIALS,
    minutes: float | None = None,
    prunes: bool = True,
) -> dict[str, Any]:
    """Begin a search over the draft's settings. `wanted`: {"learning_rate": {"low", "high"}, "method": {"choices"}}."""
    settled = form_tab.settle_for(here, drafts.read(here.project.folder))
    if why := _why_not(here, settled):
        raise HoneError(why["title"], fix=why.get("body"))
    if not settled.base.id.startswith(UPLOADED):
        look_up(settled.base.id)
    form_tab.check_allowed(here)
    study = search.begin(
        here.project.folder,
        here.dataset,
        settled,
        ranges.chosen(settled, wanted),
        trials=int(trials),
        minutes=min(float(minutes), MOST_MINUTES) if minutes else None,
        prunes=bool(prunes),
        language=here.language,
    )
    here.studio.director.lead(study)
    return {"study": study.id}


@call
def search_look(here: Here, *, study: str) -> dict[str, Any]:
    """All of a search as it is now. Once it is over, best and default are compared in a job, which this starts."""
    one = _study(here, study)
    seen, view = look(one), one.view()
    told = search.result(one, seen)
    busy = any(member.at_work for member in seen)
    if view.state == "over" and not busy:
        told["comparing"] = _comparing(here, one, told, {int(s.key): s for s in seen})
    return {**_listed(one), **told, "busy": busy, "failure": view.failure}


@call
def search_use(here: Here, *, study: str, number: int | None = None) -> dict[str, Any]:
    """The values of a trial (the best one's where none is named) become the draft's."""
    one = _study(here, study)
    values = search.best_values(one)
    if number is not None:
        values = next((dict(t.values) for t in search.book_of(one).trials() if t.number == number), {})
    asked = one.question
    draft = drafts.drafted(asked["preset"], {**asked["changed"], **values}, drafts.read(here.project.folder))
    if "base" not in asked["changed"]:
        draft = replace(draft, changed={k: v for k, v in draft.changed.items() if k != "base"})
    drafts.write(here.project.folder, draft)
    return {"values": values}


# --- the step width -----------------------------------------------------------------------------------------------------


@call
def rates_look(here: Here) -> dict[str, Any]:
    """{"found": what the last test found, "job": how the one under way stands, "fits": whether it was made with the method and base of now}."""
    job = here.jobs.latest(_rates_key(here))
    state = here.jobs.state(job) if job else None
    settled = form_tab.settle_for(here, drafts.read(here.project.folder))
    found = rates.kept(here.project.folder)
    now = {name: settled.values.get(name) for name in (found or {}).get("settings", {})}
    fits = bool(found) and found is not None and found["base"] == settled.base.id and found["settings"] == now
    return {"found": found, "fits": fits, "job": state, "now": settled.values.get("learning_rate")}


@call
def rates_start(here: Here) -> dict[str, Any]:
    """Take the steps with the draft's settings, as a job."""
    settled = form_tab.settle_for(here, drafts.read(here.project.folder))
    if why := _why_not(here, settled):
        raise HoneError(why["title"], fix=why.get("body"))
    order = {
        "data": str(here.project.data),
        "settings": settled.settings.model_dump(),
        "base": settled.base.as_json(),
        "keep": str(here.project.folder),
    }
    job = here.jobs.start(rates.JOB, order, title=Message("Finding the step width"), key=_rates_key(here), torch=True)
    return here.jobs.state(job.id)


@call
def rates_cancel(here: Here, *, job: str) -> None:
    here.jobs.cancel(job)


@call
def rates_use(here: Here, *, rate: float) -> dict[str, Any]:
    """The step width becomes the draft's."""
    before = drafts.read(here.project.folder)
    draft = drafts.drafted(before.preset, {**before.changed, "learning_rate": float(rate)}, before)
    drafts.write(here.project.folder, draft)
    return {"rate": float(rate)}


CALLS: list[Any] = [
    searching,
    search_start,
    search_look,
    search_use,
    rates_look,
    rates_start,
    rates_cancel,
    rates_use,
]


# Small things --------------------------------------------------------------------------------------------------------


def _why_not(here: Here, settled: Any) -> dict[str, Any] | None:
    """What stands in the way of a search, and the tab that mends it."""
    if lacking := form_tab.needs(here):
        return lacking
    if here.demo:
        return {
            "title": Message("A search is many trainings; this demo makes one at a time."),
            "body": None,
            "tab": None,
        }
    if settled.problems:
        raised = SettingsError(settled.problems)
        return {
            "title": raised.problems[0].message,
            "body": None,
            "tab": "settings",
            "action": Message("Go to settings"),
        }
    if not settled.facts.validation:
        return {
            "title": Message("A search compares trials on the texts kept aside for validation, and there are none."),
            "body": Message("Give validation a share on the Data tab."),
            "tab": "data",
            "action": Message("Go to data"),
        }
    return None


def _offer(one: ranges.Offer) -> dict[str, Any]:
    control = form.control(one.knob)
    told = {name: control[name] for name in ("title", "help", "term")}
    titles = {choice: one.knob.choices[choice] for choice in one.range.choices}
    return {
        **one.range.as_json(),
        **told,
        "titles": titles,
        "value": one.value,
        "ticked": one.ticked,
        "needs": one.needs,
    }


def _searches(here: Here) -> list[Study]:
    return [one for one in studies(here.project.folder) if one.kind == search.NAME]


def _listed(one: Study) -> dict[str, Any]:
    spec = one.spec
    return {"id": one.id, "name": one.name, "state": one.view().state, "created": spec["created"]}


def _study(here: Here, study: str) -> Study:
    one = find(here.project.folder, study)
    if one.kind != search.NAME:
        raise HoneError(Message("This page is older than the server."), fix=Message("Reload the page."))
    return one


def _comparing(here: Here, one: Study, told: dict[str, Any], seen: dict[int, Any]) -> dict[str, Any] | None:
    """The job that compares best and default; None where nothing is to be compared, or it is done."""
    best, default = told["best"], told["default"]
    if told["compared"] or None in (best, default) or best == default:
        return None
    if not all(n in seen and seen[n].run and seen[n].run.has_model for n in (best, default)):
        return None  # one of them was made elsewhere, or is deleted
    key = f"search:{one.id}"
    job = here.jobs.latest(key)
    state = here.jobs.state(job) if job else None
    if state is None or (state["state"] in ("failed", "cancelled") and state["lost"]):
        order = {"folder": str(one.folder), "best": best, "default": default}
        job = here.jobs.start(
            worth.JOB, order, title=Message("Comparing the best with the default"), key=key, torch=True
        ).id
        state = here.jobs.state(job)
    return state


def _rates_key(here: Here) -> str:
    return f"rates:{here.project.folder.name}"
