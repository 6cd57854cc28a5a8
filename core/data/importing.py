"""Bringing a file into a data set: read it beside, then switch over in one transaction. Until that moment nothing has changed.

Also takes files out, guesses roles, gives labels to the label column's values, and carries answers over when a file comes again.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from core.data import gathering, image_tables, images, reading, roles, spans_columns, state
from core.data.chunks import sampled
from core.data.exchange import answered, tables
from core.data.given import Carried
from core.data.how import How, Progress, Read, Stop, clean
from core.data.labels import register_values
from core.data.rows import Import, Rows
from core.data.shape import SORTING, Shape
from core.data.splits import NAMES, OPEN
from core.data.team import named
from core.data.templates import columns_in
from core.data.values import kind

if TYPE_CHECKING:
    from core.data.dataset import Dataset


@dataclass(frozen=True)
class File:
    """A file on this machine that is to be read."""

    path: Path
    name: str
    how: How | None
    progress: Progress
    cancelled: Stop

    def read(self, out: Path) -> Read:
        files = out.parent.parent / "files"
        return reading.read(self.path, self.how, out, self.progress, self.cancelled, name=self.name, files=files)

    @property
    def size(self) -> int:
        return self.path.stat().st_size


@dataclass(frozen=True)
class Hub:
    """A split of a hub data set that is to be read."""

    name: str
    config: str | None
    part: str
    progress: Progress
    cancelled: Stop
    size: int = 0

    def read(self, out: Path) -> Read:
        return reading.from_hub(self.name, self.config, self.part, out, self.progress, self.cancelled)


@dataclass(frozen=True)
class _Work:
    """What people did to rows that are about to go: hash of the text, which of the equal texts, and what."""

    keys: NDArray[np.uint64]
    answers: tuple[tuple[int, Carried], ...]  # which of the rows, and what somebody answered; the oldest first
    excluded: NDArray[np.bool_]
    moved: NDArray[np.int8]


def bring(
    data: Dataset, source: File | Hub, split: str | None, instead: Sequence[Import] = (), same_file: bool = False
) -> Import:
    """Read `source` and add it, taking out `instead`. `same_file`: it is the same file read differently."""
    folder = data.folder / "imports"
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f".{time.time_ns()}.{threading.get_ident()}.arrow"
    try:
        read, said = answered.settled(temporary, source.read(temporary), source.cancelled)
        read = spans_columns.settled(temporary, read, source.cancelled)
        now = data.state
        if found := image_tables.paired(now, temporary, read):
            read, instead = found, tuple({one.id: one for one in (*instead, *image_tables.bare(now))}.values())
        samples = _samples_of(temporary, read.columns)
        work = _work(data, instead) if instead else None
        gone = {one.id for one in instead}
        with data.log.change("imports", "roles", "labels", "answers", "edits") as (db, _):
            kept = db.execute("SELECT id FROM imports WHERE NOT removed").fetchall()
            for number in gone:
                db.execute("UPDATE imports SET removed = 1 WHERE id = ?", (number,))
            if instead and not same_file:
                forget = "DELETE FROM file_values WHERE label IN (SELECT id FROM labels WHERE status IN ('deleted', 'merged'))"
                db.execute(forget)
            alone = all(row["id"] in gone for row in kept)
            own = _settle_roles(db, read.columns, samples, alone, anew=found is not None and alone)
            number = _insert(db, source, read, own, split)
            if said:
                answered.kept(data.folder, number, said, laid=same_file and work is not None)
            temporary.replace(data.folder / f"imports/{number}.arrow")
    finally:
        temporary.unlink(missing_ok=True)
    _delete_files(data, instead)
    register(data)
    if instead:
        _let_pictures_go(data)
    same = gathering.readings(data, number)
    one = next(i for i in data.imports if i.id in same)
    if work is not None:
        _carry(data, one, work)
    return one


def remove(data: Dataset, one: Import) -> None:
    with data.log.change("imports", "labels", "edits", "answers") as (db, _):
        db.execute("UPDATE imports SET removed = 1 WHERE id = ?", (one.id,))
    _delete_files(data, [one])
    register(data)
    _let_pictures_go(data)


def register(data: Dataset) -> None:
    """Rows in lists or not, and labels for the values of the label column, after files, roles or the task have changed."""
    gathering.settle(data)
    now = data.state
    target = now.shape.target
    used: set[int] = set()
    if now.shape.by_label or target is None:
        values, _ = now.rows.file_labels
    else:
        names = kind(target.kind).names
        values = list(
            dict.fromkeys(name for value in now.rows.file_values if value is not None for name in names(value))
        )
        used = {label for value in now.said.values() for label in names(value)}
    if len(values) > roles.MOST_LABELS:
        values = []
    with data.log.change("labels") as (db, _):
        register_values(db, values, used)
    answered.lay(data)


def _settle_roles(
    db: Any, columns: Sequence[str], samples: Mapping[str, Sequence[str]], alone: bool, anew: bool = False
) -> dict[str, str | list[str]]:
    """The only file decides the roles, unless the ones chosen before fit it. A further file that names its columns otherwise
    gets names of its own, which are returned."""
    shape = Shape.from_json(state.setting(db, "shape"))
    chosen = state.setting(db, "roles") or {}
    fits = all(columns_in(column, columns) is not None for column in chosen.values())
    if not anew and chosen.get(shape.first) and fits:
        return {}
    if shape == SORTING:
        guessed = roles.guess(samples)
    else:
        guessed, _ = roles.guess_for([part.column for part in shape.parts], samples)
    if alone:
        state.store(db, "roles", {role: guessed[role].column for role in shape.names})
        state.store(db, "reasons", {role: guessed[role].reason.as_json() for role in shape.names})
        return {}
    return {
        role: column
        for role in shape.names
        if (column := guessed[role].column)
        and columns_in(chosen.get(role) or [""], columns) is None
        and (chosen.get(role) or role == "split")
    }


def _insert(db: Any, source: File | Hub, read: Read, own: Mapping[str, Any], split: str | None) -> int:
    def told(value: Any) -> str:
        return json.dumps(value, ensure_ascii=False)

    cursor = db.execute(
        "INSERT INTO imports (name, file, rows, size, columns, how, warnings, roles, split, at) VALUES (?, '', ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            clean(source.name)[:200],
            read.rows,
            source.size,
            told(read.columns),
            told(read.how.as_json()),
            told([m.as_json() for m in read.warnings]),
            told(own),
            split,
            time.time(),
        ),
    )
    number = int(cursor.lastrowid)
    db.execute("UPDATE imports SET file = ? WHERE id = ?", (f"imports/{number}.arrow", number))
    return number


def _delete_files(data: Dataset, imports: Sequence[Import]) -> None:
    for number in [number for one in imports for number in gathering.readings(data, one.id)]:
        try:
            (data.folder / f"imports/{number}.arrow").unlink(missing_ok=True)
        except OSError:  # still mapped, on Windows; it goes with the project
            continue


def _let_pictures_go(data: Dataset) -> None:
    """Pictures that no file names any more. Runs have their own."""
    if not data.files.is_dir():
        return
    used: set[str] = set()
    for one in data.imports:
        if "image" in one.columns:
            used.update(data.rows.table(one).column("image").to_pylist())
    images.prune(data.files, used)


def samples(rows: Rows) -> dict[str, list[str]]:
    """Cells of the first import, for guessing what its columns are."""
    return sampled(rows.table(rows.imports[0]), tables.of_texts(rows.imports[0].columns)) if rows.imports else {}


def _samples_of(path: Path, columns: Sequence[str]) -> dict[str, list[str]]:
    with pa.memory_map(str(path)) as source:
        return sampled(pa.ipc.open_file(source).read_all(), tables.of_texts(columns))


# --- answers and edits of rows that come again -----------------------------------------------------------------------


def _work(data: Dataset, imports: Sequence[Import]) -> _Work | None:
    """What people did to the rows of some imports; None when nothing."""
    now = data.state
    said = _answers(data, now)
    touched = (now.human != state.UNTOUCHED) | now.edits.excluded | (now.edits.moved != OPEN)
    touched[[place for place, _ in said]] = True
    mine = np.zeros(len(now), np.bool_)
    for start, one in zip(now.rows.starts, now.rows.imports, strict=False):
        if one in imports:
            mine[int(start) : int(start) + one.rows] = True
    places = np.flatnonzero(touched & mine)
    if not len(places):
        return None
    at = {place: i for i, place in enumerate(places.tolist())}
    return _Work(
        now.keys[places],
        tuple((at[place], answer) for place, answer in said if place in at),
        now.edits.excluded[places],
        now.edits.moved[places],
    )


def _answers(data: Dataset, now: state.State) -> list[tuple[int, Carried]]:
    """(place, answer) of everything people have said and not taken back, the oldest first."""
    found = data.log.read().execute("SELECT * FROM answers WHERE NOT undone ORDER BY seq").fetchall()
    places = now.rows.places(np.array([r["row"] for r in found], np.int64)).tolist()
    return [
        (place, Carried("", r["label"], _meant(now, r), r["who"], r["at"], r["origin"], r["seconds"], r["guess"]))
        for place, r in zip(places, found, strict=True)
        if place >= 0
    ]


def _meant(now: state.State, answer: Any) -> Any:
    """An answer that is a value, with the names that labels have now."""
    return None if now.shape.by_label else named(now, answer["label"], json.loads(answer["value"] or "null"))


def _carry(data: Dataset, one: Import, work: _Work) -> None:
    """Lay the work on the new rows with equal texts: the first old row on the first new row of its text, and so on."""
    now = data.state
    start = int(now.rows.starts[list(now.rows.imports).index(one)])
    keys = now.keys[start : start + one.rows]
    order = np.argsort(keys, kind="stable")
    used: dict[int, int] = {}
    target = np.full(len(work.keys), -1, np.int64)
    firsts = np.searchsorted(keys[order], work.keys)
    for i, (key, first) in enumerate(zip(work.keys.tolist(), firsts.tolist(), strict=True)):
        at = first + used.get(key, 0)
        if at < len(order) and int(keys[order[at]]) == key:
            target[i] = start + int(order[at])
            used[key] = used.get(key, 0) + 1
    found = np.flatnonzero(target >= 0)
    rows = now.rows.ids(target[found])
    to = dict(zip(found.tolist(), rows, strict=True))
    answers = [replace(answer, row=to[i]) for i, answer in work.answers if i in to]
    if now.shape.by_label:
        labels = _still_there(data, {one.label for one in answers if one.label is not None})
        answers = [replace(one, label=None if one.label is None else labels.get(one.label)) for one in answers]
    data.labels.bring_back(answers, f"carried:{one.id}")
    ids = np.array(rows, object)
    if len(out := ids[work.excluded[found]]):
        data.exclude(list(out))
    for part, name in enumerate(NAMES):
        if len(moved := ids[work.moved[found] == part]):
            data.move(list(moved), name)


def _still_there(data: Dataset, wanted: set[int]) -> dict[int, int]:
    """Labels that went with the old file but are somebody's answer come back; one of the same name takes their place."""
    found: dict[int, int] = {}
    with data.log.change("labels") as (db, _):
        alive = {r["name"]: r["id"] for r in db.execute("SELECT id, name FROM labels WHERE status = 'alive'")}
        for label in sorted(wanted):
            one = db.execute("SELECT name, status FROM labels WHERE id = ?", (label,)).fetchone()
            if one["status"] == "gone" and one["name"] in alive:
                found[label] = alive[one["name"]]
                continue
            if one["status"] == "gone":
                db.execute("UPDATE labels SET status = 'alive' WHERE id = ?", (label,))
            found[label] = label
    return found
