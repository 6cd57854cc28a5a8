"""The data set as it stands at one version: files, answers and edits laid over each other, as arrays over all rows.

Immutable. `State.next` makes the following one and keeps what has not changed, so that one label more costs milliseconds in a
million rows. Everything derived (splits, counts, search) is computed when first asked for.
"""

from __future__ import annotations

import io
import json
import sqlite3
import zlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from core.data import guesses as guessing
from core.data.chunks import flags, patched, take
from core.data.how import clean
from core.data.replaying import Edits, replayed
from core.data.rows import Import, Rows
from core.data.shape import Part, Shape
from core.data.spans_moved import moved
from core.data.splits import Lot, SplitPlan, decide, mixed
from core.data.values import kind
from core.workspace import write_bytes

UNTOUCHED, CLEARED = -2, -1  # in `human`: nobody answered; somebody took the label away
ANSWERED = 0
KEPT_SEARCHES = 8


@dataclass(frozen=True)
class Label:
    id: int
    name: str
    colour: int  # 1 to 8, an index, not a hex
    status: str  # alive | merged | deleted | gone (stood in a file that is no longer there)
    merged_into: int | None
    by_hand: bool


@dataclass(frozen=True)
class State:
    stamps: Mapping[str, int]
    rows: Rows
    plan: SplitPlan
    labels: tuple[Label, ...]  # all, also those no longer alive, by id
    values: Mapping[str, int]  # a value of the file's label column -> label id
    human: NDArray[np.int32]  # label id, CLEARED or UNTOUCHED; where answers are values, ANSWERED stands for one
    edits: Edits
    said: Mapping[int, Any] = field(
        default_factory=dict
    )  # place -> a person's answer as a value, label ids in the place of names
    guesses: guessing.Guesses = field(default_factory=guessing.Guesses)
    said_at: Mapping[int, float] = field(default_factory=dict)  # place -> when a person marked its places
    memory: dict[str, Any] = field(default_factory=dict, compare=False)  # results of other modules, by name
    text_memory: dict[str, Any] = field(default_factory=dict, compare=False)  # those that follow from the texts alone
    _searches: OrderedDict[str, NDArray[np.bool_]] = field(default_factory=OrderedDict, compare=False)
    _lock: Any = field(default_factory=Lock, compare=False)

    @property
    def version(self) -> int:
        return self.stamps["version"]

    def __len__(self) -> int:
        return len(self.rows)

    # --- labels ---

    @cached_property
    def alive(self) -> tuple[Label, ...]:
        """The labels a person sees, in their order: the order of a model's outputs."""
        return tuple(label for label in self.labels if label.status == "alive")

    @cached_property
    def _resolve(self) -> NDArray[np.int32]:
        """Label id -> place among `alive`, or -1; follows merges. Index with id + 2, so that UNTOUCHED and CLEARED give -1."""
        by_id = {label.id: label for label in self.labels}
        places = {label.id: place for place, label in enumerate(self.alive)}
        table = np.full(max(by_id, default=0) + 3, -1, np.int32)
        for label in self.labels:
            at, seen = label, {label.id}
            while at.status == "merged" and at.merged_into in by_id and at.merged_into not in seen:
                seen.add(at.merged_into)
                at = by_id[at.merged_into]
            table[label.id + 2] = places.get(at.id, -1)
        return table

    @cached_property
    def file_label(self) -> NDArray[np.int32]:
        """Label id that the file gives each row, or UNTOUCHED."""
        names, codes = self.rows.file_labels
        lookup = np.array([*(self.values.get(name, UNTOUCHED) for name in names), UNTOUCHED], np.int32)
        return lookup[codes]

    @cached_property
    def label(self) -> NDArray[np.int32]:
        """The label in force: place among `alive`, or -1. A person's answer overlays the file's.

        Where the target is no single label: the first label of the value (0 where values hold no labels), -1 where there is no value.
        """
        if self.shape.by_label:
            return self._resolve[np.where(self.human == UNTOUCHED, self.file_label, self.human) + 2]
        if self.shape.target is None:
            return np.zeros(len(self), np.int32)
        found = self._file_first.copy()
        found[self.human == CLEARED] = -1
        for place in self.said:
            found[place] = self._first(self.value(place))
        return found

    @cached_property
    def label_counts(self) -> NDArray[np.int64]:
        """Rows of each label that can take part."""
        kept = self.usable & (self.label >= 0)
        if self.shape.by_label:
            return np.bincount(self.label[kept], minlength=len(self.alive))
        found = np.zeros(len(self.alive), np.int64)
        if self.alive:
            for place in np.flatnonzero(kept).tolist():
                for name in set(self._names_in(place)):
                    found[self._places_by_name[name]] += 1
        return found

    def carries(self, label: int) -> NDArray[np.bool_]:
        """Rows whose value holds the label at this place among `alive`."""
        if self.shape.by_label:
            return self.label == label
        name, mask = self.alive[label].name, np.zeros(len(self), np.bool_)
        for place in np.flatnonzero(self.label >= 0).tolist():
            mask[place] = name in self._names_in(place)
        return mask

    # --- values ---

    @property
    def shape(self) -> Shape:
        return self.rows.shape

    def value(self, place: int) -> Any:
        """The target's value in force, with the names labels have now; None where there is none."""
        if self.shape.by_label:
            at = int(self.label[place])
            return self.alive[at].name if at >= 0 else None
        if self.shape.target is None or self.human[place] == CLEARED:
            return None
        mine = self.said.get(place)
        if mine is not None:
            if place in self.said_at and (before := self._text_at(place, self.said_at[place])) is not None:
                mine = moved(mine, before, take(self.text, [place])[0])
            return kind(self.shape.target.kind).renamed(mine, self._names_by_id)
        return self.value_in_file(place)

    def value_in_file(self, place: int) -> Any:
        """What the file says, whatever people answered; with the names labels have now. Not for single labels."""
        found = self.rows.file_values[place] if self.shape.target else None
        if found is None or self.shape.target is None:
            return None
        if self.shape.target.kind == "spans" and place in self._retyped:
            found = moved(found, take(self.rows.text, [place])[0], self._retyped[place])
        return kind(self.shape.target.kind).renamed(found, self._names_by_value)

    def shown(self, place: int, inputs: Mapping[str, Any] | None = None) -> str | None:
        """The value in force in one line."""
        value = self.value(place)
        if value is None or self.shape.target is None:
            return None
        return kind(self.shape.target.kind).shown(value, inputs or {"text": take(self.text, [place])[0]})

    def inputs(self, places: NDArray[np.int64]) -> list[dict[str, Any]]:
        """Decoded values of the input roles, for some rows."""
        found: list[dict[str, Any]] = [{} for _ in range(len(places))]
        for part in self.shape.inputs:
            if part.role == self.shape.first and part.kind == "text":
                for row, text in zip(found, self.texts(places), strict=True):
                    row[part.role] = text
                continue
            read = kind(part.kind).read
            for row, cells in zip(found, self._cells(part, places), strict=True):
                row[part.role] = read(cells, row)
        return found

    def _cells(self, part: Part, places: NDArray[np.int64]) -> list[dict[str, str]]:
        """column -> cell of an input, for some rows; of the first input with changed cells in place, where one column holds it."""
        if part.role == self.shape.first and all(self.rows.column_of(one, part.role) for one in self.rows.imports):
            return [{part.role: text} for text in self.texts(places)]
        return self.rows.role_cells(places.tolist(), part.role)

    @cached_property
    def _names_by_id(self) -> dict[int, str | None]:
        places = {label.id: int(self._resolve[label.id + 2]) for label in self.labels}
        return {number: self.alive[at].name if at >= 0 else None for number, at in places.items()}

    @cached_property
    def _names_by_value(self) -> dict[str, str | None]:
        return {value: self._names_by_id.get(number) for value, number in self.values.items()}

    @cached_property
    def _places_by_name(self) -> dict[str, int]:
        return {label.name: place for place, label in enumerate(self.alive)}

    def _names_in(self, place: int) -> list[str]:
        value = self.value(place)
        return [] if value is None or self.shape.target is None else list(kind(self.shape.target.kind).names(value))

    @cached_property
    def _file_first(self) -> NDArray[np.int32]:
        values, renamed = self.rows.file_values, kind(str(self.shape.target and self.shape.target.kind)).renamed
        return np.array(
            [-1 if v is None else self._first(renamed(v, self._names_by_value)) for v in values], np.int32
        ).reshape(len(values))

    def _first(self, value: Any) -> int:
        if value is None or self.shape.target is None:
            return -1
        names = kind(self.shape.target.kind).names(value)
        return self._places_by_name.get(next(iter(names), ""), 0)

    def resolved(self, ids: NDArray[np.int32]) -> NDArray[np.int32]:
        return self._resolve[ids + 2]

    # --- rows ---

    @cached_property
    def text(self) -> pa.ChunkedArray:
        """Texts with changed cells in place."""
        return patched(self.rows.text, self._retyped) if self._retyped else self.rows.text

    @cached_property
    def _retyped(self) -> dict[int, str]:
        """place -> the text that a person or a fix put there."""
        changed: dict[int, str] = {}
        for start, one in zip(self.rows.starts, self.rows.imports, strict=False):
            column = self.rows.column_of(one, self.shape.first)
            for place, cell in self.edits.cells.get(column or "", {}).items():
                if start <= place < start + one.rows:
                    changed[place] = cell
        return changed

    def _text_at(self, place: int, when: float) -> str | None:
        """The text of a row as it stood at a time; None where nothing ever changed it."""
        which = int(np.searchsorted(self.rows.starts, place, side="right")) - 1
        column = self.rows.column_of(self.rows.imports[which], self.shape.first)
        typed = self.edits.typed.get(column or "", {}).get(place)
        if not typed:
            return None
        then = [one.cell for one in typed if one.at <= when and not 0 < one.undone <= when]
        return then[-1] if then else take(self.rows.text, [place])[0]

    @cached_property
    def empty(self) -> NDArray[np.bool_]:
        if self.text is self.rows.text:
            return self.rows.empty
        parts = [pc.equal(pc.binary_length(pc.utf8_trim_whitespace(c)), 0) for c in self.text.chunks]
        return np.concatenate([p.to_numpy(zero_copy_only=False) for p in parts])

    @cached_property
    def usable(self) -> NDArray[np.bool_]:
        """Rows that can take part: not left out, no input empty or unreadable."""
        whole = ~self.edits.excluded & ~self.empty
        for part in self.shape.inputs[1:]:
            if part.required:
                trimmed = (pc.utf8_trim_whitespace(c) for c in self.rows.role(part.role).chunks)
                whole &= np.concatenate(
                    [
                        np.zeros(0, np.bool_),
                        *(pc.greater(pc.binary_length(c), 0).to_numpy(zero_copy_only=False) for c in trimmed),
                    ]
                )
        for part in self.shape.inputs:
            if part.required and kind(part.kind).strict:
                there, read = np.flatnonzero(whole), kind(part.kind).read
                whole[there] = [read(cells, {}) is not None for cells in self._cells(part, there)]
        return whole

    @cached_property
    def keys(self) -> NDArray[np.uint64]:
        """Hash of each row's inputs: equal rows have equal keys."""
        keys = self._text_keys
        for part in self.shape.inputs[1:]:
            keys = mixed(keys, 1) ^ self.rows.keys(self.rows.role(part.role))
        return keys

    @cached_property
    def _text_keys(self) -> NDArray[np.uint64]:
        """Hash of each text. Kept on disk while the files and the text column stay the same."""
        if self.text is not self.rows.text:
            return self.rows.keys(self.text)
        cache = self.rows.folder / "cache"
        first, rows = self.shape.first, self.rows
        names = "-".join(
            f"{i.id}.{rows.template_of(i, first) or '.'.join(rows.columns_of(i, first))}" for i in rows.imports
        )
        path = cache / f"keys-{abs(hash_name(names)):x}.npy"
        if path.exists():
            kept = np.load(path, allow_pickle=False)
            if len(kept) == len(self.rows):
                return kept
        keys = self.rows.keys()
        if len(keys) >= 50_000:
            _save(path, keys)
        return keys

    @cached_property
    def split(self) -> NDArray[np.int8]:
        lot = self.text_memory.get("lot")
        if lot is None or lot.seed != self.plan.seed:
            lot = self.text_memory["lot"] = Lot.drawn(self.keys, self.plan.seed)
        return decide(self.rows.file_splits, self.edits.moved, lot, self.label, self.usable, self.plan)

    @cached_property
    def lengths(self) -> NDArray[np.int32]:
        """Characters of each text."""
        parts = [np.zeros(0, np.int32), *(pc.utf8_length(c).to_numpy(zero_copy_only=False) for c in self.text.chunks)]
        return np.concatenate(parts)

    def texts(self, places: Any) -> list[str]:
        """The texts of some rows; reads only those."""
        return take(self.text, places)

    def found(self, search: str) -> NDArray[np.bool_]:
        """Rows whose text holds `search`, whatever the case. The last few searches are kept."""
        search = clean(search)
        with self._lock:
            if search in self._searches:
                self._searches.move_to_end(search)
                return self._searches[search]
        mask = flags(self.text, lambda chunk: pc.match_substring(chunk, search, ignore_case=True))
        with self._lock:
            self._searches[search] = mask
            while len(self._searches) > KEPT_SEARCHES:
                self._searches.popitem(last=False)
        return mask


