"""Tables going out: csv for everything, xlsx where xlsx came in. Streams row by row; knows nothing of models.

Texts are somebody else's, and a spreadsheet runs what looks like a formula: a csv cell that begins with = + - @ (and is no
number), a tab or a line break gets a ' in front (OWASP, "CSV injection"); an xlsx cell is written as text, never as a formula.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

XLSX_ROWS = 1_048_576
XLSX_CELL = 32_767
NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)*|[.,]\d+)([eE][+-]?\d+)?\s*%?")
FORBIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")  # no XML may hold them


class Table(Protocol):
    """The receiving end of a table. Used with `with`; closing makes the file whole."""

    def row(self, cells: Sequence[Any]) -> None: ...

    def close(self) -> None: ...

    def __enter__(self) -> Table: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def table(path: Path, columns: Sequence[str]) -> Table:
    """A table at `path`, of the kind its ending says (.xlsx, else csv), with the names already in the first row."""
    made: Table = _Xlsx(path) if path.suffix.lower() == ".xlsx" else _Csv(path)
    made.row(columns)
    return made


def write(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with table(path, columns) as out:
        for row in rows:
            out.row(row)


def unused(title: str, columns: Sequence[str]) -> str:
    """`title`, or with a number behind it when the file has such a column already."""
    found, n = title, 2
    while found in columns:
        found, n = f"{title} {n}", n + 1
    return found


def safe(cell: Any) -> str:
    """A csv cell that no spreadsheet takes for a formula. Numbers stay as they are."""
    if cell is None:
        return ""
    text = str(cell)
    if isinstance(cell, (int, float)) or not text:
        return text
    return "'" + text if _is_formula(text) else text


def unguarded(cell: str) -> str:
    """What `safe` made a cell of, as it was."""
    return cell[1:] if cell.startswith("'") and _is_formula(cell[1:]) else cell


def _is_formula(text: str) -> bool:
    """Would a spreadsheet run it? Also where signs that keep it from that stand before it, so that `unguarded` can tell them from its own."""
    head = text.lstrip(" '")
    signs = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
    return head[:1] in signs and not NUMBER.fullmatch(head)


class _Closing:
    def close(self) -> None: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Csv(_Closing):
    """UTF-8 with BOM, so that Excel reads every language right."""

    def __init__(self, path: Path):
        self._file = path.open("w", encoding="utf-8-sig", errors="replace", newline="")
        self._csv = csv.writer(self._file)

    def row(self, cells: Sequence[Any]) -> None:
        self._csv.writerow([safe(cell) for cell in cells])

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> Table:
        return self


class _Xlsx(_Closing):
    """Numbers given as numbers stay numbers; every string is a string. Rows beyond what a sheet holds go on a further one."""

    def __init__(self, path: Path):
        from openpyxl import Workbook
        from openpyxl.cell import WriteOnlyCell

        self._path, self._cell = path, WriteOnlyCell
        self._book = Workbook(write_only=True)
        self._sheet: Any = None
        self._names: Sequence[Any] = ()
        self._rows = XLSX_ROWS

    def row(self, cells: Sequence[Any]) -> None:
        if self._rows >= XLSX_ROWS:
            self._sheet, self._rows = self._book.create_sheet(), 0
            if self._names:
                self._append(self._names)
            else:
                self._names = cells
        self._append(cells)

    def _append(self, cells: Sequence[Any]) -> None:
        self._sheet.append([self._as_cell(cell) for cell in cells])
        self._rows += 1

    def _as_cell(self, value: Any) -> Any:
        if value is None or isinstance(value, (int, float)):
            return value
        cell = self._cell(self._sheet)
        cell._value = FORBIDDEN.sub("�", str(value))[:XLSX_CELL]
        cell.data_type = "s"
        return cell

    def close(self) -> None:
        self._book.save(self._path)
        self._book.close()

    def __enter__(self) -> Table:
        return self
