"""What the imported files say: one long table over memory-mapped Arrow files, never loaded whole.

Rows are addressed by their place in that table (fast, changes when an import is removed) or by their id "import:ordinal" (for ever).
Knows imports, columns and roles; nothing of labels given by hand or of edits.
"""

from __future__ import annotations

import itertools
import json
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from core.data import templates
from core.data.how import How, sentence
from core.data.log import SHIFT
from core.data.shape import SORTING, Shape
from core.data.splits import NAMES, OPEN
from core.data.values import kind
from core.errors import Missing
from core.words import Message

ORDINAL = (1 << SHIFT) - 1
BLOCK = 50_000


@dataclass(frozen=True)
class Import:
    """One file that was added. `split`: what all its rows are for, if the person said so. `roles`: its own names for roles' columns."""

    id: int
    name: str
    file: str
    rows: int
    size: int
    columns: tuple[str, ...]
    how: How
    warnings: tuple[Message, ...]
    roles: Mapping[str, str]
    split: str | None
    at: float

    @staticmethod
    def from_row(row: Mapping[str, Any]) -> Import:
        return Import(
            id=row["id"],
            name=row["name"],
            file=row["file"],
            rows=row["rows"],
            size=row["size"],
            columns=tuple(json.loads(row["columns"])),
            how=How(**json.loads(row["how"])),
            warnings=tuple(Message.from_json(m) for m in json.loads(row["warnings"])),
            roles=json.loads(row["roles"]),
            split=row["split"],
            at=row["at"],
        )

    @property
    def sentence(self) -> Message:
        return sentence(self.how, self.rows)

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "name": self.name,
            "rows": self.rows,
            "size": self.size,
            "columns": list(self.columns),
            "how": self.how.as_json(),
            "sentence": self.sentence.as_json(),
            "warnings": [m.as_json() for m in self.warnings],
            "split": self.split,
            "at": self.at,
        }


