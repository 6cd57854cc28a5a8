"""What rules guessed of rows that nobody has answered: kept apart from answers, shown as guessed, learnt from only where a person says so.

The log's table `guesses` holds one guess a row, with its probability and who made it (origin "rule"). A guess counts while its row has no
answer; an answer, also the one that takes the label away, hides it. Knows nothing of rules.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.data.splits import TRAIN
from core.data.values import kind

if TYPE_CHECKING:
    from core.data.dataset import Dataset
    from core.data.rows import Rows
    from core.data.state import State

LEAST = 0.8  # of a guess that a model may learn from, unless the person chooses otherwise
UNTOUCHED = -2  # as in core.data.state

Places = NDArray[np.int64]


@dataclass(frozen=True)
class Guesses:
    """Guesses by rising `places`: `label` (n,) label ids (-1 where the guess is a value), `probability` (n,), `values` by place.

    `learn`: a model learns from guesses of at least `least`, too.
    """

    places: Places = field(default_factory=lambda: np.zeros(0, np.int64))
    label: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))
    probability: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    values: dict[int, Any] = field(default_factory=dict)
    learn: bool = False
    least: float = LEAST

    def at(self, place: int) -> int:
        """Where a row's guess stands; -1 without one."""
        found = int(np.searchsorted(self.places, place))
        return found if found < len(self.places) and self.places[found] == place else -1


def read(db: sqlite3.Connection, rows: Rows, told: Any) -> Guesses:
    """`told`: the setting "guesses" of the data set."""
    told = told or {}
    how = (bool(told.get("learn")), float(told.get("least", LEAST)))
    found = db.execute("SELECT row, label, value, probability FROM guesses WHERE origin = 'rule'").fetchall()
    if not found:
        return Guesses(learn=how[0], least=how[1])
    places = rows.places(np.array([r["row"] for r in found], np.int64))
    order = np.argsort(places, kind="stable")
    order = order[places[order] >= 0]
    label = np.array([-1 if r["label"] is None else r["label"] for r in found], np.int32)
    probability = np.array([r["probability"] for r in found], np.float64)
    values = {int(places[i]): json.loads(found[i]["value"]) for i in order.tolist() if found[i]["value"] is not None}
    return Guesses(places[order], label[order], probability[order], values, *how)


def counting(state: State) -> NDArray[np.int64]:
    """Which guesses (their numbers in `state.guesses`) count now: of rows that take part and that nobody has answered, with a label that
    is still there."""
    if "guesses" not in state.memory:
        here = state.guesses.places
        open_ = state.usable[here] & (state.label[here] < 0) & (state.human[here] == UNTOUCHED)
        if state.shape.by_label:
            open_ &= state.resolved(state.guesses.label) >= 0
        state.memory["guesses"] = np.flatnonzero(open_)
    found: NDArray[np.int64] = state.memory["guesses"]
    return found


def guessed(state: State) -> Places:
    """Places of the rows with a guess that counts."""
    return state.guesses.places[counting(state)]


def value(state: State, place: int) -> Any:
    """The guess of a row as the target's value, with the names labels have now; None without one."""
    at = state.guesses.at(place)
    if at < 0 or state.shape.target is None:
        return None
    if state.shape.by_label:
        label = int(state.resolved(state.guesses.label[[at]])[0])
        return state.alive[label].name if label >= 0 else None
    return kind(state.shape.target.kind).renamed(state.guesses.values[place], state._names_by_id)


def shown(state: State, place: int) -> dict[str, Any] | None:
    """{label, p} of a row whose guess counts: the guess in one line, and how sure it is."""
    mine = state.guesses.at(place)
    if mine < 0 or mine not in set_of(state):
        return None
    guess = value(state, place)
    if guess is None or state.shape.target is None:
        return None
    line = kind(state.shape.target.kind).shown(guess, {"text": ""})
    return {"label": line, "p": round(float(state.guesses.probability[mine]), 3)}


def set_of(state: State) -> set[int]:
    if "guesses set" not in state.memory:
        state.memory["guesses set"] = set(counting(state).tolist())
    found: set[int] = state.memory["guesses set"]
    return found


def labels(state: State) -> NDArray[np.int64]:
    """Place among the labels of each row's guess, -1 without one; of several the first."""
    found = np.full(len(state), -1, np.int64)
    at = {label.name: number for number, label in enumerate(state.alive)}
    for place in guessed(state).tolist():
        guess = value(state, place)
        found[place] = at.get(guess if isinstance(guess, str) else next(iter(guess or []), ""), -1)
    return found


def learnable(state: State) -> Places:
    """Rows that a run learns from by their guess: only where the person switched it on, sure enough, of the part to learn from, and with
    no equal text among those on which something is measured."""
    if not state.guesses.learn:
        return np.zeros(0, np.int64)
    here = counting(state)
    places = state.guesses.places[here[state.guesses.probability[here] >= state.guesses.least]]
    places = places[state.split[places] == TRAIN]
    measured = state.usable & (state.label >= 0) & (state.split != TRAIN)
    found: Places = places[~np.isin(state.keys[places], state.keys[measured])]
    return found


# --- writing ---------------------------------------------------------------------------------------------------------


def replace(data: Dataset, places: Places, labels: Sequence[Any], probabilities: Sequence[float]) -> None:
    """Put these guesses in the place of all earlier ones of rules. `labels`: a label id each, or a value with label ids."""
    now, single = time.time(), data.shape.by_label
    keys = data.rows.packed(np.asarray(places, np.int64)).tolist()
    rows = [
        (key, one if single else None, None if single else json.dumps(one, ensure_ascii=False), float(p), "rule", now)
        for key, one, p in zip(keys, labels, probabilities, strict=True)
    ]
    with data.log.change("guesses") as (db, _):
        db.execute("DELETE FROM guesses WHERE origin = 'rule'")
        db.executemany("INSERT OR REPLACE INTO guesses VALUES (?, ?, ?, ?, ?, ?)", rows)


def learn_from(data: Dataset, learn: bool, least: float) -> None:
    """Whether a model learns from guessed labels too, and from how sure a one on."""
    from core.data.state import store

    with data.log.change("guesses") as (db, _):
        store(db, "guesses", {"learn": bool(learn), "least": min(max(float(least), 0.0), 1.0)})
