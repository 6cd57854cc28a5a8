"""CoNLL files as people have them: recognised, cut into sentences, read into texts and spans."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest

from core.data import conll, reading
from core.data.spans import from_tags, scheme, to_tags

FOUR = """-DOCSTART- -X- O O

EU NNP I-NP I-ORG
rejects VBZ I-VP O
German JJ I-NP I-MISC
call NN I-NP O

Peter NNP I-NP I-PER
Blackburn NNP I-NP I-PER
"""
EU = [{"start": 0, "end": 2, "label": "ORG"}, {"start": 11, "end": 17, "label": "MISC"}]
PETER = [{"start": 0, "end": 15, "label": "PER"}]


def rows_of(out: Path) -> list[tuple[str, list[dict[str, object]]]]:
    with pa.memory_map(str(out)) as source:
        rows = pa.ipc.open_file(source).read_all().to_pylist()
    return [(row["text"], json.loads(row["spans"])) for row in rows]


def brought(tmp_path: Path, content: str, name: str = "file.txt") -> list[tuple[str, list[dict[str, object]]]]:
    path = tmp_path / name
    path.write_bytes(content.encode())
    read = reading.read(path, None, tmp_path / "out.arrow", name=name)
    assert read.how.kind == "conll"
    assert read.columns == conll.COLUMNS
    return rows_of(tmp_path / "out.arrow")


@pytest.mark.parametrize("ending", ["txt", "conll", "iob", "bio", "tsv", "dat"])
def test_a_file_is_known_by_what_it_holds_whatever_its_name(ending: str, tmp_path: Path) -> None:
    rows = brought(tmp_path, FOUR, f"file.{ending}")
    assert rows == [("EU rejects German call", EU), ("Peter Blackburn", PETER)]


@pytest.mark.parametrize(
    "content",
    [
        FOUR.replace(" ", "\t"),
        FOUR.replace("\n", "\r\n"),
        FOUR.replace("I-ORG", "B-ORG").replace("I-MISC", "B-MISC").replace("Peter NNP I-NP I", "Peter NNP I-NP B"),
        FOUR.replace("\n\n", "\n \n") + "\n\n\n",
        "\ufeff" + FOUR,
        "EU S-ORG\nrejects O\nGerman S-MISC\ncall O\n\nPeter B-PER\nBlackburn E-PER",
        "EU U-ORG\nrejects O\nGerman U-MISC\ncall O\n\nPeter B-PER\nBlackburn L-PER\n",
        "EU\tB-ORG\nrejects\tO\nGerman\tB-MISC\ncall\tO\n\nPeter\tB-PER\nBlackburn\tI-PER\n",
        "# id = 1 of 2\nEU B-ORG\nrejects O\nGerman B-MISC\ncall O\n\n# id = 2 of 2\nPeter B-PER\nBlackburn I-PER\n",
        "1 EU B-ORG\n2 rejects O\n3 German B-MISC\n4 call O\n\n1 Peter B-PER\n2 Blackburn I-PER\n",
        "EU _ _ B-ORG\nrejects _ _ O\nGerman _ _ B-MISC\ncall _ _ O\n\nPeter _ _ B-PER\nBlackburn _ _ I-PER\n",
    ],
    ids=["tabs", "crlf", "iob2", "blanks", "bom", "bioes", "bilou", "two", "remarks", "counted", "empty columns"],
)
def test_the_same_sentences_come_out_of_every_layout(content: str, tmp_path: Path) -> None:
    assert brought(tmp_path, content) == [("EU rejects German call", EU), ("Peter Blackburn", PETER)]


def test_chinese_characters_are_joined_without_spaces_and_bmes_is_known(tmp_path: Path) -> None:
    content = "张 B-PER\n伟 E-PER\n住 O\n在 O\n北 B-LOC\n京 M-LOC\n市 E-LOC\n。 O\n\n🍜 O\n在 O\n沪 S-LOC\n"
    assert conll.layout(content).scheme == "BMES"
    first, second = brought(tmp_path, content)
    assert first == (
        "张伟住在北京市。",
        [{"start": 0, "end": 2, "label": "PER"}, {"start": 4, "end": 7, "label": "LOC"}],
    )
    assert second == ("🍜在沪", [{"start": 2, "end": 3, "label": "LOC"}])


def test_bare_types_are_read_where_the_name_says_so(tmp_path: Path) -> None:
    content = "EU ORG\nrejects O\nGerman MISC\ncall O\n\nPeter PER\nBlackburn PER\n"
    assert not conll.looks_like(content)
    assert brought(tmp_path, content, "file.conll") == [("EU rejects German call", EU), ("Peter Blackburn", PETER)]


def test_a_hash_may_be_a_word(tmp_path: Path) -> None:
    content = "# O\nParis B-LOC\nrocks O\n\nParis B-LOC\nagain O\n"
    assert brought(tmp_path, content)[0] == ("# Paris rocks", [{"start": 2, "end": 7, "label": "LOC"}])


@pytest.mark.parametrize(
    "content",
    [
        "A plain line\nAnd another one\n\nThen a third line\nand so on\nand on\n",
        "text\tlabel\nI like it\tgood\n\nnot at all\tbad\nwell\tO\nso\tO\n",
        "good O\nbad O\nwell O\n\nnever O\nalways O\nmore O\n",
        "London\nParis\n\nRome\nB-52\nOslo\n",
        "",
    ],
)
def test_other_texts_are_not_taken_for_it(content: str) -> None:
    assert not conll.looks_like(content)


def test_an_inspection_tells_the_scheme(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_text(FOUR)
    sample = reading.inspect(path, path.name)
    assert "Its tags follow IOB1." in [str(reason) for reason in sample.reasons]
    assert sample.columns == ("text", "spans")
    assert sample.rows[1] == ("Peter Blackburn", json.dumps(PETER))


def test_a_file_without_empty_lines_is_cut_and_not_kept_whole() -> None:
    lines = ("word B-X\n" for _ in range(250_000))
    sizes = [len(spans) for _, spans in conll.rows(lines, conll.Layout(tabs=False, width=2))]
    assert sizes == [100_000, 100_000, 50_000]


@pytest.mark.parametrize(("part", "sentences"), [("train", 14_041), ("valid", 3_250), ("test", 3_453)])
def test_conll2003_opens_with_its_sentences_and_gives_its_tags_back(
    part: str, sentences: int, data_dir: Path, tmp_path: Path
) -> None:
    path = data_dir / "conll2003" / f"{part}.txt"
    read = reading.read(path, None, tmp_path / "out.arrow")
    assert (read.rows, read.columns) == (sentences, ("text", "spans"))
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    layout = conll.layout("".join(lines[: conll.HEAD_LINES]))
    assert layout.scheme == "IOB1"
    rows = rows_of(tmp_path / "out.arrow")
    different = 0
    for (text, spans), (tokens, tags) in zip(rows, conll.sentences(lines, layout), strict=True):
        assert text == " ".join(tokens)
        again = to_tags(tokens, spans, "IOB1")
        different += again != tags
        assert from_tags(tokens, again) == (text, spans)
        assert all(text[s["start"] : s["end"]] == text[s["start"] : s["end"]].strip() != "" for s in spans)
    assert different == (2 if part == "train" else 0)  # two sentences have a B that IOB1 does not ask for
    assert scheme(tags for _, tags in conll.sentences(lines, layout)) == "IOB1"


def test_every_surface_of_conll2003_is_its_tokens(data_dir: Path) -> None:
    lines = (data_dir / "conll2003" / "test.txt").read_text(encoding="utf-8").splitlines(keepends=True)
    layout = conll.layout("".join(lines[:2000]))
    found = [text[s["start"] : s["end"]] for text, spans in conll.rows(lines, layout) for s in spans]
    words: list[str] = []
    for tokens, tags in conll.sentences(lines, layout):
        before = "O"
        for token, tag in zip(tokens, tags, strict=True):  # by the definition of IOB1, straight from the tags
            if tag != "O" and (tag[0] == "B" or before[2:] != tag[2:]):
                words.append(token)
            elif tag != "O":
                words[-1] += f" {token}"
            before = tag
    assert found == words
    assert len(found) == 5_648  # as the task's description states
