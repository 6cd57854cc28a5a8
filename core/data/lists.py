"""Tables with one candidate a row (a log of impressions: what was asked, a candidate, clicked or not) gathered into tables with one list a
row: its candidates as a JSON list, and beside it their grades, 1 for a clicked one.

Rows of one list agree in what was asked, and in the number of the impression or session where a column has it. Columns at a time, never
row by row: a million rows take seconds. Knows Arrow tables; nothing of data sets or tasks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from core.data.choices import MOST_LISTED, parse
from core.data.chunks import take_array
from core.data.labelled_sets import number
from core.data.splits import mixed
from core.data.structured import structured
from core.words import Message, listed, plural

GRADE = re.compile(
    r"(?i)^((is|was)[_ ]?)?(click|clicked|selected|chosen_item|bought|purchased|relevant)$|"
    r"^relevance([_ ]?(score|label|grade))?$|^(是否)?(点击|购买)$|^相关(性|度)$"
)
PERHAPS = re.compile(r"(?i)^(label|target|y|grade|score|rating|标签)$")
ASKED = re.compile(
    r"(?i)^(user[_ ]?)?(query|question|search|history|context|situation|keywords?)([_ ]?(text|term|string))?$|^user$|^(查询|问题|历史|搜索词)$"
)
CANDIDATE = re.compile(
    r"(?i)^(candidate|item|title|document|doc|passage|paragraph|product|result|answer|article|news|ad|headline|name|text|候选|标题|商品|文档)"
    r"([_ ]?(text|title|name|content|body|description))?$"
)
LIST_ID = re.compile(
    r"(?i)^(impression|session|request|search|srch|list|slate|query|question|q|group)[_ ]?(id|no|number)?s?$"
)
USER_ID = re.compile(r"(?i)^(user|customer|visitor|member|reader|client)[_ ]?(id|no|number)?$")
WORDS = {"": 0.0, "false": 0.0, "no": 0.0, "true": 1.0, "yes": 1.0}
BEST = 100.0  # what a grade may be at most; more counts or measures something
TOGETHER = 1.5  # candidates a list on average; with fewer, rows are no lists
SHORT = 60  # characters of a candidate on average, where one cell of plain text holds several
BLOCK = 10_000  # lists written together
CONTROL = "[\x00-\x08\x0b\x0c\x0e-\x1f]"
Hashes = NDArray[np.uint64]


@dataclass(frozen=True)
class Flat:
    """Which column holds what. `key`: rows that agree in these are one list. `sure`: the names say so."""

    asked: tuple[str, ...]
    candidate: str
    grade: str
    key: tuple[str, ...]
    sure: bool = False


@dataclass(frozen=True)
class Gathered:
    """The lists of a table. `idle`: those that teach nothing, without a click or with nothing to choose among."""

    flat: Flat
    rows: int
    lists: int
    idle: int

    @property
    def sentences(self) -> tuple[Message, ...]:
        told = Message(
            "{n:,} rows with a candidate each were gathered into {lists:,} lists, one for each {columns}.",
            n=self.rows,
            lists=self.lists,
            columns=listed((f"“{name}”" for name in self.flat.key), 4),
        )
        if not self.idle:
            return (told,)
        return told, plural(
            self.idle,
            "{n} list has no click, or only one candidate; nothing is learnt from it.",
            "{n:,} lists have no click, or only one candidate; nothing is learnt from them.",
        )


def found(table: pa.Table, cells: Mapping[str, Sequence[str]], without: Sequence[str] = ()) -> Flat | None:
    """Such a table's columns, judged by their names and by `cells`, samples of them; None where it is none. `without`: columns that are
    known for something else."""
    grades = [name for name in cells if name not in without and are_grades(cells[name])]
    named = [name for name in grades if GRADE.match(name.strip())]
    for grade in named or [name for name in grades if PERHAPS.match(name.strip())]:
        rest = {name: cells[name] for name in cells if name not in (grade, *without)}
        if seen := _columns(table, rest):
            return replace(seen, grade=grade, sure=bool(named) and seen.sure)
    return None


def ungraded(table: pa.Table, cells: Mapping[str, Sequence[str]]) -> Flat | None:
    """The same of a table that says nothing of clicks, or whatever it says; only where the names say so."""
    seen = _columns(table, {name: cells[name] for name in cells if not GRADE.match(name.strip())})
    return seen if seen and seen.sure else None


def _columns(table: pa.Table, cells: Mapping[str, Sequence[str]]) -> Flat | None:
    """What was asked, the candidate, and what makes rows a list; `sure` where the candidate's name says so."""
    rest = [name for name in cells if any(cell.strip() for cell in cells[name])]
    asked = [name for name in rest if ASKED.match(name.strip()) and _is_text(cells[name])]
    texts = [name for name in rest if name not in asked and _is_text(cells[name]) and not _is_list(cells[name])]
    called = [name for name in texts if CANDIDATE.match(name.strip())]
    texts = [name for name in texts if not LIST_ID.match(name.strip()) and not USER_ID.match(name.strip())]
    candidate = max(called or texts, key=lambda name: len(set(cells[name])), default=None)
    if candidate is None:
        return None
    rest = [name for name in rest if name != candidate]
    key = key_of(table, asked, rest)
    if key is None and not asked:  # the column that comes again most often is what was asked
        asked = sorted((name for name in texts if name != candidate), key=lambda name: len(set(cells[name])))[:1]
        key = key_of(table, asked, rest) if asked else None
    return None if key is None else Flat(tuple(asked) or key[:1], candidate, "", key, bool(called))


