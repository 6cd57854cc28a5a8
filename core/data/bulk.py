"""One answer for many rows at once, as one step that can be taken back whole. Answers are of origin "bulk" and overlay nothing unless asked to.

    step = give(data, places, Gift("set", label), "eva")     step.changed, step.kept
    take_back(data, step.step, "eva")

Knows nothing of how the rows were chosen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.data import guesses, votes
from core.data.labels import alive_label
from core.data.state import State
from core.errors import DataError, Missing
from core.words import Message
from core.workspace import new_id

if TYPE_CHECKING:
    from core.data.dataset import Dataset

HOWS = ("set", "add", "take", "clear")
ORIGIN = "bulk"
Places = NDArray[np.int64]


@dataclass(frozen=True)
class Gift:
    """What the rows are to get. `how`: set (one label, or a number) | add or take (a label of several) | clear (no answer any more).

    `over`: rows that have another answer get it too.
    """

    how: str
    value: Any = None
    over: bool = False


@dataclass(frozen=True)
class Step:
    """`step` names it for `take_back`; `changed` rows have another answer now, `kept` still have the one they had before."""

    step: str
    changed: int
    kept: int

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def give(data: Dataset, places: Places, gift: Gift, who: str) -> Step:
    """Give rows an answer. Rows that say so already are left alone; those with another answer keep it unless `gift.over`."""
    state = data.state
    places = np.asarray(places, np.int64)
    if gift.how not in HOWS:
        raise DataError(Message("“{value}” is not one of {choices}.", value=gift.how[:40], choices=", ".join(HOWS)))
    wanted, kept = _answers(state, places[state.usable[places]], gift)
    return Step(_save(data, wanted, who), len(wanted), kept)


def accept(data: Dataset, places: Places, who: str) -> Step:
    """Guesses of rules become answers."""
    state = data.state
    open_ = np.intersect1d(places, guesses.guessed(state))
    wanted = [(place, guesses.value(state, place)) for place in open_.tolist()]
    return Step(_save(data, wanted, who), len(wanted), len(places) - len(wanted))


def give_each(data: Dataset, answers: Iterable[tuple[int, Any]], who: str) -> Step:
    """An answer of its own for each (place, value with names); rows that have one already keep it."""
    state, asked = data.state, list(answers)
    wanted = [(place, value) for place, value in asked if state.usable[place] and state.label[place] < 0]
    return Step(_save(data, wanted, who), len(wanted), len(asked) - len(wanted))


def take_back(data: Dataset, step: str, who: str) -> int:
    """Undo one step of one's own; what stood on the rows before is in force again. The number of rows it was about."""
    mine = "SELECT row FROM answers WHERE client = ? AND who = ?"
    asked = (str(step), who)
    with data.log.change("answers") as (db, version):
        rows = [r[0] for r in db.execute(f"{mine} AND NOT undone", asked)]
        if not rows:
            raise Missing(Message("There is no such change to undo."))
        db.execute("UPDATE answers SET undone = 1 WHERE client = ? AND who = ?", asked)
        if votes.is_on(db):
            votes.count(db, rows, version)
            return len(rows)
        empty = f"UPDATE in_force SET label = NULL, value = NULL, seq = NULL, stamp = ? WHERE row IN ({mine})"
        db.execute(empty, (version, *asked))
        db.execute(votes.LAST.replace("NOT undone", f"NOT undone AND row IN ({mine})"), (version, *asked))
    return len(rows)


Wanted = list[tuple[int, Any]]


def _answers(state: State, places: Places, gift: Gift) -> tuple[Wanted, int]:
    """(place, value with names or None) of the rows that change, and how many others keep another answer."""
    target = state.shape.target.kind if state.shape.target else None
    if gift.how == "clear":
        return [(place, None) for place in places[state.label[places] >= 0].tolist()], 0
    if gift.how in ("add", "take"):
        if target != "categories":
            raise DataError(Message("Rows have one label here; it can be set, not added."))
        return list(_sets(state, places, gift)), 0
    value: Any
    if target == "category" and state.shape.by_label:
        label = alive_label(state, gift.value)
        same, answered, value = state.label[places] == label, state.label[places] >= 0, state.alive[label].name
    elif target == "number":
        value = float(gift.value)
        same = np.array([state.value(place) == value for place in places.tolist()], np.bool_)
        answered = state.label[places] >= 0
    else:
        raise DataError(Message("Answers of this kind are given one by one."))
    change = ~same & (gift.over | ~answered)
    return [(place, value) for place in places[change].tolist()], int((~same & ~change).sum())


def _sets(state: State, places: Places, gift: Gift) -> Iterator[tuple[int, list[str]]]:
    name = state.alive[alive_label(state, gift.value)].name
    for place in places.tolist():
        now = list(state.value(place) or [])
        if gift.how == "add" and name not in now:
            yield place, [*now, name]
        if gift.how == "take" and name in now:
            yield place, [one for one in now if one != name]


def _save(data: Dataset, wanted: Iterable[tuple[int, Any]], who: str) -> str:
    step, state = new_id("step"), data.state
    wanted = list(wanted)
    if wanted:
        rows = state.rows.ids(np.array([place for place, _ in wanted], np.int64))
        column = "label" if state.shape.by_label else "value"
        entries = (
            {"row": row, column: value, "seq": number, "client": step}
            for number, (row, (_, value)) in enumerate(zip(rows, wanted, strict=True))
        )
        data.labels.decide(entries, who, ORIGIN)
    return step
