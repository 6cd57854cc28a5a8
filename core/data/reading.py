"""A file becomes a table: `inspect` says how it would be read and shows the first rows, `read` brings all of it into an Arrow file.

Whatever is not said (`How` with None) is found out, and the reason is told. Every cell is a string, as it is typed in the file.
The page's drop area, pasted cells, the command line and the built-in examples all come through here. Knows nothing of roles,
labels or splits.
"""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from core.data import conll, delimited, encodings, image_zips, jsonfiles, kinds, parquet, relations, sheets
from core.data.how import (
    MAX_COLUMNS,
    SAMPLE_ROWS,
    How,
    Progress,
    Read,
    Sample,
    Stop,
    Trouble,
    never,
    nothing,
    sentence,
)
from core.data.hub import from_hub
from core.data.writing import Writer
from core.errors import NotATable
from core.words import Message, plural

__all__ = ["How", "Read", "Sample", "from_hub", "inspect", "read"]

SMALL_ZIP = 256 << 20  # bytes of pictures that any zip may hold
MOST_UNPACKED = 30  # times its own size that a larger one may hold: pictures hardly shrink in a zip
WIDE = ("utf-16", "utf-16-le", "utf-16-be", "utf-32")
Kept = list[list[str]]


def inspect(path: Path, name: str, how: How | None = None) -> Sample:
    """How the file would be read, with reasons, and its first rows. Quick, whatever the file's size."""
    settled = settle(path, name, how or How())
    return replace(settled, warnings=(*settled.warnings, *_looks_garbled(settled.rows)))


def read(
    path: Path,
    how: How | None,
    out: Path,
    progress: Progress = nothing,
    cancelled: Stop = never,
    name: str | None = None,
    files: Path | None = None,
) -> Read:
    """All rows into the Arrow IPC file `out`, in blocks; pictures into `files` (else the folder of that name beside it). Raises DataError or Cancelled and then leaves nothing behind."""
    settled = settle(path, name or path.name, how or How()).how
    trouble = Trouble()
    out.parent.mkdir(parents=True, exist_ok=True)
    with Writer(out, trouble, progress, cancelled, files) as writer:
        _READERS[settled.kind or "csv"](path, name or path.name, settled, writer, trouble)
        columns = writer.finish()
        return Read(columns, writer.rows, settled, trouble.messages())


def settle(path: Path, name: str, how: How) -> Sample:
    """Everything that `how` leaves open, decided; with the first rows read that way."""
    try:
        kind = how.kind or kinds.binary_kind(path, name)
        if kind == "xlsx":
            return _sample_sheet(path, name, how)
        if kind == "parquet":
            return _sample_parquet(path, name)
        if kind == "pictures":
            return _sample_pictures(path, name)
        return _sample_text(path, name, replace(how, kind=kind))
    except FileNotFoundError:
        raise NotATable(
            Message("{file} is not there any more.", file=name), fix=Message("Drop it here again.")
        ) from None


# --- a first look ----------------------------------------------------------------------------------------------------


def _sample_text(path: Path, name: str, how: How) -> Sample:
    with path.open("rb") as file:
        head = file.read(1 << 16)
    reasons: list[Message] = []
    faults = False
    if how.encoding is None:
        found = encodings.detect(path)
        how, faults = replace(how, encoding=found.encoding), found.faults
        reasons.append(found.reason)
    kinds.check_text(head, name, how.encoding in WIDE)
    lines = _first_lines(path, how.encoding or "utf-8")
    if not any(line.strip("\ufeff \t\r\n") for line in lines):
        raise NotATable(
            Message("{file} is empty.", file=name),
            fix=Message("Choose a file with one text per row. Nothing was changed."),
        )
    how = replace(how, kind=how.kind or kinds.text_kind(lines, name))
    rows: Kept
    if how.kind == "csv":
        prefer = "\t" if kinds.extension(name) in ("tsv", "tab") else ","
        delimiter, quote = delimited.guess_layout(lines, how.delimiter, how.quote, prefer)
        how = replace(how, delimiter=delimiter, quote=quote)
        rows = list(itertools.islice(delimited.records(lines, delimiter, quote, Trouble()), 400))
        if how.header is None:
            header, reason = delimited.guess_header(rows)
            how = replace(how, header=header)
            reasons.append(reason)
        names, _ = delimited.column_names(rows[0] if how.header else None, _width(rows))
        rows = rows[1:] if how.header else rows
    else:
        names, rows = _preview(path, name, how)
        if how.kind == "conll":
            reasons.append(
                Message("Its tags follow {scheme}.", scheme=conll.layout("".join(lines[: conll.HEAD_LINES])).scheme)
            )
    warnings = (Message("Some characters could not be read; they stand as �."),) if faults else ()
    return _sample(path, name, how, names, rows, reasons, warnings)


