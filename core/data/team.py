"""Several people label one data set: who is asked about which row.

Nothing is dealt out and stored: who a row falls to follows from the row's text and the names, by rendezvous hashing (Thaler and Ravishankar
1996, "A name-based mapping scheme for rendezvous"): each name has a pseudo-random weight on each row, and the heaviest have it. A person
who joins takes only the rows on which their weight is the heaviest; all others stay with whom they were. Equal texts fall to the same people.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.data.how import clean
from core.data.log import Log
from core.data.splits import mixed
from core.data.state import UNTOUCHED, State, setting
from core.data.values import kind
from core.errors import DataError
from core.words import Message, listed

if TYPE_CHECKING:
    from core.data.dataset import Dataset

MODES = ("off", "split", "overlap", "everybody")
LONGEST_NAME = 40
MOST_PEOPLE = 200
MOST_KEPT = 40  # people whose rows are remembered: a mask each
OVERLAP_SEED = 7919  # which rows several people get does not hang on who has them


@dataclass(frozen=True)
class Team:
    """`mode`: off | split (each row to one person) | overlap (`share` of the rows to `times` people, the others split) | everybody.

    `hidden`: a person sees nobody else's answers before all of their own rows are done.
    """

    mode: str = "off"
    people: tuple[str, ...] = ()
    share: float = 0.1
    times: int = 2
    hidden: bool = False
    seed: int = 0

    @property
    def on(self) -> bool:
        return self.mode != "off"

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "people": list(self.people)}

    @staticmethod
    def from_json(told: Mapping[str, Any] | None) -> Team:
        """From the page or the log; DataError for what is none."""
        told = dict(told or {})
        mode = str(told.get("mode", "off"))
        if mode not in MODES:
            raise DataError(Message("“{value}” is not one of {choices}.", value=mode[:40], choices=listed(MODES)))
        people = tuple(dict.fromkeys(name for one in told.get("people") or () if (name := person(one))))
        if len(people) > MOST_PEOPLE:
            raise DataError(Message("At most {n} people can label one data set.", n=MOST_PEOPLE))
        try:
            share, times = float(told.get("share", 0.1)), int(told.get("times", 2))
        except (TypeError, ValueError):
            share, times = -1.0, 2
        if not 0 <= share <= 1:
            raise DataError(
                Message("The share that several people get is a number from 0 to 100 %."),
                fix=Message("10 % is a good beginning."),
            )
        return Team(
            mode, people, share, min(max(times, 2), MOST_PEOPLE), bool(told.get("hidden")), int(told.get("seed", 0))
        )

    def with_person(self, name: str) -> Team:
        """The same team, with one more person where there is a team and they are not in it."""
        if not self.on or name in self.people:
            return self
        return Team.from_json({**self.as_json(), "people": [*self.people, name]})


@dataclass(frozen=True)
class Mine:
    """What falls to one person: masks over all rows, and what they said last of which place: (label id, value, seconds since 1970).

    `rows`: theirs, answered or not. `open`: still without their answer. `blind`: others' answers are not shown yet.
    """

    rows: NDArray[np.bool_]
    open: NDArray[np.bool_]
    said: Mapping[int, tuple[int | None, Any, float]]
    blind: bool

    @property
    def counts(self) -> dict[str, int]:
        """Rows of theirs, with and without their answer."""
        rows, left = int(self.rows.sum()), int(self.open.sum())
        return {"rows": rows, "labelled": rows - left, "unlabelled": left}

    def carrying(self, state: State, label: int) -> NDArray[np.bool_]:
        """Rows that carry the label at a place among the alive ones, as far as the person may know."""
        if not self.blind:
            return state.carries(label)
        mask, name = np.zeros(len(state), np.bool_), state.alive[label].name
        for place in self.said:
            mask[place] = name in names_in(state, self.value(state, place))
        return mask

    def value(self, state: State, place: int) -> Any:
        """The person's own answer, with the names that labels have now; None without one."""
        label, value, _ = self.said.get(place, (None, None, 0.0))
        return named(state, label, value)


def as_mine(state: State, rows: list[dict[str, Any]], own: Mine) -> dict[str, float]:
    """Put a person's own answers in the place of those in force, in rows of `browse.queue`; {row: when} of those that have one."""
    ids, times = {label.name: label.id for label in state.alive}, {}
    for row in rows:
        value = own.value(state, row["number"] - 1)
        single = state.shape.by_label
        row["answered"] = value is not None
        row["label"], row["label_id"] = (value, ids.get(value)) if single else (None, None)
        row["value"] = None if single else value
        row["origin"] = None if value is None else "human"
        if value is not None:
            times[row["id"]] = own.said[row["number"] - 1][2]
    return times


def person(told: Any) -> str | None:
    """A name as a person wrote it, cut, without signs that cannot be seen; None where nothing is left."""
    if not isinstance(told, str):
        return None
    seen = "".join(sign for sign in clean(told) if unicodedata.category(sign) not in ("Cf", "Cc", "Co", "Cn"))
    return " ".join(seen.split())[:LONGEST_NAME].strip() or None


def of(log: Log) -> Team:
    """The team of a data set."""
    return Team.from_json(setting(log.read(), "team"))


