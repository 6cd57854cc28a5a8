"""Cells that hold several labels, and cells that hold a number, in the ways people write them.

    holding(names, samples)    how a table holds its label sets: a separator, JSON lists, one yes/no column a label; with the reason
    parse(cells, how)          the labels of a row: a list without repeats, or None where nobody has answered
    reader(columns)            `parse` settled by all cells of a column; `number_reader` likewise
    number(cell, decimal)      a float, or None for what is no number; `decimal_sign(cells)` decides between 1.234 and 1,234

A separator is decided over the whole column, because "Arts, crafts & sewing" is one label: it counts only if its pieces come back in
other combinations. Knows nothing of tasks or files.
"""

from __future__ import annotations

import ast
import json
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Literal

from core.words import Message, listed

SEPARATORS = ("|", ";", "；", "\n", "\t", ",", "，", "、", "/", "#", "+", "&", " ")
COME_BACK = 0.7  # share of the pieces that must stand in another combination too; a two-level name ("a/b", "a/c") reaches at most 0.5, three levels 0.67
CLEAR = ("|", ";", "；", "\n", "\t", ",", "，", "、")  # split a row whose column nobody has seen
NAMED, RARE = 0.35, "|;；\n\t"  # enough for these signs in a column that is called labels, tags, ...
LONGEST = 80  # characters of a label
MOST = 2_000  # different labels
YES = frozenset(("1", "1.0", "true", "yes", "y", "x", "t", "✓", "✔", "☑", "是", "有"))
NO = frozenset(("0", "0.0", "false", "no", "n", "f", "-", "✗", "✘", "否", "无"))

LIKELY = re.compile(r"(?i)^(labels|tags|categories|topics|genres|emotions|classes|keywords|标签|类别|分类|话题)$")


@dataclass(frozen=True)
class Holding:
    """Where the label sets stand. `columns` are one column of sets, or one yes/no column a label (`empty_is_no`: only yes is written)."""

    name: Literal["separator", "json", "columns"]
    columns: tuple[str, ...]
    reason: Message
    separator: str = ""
    empty_is_no: bool = False

    def as_json(self) -> dict[str, Any]:
        told = {
            "name": self.name,
            "columns": list(self.columns),
            "separator": self.separator,
            "empty_is_no": self.empty_is_no,
        }
        return {**told, "reason": self.reason.as_json()}

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> Holding:
        reason = Message.from_json(value["reason"])
        columns = tuple(value["columns"])
        return Holding(value["name"], columns, reason, value.get("separator", ""), bool(value.get("empty_is_no")))


def holding(names: Sequence[str], samples: Sequence[Sequence[str]], column: str | None = None) -> Holding | None:
    """How this table holds label sets; None when it does not look as if it did. `column`: look only there.

    The more rows there are in `samples`, the surer the separator: a few hundred do.
    """
    cells = {name: [row[i] for row in samples if i < len(row)] for i, name in enumerate(names)}
    if column is not None:
        return _in_column(column, cells.get(column, []))
    flags = flag_columns(names, samples)
    if len(flags) >= 2:
        reason = Message(
            "{n} columns hold only yes or no: one for each label ({names}).", n=len(flags), names=listed(flags, 4)
        )
        denied = any(cell.strip().lower() in NO for name in flags for cell in cells[name])
        return Holding("columns", flags, reason, empty_is_no=not denied)
    found = [how for name in names if (how := _in_column(name, cells[name]))]
    return next((how for how in found if LIKELY.match(how.columns[0])), found[0] if found else None)


def parse(cells: Mapping[str, str], how: Holding | None = None) -> list[str] | None:
    """The labels of a row in order of appearance. Empty cells: None (nobody has answered); "[]" or all columns no: [].

    Without `how` a single row must tell: several columns are one label each, and of the signs only the clear ones split (not / or a space).
    """
    if how is None:
        how = _guessed(cells)
    if how.name == "columns":
        values = [cells.get(name, "").strip().lower() for name in how.columns]
        if not any(values) and not how.empty_is_no:
            return None
        return [name for name, value in zip(how.columns, values, strict=True) if value in YES]
    return split(cells.get(how.columns[0], ""), how.separator)