def load(connection: sqlite3.Connection, stamps: Mapping[str, int], folder: Path, before: State | None) -> State:
    """The state at `stamps`; what has not changed since `before` is taken over."""
    same = {part for part, stamp in stamps.items() if before and before.stamps[part] == stamp}
    if before and {"imports", "roles"} <= same:
        rows = before.rows  # the shape changes with the roles
    else:
        imports = [
            Import.from_row(r) for r in connection.execute("SELECT * FROM imports WHERE NOT removed ORDER BY id")
        ]
        shape = Shape.from_json(setting(connection, "shape"))
        rows = Rows(folder, imports, setting(connection, "roles") or {}, shape)
    fresh = before is None or rows is not before.rows
    labels, values = (before.labels, before.values) if before and "labels" in same else _labels(connection)
    if not fresh and before and "answers" in same:
        human, said, said_at = before.human, before.said, before.said_at
    else:
        human, said, said_at = _answers(connection, rows, None if fresh else before)
    edits = before.edits if before and not fresh and "edits" in same else replayed(connection, rows)
    plan = SplitPlan.from_json(setting(connection, "split") or {})
    kept = before.guesses if before and not fresh and "guesses" in same else None
    guesses = kept or guessing.read(connection, rows, setting(connection, "guesses"))
    state = State(dict(stamps), rows, plan, labels, values, human, edits, said, guesses, said_at)
    if before and not fresh:
        _take_over(before, state, same)
    return state


