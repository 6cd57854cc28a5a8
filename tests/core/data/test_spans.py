"""Spans in every form people bring them, checked against the very words they mark."""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest

from core.data import reading, spans
from core.data.spans import (
    SCHEMES,
    Convention,
    checked,
    from_tags,
    from_utf16,
    joined,
    overlap_faults,
    overlaps,
    parse,
    read,
    recognise,
    scheme,
    span,
    to_tags,
    to_utf16,
    without_overlaps,
)

TEXT = "💩 Ada met 张伟 in Paris."
ADA, ZHANG, PARIS = span(2, 5, "PER"), span(10, 12, "PER"), span(16, 21, "LOC")
ALL = [ADA, ZHANG, PARIS]


def as_json(value: object) -> dict[str, str]:
    return {"label": json.dumps(value, ensure_ascii=False)}


def studio(spans: list[dict[str, object]], words: bool = True) -> list[dict[str, object]]:
    return [
        {
            "id": f"x{i}",
            "from_name": "label",
            "to_name": "text",
            "type": "labels",
            "value": {
                "start": s["start"],
                "end": s["end"],
                "labels": [s["label"]],
                **({"text": TEXT[ALL[i]["start"] : ALL[i]["end"]]} if words else {}),
            },
        }
        for i, s in enumerate(spans)
    ]


# --- forms ---

FORMS = {
    "records": (ALL, "records"),
    "records, other names": (
        [{"start_offset": s["start"], "end_offset": s["end"], "type": s["label"]} for s in ALL],
        "records",
    ),
    "records, numbers as text": ([{**s, "start": str(s["start"]), "end": str(s["end"])} for s in ALL], "records"),
    "offset, length": (
        [{"offset": s["start"], "length": s["end"] - s["start"], "category": s["label"]} for s in ALL],
        "records",
    ),
    "inclusive with words": (
        [
            {
                "start_idx": s["start"],
                "end_idx": s["end"] - 1,
                "type": s["label"],
                "entity": TEXT[s["start"] : s["end"]],
            }
            for s in ALL
        ],
        "records",
    ),
    "triples": ([[s["start"], s["end"], s["label"]] for s in ALL], "triples"),
    "label first": ([[s["label"], s["start"], s["end"]] for s in ALL], "triples"),
    "spaCy": ({"entities": [[s["start"], s["end"], s["label"]] for s in ALL]}, "spacy"),
    "spaCy with its text": ([TEXT, {"entities": [[s["start"], s["end"], s["label"]] for s in ALL]}], "spacy"),
    "spaCy doc": ({"text": TEXT, "ents": ALL}, "spacy"),
    "Prodigy": ({"text": TEXT, "spans": [{**s, "token_start": 0} for s in ALL]}, "spacy"),
    "Label Studio": (studio(ALL), "label_studio"),
    "Label Studio, UTF-16": (studio(to_utf16(TEXT, ALL)), "label_studio"),
    "Label Studio, no words": (studio(ALL, words=False), "label_studio"),
    "Label Studio, a task": (
        {"data": {"text": TEXT}, "annotations": [{"id": 1, "result": studio(ALL)}]},
        "label_studio",
    ),
    "Label Studio, with a relation": (
        [*studio(ALL), {"type": "relation", "from_id": "x0", "to_id": "x1", "labels": ["knows"]}],
        "label_studio",
    ),
    "Label Studio, short": (
        [{**s, "labels": [s["label"]], "text": TEXT[s["start"] : s["end"]]} for s in ALL],
        "records",
    ),
    "CLUENER": ({"PER": {"Ada": [[2, 4]], "张伟": [[10, 11]]}, "LOC": {"Paris": [[16, 20]]}}, "nested"),
    "CLUENER in its record": (
        {
            "text": TEXT,
            "label": {"PER": {"Ada": [["2", "4"]], "张伟": [["10", "11"]]}, "LOC": {"Paris": [["16", "20"]]}},
        },
        "nested",
    ),
}


