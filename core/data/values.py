"""Cells and answers as values: what a cell of each kind means, the label names inside a value, and how a value is shown in a line.

Values are plain JSON in one form each (spans as code points, categories as a list of names, ...). Knows nothing of tasks or files; the
readings of special formats are in the modules beside (spans, answers, messages, choices, labelled_sets).
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import Missing
from core.words import Message

Cells = Mapping[str, str]  # column -> cell, of the columns that play one role
Inputs = Mapping[str, Any]  # decoded values of the row's input roles
Names = Mapping[Any, Any]  # old name -> new name, or None where the label is gone


@dataclass(frozen=True)
class ValueKind:
    """`read`: from a file's cells, None where there is nothing. `check`: from a page or a recipe, ValueError where it is no such value.
    `names`: label names in it. `renamed`: with other names; None where nothing is left. `shown`: one line.

    `read_all`: a target's values of all rows of a file, where a row alone does not tell; from its cells and, by role, those of the inputs.
    `strict`: cells that hold something may still hold no such value; as an input it keeps the row from taking part.
    `learnt`: where a target only says how a row's inputs are to be read: those a run learns, None where the row says nothing to learn."""

    name: str
    read: Callable[[Cells, Inputs], Any]
    check: Callable[[Any], Any]
    names: Callable[[Any], Iterable[Any]] = lambda value: ()
    renamed: Callable[[Any, Names], Any] = lambda value, names: value
    shown: Callable[[Any, Inputs], str] = lambda value, inputs: str(value)
    read_all: Callable[[Sequence[Cells], Mapping[str, Sequence[Cells]]], list[Any]] | None = None
    strict: bool = False
    learnt: Callable[[Any, Inputs], dict[str, Any] | None] | None = None


PLAIN = ("text", "marked", "category", "option", "better", "image")  # kinds whose values are texts, kept as they stand


def kind(name: str) -> ValueKind:
    if name not in KINDS:
        raise Missing(Message("There is no kind of column called “{name}”.", name=name[:40]))
    return KINDS[name]


def decode(kind_name: str, cell: str | None) -> Any:
    """A value from a run's rows.arrow: texts and names as they stand, everything else as JSON."""
    if cell is None or kind_name in PLAIN:
        return cell
    return json.loads(cell)


def encode(kind_name: str, value: Any) -> str | None:
    """The other way round. A picture goes by its name, wherever it lies."""
    if value is None:
        return None
    if kind_name == "image":
        return Path(value).name
    return str(value) if kind_name in PLAIN else json.dumps(value, ensure_ascii=False)


def plain(kind_name: str, value: Any) -> Any:
    """A value as it may leave this machine: of a picture its name, not where it lies."""
    return Path(value).name if kind_name == "image" and isinstance(value, str) else value


# Text and names ------------------------------------------------------------------------------------------------------


def _text(cells: Cells, inputs: Inputs) -> str | None:
    found = "\n".join(cell for cell in cells.values() if cell.strip())
    return found or None


def _is_text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("no text")
    return value


def _marked(cells: Cells, inputs: Inputs) -> str | None:
    from core.data.relations import parse

    return parse(cells)


def _renamed(value: Any, names: Names) -> Any:
    return names.get(value, value)


# A number ------------------------------------------------------------------------------------------------------------


def _number(cells: Cells, inputs: Inputs) -> float | None:
    from core.data.labelled_sets import number

    return next((found for cell in cells.values() if (found := number(cell)) is not None), None)


def _is_number(value: Any) -> float:
    found = float(value)
    if isinstance(value, bool) or not math.isfinite(found):
        raise ValueError("no number")
    return found


# Any number of labels ------------------------------------------------------------------------------------------------


def _categories(cells: Cells, inputs: Inputs) -> list[str] | None:
    from core.data.labelled_sets import parse

    return parse(cells)


