"""Files as people have them: encodings, delimiters, quotes, headers, JSON shapes, Excel, Parquet."""

from __future__ import annotations

import datetime
import json
from decimal import Decimal
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.data import reading
from core.data.how import How, Read
from core.errors import Cancelled, DataError, HoneError, NotATable

CHINESE = "label,review\r\n" + "".join(f"{i % 2},这家外卖送得很快，味道也不错，下次还会再来 {i}\r\n" for i in range(60))
GERMAN = "text;thema\n" + "".join(
    f"Die Bestellung über {i} Stück wäre gestern fällig gewesen;Lieferung {i % 3}\n" for i in range(60)
)


def brought(
    tmp_path: Path, content: bytes | str, name: str = "file.csv", how: How | None = None
) -> tuple[Read, list[dict[str, str]]]:
    path, out = tmp_path / name, tmp_path / "out.arrow"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    read = reading.read(path, how, out, name=name)
    return read, rows_of(out)


def rows_of(out: Path) -> list[dict[str, str]]:
    with pa.memory_map(str(out)) as source:
        return pa.ipc.open_file(source).read_all().to_pylist()


# --- encodings ---


@pytest.mark.parametrize(
    ("encoding", "found", "text"),
    [
        ("utf-8", "utf-8", CHINESE),
        ("utf-8-sig", "utf-8-sig", CHINESE),
        ("utf-16", "utf-16", CHINESE),
        ("utf-16-le", "utf-16-le", GERMAN),
        ("utf-16-be", "utf-16-be", GERMAN),
        ("gb18030", "gb18030", CHINESE),
        ("latin-1", "cp1252", GERMAN),
        ("cp1252", "cp1252", GERMAN.replace("Stück", "Stück – „gut“")),
    ],
)
def test_encodings_are_found_and_said(encoding: str, found: str, text: str, tmp_path: Path) -> None:
    read, rows = brought(tmp_path, text.encode(encoding))
    assert read.how.encoding == found
    assert read.rows == 60
    assert not read.warnings
    assert all("�" not in cell for row in rows for cell in row.values())
    assert list(rows[0].values())[1 if text is CHINESE else 0] == (
        "这家外卖送得很快，味道也不错，下次还会再来 0"
        if text is CHINESE
        else "Die Bestellung über 0 Stück wäre gestern fällig gewesen".replace(
            "Stück", "Stück – „gut“" if encoding == "cp1252" else "Stück"
        )
    )


def test_a_few_bad_bytes_do_not_change_the_encoding_and_are_counted(tmp_path: Path) -> None:
    content = CHINESE.encode().replace("味道".encode(), b"\xff\xfe", 2)
    read, _ = brought(tmp_path, content)
    assert read.how.encoding == "utf-8"
    assert [str(w) for w in read.warnings] == ["2 cells hold �, which stands for a character that could not be read."]


def test_a_person_can_overrule_the_encoding(tmp_path: Path) -> None:
    _, rows = brought(tmp_path, "text,label\ncaf\xe9,a\nth\xe9,b\n".encode("latin-1"), how=How(encoding="cp1252"))
    assert [row["text"] for row in rows] == ["café", "thé"]


def test_text_that_was_garbled_before_is_pointed_out(tmp_path: Path) -> None:
    path = tmp_path / "garbled.csv"
    path.write_text("text,label\nI donâ€™t know,a\nfine,b\n", encoding="utf-8")
    assert "garbled already in the file" in str(reading.inspect(path, "garbled.csv").warnings[0])


# --- delimiters, quotes, headers ---


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
def test_delimiters_are_found(delimiter: str, tmp_path: Path) -> None:
    content = "\n".join(
        delimiter.join(row) for row in [("text", "label"), *((f"number {i}", "xy"[i % 2]) for i in range(30))]
    )
    read, rows = brought(tmp_path, content)
    assert (read.how.delimiter, read.columns, read.rows) == (delimiter, ("text", "label"), 30)
    assert rows[3] == {"text": "number 3", "label": "y"}


