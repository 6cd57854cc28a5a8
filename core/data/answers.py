"""Answers as people bring them, into the canonical form: a list of {"text", "start"}, each standing in the context.

Taken: a JSON list of {"text", "start"} or of plain texts; SQuAD's {"text": [...], "answer_start": [...]}; one plain text, with or
without a start in a column beside it. A start is a code point of the context; a wrong one is mended, and `Mended` counts what was
done, to be said after an import. An empty list means that the context holds no answer.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from core.data.places import nearest, places, trimmed
from core.data.structured import structured, whole
from core.words import Message, plural

MOST_ANSWERS = 200  # of one question
SHOWN = 60  # characters of an answer in a sentence
TEXT_KEYS = ("text", "answer", "value", "span")
START_KEYS = ("start", "answer_start", "offset", "begin")
NAMED = re.compile(r"(?i)^\s*(answers?|gold|gold[_ ]answers?|answers?[_. ](text|span)s?|答案|回答)\s*$")
START_NAMED = re.compile(
    r"(?i)^\s*((gold[_ ]?)?answers?[_. ]?)?(start|begin|offset|start[_ ](position|char|index|offset))s?\s*$|起始|开始"
)


@dataclass
class Mended:
    """Counts what was not as it should be, with the first answer of each kind, and says it afterwards."""

    moved: int = 0  # stood elsewhere than its start said
    reworded: int = 0  # stands there with other case, width or white space
    missing: int = 0  # stands nowhere in its context
    unreadable: int = 0  # a cell that is no answer in any known form
    first: dict[str, str] = field(default_factory=dict)

    def note(self, kind: str, text: str) -> None:
        setattr(self, kind, getattr(self, kind) + 1)
        short = " ".join(text.split())
        self.first.setdefault(kind, short if len(short) <= SHOWN else short[: SHOWN - 1] + "…")

    def messages(self) -> tuple[Message, ...]:
        """What happened, worst first; nothing where all was well."""
        found: list[Message] = []
        if self.missing:
            found.append(
                plural(
                    self.missing,
                    "{n} answer does not stand in its context: “{text}”.",
                    "{n:,} answers do not stand in their context. The first is “{text}”.",
                    text=self.first.get("missing", ""),
                )
            )
        if self.unreadable:
            found.append(
                plural(
                    self.unreadable,
                    "{n} cell is no answer Hone can read: “{text}”.",
                    "{n:,} cells are no answers Hone can read. The first is “{text}”.",
                    text=self.first.get("unreadable", ""),
                )
            )
        if self.moved:
            found.append(
                plural(
                    self.moved,
                    "{n} answer stands elsewhere than its start says, and was put right: “{text}”.",
                    "{n:,} answers stand elsewhere than their starts say, and were put right. The first is “{text}”.",
                    text=self.first.get("moved", ""),
                )
            )
        if self.reworded:
            found.append(
                plural(
                    self.reworded,
                    "{n} answer is written a little differently in its context and was taken from there: “{text}”.",
                    "{n:,} answers are written a little differently in their context and were taken from there. The first is “{text}”.",
                    text=self.first.get("reworded", ""),
                )
            )
        return tuple(found)


def parse(cells: str | Mapping[str, str], context: str, mended: Mended | None = None) -> list[dict[str, Any]] | None:
    """The answers in one cell, or in the cells of an answer and its start, told apart by their columns' names.

    The commonest comes first, each once. [] = no answer. None = something is written there, but it is no answer or stands nowhere in
    the context; `mended` counts why. Without a context only what carries its own starts is read, as it stands.
    """
    mended = Mended() if mended is None else mended
    cell, start = _cells(cells)
    if not cell:
        return []
    given = _given(cell, start, context)
    if given is None:
        mended.note("unreadable", cell)
        return None
    if not given:
        return []
    if not context:
        return [{"text": text, "start": at} for text, at in given[:MOST_ANSWERS] if at is not None] or None
    found = [one for text, at in given[:MOST_ANSWERS] if (one := located(context, text, at, mended))]
    counts = Counter((one["start"], one["text"]) for one in found)
    return [{"text": text, "start": at} for (at, text), _ in counts.most_common()] or None


def columns_of(columns: Mapping[str, Sequence[str]]) -> tuple[list[str], Message] | None:
    """The column of answers, with the column of their starts where there is one, and why."""
    named = [name for name in columns if NAMED.match(name)]
    whole_numbers = [
        name
        for name, cells in columns.items()
        if START_NAMED.search(name)
        and all(whole(cell) is not None or structured(cell) for cell in cells if cell.strip())
    ]
    if not named:
        return None
    if whole_numbers:
        return [named[0], whole_numbers[0]], Message("Their names say so: answers and where they start.")
    return named[:1], Message("Its name says so.")


def located(context: str, text: str, start: int | None, mended: Mended) -> dict[str, Any] | None:
    """One answer with its place: where `start` says, else the nearest place where the text stands; None if nowhere."""
    if start is not None and start >= 0 and context.startswith(text, start):
        begin, end = trimmed(context, (start, start + len(text)))
        return {"text": context[begin:end], "start": begin} if begin < end else None
    found, exact = places(context, text)
    place = nearest(found, start)
    if place is None:
        mended.note("missing", text)
        return None
    if not exact:
        mended.note("reworded", text)
    elif start is not None:
        mended.note("moved", text)
    return {"text": context[place[0] : place[1]], "start": place[0]}


def _cells(cells: str | Mapping[str, str]) -> tuple[str, str]:
    """The answer's cell and the start's ("" where there is none)."""
    if isinstance(cells, str):
        return cells.strip(), ""
    if len(cells) == 1:
        return next(iter(cells.values())).strip(), ""
    starts = [name for name in cells if START_NAMED.search(name)]
    rest = [cell for name, cell in cells.items() if name not in starts[:1]]
    return next((cell.strip() for cell in rest if cell.strip()), ""), cells[starts[0]] if starts else ""


def _given(cell: str, start: str, context: str) -> list[tuple[str, int | None]] | None:
    """Texts with their starts, as they are written; None when a structure holds no texts."""
    value = structured(cell)
    if value is None or (
        cell in context and not (context and _is_answers(value))
    ):  # "[1]" and "{x}" may be words of the context
        broken = cell[0] in "[{" and ('"text"' in cell or "'text'" in cell) and cell not in context
        return None if broken else [(cell, whole(start))]
    if isinstance(value, dict):
        return _of_columns(value) if _is_answers(value) else None
    starts = structured(start)
    beside = starts if isinstance(starts, list) else [start] if len(value) == 1 else []
    pairs: list[tuple[str, int | None]] = []
    for i, item in enumerate(value):
        if isinstance(item, str):
            pairs.append((item, whole(beside[i]) if i < len(beside) else None))
        elif isinstance(item, dict) and (one := _of_columns(item)) is not None:
            pairs += one
        else:
            return None
    return [(text, at) for text, at in pairs if text.strip()]


def _is_answers(value: list[Any] | dict[str, Any]) -> bool:
    if isinstance(value, dict):
        return any(key in value for key in TEXT_KEYS)
    return all(isinstance(item, str) or (isinstance(item, dict) and _is_answers(item)) for item in value)


def _of_columns(value: Mapping[str, Any]) -> list[tuple[str, int | None]] | None:
    """{"text": "x", "start": 3}, or the same with lists in step."""
    texts = next((value[key] for key in TEXT_KEYS if key in value), None)
    starts = next((value[key] for key in START_KEYS if key in value), None)
    texts = texts if isinstance(texts, list) else [texts]
    starts = starts if isinstance(starts, list) else [starts]
    if not all(isinstance(text, str) for text in texts):
        return None
    return [(text, whole(starts[i]) if i < len(starts) else None) for i, text in enumerate(texts) if text.strip()]