def reader(columns: Mapping[str, Sequence[str]]) -> Callable[[Mapping[str, str]], list[str] | None]:
    """`parse` settled by all cells of the columns that play the role: name -> cells. What `parse` alone can only guess is decided here."""
    names = tuple(columns)
    if len(names) == 1:
        how = _in_column(names[0], columns[names[0]]) or Holding("separator", names, _ONE)
    else:
        how = Holding(
            "columns", names, _ONE, empty_is_no=not any(c.strip().lower() in NO for n in names for c in columns[n])
        )
    return lambda cells: parse(cells, how)


def columns_of(columns: Mapping[str, Sequence[str]]) -> tuple[list[str], Message] | None:
    """The columns that hold label sets, from name -> cells, and why."""
    samples = list(zip_longest(*columns.values(), fillvalue=""))
    found = holding(list(columns), samples)
    return (list(found.columns), found.reason) if found else None


def fits(cells: Sequence[str]) -> float:
    """0 to 1: how much one column looks like label sets. Sentences with commas do not."""
    return 1.0 if _in_column("", cells) else 0.0


def split(cell: str, separator: str = "") -> list[str] | None:
    """One cell into labels: a JSON (or Python) list whatever the separator, else its pieces."""
    text = cell.strip()
    if not text:
        return None
    if (found := _list(text)) is not None:
        return found
    return _unique(piece.strip() for piece in (text.split(separator) if separator else [text]))


def separator(cells: Iterable[str], column: str = "") -> str | None:
    """What stands between the labels of a column; None when its cells hold one label each. A plural for a name makes rare signs likelier."""
    values = {cell.strip() for cell in cells if cell.strip()}
    best, most = None, 0.0
    for sign in SEPARATORS:
        share = _coming_back(values, sign)
        enough = NAMED if sign in RARE and LIKELY.match(column.strip()) else COME_BACK
        if share >= enough and share > most + 0.02:  # an earlier sign wins a tie
            best, most = sign, share
    return best


def flag_columns(names: Sequence[str], samples: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """The columns with nothing but yes and no (1 and 0, true and false, x and nothing). One alone is an ordinary label."""
    found = []
    for i, name in enumerate(names):
        values = {row[i].strip().lower() for row in samples if i < len(row)}
        told = values - {""}
        if told and told <= YES | NO and len(values) > 1 and not told <= NO:
            found.append(name)
    # a column with no yes among these rows belongs to them too, if it is of the same kind and others are there
    if len(found) >= 2:
        rare = [
            name for i, name in enumerate(names)
            if name not in found and {row[i].strip().lower() for row in samples if i < len(row)} in ({"0"}, {"false"}, {"0.0"}, {"no"})
        ]  # fmt: skip
        found = [name for name in names if name in found or name in rare]
    return tuple(found) if len(found) >= 2 else ()


# Numbers -------------------------------------------------------------------------------------------------------------

SPACES = "[ \u00a0\u2009\u202f]"
NUMBER = re.compile(
    rf"(?P<sign>[+-]?)(?P<whole>[1-9]\d{{0,2}}(?:(?P<group>[.,']|{SPACES})\d{{3}})(?:(?P=group)\d{{3}})*|\d*)"
    r"(?:(?P<point>[.,])(?P<rest>\d*))?(?P<power>[eE][+-]?\d{1,4})?\s*(?P<percent>[%‰]?)"
)
LIKE_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}[.,]\d{3}")


def number(cell: str, decimal: str = ".") -> float | None:
    """The number in a cell; None for an empty cell and for everything that is no number (also nan, inf, 3/5, 4 stars).

    Thousands may be set apart by a comma, a point, an apostrophe or a space. 45 % is 0.45. `decimal` settles cells such as 1,234,
    which mean one thing with a decimal point and another with a decimal comma; 3,5 and 1.234,5 are clear by themselves.
    """
    text = unicodedata.normalize("NFKC", cell).strip().replace("\u2212", "-").replace("’", "'")
    if LIKE_THOUSANDS.fullmatch(text):
        sign = "," if "," in text else "."
        return float(text.replace(sign, "." if sign == decimal else ""))
    found = NUMBER.fullmatch(text)
    if not found or not (found["whole"] or found["rest"]) or (found["group"] and found["group"] == found["point"]):
        return None
    if not found["whole"] and found["point"] == ",":
        return None
    digits = re.sub(r"\D", "", found["whole"]) or "0"
    value = float(f"{found['sign']}{digits}.{found['rest'] or '0'}{found['power'] or ''}")
    value /= {"%": 100.0, "‰": 1000.0}.get(found["percent"], 1.0)
    return value if math.isfinite(value) else None


