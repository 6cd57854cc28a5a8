"""Labels as tables: csv, xlsx and JSON lines. Which columns there are, under which names; what a cell holds.

Of one row a text, the label in force stands where the file's own label stood, which goes on under "… (file)" where people changed anything.
Of one row an answer, the file's columns stay as they are. Names that the file has already get a number behind them. `core.data.exchange.
answered` knows such a table by these names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.data.exchange.rows import Answer, Layout, Row, role_columns, shown
from core.data.state import UNTOUCHED, State
from core.data.tables import table, unused
from core.data.values import PLAIN, encode

MERGED = ("origin", "annotator", "answered")  # beside the label in force
EVERY = ("row", "task", "answer", "annotator", "answered", "origin", "seconds")  # of one answer
BEFORE = " (file)"  # behind the name of a column whose values others have taken the place of
WAS = re.compile(r" \(file\)( \d+)?$")
Cell = Callable[[Row, Answer | None], Any]


@dataclass(frozen=True)
class Column:
    title: str
    cell: Cell


def columns(state: State, layout: Layout, native: bool = False) -> list[Column]:
    """The columns of a table, in order. `native`: values as JSON has them (lists, numbers), else as text."""
    own = [Column(name, _own(name)) for name in shown(state)]
    if layout == "answers":
        return [*own, *_named(own, {name: _every(state, name, native) for name in EVERY})]
    target = state.shape.target
    if target is None:
        return _split_in_force(state, own)
    given, value = role_columns(state, target.role), _value(target.kind, native)
    if len(given) == 1 and given[0] in {one.title for one in own}:
        own = _in_place(own, given[0], value, kept=_touched(state))
    else:
        own = [Column(one.title + BEFORE if one.title in given else one.title, one.cell) for one in own]
        own += _named(own, {target.role: value})
    own = _split_in_force(state, own)
    return [*own, *_named(own, {"origin": _how("origin"), "annotator": _how("who"), "answered": _how("time")})]


def write(path: Path, rows: Any, state: State, layout: Layout) -> tuple[int, int]:
    """A csv or xlsx table; (rows of the data set, lines written)."""
    titles = columns(state, layout)
    done = lines = 0
    with table(path, [one.title for one in titles]) as out:
        for row in rows:
            done += 1
            for answer in row.answers or (None,):
                out.row([one.cell(row, answer) for one in titles])
                lines += 1
    return done, lines


def write_lines(path: Path, rows: Any, state: State, layout: Layout) -> tuple[int, int]:
    """JSON lines; (rows of the data set, lines written)."""
    titles = columns(state, layout, native=True)
    done = lines = 0
    with path.open("w", encoding="utf-8", newline="\n") as out:
        for row in rows:
            done += 1
            for answer in row.answers or (None,):
                out.write(json.dumps({one.title: one.cell(row, answer) for one in titles}, ensure_ascii=False) + "\n")
                lines += 1
    return done, lines


def told(kind: str, value: Any, native: bool = False) -> Any:
    """A value in a cell: texts and names as they stand, numbers as numbers, everything else as JSON (`native`: as it is)."""
    if value is None or kind in PLAIN:
        return value
    if kind == "number":
        return int(value) if float(value).is_integer() and abs(value) < 1e15 else value
    return value if native and isinstance(value, list) else encode(kind, value)


def bookkeeping(there: Sequence[str]) -> list[str]:
    """Columns of a merged table that say how a label came, and not what a text is; empty where this is no such table."""
    found = [_numbered(name, there) for name in MERGED]
    if None in found:
        return []
    return [name for name in found if name is not None] + [name for name in there if WAS.search(name)]


def of_texts(there: Sequence[str]) -> list[str]:
    """The columns without those."""
    ours = bookkeeping(there)
    return [name for name in there if name not in ours]


def _numbered(name: str, there: Sequence[str]) -> str | None:
    """The last column of this name, with a number behind it or without."""
    wanted = [one for one in there if one.rstrip("0123456789").rstrip() in (name, f"meta.{name}")]
    return wanted[-1] if wanted else None


def find(there: Sequence[str]) -> dict[str, str] | None:
    """Which column holds what in a table with one row an answer; None where this is none."""
    found = {name: _numbered(name, there) for name in EVERY}
    if any(column is None for name, column in found.items() if name not in ("seconds", "answer")):
        return None
    return {name: column for name, column in found.items() if column is not None}


def _own(name: str) -> Cell:
    return lambda row, answer: row.cells.get(name, "")


def _value(kind: str, native: bool) -> Cell:
    return lambda row, answer: told(kind, answer.value, native) if answer else None


def _how(name: str) -> Cell:
    return lambda row, answer: getattr(answer, name) if answer else None


def _every(state: State, name: str, native: bool) -> Cell:
    cells: Mapping[str, Cell] = {
        "row": lambda row, answer: row.id,
        "task": lambda row, answer: state.shape.task,
        "answer": _value(state.shape.target.kind if state.shape.target else "text", native),
        "annotator": _how("who"),
        "answered": _how("time"),
        "origin": _how("origin"),
        "seconds": lambda row, answer: answer and answer.seconds and round(answer.seconds, 2),
    }
    return cells[name]


def _named(there: list[Column], wanted: Mapping[str, Cell]) -> list[Column]:
    taken = [one.title for one in there]
    return [Column(unused(name, taken), cell) for name, cell in wanted.items()]


def _in_place(own: list[Column], name: str, cell: Cell, kept: bool) -> list[Column]:
    """Another cell under a column's name; what stood there goes on under another name."""
    found = [Column(name, cell) if one.title == name else one for one in own]
    before = Column(unused(name + BEFORE, [one.title for one in own]), _own(name))
    return [*found, before] if kept else found


def _split_in_force(state: State, own: list[Column]) -> list[Column]:
    given = role_columns(state, "split")
    cell: Cell = lambda row, answer: row.split  # noqa: E731
    if len(given) == 1:
        return _in_place(own, given[0], cell, kept=bool((state.edits.moved >= 0).any()))
    return [*own, *_named(own, {"split": cell})]


def _touched(state: State) -> bool:
    """Did people answer, or change the list of labels?"""
    names = {label.id: label.name for label in state.alive}
    renamed = any(names.get(label) != value for value, label in state.values.items())
    return renamed or bool((state.human != UNTOUCHED).any())
