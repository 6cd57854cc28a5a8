"""What leaves a data set, row by row: its cells, its inputs, and who said what of it and when. Knows no format.

Rows that were left out stay at home; so do answers that were undone, or whose label was deleted.
"""

from __future__ import annotations

import datetime
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from core.data.chunks import take
from core.data.how import Progress, Stop, check
from core.data.splits import NAMES, OPEN
from core.data.state import UNTOUCHED, State
from core.data.team import named

if TYPE_CHECKING:
    from core.data.dataset import Dataset

Layout = Literal["merged", "answers"]  # one row a text with the label in force; one row an answer
BLOCK = 2_000  # rows read at a time


@dataclass(frozen=True)
class Answer:
    """`value` None: the label was taken off. `at` in seconds since 1970, None where the file says it. `origin`: file | human | bulk |
    settled | import | rule | model."""

    value: Any
    who: str | None = None
    at: float | None = None
    origin: str = "file"
    seconds: float | None = None

    @property
    def time(self) -> str | None:
        """When, in UTC, to the second: 2026-03-01T09:30:00Z."""
        return None if self.at is None else _utc(self.at).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True)
class Row:
    """`cells`: of the file's columns, changes in place. `answers`: the one in force, or all of them, the oldest first."""

    id: str
    place: int
    text: str
    cells: Mapping[str, str]
    split: str | None
    answers: tuple[Answer, ...]


def rows(data: Dataset, layout: Layout, labelled: bool, progress: Progress, cancelled: Stop) -> Iterator[Row]:
    """All rows in order. `labelled`: only those with an answer."""
    state = data.state
    wanted = ~state.edits.excluded
    total, done = int(wanted.sum()), 0
    columns = shown(state)
    parted = (state.usable & (state.label >= 0)) | (state.rows.file_splits != OPEN) | (state.edits.moved != OPEN)
    for start, one in zip(state.rows.starts.tolist(), state.rows.imports, strict=False):
        for first in range(start, start + one.rows, BLOCK):
            check(cancelled)
            places = np.arange(first, min(first + BLOCK, start + one.rows))[
                wanted[first : min(first + BLOCK, start + one.rows)]
            ]
            if not len(places):
                continue
            found = _in_force(data, state, places) if layout == "merged" else _given(data, state, places)
            cells = _cells(state, places, [name for name in columns if name in one.columns])
            ids, texts = state.rows.ids(places), state.texts(places)
            for place, row, text, around in zip(places.tolist(), ids, texts, cells, strict=True):
                if found[place] or not labelled:
                    split = NAMES[int(state.split[place])] if parted[place] else None
                    yield Row(row, place, text, around, split, tuple(found[place]))
            done += len(places)
            progress(done, total)


def shown(state: State) -> list[str]:
    """The columns worth taking along: a picture's name of ours says nothing outside."""
    inner = {
        name
        for part in state.shape.inputs
        if part.kind == "image"
        for one in state.rows.imports
        for name in state.rows.columns_of(one, part.role)
    }
    return [name for name in state.rows.columns if name not in inner] or list(state.rows.columns)


def role_columns(state: State, role: str) -> list[str]:
    """The columns that play a role in any of the files, in their order."""
    there = {name for one in state.rows.imports for name in state.rows.columns_of(one, role)}
    return [name for name in state.rows.columns if name in there]


def seconds_of(time: Any) -> float | None:
    """The other way round; None for what is no time. Without a zone it is UTC."""
    try:
        found = datetime.datetime.fromisoformat(str(time).strip())
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=datetime.UTC)).timestamp()


def _utc(at: float) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(at, datetime.UTC)


def _cells(state: State, places: Any, columns: list[str]) -> list[dict[str, str]]:
    lists = [take(state.rows.column(name), places) for name in columns]
    found = [dict(zip(columns, (c or "" for c in cells), strict=True)) for cells in zip(*lists, strict=True)]
    found = found or [{} for _ in places]
    for column, changed in state.edits.cells.items():
        for place, around in zip(places.tolist(), found, strict=True):
            if place in changed and column in around:
                around[column] = changed[place]
    return found


def _in_force(data: Dataset, state: State, places: Any) -> dict[int, list[Answer]]:
    """At most one answer a row, by place."""
    if state.shape.target is None:
        return {place: [] for place in places.tolist()}
    query = "SELECT f.row, a.who, a.at, a.origin, a.seconds FROM in_force f JOIN answers a ON a.seq = f.seq WHERE f.row BETWEEN ? AND ?"
    numbers = state.rows.packed(places)
    told = {r["row"]: r for r in data.log.read().execute(query, (int(numbers[0]), int(numbers[-1])))}
    found: dict[int, list[Answer]] = {}
    for place, number in zip(places.tolist(), numbers.tolist(), strict=True):
        value = state.value(place)
        given = told.get(number) if state.human[place] != UNTOUCHED else None
        how = (given["who"], given["at"], given["origin"], given["seconds"]) if given else ()
        found[place] = [] if value is None else [Answer(value, *how)]
    return found


def _given(data: Dataset, state: State, places: Any) -> dict[int, list[Answer]]:
    """Everything people said of each row, by place."""
    numbers = state.rows.packed(places)
    query = "SELECT * FROM answers WHERE NOT undone AND row BETWEEN ? AND ? ORDER BY seq"
    where = dict(zip(numbers.tolist(), places.tolist(), strict=True))
    found: dict[int, list[Answer]] = defaultdict(list)
    for r in data.log.read().execute(query, (int(numbers[0]), int(numbers[-1]))):
        if r["row"] not in where or state.shape.target is None:
            continue
        value = named(state, r["label"], json.loads(r["value"] or "null"))
        if value is None and not (r["label"] is None and r["value"] is None):
            continue
        found[where[r["row"]]].append(Answer(value, r["who"], r["at"], r["origin"], r["seconds"]))
    return found
