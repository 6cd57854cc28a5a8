"""JSON and JSON lines into rows: records in a list, under a key, nested, as columns; bad lines are counted and passed over.

A list of records is read as a stream, one record at a time. Numbers stay as they are typed. Nested objects become columns such
as "answer.text"; SQuAD's articles become one row a question; other lists of things that hold lists of things are taken apart too, and
plain lists (the turns of a chat) stay JSON in their cell.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from core.data import delimited, squad
from core.data.how import MAX_CELL, Trouble, clean
from core.data.writing import Writer
from core.errors import NotATable
from core.words import Message

PIECE = 1 << 20
LARGEST_RECORD = 64_000_000  # characters
LARGEST_WHOLE = 150_000_000  # bytes of a JSON file that is no plain list of records and so must be read at once
DEEPEST = 6
SPACE = " \t\r\n"
OURS = {
    "origin",
    "annotator",
    "answered",
}  # in a record that Hone wrote (core.data.exchange.tables); its lists are values
PARTING = re.compile(r"[,，、;；|\n\t]")  # a list of texts with such signs inside stays JSON in its cell
_decoder = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str, strict=False)


def read_lines(path: Path, encoding: str, writer: Writer, trouble: Trouble, most: int | None = None) -> None:
    """JSON lines. A line that is no JSON is counted; if most lines are bad, the file is no JSON lines."""
    size = path.stat().st_size
    raw, text = delimited.open_text(path, encoding)
    good = 0
    with text:
        for number, line in enumerate(delimited.lines(text), 1):
            if not line.strip():
                continue
            try:
                value = _decoder.decode(line.strip())
            except (ValueError, RecursionError):
                trouble.bad_lines += 1
                trouble.first_bad_line = trouble.first_bad_line or number
                if trouble.bad_lines > 20 and trouble.bad_lines > good:
                    raise _no_json(path, trouble.first_bad_line) from None
                continue
            good += 1
            writer.expected = _expected(good, raw.tell(), size)
            for record in _records_of(value):
                writer.record(record)
            if most and good >= most:
                break
    if not good:
        raise _no_json(path, trouble.first_bad_line or 1)


def read_whole(path: Path, encoding: str, writer: Writer, trouble: Trouble, most: int | None = None) -> None:
    """A JSON file: a list of records, or an object that holds one."""
    size = path.stat().st_size
    raw, text = delimited.open_text(path, encoding)
    with text:
        items = _streamed(_Stream(text), path)
        for n, value in enumerate(items or (), 1):
            writer.expected = _expected(n, raw.tell(), size)
            for record in _records_of(value):
                writer.record(record)
            if most and n >= most:
                return
    if items is not None:
        return
    if size > LARGEST_WHOLE:
        raise NotATable(
            Message("This JSON file is one object of {n:,} MB; Hone would need too much memory for it.", n=size >> 20),
            fix=Message("Save it as JSON lines: one record a line."),
        )
    try:
        value = _decoder.decode(
            path.read_bytes().decode("utf-8-sig" if encoding == "utf-8" else encoding, "replace").strip()
        )
    except (ValueError, RecursionError):
        raise _no_json(path, 1) from None
    found = squad.articles(value) or _unwrapped(value)
    writer.expected = len(found)
    for item in found[:most]:
        for record in _records_of(item):
            writer.record(record)


class _Stream:
    """Text with a window that grows until one JSON value fits."""

    def __init__(self, text: Any):
        self.text, self.buffer, self.at = text, "", 0

    def more(self, n: int = PIECE) -> bool:
        """Read on, dropping what was taken; False at the end of the file."""
        piece = self.text.read(n)
        if not piece:
            return False
        self.buffer, self.at = self.buffer[self.at :] + piece, 0
        return True

    def next_char(self) -> str:
        """The next character that is no white space; "" at the end."""
        while True:
            while self.at < len(self.buffer):
                if self.buffer[self.at] not in SPACE:
                    return self.buffer[self.at]
                self.at += 1
            if not self.more():
                return ""

    def take(self, char: str) -> bool:
        if self.next_char() != char:
            return False
        self.at += 1
        return True

    def value(self) -> Any:
        """The next JSON value; ValueError when there is none."""
        self.next_char()
        while True:
            try:
                value, end = _decoder.raw_decode(self.buffer, self.at)
            except ValueError:
                left = len(self.buffer) - self.at
                if left > LARGEST_RECORD or not self.more(max(PIECE, left)):
                    raise
                continue
            if end < len(self.buffer) or not self.more():  # a number may go on in the next piece
                self.at = end
                return value


def _streamed(stream: _Stream, path: Path) -> Iterable[Any] | None:
    """The records of a list, or the articles of SQuAD's object, one at a time; None when the file must be read at once."""
    if stream.take("["):
        return _items(stream, path)
    try:
        while stream.take("{") or stream.take(","):
            key = stream.value()
            if not stream.take(":"):
                return None
            if key == "data" and stream.take("["):
                items = _items(stream, path)
                first = next(items, None)
                return itertools.chain([first], items) if squad.is_article(first) else None
            if stream.next_char() in "[{":
                return None
            stream.value()
    except (ValueError, RecursionError, NotATable):
        return None
    return None


