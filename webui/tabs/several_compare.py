"""What "Compare ways" and "Check by folds" ask for before they start: what there is to choose, how long it will take, and the start.

The kinds themselves: core.studies.shootout and core.studies.folds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from core.data import tables
from core.errors import HoneError, SettingsError
from core.studies import folds as by_folds
from core.studies import planned, shootout
from core.studies import study as studies
from core.studies.base import Wanted
from core.studies.dealing import CHOICES
from core.training import draft as drafts
from core.training import estimate as estimates
from core.training.draft import Draft
from core.words import Message
from webui.calls import Here, call
from webui.tabs import settings as form_tab

MOST = 60  # members of one study that the page starts


@call
def several_form(here: Here) -> dict[str, Any]:
    """What can be ticked: {"compare": {methods, bases, rounds, chosen}, "folds": {choices, title, base, test}}."""
    settled = form_tab.settle_for(here, drafts.read(here.project.folder))
    usual = settled if not settled.problems and settled.settings.method != "head" else _balanced(here)
    return {
        "compare": {
            **shootout.proposed(usual),
            "changed": len(settled.changed) if not settled.problems else 0,
            "test": settled.facts.test,
            "validation": settled.facts.validation,
        },
        "folds": {
            "choices": list(CHOICES),
            "title": form_tab.preset_title(settled),
            "base": settled.base.title,
            "problems": len(settled.problems),
            "test": settled.facts.test,
            "texts": settled.facts.train + settled.facts.validation,
        },
    }


@call
def several_estimate(here: Here, *, kind: str, choice: dict[str, Any], anyway: bool = False) -> dict[str, Any]:
    """{"known": seconds of the ways that are known, "ways", "told": how many are known, "measuring"}; asked again while it measures."""
    ways, each = _chosen(here, kind, choice)
    found = [_estimate(here, way) for way in ways]
    known = [one["seconds"] for one in found if one]
    measuring = False
    if len(known) < len(ways) and (anyway or not _at_work(here)):
        told = _told(here, ways[next(i for i, one in enumerate(found) if not one)])
        measuring = told["state"] == "measuring"
    return {"known": sum(known) * each, "ways": len(ways), "told": len(known), "each": each, "measuring": measuring}


@call
def several_start(here: Here, *, kind: str, choice: dict[str, Any], name: str = "") -> dict[str, Any]:
    """Make the study and let it go. Everything is checked again here, before anything is written."""
    lacking = form_tab.needs(here)
    if lacking:
        raise HoneError(lacking["title"], fix=lacking["body"])
    form_tab.check_allowed(here)
    ways, each = _chosen(here, kind, choice)
    if len(ways) * each > MOST:
        raise HoneError(
            Message("That would be {n} trainings; {most} are possible at once.", n=len(ways) * each, most=MOST),
            fix=Message("Choose fewer ways, or fewer folds."),
        )
    ways = [replace(way, estimate=_estimate(here, way)) for way in ways]
    asked = planned.question(
        ways, int(choice.get("folds") or 0), ways[0].settings.seed, _budget(choice) if kind == "shootout" else None
    )
    title = shootout.SHOOTOUT.title if kind == "shootout" else by_folds.FOLDS.title
    about = {"base": ways[0].base["title"], "texts": here.dataset.counts().labelled}
    study = studies.create(
        here.project.folder,
        kind=kind,
        name=name.strip()[:80] or _free_name(here, title.said(here.language)),
        question=asked,
        dataset=here.dataset,
        about=about,
        language=here.language,
    )
    here.studio.director.lead(study)
    return {"study": study.id}


@call
def several_gathered(here: Here, *, study: str) -> dict[str, Any]:
    """The out-of-fold answers as a table to fetch: an answer for every text by a model that had not learnt from it."""
    one = studies.find(here.project.folder, study)
    found = by_folds.out_of_fold(one)
    if not found:
        raise HoneError(Message("No fold has ended yet."))
    columns = [
        "id",
        "fold",
        "credit",
        *sorted({name for answer in found.values() for name in answer} - {"fold", "credit"}),
    ]
    path = one.folder / "answers.csv"
    tables.write(
        path, columns, ([row, *(answer.get(name) for name in columns[1:])] for row, answer in sorted(found.items()))
    )
    return {"url": here.offer(path, "answers.csv"), "rows": len(found)}


CALLS: list[Any] = [several_form, several_estimate, several_start, several_gathered]


# What was chosen -------------------------------------------------------------------------------------------------------


def _chosen(here: Here, kind: str, choice: Mapping[str, Any]) -> tuple[list[Wanted], int]:
    """The members that a choice asks for, and how often each is carried out."""
    draft = drafts.read(here.project.folder)
    folds = int(choice.get("folds") or 0)
    if kind == "folds":
        settled = form_tab.settle_for(here, draft)
        if settled.problems:
            raise SettingsError(settled.problems)
        return [_limited(here, by_folds.way(settled))], max(2, folds)
    if kind != "shootout":
        raise HoneError(Message("This page is older than the server."), fix=Message("Reload the page."))
    budget = shootout.Budget(**_budget(choice))
    found = shootout.ways(
        lambda d: form_tab.settle_for(here, d), draft, _names(choice, "methods"), _names(choice, "bases"), budget
    )
    return [_limited(here, way) for way in found], max(1, folds)


def _budget(choice: Mapping[str, Any]) -> dict[str, Any]:
    try:
        value = float(choice.get("value") or 0)
    except (TypeError, ValueError):
        value = 0.0
    return {"unit": str(choice.get("unit") or "rounds"), "value": value if math.isfinite(value) else 0.0}


def _names(choice: Mapping[str, Any], name: str) -> Sequence[str]:
    told = choice.get(name)
    return [str(one)[:200] for one in told[:40]] if isinstance(told, list) else []


def _limited(here: Here, way: Wanted) -> Wanted:
    """Within a demo's number of steps; followers are the operator's."""
    own = way.settings if here.studio.mode == "local" else way.settings.model_copy(update={"follow": []})
    facts = form_tab.settle_for(here, Draft("balanced")).facts
    parts = sum(phase["method"] != "head" for phase in way.phases)
    return replace(way, settings=drafts.limited(own, facts, here.limits.steps, parts))


def _balanced(here: Here) -> Any:
    changed = {k: v for k, v in drafts.read(here.project.folder).changed.items() if k == "base"}
    return form_tab.settle_for(here, Draft("balanced", changed))


def _settled(here: Here, way: Wanted) -> Any:
    """The draft that gives a way's settings, for which estimates are remembered."""
    values = way.settings.model_dump()
    good = form_tab.settle_for(here, Draft("balanced", {"base": way.base["id"]})).good
    changed = {name: value for name, value in values.items() if value != good.get(name)}
    return form_tab.settle_for(here, Draft("balanced", {**changed, "base": way.base["id"]}))


def _estimate(here: Here, way: Wanted) -> dict[str, Any] | None:
    known = estimates.known(here.jobs, here.project.folder, here.dataset, _settled(here, way))
    return {"seconds": known["seconds"], "low": known["low"], "high": known["high"]} if known else None


def _told(here: Here, way: Wanted) -> dict[str, Any]:
    return estimates.told(here.jobs, here.project.folder, here.dataset, _settled(here, way))


def _at_work(here: Here) -> bool:
    return any(run.view().state in form_tab.AT_WORK for run in here.project.runs())


def _free_name(here: Here, title: str) -> str:
    taken = {one.name for one in studies.studies(here.project.folder)}
    name, number = title, 2
    while name in taken:
        name, number = f"{title} {number}", number + 1
    return name