def assigned(team: Team, keys: NDArray[np.uint64], name: str) -> NDArray[np.bool_]:
    """Rows that fall to a person, by the rows' keys. Somebody who is not in the team yet counts as one who has just joined."""
    team = team.with_person(name)
    if team.mode in ("off", "everybody"):
        return np.ones(len(keys), np.bool_)
    own, heavier = _weights(keys, name, team.seed), np.zeros(len(keys), np.int16)
    for other in team.people:
        if other != name:
            heavier += _weights(keys, other, team.seed) > own
    if team.mode == "split":
        return heavier < 1
    return heavier < np.where(several(team, keys), team.times, 1)


def several(team: Team, keys: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Rows that more than one person gets: the same ones whoever is in the team."""
    if team.mode != "overlap":
        return np.full(len(keys), team.mode == "everybody", np.bool_)
    return mixed(keys, team.seed + OVERLAP_SEED) <= np.uint64(min(int(team.share * 2.0**64), 2**64 - 1))


def mine(data: Dataset, name: str, team: Team | None = None) -> Mine:
    """What falls to a person now. Rows that a file has labelled fall to nobody; a row that one person is to label is done with whoever's
    answer."""
    state, team = data.state, team or of(data.log)
    said = answers_of(data, name)
    rows, waits = dealt(data, state, team, name, list(said))
    return Mine(rows, waits, said, team.hidden and bool(waits.any()))


def dealt(
    data: Dataset, state: State, team: Team, name: str, answered: list[int]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(rows that are a person's, those that wait for their answer), where they have answered the places `answered`."""
    done = np.zeros(len(state), np.bool_)
    done[answered] = True
    theirs = _kept(state, team, name) & state.usable
    waits = theirs & ~in_file(state) & ~done
    waits &= ~settled(data, state)
    waits &= (state.human == UNTOUCHED) | several(team, state.keys)
    return waits | done, waits


def answers_of(data: Dataset, name: str) -> dict[int, tuple[int | None, Any, float]]:
    """place -> a person's last answer that is none taken back and none of settling: (label id, value with label ids, when)."""
    query = "SELECT row, label, value, at, MAX(seq) FROM answers WHERE who = ? AND NOT undone AND origin != 'settled' GROUP BY row"
    found = data.log.read().execute(query, (name,)).fetchall()
    places = data.state.rows.places(np.array([r["row"] for r in found], np.int64))
    return {
        place: (r["label"], json.loads(r["value"]) if r["value"] is not None else None, r["at"])
        for place, r in zip(places.tolist(), found, strict=True)
        if place >= 0 and (r["label"] is not None or r["value"] is not None)
    }


def named(state: State, label: int | None, value: Any) -> Any:
    """An answer of the log as the value it means now: names in the place of label ids; None where nothing is left of it."""
    target = state.shape.target
    if target is None:
        return None
    if label is not None and value is None:
        at = int(state.resolved(np.array([label], np.int32))[0])
        name = state.alive[at].name if at >= 0 else None
        return [name] if name is not None and target.kind == "categories" else name
    return None if value is None or state.shape.by_label else kind(target.kind).renamed(value, state._names_by_id)


def names_in(state: State, value: Any) -> set[Any]:
    return set() if value is None or state.shape.target is None else set(kind(state.shape.target.kind).names(value))


def in_file(state: State) -> NDArray[np.bool_]:
    """Rows to which a file gives an answer."""
    if state.shape.by_label:
        return state.resolved(state.file_label) >= 0
    if "in file" not in state.text_memory:
        state.text_memory["in file"] = np.array([v is not None for v in state.rows.file_values] or [False], np.bool_)
    return np.resize(state.text_memory["in file"], len(state))


def settled(data: Dataset, state: State) -> NDArray[np.bool_]:
    """Rows whose answer somebody has settled."""
    if "settled" not in state.memory:
        query = "SELECT row FROM answers WHERE origin = 'settled' AND NOT undone"
        rows = np.array([r[0] for r in data.log.read().execute(query)], np.int64)
        mask, places = np.zeros(len(state), np.bool_), state.rows.places(rows)
        mask[places[places >= 0]] = True
        state.memory["settled"] = mask
    found: NDArray[np.bool_] = state.memory["settled"]
    return found


def _kept(state: State, team: Team, name: str) -> NDArray[np.bool_]:
    """`assigned`, kept while the texts and the team stay the same."""
    mark = json.dumps(team.as_json(), sort_keys=True)
    of_team, kept = state.text_memory.get("assigned", ("", {}))
    if of_team != mark:
        kept = {}
        state.text_memory["assigned"] = (mark, kept)
    if name not in kept:
        while len(kept) >= MOST_KEPT:
            kept.pop(next(iter(kept)), None)
        kept[name] = assigned(team, state.keys, name)
    found: NDArray[np.bool_] = kept[name]
    return found


def _weights(keys: NDArray[np.uint64], name: str, seed: int) -> NDArray[np.uint64]:
    """A pseudo-random number for each row, of a name's own."""
    mark = int.from_bytes(hashlib.blake2b(name.encode("utf-8"), digest_size=8).digest(), "little")
    return mixed(keys ^ np.uint64(mark), seed)
