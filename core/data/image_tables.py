"""A table that names pictures which are here already, brought after their zip: each row gets its picture. Knows no labels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from core.data.how import Read
from core.data.image_zips import matched
from core.data.images import NAME, Picture
from core.data.rows import Import
from core.data.state import State
from core.words import plural

COLUMNS = ("image", "name")  # of every file whose rows have pictures


def pictures(state: State) -> list[Picture]:
    """The pictures that the files of a data set have brought, with the names they came under."""
    found: dict[tuple[str, str], Picture] = {}
    for one in _pictured(state):
        table = state.rows.table(one)
        for image, name in zip(table.column("image").to_pylist(), table.column("name").to_pylist(), strict=True):
            if NAME.fullmatch(image or ""):
                found[image, name] = Picture(image, name, 0, 0)
    return list(found.values())


def paired(state: State, path: Path, read: Read) -> Read | None:
    """Give the rows in the Arrow file `path` the pictures they name; None, and nothing changed, where they name none. Rows that name no
    picture are left out."""
    if "image" in read.columns or not (there := pictures(state)):
        return None
    with pa.memory_map(str(path)) as source:
        table = pa.ipc.open_file(source).read_all()
    names = list(read.columns)
    rows = list(zip(*(table.column(name).to_pylist() for name in names), strict=True))
    hit = matched(names, rows, there)
    if hit is None:
        return None
    kept = [i for i, picture in enumerate(hit[1]) if picture]
    seen = [picture for picture in hit[1] if picture]
    own = {"image": [one.image for one in seen], "name": [one.path for one in seen]}
    rest = {name: table.column(name).take(kept).combine_chunks() for name in names if name not in COLUMNS}
    new = pa.table({**{name: pa.array(cells, pa.string()) for name, cells in own.items()}, **rest})
    temporary = path.with_name(f"{path.name}.paired")
    with pa.OSFile(str(temporary), "wb") as sink, pa.ipc.new_file(sink, new.schema) as out:
        out.write_table(new)
    temporary.replace(path)
    strangers = len(rows) - len(kept)
    note = plural(
        strangers,
        "{n} row of the table names no picture of the zip and was left out.",
        "{n:,} rows of the table name no picture of the zip and were left out.",
    )
    warnings = (*read.warnings, note) if strangers else read.warnings
    return replace(read, columns=tuple(new.column_names), rows=len(kept), warnings=warnings)


def bare(state: State) -> tuple[Import, ...]:
    """Files that brought pictures and not one answer: their rows go when a table with the answers comes."""
    found: list[Import] = []
    for one in _pictured(state):
        start = int(state.rows.starts[list(state.rows.imports).index(one)])
        if not (np.asarray(state.label)[start : start + one.rows] >= 0).any():
            found.append(one)
    return tuple(found)


def _pictured(state: State) -> Iterable[Import]:
    return [one for one in state.rows.imports if set(COLUMNS) <= set(one.columns)]
