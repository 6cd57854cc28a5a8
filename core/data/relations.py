"""Two marked entities in a text: the canonical form is "The <e1>audits</e1> were about <e2:TOPIC>waste</e2>."

e1 is the head, e2 the tail, whatever their order in the text; a type may stand behind a colon. Taken as well: square brackets,
the names head and tail or subj and obj, and columns beside the text with spans or with the words of the entities. Offsets are code
points, ends exclusive. Also the original text format of SemEval-2010 task 8 (Hendrickx et al. 2010). Knows no model.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

from core.data.places import Place, places, trimmed
from core.data.structured import structured, whole
from core.words import Message, plural

TAG = re.compile(  # spaces are bounded, so that no text makes the search slow
    r"""(?P<bracket>[<\[])\s{0,3}(?P<close>[/\\]?)\s{0,3}(?P<name>e1|e2|head|tail|subj|obj|subject|object|entity1|entity2|[so](?=:))
    (?::\s{0,3}(?P<type>[^<>\[\]/\\]{1,60}?)|\s{1,3}type\s{0,3}=\s{0,3}["']?(?P<attribute>[^<>\[\]"'/\\]{1,60}?)["']?)?\s{0,3}[>\]]""",
    re.IGNORECASE | re.VERBOSE,
)
PAIRS = (("e1", "e2"), ("head", "tail"), ("subj", "obj"), ("subject", "object"), ("entity1", "entity2"), ("s", "o"))
FAMILY = {name: (number, place == 0) for number, pair in enumerate(PAIRS) for place, name in enumerate(pair)}
TYPE_BREAKERS = re.compile(r"[<>\[\]/\\]")
CANONICAL = re.compile(r"</?e[12](:[^<>]*)?>")
WHO = re.compile(
    r"""(?ix)^\s*(?:(?P<head>head|h|e1|entity[_ ]?1|ent1|subj|subject|arg1|头实体|主体|实体1)|(?P<tail>tail|t|e2|entity[_ ]?2|ent2|obj|object|arg2|尾实体|客体|实体2))
    (?:[\s_.-]*(?:(?P<words>name|words?|text|mention)|(?P<start>start|begin|from)|(?P<end>end|to)|(?P<type>type|label|tag|ner)|(?P<span>span|pos|position|offsets?)))?\s*$"""
)
TEXTS = re.compile(r"(?i)^\s*(text|sentence|sent|content|passage|context|文本|句子|原文|内容)\s*$")
DIRECTION = re.compile(r"^(?P<name>.{1,200}?)\s{0,3}\(\s?(?P<a>e[12])\s?,\s?(?P<b>e[12])\s?\)$", re.IGNORECASE)
SENTENCE = re.compile(r"^(?P<id>\d+)\t(?P<text>.+)$")
RELATION = re.compile(r"^[^\s\t:]+\s*(\(e[12],e[12]\))?$")
SPAN = re.compile(r"[\[(]?\s*(\d+)\s*[-,:;\s]\s*(\d+)\s*[\])]?")
COMMENT = re.compile(r"^Comment\s*:", re.IGNORECASE)
SHOWN = 60
MOST_PAIRS = 40  # places of one entity that are tried against those of the other


class Entity(NamedTuple):
    """A place in the plain text, end exclusive, and the entity's type ("" where none is given)."""

    start: int
    end: int
    label: str = ""


class Unmarked(NamedTuple):
    plain: str
    head: Entity
    tail: Entity


