"""The Label tab's part "Together": who labels what, how far they are, how well they agree, and settling what they disagree on.

The owner of a project decides and settles. Somebody it is shared with sees how far everybody is, and how well they agree once their own rows
are done, if answers are hidden until then. The page is assets/js/label_team*.js.
"""

from __future__ import annotations

from typing import Any

from core import sharing
from core.data import team, together, votes
from core.data.values import kind
from core.errors import DataError
from core.words import Message
from webui.calls import Here, call, labelling
from webui.tabs.label_rows import LONGEST, mine

MOST = 50  # rows to settle a call


@call
@labelling
def team_state(here: Here) -> dict[str, Any]:
    """The team, its people, their agreement (None while it is hidden from the person) and what is to be settled.

    `decides`: may change the team and settle. `blind`: others' answers are hidden from the person for now. `logins`: who could be asked.
    """
    data, project = here.dataset, here.project
    chosen, shared = team.of(data.log), sharing.of(project)
    own = mine(here)
    blind = own is not None and own.blind
    target = data.shape.target
    found = together.told(data, chosen)
    return {
        "version": data.version,
        "team": {**chosen.as_json(), "everybody_with_a_login": shared.everybody},
        "me": here.person,
        "named": here.studio.mode != "local" or here.person != here.workspace.user,
        "mode": here.studio.mode,
        "decides": not here.is_guest,
        "logins": [name for name in here.studio.people() if name != here.person] if not here.is_guest else [],
        "blind": blind,
        "kind": target.kind if target else None,
        "people": [{**one, "agrees": None} for one in found["people"]] if blind else found["people"],
        "agreement": None if blind else found["agreement"],
        "settling": None if here.is_guest or blind else found["settling"],
        "mine": own.counts if own else None,
        "texts": data.counts().rows,
    }


@call
def team_save(
    here: Here,
    *,
    mode: str,
    people: list[str],
    share: float,
    times: int,
    hidden: bool,
    everybody_with_a_login: bool = False,
) -> None:
    """Say who labels what. With a login the project is shared with exactly these people."""
    if here.demo:
        raise DataError(Message("In the demo everybody works alone."))
    told = {"mode": mode, "people": people, "share": share, "times": times, "hidden": hidden}
    chosen = team.Team.from_json(told)
    if here.studio.mode == "login":
        unknown = [name for name in chosen.people if name not in here.studio.people()]
        if unknown:
            raise DataError(
                Message("Nobody here is called “{name}”.", name=unknown[0]),
                fix=Message("Names are those of the login, with small and large letters as they are there."),
            )
        others = [name for name in chosen.people if name != here.person] if chosen.on else []
        sharing.share(here.project, others, chosen.on and everybody_with_a_login)
    votes.set_team(here.dataset, chosen)


@call
def team_join(here: Here) -> dict[str, Any]:
    """On one's own machine: the name under which the page now labels is of the team from here on."""
    if here.person != here.workspace.user:
        votes.join(here.dataset, here.person)
    return {"me": here.person}


@call
def to_settle(
    here: Here,
    *,
    only: str = "all",
    labels: list[str | None] | None = None,
    of: list[str] | None = None,
    after: str | None = None,
    count: int = 20,
) -> dict[str, Any]:
    """Rows on which people differ, with everybody's answers side by side: see `core.data.together.to_settle`."""
    data = here.dataset
    found = together.to_settle(data, only, labels or (), of or (), after, min(max(1, int(count)), MOST))
    target = data.shape.target
    rows = [
        {
            "id": row["id"],
            "n": row["number"],
            "text": row["text"][:LONGEST],
            "inputs": {part.role: row["inputs"].get(part.role) for part in data.shape.inputs},
            "now": row["label"],
            "answers": [{**one, "said": kind(target.kind).shown(one["value"], row["inputs"])} for one in row["answers"]]
            if target
            else [],
        }
        for row in found["rows"]
    ]
    return {"rows": rows, "total": found["total"], "settling": together.settling(data)}


@call
def settle(here: Here, *, entries: list[dict[str, Any]]) -> dict[str, Any]:
    """Save which answer is right, as `label.put`: it stands whatever people say later, until it is taken back (`takes_back`)."""
    return here.dataset.labels.put(entries, here.person, "settled")


CALLS: list[Any] = [team_state, team_save, team_join, to_settle, settle]
