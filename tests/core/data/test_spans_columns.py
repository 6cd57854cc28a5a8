"""Files whose texts carry marks, or stand in words with a tag each: after the import the text is plain and the spans stand beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from core.data import spans_columns
from core.data.dataset import Dataset
from core.tasks.guessing import settle

PARIS = {"start": 0, "end": 5, "label": "LOC"}
FRANCE = {"start": 12, "end": 18, "label": "LOC"}
TOKENS = [
    {"id": "a", "tokens": ["EU", "rejects", "German", "call", "."], "pos": list("NVJN."), "ner_tags": ["B-ORG", "O", "B-MISC", "O", "O"]},
    {"id": "b", "tokens": ["Peter", "Blackburn", ","], "pos": list("NN,"), "ner_tags": ["B-PER", "I-PER", "O"]},
    {"id": "c", "tokens": ["No"], "pos": ["N"], "ner_tags": ["O"]},
]  # fmt: skip


def brought(tmp_path: Path, name: str, content: str) -> Dataset:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    data = Dataset.open(tmp_path / "data")
    data.add(path, name)
    settle(data)
    return data


def values(data: Dataset) -> list[tuple[str, Any]]:
    state = data.state
    return [(state.texts([place])[0], state.value(place)) for place in range(len(state))]


def lines(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


@pytest.mark.parametrize(
    "marked",
    [
        "[Paris](LOC) is in [France](LOC)",
        "[Paris|LOC] is in [France|LOC]",
        "<LOC>Paris</LOC> is in <LOC>France</LOC>",
        '[Paris]{""entity"": ""LOC""} is in [France]{""entity"": ""LOC""}',
    ],
)
def test_marks_inside_a_text_are_taken_out_and_become_spans(marked: str, tmp_path: Path) -> None:
    data = brought(tmp_path, "marks.csv", f'id,text\n1,"{marked}"\n2,nothing 👍\n')
    assert data.task == "tokens"
    assert data.columns == ("id", "text", "spans")
    assert values(data) == [("Paris is in France", [PARIS, FRANCE]), ("nothing 👍", [])]
    assert "2 marked places stand in “spans”" in str(data.imports[0].warnings[-1])


def test_words_with_their_tags_become_a_text_with_spans(tmp_path: Path) -> None:
    data = brought(tmp_path, "tokens.jsonl", lines(TOKENS))
    assert data.task == "tokens"
    assert data.columns == ("id", "text", "spans", "pos")
    assert values(data) == [
        ("EU rejects German call .", [{"start": 0, "end": 2, "label": "ORG"}, {"start": 11, "end": 17, "label": "MISC"}]),
        ("Peter Blackburn ,", [{"start": 0, "end": 15, "label": "PER"}]),
        ("No", []),
    ]  # fmt: skip


def test_tags_beside_an_ordinary_sentence_leave_the_sentence_as_it_is(tmp_path: Path) -> None:
    table = (
        "utterance,slots,intent\nfly to  new york,O O B-city I-city,go\nboston please,B-city O,go\nhi there,O O,hi\n"
    )
    data = brought(tmp_path, "slots.csv", table)
    assert values(data)[0] == ("fly to  new york", [{"start": 8, "end": 16, "label": "city"}])
    assert data.columns == ("text", "spans", "intent")


def test_characters_with_tags_are_joined_without_spaces(tmp_path: Path) -> None:
    rows = [
        {"words": list("张伟住在北京"), "labels": ["B-PER", "E-PER", "O", "O", "B-LOC", "E-LOC"]},
        {"words": list("你好"), "labels": ["O", "O"]},
    ]
    data = brought(tmp_path, "zh.jsonl", lines(rows))
    assert values(data)[0] == (
        "张伟住在北京",
        [{"start": 0, "end": 2, "label": "PER"}, {"start": 4, "end": 6, "label": "LOC"}],
    )


@pytest.mark.parametrize("numbers", [["1", "", "", "", "2", "", "3"], ["7", "7", "7", "7", "8", "8", "9"]])
def test_a_table_with_one_word_a_row_becomes_sentences(numbers: list[str], tmp_path: Path) -> None:
    words = [("EU", "B-ORG"), ("rejects", "O"), ("German", "B-MISC"), (".", "O"), ("Peter", "B-PER"), ("Blackburn", "I-PER"), ("No", "O")]  # fmt: skip
    lines = [f"{number},{word},X,{tag}" for number, (word, tag) in zip(numbers, words, strict=True)]
    data = brought(tmp_path, "words.csv", "\n".join(["Sentence #,Word,POS,Tag", *lines]) + "\n")
    assert data.task == "tokens"
    assert data.columns == ("Sentence #", "text", "spans")
    assert data.imports[0].rows == 3
    assert values(data) == [
        ("EU rejects German .", [{"start": 0, "end": 2, "label": "ORG"}, {"start": 11, "end": 17, "label": "MISC"}]),
        ("Peter Blackburn", [{"start": 0, "end": 15, "label": "PER"}]),
        ("No", []),
    ]


def test_a_row_whose_words_and_tags_do_not_match_has_no_spans_and_is_told(tmp_path: Path) -> None:
    broken = {"id": "d", "tokens": ["Two", "words"], "pos": ["N", "N"], "ner_tags": ["O", "O", "O"]}
    data = brought(tmp_path, "tokens.jsonl", lines([*TOKENS * 10, broken]))
    assert values(data)[-1] == ("Two,words", None)
    assert "do not match" in str(data.imports[0].warnings[-1])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("links.csv", "text,label\nsee [docs](install.md),a\nsee [that](usage.md),b\nnice,a\n"),
        ("web.csv", "text,label\n<b>good</b> film,a\n<i>bad</i> film,b\nnice,a\n"),
        ("thoughts.jsonl", '{"prompt": "hi", "reply": "<think>a greeting</think>hello"}\n' * 6),
        ("relations.csv", "text,label\nThe <e1>cat</e1> eats <e2>fish</e2>,a\nA <e1>dog</e1> in a <e2>box</e2>,b\n"),
        ("plain.csv", "text,label\ngood film,a\nbad film,b\n"),
        ("spans.jsonl", '{"text": "Ada in London", "label": [[0, 3, "PER"]]}\n{"text": "[no] one", "label": []}\n'),
    ],
)  # fmt: skip
def test_what_only_looks_a_little_like_marks_stays_as_it_is(name: str, content: str, tmp_path: Path) -> None:
    data = brought(tmp_path, name, content)
    assert "spans" not in data.columns
    assert not any("marked places" in str(said) for said in data.imports[0].warnings)


def test_an_empty_list_says_that_nothing_is_marked(tmp_path: Path) -> None:
    content = '{"text": "Ada in London", "label": [[0, 3, "PER"]]}\n{"text": "no one", "label": []}\n'
    data = brought(tmp_path, "spans.jsonl", content)
    assert data.task == "tokens"
    assert values(data) == [("Ada in London", [{"start": 0, "end": 3, "label": "PER"}]), ("no one", [])]


def test_offsets_are_meant_as_the_whole_column_has_them(tmp_path: Path) -> None:
    """Ends that count as part of the span, which the last row alone does not tell."""
    rows = [{"text": "in Rome", "spans": [{"start": 3, "end": 6, "label": "LOC", "text": "Rome"}]}] * 9
    rows.append({"text": "to Oslo", "spans": [{"start": 3, "end": 6, "label": "LOC"}]})
    data = brought(tmp_path, "spans.jsonl", lines(rows))
    assert values(data)[-1] == ("to Oslo", [{"start": 3, "end": 7, "label": "LOC"}])


def test_cluener_comes_as_spans_whose_words_it_repeats(data_dir: Path, tmp_path: Path) -> None:
    content = (data_dir / "cluener2020" / "dev.jsonl").read_text(encoding="utf-8")
    data = brought(tmp_path, "dev.jsonl", content)
    assert data.task == "tokens"
    told = [json.loads(line) for line in content.splitlines()]
    right = [sorted(word for words in row["label"].values() for word in words for _ in words[word]) for row in told]
    assert [sorted(text[s["start"] : s["end"]] for s in spans) for text, spans in values(data)] == right


def test_a_file_without_columns_that_mix_is_not_written_again(tmp_path: Path) -> None:
    assert spans_columns.mixed({"text": ["a [b] c", "d"], "n": ["1", "2"]}) is None