def _sample_sheet(path: Path, name: str, how: How) -> Sample:
    with sheets.workbook(path, name) as book:
        pages = sheets.sheets(book)
        chosen, rows = how.sheet, Kept()
        for page in [how.sheet] if how.sheet else pages:
            rows = list(itertools.islice(sheets.rows(book, page, name), 400))
            chosen = page
            if rows:
                break
    if not rows:
        raise NotATable(
            Message("{file} is empty.", file=name),
            fix=Message("Choose a file with one text per row. Nothing was changed."),
        )
    header, reason = delimited.guess_header(rows)
    how = How(kind="xlsx", sheet=chosen, header=header if how.header is None else how.header)
    names, _ = delimited.column_names(rows[0] if how.header else None, _width(rows))
    sample = _sample(path, name, how, names, rows[1:] if how.header else rows, [reason], ())
    return replace(sample, sheets=tuple(pages))


def _sample_parquet(path: Path, name: str) -> Sample:
    file = parquet.opened(path, name)
    first = next(parquet.batches(file, name, SAMPLE_ROWS), None)
    rows = [list(cells) for cells in zip(*(c.to_pylist() for c in first.columns), strict=True)] if first else []
    names, _ = delimited.column_names(parquet.names(file)[:MAX_COLUMNS], len(parquet.names(file)[:MAX_COLUMNS]))
    return _sample(path, name, How(kind="parquet"), names, rows, [], ())


def _sample_pictures(path: Path, name: str) -> Sample:
    """From the names in the zip alone; whether each is a picture shows when it is read."""
    found = image_zips.listed_in(path)
    rows = [list(row) for row in found.rows[:SAMPLE_ROWS]]
    return _sample(path, name, How(kind="pictures"), list(found.columns), rows, [], ())


def _sample(
    path: Path, name: str, how: How, names: list[str], rows: Kept, reasons: list[Message], warnings: tuple[Message, ...]
) -> Sample:
    width = len(names)
    shown = tuple(tuple([*row, *[""] * width][:width]) for row in rows[:SAMPLE_ROWS])
    return Sample(
        name=name,
        how=how,
        columns=tuple(names),
        rows=shown,
        size=path.stat().st_size,
        sentence=sentence(how),
        reasons=tuple(reasons),
        warnings=warnings,
    )


def _preview(path: Path, name: str, how: How) -> tuple[list[str], Kept]:
    """Names and first rows by the reader itself, kept in memory."""
    keeper = _Keeper()
    with suppress(_Enough):
        _READERS[how.kind or "txt"](path, name, how, keeper, Trouble())
    return keeper.names, [[row.get(n, "") for n in keeper.names] for row in keeper.kept]


class _Keeper(Writer):
    """A writer that keeps the first rows and writes nothing."""

    def __init__(self) -> None:
        super().__init__(Path("preview"), Trouble(), nothing, never)
        self.names: list[str] = []
        self.kept: list[dict[str, str]] = []

    def columns(self, names, ours=None) -> None:  # type: ignore[no-untyped-def]
        self.names = list(names)

    def row(self, cells, joiner: str = " ") -> None:  # type: ignore[no-untyped-def]
        self.record(dict(zip(self.names, cells, strict=False)))

    def record(self, cells) -> None:  # type: ignore[no-untyped-def]
        self.names += [n for n in cells if n not in self.names][: MAX_COLUMNS - len(self.names)]
        self.kept.append({n: c[:2000] for n, c in cells.items()})
        if len(self.kept) >= SAMPLE_ROWS:
            raise _Enough


class _Enough(Exception):
    pass


def _first_lines(path: Path, encoding: str, most: int = delimited.GUESS_LINES, chars: int = 8_000_000) -> list[str]:
    _, text = delimited.open_text(path, encoding)
    lines: list[str] = []
    with text:
        for line in delimited.lines(text):
            lines.append(line)
            chars -= len(line)
            if len(lines) >= most or chars < 0:
                break
    return lines


