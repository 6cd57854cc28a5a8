"""What the check-up finds, and what a check is: functions of a State that find, show rows, and say how to mend."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from core.data import edits
from core.data.kept import Measure
from core.data.splits import NAMES
from core.data.state import State
from core.words import Message

Mask = NDArray[np.bool_]
Tone = Literal["bad", "warn", "info"]
Piece = tuple[str, bool]  # some of a text; is it what the finding is about?
EXAMPLES = 3
SHOWN = 160  # characters of a text in an example
PARTS = {"train": Message("learning"), "validation": Message("steering"), "test": Message("final test")}


@dataclass(frozen=True)
class Fix:
    id: str
    title: Message

    def as_json(self) -> dict[str, Any]:
        return {"id": self.id, "title": self.title.as_json()}


@dataclass(frozen=True)
class Line:
    """A row in an example: its text, cut, in pieces. `notes`: what is to be said of it, such as its label or its part of the data."""

    row: str
    pieces: tuple[Piece, ...]
    notes: tuple[Message | str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        told = [note.as_json() if isinstance(note, Message) else note for note in self.notes]
        return {"row": self.row, "pieces": [list(piece) for piece in self.pieces], "notes": told}


Example = tuple[Line, ...]  # one row, or rows that belong together


@dataclass(frozen=True)
class Finding:
    """`detail`: why it matters. `count`: how many. `done`: the group of edits that mended it (then only Undo is left). Its rows:
    page(only="finding:<id>"), where `looks` says that there are any."""

    id: str
    code: str
    tone: Tone
    title: Message
    detail: Message
    count: int
    fixes: tuple[Fix, ...] = ()
    done: str | None = None
    examples: tuple[Example, ...] = ()
    looks: bool = True

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "code": self.code,
            "tone": self.tone,
            "title": self.title.as_json(),
            "detail": self.detail.as_json(),
            "count": self.count,
            "fixes": [fix.as_json() for fix in self.fixes],
            "done": self.done,
            "examples": [[line.as_json() for line in example] for example in self.examples],
            "looks": self.looks,
        }


@dataclass(frozen=True)
class Change:
    """What a fix does: an edit of rows, or labels that become others (`merges`: label id -> label id)."""

    places: NDArray[np.int64]
    kind: edits.Kind
    value: Any = None
    merges: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Check:
    """`find`: the finding, or None where there is nothing to say. `rows`: which rows it is about, None where it is about none.
    `needs`: what has to be measured first, which may take a while."""

    code: str
    find: Callable[[State], Finding | None]
    rows: Callable[[State], Mask] | None = None
    fixes: Mapping[str, Callable[[State], Change]] = field(default_factory=dict)
    needs: tuple[Measure, ...] = ()


def left_out(rows: Callable[[State], Mask]) -> Callable[[State], Change]:
    """The fix that leaves rows out."""
    return lambda state: Change(np.flatnonzero(rows(state)), "exclude")


# --- examples --------------------------------------------------------------------------------------------------------


def examples_of(state: State, rows: Mask | Iterable[int]) -> tuple[Example, ...]:
    """The first rows, each with the beginning of its text."""
    places = np.flatnonzero(rows) if isinstance(rows, np.ndarray) else np.array(list(rows), np.int64)
    if state.shape.inputs[0].kind != "text":
        return ()
    return tuple((line_of(state, place),) for place in places[:EXAMPLES].tolist())


def line_of(
    state: State, place: int, pieces: Sequence[Piece] | None = None, notes: Iterable[Message | str] = ()
) -> Line:
    shown = pieces if pieces is not None else [(state.texts([place])[0], False)]
    return Line(state.rows.id(place), cut(shown), tuple(notes))


def part_of(state: State, place: int) -> Message:
    """What a row is used for, in a word."""
    return PARTS[NAMES[int(state.split[place])]]


def cut(pieces: Sequence[Piece], most: int = SHOWN) -> tuple[Piece, ...]:
    """Pieces of at most `most` characters together, from a little before the first marked one; white space becomes one blank."""
    flat = [(" ".join(f"|{text}|".split())[1:-1], marked) for text, marked in pieces]
    before = 0
    for text, marked in flat:
        if marked:
            break
        before += len(text)
    else:
        before = 0
    skip = max(0, before - most // 3)
    found: list[Piece] = [("…", False)] if skip else []
    left = most
    for text, marked in flat:
        if skip >= len(text):
            skip -= len(text)
            continue
        text, skip = text[skip:], 0
        if text[:left]:
            found.append((text[:left], marked))
        left -= len(text)
        if left < 0:
            return (*found, ("…", False))
    return tuple(found)
