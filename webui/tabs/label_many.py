"""Many at once: the calls of the Label tab's part where rows are picked by the map, a group, a search, near-equality or a rule, and get one answer.

What a pick is: core.labelling.picks. What it gets: core.data.bulk. Nothing here computes; vectors, map, groups and near-equal texts are jobs.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.data import browse, bulk, edits, guesses, near
from core.data.state import State
from core.labelling import alike, features, picks, rules, suggesting, survey
from core.words import Message
from webui.calls import Here, call

LONGEST = 600  # characters of a text in a list
MOST = 200  # rows a call
NEAR = 40  # groups of near-equal texts that are shown
SHOWN = 4  # texts of each


@call
def many(here: Here) -> dict[str, Any]:
    """What can be done here, and what is there already: {applies, why, rules, search, image, labels, several, counts, learn, map, groups, job}."""
    data = here.dataset
    state, counts = data.state, data.counts()
    why = _why_not(state)
    if why is None and rules.fits(state):
        rules.refresh(data)
        state, counts = data.state, data.counts()
    return {
        "applies": why is None,
        "why": why,
        "rules": rules.fits(state),
        "search": bool(rules.texts(state)),
        "image": next((part.role for part in state.shape.inputs if part.kind == "image"), None),
        "number": bool(state.shape.target and state.shape.target.kind == "number"),
        "several": not state.shape.by_label,
        "labels": [{**one, "colour": one["colour"] - 1} for one in data.labels.labels()],
        "counts": {"labelled": counts.labelled, "unlabelled": counts.unlabelled, "guessed": counts.guessed},
        "learn": _learn(state),
        "mark": picks.mark(state),
        "vectors": bool(features.way(state)),
        "near": bool(rules.texts(state)),
        "job": _job(here, "survey"),
    }


# --- the map and the groups ------------------------------------------------------------------------------------------


@call
def many_make(here: Here, *, groups: int | None = None) -> dict[str, Any]:
    """Draw the map and look for groups, or only look for another number of them."""
    arguments: dict[str, Any] = {"folder": str(here.project.data)}
    if groups is not None:
        arguments["groups"] = min(max(int(groups), survey.FEWEST), survey.MOST)
    function = "core.labelling.survey:" + ("make" if groups is None else "regroup")
    title = Message("Looking at all texts …")
    data = here.dataset
    torch = features.way(data.state) == "encoder" and bool(len(features.missing(data)))
    job = here.jobs.start(function, arguments, title=title, key=_key(here, "survey"), torch=torch)
    return here.jobs.state(job.id)


@call
def many_job(here: Here, *, what: str = "survey") -> dict[str, Any] | None:
    """How a job stands: survey | near."""
    return _job(here, what)


@call
def many_cancel(here: Here, *, job: str) -> None:
    here.jobs.cancel(job)


@call
def many_map(here: Here) -> dict[str, Any] | None:
    """Every row's place on the map, packed: `places` int32, `at` uint16 pairs from 0 to 65535, `label` int16 (place among the labels, -1 without),
    `guess` int16 likewise, each as base64. None where there is no map yet."""
    data = here.dataset
    drawn = survey.the_map(data)
    if drawn is None:
        return None
    state, at = data.state, drawn.at
    low, high = at.min(axis=0, initial=0), at.max(axis=0, initial=0)
    reach = max(float((high - low).max(initial=0)), 1e-9)
    packed = np.round((at - low) / reach * 65535)
    return {
        "mark": picks.mark(state),
        "n": len(drawn.places),
        "places": _packed(drawn.places, "<i4"),
        "at": _packed(packed, "<u2"),
        "label": _packed(state.label[drawn.places] if state.alive else np.full(len(drawn.places), -1), "<i2"),
        "guess": _packed(guesses.labels(state)[drawn.places], "<i2"),
        "missing": drawn.missing,
        "final": drawn.final,
    }


@call
def many_groups(here: Here) -> dict[str, Any] | None:
    """Groups of like rows, the largest first: [{group, size, labelled, words, central: rows, mix: [{label, n}], purity}]."""
    data = here.dataset
    found = survey.the_groups(data)
    if found is None:
        return None
    state = data.state
    listed: list[dict[str, Any]] = []
    for number, words in enumerate(found.words):
        mine = np.flatnonzero(found.group == number)
        if not len(mine):
            continue
        mix = picks.mix(state, mine)
        labelled = int((state.label[mine] >= 0).sum())
        listed.append(
            {
                "group": number,
                "size": len(mine),
                "labelled": labelled,
                "words": list(words),
                "central": _rows(state, np.array(found.central[number], np.int64), 160),
                "mix": mix,
                "purity": mix[0]["n"] / labelled if mix and labelled else None,
            }
        )
    listed.sort(key=lambda one: -int(one["size"]))
    return {"groups": listed, "missing": found.missing, "n": len(listed), "least": survey.FEWEST, "most": survey.MOST}


# --- what is picked, and what it gets --------------------------------------------------------------------------------


@call
def many_look(here: Here, *, pick: dict[str, Any], start: int = 0, count: int = 50) -> dict[str, Any]:
    """The picked rows: {total, labelled, unlabelled, excluded, mix, rows: [{id, place, text, label, shown, guessed, excluded, image}]}."""
    data = here.dataset
    places, state = picks.places(data, pick), data.state
    labelled = state.label[places] >= 0
    listed = (
        places if "search" in pick else places[np.argsort(labelled, kind="stable")]
    )  # first those that are to get one
    begin = max(0, int(start))
    return {
        "total": len(places),
        "labelled": int(labelled.sum()),
        "unlabelled": int((~labelled).sum()),
        "excluded": int(state.edits.excluded[places].sum()),
        "mix": picks.mix(state, places),
        "rows": _rows(state, listed[begin : begin + min(max(1, int(count)), MOST)], LONGEST),
    }


@call
def many_where(here: Here, *, pick: dict[str, Any]) -> dict[str, Any]:
    """The places of the picked rows, to be shown on the map."""
    return {"places": picks.places(here.dataset, pick)}


@call
def many_text(here: Here, *, mark: str, place: int) -> dict[str, Any] | None:
    """One dot of the map: its row. None where the rows have changed."""
    state = here.dataset.state
    if mark != picks.mark(state) or not 0 <= int(place) < len(state):
        return None
    return _rows(state, np.array([int(place)], np.int64), 320)[0]


@call
def many_give(here: Here, *, pick: dict[str, Any], how: str, value: Any = None, over: bool = False) -> dict[str, Any]:
    """Give the picked rows an answer: see `core.data.bulk.Gift`. {step, changed, kept}; `step` goes to `many_undo`."""
    data = here.dataset
    places = picks.places(data, pick)
    told = bulk.give(data, places, bulk.Gift(how, value, bool(over)), here.person)
    return {**told.as_json(), "near": len(alike.beside(data.state, places))}


@call
def many_undo(here: Here, *, step: str) -> dict[str, Any]:
    return {"rows": bulk.take_back(here.dataset, step, here.person)}


@call
def many_leave(here: Here, *, pick: dict[str, Any], back: bool = False) -> dict[str, Any]:
    """Leave the picked rows out, or take them back in. `group` goes to `many_unleave`."""
    data = here.dataset
    places, state = picks.places(data, pick), data.state
    places = places[state.edits.excluded[places] == back]
    if not len(places):
        return {"group": None, "rows": 0}
    group = edits.add(data.log, "restore" if back else "exclude", state.rows.packed(places), who=here.person)
    return {"group": group, "rows": len(places)}


@call
def many_unleave(here: Here, *, group: str) -> None:
    here.dataset.undo(group)


# --- near-equal texts ------------------------------------------------------------------------------------------------


@call
def many_near(here: Here) -> dict[str, Any]:
    """Groups of near-equal texts with members that have no answer: {ready, job, groups: [{near, size, unlabelled, label, mix, rows}], more}.

    `label`: the one that all labelled members have. A job looks for the groups first, where that takes a while.
    """
    data = here.dataset
    state = data.state
    if not near.known(state) and len(state) > 2_000:
        job = _job(here, "near")
        if job is None or job["state"] == "done":
            arguments = {"folder": str(here.project.data)}
            title = Message("Looking for near-equal texts …")
            begun = here.jobs.start("core.labelling.alike:find", arguments, title=title, key=_key(here, "near"))
            job = here.jobs.state(begun.id)
        return {"ready": False, "job": job, "groups": [], "more": 0}
    return {"ready": True, "job": None, **_near_groups(state)}


@call
def many_near_all(here: Here) -> dict[str, Any]:
    """Every group whose labelled members agree: its other members get that label, in one step."""
    data = here.dataset
    return bulk.give_each(data, alike.answers(data.state), here.person).as_json()


# --- rules -----------------------------------------------------------------------------------------------------------


@call
def many_rules(here: Here) -> dict[str, Any]:
    """Rules with what they cover, rules worth having, and what came of them: see `core.labelling.rules.told`."""
    data = here.dataset
    rules.refresh(data)
    state = data.state
    listed = [{**one, "examples": _rows(state, np.array(one["examples"], np.int64), 160)} for one in rules.told(data)]
    sure = state.guesses.probability[guesses.counting(state)]
    return {
        "rules": listed,
        "suggested": suggesting.suggested(state, rules.kept(data)),
        "guessed": len(sure),
        "sure": [{"from": x, "n": int((sure >= x - 1e-9).sum())} for x in (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)],
        "learn": _learn(state),
    }


@call
def many_try(here: Here, *, rule: dict[str, Any]) -> dict[str, Any]:
    """What a rule would say, before it is kept."""
    state = here.dataset.state
    asked = rules.Rule.from_json({**rule, "label": rule.get("label") or (state.alive[0].id if state.alive else 0)})
    told = rules.tried(state, asked)
    return {**told, "examples": _rows(state, np.array(told["examples"], np.int64), 160)}


@call
def many_rule(here: Here, *, rule: dict[str, Any]) -> dict[str, Any]:
    """Keep a rule and guess anew."""
    return {"id": rules.add(here.dataset, rules.Rule.from_json(rule), here.person)}


@call
def many_unrule(here: Here, *, rule: int, back: bool = False) -> None:
    """Remove a rule, or put it back, and guess anew."""
    rules.remove(here.dataset, int(rule), bool(back))


@call
def many_accept(here: Here, *, least: float) -> dict[str, Any]:
    """Guesses that are at least so sure become labels, in one step."""
    data = here.dataset
    here_ = guesses.counting(data.state)
    sure = data.state.guesses.probability[here_] >= float(least) - 1e-9
    return bulk.accept(data, data.state.guesses.places[here_[sure]], here.person).as_json()


@call
def many_learn(here: Here, *, on: bool, least: float) -> dict[str, Any]:
    """Whether a training learns from guessed labels too."""
    guesses.learn_from(here.dataset, bool(on), float(least))
    return _learn(here.dataset.state)


CALLS: list[Any] = [
    many, many_make, many_job, many_cancel, many_map, many_groups, many_look, many_where, many_text, many_give, many_undo, many_leave, many_unleave,
    many_near, many_near_all, many_rules, many_try, many_rule, many_unrule, many_accept, many_learn,
]  # fmt: skip


# --- as the page needs it --------------------------------------------------------------------------------------------


def _why_not(state: State) -> Message | None:
    """Why many cannot be answered at once here; None where they can."""
    target = state.shape.target
    if not len(state):
        return Message("There are no texts yet.")
    if target is None or target.kind not in ("category", "categories", "number"):
        return Message("Answers of this kind differ from text to text, so that no answer fits many at once.")
    if any(part.kind == "choices" for part in state.shape.inputs):
        return Message("Every text has options of its own here, so that no answer fits many at once.")
    return None


def _learn(state: State) -> dict[str, Any]:
    """`n`: training rows that a run would learn from by their guess."""
    return {"on": state.guesses.learn, "least": state.guesses.least, "n": len(guesses.learnable(state))}


def _key(here: Here, what: str) -> str:
    return f"many {what} {here.project.id}"


def _job(here: Here, what: str) -> dict[str, Any] | None:
    """The last job of its kind, unless the server closed under it."""
    last = here.jobs.latest(_key(here, what))
    state = here.jobs.state(last) if last else None
    return None if state is None or state["lost"] else state


def _packed(values: Any, kind: str) -> str:
    return base64.b64encode(np.ascontiguousarray(np.asarray(values).astype(kind)).tobytes()).decode("ascii")


def _rows(state: State, places: NDArray[np.int64], longest: int) -> list[dict[str, Any]]:
    return [
        _row(state, place, row, longest)
        for place, row in zip(places.tolist(), browse.rows(state, places, splits=False), strict=True)
    ]


def _row(state: State, place: int, row: Mapping[str, Any], longest: int) -> dict[str, Any]:
    inputs = state.shape.inputs
    image = next((row["inputs"].get(part.role) for part in inputs if part.kind == "image"), None)
    others = [row["inputs"].get(part.role) for part in inputs[1:] if part.kind == "text"]
    text = " ⁄ ".join([row["text"], *(str(one) for one in others if one)]) if others else row["text"]
    return {
        "id": row["id"],
        "place": place,
        "text": text[:longest],
        "cut": len(text) > longest,
        "image": image,
        "label": row["label_id"],
        "shown": row["label"],
        "guessed": row["guessed"],
        "excluded": row["excluded"],
    }


def _near_groups(state: State) -> dict[str, Any]:
    waiting = alike.waiting(state)
    listed = [
        {
            "near": one.number,
            "size": len(one.places),
            "unlabelled": one.open,
            "label": None if one.label is None else state.alive[one.label].id,
            "mix": picks.mix(state, one.places),
            "rows": _rows(state, one.places[:SHOWN], 240),
        }
        for one in waiting[:NEAR]
    ]
    agreed = [one for one in waiting if one.label is not None]
    rows = sum(one.open for one in agreed)
    return {"groups": listed, "more": max(0, len(waiting) - NEAR), "agreed": len(agreed), "agreed_rows": rows}
