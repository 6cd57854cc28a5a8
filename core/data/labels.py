"""Labels and who gave which to what: answers are only ever added, the label in force is a view of them.

Three origins: the file's own label column, a person's answer (overlays it), or none. Renaming, merging and deleting labels change the
label list, never the answers, and so are undone in one step. Knows nothing of models.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from core.data import votes
from core.data.given import Carried, checked, guess, label_id, said_by_file, seconds
from core.data.how import clean
from core.data.log import Log, packed
from core.data.state import Label, State
from core.data.values import kind
from core.errors import DataError, Missing
from core.words import Message
from core.workspace import new_id

if TYPE_CHECKING:
    from core.data.dataset import Dataset

COLOURS = 8
KEYS = "123456789abcdefghijklmnopqrtvwxyz"  # without s (skip) and u (undo)
LONGEST_NAME = 120
MOST_LABELS = 2_000


@dataclass(frozen=True)
class Change:
    """A change of the label list: its name in the log (for undo), the label, and how many rows now show something else."""

    change: str
    label: int
    rows: int

    def as_json(self) -> dict[str, Any]:
        return {"change": self.change, "label": self.label, "rows": self.rows}


class LabelStore:
    """The labels of one data set. Every call is safe from any thread and any process."""

    def __init__(self, dataset: Dataset):
        self._dataset = dataset
        self._log: Log = dataset.log

    def labels(self) -> list[dict[str, Any]]:
        """[{id, name, colour, key, count}] in order; `count` is of rows that can take part."""
        state = self._dataset.state
        counts = state.label_counts.tolist()
        return [
            {
                "id": label.id,
                "name": label.name,
                "colour": label.colour,
                "key": KEYS[i] if i < len(KEYS) else "",
                "count": counts[i],
            }
            for i, label in enumerate(state.alive)
        ]

    # --- answers ---

    def put(self, entries: Iterable[Mapping[str, Any]], annotator: str, origin: str = "human") -> dict[str, Any]:
        """Save answers [{row, label (id, name or None to clear), seq, client}]; `value` in the place of `label` where the task's answers
        are values (a list of labels, a number, marked places; None clears).

        Beside it an entry may tell `seconds` (how long the person looked at the row) and `guess` (what the model had said, with its
        probability `p`), from which its record is counted. `origin`: human (one by one) | bulk (many at once) | settled | import.
        Idempotent by (client, seq): a page may send again what it is not sure was saved. Returns {"saved": [seq], "refused": [{seq,
        message}], "version"}; an answer that cannot be saved (row or label gone) never holds up the others.
        An entry with `takes_back: {client, seq}` gives no answer but takes that one back: what stood before it is in force again.
        """
        state = self._dataset.state
        by_id = {label.id for label in state.labels if label.status != "gone"}
        by_name = {label.name: label.id for label in state.alive}
        starts = {one.id: one.rows for one in state.rows.imports}
        good: list[tuple[Any, ...]] = []
        saved: list[int] = []
        refused: list[dict[str, Any]] = []
        now = time.time()
        for entry in entries:
            seq = entry.get("seq")
            try:
                row = packed(entry["row"])
                if (row & ((1 << 40) - 1)) >= starts.get(row >> 40, 0):
                    raise Missing(Message("There is no row “{row}” here any more.", row=str(entry["row"])[:40]))
                label, value = None, None
                if state.shape.by_label:
                    label = label_id(entry.get("label"), by_id, by_name)
                else:
                    value = checked(state, entry.get("value"), by_id, by_name)
                number = int(seq)  # type: ignore[arg-type]
                if entry.get("takes_back"):
                    back = entry["takes_back"]
                    if good:
                        self._save(good)  # in the order in which they were given
                        good = []
                    self._take_back(row, clean(str(back["client"]))[:100], int(back["seq"]), annotator)
                    saved.append(number)
                    continue
                client = clean(str(entry.get("client") or annotator))[:100]
                how = (origin, seconds(entry.get("seconds")), guess(entry.get("guess")))
                good.append((row, label, value, annotator, now, client, number, *how))
                saved.append(number)
            except Missing as error:
                refused.append({"seq": seq, "message": error.message.as_json()})
            except (KeyError, TypeError, ValueError):
                refused.append({"seq": seq, "message": Message("This answer is not complete.").as_json()})
        version = self._save(good) if good else self._dataset.version
        return {"saved": saved, "refused": refused, "version": version}

    def decide(self, entries: Iterable[Mapping[str, Any]], annotator: str, origin: str = "human") -> dict[str, Any]:
        """`put` of answers that are to stand whatever others have said: where several people label, their rows are settled with it."""
        return self.put(entries, annotator, "settled" if votes.is_on(self._log.read()) else origin)

    def bring_back(self, answers: Sequence[Carried], client: str) -> None:
        """Answers of rows that went, laid on the rows that came in their place; with who gave them, when and how."""
        state = self._dataset.state
        by_id = {label.id for label in state.labels if label.status != "gone"}
        by_name = {label.name: label.id for label in state.alive}
        good: list[tuple[Any, ...]] = []
        for number, one in enumerate(answers):
            try:
                value = None if state.shape.by_label else checked(state, one.value, by_id, by_name)
                label = label_id(one.label, by_id, by_name) if state.shape.by_label else None
            except (Missing, KeyError, TypeError, ValueError):
                continue
            how = (one.origin, one.seconds, one.guess)
            good.append((packed(one.row), label, value, one.who, one.at, client, number, *how))
        if good:
            self._save(good)

    def undo(self, annotator: str) -> dict[str, Any] | None:
        """Take back the last answer of `annotator` that still counts. Returns {"row", "label": name now in force or None}, or None."""
        with self._log.change("answers") as (db, version):
            last = db.execute(
                "SELECT seq, row FROM answers WHERE who = ? AND NOT undone ORDER BY seq DESC LIMIT 1", (annotator,)
            ).fetchone()
            if last is None:
                return None
            db.execute("UPDATE answers SET undone = 1 WHERE seq = ?", (last["seq"],))
            _put_back(db, last["row"], version)
        state = self._dataset.state
        place = int(state.rows.places(np.array([last["row"]], np.int64))[0])
        if place < 0:
            return {"row": None, "label": None}
        told = {"row": state.rows.id(place), "label": state.shown(place)}
        return told if state.shape.by_label else {**told, "value": state.value(place)}

    def given(self, rows: Sequence[str]) -> dict[str, dict[str, Any]]:
        """{row: {who, at}} of those of some rows on which a person's answer is in force."""
        keys = {packed(row): row for row in rows}
        marks = ",".join("?" * len(keys))
        query = f"SELECT f.row, a.who, a.at FROM in_force f JOIN answers a ON a.seq = f.seq WHERE f.row IN ({marks})"
        return {keys[r["row"]]: {"who": r["who"], "at": r["at"]} for r in self._log.read().execute(query, list(keys))}

    def history(self, row: str) -> list[dict[str, Any]]:
        """Who said what of a row, and when: [{who, label, at, origin, undone}], newest first; the file's own label comes last."""
        state = self._dataset.state
        place = state.rows.place(row)
        names = {label.id: label.name for label in state.labels}
        found = [
            {
                "who": r["who"],
                "label": self._told(r, names, state, place),
                "at": r["at"],
                "origin": r["origin"],
                "undone": bool(r["undone"]),
            }
            for r in self._log.read().execute("SELECT * FROM answers WHERE row = ? ORDER BY seq DESC", (packed(row),))
        ]
        in_file = said_by_file(state, place, names)
        if in_file is not None:
            one = next(i for i in state.rows.imports if row.startswith(f"{i.id}:"))
            found.append({"who": one.name, "label": in_file, "at": one.at, "origin": "file", "undone": False})
        return found

    def _told(self, answer: sqlite3.Row, names: Mapping[int, str], state: State, place: int) -> str | None:
        """An answer in one line."""
        if answer["value"] is None or state.shape.target is None:
            return names.get(answer["label"])
        target = kind(state.shape.target.kind)
        return target.shown(target.renamed(json.loads(answer["value"]), names), {"text": state.texts([place])[0]})

    def annotators(self) -> list[dict[str, Any]]:
        """[{who, rows, last}]: how many rows each person's answer is in force on, and when the last came."""
        query = "SELECT a.who, COUNT(*) AS n, MAX(a.at) AS last FROM in_force f JOIN answers a ON a.seq = f.seq GROUP BY a.who ORDER BY n DESC"
        return [{"who": r["who"], "rows": r["n"], "last": r["last"]} for r in self._log.read().execute(query)]

    # --- the label list ---

    def create(self, name: str, colour: int | None = None, who: str = "local") -> Change:
        with self._log.change("labels") as (db, _):
            alive = _alive(db)
            name = _free_name(name, alive)
            if len(alive) >= MOST_LABELS:
                raise DataError(Message("There are {n} labels already; more cannot be told apart.", n=MOST_LABELS))
            label = insert_label(db, name, _colour(colour) if colour else None, by_hand=True)
            return Change(_remember(db, label, {"status": "deleted"}, "create", who), label, 0)

    def rename(self, label: int, name: str, who: str = "local") -> Change:
        rows = self._rows_of(label)
        with self._log.change("labels") as (db, _):
            one = _find(db, label)
            name = _free_name(name, [r for r in _alive(db) if r["id"] != label])
            change = _remember(db, label, {"name": one["name"], "by_hand": one["by_hand"]}, "rename", who)
            db.execute("UPDATE labels SET name = ?, by_hand = 1 WHERE id = ?", (name, label))
        return Change(change, label, rows)

    def recolour(self, label: int, colour: int, who: str = "local") -> Change:
        rows = self._rows_of(label)
        with self._log.change("labels") as (db, _):
            one = _find(db, label)
            change = _remember(db, label, {"colour": one["colour"]}, "recolour", who)
            db.execute("UPDATE labels SET colour = ? WHERE id = ?", (_colour(colour), label))
        return Change(change, label, rows)

    def merge(self, label: int, into: int, who: str = "local") -> Change:
        """All rows of `label` become rows of `into`."""
        if label == into:
            raise DataError(Message("A label cannot be merged into itself."), fix=Message("Choose another label."))
        rows = self._rows_of(label)
        with self._log.change("labels") as (db, _):
            _find(db, label)
            _find(db, into)
            change = _remember(db, label, {"status": "alive", "merged_into": None}, "merge", who)
            db.execute("UPDATE labels SET status = 'merged', merged_into = ? WHERE id = ?", (into, label))
        self._count_again()
        return Change(change, label, rows)

    def delete(self, label: int, who: str = "local") -> Change:
        """Rows of this label have none afterwards."""
        rows = self._rows_of(label)
        with self._log.change("labels") as (db, _):
            _find(db, label)
            change = _remember(db, label, {"status": "alive"}, "delete", who)
            db.execute("UPDATE labels SET status = 'deleted' WHERE id = ?", (label,))
        self._count_again()
        return Change(change, label, rows)

    def undo_change(self, change: str) -> int:
        """Take back one change of the label list; the number of rows that show something else now."""
        before = self._dataset.state
        with self._log.change("labels") as (db, _):
            entry = db.execute("SELECT * FROM label_changes WHERE change = ?", (str(change),)).fetchone()
            if entry is None:
                raise Missing(Message("There is no such change to undo."))
            if not entry["undone"]:
                _restore(db, entry)
        self._count_again()
        after = self._dataset.state
        if len(before) != len(after):
            return 0
        return int((_names(before) != _names(after)).sum())

    def changes(self, most: int = 20) -> list[dict[str, Any]]:
        """The last changes of the label list that can be undone: [{change, what, name, who, at}]."""
        query = "SELECT c.*, l.name FROM label_changes c JOIN labels l ON l.id = c.label WHERE NOT c.undone ORDER BY c.at DESC LIMIT ?"
        return [
            {"change": r["change"], "what": r["what"], "name": r["name"], "who": r["who"], "at": r["at"]}
            for r in self._log.read().execute(query, (most,))
        ]

    def _count_again(self) -> None:
        """Answers of several people may say the same now, or no longer."""
        if votes.is_on(self._log.read()):
            with self._log.change("answers") as (db, version):
                votes.count_all(db, version)

    def _rows_of(self, label: int) -> int:
        state = self._dataset.state
        place = next((i for i, one in enumerate(state.alive) if one.id == label), None)
        return 0 if place is None else int(state.carries(place).sum())

    def _take_back(self, row: int, client: str, seq: int, annotator: str) -> None:
        """Undo one's own answer. Doing it twice, or to an answer that never came, changes nothing."""
        with self._log.change("answers") as (db, version):
            db.execute(
                "UPDATE answers SET undone = 1 WHERE row = ? AND client = ? AND client_seq = ? AND who = ?",
                (row, client, seq, annotator),
            )
            _put_back(db, row, version)

    def _save(self, answers: Sequence[tuple[Any, ...]]) -> int:
        with self._log.change("answers") as (db, version):
            last = db.execute("SELECT COALESCE(MAX(seq), 0) FROM answers").fetchone()[0]
            db.executemany(
                "INSERT OR IGNORE INTO answers (row, label, value, who, at, client, client_seq, origin, seconds, guess) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                answers,
            )
            if votes.is_on(db):
                votes.count(db, [r[0] for r in db.execute("SELECT row FROM answers WHERE seq > ?", (last,))], version)
                return version
            db.execute(
                "INSERT INTO in_force (row, label, value, seq, stamp) SELECT row, label, value, seq, ? FROM answers WHERE seq > ? ORDER BY seq "
                "ON CONFLICT (row) DO UPDATE SET label = excluded.label, value = excluded.value, seq = excluded.seq, stamp = excluded.stamp",
                (version, last),
            )
        return version


