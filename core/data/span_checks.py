"""What the check-up looks for where texts have marked places: places that overlap, and places that do not fit their text.

Of each row there is a yes or no, and a sentence of the first that was found. Other tasks have neither.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.data.spans import overlap_faults, overlaps, read, recognise
from core.data.state import State
from core.words import Message

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Odd:
    """`rows`: which rows are concerned; `first`: a sentence about the first of them."""

    rows: Mask
    first: Message | None = None


def overlapping(state: State) -> Odd:
    """Rows whose places in force share characters; of such places a model of tags learns the longest."""
    if not _concerned(state):
        return Odd(np.zeros(len(state), np.bool_))
    if "overlapping" not in state.memory:
        rows, first = np.zeros(len(state), np.bool_), None
        for place in np.flatnonzero(state.usable & (state.label >= 0)).tolist():
            value = state.value(place)
            if value and overlaps(value):
                rows[place] = True
                first = first or overlap_faults(value, state.texts([place])[0])[0].message
        state.memory["overlapping"] = Odd(rows, first)
    found: Odd = state.memory["overlapping"]
    return found


def misplaced(state: State) -> Odd:
    """Rows whose file gives places that lie outside the text, hold nothing, or do not hold the words that it repeats."""
    if not _concerned(state):
        return Odd(np.zeros(len(state), np.bool_))
    if "misplaced" not in state.text_memory:
        state.text_memory["misplaced"] = _misplaced(state)
    found: Odd = state.text_memory["misplaced"]
    return Odd(found.rows & state.usable, found.first)


def _misplaced(state: State) -> Odd:
    rows, first = np.zeros(len(state), np.bool_), None
    known, target = state.rows, state.shape.target
    assert target is not None
    for start, one in zip(known.starts.tolist(), known.imports, strict=False):
        places = list(range(start, start + one.rows))
        cells, texts = known.role_cells(places, target.role), known.text.slice(start, one.rows).to_pylist()
        convention = recognise(zip(cells, texts, strict=True))
        for place, given, text in zip(places, cells, texts, strict=True):
            found = read(given, text, convention)
            if found and (found.faults or found.text != text):
                rows[place] = True
                first = first or (found.faults[0].message if found.faults else None)
    return Odd(rows, first)


def _concerned(state: State) -> bool:
    return state.shape.target is not None and state.shape.target.kind == "spans"
