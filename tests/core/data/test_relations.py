"""Marked entities: every way people mark them becomes the canonical one, and back; SemEval's format is read as a table."""

from __future__ import annotations

import csv
import random
import time
from pathlib import Path

import pyarrow as pa
import pytest

from core.data import reading, relations
from core.data.how import How
from core.data.relations import Entity, Unmarkable, columns_of, mark, parse, relation_of, swapped, turned, unmark

PLAIN = "The most 😀 common audits were about waste."
MARKED = "The most 😀 common <e1>audits</e1> were about <e2>waste</e2>."
TYPED = "The most 😀 common <e1:EVENT>audits</e1> were about <e2:THING>waste</e2>."
HEAD = (PLAIN.index("audits"), PLAIN.index("audits") + 6)
TAIL = (PLAIN.index("waste"), PLAIN.index("waste") + 5)


def test_marks_go_and_the_places_are_code_points() -> None:
    found = unmark(MARKED)
    assert found == (PLAIN, Entity(*HEAD), Entity(*TAIL))
    assert found is not None and found.plain[found.head.start : found.head.end] == "audits"
    assert mark(*found) == MARKED
    typed = unmark(TYPED)
    assert typed is not None and (typed.head.label, typed.tail.label) == ("EVENT", "THING")
    assert mark(*typed) == TYPED


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        (MARKED, MARKED),
        ("The most 😀 common [E1]audits[/E1] were about [E2]waste[/E2].", MARKED),
        ("The most 😀 common [E1] audits [/E1] were about [E2] waste [/E2].", MARKED.replace("</e2>.", "</e2> .")),
        ("The most 😀 common <E1>audits</E1> were about <E2>waste</E2>.", MARKED),
        ("The most 😀 common <head>audits</head> were about <tail>waste</tail>.", MARKED),
        ("The most 😀 common [SUBJ]audits[/SUBJ] were about [OBJ]waste[/OBJ].", MARKED),
        ("The most 😀 common <e1:EVENT>audits</e1:EVENT> were about <e2:THING>waste</e2:THING>.", TYPED),
        ('The most 😀 common <e1 type="EVENT">audits</e1> were about <e2 type="THING">waste</e2>.', TYPED),
        ("The most 😀 common <S:EVENT>audits</S:EVENT> were about <O:THING>waste</O:THING>.", TYPED),
        ("The most 😀 common [E1:EVENT]audits[/E1] were about [E2:THING]waste[/E2].", TYPED),
        ("<b>The</b> <e2>waste</e2> of <e1>audits</e1>", "<b>The</b> <e2>waste</e2> of <e1>audits</e1>"),
        ("<head>Title</head> the <e1>a</e1> and <e2>b</e2>", "<head>Title</head> the <e1>a</e1> and <e2>b</e2>"),
        ("<e1>the <e2>waste</e2> audit</e1> ended", "<e1>the <e2>waste</e2> audit</e1> ended"),
        ("<e1>他</e1>住在<e2>北京</e2>。", "<e1>他</e1>住在<e2>北京</e2>。"),
    ],
)
def test_every_way_to_mark_becomes_the_canonical_one(text: str, canonical: str) -> None:
    assert parse({"sentence": text}) == canonical
    assert parse({"text": canonical}) == canonical


@pytest.mark.parametrize(
    "text",
    ["no marks", "", "<e1>only one</e1>", "<e1>a</e1> <e2>b", "<e1></e1> <e2>b</e2>", "</e1>a<e1> </e2>b<e2>", "<e1> </e1><e2>b</e2>"],
)  # fmt: skip
def test_what_does_not_mark_two_entities_is_told(text: str) -> None:
    trouble = Unmarkable()
    assert unmark(text) is None
    assert parse({"text": text}, trouble) is None
    assert trouble.unmarked == bool(text)
    if text:
        assert str(trouble.messages()[0]).startswith("1 text does not say which two entities it is about")


