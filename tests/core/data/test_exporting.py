"""Labels taken away and brought back: every format against every kind of answer, and hostile texts."""

from __future__ import annotations

import csv
import json
import time
from pathlib import Path
from typing import Any

import pytest

from core.data import exporting
from core.data.dataset import Dataset
from core.data.exchange import conll, studio
from core.data.exchange.rows import seconds_of
from core.errors import Cancelled, DataError
from core.tasks import guessing

HOSTILE = (
    "two\nlines, and \"quotes\"", "tab\there\r\nand 'more'", "=cmd|' /C calc'!A0", "'=already quoted", "-3 is a number, +x is not", "🙂 emoji 👩‍👩‍👧 family",
    "مرحبا بالعالم שלום", "NUL \x00 inside of a long enough text, so that it is one", "  spaces at both ends  ", "中文，没有空格", "a;b|c\u2028d", "[x](y) {z}",
)  # fmt: skip

# task -> columns of the file, and what people answer of each row; the first answer of a row is overruled by the second where there are two.
KINDS: dict[str, tuple[dict[str, list[str]], list[list[Any]]]] = {
    "classification": ({"text": [f"text {i}" for i in range(6)]}, [["yes"], ["no", "yes"], [], ["no"], ["yes", None], ["a; b"]]),
    "multilabel": ({"text": [f"text {i}" for i in range(5)]}, [[["a", "b"]], [["a"], []], [], [["b, c"]], [["b"], ["a"]]]),
    "regression": ({"text": [f"text {i}" for i in range(5)]}, [[1.5], [2, 3.25], [], [-0.125], [1e-6]]),
    "tokens": (
        {"text": ["Ada met Bob in Paris", "nothing", "Bob 🙂 Ada", "x", "Rome"]},
        [[[{"start": 0, "end": 3, "label": "PER"}, {"start": 15, "end": 20, "label": "CITY"}]], [[]],
         [[{"start": 0, "end": 3, "label": "PER"}], [{"start": 6, "end": 9, "label": "PER"}]], [], [[{"start": 1, "end": 3, "label": "a part"}]]],
    ),
    "text2text": ({"source": ["a text here", "an other one", "third one"]}, [["ein Text"], ["x", "Noch\neiner"], []]),
    "answers": (
        {"context": ["The sky is blue today.", "Grass is green.", "Nothing."], "question": ["What is blue?", "What is green?", "Who?"]},
        [[[{"text": "The sky", "start": 0}]], [[{"text": "Grass", "start": 0}], [{"text": "green", "start": 9}]], [[]]],
    ),
    "choice": (
        {"question": ["which?", "what?", "who?"], "A": ["one", "red", "Ada"], "B": ["two", "blue", "Bob"]},
        [["two"], ["red", "blue"], []],
    ),
    "ranking": (
        {"query": ["which?", "what?", "who?"], "candidates": ['["one", "two"]', '["red", "blue"]', '["Ada", "Bob"]']},
        [[{"two": 1.0}], [{"red": 1.0}, {"blue": 1.0}], []],
    ),
    "preferences": (
        {"prompt": ["what is it", "who is there", "why"], "response_a": ["a red bike", "nobody at all", "because of it"], "response_b": ["no idea", "my own dog", "no"]},
        [["1"], ["2", "same"], []],
    ),
    "pairs": ({"text_a": ["one", "two", "three"], "text_b": ["eins", "zwei", "vier"]}, [["same"], ["same", "other"], []]),
}  # fmt: skip

ROLES: dict[str, dict[str, Any]] = {
    "choice": {"text": "question", "choices": ["A", "B"], "label": None},
    "ranking": {"text": "query", "choices": "candidates", "label": None},
    "pairs": {"text": "text_a", "text_b": "text_b", "label": None},
}

# What a format can hold: everybody's answers with people and times (True) or only the label in force (False); "all": rows without an answer
# too. A label that was taken off again stands only in tables and spaCy lines.
HOLDS = {
    "csv": {"people": True, "cleared": True, "all": True},
    "xlsx": {"people": True, "cleared": True, "all": True},
    "jsonl": {"people": True, "cleared": True, "all": True},
    "label_studio": {"people": True, "cleared": False, "all": True},
    "spacy": {"people": True, "cleared": True, "all": True},
    "conll": {"people": False, "cleared": False, "all": False},
}
CASES = [
    (task, format)
    for task in KINDS
    for format, one in exporting.FORMATS.items()
    if one.holds(guessing.shape_of(guessing.task(task)))
]


