"""Label: the guide. Which text next, what the small model would say of it, how often it has been right, how good it is by now.

The model lives in a resident process (core.labelling.guide); here its answers become what the page shows. It never labels by itself.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from core.data import browse
from core.labelling.offer import link_of, ways
from webui.calls import Here, call, labelling
from webui.tabs.label_rows import listed, mine, shown

SECONDS = 30.0  # an answer of the guide takes well under one; the first one, with its imports, a few
RECORD = 50  # answers over which its record is counted
MOST = 40  # texts a call


def offered(state: Any) -> dict[str, Any]:
    """The ways to choose the next text, which of them is proposed, and what learns along (`link`, "" where nothing can)."""
    link = link_of(state)
    found = ways(link)
    told = [{"name": one.name, "title": one.title, "sentence": one.sentence} for one in found]
    return {"link": link, "ways": told, "order": found[0].name if link else "file"}


@call
@labelling
def guided(
    here: Here,
    *,
    rows: list[str],
    count: int = 0,
    order: str = "helpful",
    show: str = "unlabelled",
    search: str = "",
    label: str = "",
    without: list[str] | None = None,
    like: str | None = None,
    first: str | None = None,
    at: int = 0,
) -> dict[str, Any]:
    """Guesses for `rows`, and the `count` texts that are to come next in an order of the guide's; `first` is the one a person saw before
    a reload, if it still fits."""
    data, own = here.dataset, mine(here)
    only, words = listed(show, search, label)
    question = {
        "what": "look",
        "folder": str(data.folder),
        "rows": [str(row) for row in rows[:MOST]],
        "count": max(0, min(int(count), MOST)),
        "order": str(order),
        "only": only,
        "search": words,
        "without": [str(row) for row in without or ()],
        "like": like,
        "first": first,
        "at": int(at),
        "person": here.person if own is not None else None,
    }
    told = here.studio.guide.ask(question, SECONDS)
    state = data.state
    places = np.array([state.rows.place(row) for row in told["next"]], np.int64)
    found = browse.rows(state, places, splits=False)
    return {
        "rows": shown(here, found, own, None),
        "total": told["total"],
        "aside": told["aside"],
        "link": told["link"],
        "learnt": told["learnt"],
        "missing": told["missing"],
        "guesses": {} if own is not None and own.blind else told["guesses"],
        "record": record(data),
    }


@call
@labelling
def prepare(here: Here) -> str:
    """Make vectors of the texts, in the background; the id of the job."""
    folder = str(here.dataset.folder)
    return here.jobs.start(
        "core.labelling.features:compute", {"folder": folder}, key=f"vectors:{folder}", torch=True
    ).id


@call
@labelling
def prepared(here: Here, *, job: str) -> dict[str, Any]:
    return here.jobs.state(job)


@call
@labelling
def unprepare(here: Here, *, job: str) -> None:
    here.jobs.cancel(job)


@call
@labelling
def estimated(here: Here) -> dict[str, Any]:
    """How good a model would be by now, what more labels would bring, and which labels lack texts."""
    told: dict[str, Any] = here.studio.guide.ask({"what": "estimate", "folder": str(here.dataset.folder)}, 4 * SECONDS)
    return told


CALLS: list[Any] = [guided, prepare, prepared, unprepare, estimated]


def record(data: Any) -> dict[str, int]:
    """{"right", "of"}: of the last answers before which the model had said something, how often it had said the same."""
    query = (
        "SELECT label, value, guess FROM answers WHERE guess IS NOT NULL AND NOT undone AND origin = 'human' "
        "AND (label IS NOT NULL OR value IS NOT NULL) ORDER BY seq DESC LIMIT ?"
    )
    found = data.log.read().execute(query, (RECORD,)).fetchall()
    return {"right": sum(_right(row) for row in found), "of": len(found)}


def _right(answer: Any) -> bool:
    said = json.loads(answer["guess"])
    if answer["value"] is None:
        return bool(said.get("value", said.get("label")) == answer["label"])
    return _plain(said.get("value")) == _plain(json.loads(answer["value"]))


def _plain(value: Any) -> Any:
    """Lists in one order, so that equal sets are equal."""
    if not isinstance(value, list):
        return value
    return sorted(json.dumps(one, sort_keys=True) for one in value)
