"""Rows with their input texts cleaned as a run has it, and answers brought back to the texts as they were.

    cleaned(rows, columns, cleaning)                  what a task encodes, with marked places and answers where the words now stand
    restored(predictions, rows, columns, cleaning)    what it said, with places in the rows' own texts
    example(texts, cleaning)                          a text that it changes, before and after

What a conversation's assistant says, what its tools gave back and what is to be written (`Column.written`, every target) stay as they are.
The one place where a cleaning meets a task's values.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from core.data.cleaning import Cleaning, Offsets
from core.data.turns import Oddities, answered
from core.tasks.base import Answer, Column, LabelScores, Prediction, Row, Spans

PLACED = ("spans", "answers")  # kinds of answers that name places of the first text
HEARD = ("system", "user")  # whose turns are cleaned: the model is to say what the assistant says, and tools bring data


def cleaned(rows: Sequence[Row], columns: Sequence[Column], cleaning: Cleaning) -> list[dict[str, Any]]:
    """The rows with clean inputs; a marked place of which nothing is left is gone. The given rows stay as they are."""
    if not cleaning:
        return [dict(row) for row in rows]
    return [_row(row, columns, cleaning) for row in rows]


def restored(
    predictions: Sequence[Prediction], rows: Sequence[Row], columns: Sequence[Column], cleaning: Cleaning
) -> list[Prediction]:
    """Answers to `cleaned(rows)` as answers to `rows`."""
    if not cleaning:
        return list(predictions)
    options = next((c.role for c in columns if c.kind == "choices"), None)
    found: list[Prediction] = []
    for said, row in zip(predictions, rows, strict=True):
        if isinstance(said, Spans | Answer):
            _, offsets = cleaning.apply_with_offsets(str(row["text"] or ""))
            found.append(_placed(said, str(row["text"] or ""), offsets))
        elif isinstance(said, LabelScores) and options:
            back = {new: old for old, new in _options(row[options] or (), cleaning).items()}
            shares = {back.get(name, name): share for name, share in said.probabilities.items()}
            found.append(LabelScores(back.get(said.label, said.label), shares))
        else:
            found.append(said)
    return found


def _row(row: Row, columns: Sequence[Column], cleaning: Cleaning) -> dict[str, Any]:
    found = dict(row)
    target = next((column for column in columns if column.target), None)
    for column in columns:
        value = row.get(column.role)
        if column.target or value is None:
            continue
        if column.written:
            found[column.role] = _written(str(value), cleaning)
            continue
        if (
            column.kind == "text"
            and column.role == "text"
            and target
            and target.kind in PLACED
            and row.get(target.role)
        ):
            found["text"], offsets = cleaning.apply_with_offsets(str(value))
            found[target.role] = MOVED[target.kind](row[target.role], found["text"], offsets)
        elif column.kind == "text":
            found[column.role] = cleaning.apply(str(value))
        elif column.kind == "marked":
            found[column.role] = _marked(str(value), cleaning)
        elif column.kind == "messages":
            found[column.role] = _turns(value, cleaning)
        elif column.kind == "choices":
            now = _options(value, cleaning)
            found[column.role] = [now[option] for option in value]
            if target and target.kind == "option" and row.get(target.role) is not None:
                found[target.role] = now.get(row[target.role], row[target.role])
    return found


def _spans(value: Sequence[Mapping[str, Any]], text: str, offsets: Offsets) -> list[dict[str, Any]]:
    places = [(one, offsets.clean(one["start"], one["end"])) for one in value]
    return [{**one, "start": place[0], "end": place[1]} for one, place in places if place]


def _answers(value: Sequence[Mapping[str, Any]], text: str, offsets: Offsets) -> list[dict[str, Any]]:
    places = [offsets.clean(one["start"], one["start"] + len(one["text"])) for one in value]
    return [{"text": text[start:end], "start": start} for start, end in (place for place in places if place)]


MOVED = {"spans": _spans, "answers": _answers}


def _turns(value: str | Sequence[Mapping[str, str]], cleaning: Cleaning) -> str | list[dict[str, str]]:
    """A conversation with clean turns of those whom the model hears; plain words are a question."""
    if isinstance(value, str):
        return cleaning.apply(value)
    return [{**turn, "content": cleaning.apply(turn["content"])} if turn["role"] in HEARD else dict(turn) for turn in value]  # fmt: skip


def _written(value: str, cleaning: Cleaning) -> str:
    """What is to be said stays; where the whole conversation before it stands in the cell too, that is cleaned as the question's column is."""
    turns = answered(value, Oddities()) or []
    if not any(turn["role"] in HEARD for turn in turns):
        return value
    return json.dumps(_turns(turns, cleaning), ensure_ascii=False)


def _placed(said: Spans | Answer, text: str, offsets: Offsets) -> Spans | Answer:
    """Places of the clean text as places of `text`."""
    if isinstance(said, Spans):
        places = [(one, offsets.original(one["start"], one["end"])) for one in said.spans]
        spans = tuple({**one, "start": start, "end": end} for one, (start, end) in places)
        return replace(said, spans=spans, text=text)

    def back(one: Mapping[str, Any]) -> dict[str, Any]:
        if not one["text"]:
            return dict(one)
        start, end = offsets.original(one["start"], one["start"] + len(one["text"]))
        return {**one, "text": text[start:end], "start": start}

    first = back({"text": said.text, "start": said.start})
    return replace(said, text=first["text"], start=first["start"], others=tuple(back(one) for one in said.others))


def _marked(text: str, cleaning: Cleaning) -> str:
    """A text with two marked entities; as it is where cleaning would leave nothing of one of them."""
    from core.data.relations import Entity, mark, unmark

    found = unmark(text)
    if found is None:
        return text
    plain, offsets = cleaning.apply_with_offsets(found.plain)
    places = [offsets.clean(one.start, one.end) for one in (found.head, found.tail)]
    if places[0] is None or places[1] is None:
        return text
    return mark(plain, Entity(*places[0], found.head.label), Entity(*places[1], found.tail.label))


def _options(options: Sequence[str], cleaning: Cleaning) -> dict[str, str]:
    """Each option and what becomes of it; all of them stay where two would become the same."""
    now = {option: cleaning.apply(option) for option in options}
    return now if len(set(now.values())) == len(now) else {option: option for option in options}


# An example for a form ---------------------------------------------------------------------------------------------------

LOOKED = 3_000  # rows in which a change is looked for
AROUND = 60  # characters shown before the first change
SHOWN = 240  # characters shown in all


def texts_of(row: Row, column: Column) -> list[str]:
    """What a cleaning may change in a row's value of this column."""
    value = row.get(column.role)
    if value is None or column.target or column.written:
        return []
    if column.kind == "messages" and not isinstance(value, str):
        return [turn["content"] for turn in value if turn["role"] in HEARD]
    return list(value) if column.kind == "choices" else [str(value)]


def example(texts: Iterable[str], cleaning: Cleaning) -> dict[str, str] | None:
    """The first of some texts that the cleaning changes, before and after, around its first change; None where it changes none."""
    for text in texts:
        clean = cleaning.apply(text)
        if clean == text:
            continue
        first = next(
            (i for i, (a, b) in enumerate(zip(text, clean, strict=False)) if a != b), min(len(text), len(clean))
        )
        start = max(0, first - AROUND)
        return {"before": _cut(text, start), "after": _cut(clean, start)}
    return None


def _cut(text: str, start: int) -> str:
    shown = text[start : start + SHOWN]
    return ("…" if start else "") + shown + ("…" if start + SHOWN < len(text) else "")