def _are_categories(value: Any) -> list[Any]:
    if not isinstance(value, list) or not all(isinstance(name, str | int) and name != "" for name in value):
        raise ValueError("no list of labels")
    return list(dict.fromkeys(value))


def _categories_renamed(value: list[Any], names: Names) -> list[Any]:
    return list(dict.fromkeys(new for old in value if (new := names.get(old, old)) is not None))


# Marked places -------------------------------------------------------------------------------------------------------


def _spans(cells: Cells, inputs: Inputs) -> list[dict[str, Any]] | None:
    from core.data.spans import parse

    return parse(cells, inputs.get("text"))


def _all_spans(cells: Sequence[Cells], inputs: Mapping[str, Sequence[Cells]]) -> list[Any]:
    """With the scheme of tags, and with what offsets count, as the whole column has them."""
    from core.data.spans import parse, recognise

    texts = [_text(one, {}) or "" for one in inputs["text"]]
    convention = recognise(zip(cells, texts, strict=True))
    return [parse(one, text, convention) for one, text in zip(cells, texts, strict=True)]


def _are_spans(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list):
        raise ValueError("no list of spans")
    found = [{"start": int(s["start"]), "end": int(s["end"]), "label": s["label"]} for s in value]
    if any(s["start"] < 0 or s["end"] <= s["start"] or not isinstance(s["label"], str | int) for s in found):
        raise ValueError("a span that is none")
    return sorted(found, key=lambda s: (s["start"], s["end"]))


def _spans_renamed(value: list[dict[str, Any]], names: Names) -> list[dict[str, Any]]:
    now = [(span, names.get(span["label"], span["label"])) for span in value]
    return [{**span, "label": label} for span, label in now if label is not None]


def _spans_shown(value: list[dict[str, Any]], inputs: Inputs) -> str:
    text = str(inputs.get("text") or "")
    return "; ".join(f"{text[s['start'] : s['end']]} ({s['label']})" for s in value)


# Answers, conversations, options, pictures -----------------------------------------------------------------------------


def _answers(cells: Cells, inputs: Inputs) -> list[dict[str, Any]] | None:
    from core.data.answers import parse

    return parse(cells, str(inputs.get("text") or ""))


def _are_answers(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list):
        raise ValueError("no list of answers")
    return [{"text": str(a["text"]), "start": int(a["start"])} for a in value]


def _messages(cells: Cells, inputs: Inputs) -> list[dict[str, str]] | None:
    from core.data.messages import parse

    return parse(cells)


def _are_messages(value: Any) -> list[dict[str, str]]:
    if not isinstance(value, list):
        raise ValueError("no conversation")
    return [{"role": str(m["role"]), "content": str(m["content"])} for m in value]


def _choices(cells: Cells, inputs: Inputs) -> list[str] | None:
    from core.data.choices import parse

    return parse(cells)


def _are_choices(value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(option, str) for option in value):
        raise ValueError("no list of options")
    return value


def _option(cells: Cells, inputs: Inputs) -> str | None:
    """The right option as this row alone tells it: by its text, else by letter or number; the cell itself without options."""
    from core.data.choices import Options, decide, right

    cell = next((cell.strip() for cell in cells.values() if cell.strip()), "")
    texts = inputs.get("choices")
    if not cell or not texts:
        return cell or None
    given = Options(tuple(texts))
    return right(given, cell, decide([(given, cell)]).how)


def _options_told(cells: Sequence[Cells], inputs: Mapping[str, Sequence[Cells]]) -> list[str | None]:
    """The right option of each row; all rows together tell whether a number counts from 0 or from 1."""
    from core.data.choices import decide, options, right

    beside = inputs.get("choices") or [{}] * len(cells)
    given = [options(list(one.values())) for one in beside]
    told = [next((cell for cell in one.values() if cell.strip()), "") for one in cells]
    how = decide(zip(given, told, strict=True), list(beside[0]) if beside else ()).how
    return [right(one, cell, how) if cell else None for one, cell in zip(given, told, strict=True)]