def setting(connection: sqlite3.Connection, name: str) -> Any:
    row = connection.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
    return json.loads(row[0]) if row else None


def store(connection: sqlite3.Connection, name: str, value: Any) -> None:
    connection.execute(
        "INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)", (name, json.dumps(value, ensure_ascii=False))
    )


def hash_name(name: str) -> int:
    """The same number in every process (Python's own hash is not)."""
    return zlib.crc32(name.encode("utf-8"))


def _take_over(before: State, state: State, same: set[str]) -> None:
    """Derived arrays that stay valid, from the state before."""
    names = []
    if state.edits.cells == before.edits.cells:
        names += ["text", "empty", "keys", "_text_keys", "lengths"]
        state._searches.update(before._searches)
        state.text_memory.update(before.text_memory)
        if state.edits is before.edits:
            names.append("usable")
    if "labels" in same:
        names += [
            "alive",
            "_resolve",
            "file_label",
            "_file_first",
            "_names_by_id",
            "_names_by_value",
            "_places_by_name",
        ]
        if "answers" in same:
            names.append("label")
            if state.edits is before.edits:
                names.append("label_counts")
    for name in names:
        if name in before.__dict__:
            state.__dict__[name] = before.__dict__[name]


def _labels(connection: sqlite3.Connection) -> tuple[tuple[Label, ...], dict[str, int]]:
    labels = tuple(
        Label(r["id"], r["name"], r["colour"], r["status"], r["merged_into"], bool(r["by_hand"]))
        for r in connection.execute("SELECT * FROM labels ORDER BY place, id")
    )
    return labels, {r[0]: r[1] for r in connection.execute("SELECT value, label FROM file_values")}


