"""An answer on its way into the log: checked, with label ids in the place of names; and what the file itself says, in a line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.data.state import State
from core.data.values import kind
from core.errors import Missing
from core.words import Message

LONGEST_GUESS = 4_000  # characters


@dataclass(frozen=True)
class Carried:
    """An answer on its way to another row: `label` an id, `value` with names."""

    row: str
    label: int | None
    value: Any
    who: str
    at: float
    origin: str
    seconds: float | None
    guess: str | None


def said_by_file(state: State, place: int, names: Mapping[int, str]) -> str | None:
    """The file's own answer in one line; None where it gives none."""
    if state.shape.by_label:
        return names.get(int(state.file_label[place]))
    value = state.value_in_file(place)
    if value is None or state.shape.target is None:
        return None
    return kind(state.shape.target.kind).shown(value, {"text": state.texts([place])[0]})


def checked(state: State, value: Any, by_id: set[int], by_name: Mapping[str, int]) -> str | None:
    """An answer that is a value, as JSON with label ids in the place of names. ValueError or Missing where it is none."""
    if value is None or state.shape.target is None:
        return None
    target = kind(state.shape.target.kind)
    good = target.check(value)
    ids = {name: label_id(name, by_id, by_name) for name in target.names(good)}
    return json.dumps(target.renamed(good, ids), ensure_ascii=False)


def seconds(told: Any) -> float | None:
    """How long a person looked; a page left open over lunch counts an hour at most."""
    try:
        return min(max(float(told), 0.0), 3600.0) if told is not None else None
    except (TypeError, ValueError):
        return None


def guess(told: Any) -> str | None:
    """What the model had said before the person answered: {"label" or "value", "p"}; anything else is left out."""
    if not isinstance(told, Mapping) or not isinstance(told.get("p"), int | float):
        return None
    kept = json.dumps({key: told[key] for key in ("label", "value", "p") if key in told}, ensure_ascii=False)
    return kept if len(kept) <= LONGEST_GUESS else None


def label_id(label: Any, by_id: set[int], by_name: Mapping[str, int]) -> int | None:
    if label is None:
        return None
    if isinstance(label, int) and not isinstance(label, bool) and label in by_id:
        return label
    if isinstance(label, str) and label in by_name:
        return by_name[label]
    raise Missing(Message("There is no label “{label}” any more.", label=str(label)[:60]))
