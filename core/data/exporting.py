"""Labels on their way out of a data set: a file in one of FORMATS, with who gave them, when, and how they came.

    export(data, Path("labels.csv"), "csv", layout="merged")        one row a text, with the label in force
    export(data, Path("answers.jsonl"), "jsonl", layout="answers")  one row an answer, of everybody

What a format cannot hold is said before (`losses`). Rows that were left out stay at home. `job` is the same for `core.jobs`.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc

from core.data.chunks import flags
from core.data.dataset import Dataset
from core.data.exchange import conll, rows, spacy, studio, tables
from core.data.exchange.rows import Layout, Row
from core.data.how import Progress, Stop, never, nothing
from core.data.shape import Shape
from core.data.spans import overlaps
from core.data.state import State
from core.data.tables import FORBIDDEN, XLSX_CELL, XLSX_ROWS
from core.errors import DataError, Missing
from core.words import Message, listed, plural

LAYOUTS: tuple[Layout, ...] = ("merged", "answers")
Writing = Callable[[Path, Iterable[Row], State, Layout], tuple[int, int]]  # (rows, lines or annotations)


@dataclass(frozen=True)
class Format:
    """`kinds`: of answers it can hold; none named: all. `texts`: only rows whose one input is a text."""

    name: str
    ending: str
    title: Message
    help: Message
    write: Writing
    layouts: tuple[Layout, ...] = LAYOUTS
    kinds: tuple[str, ...] = ()
    texts: bool = False

    def holds(self, shape: Shape) -> bool:
        plain = len(shape.inputs) == 1 and shape.inputs[0].kind == "text"
        answers = shape.target is not None and shape.target.kind in self.kinds
        return (answers or not self.kinds) and (plain or not self.texts)


FORMATS: dict[str, Format] = {
    one.name: one
    for one in (
        Format("csv", "csv", Message("CSV"), Message("A table that every spreadsheet opens."), tables.write),
        Format("xlsx", "xlsx", Message("Excel"), Message("A workbook with one sheet."), tables.write),
        Format(
            "jsonl", "jsonl", Message("JSON lines"), Message("One record a line, for programs."), tables.write_lines
        ),
        Format(
            "label_studio",
            "json",
            Message("Label Studio"),
            Message("Tasks with their annotations, and the labelling configuration to paste."),
            lambda path, found, state, layout: studio.write(path, found, state),
            kinds=tuple(studio.TAGS),
        ),
        Format(
            "spacy",
            "jsonl",
            Message("spaCy"),
            Message("Texts with entities or categories, one a line, as spaCy and Prodigy read them."),
            lambda path, found, state, layout: spacy.write(path, found, state),
            kinds=("category", "categories", "spans"),
            texts=True,
        ),
        Format(
            "conll",
            "conll",
            Message("CoNLL"),
            Message("One word a line with its tag (IOB2)."),
            lambda path, found, state, layout: conll.write(path, found),
            layouts=("merged",),
            kinds=("spans",),
            texts=True,
        ),
    )
}


def format_of(name: str) -> Format:
    if name not in FORMATS:
        raise Missing(
            Message("There is no format called “{name}”.", name=str(name)[:40]),
            fix=Message("Choose one of {choices}.", choices=listed(FORMATS, 20)),
        )
    return FORMATS[name]


def offered(shape: Shape) -> list[Format]:
    """The formats that can hold answers of this kind."""
    return [one for one in FORMATS.values() if one.holds(shape)]


def export(
    data: Dataset,
    path: Path,
    format: str,
    layout: Layout = "merged",
    labelled: bool = False,
    progress: Progress = nothing,
    cancelled: Stop = never,
) -> dict[str, Any]:
    """Write the labels to `path`, whole or not at all -> {"path", "rows", "lines", "config"}. `labelled`: only rows with an answer. `config`:
    the labelling configuration of Label Studio, else None. DataError where the format cannot hold these answers; Cancelled."""
    chosen, state = _checked(data, format, layout), data.state
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{os.getpid()}.{threading.get_ident()}.{path.stem}.{chosen.ending}")
    try:
        found = rows.rows(data, layout, labelled, progress, cancelled)
        done, lines = chosen.write(temporary, found, state, layout)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    config = studio.config(state) if format == "label_studio" else None
    return {"path": str(path), "rows": done, "lines": lines, "config": config}


def job(
    folder: str, out: str, format: str, layout: Layout, labelled: bool, *, progress: Progress, cancelled: Stop
) -> dict[str, Any]:
    """`export` with plain arguments, as core.jobs starts it."""
    return export(Dataset.open(folder), Path(out), format, layout, labelled, progress, cancelled)


def losses(data: Dataset, format: str, layout: Layout) -> list[Message]:
    """What this format does not hold of what is there, in sentences; to be said before."""
    chosen, state = _checked(data, format, layout), data.state
    said = {"xlsx": _of_sheets, "conll": _of_conll, "label_studio": _of_studio}.get(chosen.name, _nothing)(state)
    if n := int(state.edits.excluded.sum()):
        said.append(plural(n, "{n} row that was left out stays here.", "{n:,} rows that were left out stay here."))
    if any(part.kind == "image" for part in state.shape.inputs):
        said.append(Message("The file names the pictures; they themselves stay here."))
    return said


def _checked(data: Dataset, format: str, layout: Layout) -> Format:
    chosen = format_of(format)
    if data.empty:
        raise DataError(Message("There are no rows to take along."), fix=Message("Add texts on the Data tab first."))
    if not chosen.holds(data.shape):
        raise DataError(
            Message("{format} cannot hold answers of this kind.", format=chosen.title),
            fix=Message("Choose one of {choices}.", choices=listed([one.name for one in offered(data.shape)], 20)),
        )
    if layout not in chosen.layouts:
        raise DataError(
            Message("{format} holds one answer a text.", format=chosen.title),
            fix=Message("Take one row a text, or choose another format."),
        )
    return chosen


def _nothing(state: State) -> list[Message]:
    return []


def _of_sheets(state: State) -> list[Message]:
    """Excel's limits: characters of a cell, rows of a sheet, characters that XML cannot hold."""
    long = broken = 0
    for name in rows.shown(state):
        column = state.rows.column(name)
        long += int(flags(column, lambda part: pc.greater(pc.utf8_length(part), XLSX_CELL)).sum())
        broken += int(flags(column, lambda part: pc.match_substring_regex(part, r"[\x00-\x08\x0b\x0c\x0e-\x1f]")).sum())
    found = []
    if long:
        found.append(
            plural(
                long,
                "{n} text is longer than the {most:,} characters that a cell of Excel holds, and is cut there. CSV holds all of it.",
                "{n:,} texts are longer than the {most:,} characters that a cell of Excel holds, and are cut there. CSV holds all of them.",
                most=XLSX_CELL,
            )
        )
    if broken:
        found.append(
            plural(
                broken,
                "{n} text holds signs that Excel cannot store; they become �.",
                "{n:,} texts hold signs that Excel cannot store; they become �.",
            )
        )
    if len(state) >= XLSX_ROWS:
        found.append(Message("A sheet of Excel holds {n:,} rows; the others stand on further sheets.", n=XLSX_ROWS))
    return found


def _of_conll(state: State) -> list[Message]:
    places = np.flatnonzero((state.label >= 0) & ~state.edits.excluded)
    crossing = sum(bool(overlaps(state.value(place) or ())) for place in places.tolist())
    found = [Message("Who marked a place and when has no room in CoNLL.")]
    if crossing:
        found.append(
            plural(
                crossing,
                "In {n} text marked places overlap. CoNLL holds one tag a word, so only the longest of them is written.",
                "In {n:,} texts marked places overlap. CoNLL holds one tag a word, so only the longest of them are written.",
            )
        )
    left = len(state) - len(places) - int(state.edits.excluded.sum())
    if left:
        found.append(
            plural(left, "{n} text without an answer is not in it.", "{n:,} texts without an answer are not in it.")
        )
    return found


def _of_studio(state: State) -> list[Message]:
    found = [Message("Label Studio takes the names of people only if it knows them by the same e-mail address.")]
    if state.shape.target and state.shape.target.kind == "relevance":
        found.append(Message("Label Studio holds which candidates were chosen, and no grades."))
    return found


__all__ = ["FORBIDDEN", "FORMATS", "LAYOUTS", "Format", "Layout", "export", "format_of", "job", "losses", "offered"]