def made(folder: Path, task: str, columns: dict[str, list[str]], answers: list[list[Any]]) -> Dataset:
    """A data set for a task, with answers of two people."""
    path = folder / "in.jsonl"
    rows = [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]
    path.write_text("\n".join(json.dumps(row) for row in rows) + "\n", encoding="utf-8")
    data = Dataset.open(folder / "data")
    data.add(path, "in.jsonl")
    guessing.settle(data, task)
    data.set_roles(ROLES.get(task, {}))
    single = data.shape.by_label
    names: set[str] = set()
    for said in answers:
        for value in said:
            if value is not None and data.shape.target:
                names |= set(guessing.kind(data.shape.target.kind).names(value))
    for name in sorted(names):
        data.labels.create(name)
    for i, said in enumerate(answers):
        for n, value in enumerate(said):
            entry = {"row": f"1:{i}", "seq": 10 * i + n, "client": f"test{n}", "seconds": 2.5 + n}
            entry |= {"label": value} if single else {"value": value}
            told = data.labels.put([entry], ("Ann", "Bo")[n], "bulk" if i == 3 else "human")
            assert not told["refused"], told
    return data


def everything(data: Dataset) -> dict[str, list[tuple[Any, str, int]]]:
    """text of a row -> (value, who, when to the second) of everything people said of it, the oldest first."""
    state = data.state
    found: dict[str, list[tuple[Any, str, int]]] = {}
    from core.data.exchange.rows import rows

    for row in rows(data, "answers", False, lambda done, total: None, lambda: False):
        found[row.text] = [(one.value, str(one.who), int(one.at or 0)) for one in row.answers]
    assert len(found) == len(state)
    return found


def in_force(data: Dataset) -> dict[str, Any]:
    return {text: data.state.value(place) for place, text in enumerate(data.state.texts(range(len(data.state))))}


def back(folder: Path, path: Path, task: str | None = None) -> Dataset:
    data = Dataset.open(folder / "again")
    data.add(path, path.name)
    guessing.settle(data, task)
    return data


@pytest.mark.parametrize(("task", "format"), [(task, format) for task, format in CASES if HOLDS[format]["people"]])
def test_everybodys_answers_come_back_with_people_and_times(tmp_path: Path, task: str, format: str):
    data = made(tmp_path, task, *KINDS[task])
    out = tmp_path / f"out.{exporting.FORMATS[format].ending}"
    told = exporting.export(data, out, format, "answers")
    again = back(tmp_path, out)
    assert again.task == task and told["rows"] == len(data.state)
    before, after = everything(data), everything(again)
    if not HOLDS[format]["cleared"]:
        before = {text: [one for one in said if one[0] is not None] for text, said in before.items()}
    assert after == before
    origins = {r[0] for r in again.log.read().execute("SELECT origin FROM answers")}
    assert origins == {"import"}
    seconds = [r[0] for r in again.log.read().execute("SELECT seconds FROM answers ORDER BY seq")]
    assert sorted(set(seconds)) == [2.5, 3.5]


@pytest.mark.parametrize(("task", "format"), CASES)
def test_the_label_in_force_comes_back_from_every_format(tmp_path: Path, task: str, format: str):
    data = made(tmp_path, task, *KINDS[task])
    out = tmp_path / f"out.{exporting.FORMATS[format].ending}"
    exporting.export(data, out, format, "merged")
    again = back(tmp_path, out, task)
    before, after = in_force(data), in_force(again)
    if not HOLDS[format]["all"]:
        before = {text: value for text, value in before.items() if value is not None}
    assert after == before


@pytest.mark.parametrize("format", ["csv", "jsonl", "label_studio", "spacy", "xlsx"])
def test_hostile_texts_survive(tmp_path: Path, format: str):
    filler = [f"an ordinary text, number {i}" for i in range(60)]  # so that one NUL makes no binary file
    texts = [*HOSTILE, *filler]
    data = made(
        tmp_path, "classification", {"text": texts}, [["=SUM(A1)"] if i % 2 else ["@no"] for i in range(len(texts))]
    )
    out = tmp_path / f"out.{exporting.FORMATS[format].ending}"
    exporting.export(data, out, format, "answers")
    again = back(tmp_path, out)
    lost = {"\x00": "�"} if format == "xlsx" else {}  # XML cannot hold it, and `losses` says so
    wanted = {"".join(lost.get(c, c) for c in text): said for text, said in everything(data).items()}
    assert everything(again) == wanted
    if lost:
        assert "Excel cannot store" in str(exporting.losses(data, format, "answers"))