class Rows:
    """All rows of all imports, in order. Immutable; made anew when imports or roles change."""

    def __init__(self, folder: Path, imports: Sequence[Import], roles: Mapping[str, Any], shape: Shape = SORTING):
        self.folder, self.imports, self.roles, self.shape = folder, tuple(imports), dict(roles), shape
        self.starts = np.cumsum([0, *(i.rows for i in imports)]).astype(np.int64)
        self._tables: dict[int, pa.Table] = {}
        self._batch_starts: dict[int, list[int]] = {}

    def __len__(self) -> int:
        return int(self.starts[-1])

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Columns of all imports worth showing, in the order of their first appearance."""
        return tuple(dict.fromkeys(c for i in self.imports for c in i.columns))

    def columns_of(self, one: Import, role: str) -> list[str]:
        """The columns of an import that play a role: its own names for it, or the data set's."""
        found = one.roles.get(role) or self.roles.get(role) or []
        if templates.is_template(found, one.columns):
            return templates.columns_in(found, one.columns) or []
        return [column for column in ([found] if isinstance(found, str) else found) if column in one.columns]

    def template_of(self, one: Import, role: str) -> str | None:
        """By which the columns of a role are put together; None where they stand line by line, or are not all there."""
        found = one.roles.get(role) or self.roles.get(role)
        there = templates.is_template(found, one.columns) and templates.columns_in(found, one.columns)
        return str(found) if there else None

    def column_of(self, one: Import, role: str) -> str | None:
        """The one column of an import that plays a role; None where there is none or there are several."""
        columns = self.columns_of(one, role)
        return columns[0] if len(columns) == 1 else None

    def id(self, place: int) -> str:
        which = bisect_right(self.starts, place) - 1
        return f"{self.imports[which].id}:{place - int(self.starts[which])}"

    def ids(self, places: NDArray[np.int64]) -> list[str]:
        which = np.searchsorted(self.starts, places, side="right") - 1
        numbers = np.array([i.id for i in self.imports], np.int64)[which] if len(places) else which
        return [f"{n}:{o}" for n, o in zip(numbers.tolist(), (places - self.starts[which]).tolist(), strict=True)]

    def packed(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """Places -> the rows' numbers in the log."""
        which = np.searchsorted(self.starts, places, side="right") - 1
        numbers = np.array([i.id for i in self.imports] or [0], np.int64)[which]
        return (numbers << SHIFT) | (places - self.starts[which])

    def places(self, packed: NDArray[np.int64]) -> NDArray[np.int64]:
        """Numbers in the log -> places; -1 for rows that are gone."""
        found = np.full(len(packed), -1, np.int64)
        ordinals = packed & ORDINAL
        for start, one in zip(self.starts, self.imports, strict=False):
            mine = (packed >> SHIFT == one.id) & (ordinals < one.rows)
            found[mine] = ordinals[mine] + start
        return found

    def place(self, row: str) -> int:
        """A row's place; Missing if there is no such row (any more)."""
        number, _, ordinal = str(row).partition(":")
        for start, one in zip(self.starts, self.imports, strict=False):
            if number == str(one.id) and ordinal.isdigit() and len(ordinal) < 12 and int(ordinal) < one.rows:
                return int(start) + int(ordinal)
        raise Missing(Message("There is no row “{row}” here any more.", row=str(row)[:40]))

    def table(self, one: Import) -> pa.Table:
        if one.id not in self._tables:
            source = pa.memory_map(str(self.folder / one.file))
            table = pa.ipc.open_file(source).read_all()
            self._batch_starts[one.id] = np.cumsum([0, *(c.num_rows for c in table.to_batches())]).tolist()
            self._tables[one.id] = table
        return self._tables[one.id]

    def role(self, role: str) -> pa.ChunkedArray:
        """The cells of a role over all imports, those of several columns line by line or by their template; empty where an import lacks
        it."""
        return self._gathered(
            [self.columns_of(one, role) for one in self.imports], [self.template_of(one, role) for one in self.imports]
        )

    def column(self, name: str) -> pa.ChunkedArray:
        return self._gathered([[name] if name in one.columns else [] for one in self.imports])

    def cells(self, places: Sequence[int]) -> list[dict[str, str]]:
        """All shown cells of some rows. Reads only those rows."""
        found = []
        for place in places:
            which = bisect_right(self.starts, place) - 1
            one = self.imports[which]
            table = self.table(one)
            ordinal = int(place - self.starts[which])
            found.append({c: table.column(c)[ordinal].as_py() or "" for c in one.columns})
        return found

    def role_cells(self, places: Sequence[int], role: str) -> list[dict[str, str]]:
        """column -> cell of the columns that play a role, for some rows."""
        found = []
        for place in places:
            which = bisect_right(self.starts, place) - 1
            one = self.imports[which]
            table, ordinal = self.table(one), int(place - self.starts[which])
            cells = {c: table.column(c)[ordinal].as_py() or "" for c in self.columns_of(one, role)}
            template = self.template_of(one, role)
            found.append({template: templates.filled(template, cells)} if template else cells)
        return found

    @cached_property
    def text(self) -> pa.ChunkedArray:
        """The cells of the first input role, which are searched, measured and compared."""
        return self.role(self.shape.first)

    @cached_property
    def file_values(self) -> list[Any]:
        """What the file gives each row where that is no single label: values of the target's kind, None where there is none."""
        target = self.shape.target
        if target is None or self.shape.by_label:
            return []
        read, read_all = kind(target.kind).read, kind(target.kind).read_all
        texts = itertools.chain.from_iterable(chunk.to_pylist() for chunk in self.text.chunks)
        found: list[Any] = []
        for one in self.imports:
            if read_all:
                inputs = {part.role: self._cells_of(one, part.role) for part in self.shape.inputs}
                found += read_all(self._cells_of(one, target.role), inputs)
                continue
            table, columns = self.table(one), self.columns_of(one, target.role)
            lists = [table.column(c).to_pylist() for c in columns]
            for cells in zip(*lists, strict=True) if lists else [()] * one.rows:
                text = {"text": next(texts)}
                filled = dict(zip(columns, (c or "" for c in cells), strict=True))
                found.append(read(filled, text) if any(c.strip() for c in filled.values()) else None)
        return found

    def _cells_of(self, one: Import, role: str) -> list[dict[str, str]]:
        """column -> cell of the columns that play a role, for all rows of an import."""
        columns = self.columns_of(one, role)
        if not columns:
            return [{}] * one.rows
        if template := self.template_of(one, role):
            return [{template: text} for text in self._joined(one, template).to_pylist()]
        lists = [self.table(one).column(c).to_pylist() for c in columns]
        return [dict(zip(columns, (c or "" for c in cells), strict=True)) for cells in zip(*lists, strict=True)]

    def _joined(self, one: Import, template: str) -> pa.ChunkedArray:
        table, names = self.table(one), templates.columns_in(template, one.columns) or []
        parts = zip(*(table.column(name).chunks for name in names), strict=True)
        return pa.chunked_array(
            [templates.joined(template, dict(zip(names, p, strict=True))) for p in parts], pa.string()
        )

    @cached_property
    def empty(self) -> NDArray[np.bool_]:
        """Rows whose text has nothing but white space."""
        return _flags(pc.equal(pc.binary_length(pc.utf8_trim_whitespace(c)), 0) for c in self.text.chunks)

    @cached_property
    def file_labels(self) -> tuple[list[str], NDArray[np.int32]]:
        """The label column: its different values in order of appearance, and each row's place among them (-1: none)."""
        if not self.shape.by_label or not any(self.columns_of(one, "label") for one in self.imports):
            return [], np.full(len(self), -1, np.int32)
        values: dict[str, int] = {}
        codes = [np.zeros(0, np.int32)]
        for chunk in self.role("label").chunks:
            encoded = pc.utf8_trim_whitespace(chunk).dictionary_encode()
            lookup = np.array(
                [values.setdefault(v, len(values)) if v else -1 for v in encoded.dictionary.to_pylist()] or [-1],
                np.int32,
            )
            codes.append(lookup[encoded.indices.to_numpy(zero_copy_only=False)])
        return list(values), np.concatenate(codes)

    @cached_property
    def file_splits(self) -> NDArray[np.int8]:
        """What imports and the split column say each row is for; OPEN where they say nothing."""
        from core.data.roles import as_split

        fixed = np.full(len(self), OPEN, np.int8)
        for start, one in zip(self.starts, self.imports, strict=False):
            part = slice(int(start), int(start) + one.rows)
            column = self.column_of(one, "split")
            if column:
                encoded = self.table(one).column(column).combine_chunks().dictionary_encode()
                names = [as_split(v or "") for v in encoded.dictionary.to_pylist()]
                lookup = np.array([NAMES.index(n) if n else OPEN for n in names] or [OPEN], np.int8)
                fixed[part] = lookup[encoded.indices.to_numpy(zero_copy_only=False)]
            elif one.split in NAMES:
                fixed[part] = NAMES.index(one.split)
        return fixed

    def keys(self, text: pa.ChunkedArray | None = None) -> NDArray[np.uint64]:
        """A 64-bit hash of each trimmed text: equal texts have equal keys."""
        from pandas.util import hash_array

        parts = [np.zeros(0, np.uint64)]
        for chunk in (text if text is not None else self.text).chunks:
            trimmed = pc.utf8_trim_whitespace(chunk)
            for at in range(0, len(trimmed), BLOCK):
                cells = trimmed.slice(at, BLOCK).to_numpy(zero_copy_only=False)
                parts.append(hash_array(cells, categorize=False))
        return np.concatenate(parts)

    def _gathered(self, names: list[list[str]], by: Sequence[str | None] = ()) -> pa.ChunkedArray:
        chunks: list[pa.Array] = []
        for one, columns, template in zip(self.imports, names, by or [None] * len(names), strict=True):
            table = self.table(one)
            if template:
                chunks.extend(self._joined(one, template).chunks)
            elif not columns:
                chunks.append(pa.repeat(pa.scalar("", pa.string()), one.rows))
            elif len(columns) == 1:
                chunks.extend(table.column(columns[0]).chunks)
            else:
                for parts in zip(*(table.column(c).chunks for c in columns), strict=True):
                    chunks.append(pc.binary_join_element_wise(*parts, "\n", null_handling="skip"))
        return pa.chunked_array(chunks, pa.string())


def _flags(chunks: Any) -> NDArray[np.bool_]:
    return np.concatenate([np.zeros(0, np.bool_), *(c.to_numpy(zero_copy_only=False) for c in chunks)])