@dataclass
class Unmarkable:
    """Counts texts whose two entities could not be found, with the first of each kind, and says it afterwards."""

    unmarked: int = 0  # no marks, and no columns that say where
    missing: int = 0  # an entity that does not stand in its text
    moved: int = 0  # a span that holds other words than the entity's
    first: dict[str, str] = field(default_factory=dict)

    def note(self, kind: str, text: str) -> None:
        setattr(self, kind, getattr(self, kind) + 1)
        short = " ".join(text.split())
        self.first.setdefault(kind, short if len(short) <= SHOWN else short[: SHOWN - 1] + "…")

    def messages(self) -> tuple[Message, ...]:
        found: list[Message] = []
        if self.unmarked:
            found.append(
                plural(
                    self.unmarked,
                    "{n} text does not say which two entities it is about: “{text}”.",
                    "{n:,} texts do not say which two entities they are about. The first is “{text}”.",
                    text=self.first.get("unmarked", ""),
                )
            )
        if self.missing:
            found.append(
                plural(
                    self.missing,
                    "{n} entity does not stand in its text: “{text}”.",
                    "{n:,} entities do not stand in their texts. The first is “{text}”.",
                    text=self.first.get("missing", ""),
                )
            )
        if self.moved:
            found.append(
                plural(
                    self.moved,
                    "{n} entity stands elsewhere than its span says, and was put right: “{text}”.",
                    "{n:,} entities stand elsewhere than their spans say, and were put right. The first is “{text}”.",
                    text=self.first.get("moved", ""),
                )
            )
        return tuple(found)


def parse(cells: Mapping[str, str], trouble: Unmarkable | None = None) -> str | None:
    """The canonical marked text of a row; None when its entities are not told or not found, and `trouble` counts why.

    One cell with marks, or cells told apart by their columns' names: the text, and for "head" and "tail" (e1, subj, ...) the entity's
    words, a span ("3-7", "[3, 7]", {"start", "end"}), {"name", "pos", "type"}, or "head_start", "head_end" and "head_type".
    """
    trouble = Unmarkable() if trouble is None else trouble
    places_of = _parts(tuple(cells))
    text = cells.get(places_of.get("text", ""), "")
    if (found := unmark(text)) is not None:
        return mark(*found)
    told = {part: cells[name] for part, name in places_of.items()}
    head, tail = _told(told, "head"), _told(told, "tail")
    if head is None or tail is None or CANONICAL.search(text):
        if text.strip():
            trouble.note("unmarked", text)
        return None
    pair = _pair(_where(text, head, trouble), _where(text, tail, trouble))
    return mark(text, Entity(*pair[0], head.label), Entity(*pair[1], tail.label)) if pair else None


def columns_of(columns: Mapping[str, Sequence[str]]) -> tuple[list[str], Message] | None:
    """The columns that together say which two entities of a text are meant, and why; None where nothing says so."""
    for name, cells in columns.items():
        filled = [cell for cell in cells[:100] if cell.strip()]
        if filled and sum(unmark(cell) is not None for cell in filled) >= 0.8 * len(filled):
            return [name], Message("Its texts mark two entities.")
    known = [name for name in columns if WHO.match(name) or TEXTS.match(name)]
    parts = _parts(tuple(known))
    both = all(any(part.startswith(who) for part in parts) for who in ("head", "tail"))
    if not both or not any(TEXTS.match(name) for name in known):
        return None
    return list(parts.values()), Message("Their names say so: a text and two entities in it.")


def unmark(text: str) -> Unmarked | None:
    """The text without its marks and where both entities stand in it; None unless both are marked and hold something.

    Marks of one family count (canonical ones before others); the rest stays text. An entity marked twice counts where it comes
    first. Of two spaces around a mark one goes with it.
    """
    tags = [(tag, *FAMILY[tag["name"].lower()]) for tag in TAG.finditer(text)]
    for family in sorted({(number, tag["bracket"] == "[") for tag, number, _ in tags}):
        chosen = [(tag, head) for tag, number, head in tags if (number, tag["bracket"] == "[") == family]
        if (found := _without(text, chosen)) is not None:
            return found
    return None


def mark(plain: str, head: Entity, tail: Entity) -> str:
    """The canonical marked text. Entities may touch, nest or cross."""
    ends = sorted((one.end, one.start, name) for one, name in ((head, "e1"), (tail, "e2")))
    tags = [(end, 0, -start, f"</{name}>") for end, start, name in ends]
    for one, name in ((head, "e1"), (tail, "e2")):
        label = TYPE_BREAKERS.sub(" ", one.label).strip()[:SHOWN]
        tags.append((one.start, 1, -one.end, f"<{name}:{label}>" if label else f"<{name}>"))
    pieces, at = [], 0
    for place, _, _, tag in sorted(tags, key=lambda tag: tag[:3]):
        pieces += [plain[at:place], tag]
        at = place
    return "".join([*pieces, plain[at:]])


