"""Files that stand in lists: where the task puts candidates in order and a file has one candidate a row, its rows are gathered
(`core.data.lists`); where the task is another one, the file's own rows are there again.

Both readings of a file stay on disk as imports of their own, of which one is there at a time: ids of rows, labels and edits keep their
meaning, and going back and forth loses none.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from core.data import lists, state
from core.data.chunks import sampled
from core.data.lists import Flat
from core.data.rows import Import, Rows
from core.data.shape import Shape
from core.tasks.base import Kind

if TYPE_CHECKING:
    from core.data.dataset import Dataset

SETTING = "lists"  # {import of lists: {"rows": import of the file's own rows, "flat": how it was gathered}}


def settle(data: Dataset) -> None:
    """Gather what the task takes in lists, and give back what it does not: after files, roles or the task have changed."""
    known = _known(data)
    for one in data.imports:
        kept = known.get(str(one.id))
        if not data.shape.listed:
            if kept:
                _swap(data, one, kept["rows"])
            continue
        own = _import(data, kept["rows"]) if kept else one
        flat = _flat(data.rows, own)
        if flat and not (kept and kept["flat"] == _told(flat)):
            _gather(data, one, own, flat)


def found(rows: Rows, cells: Mapping[str, Sequence[str]]) -> Flat | None:
    """How the first file would be gathered, judged by samples of its cells."""
    if not rows.imports:
        return None
    return lists.found(rows.table(rows.imports[0]), cells, rows.columns_of(rows.imports[0], "split"))


def readings(data: Dataset, number: int) -> list[int]:
    """The imports that are readings of the same file as this one, itself first."""
    known = _known(data)
    rows = known.get(str(number), {}).get("rows", number)
    return list(dict.fromkeys([number, rows, *(int(n) for n, one in known.items() if one["rows"] == rows)]))


def _known(data: Dataset) -> dict[str, Any]:
    return state.setting(data.log.read(), SETTING) or {}


def _flat(rows: Rows, one: Import) -> Flat | None:
    """How this file's rows make lists, by the roles of its columns; None where they are lists already or the roles are open."""
    shape, table = rows.shape, rows.table(one)
    asked, candidate = rows.columns_of(one, shape.first), rows.column_of(one, _role(shape, "choices"))
    grade = rows.column_of(one, _role(shape, "relevance"))
    if not asked or candidate is None or grade is None or not one.rows:
        return None
    cells = sampled(table, [name for name in one.columns if name not in rows.columns_of(one, "split")])
    return lists.by_roles(table, asked, candidate, grade, cells) if {candidate, grade} <= set(cells) else None


def _role(shape: Shape, kind: Kind) -> str:
    return next(part.role for part in shape.parts if part.kind == kind)


def _import(data: Dataset, number: int) -> Import:
    return Import.from_row(data.log.read().execute("SELECT * FROM imports WHERE id = ?", (number,)).fetchone())


def _told(flat: Flat) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(flat).items()}


def _gather(data: Dataset, away: Import, own: Import, flat: Flat) -> None:
    """Lists of the file's own rows, in the place of the import that is there now."""
    for number, kept in _known(data).items():
        if kept["rows"] == own.id and kept["flat"] == _told(flat):
            return _swap(data, away, int(number))
    table = data.rows.table(own)
    done, batches = lists.gather(table, flat, data.rows.columns_of(own, "split"))
    schema = pa.schema([(name, pa.string()) for name in table.column_names])
    temporary = data.folder / "imports" / f".{own.id}.lists.arrow"
    try:
        with pa.OSFile(str(temporary), "wb") as sink, pa.ipc.new_file(sink, schema) as out:
            for batch in batches:
                out.write_batch(batch)
        with data.log.change("imports", "labels", "answers", "edits") as (db, _):
            warnings = [m.as_json() for m in (*own.warnings, *done.sentences)]
            same = "name, size, columns, how, roles, split, at"
            cursor = db.execute(
                f"INSERT INTO imports ({same}, file, rows, warnings) SELECT {same}, '', ?, ? FROM imports WHERE id = ?",
                (done.lists, json.dumps(warnings, ensure_ascii=False), away.id),
            )
            made = f"imports/{cursor.lastrowid}.arrow"
            db.execute("UPDATE imports SET file = ? WHERE id = ?", (made, cursor.lastrowid))
            db.execute("UPDATE imports SET removed = 1 WHERE id = ?", (away.id,))
            known = state.setting(db, SETTING) or {}
            state.store(db, SETTING, {**known, str(cursor.lastrowid): {"rows": own.id, "flat": _told(flat)}})
            temporary.replace(data.folder / made)
    finally:
        temporary.unlink(missing_ok=True)


def _swap(data: Dataset, away: Import, number: int) -> None:
    """The other reading of a file in the place of this one."""
    with data.log.change("imports", "labels", "answers", "edits") as (db, _):
        db.execute("UPDATE imports SET removed = 1 WHERE id = ?", (away.id,))
        db.execute("UPDATE imports SET removed = 0, split = ? WHERE id = ?", (away.split, number))