@pytest.mark.parametrize(
    "cells",
    [
        {"text": PLAIN, "head": "audits", "tail": "waste"},
        {"sentence": PLAIN, "e1": "audits", "e2": "waste", "id": "8001"},
        {"text": PLAIN, "head": f"{HEAD[0]}-{HEAD[1]}", "tail": f"[{TAIL[0]}, {TAIL[1]}]"},
        {"text": PLAIN, "h": f'{{"name": "audits", "pos": ["{HEAD[0]}", "{HEAD[1]}"]}}', "t": f'{{"name": "waste", "pos": [[{TAIL[0]}, {TAIL[1]}]]}}'},
        {"text": PLAIN, "head_start": f"{HEAD[0]}", "head_end": f"{HEAD[1]}", "tail_start": f"{TAIL[0]}", "tail_end": f"{TAIL[1]}"},
        {"text": PLAIN, "subj": "audits", "subj_start": f"{HEAD[0]}", "subj_end": f"{HEAD[1] - 1}", "obj": "waste", "obj_start": f"{TAIL[0]}", "obj_end": f"{TAIL[1] - 1}"},
        {"text": PLAIN, "head_span": f"{HEAD[0]},{HEAD[1]}", "tail_span": f"{TAIL[0]},{TAIL[1]}"},
        {"text": PLAIN, "实体1": "audits", "实体2": "waste"},
    ],
)  # fmt: skip
def test_entities_beside_the_text_become_marks(cells: dict[str, str]) -> None:
    trouble = Unmarkable()
    assert parse(cells, trouble) == MARKED
    assert not trouble.messages()


def test_types_come_along() -> None:
    assert parse({"text": PLAIN, "head": "audits", "head_type": "EVENT", "tail.name": "waste", "tail.type": "THING"}) == TYPED  # fmt: skip
    cells = {"text": PLAIN, "h": '{"name": "audits", "type": "EVENT"}', "t": '{"name": "waste", "type": "<THING>"}'}
    assert parse(cells) == TYPED


def test_a_span_that_holds_other_words_is_put_right_and_told() -> None:
    trouble = Unmarkable()
    cells = {"text": "a cat and a cat and a dog", "head": "cat", "head_start": "14", "head_end": "17", "tail": "dog"}
    assert parse(cells, trouble) == "a cat and a <e1>cat</e1> and a <e2>dog</e2>"
    assert str(trouble.messages()[0]) == "1 entity stands elsewhere than its span says, and was put right: “cat”."


def test_entities_that_stand_nowhere_are_told() -> None:
    trouble = Unmarkable()
    assert parse({"text": PLAIN, "head": "taxes", "tail": "waste"}, trouble) is None
    assert parse({"text": PLAIN, "head": "90-99", "tail": "waste"}, trouble) is None
    assert str(trouble.messages()[0]) == "2 entities do not stand in their texts. The first is “taxes”."


def test_of_several_places_those_close_together_and_apart_are_taken() -> None:
    assert (
        parse({"text": "tea. The cup of tea", "head": "cup", "tail": "tea"}) == "tea. The <e1>cup</e1> of <e2>tea</e2>"
    )
    assert parse({"text": "New York and York", "head": "New York", "tail": "York"}) == "<e1>New York</e1> and <e2>York</e2>"  # fmt: skip
    assert parse({"text": "red red", "head": "red", "tail": "red"}) == "<e1>red</e1> <e2>red</e2>"


def test_random_marks_come_back_exactly() -> None:
    chance = random.Random(7)
    for _ in range(400):
        plain = "".join(chance.choice("ab 😀北e1<>[/]") for _ in range(30))
        solid = [i for i, char in enumerate(plain) if not char.isspace()]
        ends = [sorted(chance.sample(solid, 2)) for _ in range(2)]
        head, tail = (Entity(a, b + 1, chance.choice(["", "PER", "a b"])) for a, b in ends)
        assert unmark(mark(plain, head, tail)) == (plain, head, tail), (plain, head, tail)


def test_swapping_turns_text_and_label() -> None:
    assert swapped(MARKED) == MARKED.replace("e1", "x").replace("e2", "e1").replace("x", "e2")
    assert swapped(swapped(TYPED) or "") == TYPED
    assert swapped("no marks") is None
    assert turned("Cause-Effect(e1,e2)") == "Cause-Effect(e2,e1)"
    assert turned(turned("Cause-Effect(e1,e2)")) == "Cause-Effect(e1,e2)"
    assert turned("Other") == "Other"
    assert relation_of("Cause-Effect (E2, E1)") == ("Cause-Effect", "(e2,e1)")
    assert relation_of("f(x)") == ("f(x)", "")
    assert relation_of("A(e1,e1)") == ("A(e1,e1)", "")


def test_the_columns_that_tell_of_entities_are_found() -> None:
    found = columns_of({"id": ["1"], "sentence": [MARKED, TYPED], "e1": ["audits"] * 2, "e2": ["waste"] * 2})
    assert found is not None and found[0] == ["sentence"]
    found = columns_of({"text": [PLAIN], "head": ["audits"], "tail": ["waste"], "label": ["x"]})
    assert found is not None and set(found[0]) == {"text", "head", "tail"}
    assert columns_of({"text": [PLAIN], "label": ["x"]}) is None


