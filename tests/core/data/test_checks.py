"""The check-up: every kind of trouble is found, counted, mended and unmended."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.data import checks
from core.data.checks import Finding
from core.data.dataset import Dataset
from core.data.shape import Part, Shape
from core.errors import Missing


def opened(tmp_path: Path, *files: tuple[list[tuple[str, str]], str | None]) -> Dataset:
    data = Dataset.open(tmp_path / "data")
    for i, (rows, split) in enumerate(files):
        path = tmp_path / f"{i}.jsonl"
        path.write_text("\n".join(json.dumps({"text": text, "label": label}) for text, label in rows), encoding="utf-8")
        data.add(path, path.name, split=split)
    return data


def plain(n: int = 40, word: str = "plain") -> list[tuple[str, str]]:
    return [(f"a {word} text with number {i}", "ab"[i % 2]) for i in range(n)]


def found(data: Dataset) -> dict[str, Finding]:
    return {f.id: f for f in data.findings() if not f.done}


def test_clean_data_has_nothing_to_look_at(tmp_path: Path) -> None:
    assert opened(tmp_path, (plain(), None)).findings() == []


def test_a_leak_is_bad_and_keep_in_test_takes_it_out_of_training(tmp_path: Path) -> None:
    data = opened(tmp_path, (plain(), None), ([*plain(3), *plain(10, "test")], "test"))
    leak = data.findings()[0]
    assert (leak.id, leak.tone, str(leak.title)) == ("leak", "bad", "3 texts are in both training and test.")
    assert str(leak.detail) == "The test would look better than it is."
    assert [(fix.id, str(fix.title)) for fix in leak.fixes] == [("keep_in_test", "Keep in test")]
    assert data.page(only="finding:leak").total == 6
    group = checks.apply(data, "leak", "keep_in_test")
    assert "leak" not in found(data)
    assert data.counts().splits["test"] == 13
    assert data.counts().excluded == 3
    done = next(f for f in data.findings() if f.done)
    assert (done.id, done.done, done.fixes, str(done.title)) == (
        "leak",
        group,
        (),
        "3 texts are in both training and test.",
    )
    checks.undo(data, group)
    assert found(data)["leak"].count == 3
    assert not any(f.done for f in data.findings())


def test_equal_texts_with_different_labels_are_found(tmp_path: Path) -> None:
    rows = [*plain(), ("twice", "a"), ("twice ", "b"), ("  thrice", "a"), ("thrice", "a"), ("thrice", "b")]
    data = opened(tmp_path, (rows, "train"))
    conflict = found(data)["conflict"]
    assert str(conflict.title) == "5 equal texts carry different labels."
    assert {row["text"].strip() for row in data.page(only="finding:conflict").rows} == {"twice", "thrice"}
    checks.apply(data, "conflict", "keep_majority")
    left = [(row["text"].strip(), row["label"]) for row in data.page(40, 10).rows if not row["excluded"]]
    assert left == [("thrice", "a"), ("thrice", "a")]


def test_duplicates_keep_one_and_rather_a_labelled_one(tmp_path: Path) -> None:
    rows = [*plain(), ("again", ""), ("again", "a"), ("again", "a"), ("and again", "b"), ("and again", "b")]
    data = opened(tmp_path, (rows, "train"))
    assert str(found(data)["duplicate"].title) == "2 texts appear twice or more."
    checks.apply(data, "duplicate", "keep_one")
    left = [(row["text"], row["label"]) for row in data.page(40, 10).rows if not row["excluded"]]
    assert left == [("again", "a"), ("and again", "b")]


def test_planned_splits_never_put_equal_texts_of_a_label_on_both_sides(tmp_path: Path) -> None:
    rows = [(f"text {i % 60}", "ab"[i % 2]) for i in range(240)]
    data = opened(tmp_path, (rows, None))
    assert "leak" not in found(data)
    assert min(data.counts().splits.values()) >= 16


def test_empty_rows_are_counted_and_left_out(tmp_path: Path) -> None:
    data = opened(tmp_path, ([*plain(), ("", "a"), (" \t ", "b"), ("\u3000", "a")], None))
    assert str(found(data)["empty"].title) == "3 rows are empty."
    assert data.counts().empty == 3
    checks.apply(data, "empty", "leave_out")
    assert "empty" not in found(data)


def test_rare_labels_are_named(tmp_path: Path) -> None:
    data = opened(tmp_path, ([*plain(), ("one", "rare"), ("two", "rare")], None))
    assert str(found(data)["rare"].title) == "rare has only 2 texts."
    assert data.page(only="finding:rare").total == 2


def test_long_texts_are_found_exactly(tmp_path: Path) -> None:
    data = opened(tmp_path, ([*plain(), ("word " * 509, "a"), ("word " * 1020, "a"), ("w" * 5000, "b")], None))
    assert data.page(only="finding:long").total == found(data)["long"].count == 1
    assert str(found(data)["long"].title) == "1 text is longer than the bundled model reads (512 word pieces)."
    assert str(found(data)["long"].detail) == "What comes after that is cut: 50 % of what stands in them."
    data.set_shape(Shape("masked", (Part("text", "text"),)))
    assert str(found(data)["long"].detail) == "They are read in several pieces."


def test_characters_the_model_does_not_know_are_found(tmp_path: Path) -> None:
    rows = [(f"这家酒店的房间很干净服务也非常热情{i}", "好坏"[i % 2]) for i in range(40)]
    finding = found(opened(tmp_path, (rows, None)))["unknown"]
    assert finding.tone == "warn"
    assert str(finding.title).startswith("The bundled model does not know ")


def test_garbled_texts_are_mended_and_the_mending_is_undone(tmp_path: Path) -> None:
    rows = [
        *plain(),
        ("I donâ€™t know, cafÃ© â€œxâ€\x9d", "a"),
        ("São Paulo, naïve, Â£5", "b"),
        ("Ã la carte is fine", "a"),
    ]
    data = opened(tmp_path, (rows, None))
    assert found(data)["garbled"].count == 2
    group = checks.apply(data, "garbled", "mend")
    assert [row["text"] for row in data.page(40, 2).rows] == ["I don’t know, café “x”", "São Paulo, naïve, £5"]
    assert "garbled" not in found(data)
    assert data.page(search="café").total == 1
    checks.undo(data, group)
    assert data.page(40, 1).rows[0]["text"] == rows[40][0]


def test_a_fix_that_no_longer_fits_is_refused(tmp_path: Path) -> None:
    data = opened(tmp_path, (plain(), None))
    for finding, fix in (("leak", "keep_in_test"), ("nope", "x")):
        with pytest.raises(Missing, match="mended already"):
            checks.apply(data, finding, fix)


def test_findings_travel_as_json(tmp_path: Path) -> None:
    data = opened(tmp_path, ([*plain(), ("", "a")], None))
    assert json.dumps([f.as_json() for f in data.findings()])


def test_the_leaks_of_chnsenticorp_are_the_ones_its_readme_states(data_dir: Path, tmp_path: Path) -> None:
    data = Dataset.open(tmp_path / "data")
    for name, split in (("train", None), ("dev", "validation"), ("test", "test")):
        data.add(data_dir / "chnsenticorp" / f"{name}.tsv", f"{name}.tsv", split=split)

    def texts(split: str) -> list[str]:
        page, start = [], 0
        while rows := data.page(start, 500, split=split).rows:
            page += [row["text"] for row in rows]
            start += 500
        return page

    train, dev, test = (texts(split) for split in ("train", "validation", "test"))
    assert (len({*train} & {*dev}), len({*train} & {*test})) == (335, 330)
    train, dev, test = ([t.strip() for t in some] for some in (train, dev, test))
    assert found(data)["leak"].count == len(set(test) & {*train, *dev})
    checks.apply(data, "leak", "keep_in_test")
    checks.apply(data, "leak_validation", "keep_in_validation")
    left = [{t.strip() for t in texts(split)} for split in ("train", "validation", "test")]
    assert not (left[0] & left[1] or left[0] & left[2] or left[1] & left[2])
    assert data.counts().splits["test"] == 1_200