def by_roles(
    table: pa.Table, asked: Sequence[str], candidate: str, grade: str, cells: Mapping[str, Sequence[str]]
) -> Flat | None:
    """The same where it is known what the columns are for (`grade` may be none, ""); None where the candidates are lists already."""
    if _is_list(cells[candidate]) or (grade and not are_grades(cells[grade])):
        return None
    key = key_of(table, asked, [name for name in cells if name not in (candidate, grade)])
    return None if key is None else Flat(tuple(asked), candidate, grade, key)


def key_of(table: pa.Table, asked: Sequence[str], columns: Sequence[str]) -> tuple[str, ...] | None:
    """The columns in which the rows of a list agree: a number of the list or else of the user, if rows share it, and what was asked."""
    free = [name for name in columns if name not in asked]
    numbers = [name for sign in (LIST_ID, USER_ID) for name in free if sign.match(name.strip())]
    for more in [*([name] for name in numbers), []]:
        key = (*more, *asked)
        if key and len(np.unique(_hashes(table, key))) * TOGETHER <= table.num_rows:
            return key
    return None


def numbered(table: pa.Table, key: Sequence[str]) -> NDArray[np.int64]:
    """The list of each row, by number, in the order in which they come first."""
    return _numbered(_hashes(table, key))


def are_grades(cells: Sequence[str]) -> bool:
    """Nought for some, and more for fewer or better ones: 0 and 1, or 0 to 3."""
    values = {_grade(cell) for cell in set(cells)}
    if None in values or len(values) < 2:
        return False
    known = [value for value in values if value is not None]
    return min(known) == 0 and max(known) <= BEST and all(value % 1 == 0 for value in known) and len(known) <= 11


def gather(table: pa.Table, flat: Flat, first: Sequence[str] = ()) -> tuple[Gathered, Iterator[pa.RecordBatch]]:
    """The lists in the order of their first rows, and in each the candidates in theirs. What differs within lists becomes a JSON list
    beside the candidates, but of the columns `first` the first row's cell stands for all. The same candidate again counts once, with its
    best grade; of very long lists the clicked ones and the first others stay."""
    worth = _grades(table.column(flat.grade))
    lists = numbered(table, flat.key)
    rows = np.flatnonzero(_filled(table.column(flat.candidate)))
    rows, worth = _merged(rows, lists[rows], _hashes(table, [flat.candidate])[rows], worth[rows])
    rows, worth = _shortened(rows, lists[rows], worth)
    _, lists = np.unique(lists[rows], return_inverse=True)
    order = np.argsort(lists, kind="stable")
    rows, worth, lists = rows[order], worth[order], lists[order]
    starts = np.searchsorted(lists, np.arange(int(lists[-1]) + 2 if len(lists) else 1))
    best = np.maximum.reduceat(worth, starts[:-1]) if len(rows) else worth
    told = Gathered(flat, table.num_rows, len(best), int(((best <= 0) | (np.diff(starts) < 2)).sum()))
    whole = [
        name for name in table.column_names if name in (*flat.key, *first) or _agrees(table, name, rows, lists, starts)
    ]
    return told, _batches(
        table, flat, [name for name in whole if name not in (flat.candidate, flat.grade)], rows, worth, starts
    )


# --- judging ---------------------------------------------------------------------------------------------------------


def _grade(cell: str) -> float | None:
    plain = cell.strip().lower()
    return WORDS[plain] if plain in WORDS else number(plain)


def _is_text(cells: Sequence[str]) -> bool:
    filled = [cell for cell in cells if cell.strip()][:200]
    return sum(any(c.isalpha() for c in cell) for cell in filled) > 0.8 * max(1, len(filled))