def swapped(text: str) -> str | None:
    """The same text with head and tail exchanged; its relation then points the other way (`turned`)."""
    found = unmark(text)
    return mark(found.plain, found.tail, found.head) if found else None


def relation_of(label: str) -> tuple[str, str]:
    """ "Cause-Effect(e2,e1)" -> ("Cause-Effect", "(e2,e1)"); the direction is "" where the label has none."""
    if (found := DIRECTION.match(label.strip())) and found["a"].lower() != found["b"].lower():
        return found["name"], f"({found['a'].lower()},{found['b'].lower()})"
    return label.strip(), ""


def turned(label: str) -> str:
    """The label of the opposite direction; itself where it has none."""
    name, direction = relation_of(label)
    return name + {"(e1,e2)": "(e2,e1)", "(e2,e1)": "(e1,e2)", "": ""}[direction]


# --- entities told beside the text ------------------------------------------------------------------------------------


@cache
def _parts(names: tuple[str, ...]) -> dict[str, str]:
    """Which column plays which part: "text", "head", "head_span", "head_start", "head_end", "head_type", and so for the tail."""
    parts: dict[str, str] = {}
    for name in names:
        if len(names) > 1 and (found := WHO.match(name)):
            who = "head" if found["head"] else "tail"
            part = next((f"_{p}" for p in ("start", "end", "type", "span") if found[p]), "")
            parts.setdefault(who + part, name)
    rest = [name for name in names if name not in parts.values()]
    texts = [name for name in rest if TEXTS.match(name)] or rest
    return {"text": texts[0], **parts} if texts else parts


@dataclass(frozen=True)
class _Told:
    """What a row says about one entity; at least words or a span."""

    words: str
    span: Place | None
    label: str


def _told(cells: Mapping[str, str], which: str) -> _Told | None:
    cell = cells.get(which, "").strip()
    label = cells.get(f"{which}_type", "").strip()
    words, span = (
        cell,
        _span(cell) or _span(structured(cells.get(f"{which}_span", "")) or cells.get(f"{which}_span", "")),
    )
    value = structured(cell)
    if isinstance(value, dict):
        words = next((str(value[k]) for k in ("name", "text", "word", "words") if isinstance(value.get(k), str)), "")
        label = label or next((str(value[k]) for k in ("type", "label") if isinstance(value.get(k), str)), "")
        span = _span(value.get("pos", value.get("span"))) or _span([value.get("start"), value.get("end")])
    elif _span(cell) is not None:
        words = ""
    beside = _span([cells.get(f"{which}_start"), cells.get(f"{which}_end")])
    return _Told(words, beside or span, label) if words or beside or span else None


def _span(value: Any) -> Place | None:
    """[3, 7], ["3", "7"], "3-7", "3,7", "[3, 7]"."""
    if isinstance(value, str):
        found = SPAN.fullmatch(value.strip()) if len(value) <= SHOWN else None
        value = list(found.groups()) if found else None
    if not isinstance(value, list):
        return None
    if len(value) == 1 and isinstance(value[0], list):  # several mentions: the first
        return _span(value[0])
    if len(value) != 2:
        return None
    start, end = whole(value[0]), whole(value[1])
    return (start, end) if start is not None and end is not None and 0 <= start <= end else None


def _where(text: str, told: _Told, trouble: Unmarkable) -> Sequence[Place]:
    """Places at which the entity may stand, most likely first; none when it stands nowhere."""
    if told.span:
        start, end = told.span
        if not told.words:
            place = trimmed(text, (start, min(end, len(text))))
            if place[0] < place[1]:
                return [place]
            trouble.note("missing", f"{start}-{end}")
            return []
        for last in (end, end + 1):  # some count the last character in
            if text[start:last] == told.words:
                return [(start, last)]
    found, _ = places(text, told.words)
    if not found:
        trouble.note("missing", told.words)
    elif told.span:
        trouble.note("moved", told.words)
        found = sorted(found, key=lambda place: abs(place[0] - start))[:1]
    return found[:MOST_PAIRS]