def _put_back(db: sqlite3.Connection, row: int, version: int) -> None:
    """What stood on a row before its last answer is in force again."""
    if votes.is_on(db):
        return votes.count(db, [row], version)
    query = "SELECT seq, label, value FROM answers WHERE row = ? AND NOT undone ORDER BY seq DESC LIMIT 1"
    before = db.execute(query, (row,)).fetchone()
    label, value, seq = (before["label"], before["value"], before["seq"]) if before else (None, None, None)
    db.execute(
        "UPDATE in_force SET label = ?, value = ?, seq = ?, stamp = ? WHERE row = ?", (label, value, seq, version, row)
    )


def insert_label(db: sqlite3.Connection, name: str, colour: int | None, by_hand: bool) -> int:
    """A new label at the end of the list; its colour is the next one unless told."""
    place, n = db.execute("SELECT COALESCE(MAX(place), 0) + 1, SUM(status = 'alive') FROM labels").fetchone()
    cursor = db.execute(
        "INSERT INTO labels (name, colour, place, by_hand) VALUES (?, ?, ?, ?)",
        (name, colour or (n or 0) % COLOURS + 1, place, int(by_hand)),
    )
    return int(cursor.lastrowid or 0)


def register_values(db: sqlite3.Connection, values: Sequence[str], used: Iterable[int] = ()) -> None:
    """Give every label that stands in the files an entry; those that no longer stand there, and that nobody used, go. `used`: ids of
    labels inside answers that are values."""
    known = {r["value"]: r["label"] for r in db.execute("SELECT value, label FROM file_values")}
    status = {r["id"]: r["status"] for r in db.execute("SELECT id, status FROM labels")}
    alive = {r["name"]: r["id"] for r in _alive(db)}
    for value in in_order(values):
        name = label_name(value)
        label = known.get(value)
        if label is None or status.get(label) == "gone":
            if name in alive:
                label = alive[name]
            elif label is not None:
                db.execute("UPDATE labels SET status = 'alive' WHERE id = ?", (label,))
            else:
                label = insert_label(db, name, None, by_hand=False)
            alive[name] = label
            db.execute("INSERT OR REPLACE INTO file_values (value, label) VALUES (?, ?)", (value, label))
    query = "SELECT DISTINCT label FROM in_force WHERE label IS NOT NULL AND (row >> 40) IN (SELECT id FROM imports WHERE NOT removed)"
    there = {r[0] for r in db.execute(query)} | set(used)
    now = {r["value"]: r["label"] for r in db.execute("SELECT value, label FROM file_values")}
    there |= {now[value] for value in values}
    unused = [r["id"] for r in _alive(db) if not r["by_hand"] and r["id"] not in there]
    db.executemany("UPDATE labels SET status = 'gone' WHERE id = ?", [(label,) for label in unused])


