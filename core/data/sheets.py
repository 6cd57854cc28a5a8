"""Excel sheets (xlsx) into rows of strings. A workbook is a zip: its sizes are checked before anything is unpacked."""

from __future__ import annotations

import datetime
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from core.errors import HoneError, NotATable
from core.words import Message

LARGEST_WHOLE = 1_000_000_000  # unpacked bytes of all parts together
LARGEST_STRINGS = 250_000_000  # unpacked bytes of the shared texts, which are held in memory
LARGEST_ROW = 16_000_000  # bytes of XML between the ends of two rows, or of two shared texts
WORST_RATIO = 200  # unpacked to packed, for parts above 10 MB
MOST_PARTS = 5_000


@contextmanager
def workbook(path: Path, name: str) -> Iterator[Any]:
    """The workbook, opened for streaming, whatever its file's ending is."""
    import openpyxl

    check_size(path, name)
    with path.open("rb") as file:
        try:
            book = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
        except Exception as error:  # openpyxl raises whatever its parser meets
            raise _damaged(name) from error
        try:
            yield book
        finally:
            book.close()


def sheets(book: Any) -> list[str]:
    """Names of the sheets that hold cells (chart sheets hold none)."""
    return [sheet.title for sheet in book.worksheets]


def expected(book: Any, sheet: str) -> int:
    """Rows the sheet says it has; 0 where it does not say. Only for the progress."""
    try:
        return min(int(book[sheet].max_row or 0), 1_048_576)
    except Exception:  # whatever the file states here is only a hint
        return 0


def rows(book: Any, sheet: str, name: str) -> Iterator[list[str]]:
    """Rows of strings; wholly empty ones are passed over."""
    if sheet not in book.sheetnames:
        raise NotATable(
            Message("{file} has no sheet called “{sheet}”.", file=name, sheet=sheet),
            fix=Message("Choose another sheet."),
        )
    page = book[sheet]
    try:
        page.reset_dimensions()  # the size a file states may be wrong, or huge
        cells_of = page.iter_rows(values_only=True)
    except Exception as error:
        raise _damaged(name) from error
    while (row := _next(cells_of, name)) is not None:
        cells = [_text(value) for value in row]
        while cells and not cells[-1]:
            cells.pop()
        if any(cells):
            yield cells


def _next(cells_of: Iterator[Any], name: str) -> Any:
    """The next row; None at the end. Only the parser's own errors mean a damaged file."""
    try:
        return next(cells_of, None)
    except Exception as error:
        raise _damaged(name) from error


def check_size(path: Path, name: str) -> None:
    """Refuse what would fill the memory: by the sizes the zip states (Python reads no more than those), then by the longest row."""
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
            total = sum(part.file_size for part in parts)
            worst = max((p.file_size / max(p.compress_size, 1) for p in parts if p.file_size > 10_000_000), default=0)
            strings = max((p.file_size for p in parts if "sharedStrings" in p.filename), default=0)
            if total > LARGEST_WHOLE or worst > WORST_RATIO or strings > LARGEST_STRINGS or len(parts) > MOST_PARTS:
                raise NotATable(
                    Message(
                        "{file} would unpack to {n:,} MB, which is more than a sheet needs.", file=name, n=total >> 20
                    ),
                    fix=Message("Save the sheet as CSV and drop it here again. Nothing was changed."),
                )
            for part in parts:
                if part.filename.endswith(".xml") or part.file_size > 2 * max(part.compress_size, 1):
                    _check_part(archive, part, name)
    except (
        zipfile.BadZipFile,
        OSError,
        ValueError,
        NotImplementedError,
        EOFError,
        RuntimeError,
        UnicodeError,
    ) as error:
        raise _damaged(name) from error
    except Exception as error:
        if isinstance(error, HoneError):
            raise
        raise _damaged(name) from error  # zlib.error, lzma.LZMAError and their like


def _check_part(archive: zipfile.ZipFile, part: zipfile.ZipInfo, name: str) -> None:
    """No document type (entities that multiply), no row without end: a row is held in memory whole."""
    since, tail = 0, b""  # bytes since the last end of a row or of a shared text
    with archive.open(part) as stream:
        while piece := stream.read(1 << 20):
            if not tail and (b"<!DOCTYPE" in piece[:4096] or b"<!ENTITY" in piece[:4096]):
                raise _damaged(name)
            if part.file_size <= LARGEST_ROW:
                return
            joined = tail + piece
            end = max(joined.rfind(b"</row>"), joined.rfind(b"</si>"))
            since = since + len(piece) if end < 0 else len(joined) - end
            tail = piece[-8:]
            if since > LARGEST_ROW:
                raise NotATable(
                    Message("{file} has a row of {n:,} MB.", file=name, n=since >> 20),
                    fix=Message("Save the sheet as CSV and drop it here again. Nothing was changed."),
                )


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, datetime.datetime):
        return value.date().isoformat() if value.time() == datetime.time() else value.isoformat(" ")
    return str(value)


def _damaged(name: str) -> NotATable:
    return NotATable(
        Message("{file} is damaged: it breaks off or cannot be unpacked.", file=name),
        fix=Message("Save it again and drop it here again. Nothing was changed."),
    )
