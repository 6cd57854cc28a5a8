"""Marked places of a text as values: made, checked against their text, compared. Knows no format in which people bring them.

A span is {"start", "end", "label"}: offsets count code points (Python indices), the end is exclusive. A list of spans is sorted
by (start, end, label) and holds nothing twice. Spans may overlap; `overlaps` tells which.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.words import Message

SHOWN = 60  # characters of a text shown inside a sentence


Span = dict[str, Any]  # {"start": int, "end": int, "label": str}; plain JSON


def span(start: int, end: int, label: str) -> Span:
    return {"start": start, "end": end, "label": label}


@dataclass(frozen=True)
class Fault:
    """Something wrong with one span, and a sentence about it. `code`: outside, empty, moved, missing or overlap."""

    code: str
    message: Message


def checked(spans: Iterable[Mapping[str, Any]], text: str) -> tuple[list[Span], list[Fault]]:
    """Sorted spans without white space at their ends; those that hold nothing or leave the text are left out and told."""
    good: dict[tuple[int, int, str], Span] = {}
    faults: list[Fault] = []
    for one in spans:
        start, end, label = one["start"], one["end"], one["label"]
        if start < 0 or end > len(text):
            faults.append(Fault("outside", _outside(start, end, label, len(text))))
            continue
        first, last = snapped(text, start, end)
        if first >= last:
            faults.append(Fault("empty", _empty(start, end, label)))
            continue
        good[first, last, label] = {**one, "start": first, "end": last}
    return [good[key] for key in sorted(good)], faults


def snapped(text: str, start: int, end: int) -> tuple[int, int]:
    """The same place without white space at its ends; empty where there is nothing else."""
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end


def in_order(spans: Iterable[Span]) -> list[Span]:
    return sorted(spans, key=lambda s: (s["start"], s["end"], s["label"]))


def overlaps(spans: Iterable[Span]) -> list[tuple[Span, Span]]:
    """Pairs of spans that share at least one character; spans that only touch do not."""
    found = []
    open_ones: list[Span] = []
    for later in in_order(spans):
        open_ones = [earlier for earlier in open_ones if earlier["end"] > later["start"]]
        found += [(earlier, later) for earlier in open_ones]
        open_ones.append(later)
    return found


def overlap_faults(spans: Iterable[Span], text: str) -> list[Fault]:
    """`overlaps` as sentences."""
    return [
        Fault(
            "overlap",
            Message(
                "“{first}” ({label}) and “{second}” ({other}) overlap.",
                first=_surface(text, a),
                label=a["label"],
                second=_surface(text, b),
                other=b["label"],
            ),
        )
        for a, b in overlaps(spans)
    ]


def without_overlaps(spans: Iterable[Span]) -> list[Span]:
    """At most one span for each character: the longest stay, of equals the first. What one tag a token can say."""
    kept: list[Span] = []
    taken: set[int] = set()
    for one in sorted(spans, key=lambda s: (s["start"] - s["end"], s["start"], s["label"])):
        places = range(one["start"], one["end"])
        if taken.isdisjoint(places):
            taken.update(places)
            kept.append(one)
    return in_order(kept)


def from_utf16(text: str, spans: Sequence[Span]) -> list[Span]:
    """Spans whose offsets count UTF-16 units, as JavaScript does, in code points. An offset inside a character means all of it."""
    if not _has_wide(text):
        return [dict(one) for one in spans]
    starts, ends = _from_units(text)
    beyond = len(starts)

    def place(offset: int, places: list[int]) -> int:
        if 0 <= offset < beyond:
            return places[offset]
        return offset if offset < 0 else len(text) + 1 + offset - beyond

    return [{**one, "start": place(one["start"], starts), "end": place(one["end"], ends)} for one in spans]


def to_utf16(text: str, spans: Sequence[Span]) -> list[Span]:
    """The other way round, for a page."""
    if not _has_wide(text):
        return [dict(one) for one in spans]
    units = [0]
    for char in text:
        units.append(units[-1] + 1 + (char > "\uffff"))
    return [{**one, "start": units[one["start"]], "end": units[one["end"]]} for one in spans]


def missing(surface: str, label: str) -> Fault:
    return Fault(
        "missing",
        Message("“{surface}” ({label}) does not stand in the text and was left out.", surface=surface[:SHOWN], label=label),
    )  # fmt: skip


def moved(surface: str, label: str, start: int, now: int) -> Fault:
    return Fault(
        "moved",
        Message(
            "“{surface}” ({label}) does not stand at {start:,}; it was found at {now:,}.",
            surface=surface[:SHOWN],
            label=label,
            start=start,
            now=now,
        ),
    )


def _has_wide(text: str) -> bool:
    return bool(text) and max(text) > "\uffff"


def _from_units(text: str) -> tuple[list[int], list[int]]:
    """For each UTF-16 offset: the character it begins or lies in, and the one it ends."""
    starts, ends = [], []
    for place, char in enumerate(text):
        starts.append(place)
        ends.append(place)
        if char > "\uffff":
            starts.append(place)
            ends.append(place + 1)
    return [*starts, len(text)], [*ends, len(text)]


def _outside(start: int, end: int, label: str, n: int) -> Message:
    return Message(
        "A span ({label}) from {start:,} to {end:,} lies outside its text of {n:,} characters and was left out.",
        label=label,
        start=start,
        end=end,
        n=n,
    )


def _empty(start: int, end: int, label: str) -> Message:
    return Message(
        "A span ({label}) from {start:,} to {end:,} holds no characters and was left out.",
        label=label,
        start=start,
        end=end,
    )


def _surface(text: str, one: Span) -> str:
    return text[one["start"] : one["end"]][:SHOWN]