@pytest.mark.parametrize("name", FORMS)
def test_every_json_form_gives_the_same_spans(name: str) -> None:
    value, form = FORMS[name]
    found = read(as_json(value), TEXT)
    assert found is not None
    assert found.spans == ALL
    assert found.convention.form == form
    assert not found.faults
    assert parse(as_json(value), TEXT) == ALL
    assert str(found.convention.title)


@pytest.mark.parametrize("name", [n for n in FORMS if "as text" not in n])
def test_a_python_literal_as_pandas_writes_it_reads_like_json(name: str) -> None:
    assert parse({"label": repr(FORMS[name][0])}, TEXT) == ALL


def test_a_span_in_columns_of_its_own_is_read() -> None:
    assert parse({"start": "16", "end": "21", "label": "LOC"}, TEXT) == [PARIS]


def test_a_text_in_the_same_cell_serves_where_no_other_is_given() -> None:
    found = read(as_json({"text": TEXT, "entities": [[16, 21, "LOC"]]}))
    assert found is not None
    assert (found.text, found.spans) == (TEXT, [PARIS])


def test_without_any_text_offsets_are_taken_as_they_stand() -> None:
    found = read(as_json([[16, 21, "LOC"], [2, 5, "PER"], [4, 4, "X"]]))
    assert found is not None
    assert (found.text, found.spans) == (None, [ADA, PARIS])


@pytest.mark.parametrize("cell", ["[]", "{}", '{"entities": []}', '{"label": {}}'])
def test_an_empty_list_says_that_there_is_nothing_and_an_empty_cell_says_nothing(cell: str) -> None:
    assert parse({"label": cell}, TEXT) == []
    assert parse({"label": "  "}, TEXT) is None


@pytest.mark.parametrize(
    "cell",
    ["positive", "3.5", "a, b", '{"a": 1}', "[1, 2, 3]", '["a", "b"]', '[{"role": "user", "content": "x"}]', "[{", "[" * 5000, "{'a': " * 3000,
     '[{"start": true, "end": 3, "label": "x"}]', '[{"start": 1.5, "end": 3, "label": "x"}]', "see [this](https://example.org)"],
)  # fmt: skip
def test_what_is_no_span_is_not_taken_for_one(cell: str) -> None:
    assert parse({"label": cell}, TEXT) is None


# --- what is wrong with them ---


def test_spans_outside_or_empty_are_left_out_and_told() -> None:
    good, faults = checked(
        [span(2, 5, "PER"), span(20, 99, "X"), span(-1, 3, "X"), span(5, 6, "Y"), span(9, 9, "Y")], TEXT
    )
    assert good == [ADA]
    assert [fault.code for fault in faults] == ["outside", "outside", "empty", "empty"]
    assert str(faults[0].message) == (
        "A span (X) from 20 to 99 lies outside its text of 22 characters and was left out."
    )
    assert str(faults[2].message) == "A span (Y) from 5 to 6 holds no characters and was left out."


def test_white_space_at_the_ends_is_no_part_of_a_span() -> None:
    assert checked([span(1, 6, "PER"), span(2, 5, "PER")], TEXT) == ([ADA], [])


def test_overlaps_are_found_and_told_and_spans_that_touch_are_none() -> None:
    first, second, third = span(2, 9, "A"), span(6, 12, "B"), span(12, 14, "C")
    assert overlaps([third, second, first]) == [(first, second)]
    assert overlaps([span(0, 20, "A"), span(2, 3, "B"), span(5, 6, "C")]) == [
        (span(0, 20, "A"), span(2, 3, "B")),
        (span(0, 20, "A"), span(5, 6, "C")),
    ]
    assert [str(f.message) for f in overlap_faults([ADA, span(2, 9, "X")], TEXT)] == [
        "“Ada” (PER) and “Ada met” (X) overlap."
    ]


