"""What rules guessed stays apart from what people said: shown, counted and learnt from as guessed, or not at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from core.data import browse, guesses
from core.data.dataset import Dataset
from core.data.shape import Part, Shape

SEVERAL = Shape("multilabel", (Part("text", "text"), Part("labels", "categories", target=True)))


@pytest.fixture
def data(tmp_path: Path) -> Dataset:
    """Forty different texts; the first twelve are labelled by the file."""
    file = tmp_path / "mail.csv"
    rows = [f"text number {i},{('Refund' if i % 2 else 'Delivery') if i < 12 else ''}" for i in range(40)]
    file.write_text("text,label\n" + "\n".join(rows) + "\n")
    made = Dataset.open(tmp_path / "data")
    made.add(file, "mail.csv")
    made.set_roles({"text": "text", "label": "label"})
    return made


def ids(data: Dataset) -> dict[str, int]:
    return {label.name: label.id for label in data.state.alive}


def guess(data: Dataset, places: list[int], name: str = "Refund", p: float = 0.9) -> None:
    guesses.replace(data, np.array(places), [ids(data)[name]] * len(places), [p] * len(places))


def frozen(data: Dataset, path: Path) -> pa.Table:
    data.freeze(path)
    with pa.memory_map(str(path)) as source:
        return pa.ipc.open_file(source).read_all()


def test_a_guess_is_shown_and_counted_apart_from_labels(data: Dataset):
    before = data.counts()
    guess(data, [20, 21])
    after = data.counts()
    assert (after.labelled, after.unlabelled, after.labels) == (before.labelled, before.unlabelled, before.labels)
    assert (before.guessed, after.guessed) == (0, 2)
    rows = data.page(only="guessed").rows
    assert [row["number"] for row in rows] == [21, 22]
    assert (
        rows[0]["guessed"] == {"label": "Refund", "p": 0.9} and rows[0]["label"] is None and rows[0]["origin"] is None
    )


def test_an_answer_hides_the_guess_and_taking_the_answer_back_shows_it_again(data: Dataset):
    guess(data, [20])
    row = data.rows.id(20)
    data.labels.put([{"row": row, "label": "Delivery", "seq": 1, "client": "a"}], "eva")
    assert data.row(row)["guessed"] is None and data.counts().guessed == 0
    data.labels.undo("eva")
    assert data.row(row)["guessed"] == {"label": "Refund", "p": 0.9}


def test_a_label_that_a_person_took_off_is_not_guessed_back(data: Dataset):
    guess(data, [20])
    row = data.rows.id(20)
    data.labels.put([{"row": row, "label": None, "seq": 1, "client": "a"}], "eva")
    assert data.row(row)["guessed"] is None


def test_a_guess_of_a_deleted_label_is_gone_and_one_of_a_merged_label_follows(data: Dataset):
    guess(data, [20])
    change = data.labels.delete(ids(data)["Refund"])
    assert data.counts().guessed == 0
    data.labels.undo_change(change.change)
    data.labels.merge(ids(data)["Refund"], ids(data)["Delivery"])
    assert data.row(data.rows.id(20))["guessed"]["label"] == "Delivery"


def test_guesses_take_no_part_in_a_run_until_the_person_says_so(data: Dataset, tmp_path: Path):
    plain = frozen(data, tmp_path / "a.arrow")
    guess(data, list(range(12, 40)))
    assert frozen(data, tmp_path / "b.arrow").equals(plain) and "origin" not in plain.column_names


def test_guesses_are_learnt_from_only_in_the_part_to_learn_from_and_marked(data: Dataset, tmp_path: Path):
    data.set_split(validation=0.2, test=0.2)
    guess(data, list(range(12, 40)))
    measured = {part: n for part, n in data.counts().splits.items() if part != "train"}
    guesses.learn_from(data, True, 0.8)
    table = frozen(data, tmp_path / "c.arrow").to_pylist()
    by_rule = [row for row in table if row["origin"] == "rule"]
    assert (
        by_rule and {row["split"] for row in by_rule} == {"train"} and {row["label"] for row in by_rule} == {"Refund"}
    )
    assert {part: sum(row["split"] == part for row in table) for part in measured} == measured
    assert sum(row["origin"] == "label" for row in table) == 12
    assert data.freeze(tmp_path / "d.arrow").guessed == len(by_rule)


def test_unsure_guesses_are_not_learnt_from(data: Dataset, tmp_path: Path):
    guess(data, [20], p=0.7)
    guesses.learn_from(data, True, 0.8)
    assert data.freeze(tmp_path / "c.arrow").guessed == 0
    guesses.learn_from(data, True, 0.6)
    assert data.freeze(tmp_path / "d.arrow").guessed == 1


def test_a_text_that_stands_among_the_measured_ones_is_not_learnt_from_by_its_guess(tmp_path: Path):
    file = tmp_path / "mail.csv"
    rows = [f"text {i},{'a' if i % 2 else 'b'},{'test' if i < 6 else 'train'}" for i in range(12)]
    file.write_text("text,label,split\n" + "\n".join([*rows, "text 3,,train", "text 99,,train"]) + "\n")
    data = Dataset.open(tmp_path / "twice")
    data.add(file, "mail.csv")
    data.set_roles({"text": "text", "label": "label", "split": "split"})
    guess(data, [12, 13], "a")
    guesses.learn_from(data, True, 0.8)
    assert guesses.learnable(data.state).tolist() == [13]


def test_guesses_of_several_labels_are_sets(tmp_path: Path):
    file = tmp_path / "mail.csv"
    file.write_text("text,labels\nfirst,joy;love\nsecond,joy\nthird,\n")
    data = Dataset.open(tmp_path / "several")
    data.add(file, "mail.csv")
    data.set_shape(SEVERAL)
    data.set_roles({"text": "text", "labels": "labels"})
    names = ids(data)
    guesses.replace(data, np.array([2]), [[names["joy"], names["love"]]], [0.75])
    assert data.row(data.rows.id(2))["guessed"]["label"] == "joy, love" and guesses.value(data.state, 2) == [
        "joy",
        "love",
    ]


def test_guesses_stay_with_their_rows_when_another_file_comes(data: Dataset, tmp_path: Path):
    guess(data, [20])
    row = data.rows.id(20)
    file = tmp_path / "more.csv"
    file.write_text("text,label\nanother,\n")
    data.add(file, "more.csv")
    assert data.row(row)["guessed"]["label"] == "Refund" and browse.counts(data.state).guessed == 1