# --- SemEval-2010 task 8 ---

BLOCKS = '1\t"A <e1>cat</e1> in a <e2>box</e2>."\r\nContent-Container(e1,e2)\r\nComment: one\r\n\r\n2\t"He said "no <e2>way</e2>" to <e1>her</e1>."\r\nOther\r\nComment:\r\n\r\n'


def rows_of(path: Path, tmp_path: Path, how: How | None = None) -> tuple[reading.Read, list[dict[str, str]]]:
    out = tmp_path / "out.arrow"
    read = reading.read(path, how, out, name=path.name)
    with pa.memory_map(str(out)) as source:
        return read, pa.ipc.open_file(source).read_all().to_pylist()


@pytest.mark.parametrize("content", [BLOCKS, BLOCKS.replace("\r\n", "\n"), BLOCKS.replace("Comment: one\r\n", ""), "\ufeff" + BLOCKS])  # fmt: skip
def test_blocks_of_semeval_become_rows(content: str, tmp_path: Path) -> None:
    path = tmp_path / "TRAIN_FILE.TXT"
    path.write_bytes(content.encode())
    read, rows = rows_of(path, tmp_path)
    assert (read.how.kind, read.columns, read.warnings) == ("semeval", ("id", "text", "label"), ())
    assert rows == [
        {"id": "1", "text": "A <e1>cat</e1> in a <e2>box</e2>.", "label": "Content-Container(e1,e2)"},
        {"id": "2", "text": 'He said "no <e2>way</e2>" to <e1>her</e1>.', "label": "Other"},
    ]
    assert "SemEval" in str(read.sentence)


def test_sentences_without_a_relation_stay_and_stray_lines_are_told(tmp_path: Path) -> None:
    path = tmp_path / "some.txt"
    path.write_text(BLOCKS.replace("\r\n", "\n") + "3\t<e1>a</e1> <e2>b</e2>\n\nwhat is this\n" + BLOCKS.replace("\r\n", "\n") * 9)  # fmt: skip
    read, rows = rows_of(path, tmp_path)
    assert (read.rows, rows[2]) == (21, {"id": "3", "text": "<e1>a</e1> <e2>b</e2>", "label": ""})
    assert [str(w) for w in read.warnings] == ["1 line belongs to no sentence and was left out."]


def test_other_texts_are_not_taken_for_semeval() -> None:
    assert not relations.is_semeval(['1\t"A <e1>cat</e1> in a <e2>box</e2>."', '2\t"A <e1>x</e1> <e2>y</e2>"'])
    assert not relations.is_semeval(["id\ttext\tlabel", "1\t<e1>a</e1> <e2>b</e2>\tx"])
    assert not relations.is_semeval([])


@pytest.mark.parametrize(("text", "table", "n"), [("TRAIN_FILE.TXT", "train.csv", 8_000), ("TEST_FILE_FULL.TXT", "test.csv", 2_717)])  # fmt: skip
def test_both_formats_of_the_shared_set_hold_the_same_rows(text: str, table: str, n: int, data_dir: Path, tmp_path: Path) -> None:  # fmt: skip
    read, rows = rows_of(data_dir / "semeval2010_task8" / text, tmp_path)
    assert (read.rows, read.columns, read.warnings) == (n, ("id", "text", "label"), ())
    with (data_dir / "semeval2010_task8" / table).open(encoding="utf-8", newline="") as file:
        others = list(csv.DictReader(file))
    assert len(others) == n
    for mine, other in zip(rows, others, strict=True):
        # whoever made the csv took every quotation mark off both ends; the text format has one pair around each sentence
        assert mine["text"].strip('"') == other["sentence"].strip('"')
        assert (mine["id"], mine["label"]) == (other["id"], other["relation"])
        found = unmark(mine["text"])
        assert found is not None and mark(*found) == mine["text"]
        assert found.plain[found.head.start : found.head.end] == other["e1"]
        assert found.plain[found.tail.start : found.tail.end] == other["e2"]
    assert len({row["label"] for row in rows}) == 19


def test_hostile_texts_end_quickly() -> None:
    started = time.process_time()
    for text in ("<e1>" * 50_000, "<" + " " * 500_000, "<e1:" + " " * 500_000, "<e1>a</e1>" * 20_000 + "<e2>b</e2>"):
        parse({"text": text})
    parse({"text": "a", "head": "1" + " " * 500_000 + "x", "tail": "a"})
    assert relation_of("a" + " " * 500_000 + "b")[1] == ""
    assert list(relations.semeval(["1\t" + "<e1>" * 500_000])) == []
    assert time.process_time() - started < 10