def test_of_overlapping_spans_the_longest_stays() -> None:
    assert without_overlaps([span(0, 4, "A"), span(2, 9, "B"), span(9, 11, "C"), span(2, 9, "D")]) == [
        span(2, 9, "B"),
        span(9, 11, "C"),
    ]


def test_words_that_stand_elsewhere_are_found_and_told() -> None:
    found = read(
        as_json(
            [
                {"start": 14, "end": 19, "label": "LOC", "text": "Paris"},
                {"start": 0, "end": 4, "label": "X", "text": "Rome"},
            ]
        ),
        TEXT,
    )
    assert found is not None
    assert found.spans == [PARIS]
    assert [str(f.message) for f in found.faults] == [
        "“Paris” (LOC) does not stand at 14; it was found at 16.",
        "“Rome” (X) does not stand in the text and was left out.",
    ]


def test_utf16_offsets_and_code_points_are_each_others_inverse() -> None:
    text = "a👩🏽‍🚀é🇫🇷张🍜b"
    places = [span(a, b, "X") for a in range(len(text)) for b in range(a + 1, len(text) + 1)]
    units = text.encode("utf-16-le")
    for one, wide in zip(places, to_utf16(text, places), strict=True):
        assert units[2 * wide["start"] : 2 * wide["end"]].decode("utf-16-le") == text[one["start"] : one["end"]]
    assert from_utf16(text, to_utf16(text, places)) == places
    assert from_utf16("🍜", [span(1, 2, "X")]) == [span(0, 1, "X")]  # half a character means all of it
    assert checked(from_utf16("🍜x", [span(2, 9, "X")]), "🍜x")[1][0].code == "outside"


# --- what only many rows can tell ---


def rows(value: object, n: int = 20) -> list[tuple[dict[str, str], str | None]]:
    return [(as_json(value), TEXT)] * n


def test_a_column_tells_inclusive_ends_and_utf16_by_its_words() -> None:
    old = studio(to_utf16(TEXT, ALL))
    assert recognise(rows(old)) == Convention("label_studio", utf16=True)
    assert recognise(rows(studio(ALL))) == Convention("label_studio")
    cluener = {"LOC": {"Paris": [[16, 20]]}}
    assert recognise(rows(cluener)) == Convention("nested", inclusive=True)
    # then a row without words is read in the same way
    assert parse(as_json(studio(to_utf16(TEXT, ALL), words=False)), TEXT, recognise(rows(old))) == ALL


def test_spans_of_no_length_tell_inclusive_ends_where_no_words_do() -> None:
    mixed = [*rows([[16, 20, "LOC"]]), (as_json([[10, 10, "PER"]]), TEXT)]
    convention = recognise(mixed)
    assert convention == Convention("triples", inclusive=True)
    assert parse(as_json([[16, 20, "LOC"]]), TEXT, convention) == [PARIS]
    assert [str(m) for m in convention.remarks] == ["Ends count as part of the span."] if convention else False


def test_a_column_of_something_else_has_no_convention() -> None:
    assert recognise([({"label": "positive"}, TEXT)] * 20) is None
    assert recognise([({"label": ""}, TEXT)] * 20) is None
    assert recognise([*rows([[1, 2, "X"]], 5), *[({"label": "positive"}, TEXT)] * 20]) is None


# --- tokens and tags ---

TOKENS = ["Ada", "Byron", "Lovelace", "met", "Babbage", "in", "London", "Paris", "."]
TAGS = {
    "IOB1": "I-PER I-PER I-PER O I-PER O I-LOC B-LOC O",
    "IOB2": "B-PER I-PER I-PER O B-PER O B-LOC B-LOC O",
    "BIOES": "B-PER I-PER E-PER O S-PER O S-LOC S-LOC O",
    "BILOU": "B-PER I-PER L-PER O U-PER O U-LOC U-LOC O",
    "BMES": "B-PER M-PER E-PER O S-PER O S-LOC S-LOC O",
}
MEANT = [span(0, 18, "PER"), span(23, 30, "PER"), span(34, 40, "LOC"), span(41, 46, "LOC")]


