"""What a file is, by its first bytes, its name and a look at its lines; and in clear words what it is when it is no table."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path

from core.data import conll, delimited, image_zips, relations
from core.data.how import Trouble
from core.errors import NotATable
from core.words import Message

MAGIC: tuple[tuple[bytes, Message], ...] = (
    (b"\x89PNG", Message("a picture")),
    (b"\xff\xd8\xff", Message("a picture")),
    (b"GIF8", Message("a picture")),
    (b"BM6", Message("a picture")),
    (b"II*\x00", Message("a picture")),
    (b"MM\x00*", Message("a picture")),
    (b"%PDF", Message("a PDF document")),
    (b"{\\rtf", Message("a Word document")),
    (b"\xd0\xcf\x11\xe0", Message("an old Excel or Word file")),
    (b"\x1f\x8b", Message("a compressed file")),
    (b"BZh", Message("a compressed file")),
    (b"\xfd7zXZ", Message("a compressed file")),
    (b"7z\xbc\xaf", Message("a compressed file")),
    (b"Rar!", Message("a compressed file")),
    (b"SQLite format 3", Message("a database")),
    (b"\x7fELF", Message("a program")),
    (b"MZ", Message("a program")),
    (b"OggS", Message("a sound or a film")),
    (b"ID3", Message("a sound or a film")),
    (b"RIFF", Message("a sound, a film or a picture")),
    (b"ARROW1", Message("an Arrow file")),
)
BY_NAME = {
    "csv": "csv",
    "tsv": "csv",
    "tab": "csv",
    "txt": "txt",
    "text": "txt",
    "json": "json",
    "jsonl": "jsonl",
    "ndjson": "jsonl",
    "xlsx": "xlsx",
    "xlsm": "xlsx",
    "parquet": "parquet",
    "conll": "conll",
    "iob": "conll",
    "bio": "conll",
    "bioes": "conll",
}


def extension(name: str) -> str:
    return name.rsplit(".", 1)[-1].lower() if "." in name else ""


def binary_kind(path: Path, name: str) -> str | None:
    """xlsx or parquet by content; None for text. NotATable for everything else that is no text."""
    if not path.stat().st_size:
        raise NotATable(
            Message("{file} is empty.", file=name),
            fix=Message("Choose a file with one text per row. Nothing was changed."),
        )
    with path.open("rb") as file:
        head = file.read(1 << 16)
    if head[:4] == b"PAR1":
        return "parquet"
    if head[:4] == b"PK\x03\x04":
        return _inside_zip(path, name)
    for magic, what in MAGIC:
        if head.startswith(magic):
            raise not_a_table(name, what)
    if head[4:8] == b"ftyp":
        raise not_a_table(name, Message("a sound or a film"))
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:200].lower()
    if start.startswith((b"<!doctype html", b"<html")):
        raise not_a_table(name, Message("a web page"))
    if start.startswith(b"<?xml"):
        raise not_a_table(name, Message("an XML file"))
    return None


def check_text(head: bytes, name: str, wide: bool) -> None:
    """Refuse what is no text: many control characters. `wide`: an encoding in which zero bytes are normal."""
    if wide or not head:
        return
    control = sum(head.count(bytes([b])) for b in (*range(9), 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 127))
    if control > 0.01 * len(head):
        raise not_a_table(name, Message("a binary file"))


def text_kind(sample: list[str], name: str) -> str:
    """csv, txt, json, jsonl, conll or semeval, by content first and name second."""
    named = BY_NAME.get(extension(name))
    first = next((line for line in sample if line.strip()), "").strip().lstrip("\ufeff")
    if first[:1] in "{[" and first[:1] and (kind := _json_kind(sample, first, named)):
        return kind
    if relations.is_semeval(sample):
        return "semeval"
    head = "".join(sample[: conll.HEAD_LINES])
    if (extension(name) != "csv" and conll.looks_like(head)) or (named == "conll" and conll.looks_like(head, True)):
        return "conll"
    if named == "csv":
        return "csv"
    if _is_tabular(sample, ("\t",) if named == "txt" else ("\t", ",", ";", "|")) or _is_named_table(sample):
        return "csv"
    return "txt"


def not_a_table(name: str, what: Message) -> NotATable:
    return NotATable(
        Message("{file} is {what}, not a table.", file=name, what=what),
        fix=Message("Save the sheet as CSV or Excel and drop it here again. Nothing was changed."),
    )


def _inside_zip(path: Path, name: str) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()[:20_000]
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, UnicodeError):
        raise NotATable(
            Message("{file} is damaged: it breaks off or cannot be unpacked.", file=name),
            fix=Message("Save it again and drop it here again. Nothing was changed."),
        ) from None
    if any(n.endswith("workbook.xml") for n in names) or (
        "[Content_Types].xml" in names and any("xl/" in n for n in names)
    ):
        return "xlsx"
    if any(n.startswith("word/") for n in names):
        raise not_a_table(name, Message("a Word document"))
    if any(n.startswith("ppt/") for n in names):
        raise not_a_table(name, Message("a presentation"))
    if "content.xml" in names or any(n.startswith("Index/") for n in names):
        raise not_a_table(name, Message("a sheet of another program"))
    if any(n.endswith(".bin") and n.startswith("xl/") for n in names):
        raise not_a_table(name, Message("a binary Excel file (xlsb)"))
    if image_zips.looks_like_images(path):
        return "pictures"
    raise not_a_table(name, Message("a zip archive"))


def _json_kind(sample: list[str], first: str, named: str | None) -> str | None:
    """jsonl when the first lines are whole records each, json when one record spans lines; None when it is no JSON at all."""
    full = [line.strip() for line in sample[:50] if line.strip()]
    whole = sum(_is_record(line) for line in full)
    if first.startswith("[") and len(full) == 1:
        return "json"
    if first.startswith("{") and whole and (len(full) > 1 or named == "jsonl"):
        return "jsonl"
    if named in ("json", "jsonl"):
        return named if named == "json" or whole else "json"
    if first.startswith("{") and whole:
        return "json"
    if re.match(r"^(\{\s*($|\")|\[\s*($|[\[{\"\d]))", first):
        return "json"
    return None


def _is_record(line: str) -> bool:
    try:
        return isinstance(json.loads(line), (dict, list))
    except (ValueError, RecursionError):
        return False


def _is_named_table(sample: list[str]) -> bool:
    """Comma-separated with a first row of well-known names, whatever the file is called."""
    rows = list(delimited.records(sample[:500], ",", '"', Trouble()))
    names = [cell.strip() for cell in rows[0]] if rows else []
    return (
        len(names) > 1
        and all(delimited.NAMES.match(name) for name in names)
        and sum(len(row) == len(names) for row in rows) > 0.98 * len(rows)
    )


def _is_tabular(sample: list[str], delimiters: tuple[str, ...]) -> bool:
    lines = [line for line in sample[:500] if line.strip()]
    for delimiter in delimiters:
        counts = [line.count(delimiter) for line in lines]
        usual = max(set(counts), key=counts.count, default=0)
        if usual and len(lines) > 1 and counts.count(usual) > 0.9 * len(counts):
            return True
    return False