def _first_picked(value: Any, names: Names) -> Any:
    """One option, also where several were picked for another task."""
    return max(value, key=value.__getitem__) if isinstance(value, dict) and value else value


def _better(cells: Cells, inputs: Inputs) -> str | None:
    from core.data.better import read

    return read(cells)


def _better_told(cells: Sequence[Cells], inputs: Mapping[str, Sequence[Cells]]) -> list[str | None]:
    from core.data.better import read_all

    return read_all(cells, inputs)


def _is_better(value: Any) -> str:
    from core.data.better import checked

    return checked(value)


def _better_learnt(value: Any, inputs: Inputs) -> dict[str, Any] | None:
    from core.data.better import learnt

    return learnt(value, inputs)


def _relevance(cells: Cells, inputs: Inputs) -> dict[str, float] | None:
    """What this row alone tells; see `core.data.relevance`."""
    from core.data.choices import Options
    from core.data.relevance import read

    return read([Options(tuple(inputs.get("choices") or ()))], [_one_cell(cells)])[0]


def _relevance_told(cells: Sequence[Cells], inputs: Mapping[str, Sequence[Cells]]) -> list[dict[str, float] | None]:
    from core.data.choices import options
    from core.data.relevance import read

    beside = inputs.get("choices") or [{}] * len(cells)
    given = [options(list(one.values())) for one in beside]
    return read(given, [_one_cell(one) for one in cells], list(beside[0]) if beside else ())


def _one_cell(cells: Cells) -> str:
    return next((cell.strip() for cell in cells.values() if cell.strip()), "")


def _is_relevance(value: Any) -> dict[str, float]:
    from core.data.relevance import checked

    return checked(value)


def _relevance_shown(value: Any, inputs: Inputs) -> str:
    return " | ".join(text if grade == 1 else f"{text} ({grade:g})" for text, grade in _is_relevance(value).items())


def _image(cells: Cells, inputs: Inputs) -> str | None:
    from core.data.images import NAME

    return next((cell.strip() for cell in cells.values() if NAME.fullmatch(cell.strip())), None)


def _is_image(value: Any) -> str:
    from core.data.images import NAME

    if not isinstance(value, str) or not NAME.fullmatch(value):
        raise ValueError("no picture")
    return value


KINDS: dict[str, ValueKind] = {
    kind.name: kind
    for kind in (
        ValueKind("text", _text, _is_text),
        ValueKind("marked", _marked, _is_text, strict=True),
        ValueKind("category", _text, _is_text, lambda value: (value,), _renamed),
        ValueKind(
            "categories",
            _categories,
            _are_categories,
            lambda value: value,
            _categories_renamed,
            lambda value, inputs: ", ".join(map(str, value)),
        ),
        ValueKind("number", _number, _is_number, shown=lambda value, inputs: f"{value:g}"),
        ValueKind(
            "spans",
            _spans,
            _are_spans,
            lambda value: (s["label"] for s in value),
            _spans_renamed,
            _spans_shown,
            _all_spans,
        ),
        ValueKind("answers", _answers, _are_answers, shown=lambda value, inputs: " | ".join(a["text"] for a in value)),
        ValueKind(
            "messages", _messages, _are_messages, shown=lambda value, inputs: value[-1]["content"] if value else ""
        ),
        ValueKind("choices", _choices, _are_choices, shown=lambda value, inputs: " | ".join(value), strict=True),
        ValueKind("option", _option, _is_text, renamed=_first_picked, read_all=_options_told),
        ValueKind(
            "better",
            _better,
            _is_better,
            shown=lambda value, inputs: "=" if value == "same" else str(value),
            read_all=_better_told,
            learnt=_better_learnt,
        ),
        ValueKind(
            "relevance",
            _relevance,
            _is_relevance,
            renamed=lambda value, names: _is_relevance(value),
            shown=_relevance_shown,
            read_all=_relevance_told,
        ),
        ValueKind("image", _image, _is_image, strict=True),
    )
}