@pytest.mark.parametrize("name", TAGS)
def test_tags_of_every_scheme_are_known_read_and_written(name: str) -> None:
    tags = TAGS[name].split()
    assert scheme([tags]) == name
    assert from_tags(TOKENS, tags) == (" ".join(TOKENS), MEANT)
    assert to_tags(TOKENS, MEANT, name) == tags


def test_bare_types_are_a_scheme_that_cannot_part_neighbours() -> None:
    tags = "PER PER PER O PER O LOC LOC O".split()
    assert scheme([tags]) == "IO"
    assert from_tags(TOKENS, tags, "IO")[1] == [*MEANT[:2], span(34, 46, "LOC")]
    assert to_tags(TOKENS, MEANT, "IO") == tags


@pytest.mark.parametrize(
    ("tags", "meant"),
    [  # as conlleval reads them
        ("O I-A I-A", [(1, 3, "A")]),
        ("I-A I-B", [(0, 1, "A"), (1, 2, "B")]),
        ("B-A I-B I-B", [(0, 1, "A"), (1, 3, "B")]),
        ("B-A B-A", [(0, 1, "A"), (1, 2, "A")]),
        ("B-A E-A I-A", [(0, 2, "A"), (2, 3, "A")]),
        ("E-A E-A", [(0, 1, "A"), (1, 2, "A")]),
        ("S-A I-A", [(0, 1, "A"), (1, 2, "A")]),
        ("B I O", [(0, 2, "entity")]),
        ("O O O", []),
        ("", []),
    ],
)
def test_odd_tags_read_as_the_scorer_of_conll_does(tags: str, meant: list[tuple[int, int, str]]) -> None:
    assert spans.runs(tags.split()) == meant


@pytest.mark.parametrize("name", SCHEMES[:-1])
def test_random_spans_survive_every_scheme(name: str) -> None:
    chance = random.Random(3)
    for _ in range(200):
        tokens = [chance.choice(["a", "张", "伟", "🍜", "word", "The"]) for _ in range(chance.randrange(1, 12))]
        text, places = joined(tokens)
        ends = sorted(chance.sample(range(len(tokens) + 1), min(len(tokens) + 1, 4)))
        marked = [
            span(places[a][0], places[b - 1][1], chance.choice("XY"))
            for a, b in zip(ends[::2], ends[1::2], strict=False)
        ]
        tags = to_tags(tokens, marked, name)
        assert from_tags(tokens, tags) == (text, marked), (tokens, tags)


def test_most_of_a_corpus_decides_its_scheme() -> None:
    assert scheme([["I-A", "O", "I-A"]] * 9 + [["O", "B-A"]]) == "IOB1"
    assert scheme([["B-A", "O", "B-A"]] * 9 + [["O", "I-A"]]) == "IOB2"
    assert scheme([["O", "O"]]) == "IOB2"


@pytest.mark.parametrize(
    ("tokens", "text"),
    [
        (["EU", "rejects", "German", "call", "."], "EU rejects German call ."),
        (["张", "伟", "住", "在", "北", "京", "。"], "张伟住在北京。"),
        (list("2020年iPhone手机"), "2020年iPhone手机"),
        (["我", "用", "iPhone", "拍照"], "我用iPhone拍照"),
        (["我", "用", "Apple", "iPhone", "拍照", "了"], "我用Apple iPhone拍照了"),
        (["The", "word", "茶", "means", "tea"], "The word 茶 means tea"),
        (["東京", "に", "行く"], "東京に行く"),
        (["서울", "에", "간다"], "서울 에 간다"),
        (["👩🏽‍🚀", "flew"], "👩🏽‍🚀 flew"),
        ([], ""),
    ],
)
def test_tokens_are_joined_as_their_script_writes(tokens: list[str], text: str) -> None:
    made, places = joined(tokens)
    assert made == text
    assert [made[a:b] for a, b in places] == tokens


