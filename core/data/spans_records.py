"""Spans out of JSON as tools write it: what is an offset, what a label, what the marked words, whatever their names.

`found` turns a decoded value into Raw spans and the name of the form. Offsets stay as they stand here: whether ends are inclusive or
units are UTF-16 is settled in `core.data.spans`, which knows the text.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MAX_LITERAL = 100_000  # characters of a Python literal (what pandas writes for a list); JSON may be longer
STARTS = ("start", "start_offset", "startOffset", "start_idx", "start_char", "start_index", "begin", "from", "offset")
ENDS = ("end", "end_offset", "endOffset", "end_idx", "end_char", "end_index", "stop", "to")
LABELS = ("label", "labels", "type", "entity_type", "entity_group", "tag", "category", "ner_label", "entity", "name")
SURFACES = ("text", "surface", "word", "mention", "entity", "span", "value", "string")
LISTS = ("entities", "ents", "spans", "result", "labels", "label", "annotations", "ner", "points")


@dataclass(frozen=True)
class Raw:
    """`surface`: the words as the source repeats them, or None. `end` may be inclusive."""

    start: int
    end: int
    label: str
    surface: str | None = None


def decoded(cell: str) -> Any:
    """The value of a cell that holds JSON or a Python literal; None otherwise."""
    cell = cell.strip()
    if not cell or cell[0] not in "[{":
        return None
    try:
        return json.loads(cell)
    except (ValueError, RecursionError):
        pass
    if len(cell) > MAX_LITERAL or "'" not in cell:
        return None
    try:
        return ast.literal_eval(cell)
    except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
        return None


def found(value: Any) -> tuple[list[Raw], str] | None:
    """Raw spans and the form: records, triples, label_studio, spacy or nested; None where this is none of them."""
    if isinstance(value, Mapping):
        return _in_object(value)
    if not isinstance(value, list | tuple):
        return None
    if not value:
        return [], "records"
    if len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], Mapping) and "entities" in value[1]:
        return _in_object(value[1])
    if all(isinstance(one, Mapping) for one in value):
        return _records(value)
    triples = [_triple(one) for one in value]
    if all(triples):
        return [raw for raw in triples if raw], "triples"
    return None


def text_in(value: Any) -> str | None:
    """The text that stands beside the spans in the same value."""
    if (
        isinstance(value, list | tuple)
        and len(value) == 2
        and isinstance(value[0], str)
        and isinstance(value[1], Mapping)
    ):
        return value[0]
    if not isinstance(value, Mapping):
        return None
    inner = value.get("data")
    told = value.get("text", inner.get("text") if isinstance(inner, Mapping) else None)
    return told if isinstance(told, str) else None


def _in_object(value: Mapping[str, Any]) -> tuple[list[Raw], str] | None:
    if (raws := _nested(value)) is not None:
        return raws, "nested"
    for name in LISTS:
        inner = value.get(name)
        if isinstance(inner, Mapping) and (got := _in_object(inner)):
            return got
        if isinstance(inner, list) and (got := found(inner)):
            return got[0], "spacy" if name in ("entities", "ents", "spans") else got[1]
    return None


def _nested(value: Mapping[str, Any]) -> list[Raw] | None:
    """{label: {surface: [[start, end], ...]}}, and {label: [[start, end], ...]}. None unless all of it is so."""
    raws: list[Raw] = []
    for label, inner in value.items():
        groups = inner.items() if isinstance(inner, Mapping) else [(None, inner)]
        for surface, pairs in groups:
            if not isinstance(pairs, list):
                return None
            for pair in pairs:
                start, end = (
                    (_int(pair[0]), _int(pair[1])) if isinstance(pair, list) and len(pair) == 2 else (None, None)
                )
                if start is None or end is None:
                    return None
                raws.append(Raw(start, end, str(label), surface))
    return raws


def _records(items: Sequence[Mapping[str, Any]]) -> tuple[list[Raw], str] | None:
    if any(
        isinstance(one.get("result"), list) for one in items
    ):  # Label Studio: annotations, of which the first with a result counts
        inner: list[Any] = next((one["result"] for one in items if one.get("result")), [])
        return _records(inner) if inner else ([], "label_studio")
    studio = any(isinstance(one.get("value"), Mapping) for one in items)
    raws: list[Raw] = []
    strange = 0
    for one in items:
        if studio and "start" not in (one.get("value") or {}):
            continue  # a relation or an answer about the whole text
        got = list(_record({**one, **one["value"]} if studio else one))
        strange += not got
        raws += got
    return None if strange else (raws, "label_studio" if studio else "records")


def _record(one: Mapping[str, Any]) -> Iterator[Raw]:
    """One span, or one a label where an item has several labels or several places. Nothing where it is no span."""
    if isinstance(points := one.get("points"), list) and points and all(isinstance(p, Mapping) for p in points):
        for point in points:
            yield from _record({"label": one.get("label"), **point})
        return
    start = next((n for key in STARTS if (n := _int(one.get(key))) is not None), None)
    end = next((n for key in ENDS if (n := _int(one.get(key))) is not None), None)
    if end is None and start is not None and (length := _int(one.get("length"))) is not None:
        end = start + length
    key = next((key for key in LABELS if one.get(key) not in (None, "", [])), None)
    if start is None or end is None or key is None:
        return
    named = one[key]
    surface = next((one[k] for k in SURFACES if k != key and isinstance(one.get(k), str)), None)
    for label in named if isinstance(named, list) else [named]:
        yield Raw(start, end, str(label), surface)


def _triple(one: Any) -> Raw | None:
    """[start, end, label], [label, start, end], and either with the words behind it."""
    if not isinstance(one, list | tuple) or not 3 <= len(one) <= 4:
        return None
    surface = one[3] if len(one) == 4 and isinstance(one[3], str) else None
    for start, end, label in ((one[0], one[1], one[2]), (one[1], one[2], one[0])):
        a, b = _int(start), _int(end)
        if a is not None and b is not None and isinstance(label, str):
            return Raw(a, b, label, surface)
    return None


def _int(value: Any) -> int | None:
    """A whole number, also one typed as text; readers keep numbers as they stand."""
    if isinstance(value, str) and value.strip().lstrip("-").isdecimal() and len(value) < 12:
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