def _width(rows: Kept) -> int:
    """Columns to make room for: the names, or the usual row; never more than some rows really have."""
    if not rows:
        return 1
    widths = sorted(len(row) for row in rows)
    return min(MAX_COLUMNS, max(len(rows[0]), widths[len(widths) // 2]))


def _looks_garbled(rows: tuple[tuple[str, ...], ...]) -> tuple[Message, ...]:
    """UTF-8 that was once read as Latin-1 and saved again."""
    for row in rows:
        for cell in row:
            for sign in ("â€™", "â€œ", "â€", "Ã©", "Ã¼", "Ã¤", "Ã¶", "Ã¨", "Â£", "ï¿½"):
                if sign in cell:
                    return (Message("Some characters look garbled already in the file, such as “{sign}”.", sign=sign),)
    return ()


# --- the whole file --------------------------------------------------------------------------------------------------


def _read_delimited(path: Path, name: str, how: How, writer: Writer, trouble: Trouble) -> None:
    delimiter, quote = how.delimiter or "", how.quote or ""
    size = path.stat().st_size
    raw, text = delimited.open_text(path, how.encoding or "utf-8")
    with text:
        rows = delimited.records(delimited.lines(text), delimiter, quote, trouble)
        first = list(itertools.islice(rows, 400))
        names, ours = delimited.column_names(first[0] if first and how.header else None, _width(first))
        writer.columns(names, ours)
        for n, row in enumerate(itertools.chain(first[1:] if how.header else first, rows), 1):
            if not n % 4096 or n == 1:
                writer.expected = int(n * size / max(raw.tell(), 1)) if n > 1 else 0
            writer.row(row, delimiter or " ")


def _read_lines(path: Path, name: str, how: How, writer: Writer, trouble: Trouble) -> None:
    size = path.stat().st_size
    raw, text = delimited.open_text(path, how.encoding or "utf-8")
    with text:
        writer.columns(["text"])
        for line in delimited.lines(text):
            if line.strip():
                writer.expected = int((writer.rows + 1) * size / max(raw.tell(), 1))
                writer.row([line.rstrip("\r\n")])


def _read_tagged(path: Path, name: str, how: How, writer: Writer, trouble: Trouble) -> None:
    """CoNLL: one row a sentence, its spans as JSON."""
    size = path.stat().st_size
    raw, text = delimited.open_text(path, how.encoding or "utf-8")
    with text:
        lines = delimited.lines(text)
        head = list(itertools.islice(lines, conll.HEAD_LINES))
        writer.columns(conll.COLUMNS)
        for sentence, spans in conll.rows(itertools.chain(head, lines), conll.layout("".join(head))):
            writer.expected = (
                int((writer.rows + 1) * size / max(raw.tell(), 1)) if not writer.rows % 4096 else writer.expected
            )
            writer.row([sentence, json.dumps(spans, ensure_ascii=False)])


def _read_relations(path: Path, name: str, how: How, writer: Writer, trouble: Trouble) -> None:
    """SemEval-2010 task 8: blocks of a sentence with marked entities, its relation and a comment."""
    stray: Counter[str] = Counter()
    _, text = delimited.open_text(path, how.encoding or "utf-8")
    with text:
        writer.columns(["id", "text", "label"])
        for block in relations.semeval(delimited.lines(text), stray):
            writer.row(block)
    if n := stray["lines"]:
        trouble.notes.append(
            plural(
                n,
                "{n} line belongs to no sentence and was left out.",
                "{n:,} lines belong to no sentence and were left out.",
            )
        )


def _read_sheet(path: Path, name: str, how: How, writer: Writer, trouble: Trouble) -> None:
    with sheets.workbook(path, name) as book:
        sheet = how.sheet or next(iter(sheets.sheets(book)), "")
        writer.expected = sheets.expected(book, sheet)
        rows: Iterator[list[str]] = sheets.rows(book, sheet, name)
        first = list(itertools.islice(rows, 400))
        names, ours = delimited.column_names(first[0] if first and how.header else None, _width(first))
        writer.columns(names, ours)
        for row in itertools.chain(first[1:] if how.header else first, rows):
            writer.row(row)


def _read_parquet(path: Path, name: str, how: How, writer: Writer, trouble: Trouble) -> None:
    file = parquet.opened(path, name)
    found = parquet.names(file)
    names, _ = delimited.column_names(found, len(found))
    writer.columns(names)
    writer.expected = file.metadata.num_rows
    for batch in parquet.batches(file, name):
        writer.block(batch)


def _read_pictures(path: Path, name: str, how: How, writer: Writer, trouble: Trouble) -> None:
    """A row a picture (or a line of the zip's own table); the pictures go into the folder `files` beside."""
    most = min(image_zips.MAX_BYTES, max(SMALL_ZIP, MOST_UNPACKED * path.stat().st_size))
    found = image_zips.unpack(path, writer.files, progress=writer.progress, cancelled=writer.cancelled, most_bytes=most)
    trouble.notes += found.warnings
    writer.columns(found.columns)
    for row in found.rows:
        writer.row(row)


def _read_json(path: Path, name: str, how: How, writer: Writer, trouble: Trouble) -> None:
    jsonfiles.read_whole(path, how.encoding or "utf-8", writer, trouble)


def _read_json_lines(path: Path, name: str, how: How, writer: Writer, trouble: Trouble) -> None:
    jsonfiles.read_lines(path, how.encoding or "utf-8", writer, trouble)


_READERS = {
    "csv": _read_delimited,
    "txt": _read_lines,
    "conll": _read_tagged,
    "semeval": _read_relations,
    "xlsx": _read_sheet,
    "parquet": _read_parquet,
    "json": _read_json,
    "jsonl": _read_json_lines,
    "pictures": _read_pictures,
}