def _items(stream: _Stream, path: Path) -> Iterator[Any]:
    n = 0
    while True:
        if stream.take("]"):
            return
        if n and not stream.take(","):
            raise _broken(path, n)
        try:
            value = stream.value()
        except (ValueError, RecursionError):
            raise _broken(path, n) from None
        n += 1
        yield value


def _records_of(value: Any) -> Iterator[dict[str, str]]:
    """The rows one item stands for: usually one, more where lists of records are nested."""
    if articles := squad.articles(value):
        for article in articles:
            yield from squad.rows(article) if squad.is_article(article) else ()
    elif (
        isinstance(value, Mapping)
        and isinstance(value.get("annotations"), list)
        and isinstance(value.get("data"), Mapping)
    ):
        # a task of Label Studio: its annotations are of one text
        inner = {f"data.{name}": v for name, v in value["data"].items()}
        yield _flat({**{name: v for name, v in value.items() if name != "data"}, **inner})
    elif isinstance(value, Mapping) and value.keys() >= OURS:
        yield {
            name: json.dumps(v, ensure_ascii=False) if isinstance(v, list) else _cell(v) for name, v in value.items()
        }
    elif isinstance(value, Mapping):
        yield from _taken_apart(value, {}, 0)
    elif isinstance(value, list):
        yield {f"column {i + 1}": _cell(cell) for i, cell in enumerate(value[:1000])}
    else:
        yield {"text": _cell(value)}


def _taken_apart(record: Mapping[str, Any], above: Mapping[str, str], depth: int) -> Iterator[dict[str, str]]:
    inner = next((key for key, v in record.items() if _holds_records(v) and any(_nests(item) for item in v)), None)
    if inner is None and depth:
        # the innermost level: one row per record, with what stands above it
        yield {**above, **_flat(record)}
        return
    if inner is None:
        yield _flat(record)
        return
    here = {**above, **_flat({k: v for k, v in record.items() if k != inner})}
    for item in record[inner]:
        if isinstance(item, Mapping) and depth < DEEPEST:
            yield from _taken_apart(item, here, depth + 1)


def _holds_records(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], Mapping)


def _nests(item: Any) -> bool:
    return isinstance(item, Mapping) and any(_holds_records(v) for v in item.values())


def _flat(record: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    cells: dict[str, str] = {}
    for key, value in record.items():
        name = prefix + (" ".join(clean(str(key)).split())[:120] or "column")
        if isinstance(value, Mapping) and value and _is_plain(value):
            cells.update(_flat(value, name + "."))
        else:
            cells[name] = _cell(value)
    return cells


def _is_plain(record: Mapping[str, Any], depth: int = 0) -> bool:
    """Only single values at the leaves: then its names are columns, and not data."""
    return depth < DEEPEST and all(
        _is_plain(v, depth + 1) if isinstance(v, Mapping) else not isinstance(v, list) for v in record.values()
    )


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list) and value and all(isinstance(v, str) and not PARTING.search(v) for v in value):
        return ",".join(value)
    try:
        return json.dumps(value, ensure_ascii=False)[:MAX_CELL]
    except RecursionError:
        return ""


def _unwrapped(value: Any) -> list[Any]:
    """The records inside an object: a list under a key, columns of equal length, pandas' columns of indexed cells, or the object itself."""
    if not isinstance(value, Mapping):
        return [value]
    lists = {k: v for k, v in value.items() if _holds_records(v)}
    if lists and not any(isinstance(v, str) and len(v) > 200 for v in value.values()):
        return lists[max(lists, key=lambda k: len(lists[k]))]
    columns = {k: v for k, v in value.items() if isinstance(v, list)}
    if columns and len(columns) == len(value) and len({len(v) for v in columns.values()}) == 1:
        return [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]
    if len(value) > 1 and all(isinstance(v, Mapping) for v in value.values()):
        first = next(iter(value.values()))
        if all(v.keys() == first.keys() for v in value.values()) and len(first) > len(value):
            return [{k: value[k][i] for k in value} for i in first]
        return [{"key": k, **v} for k, v in value.items()]
    return [value]


def _expected(n: int, done: int, size: int) -> int:
    """Rows in all, if the rest is like the part that was read."""
    return max(n, int(n * size / max(done, 1)))


def _no_json(path: Path, line: int) -> NotATable:
    return NotATable(
        Message("Line {line} of this file is not valid JSON.", line=line),
        fix=Message("Save the table as CSV, Excel or JSON lines and drop it here again."),
    )


def _broken(path: Path, n: int) -> NotATable:
    return NotATable(
        Message("This JSON file breaks off or has a mistake after record {n:,}.", n=n),
        fix=Message("Save it again, or as CSV or JSON lines, and drop it here again."),
    )