def in_order(values: Sequence[str]) -> list[str]:
    """Numbers by size, else as they first appear."""
    try:
        return sorted(values, key=float)
    except ValueError:
        return list(values)


def label_name(value: str) -> str:
    return " ".join(value.split())[:LONGEST_NAME]


def _alive(db: sqlite3.Connection) -> list[sqlite3.Row]:
    return db.execute("SELECT * FROM labels WHERE status = 'alive' ORDER BY place, id").fetchall()


def _find(db: sqlite3.Connection, label: int) -> sqlite3.Row:
    row = db.execute("SELECT * FROM labels WHERE id = ? AND status = 'alive'", (label,)).fetchone()
    if row is None:
        raise Missing(Message("There is no label “{label}” any more.", label=str(label)[:60]))
    return row


def _free_name(name: str, alive: Sequence[sqlite3.Row]) -> str:
    name = " ".join(clean(str(name)).split())
    if not name:
        raise DataError(Message("A label needs a name."), fix=Message("Type one or two words."))
    if len(name) > LONGEST_NAME:
        raise DataError(
            Message("A label's name has at most {n} characters.", n=LONGEST_NAME), fix=Message("Type one or two words.")
        )
    if any(row["name"].casefold() == name.casefold() for row in alive):
        raise DataError(
            Message("There is a label “{name}” already.", name=name),
            fix=Message("Merge the two, or choose another name."),
        )
    return name