def test_quoted_cells_keep_newlines_delimiters_and_marks(tmp_path: Path) -> None:
    content = 'text,label\r\n"two\r\nlines, and ""marks""",a\r\n"",b\r\nplain,c\r\n'
    _, rows = brought(tmp_path, content)
    assert rows == [
        {"text": 'two\r\nlines, and "marks"', "label": "a"},
        {"text": "", "label": "b"},
        {"text": "plain", "label": "c"},
    ]


def test_a_mark_that_never_closes_costs_its_line_only(tmp_path: Path) -> None:
    rows_text = "".join(f'"text, {i}",x\n' for i in range(30))
    read, rows = brought(tmp_path, f'text,label\n{rows_text}"never closed,y\n{rows_text}')
    assert read.rows == 61
    assert rows[30] == {"text": '"never closed', "label": "y"}
    assert [str(w) for w in read.warnings] == [
        "1 quotation mark is never closed and was read as an ordinary character."
    ]


def test_marks_inside_a_tab_separated_text_are_ordinary(tmp_path: Path) -> None:
    lines = [f'"quoted" start {i}\ta' if i % 3 == 0 else f'plain "inside" {i}\tb' for i in range(60)]
    lines[10] = '"opens and never closes\ta'
    read, rows = brought(tmp_path, "text\tlabel\n" + "\n".join(lines), "file.tsv")
    assert read.rows == 60
    assert rows[0]["text"] == '"quoted" start 0'


def test_surplus_cells_are_joined_to_the_last_column(tmp_path: Path) -> None:
    content = "label,text\n" + "".join(f"{'ab'[i % 2]},text {i}\n" for i in range(20)) + "a,one, two, three\n"
    read, rows = brought(tmp_path, content)
    assert rows[-1] == {"label": "a", "text": "one, two, three"}
    assert "1 row has more cells" in str(read.warnings[0])


def test_names_lose_white_space_and_get_unique(tmp_path: Path) -> None:
    read, rows = brought(tmp_path, "  text , label ,,text\nhello,a,,x\nthere,b,,y\n")
    assert read.columns == ("text", "label", "text (2)")
    assert rows[0]["text (2)"] == "x"


def test_unnamed_columns_show_only_if_they_hold_something(tmp_path: Path) -> None:
    read, _ = brought(tmp_path, "label,text,,\nham,hello,,\nspam,win,,more\n")
    assert read.columns == ("label", "text", "column 4")


def test_a_file_without_names_in_the_first_row_is_seen_as_such(tmp_path: Path) -> None:
    content = "".join(f"{'ham' if i % 3 else 'spam'}\tthis is message number {i}\n" for i in range(40))
    read, rows = brought(tmp_path, content, "SMSSpamCollection.txt")
    assert (read.rows, read.how.header, read.columns) == (40, False, ("column 1", "column 2"))
    assert rows[0]["column 1"] == "spam"


def test_one_column_of_texts_with_commas_stays_one_column(tmp_path: Path) -> None:
    content = "text\n" + "".join(f"Well{', yes' * (i % 4)} number {i}\n" for i in range(40))
    read, _ = brought(tmp_path, content)
    assert (read.columns, read.rows) == (("text",), 40)


def test_pasted_cells_of_a_spreadsheet_read_as_tabs(tmp_path: Path) -> None:
    pasted = 'message\ttopic\r\n"two\nlines"\tDelivery\r\nWhere is it?\tDelivery\r\nToo small\tSizing\r\n'
    read, rows = brought(tmp_path, pasted, "pasted.tsv")
    assert (read.rows, read.columns) == (3, ("message", "topic"))
    assert rows[0]["message"] == "two\nlines"


def test_pasted_sentences_without_tabs_are_one_column(tmp_path: Path) -> None:
    read, rows = brought(tmp_path, "Hello, world\nYes, sure\nNo, thanks\n", "pasted.tsv")
    assert (read.rows, read.columns) == (3, ("column 1",))
    assert rows[0]["column 1"] == "Hello, world"


def test_lines_of_prose_are_not_cut_at_their_commas(tmp_path: Path) -> None:
    read, _ = brought(tmp_path, "".join(f"Well, this is sentence {i}\n" for i in range(30)))
    assert len(read.columns) == 1