def _answers(
    connection: sqlite3.Connection, rows: Rows, before: State | None
) -> tuple[NDArray[np.int32], Mapping[int, Any], Mapping[int, float]]:
    """What people answered, and when they marked places; only what came since `before`, if there is one."""
    since = before.stamps["answers"] if before else -1
    human = before.human.copy() if before else np.full(len(rows), UNTOUCHED, np.int32)
    if not rows.shape.by_label:
        said, said_at = (dict(before.said), dict(before.said_at)) if before else ({}, {})
        return human, _said(connection, rows, human, said, said_at, since), said_at
    query = "SELECT row, CASE WHEN seq IS NULL THEN -2 ELSE COALESCE(label, -1) END FROM in_force WHERE stamp > ?"
    found = np.array(connection.execute(query, (since,)).fetchall() or np.zeros((0, 2)), np.int64).reshape(-1, 2)
    places = rows.places(found[:, 0])
    human[places[places >= 0]] = found[places >= 0, 1]
    return human, {}, {}


def _said(
    connection: sqlite3.Connection,
    rows: Rows,
    human: NDArray[np.int32],
    said: dict[int, Any],
    said_at: dict[int, float],
    since: int,
) -> dict[int, Any]:
    """Answers that are values, by place; marks them in `human`. One label given for another task is an answer of one label here. Of marked
    places `said_at` gets the time, by which they find their words in a text that was changed since."""
    places_marked = bool(rows.shape.target and rows.shape.target.kind == "spans")
    several = bool(rows.shape.target and rows.shape.target.kind == "categories")
    query = "SELECT f.row, f.label, f.value, f.seq, a.at FROM in_force f LEFT JOIN answers a ON a.seq = f.seq WHERE f.stamp > ?"
    found = connection.execute(query, (since,)).fetchall()
    places = rows.places(np.array([r["row"] for r in found], np.int64))
    for place, row in zip(places.tolist(), found, strict=True):
        if place < 0:
            continue
        value = json.loads(row["value"]) if row["value"] is not None else None
        if value is None and row["label"] is not None and several:
            value = [row["label"]]
        said.pop(place, None)
        if value is not None:
            said[place] = value
            if places_marked and row["at"] is not None:
                said_at[place] = row["at"]
        human[place] = UNTOUCHED if row["seq"] is None else CLEARED if value is None else ANSWERED
    return said


def _save(path: Path, array: NDArray[Any]) -> None:
    path.parent.mkdir(exist_ok=True)
    data = io.BytesIO()
    np.save(data, array, allow_pickle=False)
    write_bytes(path, data.getvalue(), lasting=False)
