"""Questions with options, as people bring them, into a list of options and the text of the right one.

Options stand in columns (A, B, C, D; option1, ...; 选项A), in a JSON list, or in {"text": [...], "label": [...]}. The right one is told by
a letter, a number from 0 or from 1, a key of its own, or its text: `decide` looks at all rows, because one row cannot say
which, and gives its reason. Options left blank are no options. Knows no model.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from core.data.structured import structured, whole
from core.words import Message

COLUMN = re.compile(
    r"(?i)^\s*(?:(?P<word>op|opt|option|choice|answer|ans|ending|sol|candidate|alternative|选项)[\s_.-]*)?(?P<mark>[a-j]|\d{1,2})\s*$"
)
LISTED = re.compile(r"(?i)^\s*(choices|options|candidates|endings|alternatives|选项|候选)\s*$")
SEPARATORS = (
    "\n",
    "|",
    ";",
    "；",
    "\t",
    ",",
)  # commas last, and only without a space behind, as lists of JSON come here
LETTERED = re.compile(r"^\s*[(（]?[A-Ja-j][)）.．、:：]\s*")
MOST = 26  # columns of options
MOST_LISTED = 500  # options in one cell
ENOUGH = 0.98  # of the answered rows must fit, so that a few slips do not decide

How = Literal["letter", "zero", "one", "text", "key"]


@dataclass(frozen=True)
class Options:
    """The options of one question as they stand in the row, blanks included, so that a number still points at its own."""

    texts: tuple[str, ...]
    keys: tuple[str, ...] = ()  # their own names, where the data gives some

    @property
    def choices(self) -> list[str]:
        """The options that hold something, in order."""
        return [text for text in self.texts if text]


@dataclass(frozen=True)
class Scheme:
    """How the right option is told, and why Hone thinks so. `unread`: answered rows it cannot tell."""

    how: How
    reason: Message
    unread: int = 0


def parse(cells: Mapping[str, str]) -> list[str] | None:
    """The options of a row, in order, blank ones left out; None where there are fewer than two."""
    found = options(list(cells.values())).choices
    return found if len(found) > 1 else None


def columns_of(columns: Iterable[str]) -> tuple[list[str], Message] | None:
    """The columns that hold options, in order, or the one that holds them all, and why; None where the names do not tell."""
    groups: dict[str, list[tuple[str, str]]] = {}
    names = list(columns)
    for name in names:
        if found := COLUMN.match(name):
            kind = "number" if found["mark"].isdigit() else "letter"
            groups.setdefault(f"{(found['word'] or '').lower()} {kind}", []).append((found["mark"].lower(), name))
    runs = [run for marks in groups.values() if len(run := _run(marks)) > 1]
    if runs:
        best = max(runs, key=len)
        return best, Message("Their names follow each other from {first} to {last}.", first=best[0], last=best[-1])
    listed = [name for name in names if LISTED.match(name)][:1]
    return (listed, Message("Its name says so.")) if listed else None


def options(cells: Sequence[str]) -> Options:
    """The options in the cells of a row: one a cell, or all of them in a single cell."""
    if len(cells) != 1:
        return Options(tuple(cell.strip() for cell in cells[:MOST]))
    value = structured(cells[0])
    if isinstance(value, dict):
        return _from_object(value)
    if isinstance(value, list):
        return _from_list(value)
    return Options(tuple(_split(cells[0]))[:MOST_LISTED])


def decide(rows: Iterable[tuple[Options, str]], columns: Sequence[str] = ()) -> Scheme:
    """How the answers of a whole corpus tell the right option. `columns`, the options' names, settle what the answers leave open."""
    fits: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    n = most = 0
    for given, cell in rows:
        cell = cell.strip()
        if not cell:
            continue
        n, most = n + 1, max(most, len(given.texts))
        hits: dict[How, int | None] = {how: place(given, cell, how) for how in ("key", "text", "letter", "one", "zero")}
        fits.update(how for how, found in hits.items() if found is not None)
        seen.update(
            end for end, there in (("zero", whole(cell) == 0), ("all", whole(cell) == len(given.texts))) if there
        )
    return _scheme(fits, seen, n, most, columns)


def right(given: Options, cell: str, how: How) -> str | None:
    """The text of the right option; None when nothing, or nothing that makes sense, is told."""
    found = place(given, cell.strip(), how)
    return None if found is None else given.texts[found]


