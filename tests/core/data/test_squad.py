"""SQuAD's nested JSON becomes one row a question."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from core.data import answers, jsonfiles, reading, squad

CONTEXT = "Der Hund 😀 heißt Rex. 他在北京。"
QUESTIONS = [
    {"id": "q1", "question": "Wie heißt er?", "answers": [{"text": "Rex", "answer_start": 17}]},
    {"id": "q2", "question": "Wie alt?", "is_impossible": True, "answers": [], "plausible_answers": [{"text": "Hund", "answer_start": 4}]},
    {"id": "q3", "question": "Wo?"},
]  # fmt: skip
ARTICLE = {"title": "Rex", "paragraphs": [{"context": CONTEXT, "qas": QUESTIONS}]}
COLUMNS = ("id", "title", "context", "question", "answers")


def brought(tmp_path: Path, content: str, name: str = "file.json") -> tuple[reading.Read, list[dict[str, str]]]:
    path, out = tmp_path / name, tmp_path / "out.arrow"
    path.write_text(content, encoding="utf-8")
    read = reading.read(path, None, out, name=name)
    with pa.memory_map(str(out)) as source:
        return read, pa.ipc.open_file(source).read_all().to_pylist()


@pytest.mark.parametrize("name", ["file.json", "file.jsonl"])
@pytest.mark.parametrize(
    "value",
    [
        {"version": "v2.0", "data": [ARTICLE]},
        {"data": [ARTICLE], "version": "v2.0"},
        {"meta": {"by": "me"}, "data": [ARTICLE]},  # not streamed, and the same
        [ARTICLE],
        ARTICLE,
        [{"title": "Rex", "context": CONTEXT, "qas": QUESTIONS}],
    ],
)
@pytest.mark.parametrize("indent", [None, 2])
def test_questions_become_rows_however_they_are_wrapped(value: Any, indent: int | None, name: str, tmp_path: Path) -> None:  # fmt: skip
    read, rows = brought(tmp_path, json.dumps(value, ensure_ascii=False, indent=indent), name)
    assert (read.columns, read.rows, read.warnings) == (COLUMNS, 3, ())
    assert [row["id"] for row in rows] == ["q1", "q2", "q3"]
    assert {row["context"] for row in rows} == {CONTEXT}
    assert json.loads(rows[0]["answers"]) == [{"text": "Rex", "start": 17}]
    assert rows[1]["answers"] == "[]"  # no answer, which is something else than not labelled
    assert rows[2]["answers"] == ""


def test_json_lines_of_paragraphs_and_relatives_of_squad_are_read(tmp_path: Path) -> None:
    mrqa = {"context": CONTEXT, "qas": [{"qid": "m1", "question": "Wie?", "answers": ["Rex"], "detected_answers": [{"text": "Rex", "char_spans": [[17, 19]]}]}]}  # fmt: skip
    cmrc = {"context_id": "T1", "context_text": CONTEXT, "title": "t", "qas": [{"query_id": "c1", "query_text": "他在哪里？", "answers": ["北京"]}]}  # fmt: skip
    plain = {"context": CONTEXT, "qas": [{"id": "p1", "question": "Wie?", "answers": {"text": ["Rex"], "answer_start": [17]}}]}  # fmt: skip
    _, rows = brought(tmp_path, "\n".join(json.dumps(v) for v in (mrqa, cmrc, plain)), "file.jsonl")
    assert [(row["id"], row["answers"]) for row in rows] == [
        ("m1", '[{"text": "Rex", "start": 17}]'),
        ("c1", '[{"text": "北京"}]'),
        ("p1", '[{"text": "Rex", "start": 17}]'),
    ]
    assert rows[1]["question"] == "他在哪里？"
    found = answers.parse({"answers": rows[1]["answers"]}, rows[1]["context"])
    assert found == [{"text": "北京", "start": CONTEXT.index("北京")}]


def test_further_short_values_stay_as_columns(tmp_path: Path) -> None:
    value = {"data": [{**ARTICLE, "topic": "dogs", "paragraphs": [{"context": CONTEXT, "qas": [{**QUESTIONS[0], "level": "easy"}]}]}]}  # fmt: skip
    read, rows = brought(tmp_path, json.dumps(value))
    assert set(read.columns) == {*COLUMNS, "topic", "level"}
    assert (rows[0]["topic"], rows[0]["level"]) == ("dogs", "easy")


@pytest.mark.parametrize(
    "value",
    [
        {"data": [{"title": "t", "paragraphs": [{"context": 3, "qas": []}]}, "x"]},
        {"data": [{"paragraphs": [{"context": "c", "qas": [1, None, {"id": []}]}]}]},
        {"data": [{"paragraphs": [{"context": "c", "qas": [{"answers": [{"text": 3}, {"text": "c", "answer_start": "x"}, 7]}]}]}]},
        {"data": [{"paragraphs": [{"context": "c", "qas": [{"answers": {"text": ["c"], "answer_start": 7}}]}]}]},
        {"data": [{"paragraphs": [{"context": "c", "qas": [{"detected_answers": [{"text": "c", "char_spans": [[]]}]}]}]}]},
    ],
)  # fmt: skip
def test_odd_articles_end_in_rows(value: Any, tmp_path: Path) -> None:
    read, rows = brought(tmp_path, json.dumps(value))
    assert read.rows == len(rows) > 0


def test_a_file_that_breaks_off_says_where(tmp_path: Path) -> None:
    content = json.dumps({"data": [ARTICLE, ARTICLE, ARTICLE]})
    with pytest.raises(Exception, match="after record 2"):
        brought(tmp_path, content[:-30])


def test_articles_are_read_as_a_stream_beyond_what_is_read_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file larger than Hone would read at once is no trouble, for no more than one article is in memory."""
    monkeypatch.setattr(jsonfiles, "LARGEST_WHOLE", 10_000)
    monkeypatch.setattr(jsonfiles, "PIECE", 1_000)
    content = json.dumps({"version": "1.1", "data": [ARTICLE] * 200})
    assert len(content) > 50_000
    read, rows = brought(tmp_path, content)
    assert (read.rows, rows[-1]["id"]) == (600, "q3")


def test_what_only_looks_like_squad_is_read_as_before(tmp_path: Path) -> None:
    value = {"data": [{"text": "a", "label": "x"}, {"text": "b", "label": "y"}]}
    read, _ = brought(tmp_path, json.dumps(value))
    assert (read.columns, read.rows) == (("text", "label"), 2)
    assert not squad.is_article({"paragraphs": ["plain text"], "title": "t"})
    assert not squad.is_article({"context": "c", "question": "q"})


@pytest.mark.parametrize(("name", "questions"), [("derived_train.json", 6_743), ("derived_heldout.json", 3_827)])
def test_the_shared_squad_opens_whole_and_every_answer_stands_where_it_says(name: str, questions: int, data_dir: Path, tmp_path: Path) -> None:  # fmt: skip
    out = tmp_path / "out.arrow"
    read = reading.read(data_dir / "squad_v1" / name, None, out)
    assert (read.rows, read.columns, read.warnings) == (questions, COLUMNS, ())
    with pa.memory_map(str(out)) as source:
        rows = pa.ipc.open_file(source).read_all().to_pylist()
    mended = answers.Mended()
    for row in rows:
        found = answers.parse({"answers": row["answers"]}, row["context"], mended)
        assert found
        assert all(row["context"][a["start"] : a["start"] + len(a["text"])] == a["text"] for a in found)
    assert mended == answers.Mended()
    assert len({row["id"] for row in rows}) == questions
