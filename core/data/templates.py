"""Several columns as one text by a template: "Subject: {subject}\\n\\n{body}". It stands where else a column's name or a list of them would;
what is called exactly so as a column is that column.

    columns_in(spec, known)   the columns a role is made of, None where one of them is not there
    is_template(spec, known)  whether they are put together by a template
    filled(spec, cells)       a row's text
    joined(spec, columns)     the texts of many rows

A row without a word in any of the columns has no text. Knows Arrow arrays; nothing of data sets.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from core.errors import DataError
from core.words import Message, listed

PLACE = re.compile(r"\{([^{}\n]+)\}")
LONGEST = 2_000  # characters
Spec = str | Sequence[str] | None


def is_template(spec: Spec, known: Collection[str]) -> bool:
    return isinstance(spec, str) and spec not in known and bool(PLACE.search(spec))


def columns_in(spec: Spec, known: Collection[str]) -> list[str] | None:
    """In the order in which they come first; [] where there are none."""
    if isinstance(spec, str) and is_template(spec, known):
        names = list(dict.fromkeys(PLACE.findall(spec)))
    else:
        names = [spec] if isinstance(spec, str) else list(spec or ())
    return names if set(names) <= set(known) else None


def checked(spec: str, known: Sequence[str]) -> str:
    """A template that somebody wrote; DataError where it names no column, one that is not there, or is too long."""
    places = PLACE.findall(spec)
    if len(spec) > LONGEST:
        raise DataError(Message("A template may have up to {n:,} characters.", n=LONGEST))
    if missing := [name for name in places if name not in known]:
        raise DataError(
            Message("There is no column “{column}”. There are {columns}.", column=missing[0][:80], columns=listed(known)),
            fix=Message("Write the names of columns in braces, as in {example}.", example=f"{{{known[0]}}}" if known else "{}"),
        )  # fmt: skip
    if not places:
        raise DataError(Message("This template names no column."), fix=Message("Choose the column with the texts."))
    return spec


def filled(spec: str, cells: Mapping[str, str]) -> str:
    if not any((cells.get(name) or "").strip() for name in PLACE.findall(spec)):
        return ""
    return PLACE.sub(lambda place: cells.get(place[1]) or "", spec)


def joined(spec: str, columns: Mapping[str, pa.Array]) -> pa.Array:
    """`columns` are equally long; as `filled` does row by row."""
    pieces = PLACE.split(spec)  # words and columns take turns
    cells = {name: pc.fill_null(columns[name], "") for name in PLACE.findall(spec)}
    parts = [cells[piece] if i % 2 else pa.scalar(piece, pa.string()) for i, piece in enumerate(pieces)]
    whole = pc.binary_join_element_wise(*parts, "")
    there = [pc.greater(pc.binary_length(pc.utf8_trim_whitespace(column)), 0) for column in cells.values()]
    some = there[0]
    for other in there[1:]:
        some = pc.or_(some, other)
    return pc.if_else(some, whole, "")
