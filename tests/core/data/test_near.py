"""Near-equal texts: those of a comparison of all with all are found, and kept."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.data import near
from core.data import shingles as sh
from core.data.dataset import Dataset
from core.data.shape import Part, Shape


def opened(tmp_path: Path, texts: list[str]) -> Dataset:
    path = tmp_path / "texts.jsonl"
    path.write_text("\n".join(json.dumps({"text": text, "label": "ab"[i % 2]}) for i, text in enumerate(texts)))
    data = Dataset.open(tmp_path / "data")
    data.add(path, path.name)
    return data


LONG = "this is a text of quite a few words which somebody wrote on a rainy day in the north of the country"


def test_texts_that_differ_in_case_signs_or_a_word_are_of_one_group(tmp_path: Path) -> None:
    texts = [
        "Where is my card?",
        "another one",
        LONG,
        "where is my card",
        LONG + " indeed",
        "quite another one",
        "!!",
        "?",
    ]
    state = opened(tmp_path, texts).state
    assert near.groups(state).tolist() == [0, -1, 1, 0, 1, -1, -1, -1]
    assert near.looked_at(state) == 8


def test_the_likest_comes_first(tmp_path: Path) -> None:
    state = opened(tmp_path, [LONG, LONG + " far away", LONG.upper(), LONG + " away"]).state
    assert near.alike(state, 0).tolist() == [2, 3, 1]
    n = len(LONG.split()) - 1
    assert near.likeness(state, np.array([0, 0]), np.array([1, 3])) == pytest.approx([n / (n + 2), n / (n + 1)])


@pytest.mark.parametrize("name", ["sms_spam/spam.csv", "chnsenticorp/dev.tsv"])
def test_on_real_texts_it_finds_what_comparing_all_with_all_finds(tmp_path: Path, data_dir: Path, name: str) -> None:
    data = Dataset.open(tmp_path / "data")
    data.add(data_dir / name, Path(name).name)
    state = data.state
    n = min(1500, len(state))
    sets = sh.shingles(state.texts(np.arange(n)))
    one, other = np.triu_indices(n, 1)
    alike = (sets.keys[one] == sets.keys[other]) & (sets.keys[one] > 0)
    alike |= sh.jaccard(sets, one, other) >= near.ALIKE
    group = near.groups(state)[:n]
    together = (group[one] == group[other]) & (group[one] >= 0)
    assert alike.sum() > 5
    assert together[alike].all()
    first, pairs = near.pairs(state)
    there = {tuple(sorted(pair)) for pair in pairs.tolist()}
    assert all(
        first[a] == first[b] or tuple(sorted((first[a], first[b]))) in there
        for a, b in zip(one[alike].tolist(), other[alike].tolist(), strict=True)
    )
    assert (near.likeness(state, pairs[:, 0], pairs[:, 1]) >= near.ALIKE).all()


def test_banking77_has_these_pairs(tmp_path: Path, data_dir: Path) -> None:
    data = Dataset.open(tmp_path / "data")
    data.add(data_dir / "banking77/train.csv", "train.csv")
    with (data_dir / "banking77/train.csv").open(encoding="utf-8", newline="") as file:
        texts = [row["text"] for row in csv.DictReader(file)]
    one = texts.index("Can you tell me why I haven't received my new card?")
    other = texts.index("Can you tell me why I haven't received my new card yet?")
    assert near.alike(data.state, one).tolist() == [other]


def test_groups_are_kept_on_disk_and_found_anew_when_a_text_changes(tmp_path: Path) -> None:
    data = opened(tmp_path, [LONG, LONG + " indeed", "short"])
    assert not near.known(data.state)
    near.groups(data.state)
    data.close()
    data = Dataset.open(tmp_path / "data")
    assert near.known(data.state)
    row = data.page().rows[1]["id"]
    group = data.change_cell(row, "text", "short")
    assert not near.known(data.state)
    assert near.groups(data.state).tolist() == [-1, 0, 0]
    data.undo(group)
    assert near.groups(data.state).tolist() == [0, 0, -1]


def test_a_broken_file_of_the_cache_is_found_anew(tmp_path: Path) -> None:
    data = opened(tmp_path, [LONG, LONG + " indeed"])
    near.groups(data.state)
    data.close()
    (kept,) = (tmp_path / "data/cache").glob("near-*.npz")
    kept.write_bytes(b"torn")
    assert near.groups(Dataset.open(tmp_path / "data").state).tolist() == [0, 0]


def test_where_a_row_has_two_texts_both_must_be_alike(tmp_path: Path) -> None:
    context = LONG + " and " + LONG
    rows = [
        ("who wrote it", context),
        ("when was that", context),
        ("Who wrote it?", context + " indeed"),
        ("who wrote it", "x"),
    ]
    path = tmp_path / "pairs.jsonl"
    path.write_text("\n".join(json.dumps({"question": q, "context": c, "answer": "somebody"}) for q, c in rows))
    data = Dataset.open(tmp_path / "data")
    data.add(path, path.name)
    data.set_shape(
        Shape("pairs", (Part("first", "text"), Part("second", "text"), Part("label", "category", target=True)))
    )
    data.set_roles({"first": "question", "second": "context", "label": "answer"})
    assert near.groups(data.state).tolist() == [0, -1, 0, -1]


def test_only_the_first_texts_are_compared_where_there_are_very_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(near, "MOST", 3)
    monkeypatch.setattr(near, "NEAR", replace(near.NEAR, rule="of three"))
    state = opened(tmp_path, ["one two", "One two", "three", "one two", "three"]).state
    assert near.groups(state).tolist() == [0, 0, -1, -1, -1]
    assert near.looked_at(state) == 3


def test_rows_that_are_no_texts_are_alone(tmp_path: Path) -> None:
    data = opened(tmp_path, ["a b", "a b"])
    data.set_shape(Shape("chat", (Part("text", "messages"),)))
    assert near.groups(data.state).tolist() == [-1, -1]
