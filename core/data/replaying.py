"""The log of edits as it stands: which rows are left out or moved, which cells say something else, and what stood there for a time.

Replayed in the order in which the edits were made; those that were undone count for nothing but what once was to be seen.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from core.data.rows import Rows
from core.data.splits import NAMES, OPEN


@dataclass(frozen=True)
class Typed:
    """A cell that somebody or a fix changed, in force from `at` until `undone` (0: still), in seconds since 1970."""

    at: float
    undone: float
    cell: str


@dataclass(frozen=True)
class Edits:
    """What a person or a fix did to rows, replayed in order, without what was undone."""

    excluded: NDArray[np.bool_]
    moved: NDArray[np.int8]
    cells: Mapping[str, Mapping[int, str]]  # column -> place -> cell
    done: Mapping[str, tuple[str, str, int]]  # finding id -> (group, fix, rows)
    typed: Mapping[str, Mapping[int, list[Typed]]] = field(
        default_factory=dict
    )  # cells as above, with all that stood there for a time


def replayed(connection: sqlite3.Connection, rows: Rows) -> Edits:
    """All edits of the log over these rows."""
    excluded = np.zeros(len(rows), np.bool_)
    moved = np.full(len(rows), OPEN, np.int8)
    cells: dict[str, dict[int, str]] = {}
    done: dict[str, tuple[str, str, int]] = {}
    typed: dict[str, dict[int, list[Typed]]] = {}
    for edit in connection.execute("SELECT * FROM edits WHERE NOT undone OR kind = 'cell' ORDER BY seq"):
        places = rows.places(np.frombuffer(edit["rows"], np.int64))
        here = places[places >= 0]
        value = json.loads(edit["value"])
        if edit["kind"] in ("exclude", "restore"):
            excluded[here] = edit["kind"] == "exclude"
        elif edit["kind"] == "split":
            moved[here] = OPEN if value is None else NAMES.index(value)
        elif edit["kind"] == "cell":
            columns = [value["column"]] * len(places) if isinstance(value["column"], str) else value["column"]
            for place, column, cell in zip(places.tolist(), columns, value["cells"], strict=True):
                if place >= 0:
                    typed.setdefault(column, {}).setdefault(place, []).append(Typed(edit["at"], edit["undone"], cell))
                    if not edit["undone"]:
                        cells.setdefault(column, {})[place] = cell
        if edit["finding"] and len(here) and not edit["undone"]:
            done[edit["finding"]] = (edit["grp"], edit["fix"] or "", len(here))
    return Edits(excluded, moved, cells, done, typed)