@pytest.mark.parametrize("layout", ["merged", "answers"])
def test_no_cell_of_the_csv_is_a_formula(tmp_path: Path, layout: Any):
    data = made(tmp_path, "classification", {"text": list(HOSTILE)}, [["=SUM(A1)"], ["@no"]] * (len(HOSTILE) // 2))
    out = tmp_path / "out.csv"
    exporting.export(data, out, "csv", layout)
    assert out.read_bytes().startswith(b"\xef\xbb\xbf")
    with out.open(encoding="utf-8-sig", newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert not [cell for cell in cells if cell.lstrip(" ")[:1] in ("=", "@", "+")]
    assert in_force(back(tmp_path, out, "classification")) == in_force(data)


def test_a_merged_table_keeps_all_columns_and_says_where_each_label_comes_from(tmp_path: Path):
    path = tmp_path / "in.csv"
    lines = [f"{i},text {i},{'pos' if i % 2 else 'neg'},{'test' if i < 5 else 'train'},me" for i in range(30)]
    path.write_text("id,review,sentiment,split,origin\n" + "\n".join(lines) + "\n", encoding="utf-8")
    data = Dataset.open(tmp_path / "data")
    data.add(path, "in.csv")
    assert data.shape.by_label and data.roles["label"].column == "sentiment"
    data.labels.put([{"row": "1:0", "label": "pos", "seq": 1, "seconds": 3}], "Ann")
    data.labels.put([{"row": "1:1", "label": "neg", "seq": 1}], "Bo", "bulk")
    data.exclude(["1:29"])
    out = tmp_path / "out.csv"
    told = exporting.export(data, out, "csv", "merged")
    with out.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert told["rows"] == 29 == len(rows)
    assert list(rows[0]) == [
        "id",
        "review",
        "sentiment",
        "split",
        "origin",
        "sentiment (file)",
        "origin 2",
        "annotator",
        "answered",
    ]
    assert [rows[i]["sentiment"] for i in range(3)] == ["pos", "neg", "neg"]
    assert [rows[i]["sentiment (file)"] for i in range(3)] == ["neg", "pos", "neg"]
    assert [rows[i]["origin 2"] for i in range(3)] == ["human", "bulk", "file"] and rows[0]["origin"] == "me"
    assert [rows[i]["annotator"] for i in range(3)] == ["Ann", "Bo", ""]
    assert abs((seconds_of(rows[0]["answered"]) or 0) - time.time()) < 60 and rows[2]["answered"] == ""
    assert {row["split"] for row in rows[:5]} == {"test"}
    again = back(tmp_path, out)
    assert again.roles["label"].column == "sentiment" and again.roles["split"].column == "split"
    assert in_force(again) == {text: value for text, value in in_force(data).items() if text != "text 29"}
    assert not list(again.log.read().execute("SELECT 1 FROM answers"))


def test_only_labelled_rows_can_be_taken(tmp_path: Path):
    data = made(tmp_path, "classification", *KINDS["classification"])
    assert exporting.export(data, tmp_path / "a.csv", "csv", "merged", labelled=True)["rows"] == 4
    assert exporting.export(data, tmp_path / "b.csv", "csv", "answers", labelled=True) | {"path": ""} == {
        "path": "", "rows": 5, "lines": 7, "config": None}  # fmt: skip


def test_answers_that_were_undone_stay_at_home(tmp_path: Path):
    data = made(tmp_path, "classification", {"text": ["one", "two"]}, [["a"], ["b"]])
    data.labels.undo("Ann")
    out = tmp_path / "out.jsonl"
    exporting.export(data, out, "jsonl", "answers")
    assert [json.loads(line)["answer"] for line in out.read_text(encoding="utf-8").splitlines()] == ["a", None]


# Label Studio -------------------------------------------------------------------------------------------------------------


def test_a_task_of_label_studio_has_the_fields_its_documentation_names(tmp_path: Path):
    """labelstud.io/guide/task_format: id, data, annotations with completed_by, created_at, lead_time, was_cancelled and result; a result
    with id, from_name, to_name, type and value."""
    data = made(tmp_path, "tokens", *KINDS["tokens"])
    told = exporting.export(data, tmp_path / "out.json", "label_studio", "answers")
    first = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))[0]
    assert {"id", "data", "annotations", "predictions"} <= set(first) and first["data"][
        "text"
    ] == "Ada met Bob in Paris"
    one = first["annotations"][0]
    assert (
        one["completed_by"] == {"id": 1, "email": "Ann"} and one["lead_time"] == 2.5 and one["was_cancelled"] is False
    )
    assert one["created_at"].endswith("Z")
    assert one["result"][0] | {"id": ""} == {
        "id": "", "from_name": "label", "to_name": "text", "type": "labels", "origin": "manual",
        "value": {"start": 0, "end": 3, "text": "Ada", "labels": ["PER"]}}  # fmt: skip
    assert (
        '<Labels name="label" toName="text">' in told["config"]
        and '<Text name="text" value="$text"/>' in told["config"]
    )
    assert '<Label value="a part"/>' in told["config"]


@pytest.mark.parametrize("task", [task for task, format in CASES if format == "label_studio"])
def test_the_configuration_names_every_tag_that_results_name(tmp_path: Path, task: str):
    from xml.etree import ElementTree

    data = made(tmp_path, task, *KINDS[task])
    told = exporting.export(data, tmp_path / "out.json", "label_studio", "merged")
    tree = ElementTree.fromstring(told["config"])
    names = {node.get("name") for node in tree.iter() if node.get("name")}
    variables = {str(node.get("value"))[1:] for node in tree.iter() if str(node.get("value", "")).startswith("$")}
    tasks = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    for one in tasks:
        assert variables <= set(one["data"])
        for result in (r for a in one["annotations"] for r in a["result"]):
            assert {result["from_name"], result["to_name"]} <= names
            assert result["type"] == studio.TAGS[str(data.shape.target and data.shape.target.kind)][1]


def test_an_export_of_label_studio_brings_each_annotation_as_the_answer_of_its_person(tmp_path: Path):
    """The shape of its own documentation, with two people, a skipped task and one without annotations."""

    def annotation(who: Any, choice: str | None, at: str) -> dict[str, Any]:
        result = (
            [{"from_name": "s", "to_name": "t", "type": "choices", "id": "x", "value": {"choices": [choice]}}]
            if choice
            else []
        )
        return {
            "id": 7,
            "completed_by": who,
            "result": result,
            "was_cancelled": not choice,
            "lead_time": 4.25,
            "created_at": at,
            "updated_at": at,
        }

    ann, bo = {"id": 1, "email": "ann@example.org", "first_name": "", "last_name": ""}, 2
    tasks = [
        {"id": 1, "data": {"text": "good"}, "annotations": [annotation(bo, "neg", "2024-03-02T10:00:00.123456Z"), annotation(ann, "pos", "2024-03-01T10:00:00Z")]},
        {"id": 2, "data": {"text": "bad"}, "annotations": [annotation(ann, "neg", "2024-03-01T11:00:00Z"), annotation(bo, None, "2024-03-01T12:00:00Z")]},
        {"id": 3, "data": {"text": "so so"}, "annotations": []},
    ]  # fmt: skip
    path = tmp_path / "export.json"
    path.write_text(json.dumps(tasks, indent=1), encoding="utf-8")
    data = back(tmp_path, path)
    assert data.task == "classification" and data.columns == ("text",)
    at = int(seconds_of("2024-03-01T10:00:00Z") or 0)
    assert everything(data) == {
        "good": [("pos", "ann@example.org", at), ("neg", "Label Studio 2", at + 86400)],
        "bad": [("neg", "ann@example.org", at + 3600)],
        "so so": [],
    }
    assert in_force(data) == {"good": "neg", "bad": "neg", "so so": None}  # the later one counts
    assert "3 answers came with it, of 2 people." in [str(m) for m in data.imports[0].warnings]


# CoNLL and spaCy ----------------------------------------------------------------------------------------------------------


def test_a_place_within_a_word_parts_the_word():
    text, spans = "New Yorkers", [{"start": 0, "end": 8, "label": "CITY"}]
    assert [text[a:b] for a, b in conll.tokens(text, spans)] == ["New", "York", "ers"]


@pytest.mark.parametrize("text", [t for t in HOSTILE if "\x00" not in t])
def test_conll_brings_back_hostile_texts_and_exact_places(tmp_path: Path, text: str):
    start = next(i for i, c in enumerate(text) if c.isalpha())
    spans = [{"start": start, "end": start + 1, "label": "a b"}]
    data = made(
        tmp_path,
        "tokens",
        {"text": [text, *(f"Ada met Bob, {i}" for i in range(9))]},
        [[spans]] + [[[{"start": 0, "end": 3, "label": "PER"}]]] * 9,
    )
    exporting.export(data, tmp_path / "out.conll", "conll")
    assert in_force(back(tmp_path, tmp_path / "out.conll", "tokens")) == in_force(data)


def test_places_that_overlap_are_told_before_conll_leaves_them_out(tmp_path: Path):
    spans = [{"start": 0, "end": 7, "label": "A"}, {"start": 4, "end": 7, "label": "B"}]
    data = made(tmp_path, "tokens", {"text": ["Ada met Bob", "x"]}, [[spans], []])
    said = [str(one) for one in exporting.losses(data, "conll", "merged")]
    assert any("In 1 text marked places overlap" in one for one in said) and any(
        "1 text without an answer" in one for one in said
    )
    with pytest.raises(DataError, match="one answer a text"):
        exporting.export(data, tmp_path / "x", "conll", "answers")


def test_spacys_entities_are_triples_and_its_cats_name_every_label(tmp_path: Path):
    """As in spaCy's annotation dictionaries: entities (start, end, label), cats {label: 1.0 or 0.0}."""
    data = made(tmp_path, "tokens", *KINDS["tokens"])
    exporting.export(data, tmp_path / "a.jsonl", "spacy")
    first = json.loads((tmp_path / "a.jsonl").read_text(encoding="utf-8").splitlines()[0])
    assert first["text"] == "Ada met Bob in Paris" and first["entities"] == [[0, 3, "PER"], [15, 20, "CITY"]]
    assert first["meta"]["annotator"] == "Ann"
    (tmp_path / "b").mkdir()
    data = made(tmp_path / "b", "classification", *KINDS["classification"])
    exporting.export(data, tmp_path / "b.jsonl", "spacy")
    first = json.loads((tmp_path / "b.jsonl").read_text(encoding="utf-8").splitlines()[0])
    assert first["cats"] == {"yes": 1.0, "no": 0.0, "a; b": 0.0}


# Limits, wrong wishes, jobs -----------------------------------------------------------------------------------------------


def test_excel_says_before_what_it_cuts(tmp_path: Path):
    data = made(tmp_path, "classification", {"text": ["x" * 40_000, "short"]}, [["a"], ["b"]])
    assert any(
        "1 text is longer than the 32,767 characters" in str(one) for one in exporting.losses(data, "xlsx", "merged")
    )
    assert not exporting.losses(data, "csv", "merged")


def test_what_cannot_hold_these_answers_is_not_offered_and_refused(tmp_path: Path):
    data = made(tmp_path, "regression", *KINDS["regression"])
    assert "conll" not in {one.name for one in exporting.offered(data.shape)}
    with pytest.raises(DataError, match="CoNLL cannot hold"):
        exporting.export(data, tmp_path / "x.conll", "conll")


def test_a_cancelled_export_leaves_nothing_behind(tmp_path: Path):
    data = made(tmp_path, "classification", {"text": [f"text {i}" for i in range(5_000)]}, [["a"]])
    asked = iter([False, True])
    with pytest.raises(Cancelled):
        exporting.export(data, tmp_path / "out" / "x.csv", "csv", cancelled=lambda: next(asked))
    assert not list((tmp_path / "out").iterdir())


def test_a_file_read_again_keeps_its_answers_once(tmp_path: Path):
    data = made(tmp_path, "classification", *KINDS["classification"])
    exporting.export(data, tmp_path / "out.csv", "csv", "answers")
    again = back(tmp_path, tmp_path / "out.csv")
    before = everything(again)
    again.reread(again.imports[0].id, tmp_path / "out.csv", None)
    assert everything(again) == before


@pytest.mark.parametrize("layout", ["merged", "answers"])
def test_a_few_cells_of_several_lines_among_many_do_not_break_the_csv(tmp_path: Path, layout: Any):
    texts = [f"an ordinary text {i}" if i % 400 else f'line {i}\nline "two", and more' for i in range(1_200)]
    data = made(tmp_path, "classification", {"text": texts}, [[("a", "b")[i % 2]] for i in range(3)])
    exporting.export(data, tmp_path / "out.csv", "csv", layout)
    again = back(tmp_path, tmp_path / "out.csv", "classification")
    assert again.state.texts(range(1_200)) == texts
