"""Marked places of a text (entities, slots): reading them in the forms that people bring, and everything about their values.

`read` takes the cells that hold the spans of one row and says which form it recognised, what text the offsets refer to and what was
wrong. `recognise` looks at many rows and settles what one row cannot tell: the scheme of tags, inclusive ends, UTF-16 units; hand its
answer to `read`. Knows no files, tasks or models. What is behind the names from the modules beside is told there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from core.data import spans_records
from core.data.spans_inline import unmarked
from core.data.spans_records import Raw
from core.data.spans_tags import SCHEMES, are_tags, from_tags, joined, places_in, runs, scheme, to_tags
from core.data.spans_values import (
    Fault,
    Span,
    checked,
    from_utf16,
    in_order,
    missing,
    moved,
    overlap_faults,
    overlaps,
    snapped,
    span,
    to_utf16,
    without_overlaps,
)
from core.words import Message

__all__ = [
    "SCHEMES", "Convention", "Fault", "Found", "Span", "checked", "from_tags", "from_utf16", "joined", "overlap_faults", "overlaps",
    "parse", "read", "recognise", "scheme", "snapped", "span", "to_tags", "to_utf16", "without_overlaps",
]  # fmt: skip

INLINE = ("brackets", "bars", "rasa", "elements")
TITLES = {
    "records": Message("spans with start, end and label"),
    "triples": Message("spans as lists: start, end, label"),
    "label_studio": Message("spans from Label Studio"),
    "spacy": Message("spans from spaCy"),
    "nested": Message("label, marked words and their offsets, inside each other"),
    "brackets": Message("marked in the text, as in [Paris](LOC)"),
    "bars": Message("marked in the text, as in [Paris|LOC]"),
    "rasa": Message("marked in the text, as Rasa does"),
    "elements": Message("marked in the text, as in <LOC>Paris</LOC>"),
}
MODES = ((False, False), (True, False), (False, True), (True, True))  # (end inclusive, UTF-16 units)
LOOKED_AT = 400  # rows from which a convention is found


@dataclass(frozen=True)
class Convention:
    """How a column writes spans. `form`: a key of TITLES, or tags; `scheme` of tags; `inclusive`: the end is the last character;
    `utf16`: offsets count UTF-16 units, as JavaScript does (Label Studio did so in old versions, and counts code points in new ones)."""

    form: str
    scheme: str | None = None
    inclusive: bool = False
    utf16: bool = False

    @property
    def title(self) -> Message:
        if self.form == "tags":
            return Message("a tag for each token ({scheme})", scheme=self.scheme or "IOB2")
        return TITLES[self.form]

    @property
    def remarks(self) -> list[Message]:
        """What is worth telling beside the title."""
        told = []
        if self.inclusive:
            told.append(Message("Ends count as part of the span."))
        if self.utf16:
            told.append(Message("Offsets count UTF-16 units; they were turned into characters."))
        return told

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Found:
    """Spans of one row. `text` is the text their offsets refer to (without marks, or joined from tokens); None where there was none."""

    spans: list[Span]
    text: str | None
    convention: Convention
    faults: list[Fault] = field(default_factory=list)


def parse(cells: Mapping[str, str], text: str | None = None, convention: Convention | None = None) -> list[Span] | None:
    """Spans in `text`; None where the cells hold none, or where they belong to another text than this (see `read`)."""
    found = read(cells, text, convention)
    return None if found is None or (text is not None and found.text != text) else found.spans


def read(cells: Mapping[str, str], text: str | None = None, convention: Convention | None = None) -> Found | None:
    """The spans of one row, from the cells of one or more columns; None where there is nothing that could be read (an empty cell
    among it: such a row has no label yet). Offsets refer to `text` wherever its words are those of the cells."""
    filled = {name: cell for name, cell in cells.items() if cell and cell.strip()}
    if not filled:
        return None
    form = convention.form if convention else None
    if form in (None, "tags") and (found := _from_tags(filled, text, convention)):
        return found
    if form not in ("tags", *INLINE) and (found := _from_records(filled, text, convention)):
        return found
    if form is None or form in INLINE:
        return _from_marks(filled, text, form)
    return None


def recognise(rows: Iterable[tuple[Mapping[str, str], str | None]]) -> Convention | None:
    """The convention of a column, from (cells, text) of some rows; None where fewer than half of the filled ones can be read.
    (Of marks inside the text one row in twenty is enough: a text may have no entity.)"""
    forms: Counter[str] = Counter()
    votes: Counter[tuple[bool, bool]] = Counter()
    tags: list[list[str]] = []
    filled = hollow = 0
    for n, (cells, text) in enumerate(rows):
        if n >= LOOKED_AT:
            break
        found = read(cells, text)
        filled += any(cell.strip() for cell in cells.values())
        if found is None:
            continue
        forms[found.convention.form] += 1 + len(found.spans)  # an empty list says little about the form
        if found.convention.form == "tags":
            tags += [_tags_and_tokens(cells, text, None)[0]]
        elif found.convention.form not in INLINE:
            raws, _, own = _raws(cells) or ([], "", None)
            votes.update(_votes(raws, text if text is not None else own))
            hollow += sum(raw.end == raw.start for raw in raws if raw.surface is None)
    if not forms:
        return None
    form = forms.most_common(1)[0][0]
    read_rows = sum(forms.values())
    if read_rows < filled * (0.05 if form in INLINE else 0.5):
        return None
    if form == "tags":
        return Convention(form, scheme(tags))
    if form in INLINE:
        return Convention(form)
    inclusive, utf16 = _best(votes, form, hollow)
    return Convention(form, None, inclusive, utf16)


# JSON ----------------------------------------------------------------------------------------------------------------


def _from_records(cells: Mapping[str, str], text: str | None, convention: Convention | None) -> Found | None:
    got = _raws(cells)
    if got is None:
        return None
    raws, form, own = got
    text = own if text is None else text
    if convention is None:
        convention = Convention(form, None, *_best(_votes(raws, text), form))
    if text is None:
        spans = [span(raw.start, raw.end + convention.inclusive, raw.label) for raw in raws]
        return Found(in_order(s for s in spans if 0 <= s["start"] < s["end"]), None, convention)
    placed, strange = _placed(raws, text, convention)
    spans, faults = checked(placed, text)
    return Found(spans, text, convention, [*strange, *faults])


def _raws(cells: Mapping[str, str]) -> tuple[list[Raw], str, str | None] | None:
    """Raw spans, form, and a text beside them in the same cell."""
    for cell in cells.values():
        value = spans_records.decoded(cell)
        if value is not None and (got := spans_records.found(value)):
            return *got, spans_records.text_in(value)
    got = (
        spans_records.found([dict(cells)]) if len(cells) >= 3 else None
    )  # start, end and label in columns of their own
    return (*got, None) if got else None


def _votes(raws: Sequence[Raw], text: str | None) -> Counter[tuple[bool, bool]]:
    """For each way to count, how many spans then cover the very words that the source repeats."""
    told = [raw for raw in raws if raw.surface is not None]
    votes: Counter[tuple[bool, bool]] = Counter()
    if text is not None and told:
        for mode in MODES[: None if max(text, default="") > "\uffff" else 2]:
            votes[mode] = sum(
                _alike(text[s["start"] : s["end"]], raw.surface or "")
                for s, raw in zip(_counted(told, text, *mode), told, strict=True)
            )
    return votes


def _best(votes: Counter[tuple[bool, bool]], form: str, hollow: int = 0) -> tuple[bool, bool]:
    """The mode with most votes; of equal ones the usual one. Without votes, spans of no length tell that ends are inclusive."""
    usual = form == "nested" or (hollow > 0 and not any(votes.values()))
    return max(sorted(MODES, key=lambda mode: (mode[1], mode[0] != usual)), key=lambda mode: votes[mode])


def _counted(raws: Sequence[Raw], text: str, inclusive: bool, utf16: bool) -> list[Span]:
    spans = [span(raw.start, raw.end + inclusive, raw.label) for raw in raws]
    return from_utf16(text, spans) if utf16 else spans


def _placed(raws: Sequence[Raw], text: str, convention: Convention) -> tuple[list[Span], list[Fault]]:
    """Spans in the text. Where the words that the source repeats do not stand at the offsets, the nearest place where they do."""
    spans: list[Span] = []
    faults: list[Fault] = []
    for one, raw in zip(_counted(raws, text, convention.inclusive, convention.utf16), raws, strict=True):
        there = text[max(0, one["start"]) : max(0, one["end"])]
        if raw.surface is None or not raw.surface.strip() or _alike(there, raw.surface):
            spans.append(one)
            continue
        places = list(_places(text, raw.surface))
        if not places:
            faults.append(missing(raw.surface, raw.label))
            continue
        nearest = min(places, key=lambda place: abs(place - one["start"]))
        spans.append(span(nearest, nearest + len(raw.surface), raw.label))
        faults.append(moved(raw.surface, raw.label, one["start"], nearest))
    return spans, faults


def _alike(there: str, surface: str) -> bool:
    return there == surface or "".join(there.split()).casefold() == "".join(surface.split()).casefold()


def _places(text: str, surface: str) -> Iterator[int]:
    at = text.find(surface)
    while at >= 0:
        yield at
        at = text.find(surface, at + 1)


# Tags and marks ------------------------------------------------------------------------------------------------------


def _from_tags(cells: Mapping[str, str], text: str | None, convention: Convention | None) -> Found | None:
    tags, tokens = _tags_and_tokens(cells, text, convention)
    if not tags:
        return None
    named = scheme([tags]) if convention is None else convention.scheme
    places = places_in(text, tokens) if text is not None else None
    if text is None or places is None:
        text, places = joined(tokens)
    spans = [span(places[a][0], places[b - 1][1], label) for a, b, label in runs(tags, named)]
    return Found(*_whole(spans, text), Convention("tags", named))


def _whole(spans: list[Span], text: str) -> tuple[list[Span], str]:
    return checked(spans, text)[0], text


def _tags_and_tokens(
    cells: Mapping[str, str], text: str | None, convention: Convention | None
) -> tuple[list[str], list[str]]:
    """Two lists of one length, or two empty ones."""
    lists = _word_lists(cells)
    bare = convention is not None and convention.scheme == "IO"
    for place in reversed(range(len(lists))):
        others = [*lists[:place], *lists[place + 1 :]]
        if text is not None:
            others.append([*_splits(text), [char for char in text if not char.isspace()]])
        for tags in reversed(lists[place]):  # commas part tags before spaces do, and words the other way round
            if not (are_tags(tags) or bare or (len(lists) > 1 and "O" in tags)):
                continue
            for options in others:
                for tokens in options:
                    if len(tokens) == len(tags) and tokens != tags:
                        return tags, tokens
    return [], []


def _word_lists(cells: Mapping[str, str]) -> list[list[list[str]]]:
    """For each cell the ways to take it as a list of words; a cell with an object of lists counts as several."""
    found = []
    for cell in cells.values():
        value = spans_records.decoded(cell) if cell[:1] == "{" else None
        if isinstance(value, Mapping):
            found += [
                [[str(x) for x in v]]
                for v in value.values()
                if isinstance(v, list) and all(isinstance(x, str) for x in v)
            ]
        else:
            found.append(list(_splits(cell)))
    return found


def _splits(cell: str) -> Iterator[list[str]]:
    value = spans_records.decoded(cell)
    if isinstance(value, list | tuple):
        if all(isinstance(one, str) for one in value):
            yield list(value)
        return
    words = cell.split()
    yield words
    if "," in cell:
        yield [word.strip() for word in cell.split(",")]


def _from_marks(cells: Mapping[str, str], text: str | None, form: str | None) -> Found | None:
    for cell in cells.values():
        if got := unmarked(cell, form):
            (clean, spans), name = got
            return Found(spans, clean, Convention(name))
    if form is None:
        return None
    return Found([], next(iter(cells.values())), Convention(form))  # nothing is marked in this text