def place(given: Options, cell: str, how: How) -> int | None:
    """Which option a cell tells under this scheme, counted from 0; never a blank one."""
    if how == "key":
        found = given.keys.index(cell) if cell in given.keys else None
    elif how == "text":
        found = _by_text(given.texts, cell)
    elif how == "letter":
        letter = re.fullmatch(r"[(（]?([A-Za-z])[)）.．、:]?", cell)
        found = ord(letter[1].upper()) - ord("A") if letter else None
    else:
        number = whole(cell)
        found = None if number is None else number - (how == "one")
    return found if found is not None and 0 <= found < len(given.texts) and given.texts[found] else None


def _scheme(fits: Counter[str], seen: Counter[str], n: int, most: int, columns: Sequence[str]) -> Scheme:
    enough = max(1, ENOUGH * n)

    def made(how: How, reason: Message) -> Scheme:
        return Scheme(how, reason, n - fits[how])

    if fits["key"] >= enough:
        return made("key", Message("The options have names of their own, and the answers are such names."))
    if fits["text"] >= enough:
        return made("text", Message("Each answer is the text of one of its options."))
    if fits["letter"] >= enough:
        return made("letter", Message("The answers are letters: A is the first option."))
    if max(fits["zero"], fits["one"]) < enough:
        best: How = max(("text", "letter", "zero", "one", "key"), key=lambda how: fits[how])
        return made(best, Message("The answers are not all of one kind; most fit this reading."))
    if seen["zero"] and fits["zero"] >= enough:
        return made("zero", Message("Some answers are 0, so the first option is number 0."))
    if seen["all"] and fits["one"] >= enough:
        return made("one", Message("Some answers are as high as there are options, so the first option is number 1."))
    marks = [found["mark"] for name in columns if (found := COLUMN.match(name))]
    if marks[:1] == ["0"]:
        return made("zero", Message("The columns of the options count from 0, so the answers are taken to do so too."))
    if marks[:1] == ["1"]:
        return made("one", Message("The columns of the options count from 1, so the answers are taken to do so too."))
    return made("one", Message("No answer is 0 or {n}, so they are taken to count from 1. Please check a few.", n=most))


def _run(marks: Sequence[tuple[str, str]]) -> list[str]:
    """Columns whose marks follow each other from the first: a, b, c or 0, 1, 2 or 1, 2, 3."""
    by_mark = dict(marks)
    numbers = [str(i) for i in range(MOST)]
    for wanted in ([chr(ord("a") + i) for i in range(10)], numbers, numbers[1:]):
        run: list[str] = []
        for mark in wanted:
            if mark not in by_mark:
                break
            run.append(by_mark[mark])
        if len(run) > 1:
            return run
    return []


def _from_object(value: Mapping[str, Any]) -> Options:
    """{"text": [...], "label": [...]} or {"A": "...", "B": "..."}."""
    texts, keys = value.get("text"), value.get("label", value.get("key"))
    if isinstance(texts, list):
        names = tuple(str(key) for key in keys) if isinstance(keys, list) and len(keys) == len(texts) else ()
        return Options(tuple(_plain(text) for text in texts[:MOST_LISTED]), names[:MOST_LISTED])
    items = list(value.items())[:MOST_LISTED]
    return Options(tuple(_plain(text) for _, text in items), tuple(str(key) for key, _ in items))


def _from_list(value: Sequence[Any]) -> Options:
    """["...", "..."] or [{"label": "A", "text": "..."}, ...]."""
    if value and all(isinstance(item, Mapping) and "text" in item for item in value):
        keys = [item.get("label", item.get("key", item.get("id"))) for item in value[:MOST_LISTED]]
        names = tuple(str(key) for key in keys) if all(key is not None for key in keys) else ()
        return Options(tuple(_plain(item["text"]) for item in value[:MOST_LISTED]), names)
    return Options(tuple(_plain(item) for item in value[:MOST_LISTED]))


def _split(cell: str) -> list[str]:
    """Options in one cell of plain text: a line each, or parted by bars, semicolons, tabs or commas."""
    for separator in SEPARATORS:
        parts = [part.strip() for part in cell.split(separator)]
        if separator == "," and ", " in cell:  # a sentence
            break
        if sum(map(bool, parts)) > 1:
            if separator == "\n":
                parts = [part for part in parts if part]
            return [LETTERED.sub("", part) for part in parts] if all(LETTERED.match(p) for p in parts) else parts
    return [cell.strip()] if cell.strip() else []


def _plain(value: Any) -> str:
    return "" if value is None else str(value).strip()


def _by_text(texts: Sequence[str], cell: str) -> int | None:
    if cell in texts:
        return texts.index(cell)
    folded = " ".join(cell.lower().split())
    return next((i for i, text in enumerate(texts) if " ".join(text.lower().split()) == folded), None)
