"""Which answer is in force on a row that several people have answered: what was settled, else what most of them say.

Kept in the log's table `in_force`, written with every answer, so that reading a data set knows nothing of teams. Without a team the last
answer of anybody is in force. With one: the last settled answer; else the answer that more people gave last than any other. Where two
answers have equally many, none is in force and the row waits to be settled. Of numbers the middle one of the people's (the median) is in
force. A label that was taken off again is no vote.
"""

from __future__ import annotations

import json
import sqlite3
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.data.shape import Shape
from core.data.state import setting, store
from core.data.team import Team
from core.data.values import kind

if TYPE_CHECKING:
    from core.data.dataset import Dataset

AT_ONCE = 500  # rows a question to the log
PUT = (
    "INSERT INTO in_force (row, label, value, seq, stamp) VALUES (?, ?, ?, ?, ?) ON CONFLICT (row) DO UPDATE SET "
    "label = excluded.label, value = excluded.value, seq = excluded.seq, stamp = excluded.stamp"
)
LAST = (
    "INSERT INTO in_force (row, label, value, seq, stamp) SELECT row, label, value, MAX(seq), ? FROM answers WHERE NOT undone GROUP BY row "
    "ON CONFLICT (row) DO UPDATE SET label = excluded.label, value = excluded.value, seq = excluded.seq, stamp = excluded.stamp"
)


@dataclass(frozen=True)
class Rules:
    """How answers of this data set compare: the kind of the target, and what each label id stands for now (None: deleted)."""

    kind: str | None
    labels: Mapping[int, int | None]

    @staticmethod
    def of(db: sqlite3.Connection) -> Rules:
        target = Shape.from_json(setting(db, "shape")).target
        found = {r["id"]: r for r in db.execute("SELECT id, status, merged_into FROM labels")}
        return Rules(target.kind if target else None, {number: _stands_for(found, number) for number in found})

    def key(self, label: int | None, value: str | None) -> str | None:
        """Two answers with the same key say the same; None says nothing."""
        if value is None or self.kind in (None, "category"):
            now = self.labels.get(label) if label is not None else None
            return None if now is None else f"[{now}]" if self.kind == "categories" else str(now)
        meant = kind(str(self.kind)).renamed(json.loads(value), self.labels)
        if self.kind == "categories":
            meant = sorted(meant, key=str)
        elif isinstance(meant, list) and meant and isinstance(meant[0], dict):
            meant = sorted(meant, key=lambda one: json.dumps(one, sort_keys=True))
        return json.dumps(meant, sort_keys=True, ensure_ascii=False)


def is_on(db: sqlite3.Connection) -> bool:
    return Team.from_json(setting(db, "team")).on


def count(db: sqlite3.Connection, rows: Iterable[int], version: int) -> None:
    """Decide anew what is in force on some rows, within the caller's transaction."""
    rules, wanted = Rules.of(db), list(dict.fromkeys(rows))
    for start in range(0, len(wanted), AT_ONCE):
        some = wanted[start : start + AT_ONCE]
        query = f"SELECT row, who, label, value, seq, origin FROM answers WHERE NOT undone AND row IN ({','.join('?' * len(some))}) ORDER BY seq"
        by_row: dict[int, list[sqlite3.Row]] = {row: [] for row in some}
        for answer in db.execute(query, some):
            by_row[answer["row"]].append(answer)
        db.executemany(PUT, [(row, *decided(answers, rules), version) for row, answers in by_row.items()])


def count_all(db: sqlite3.Connection, version: int) -> None:
    """The same for every row somebody has answered; with or without a team."""
    if is_on(db):
        count(db, [r[0] for r in db.execute("SELECT DISTINCT row FROM answers")], version)
        return
    db.execute("UPDATE in_force SET label = NULL, value = NULL, seq = NULL, stamp = ?", (version,))
    db.execute(LAST, (version,))


def decided(answers: Sequence[sqlite3.Row], rules: Rules) -> tuple[int | None, str | None, int | None]:
    """(label, value, seq) in force of a row's answers, oldest first; seq None where none is."""
    settled = next((one for one in reversed(answers) if one["origin"] == "settled"), None)
    if settled is not None:
        return settled["label"], settled["value"], settled["seq"]
    last = {one["who"]: one for one in answers}
    votes = [(key, one) for one in last.values() if (key := rules.key(one["label"], one["value"])) is not None]
    if not votes:  # nobody, or everybody took the label off again
        newest = max((one["seq"] for one in answers), default=None)
        return None, None, newest
    if len(votes) == 1:
        only = votes[0][1]
        return only["label"], only["value"], only["seq"]
    newest_of = dict(sorted(votes, key=lambda vote: vote[1]["seq"]))
    if rules.kind == "number":
        middle = statistics.median(float(json.loads(key)) for key, _ in votes)
        return None, json.dumps(middle), max(one["seq"] for _, one in votes)
    ranked = Counter(key for key, _ in votes).most_common(2)
    if len(ranked) > 1 and ranked[0][1] == ranked[1][1]:
        return None, None, None
    won = newest_of[ranked[0][0]]
    return won["label"], won["value"], won["seq"]


def set_team(data: Dataset, team: Team) -> None:
    """Store who labels what, and decide every row by it."""
    with data.log.change("answers") as (db, version):
        before = Team.from_json(setting(db, "team"))
        store(db, "team", team.as_json())
        db.execute("CREATE INDEX IF NOT EXISTS answers_settled ON answers (row) WHERE origin = 'settled'")
        if before.on != team.on:
            count_all(db, version)


def join(data: Dataset, name: str) -> None:
    """A person who has given an answer is of the team from now on."""
    team = Team.from_json(setting(data.log.read(), "team"))
    if team.on and name not in team.people:
        with data.log.change("answers") as (db, _):
            store(db, "team", Team.from_json(setting(db, "team")).with_person(name).as_json())


def _stands_for(labels: Mapping[int, Any], number: int) -> int | None:
    """A label's id after merges; None when it is gone."""
    seen: set[int] = set()
    while number in labels and number not in seen and labels[number]["status"] == "merged":
        seen.add(number)
        number = labels[number]["merged_into"]
    return number if number in labels and labels[number]["status"] in ("alive", "gone") else None
