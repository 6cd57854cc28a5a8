"""500 mutated files through the reader: no hang, bounded memory, and nothing but errors that speak to a person."""

from __future__ import annotations

import io
import json
import random
import time
import zipfile
from pathlib import Path

import openpyxl
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.data import reading
from core.errors import HoneError, NotATable

KINDS = ("csv", "tsv", "txt", "json", "jsonl", "xlsx", "parquet")
NAUGHTY = (
    "<script>alert(1)</script>",
    "=cmd|' /C calc'!A0",
    '=HYPERLINK("http://example.invalid","x")',
    '"' * 301,
    "\x00\x01\x02",
    "\u202e\u0000\ufeff\uffff",
    "😀" * 500,
    "a" * 300_000,
    "," * 5_000,
    "\t" * 5_000,
    "{" * 3_000,
    "[" * 3_000,
    '{"a":' * 3_000,
    "1e999999",
    "9" * 6_000,
    "\\ud800",
    "\r" * 100,
    "NaN",
    "../../../etc/passwd",
    "’Ã©â€™",
)


def good(kind: str) -> bytes:
    rows = [
        (f"text number {i}, with a comma and a “quote” {'x' * (i % 40)}", ("ham", "spam")[i % 2]) for i in range(120)
    ]
    if kind in ("csv", "tsv"):
        mark = "," if kind == "csv" else "\t"
        return "\r\n".join(mark.join(f'"{c}"' for c in row) for row in [("text", "label"), *rows]).encode()
    if kind == "txt":
        return "\n".join(text for text, _ in rows).encode()
    records = [{"text": text, "label": label, "more": {"n": len(text)}} for text, label in rows]
    if kind == "json":
        return json.dumps({"data": records}).encode() if len(rows) % 2 else json.dumps(records).encode()
    if kind == "jsonl":
        return "\n".join(json.dumps(r) for r in records).encode()
    sink = io.BytesIO()
    if kind == "parquet":
        pq.write_table(pa.table({"text": [r[0] for r in rows], "label": [r[1] for r in rows]}), sink)
    else:
        book = openpyxl.Workbook()
        for row in [("text", "label"), *rows]:
            book.active.append(row)
        book.save(sink)
    return sink.getvalue()


def mutated(data: bytes, chance: random.Random) -> bytes:
    """One to three accidents: cut off, bytes changed, parts doubled or taken out, something naughty put in, another encoding."""
    found = bytearray(data)
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(max(1, len(found)))
        what = chance.randrange(8)
        if what == 0:
            del found[at:]
        elif what == 1:
            for _ in range(chance.choice((1, 10, 300))):
                if found:
                    found[chance.randrange(len(found))] = chance.randrange(256)
        elif what == 2:
            del found[at : at + chance.randrange(1, 400)]
        elif what == 3:
            found[at:at] = found[at : at + chance.randrange(1, 2000)] * chance.choice((2, 50))
        elif what == 4:
            found[at:at] = chance.choice(NAUGHTY).encode("utf-8", "surrogatepass")
        elif what == 5:
            found[at:at] = chance.randbytes(chance.choice((1, 64, 5000)))
        elif what == 6:
            found = bytearray(
                found.decode("utf-8", "replace").encode(chance.choice(("utf-16", "gb18030", "latin-1")), "replace")
            )
        else:
            found[:0] = chance.choice(
                (b"\xef\xbb\xbf", b"\xff\xfe", b"\x00\x00", b"PK\x03\x04", b"PAR1", b"{", b"[", b'"')
            )
    return bytes(found)