def decimal_sign(cells: Iterable[str]) -> Literal[".", ","]:
    """The decimal sign of a column, from the cells that can be read in one way only; a point where none decides."""
    votes = Counter(sign for cell in cells if (sign := _clear_sign(cell.strip())))
    return "," if votes[","] > votes["."] else "."


def number_reader(cells: Iterable[str]) -> Callable[[str], float | None]:
    """`number` settled by all cells of a column."""
    sign = decimal_sign(cells)
    return lambda cell: number(cell, sign)


def no_numbers(cells: Iterable[str]) -> Message | None:
    """A sentence when filled cells of a column are no numbers; None when all are."""
    wrong = [cell.strip() for cell in cells if cell.strip() and number(cell) is None]
    if not wrong:
        return None
    return Message("{n:,} cells are no numbers, such as “{cell}”.", n=len(wrong), cell=wrong[0][:40])


def _clear_sign(text: str) -> str | None:
    if LIKE_THOUSANDS.fullmatch(text) or number(text) is None:
        return None
    signs = [char for char in text if char in ".,"]
    return signs[-1] if signs and signs.count(signs[-1]) == 1 else None


# Sets ----------------------------------------------------------------------------------------------------------------


_ONE = Message("One label a cell.")


def _guessed(cells: Mapping[str, str]) -> Holding:
    names = tuple(cells)
    if len(names) != 1:
        return Holding("columns", names, _ONE)
    sign = next((sign for sign in CLEAR if sign in cells[names[0]]), "")
    return Holding("separator", names, _ONE, sign)


def _in_column(name: str, cells: Sequence[str]) -> Holding | None:
    filled = [cell for cell in cells if cell.strip()]
    lists = [found for cell in filled if (found := _list(cell.strip())) is not None]
    if filled and len(lists) > 0.9 * len(filled) and _are_labels({one for row in lists for one in row}, len(lists)):
        return Holding("json", (name,), Message("“{column}” holds lists of labels.", column=name))
    sign = separator(filled, name)
    if sign is None:
        return None
    several = sum(sign in cell for cell in filled)
    reason = Message(
        "In “{column}” the sign “{sign}” stands between labels: {n:,} of {all:,} cells have several, and their parts come back.",
        column=name, sign={"\n": "⏎", "\t": "⇥", " ": "␣"}.get(sign, sign), n=several, all=len(filled),
    )  # fmt: skip
    return Holding("separator", (name,), reason, sign)


def _coming_back(values: set[str], sign: str) -> float:
    """Share of the pieces of split cells that also stand in another cell's combination. 0 when this sign splits nothing sensible."""
    sets = {value: tuple(_unique(piece.strip() for piece in value.split(sign))) for value in values}
    split_up = [pieces for value, pieces in sets.items() if sign in value]
    if not split_up or any(not pieces for pieces in split_up):
        return 0.0
    stands_in = Counter(piece for pieces in sets.values() for piece in pieces)
    if not _are_labels(set(stands_in), len(values)):
        return 0.0
    pieces = [piece for found in split_up for piece in found]
    if sum(len(found) > 1 for found in split_up) < 0.5 * len(split_up):
        return 0.0
    return sum(stands_in[piece] > 1 for piece in pieces) / len(pieces)


def _are_labels(names: set[str], rows: int) -> bool:
    """Short, and few enough to be learnt: words of sentences are neither."""
    if not names or len(names) > min(MOST, max(20, rows)):
        return False
    return max(map(len, names)) <= LONGEST and not all(number(name) is not None and "." in name for name in names)


def _list(text: str) -> list[str] | None:
    """The names in a JSON list, or in Python's writing of one as pandas leaves it in csv files."""
    if not (text.startswith("[") and text.endswith("]")) or len(text) > 100_000:
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        try:
            found = ast.literal_eval(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            return None
    if not isinstance(found, list) or not all(isinstance(one, str | int | float) for one in found):
        return None
    return _unique(str(one).strip() for one in found)


def _unique(pieces: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(piece for piece in pieces if piece))