@pytest.mark.parametrize(
    ("cells", "text", "now"),
    [
        ({"tokens": '["EU", "rejects"]', "ner_tags": '["B-ORG", "O"]'}, None, "EU rejects"),
        ({"tokens": "EU rejects", "ner_tags": "B-ORG O"}, None, "EU rejects"),
        ({"tokens": "EU,rejects", "ner_tags": "B-ORG,O"}, None, "EU rejects"),
        ({"ner_tags": "B-ORG, O", "tokens": "EU rejects"}, None, "EU rejects"),
        ({"tags": "B-ORG O"}, "EU  rejects", "EU  rejects"),
        ({"tokens": '["EU", "rejects"]', "tags": "B-ORG O"}, "EU  rejects", "EU  rejects"),
        ({"tokens": '["E", "U"]', "tags": "B-ORG I-ORG"}, "EU", "EU"),
        ({"x": '{"tokens": ["EU", "rejects"], "ner_tags": ["B-ORG", "O"]}'}, None, "EU rejects"),
        ({"words": "EU rejects", "types": "ORG O"}, None, "EU rejects"),
    ],
)
def test_tokens_and_tags_in_cells_are_matched(cells: dict[str, str], text: str | None, now: str) -> None:
    found = read(cells, text)
    assert found is not None
    assert (found.text, found.spans, found.convention.form) == (now, [span(0, 2, "ORG")], "tags")
    assert parse(cells, text) == found.spans


def test_tags_of_each_character_belong_to_a_text_without_spaces() -> None:
    assert parse({"tags": "B-PER I-PER O O B-LOC I-LOC"}, "张伟住在北京") == [span(0, 2, "PER"), span(4, 6, "LOC")]


def test_a_text_of_other_words_is_told_by_read_and_refused_by_parse() -> None:
    cells = {"tokens": '["EU", "rejects"]', "tags": "B-ORG O"}
    found = read(cells, "something else")
    assert found is not None
    assert found.text == "EU rejects"
    assert parse(cells, "something else") is None


def test_a_column_of_tags_tells_its_scheme() -> None:
    convention = recognise([({"tokens": " ".join(TOKENS), "tags": TAGS["IOB1"]}, None)] * 5)
    assert convention == Convention("tags", "IOB1")
    assert str(convention.title) == "a tag for each token (IOB1)" if convention else False
    bare = recognise([({"tokens": "EU rejects", "tags": "ORG O"}, None)] * 5)
    assert bare == Convention("tags", "IO")
    assert parse({"tokens": "Paris", "tags": "LOC"}, None, bare) == [span(0, 5, "LOC")]


# --- marks in the text ---


@pytest.mark.parametrize(
    ("cell", "form"),
    [
        ("💩 [Ada](PER) met [张伟](PER) in [Paris](LOC).", "brackets"),
        ("💩 [Ada|PER] met [张伟|PER] in [ Paris |LOC].", "bars"),
        ('💩 [Ada]{"entity": "PER"} met [张伟]{"entity": "PER", "value": "Zhang"} in [Paris]{"entity":"LOC"}.', "rasa"),
        ("💩 <PER>Ada</PER> met <PER>张伟</PER> in <LOC>Paris</LOC>.", "elements"),
        ('💩 <ENAMEX TYPE="PER">Ada</ENAMEX> met <PER>张伟</PER> in <LOC> Paris</LOC>.', "elements"),
    ],
)
def test_marks_inside_a_text_are_taken_out(cell: str, form: str) -> None:
    found = read({"text": cell})
    assert found is not None and found.text is not None
    assert found.convention == Convention(form)
    assert [(found.text[s["start"] : s["end"]], s["label"]) for s in found.spans] == [
        ("Ada", "PER"),
        ("张伟", "PER"),
        ("Paris", "LOC"),
    ]
    assert found.text.replace("  ", " ").replace(" .", ".") == TEXT
    assert parse({"text": cell}, cell) is None  # its offsets belong to the text without marks
    assert parse({"text": cell}, found.text) == found.spans


