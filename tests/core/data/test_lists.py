"""Tables with one candidate a row: when they are found to be such, the lists they become, and the way there and back of a data set."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from core.data import intake, lists
from core.data.choices import MOST_LISTED
from core.data.dataset import Dataset
from core.data.lists import Flat
from core.tasks.guessing import guess, reason_of, settle

LOG = {
    "session_id": ["s1", "s1", "s2", "s1", "s2", "s3"],
    "query": ["red shoe", "red shoe", "hat", "red shoe", "hat", "red shoe"],
    "title": ['a "red" \\ one', "blue\none", "warm hat", "green one", "old hat", "lonely one"],
    "place": ["1", "2", "1", "3", "2", "1"],
    "clicked": ["1", "0", "0", "1", "0", "1"],
}
FLAT = Flat(("query",), "title", "clicked", ("session_id", "query"), True)


def gathered(columns: dict[str, list[str]], flat: Flat, first: tuple[str, ...] = ()) -> tuple[lists.Gathered, Any]:
    told, batches = lists.gather(pa.table(columns), flat, first)
    rows = [row for batch in batches for row in batch.to_pylist()]
    return told, rows


def brought(folder: Path, columns: dict[str, list[str]], name: str = "log.csv") -> Path:
    path = folder / name
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(columns)
        out.writerows(zip(*columns.values(), strict=True))
    return path


def log(count: int, names: tuple[str, ...] = ("session", "query", "title", "clicked")) -> dict[str, list[str]]:
    """Lists of three candidates, of which one or two were clicked; the rows of two lists stand between each other."""
    found: list[tuple[str, ...]] = []
    for i in range(0, count, 2):
        for at in range(3):
            for n in (i, i + 1):
                found.append(
                    (f"s{n}", f"shoes for number {n % 7}", f"pair {at} of list {n}", str(int(at in (1, n % 2))))
                )
    return dict(zip(names, map(list, zip(*found, strict=True)), strict=True))


# The tables -------------------------------------------------------------------------------------------------------------


def test_rows_become_lists_in_the_order_in_which_they_come():
    told, rows = gathered(LOG, FLAT)
    assert (told.rows, told.lists, told.idle) == (
        6,
        3,
        2,
    )  # of the hats none was clicked, and s3 has one candidate only
    assert [row["session_id"] for row in rows] == ["s1", "s2", "s3"]
    assert [row["query"] for row in rows] == ["red shoe", "hat", "red shoe"]
    assert json.loads(rows[0]["title"]) == ['a "red" \\ one', "blue\none", "green one"]
    assert [json.loads(row["clicked"]) for row in rows] == [[1, 0, 1], [0, 0], [1]]
    assert json.loads(rows[0]["place"]) == [
        "1",
        "2",
        "3",
    ]  # what differs within lists keeps its place beside the candidates
    assert str(told.sentences[0]) == (
        "6 rows with a candidate each were gathered into 3 lists, one for each “session_id”, “query”."
    )
    assert "2 lists have no click" in str(told.sentences[1])


def test_the_same_candidate_counts_once_with_its_best_grade_and_blank_ones_not_at_all():
    columns = {
        "query": ["q"] * 5,
        "title": ["a", "b", " a ", "", "c"],
        "relevance": ["0", "1", "3", "2", "x"],
        "split": ["train", "test", "test", "test", "test"],
    }
    told, rows = gathered(columns, Flat(("query",), "title", "relevance", ("query",)), first=("split",))
    assert rows == [{"query": "q", "title": '["a", "b", "c"]', "relevance": "[3, 1, 0]", "split": "train"}]
    assert (told.lists, told.idle) == (1, 0)


def test_of_a_list_too_long_to_be_read_the_clicked_ones_stay():
    n = MOST_LISTED + 40
    columns = {"query": ["q"] * n, "title": [f"t{i}" for i in range(n)], "clicked": ["0"] * (n - 1) + ["1"]}
    _, (row,) = gathered(columns, Flat(("query",), "title", "clicked", ("query",)))
    titles, grades = json.loads(row["title"]), json.loads(row["clicked"])
    assert len(titles) == len(grades) == MOST_LISTED and titles[0] == "t0"
    assert titles[-1] == f"t{n - 1}" and sum(grades) == grades[-1] == 1


def test_an_empty_table_makes_no_lists():
    told, batches = lists.gather(pa.table({name: pa.array([], pa.string()) for name in LOG}), FLAT)
    assert told.lists == 0 and list(batches) == []


@pytest.mark.parametrize(
    ("cells", "right"),
    [
        (["0", "1", "0"], True),
        (["0", "2", "3", "1"], True),
        (["no", "yes"], True),
        (["", "1"], True),
        (["1", "1"], False),
        (["1", "2"], False),
        (["0", "0.5"], False),
        (["0", "maybe"], False),
        ([str(i) for i in range(50)], False),
    ],
)
def test_grades_are_noughts_and_a_few_numbers_above(cells: list[str], right: bool):
    assert lists.are_grades(cells) is right


def test_names_and_rows_that_belong_together_tell_such_a_table():
    table = pa.table(LOG)
    assert lists.found(table, LOG) == FLAT
    unnamed = {"q": LOG["query"], "label": LOG["clicked"], "words": LOG["title"]}
    assert lists.found(pa.table(unnamed), unnamed) == Flat(("q",), "words", "label", ("q",), False)
    alone = {"query": [f"q{i}" for i in range(6)], "title": LOG["title"], "clicked": LOG["clicked"]}
    assert lists.found(pa.table(alone), alone) is None  # no two rows share what was asked
    other = {"text": LOG["title"], "label": ["ham", "spam"] * 3}
    assert lists.found(pa.table(other), other) is None


def test_prose_is_one_candidate_and_short_parts_are_several():
    prose = {
        "query": ["q", "q", "r", "r"],
        "passage": [
            f"Such a sentence, long as it is, goes on and on and on to {i}; and then some more of the very same comes again and again, as it does."
            for i in range(4)
        ],
        "clicked": ["0", "1", "1", "0"],
    }
    found = lists.found(pa.table(prose), prose)
    assert found is not None and found.candidate == "passage"
    several = {**prose, "passage": [f"hat {i}; shoe {i}; bag {i}" for i in range(4)]}
    assert lists.found(pa.table(several), several) is None


# A data set -------------------------------------------------------------------------------------------------------------


def test_a_log_of_clicks_is_for_ranking_and_its_rows_become_lists(tmp_path: Path):
    data = Dataset.open(tmp_path / "data")
    data.add(brought(tmp_path, log(60)), "log.csv")
    assert data.counts().rows == 180
    assert settle(data) == "ranking"
    assert "a candidate, and whether it was clicked" in str(reason_of(data))
    assert guess(data)[0].task == "ranking"  # and of the lists they have become the same is found
    assert {role: one.column for role, one in data.roles.items()} == {
        "text": "query", "choices": "title", "label": "clicked", "split": None,
    }  # fmt: skip
    counts = data.counts()
    assert (counts.rows, counts.labelled) == (60, 60) and counts.splits == {"train": 48, "validation": 6, "test": 6}
    row = data.page(1, 1).rows[0]
    assert row["inputs"]["choices"] == [f"pair {at} of list 1" for at in range(3)]
    assert row["value"] == {"pair 1 of list 1": 1.0} and row["label"] == "pair 1 of list 1"
    assert data.page(0, 1).rows[0]["value"] == {"pair 0 of list 0": 1.0, "pair 1 of list 0": 1.0}
    assert "180 rows with a candidate each were gathered into 60 lists" in str(data.imports[0].warnings[0])


def test_another_task_has_the_rows_back_and_going_to_and_fro_loses_no_answer(tmp_path: Path):
    data = Dataset.open(tmp_path / "data")
    first = data.add(brought(tmp_path, log(20)), "log.csv")
    settle(data)
    row = data.page(0, 1).rows[0]["id"]
    saved = data.labels.put([{"row": row, "value": "pair 2 of list 0", "client": "test", "seq": 1}], "me")
    assert saved["saved"] == [1] and data.row(row)["value"] == {"pair 2 of list 0": 1.0}
    settle(data, "pairs")
    assert data.imports[0].id == first.id and data.counts().rows == 60 and len(data.columns) == 4
    settle(data, "ranking")
    assert data.row(row)["value"] == {"pair 2 of list 0": 1.0} and data.row(row)["origin"] == "human"
    copy = data.copy_to(tmp_path / "copy")
    settle(copy, "pairs")
    assert copy.counts().rows == 60
    data.remove(data.imports[0].id)
    assert data.empty and not list((tmp_path / "data" / "imports").glob("*.arrow"))


def test_a_file_that_comes_to_lists_is_gathered_and_stays_whole_in_its_split(tmp_path: Path):
    data = Dataset.open(tmp_path / "data")
    data.add(brought(tmp_path, log(40)), "log.csv", split="train")
    settle(data)
    one = data.add(brought(tmp_path, log(10), "more.csv"), "more.csv", split="test")
    assert one.rows == 10 and data.counts().splits == {"train": 36, "validation": 4, "test": 10}


def test_a_list_is_in_one_split_even_where_a_column_divides_it(tmp_path: Path):
    columns = log(40)
    columns["split"] = ["train" if i % 5 else "test" for i in range(len(columns["query"]))]
    data = Dataset.open(tmp_path / "data")
    data.add(brought(tmp_path, columns), "log.csv")
    assert settle(data) == "ranking"
    state = data.state
    where = np.array(columns["split"])[[columns["session"].index(f"s{i}") for i in range(40)]]
    assert [("train", "validation", "test")[n] in (w, "validation") for n, w in zip(state.split, where, strict=True)]
    assert {row["cells"]["split"] for row in data.page(0, 40).rows} == {"train", "test"}


def test_columns_by_other_names_are_gathered_once_a_person_says_what_they_are(tmp_path: Path):
    data = Dataset.open(tmp_path / "data")
    data.add(brought(tmp_path, log(30, ("nr", "what", "which", "label"))), "log.csv")
    assert settle(data) == "classification"
    (said,) = [one for one in guess(data) if one.task == "ranking"]
    assert not said.seen
    assert (
        settle(data, "ranking") == "ranking" and data.counts().rows == 7
    )  # as often as there is something else in “what”
    data.set_roles({"text": ["nr", "what"]})
    assert data.counts().labelled == data.counts().rows == 30
    assert data.page(0, 1).rows[0]["inputs"]["text"] == "s0\nshoes for number 0"


def test_the_upload_is_told_in_lists_and_can_be_read_again(tmp_path: Path):
    from core.tasks.intake import bring, reread

    folder = tmp_path / "up"
    folder.mkdir()
    path = brought(folder, log(30))
    told = bring(str(tmp_path / "data"), path=str(path), name="log.csv", progress=print, cancelled=bool)
    data = Dataset.open(tmp_path / "data")
    assert told == {"file": data.imports[0].id, "name": "log.csv", "rows": 30, "task": "ranking"}
    assert intake.has_source(data, data.imports[0])
    again = reread(str(data.folder), file=told["file"], how={"delimiter": ","}, progress=print, cancelled=bool)
    assert again["rows"] == 30 and again["task"] == "ranking" and intake.has_source(data, data.imports[0])
    assert len(list((data.folder / "sources").iterdir())) == 1
