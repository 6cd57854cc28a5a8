"""Rows of strings into an Arrow file on disk, block by block: what every reader ends in.

Knows no file format. Columns may be found on the way (JSON records need not be alike); earlier blocks then get empty cells.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from core.data.how import MAX_CELL, MAX_COLUMNS, MAX_ROWS, Progress, Stop, Trouble, check, clean
from core.errors import DataError
from core.words import Message

BLOCK_ROWS = 16_384
BLOCK_CHARS = 8_000_000


class Writer:
    """Collects rows and writes them in blocks. Use as a context manager; without `finish` nothing is left behind."""

    def __init__(self, out: Path, trouble: Trouble, progress: Progress, cancelled: Stop, files: Path | None = None):
        self.rows = 0
        self.expected = 0  # rows the reader expects, for the progress
        self.files = files or out.parent / "files"  # where pictures go
        self.out, self.trouble, self.progress, self.cancelled = out, trouble, progress, cancelled
        self._names: list[str] = []
        self._ours: list[bool] = []
        self._filled: list[bool] = []
        self._place: dict[str, int] = {}
        self._pending: list[Sequence[str]] = []
        self._chars = 0
        self._parts: list[Path] = []
        self._file: pa.NativeFile | None = None
        self._writer: pa.RecordBatchFileWriter | None = None
        self._schema: pa.Schema | None = None

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()
        for part in self._parts:
            part.unlink(missing_ok=True)

    def columns(self, names: Sequence[str], ours: Sequence[bool] | None = None) -> None:
        """Name the columns, before the first row."""
        for i, name in enumerate(names[:MAX_COLUMNS]):
            self._add_column(name, bool(ours and ours[i]))
        self.trouble.dropped_columns += max(0, len(names) - MAX_COLUMNS)

    def row(self, cells: Sequence[str], joiner: str = " ") -> None:
        """One row; short ones are filled up, the surplus of long ones is joined to the last cell."""
        width = len(self._names)
        if len(cells) > width:
            surplus = cells[width:]
            if any(cell.strip() for cell in surplus):
                self.trouble.ragged_rows += 1
                cells = [*cells[: width - 1], joiner.join(cells[width - 1 :])]
            else:
                cells = cells[:width]
        self._pending.append(cells)
        self._chars += sum(map(len, cells))
        if len(self._pending) >= BLOCK_ROWS or self._chars >= BLOCK_CHARS:
            self._flush()

    def record(self, cells: Mapping[str, str]) -> None:
        """One row by column names; names not seen before become columns."""
        for name in cells:
            if name not in self._place:
                if len(self._names) >= MAX_COLUMNS:
                    self.trouble.dropped_columns += 1
                    continue
                self._add_column(name, False)
        row = [""] * len(self._names)
        for name, cell in cells.items():
            if (place := self._place.get(name)) is not None:
                row[place] = cell
        self.row(row)

    def block(self, batch: pa.RecordBatch) -> None:
        """Many rows at once, already strings in the order of the columns."""
        self._flush()
        self._write([_plain(column) for column in batch.columns], batch.num_rows)

    def finish(self) -> tuple[str, ...]:
        """Write the rest; the file stands under its name. Returns the columns worth showing."""
        self._flush()
        self._close()
        if not self.rows:
            raise DataError(
                Message("There are no rows in this file."),
                fix=Message("Choose a file with one text per row."),
            )
        self._join_parts()
        self.progress(self.rows, self.rows)
        shown = [
            name for name, ours, filled in zip(self._names, self._ours, self._filled, strict=True) if filled or not ours
        ]
        return tuple(shown or self._names[:1])

    def _add_column(self, name: str, ours: bool) -> None:
        self._place[name] = len(self._names)
        self._names.append(name)
        self._ours.append(ours)
        self._filled.append(False)

    def _flush(self) -> None:
        rows, self._pending, self._chars = self._pending, [], 0
        if not rows:
            return
        width = len(self._names)
        if any(len(row) < width for row in rows):
            blank = [""] * width
            rows = [row if len(row) == width else [*row, *blank[len(row) :]] for row in rows]
        self._write([self._array(cells) for cells in zip(*rows, strict=True)] if width else [], len(rows))

    def _array(self, cells: Sequence[str]) -> pa.Array:
        longest = max(map(len, cells))
        if longest > MAX_CELL:
            self.trouble.cut_cells += sum(len(c) > MAX_CELL for c in cells)
            cells = [c[:MAX_CELL] for c in cells]
        try:
            return pa.array(cells, pa.string())
        except UnicodeEncodeError:  # half a surrogate pair, from "\\ud83d" in JSON
            return pa.array([clean(c) for c in cells], pa.string())

    def _write(self, arrays: list[pa.Array], n: int) -> None:
        for i, array in enumerate(arrays):
            if not self._filled[i]:
                self._filled[i] = pc.max(pc.utf8_length(array)).as_py() not in (None, 0)
            if broken := pc.sum(pc.match_substring(array, "\ufffd")).as_py():
                self.trouble.unreadable += broken
        schema = pa.schema([pa.field(name, pa.string()) for name in self._names])
        if self._writer is None or schema != self._schema:
            self._close()
            part = self.out.with_name(f".{self.out.name}.{len(self._parts)}")
            self._parts.append(part)
            self._file, self._schema = pa.OSFile(str(part), "wb"), schema
            self._writer = pa.ipc.new_file(self._file, schema)
        self._writer.write_batch(pa.record_batch(arrays, schema=schema))
        self.rows += n
        if self.rows > MAX_ROWS:
            raise DataError(
                Message("This file has more than {n:,} rows.", n=MAX_ROWS),
                fix=Message("Split it and import a part."),
            )
        check(self.cancelled)
        self.progress(self.rows, max(self.expected, self.rows))

    def _close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        if self._file is not None:
            self._file.close()
            self._file = None

    def _join_parts(self) -> None:
        """One part is renamed; several (columns were found on the way) are copied into one, narrower ones filled up."""
        if len(self._parts) == 1:
            self._parts.pop().replace(self.out)
            return
        schema = pa.schema([pa.field(name, pa.string()) for name in self._names])
        whole = self.out.with_name(f".{self.out.name}.whole")
        self._parts.append(whole)
        with pa.OSFile(str(whole), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
            for part in self._parts[:-1]:
                with pa.memory_map(str(part)) as source:
                    reader = pa.ipc.open_file(source)
                    for i in range(reader.num_record_batches):
                        check(self.cancelled)
                        batch = reader.get_batch(i)
                        blank = pa.array([""] * batch.num_rows, pa.string())
                        missing = len(self._names) - batch.num_columns
                        writer.write_batch(pa.record_batch([*batch.columns, *[blank] * missing], schema=schema))
        whole.replace(self.out)
        self._parts.remove(whole)


def _plain(column: pa.Array) -> pa.Array:
    return pc.fill_null(column.cast(pa.string()), "")
