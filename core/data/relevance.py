"""Which candidates of a row were clicked, or how good each is, as people bring it: {candidate: its grade}, of those with a grade above
nought; a click has grade 1.

A cell holds one candidate or several (a JSON list, or separators between), by their words, letters or numbers as options are told; or a
grade for each candidate in order, [0, 1, 0]; or {"candidate": grade}. Knows no model.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from core.data.choices import SEPARATORS, Options, decide, right
from core.data.structured import structured

MARK = re.compile(r"[(（]?([A-Za-z]|\d{1,3})[)）.．、:]?")  # a letter or a number
Relevance = dict[str, float]


def read(given: Sequence[Options], cells: Sequence[str], columns: Sequence[str] = ()) -> list[Relevance | None]:
    """What each row's cell says of its candidates; None where it names none of them. All rows together tell what numbers count from."""
    told = [_told(cell, one) for cell, one in zip(cells, given, strict=True)]
    named = [(one, name) for one, names in zip(given, told, strict=True) if isinstance(names, list) for name in names]
    how = decide(named, columns).how
    found: list[Relevance | None] = []
    for one, names in zip(given, told, strict=True):
        if isinstance(names, list):
            picked = [text for name in names if (text := right(one, name, how)) is not None]
            names = dict.fromkeys(picked, 1.0)
        found.append(names or None)
    return found


def checked(value: Any) -> Relevance:
    """From a page or a recipe: a candidate, a list of them, or {candidate: grade}. ValueError for anything else."""
    if isinstance(value, str):
        value = [value]
    if isinstance(value, list):
        value = dict.fromkeys(value, 1.0)
    if not isinstance(value, Mapping) or not value:
        raise ValueError("no candidate")
    found = {text: float(grade) for text, grade in value.items() if isinstance(text, str)}
    if len(found) < len(value) or not all(math.isfinite(grade) and grade > 0 for grade in found.values()):
        raise ValueError("no grades of candidates")
    return found


def _told(cell: str, given: Options) -> list[str] | Relevance:
    """The names of those that were clicked, or the grades."""
    value = structured(cell)
    if isinstance(value, dict):
        return _graded(value.items(), given)
    if isinstance(value, list):
        if len(value) == len(given.texts) and all(isinstance(one, int | float) for one in value):
            return _graded(zip(given.texts, value, strict=True), given)
        return [str(one).strip() for one in value if one is not None]
    if not cell or cell in given.texts or MARK.fullmatch(cell):
        return [cell] if cell else []
    for separator in SEPARATORS:
        parts = [part.strip() for part in cell.split(separator) if part.strip()]
        if len(parts) > 1 and all(part in given.texts or MARK.fullmatch(part) for part in parts):
            return parts
    return [cell]


def _graded(pairs: Any, given: Options) -> Relevance:
    found: Relevance = {}
    for name, grade in pairs:
        text = given.texts[given.keys.index(name)] if name in given.keys else name
        if text and text in given.texts and isinstance(grade, int | float) and 0 < grade < math.inf:
            found[text] = max(float(grade), found.get(text, 0.0))
    return found