def _is_list(cells: Sequence[str]) -> bool:
    """Several candidates a cell. Prose has separators as well, but long parts between them."""
    different = list(dict.fromkeys(cell for cell in cells if cell.strip()))
    some = different[:: max(1, len(different) // 200)]
    found = [parts for cell in some if (parts := parse({"": cell}))]
    short = sum(len(part) for parts in found for part in parts) <= SHORT * sum(map(len, found))
    told = sum(structured(cell) is not None for cell in some) >= 0.8 * len(some)
    return bool(some) and len(found) >= 0.8 * len(some) and (told or short)


# --- gathering -------------------------------------------------------------------------------------------------------


def _hashes(table: pa.Table, names: Sequence[str]) -> Hashes:
    """Rows that agree in these columns, but for white space around their cells, have equal numbers."""
    from pandas.util import hash_array

    found: Any = None
    for name in names:
        chunks = (pc.utf8_trim_whitespace(chunk).to_numpy(zero_copy_only=False) for chunk in table.column(name).chunks)
        one = np.concatenate([np.zeros(0, np.uint64), *(hash_array(cells, categorize=False) for cells in chunks)])
        found = one if found is None else mixed(found, 1) ^ one
    hashes: Hashes = found
    return hashes


def _numbered(hashes: Hashes) -> NDArray[np.int64]:
    """0, 1, 2, ... in the order in which they come first."""
    _, first, places = np.unique(hashes, return_index=True, return_inverse=True)
    number = np.empty(len(first), np.int64)
    number[np.argsort(first)] = np.arange(len(first))
    return number[places]


def _filled(column: pa.ChunkedArray) -> NDArray[np.bool_]:
    parts = [pc.greater(pc.binary_length(pc.utf8_trim_whitespace(c)), 0) for c in column.chunks]
    return np.concatenate([np.zeros(0, np.bool_), *(p.to_numpy(zero_copy_only=False) for p in parts)])


def _grades(column: pa.ChunkedArray) -> NDArray[np.float64]:
    """What cannot be read is nought, and so is what is below it."""
    parts = [np.zeros(0)]
    for chunk in column.chunks:
        encoded = chunk.dictionary_encode()
        values = np.array([max(0.0, _grade(cell or "") or 0.0) for cell in encoded.dictionary.to_pylist()] or [0.0])
        parts.append(values[pc.fill_null(encoded.indices, 0).to_numpy(zero_copy_only=False)])
    return np.concatenate(parts)


def _merged(
    rows: NDArray[np.int64], lists: NDArray[np.int64], candidates: Hashes, worth: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Each candidate of a list once, where it came first, with its best grade."""
    same = _numbered(mixed(lists.astype(np.uint64), 2) ^ candidates)
    best = np.zeros(int(same.max()) + 1 if len(same) else 0)
    np.maximum.at(best, same, worth)
    _, first = np.unique(same, return_index=True)
    return rows[first], best[same[first]]


def _shortened(
    rows: NDArray[np.int64], lists: NDArray[np.int64], worth: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """No list longer than may be read."""
    order = np.lexsort((worth <= 0, lists))
    sizes = np.bincount(lists)
    place = np.arange(len(rows)) - (np.cumsum(sizes) - sizes)[lists[order]]
    kept = np.sort(order[place < MOST_LISTED])
    return rows[kept], worth[kept]


def _agrees(
    table: pa.Table, name: str, rows: NDArray[np.int64], lists: NDArray[np.int64], starts: NDArray[np.int64]
) -> bool:
    """Does a column say the same all over each list?"""
    hashes = _hashes(table, [name])[rows]
    return bool((hashes == hashes[starts[:-1]][lists]).all())


def _batches(
    table: pa.Table,
    flat: Flat,
    whole: Sequence[str],
    rows: NDArray[np.int64],
    worth: NDArray[np.float64],
    starts: NDArray[np.int64],
) -> Iterator[pa.RecordBatch]:
    schema = pa.schema([(name, pa.string()) for name in table.column_names])
    for at in range(0, len(starts) - 1, BLOCK):
        edges = starts[at : at + BLOCK + 1]
        mine = rows[edges[0] : edges[-1]]
        columns = []
        for name in schema.names:
            if name in whole:
                columns.append(take_array(table.column(name), rows[edges[:-1]]))
            elif name == flat.grade:
                different, places = np.unique(worth[edges[0] : edges[-1]], return_inverse=True)
                texts = pa.array([f"{value:g}" for value in different.tolist()], pa.string())
                columns.append(_joined(texts.take(pa.array(places)), edges - edges[0]))
            else:
                columns.append(_joined(_quoted(take_array(table.column(name), mine)), edges - edges[0]))
        yield pa.record_batch(columns, schema=schema)


def _quoted(cells: pa.Array) -> pa.Array:
    """As JSON has them."""
    cells = pc.fill_null(cells, "")
    for sign, written in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t")):
        cells = pc.replace_substring(cells, sign, written)
    return pc.binary_join_element_wise('"', pc.replace_substring_regex(cells, CONTROL, " "), '"', "")


def _joined(cells: pa.Array, edges: NDArray[np.int64]) -> pa.Array:
    lists = pa.ListArray.from_arrays(pa.array(edges, pa.int32()), cells)
    return pc.binary_join_element_wise("[", pc.binary_join(lists, ", "), "]", "")