def _colour(colour: Any) -> int:
    if not isinstance(colour, int) or not 1 <= colour <= COLOURS:
        raise DataError(Message("A colour is a number from 1 to {n}.", n=COLOURS))
    return colour


def _remember(db: sqlite3.Connection, label: int, before: Mapping[str, Any], what: str, who: str) -> str:
    change = new_id("change")
    db.execute(
        "INSERT INTO label_changes (change, label, before, what, who, at) VALUES (?, ?, ?, ?, ?, ?)",
        (change, label, json.dumps(before), what, who, time.time()),
    )
    return change


def _restore(db: sqlite3.Connection, entry: sqlite3.Row) -> None:
    before = json.loads(entry["before"])
    one = db.execute("SELECT * FROM labels WHERE id = ?", (entry["label"],)).fetchone()
    name = before.get("name", one["name"])
    if before.get("status", one["status"]) == "alive":  # names that differ by their case may both stand in a file
        taken = db.execute(
            "SELECT 1 FROM labels WHERE status = 'alive' AND id != ? AND name = ?", (one["id"], name)
        ).fetchone()
        if taken:
            raise DataError(
                Message("There is a label “{name}” already.", name=name),
                fix=Message("Rename that one first, then undo."),
            )
    for column in ("name", "colour", "status", "merged_into", "by_hand"):
        if column in before:
            db.execute(f"UPDATE labels SET {column} = ? WHERE id = ?", (before[column], one["id"]))
    db.execute("UPDATE label_changes SET undone = 1 WHERE change = ?", (entry["change"],))


def _names(state: State) -> Any:
    """What each row shows, as numbers that mean the same in both states: ids of alive labels and their looks."""
    looks = np.array([*(hash((one.id, one.name, one.colour)) for one in state.alive), 0], np.int64)
    return looks[state.label]


def alive_label(state: State, label: int | str) -> int:
    """The place of a label given by id or name; Missing with a sentence."""
    found = next((i for i, one in enumerate(state.alive) if label in (one.id, one.name, str(one.id))), None)
    if found is None:
        raise Missing(Message("There is no label “{label}” any more.", label=str(label)[:60]))
    return found


__all__ = [
    "KEYS",
    "Carried",
    "Change",
    "Label",
    "LabelStore",
    "alive_label",
    "in_order",
    "insert_label",
    "register_values",
]