def test_the_hint_that_excel_writes_is_no_row(tmp_path: Path) -> None:
    read, _ = brought(tmp_path, "sep=;\r\ntext;label\r\nhello, you;a\r\nthere;b\r\n")
    assert (read.rows, read.columns, read.how.delimiter) == (2, ("text", "label"), ";")


def test_the_sentence_tells_how_it_was_read(tmp_path: Path) -> None:
    read, _ = brought(tmp_path, "text,label\nhello,a\nthere,b\n")
    assert str(read.sentence) == "2 rows. Read as UTF-8, comma between columns, names in the first row."


def test_inspect_shows_the_first_fifty_rows_and_why(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_text("text,label\n" + "".join(f"number {i},{i % 2}\n" for i in range(500)))
    sample = reading.inspect(path, "file.csv")
    assert len(sample.rows) == 50
    assert sample.rows[1] == ("number 1", "1")
    assert [str(m) for m in sample.reasons] == [
        "Every character is valid UTF-8.",
        "The first row has names such as “text”.",
    ]
    assert json.dumps(sample.as_json())


def test_overruling_the_header_takes_effect_at_once(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_text("text,label\nhello,a\n")
    sample = reading.inspect(path, "file.csv", How(header=False))
    assert sample.columns == ("column 1", "column 2")
    assert sample.rows[0] == ("text", "label")


def test_an_unknown_way_of_reading_is_refused_with_the_choices() -> None:
    with pytest.raises(DataError, match="no way to read"):
        How.from_json({"encoding": "ebcdic"})
    assert How.from_json({"delimiter": ";", "header": "true", "nonsense": 1}) == How(delimiter=";", header=True)


# --- JSON ---


def test_records_under_a_key_and_numbers_as_typed(tmp_path: Path) -> None:
    content = '{"version": 1, "data": [{"text": "a", "n": 1.10, "ok": true, "none": null}, {"text": "b", "n": 1e400, "extra": "x"}]}'
    read, rows = brought(tmp_path, content, "file.json")
    assert read.columns == ("text", "n", "ok", "none", "extra")
    assert rows[0] == {"text": "a", "n": "1.10", "ok": "true", "none": "", "extra": ""}
    assert rows[1]["n"] == "1e400"


@pytest.mark.parametrize(
    "value",
    [
        [{"text": "a", "label": "x"}, {"text": "b", "label": "y"}],
        {"text": ["a", "b"], "label": ["x", "y"]},
        {"text": {"0": "a", "1": "b", "2": "c"}, "label": {"0": "x", "1": "y", "2": "z"}},
        {"rows": [{"text": "a", "label": "x"}, {"text": "b", "label": "y"}], "meta": {"by": "me"}},
    ],
)
@pytest.mark.parametrize("indent", [None, 2])
def test_json_comes_in_many_shapes(value: object, indent: int | None, tmp_path: Path) -> None:
    read, rows = brought(tmp_path, json.dumps(value, indent=indent), "file.json")
    assert {"text", "label"} <= set(read.columns)
    assert (rows[1]["text"], rows[1]["label"]) == ("b", "y")


def test_nested_objects_become_columns_and_chats_stay_whole(tmp_path: Path) -> None:
    record = {
        "messages": [{"role": "user", "content": "hi"}],
        "answer": {"text": "yes", "score": 3},
        "tags": ["a", "b"],
    }
    _, rows = brought(tmp_path, json.dumps([record, record]), "file.json")
    assert rows[0]["answer.text"] == "yes"
    assert rows[0]["tags"] == "a,b"
    assert json.loads(rows[0]["messages"]) == record["messages"]


def test_keys_that_are_data_do_not_become_columns(tmp_path: Path) -> None:
    lines = "\n".join(json.dumps({"text": "t", "label": {"name": {f"person {i}": [[0, 1]]}}}) for i in range(30))
    read, _ = brought(tmp_path, lines, "file.jsonl")
    assert read.columns == ("text", "label.name") or read.columns == ("text", "label")


def test_bad_lines_are_counted_and_the_rest_is_read(tmp_path: Path) -> None:
    lines = [json.dumps({"text": f"t{i}", "label": "a"}) for i in range(30)]
    lines[4], lines[9] = '{"text": "broken', "not json"
    read, rows = brought(tmp_path, "\n".join(lines), "file.jsonl")
    assert read.rows == 28
    assert [str(w) for w in read.warnings] == ["2 lines are not valid JSON and were left out. The first is line 5."]
    assert rows[4]["text"] == "t5"


def test_half_a_surrogate_does_not_stop_the_import(tmp_path: Path) -> None:
    _, rows = brought(tmp_path, '{"text": "x \\ud83d y", "\\ud800k": "1"}\n{"text": "fine"}\n', "file.jsonl")
    assert rows[0] == {"text": "x ? y", "?k": "1"}


def test_a_large_list_of_records_is_read_as_a_stream(tmp_path: Path) -> None:
    records = [{"text": f"text {i} " + "x" * 200, "n": i} for i in range(20_000)]
    read, rows = brought(tmp_path, json.dumps(records, indent=1), "file.json")
    assert read.rows == 20_000
    assert rows[19_999]["n"] == "19999"


def test_broken_json_says_where(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    path.write_text('[{"text": "a"}, {"text": "b"}, {"text": ')
    with pytest.raises(NotATable, match="after record 2"):
        reading.read(path, None, tmp_path / "out.arrow")


# --- Excel and Parquet ---


def test_excel_cells_read_as_a_person_sees_them(tmp_path: Path) -> None:
    path = tmp_path / "book.xlsx"
    book = openpyxl.Workbook()
    book.active.title = "Empty"
    sheet = book.create_sheet("Mails")
    sheet.append(["text", "topic", "when", "n", "share", "open"])
    sheet.append(["=1+1", "Delivery", datetime.datetime(2024, 5, 1), 3.0, 0.25, True])
    sheet["A2"].data_type = "s"
    sheet.append([None] * 6)
    sheet.append(["<b>bold</b>", "Refund", datetime.datetime(2024, 5, 1, 12, 30), 4, 1.5, False])
    book.save(path)
    sample = reading.inspect(path, "book.xlsx")
    assert (sample.sheets, sample.how.sheet) == (("Empty", "Mails"), "Mails")
    reading.read(path, sample.how, tmp_path / "out.arrow")
    rows = rows_of(tmp_path / "out.arrow")
    assert [list(r.values()) for r in rows] == [
        ["=1+1", "Delivery", "2024-05-01", "3", "0.25", "TRUE"],
        ["<b>bold</b>", "Refund", "2024-05-01 12:30:00", "4", "1.5", "FALSE"],
    ]


def test_a_sheet_that_is_not_there_is_said(tmp_path: Path) -> None:
    path = tmp_path / "book.xlsx"
    book = openpyxl.Workbook()
    book.active.append(["text"])
    book.save(path)
    with pytest.raises(NotATable, match="no sheet called “Nope”"):
        reading.inspect(path, "book.xlsx", How(kind="xlsx", sheet="Nope"))


def test_parquet_of_strange_types_becomes_text(tmp_path: Path) -> None:
    path = tmp_path / "file.parquet"
    table = pa.table(
        {
            "text": pa.array(["a", None, "c"], pa.large_string()),
            "label": pa.array([0, 1, -1], pa.int64()),
            "cat": pa.array(["x", "y", "x"]).dictionary_encode(),
            "price": pa.array([Decimal("1.50"), None, Decimal("2.00")], pa.decimal128(10, 2)),
            "when": pa.array([datetime.datetime(2024, 1, 2, 3, 4)] * 3, pa.timestamp("us", "UTC")),
            "list": pa.array([["a", "b"], [], None], pa.list_(pa.string())),
            "struct": pa.array([{"k": 1}, {"k": None}, None], pa.struct([("k", pa.int8())])),
            "bytes": pa.array([b"abc", b"\xff\xfe", None], pa.binary()),
            "half": pa.array([1.5, 2.0, None], pa.float32()),
            "map": pa.array([[("k", 1)], [], None], pa.map_(pa.string(), pa.int8())),
            "null": pa.nulls(3),
            "far": pa.array([2**44, 0, None], pa.timestamp("s")),
            "nano": pa.array([1, 2, None], pa.timestamp("ns")),
            "long": pa.array([2**62, 0, None], pa.duration("s")),
            "time": pa.array([1, 2, None], pa.time64("ns")),
        }
    )
    features = {"info": {"features": {"label": {"_type": "ClassLabel", "names": ["neg", "pos"]}}}}
    pq.write_table(table.replace_schema_metadata({"huggingface": json.dumps(features)}), path)
    read = reading.read(path, None, tmp_path / "out.arrow")
    rows = rows_of(tmp_path / "out.arrow")
    assert read.rows == 3
    assert [r["text"] for r in rows] == ["a", "", "c"]
    assert [r["label"] for r in rows] == ["neg", "pos", ""]
    assert rows[0]["cat"] == "x"
    assert rows[0]["price"] == "1.50"
    assert rows[0]["when"].startswith("2024-01-02 03:04")
    assert (rows[0]["list"], rows[0]["struct"], rows[0]["bytes"]) == ("a,b", '{"k": 1}', "abc")
    assert rows[1]["bytes"].startswith("base64:")


# --- around it ---


def test_progress_counts_rows_and_cancel_leaves_nothing(tmp_path: Path) -> None:
    path, out = tmp_path / "file.csv", tmp_path / "out.arrow"
    path.write_text("text,label\n" + "".join(f"number {i},{i % 2}\n" for i in range(60_000)))
    seen: list[tuple[int, int]] = []
    reading.read(path, None, out, lambda done, total: seen.append((done, total)))
    assert seen[-1] == (60_000, 60_000)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert abs(seen[0][1] - 60_000) < 6_000, "the first estimate is close"
    out.unlink()
    with pytest.raises(Cancelled):
        reading.read(path, None, out, cancelled=lambda: True)
    assert list(tmp_path.iterdir()) == [path]


def test_a_hub_name_says_plainly_when_there_is_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match="no name of a hub data set"):
        reading.from_hub("../etc/passwd", None, "train", tmp_path / "out.arrow")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(HoneError) as caught:
        reading.from_hub("nobody/nothing-here", None, "train", tmp_path / "out.arrow")
    assert str(caught.value.message) == "There is no network here, so the hub cannot be reached."
    assert str(caught.value.fix) == "Drop a file instead."


MESSY = {
    "DERIVED_waimai_gb18030_crlf.csv": (11_987, ("label", "review"), "gb18030"),
    "DERIVED_htl_excel_utf8bom.csv": (7_766, ("label", "review"), "utf-8-sig"),
    "mrpc_train_bom_unbalanced_quotes.tsv": (
        4_076,
        ("Quality", "#1 ID", "#2 ID", "#1 String", "#2 String"),
        "utf-8-sig",
    ),
    "stsb_en_train_no_header_crlf.csv": (5_749, ("column 1", "column 2", "column 3"), "utf-8"),
}


@pytest.mark.parametrize("name", MESSY)
def test_every_messy_file_opens_with_the_rows_its_readme_states(name: str, data_dir: Path, tmp_path: Path) -> None:
    rows, columns, encoding = MESSY[name]
    read = reading.read(data_dir / "messy" / name, None, tmp_path / "out.arrow")
    assert (read.rows, read.columns, read.how.encoding) == (rows, columns, encoding)
    assert not read.warnings


def test_chnsenticorp_reads_whole_though_its_marks_never_close(data_dir: Path, tmp_path: Path) -> None:
    read = reading.read(data_dir / "chnsenticorp" / "train.tsv", None, tmp_path / "out.arrow")
    assert (read.rows, read.how.quote, read.warnings) == (9_600, "", ())


def test_squad_opens_as_questions_with_their_context(data_dir: Path, tmp_path: Path) -> None:
    read = reading.read(data_dir / "squad_v1" / "derived_heldout.json", None, tmp_path / "out.arrow")
    assert (read.rows, set(read.columns)) == (3_827, {"title", "context", "question", "id", "answers"})