@pytest.mark.parametrize("kind", KINDS)
def test_mutated_files_end_in_rows_or_in_an_error_for_a_person(kind: str, tmp_path: Path) -> None:
    chance = random.Random(f"hone {kind}")
    original = good(kind)
    process = psutil.Process()
    before = process.memory_info().rss
    for n in range(500 // len(KINDS) + 1):
        data = mutated(original, chance)
        path, out = tmp_path / f"file.{kind}", tmp_path / "out.arrow"
        path.write_bytes(data)
        started = time.process_time()
        try:
            sample = reading.inspect(path, path.name)
            read = reading.read(path, sample.how, out)
            assert read.rows > 0 and out.exists(), (kind, n)
        except HoneError as error:
            assert str(error.message), (kind, n)
            assert not out.exists(), (kind, n)
        took = time.process_time() - started
        assert took < 20, (kind, n, took)
        assert not [p for p in tmp_path.iterdir() if p not in (path, out)], "parts of an import stay behind"
        out.unlink(missing_ok=True)
    assert process.memory_info().rss - before < 400e6


def test_a_good_file_of_each_kind_reads_whole(tmp_path: Path) -> None:
    for kind in KINDS:
        path = tmp_path / f"file.{kind}"
        path.write_bytes(good(kind))
        assert reading.read(path, None, tmp_path / "out.arrow").rows == 120, kind


@pytest.mark.parametrize("kind", ["csv", "json", "jsonl", "xlsx", "parquet", "txt"])
@pytest.mark.parametrize("wrong", ["csv", "json", "jsonl", "xlsx", "parquet", "txt", "png", "pdf"])
def test_a_wrong_ending_does_no_harm(kind: str, wrong: str, tmp_path: Path) -> None:
    path = tmp_path / f"file.{wrong}"
    path.write_bytes(good(kind))
    assert reading.read(path, None, tmp_path / "out.arrow").rows == 120


@pytest.mark.parametrize("kind", ["csv", "txt", "xlsx", "json", "jsonl", "parquet", "conll"])
def test_a_wrong_kind_by_hand_ends_in_an_error_or_rows(kind: str, tmp_path: Path) -> None:
    for real in KINDS:
        path = tmp_path / f"file.{real}"
        path.write_bytes(good(real))
        try:
            assert reading.read(path, reading.How(kind=kind), tmp_path / "out.arrow").rows > 0
        except HoneError as error:
            assert str(error.message)


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/workbook.xml", "<workbook/>")
        with archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as part:
            for _ in range(300):
                part.write(b" " * 1_000_000)
    started = time.process_time()
    with pytest.raises(NotATable, match="would unpack to"):
        reading.inspect(path, "bomb.xlsx")
    assert time.process_time() - started < 2


def test_entities_that_multiply_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "laughs.xlsx"
    path.write_bytes(good("xlsx"))
    laughs = '<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;">]><worksheet>&b;</worksheet>'
    with zipfile.ZipFile(path) as old:
        parts = {name: old.read(name) for name in old.namelist()}
    parts["xl/worksheets/sheet1.xml"] = laughs.encode()
    with zipfile.ZipFile(path, "w") as new:
        for name, content in parts.items():
            new.writestr(name, content)
    with pytest.raises(NotATable, match="damaged"):
        reading.inspect(path, "laughs.xlsx")


def test_quotes_that_never_close_take_time_in_proportion_to_the_file(tmp_path: Path) -> None:
    path = tmp_path / "open.csv"
    path.write_text("text,label\n" + '"never closed ""again"",x\n' * 60_000, encoding="utf-8")
    started = time.process_time()
    read = reading.read(path, reading.How(kind="csv", delimiter=",", quote='"', header=True), tmp_path / "out.arrow")
    assert read.rows == 60_000
    assert time.process_time() - started < 20


def test_one_endless_line_is_refused_in_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "line.csv"
    with path.open("wb") as file:
        for _ in range(40):
            file.write(b"x" * 1_000_000)
    with pytest.raises(NotATable, match="longer than"):
        reading.inspect(path, "line.csv")


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"\x89PNG\r\n\x1a\n" + b"\x00" * 50, "a picture"),
        (b"\xff\xd8\xff\xe0" + b"\x00" * 50, "a picture"),
        (b"%PDF-1.7\n...", "a PDF document"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 50, "an old Excel or Word file"),
        (b"\x1f\x8b\x08\x00" + b"\x00" * 50, "a compressed file"),
        (b"<!DOCTYPE html><html><body>Sign in</body></html>", "a web page"),
        (bytes(range(256)) * 40, "a binary file"),
    ],
)
def test_what_is_no_table_is_called_by_its_name(content: bytes, what: str, tmp_path: Path) -> None:
    path = tmp_path / "thing.csv"
    path.write_bytes(content)
    with pytest.raises(NotATable) as caught:
        reading.inspect(path, "thing.csv")
    assert str(caught.value.message) == f"thing.csv is {what}, not a table."
    assert str(caught.value.fix) == "Save the sheet as CSV or Excel and drop it here again. Nothing was changed."


def test_empty_files_say_so(tmp_path: Path) -> None:
    for content in (b"", b"\n\n\n", b"\xef\xbb\xbf", "\ufeff \n".encode("utf-16")):
        path = tmp_path / "empty.csv"
        path.write_bytes(content)
        with pytest.raises(NotATable, match=r"empty\.csv is empty"):
            reading.inspect(path, "empty.csv")


def test_word_documents_and_plain_zips_are_told_apart(tmp_path: Path) -> None:
    for part, what in (
        ("word/document.xml", "a Word document"),
        ("notes.txt", "a zip archive"),
        ("ppt/a.xml", "a presentation"),
    ):
        path = tmp_path / "file.docx"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(part, "x")
        with pytest.raises(NotATable, match=what):
            reading.inspect(path, "file.docx")