def _pair(heads: Sequence[Place], tails: Sequence[Place]) -> tuple[Place, Place] | None:
    """The head and the tail that stand closest together without overlapping; overlapping ones only where there is no other way."""

    def apart(head: Place, tail: Place) -> tuple[bool, int]:
        gap = max(tail[0] - head[1], head[0] - tail[1])
        return gap < 0, abs(gap)

    pairs = [(head, tail) for head in heads for tail in tails if head != tail]
    return min(pairs, key=lambda pair: apart(*pair), default=None)


# --- marks ------------------------------------------------------------------------------------------------------------


def _without(text: str, tags: Sequence[tuple[re.Match[str], bool]]) -> Unmarked | None:
    """The text without these marks, each told to be the head's or not; None unless both entities open, close and hold something."""
    pieces: list[str] = []
    size = at = 0
    opened: dict[bool, tuple[int, str]] = {}
    closed: dict[bool, Entity] = {}
    for tag, is_head in tags:
        size += _add(pieces, text[at : tag.start()], at > 0)
        at = tag.end()
        if not tag["close"]:
            opened.setdefault(is_head, (size, (tag["type"] or tag["attribute"] or "").strip()))
        elif is_head in opened and is_head not in closed:
            start, label = opened[is_head]
            closed[is_head] = Entity(start, size, label)
    if len(closed) < 2:
        return None
    _add(pieces, text[at:], at > 0)
    plain = "".join(pieces)
    head, tail = (Entity(*trimmed(plain, (one.start, one.end)), one.label) for one in (closed[True], closed[False]))
    return Unmarked(plain, head, tail) if head.start < head.end and tail.start < tail.end else None


def _add(pieces: list[str], more: str, after_mark: bool) -> int:
    """Text behind a mark that went, and how long it is: of two spaces around the mark one stays, and none at the very start."""
    if after_mark and more[:1].isspace() and (not pieces or pieces[-1][-1].isspace()):
        more = more[1:]
    if more:
        pieces.append(more)
    return len(more)


# --- SemEval-2010 task 8 ----------------------------------------------------------------------------------------------


def is_semeval(sample: Sequence[str]) -> bool:
    """Numbered sentences with marks, each with the line of its relation below."""
    lines = [line.strip() for line in sample[:2_000] if line.strip()]
    if len(lines) < 2 or not _sentence(lines[0]) or not RELATION.match(lines[1]):
        return False
    known = sum(bool(_sentence(line) or RELATION.match(line) or COMMENT.match(line)) for line in lines)
    return known > 0.95 * len(lines)


def semeval(lines: Iterable[str], stray: Counter[str] | None = None) -> Iterator[tuple[str, str, str]]:
    """(id, marked text, label) of each block: a numbered sentence in quotation marks, its relation, a comment that is passed over.

    A sentence without a relation gets the label "". Lines that belong to no block are counted in `stray` ("lines").
    """
    waiting: tuple[str, str] | None = None
    commented = False
    for line in lines:
        line = line.strip()
        if found := _sentence(line):
            if waiting:
                yield *waiting, ""
            waiting, commented = (found["id"], _unquoted(found["text"])), False
        elif waiting and RELATION.match(line):
            yield *waiting, line
            waiting = None
        elif COMMENT.match(line):
            commented = True
        elif not line:
            commented = False
        elif not commented and stray is not None:  # a comment may go on in the next line
            stray["lines"] += 1
    if waiting:
        yield *waiting, ""


def _sentence(line: str) -> re.Match[str] | None:
    """A numbered line with both marks in it."""
    found = SENTENCE.match(line) if "</e1>" in line and "</e2>" in line else None
    return found if found and "<e1>" in line and "<e2>" in line else None


def _unquoted(text: str) -> str:
    text = text.strip()
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text
