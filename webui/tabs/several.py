"""Several at once: the calls of the Train tab's part for studies. What there is, how one stands, and a person's words to it.

What a kind asks for before it starts stands in a file of its own (several_compare, several_search); here is what all kinds share.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from core.errors import HoneError
from core.studies import study as studies
from core.studies.base import Seen, look
from core.studies.compared import Measure, figure
from core.studies.kinds import kind
from core.studies.study import Study
from core.tasks import task
from core.training import draft as drafts
from core.training.draft import Draft
from core.words import Message
from webui.calls import Here, call, plain
from webui.tabs import settings as form_tab
from webui.tabs import several_compare

MOST_POINTS = 60  # of a member's curve
RESTING = ("paused", "interrupted")


@call
def several(here: Here) -> dict[str, Any]:
    """The studies of a project, newest first, and what is missing before one can start."""
    return {"studies": [listed(one) for one in studies.studies(here.project.folder)], "needs": form_tab.needs(here)}


@call
def several_look(here: Here, *, study: str, stamp: str = "") -> dict[str, Any]:
    """A study as it stands: {"study", "result", "members"}; nothing but the stamp where nothing has changed."""
    one = _study(here, study)
    seen = look(one)
    told = {
        "study": listed(one, seen),
        "result": kind(one.kind).result(one, seen),
        "members": [_member(one, m) for m in seen],
    }
    now = hashlib.blake2s(json.dumps(plain(told, here.language), default=str).encode(), digest_size=8).hexdigest()
    return {"stamp": now} if now == stamp else {**told, "stamp": now}


@call
def several_control(here: Here, *, study: str, word: str) -> dict[str, Any]:
    """stop (what is at work goes to its end), discard (it does not), or continue."""
    one = _study(here, study)
    if word == "continue":
        form_tab.check_allowed(here)
        one.go_on()
        for member in look(one):  # what a person has paused, or a closed server has cut off
            if member.run and member.state in RESTING:
                here.engine.resume(member.run)
    elif word in ("stop", "discard"):
        one.stop(discard=word == "discard")
    else:
        raise HoneError(Message("This page is older than the server."), fix=Message("Reload the page."))
    here.studio.director.lead(one)
    return listed(one)


@call
def several_rename(here: Here, *, study: str, name: str) -> dict[str, Any]:
    one = _study(here, study)
    one.rename(name)
    return listed(one)


@call
def several_delete(here: Here, *, study: str, runs: str = "none") -> dict[str, Any]:
    """Remove a study; of its runs none, all, or all but the best one ("worse")."""
    one = _study(here, study)
    seen = look(one)
    best = best_of(one, seen)
    own = [m for m in seen if m.run and (runs == "all" or (runs == "worse" and m is not best))]
    here.studio.director.leave_study(one)
    one.delete([m.member.run for m in own])
    return {"deleted": len(own)}


@call
def several_use(here: Here, *, study: str, run: str) -> dict[str, Any]:
    """The settings of a member become the draft of the Settings tab."""
    one = _study(here, study)
    if all(member.run != run for member in one.view().members):
        raise HoneError(Message("This run does not belong to the study."))
    spec = here.run(run).spec
    folder = here.project.folder
    before = drafts.read(folder)
    good = form_tab.settle_for(here, Draft("balanced")).good
    changed = {name: value for name, value in spec["settings"].items() if value != good.get(name)}
    drafts.write(folder, replace(drafts.drafted("balanced", {**changed, "base": spec["base"]["id"]}, before)))
    return {}


CALLS: list[Any] = [
    several,
    several_look,
    several_control,
    several_rename,
    several_delete,
    several_use,
    *several_compare.CALLS,
]


# What the page is told -------------------------------------------------------------------------------------------------


def listed(one: Study, seen: Sequence[Seen] | None = None) -> dict[str, Any]:
    """A study as a line of the list."""
    seen = look(one) if seen is None else seen
    spec, view = one.spec, one.view()
    planned = kind(spec["kind"]).planned(spec["question"])
    done = sum(m.ended for m in seen)
    best = best_of(one, seen)
    return {
        "id": one.id,
        "kind": spec["kind"],
        "title": kind(spec["kind"]).title,
        "name": one.name,
        "created": spec["created"],
        "state": _state(view.state, seen),
        "done": done,
        "planned": planned,
        "at_work": next((m.member.label for m in seen if m.at_work), None),
        "share": _share(seen, planned),
        "seconds": round(sum(m.seconds for m in seen)),
        "seconds_left": _left(spec["question"], seen, planned) if view.state == "open" else None,
        "failure": view.failure,
        "best": best and {"label": best.member.label, "run": best.member.run},
        "about": spec["about"],
        "texts": spec["data"]["counts"].get("train"),
    }


def best_of(one: Study, seen: Sequence[Seen]) -> Seen | None:
    """The member with the best figure on validation whose run is still there."""
    measure = Measure.of(one.spec["task"])
    values = {m.key: figure(m, "validation", measure.name).value for m in seen if m.ended and m.run}
    best = measure.best({key: value for key, value in values.items() if value is not None})
    return next((m for m in seen if m.key == best), None)


def _study(here: Here, study: str) -> Study:
    return studies.find(here.project.folder, study)


def _state(state: str, seen: Sequence[Seen]) -> str:
    """open | paused (a person paused the member at work) | stopping | stopped | over."""
    busy = [m for m in seen if m.at_work]
    if state == "open":
        return "paused" if busy and all(m.state == "paused" for m in busy) else "open"
    if state == "stopped":
        return "stopping" if any(m.state not in RESTING for m in busy) else "stopped"
    return state


def _share(seen: Sequence[Seen], planned: int | None) -> float | None:
    if not planned:
        return None
    return min(1.0, sum(1.0 if m.ended else m.view.share if m.view else 0.0 for m in seen) / planned)


def _left(question: dict[str, Any], seen: Sequence[Seen], planned: int | None) -> float | None:
    """Seconds until the end: what is at work, and for each that will follow its estimate, or what the others took on average."""
    if not planned:
        return None
    ended = [m.seconds for m in seen if m.ended and m.seconds]
    busy = [m.view.seconds_left for m in seen if m.at_work and m.view]
    known = [way.get("estimate") for way in question.get("ways", [])]
    each = max(1, int(question.get("folds") or 0))
    told = [one["seconds"] for one in known if one for _ in range(each)]
    coming = max(0, planned - len(seen))
    if len(told) == planned:
        later: float | None = sum(told[len(seen) :])
    else:
        later = coming * sum(ended) / len(ended) if ended else None if coming else 0.0
    if later is None or any(left is None for left in busy):
        return None
    return later + sum(left or 0.0 for left in busy)


def _member(one: Study, m: Seen) -> dict[str, Any]:
    """A member with its curve of the main measure at each check: (round, value)."""
    first = task(one.spec["task"]).scores[0].name
    view = m.view
    return {
        "key": m.key,
        "label": m.member.label,
        "run": m.member.run if m.run else None,
        "state": m.state,
        "share": round(view.share, 3) if view else 1.0,
        "seconds_left": view.seconds_left if view and not m.ended else None,
        "curve": _curve(view, first) if view else [],
    }


def _curve(view: Any, measure: str) -> list[list[float]]:
    """Checks of phases that take rounds; of a fit of the last layer only the last, at nought."""
    rounds = {phase.phase: phase.epochs > 0 for phase in view.phases}
    points: list[list[float]] = []
    for check in view.checks:
        value = check.scores.get(measure)
        if value is None:
            continue
        if rounds.get(check.phase):
            points.append([round(check.epoch, 3), round(value, 5)])
        else:
            points = [[0.0, round(value, 5)]]
    stride = -(-len(points) // MOST_POINTS)
    return [p for i, p in enumerate(points) if i % stride == 0 or i == len(points) - 1] if points else []