@pytest.mark.parametrize(
    "text",
    [
        "See [the site](https://example.org) or [mail](mailto:x@example.org).",
        "Some <b>bold</b> and <div>block</div>",
        "The <e1>author</e1> of a <e2>disassembler</e2>",
        "a < b and b > c </d>",
        "[1] and [2], a[i](3)",
        "<LOC>never closed",
    ],
)
def test_ordinary_brackets_stay_ordinary_text(text: str) -> None:
    assert read({"text": text}) is None


def test_marks_may_stand_inside_each_other() -> None:
    found = read({"text": "<ORG>University of <LOC>Paris</LOC></ORG> and <b>so</b> on"})
    assert found is not None
    assert found.text == "University of Paris and <b>so</b> on"
    assert found.spans == [span(0, 19, "ORG"), span(14, 19, "LOC")]


def test_in_a_column_of_marked_texts_a_text_without_marks_has_no_entity() -> None:
    marked = [({"text": "go to [Paris](LOC)"}, None), *[({"text": f"plain {i}"}, None) for i in range(9)]]
    convention = recognise(marked)
    assert convention == Convention("brackets")
    assert read({"text": "plain [x|Y]"}, None, convention) == spans.Found([], "plain [x|Y]", Convention("brackets"))


@pytest.mark.parametrize("piece", ["[a", "[a](", "<A>", "<A>x", "[a|", '[a]{"entity":', "</A>", "[[a]]("])
def test_marks_are_found_in_time_in_proportion_to_the_text(piece: str) -> None:
    started = time.process_time()
    read({"text": piece * 40_000})
    assert time.process_time() - started < 3


# --- real data ---


@pytest.mark.parametrize(("part", "expected"), [("train", 10_748), ("dev", 1_343)])
def test_every_surface_of_cluener_is_the_text_at_its_offsets(
    part: str, expected: int, data_dir: Path, tmp_path: Path
) -> None:
    path = data_dir / "cluener2020" / f"{part}.jsonl"
    reading.read(path, None, tmp_path / "out.arrow")
    with pa.memory_map(str(tmp_path / "out.arrow")) as source:
        brought = pa.ipc.open_file(source).read_all().to_pylist()
    assert len(brought) == expected
    convention = recognise(({"label": row["label"]}, row["text"]) for row in brought)
    assert convention == Convention("nested", inclusive=True)
    originals = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for row, original in zip(brought, originals, strict=True):
        text = original["text"]
        found = read({"label": row["label"]}, row["text"], convention)
        assert found is not None and not found.faults
        gold = Counter(
            (label, words) for label, of in original["label"].items() for words, places in of.items() for _ in places
        )
        assert Counter((s["label"], text[s["start"] : s["end"]]) for s in found.spans) == gold


def test_cluener_survives_tags_of_every_scheme(data_dir: Path) -> None:
    lines = (data_dir / "cluener2020" / "dev.jsonl").read_text(encoding="utf-8").splitlines()
    for record in map(json.loads, lines):
        text = record["text"]
        gold = parse(as_json(record["label"]), text)
        assert gold is not None
        flat = without_overlaps(gold)
        places = [(i, i + 1) for i in range(len(text))]
        for name in ("IOB1", "IOB2", "BIOES", "BMES"):
            tags = to_tags(list(text), flat, name, places)
            again = [span(a, b, label) for a, b, label in spans.runs(tags)]
            assert again == flat
            assert to_tags(list(text), again, name, places) == tags
