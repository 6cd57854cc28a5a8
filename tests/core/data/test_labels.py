"""Labels and answers: nothing typed is lost, everything can be undone, the file's column lies below."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from core.data.dataset import Dataset
from core.errors import DataError, Missing


@pytest.fixture
def data(tmp_path: Path) -> Dataset:
    path = tmp_path / "mails.csv"
    path.write_text("text,label\n" + "".join(f"text number {i},{('ham', 'spam', '')[i % 3]}\n" for i in range(90)))
    found = Dataset.open(tmp_path / "data")
    found.add(path, "mails.csv")
    return found


def label(data: Dataset, row: str) -> tuple[str | None, str | None]:
    found = data.row(row)
    return found["label"], found["origin"]


def ids(data: Dataset) -> dict[str, int]:
    return {one["name"]: one["id"] for one in data.labels.labels()}


def put(
    data: Dataset, row: str, name: str | int | None, seq: int, client: str = "tab", who: str = "ann"
) -> dict[str, object]:
    return data.labels.put([{"row": row, "label": name, "seq": seq, "client": client}], who)


def test_the_files_column_gives_labels_with_colours_keys_and_counts(data: Dataset) -> None:
    assert data.labels.labels() == [
        {"id": 1, "name": "ham", "colour": 1, "key": "1", "count": 30},
        {"id": 2, "name": "spam", "colour": 2, "key": "2", "count": 30},
    ]
    assert label(data, "1:0") == ("ham", "file")
    assert label(data, "1:2") == (None, None)


def test_an_answer_overlays_the_file_and_clearing_takes_the_label_away(data: Dataset) -> None:
    put(data, "1:0", "spam", 1)
    put(data, "1:1", None, 2)
    assert label(data, "1:0") == ("spam", "human")
    assert label(data, "1:1") == (None, None)
    assert data.counts().labels == {"ham": 29, "spam": 30}


def test_sending_the_same_answers_again_changes_nothing(data: Dataset) -> None:
    answers = [{"row": f"1:{i}", "label": "spam", "seq": i, "client": "tab"} for i in range(10)]
    first = data.labels.put(answers, "ann")
    put(data, "1:3", "ham", 99)
    again = data.labels.put(answers, "ann")
    assert first["saved"] == again["saved"] == list(range(10))
    assert label(data, "1:3") == ("ham", "human"), "a late repeat does not undo a newer answer"
    assert len(data.labels.history("1:3")) == 3


def test_an_answer_that_cannot_be_saved_does_not_hold_up_the_others(data: Dataset) -> None:
    result = data.labels.put(
        [
            {"row": "1:0", "label": "spam", "seq": 1, "client": "c"},
            {"row": "1:999", "label": "spam", "seq": 2, "client": "c"},
            {"row": "1:1", "label": "nope", "seq": 3, "client": "c"},
            {"row": "../../x", "label": "spam", "seq": 4, "client": "c"},
            {"label": "spam"},
            {"row": "1:4", "label": True, "seq": 6, "client": "c"},
            {"row": "1:2", "label": 1, "seq": 7, "client": "c"},
        ],
        "ann",
    )
    assert result["saved"] == [1, 7]
    assert [r["seq"] for r in result["refused"]] == [2, 3, 4, None, 6]
    assert label(data, "1:2") == ("ham", "human")


def test_undo_goes_back_step_by_step_and_only_ones_own(data: Dataset) -> None:
    put(data, "1:0", "spam", 1)
    put(data, "1:0", "ham", 2)
    put(data, "1:5", "spam", 1, client="other", who="bob")
    assert data.labels.undo("ann") == {"row": "1:0", "label": "spam"}
    assert data.labels.undo("ann") == {"row": "1:0", "label": "ham"}
    assert label(data, "1:0") == ("ham", "file")
    assert data.labels.undo("ann") is None
    assert label(data, "1:5") == ("spam", "human")


def test_history_tells_who_said_what_when(data: Dataset) -> None:
    put(data, "1:0", "spam", 1)
    put(data, "1:0", None, 2, who="bob")
    data.labels.undo("bob")
    found = data.labels.history("1:0")
    assert [(h["who"], h["label"], h["origin"], h["undone"]) for h in found] == [
        ("bob", None, "human", True),
        ("ann", "spam", "human", False),
        ("mails.csv", "ham", "file", False),
    ]
    assert all(time.time() - h["at"] < 60 for h in found)
    assert data.labels.annotators()[0]["who"] == "ann"


def test_rename_recolour_and_their_undo(data: Dataset) -> None:
    ham = ids(data)["ham"]
    renamed = data.labels.rename(ham, "  Fine   mail ")
    coloured = data.labels.recolour(ham, 7)
    assert (renamed.rows, coloured.rows) == (30, 30)
    assert data.labels.labels()[0] == {"id": ham, "name": "Fine mail", "colour": 7, "key": "1", "count": 30}
    assert data.labels.undo_change(renamed.change) == 30
    assert data.labels.undo_change(coloured.change) == 30
    assert data.labels.labels()[0]["name"] == "ham"
    assert data.labels.undo_change(coloured.change) == 0, "undoing twice changes nothing"


def test_merge_joins_rows_of_file_and_person_and_comes_apart_again(data: Dataset) -> None:
    put(data, "1:2", "spam", 1)
    spam, ham = ids(data)["spam"], ids(data)["ham"]
    change = data.labels.merge(spam, ham)
    assert change.rows == 31
    assert data.counts().labels == {"ham": 61}
    assert label(data, "1:2") == ("ham", "human")
    put(data, "1:5", spam, 2)
    assert label(data, "1:5") == ("ham", "human"), "an answer under way when labels were merged lands in the merged one"
    assert data.labels.undo_change(change.change) == 32
    assert data.counts().labels == {"ham": 30, "spam": 32}


def test_delete_leaves_rows_without_a_label_until_it_is_undone(data: Dataset) -> None:
    spam = ids(data)["spam"]
    change = data.labels.delete(spam)
    assert change.rows == 30
    assert (data.counts().labels, data.counts().unlabelled) == ({"ham": 30}, 60)
    with pytest.raises(Missing):
        data.labels.rename(spam, "x")
    assert data.labels.undo_change(change.change) == 30
    assert data.counts().labels == {"ham": 30, "spam": 30}


def test_names_must_be_free_short_and_not_empty(data: Dataset) -> None:
    for name, why in (("", "needs a name"), ("   ", "needs a name"), ("HAM", "already"), ("x" * 200, "at most 120")):
        with pytest.raises(DataError, match=why):
            data.labels.create(name)
    with pytest.raises(DataError, match="into itself"):
        data.labels.merge(1, 1)
    with pytest.raises(DataError, match="1 to 8"):
        data.labels.recolour(1, 9)


def test_an_undo_that_would_make_two_labels_of_one_name_says_so(data: Dataset) -> None:
    change = data.labels.delete(ids(data)["spam"])
    data.labels.create("spam")
    with pytest.raises(DataError, match="There is a label “spam” already"):
        data.labels.undo_change(change.change)


def test_created_labels_follow_with_the_next_colour_and_key(data: Dataset) -> None:
    for i in range(40):
        data.labels.create(f"label {i}")
    labels = data.labels.labels()
    assert labels[2]["colour"] == 3 and labels[9]["colour"] == 2
    assert "".join(one["key"] for one in labels) == "123456789abcdefghijklmnopqrtvwxyz"
    assert labels[41]["key"] == ""


def test_a_hundred_thousand_answers_are_saved_and_loaded_in_seconds(tmp_path: Path) -> None:
    path = tmp_path / "many.csv"
    path.write_text("text,label\n" + "".join(f"text number {i},{i % 5}\n" for i in range(100_000)))
    data = Dataset.open(tmp_path / "data")
    data.add(path, "many.csv")
    data.labels.put([{"row": f"1:{i}", "label": "4", "seq": i, "client": "c"} for i in range(100_000)], "ann")
    data.close()
    started = time.process_time()
    again = Dataset.open(tmp_path / "data")
    assert again.labels.labels()[4]["count"] == 100_000
    assert time.process_time() - started < 2


def test_every_answer_given_before_a_kill_is_there_afterwards(data: Dataset, tmp_path: Path) -> None:
    script = (
        "import sys, itertools\n"
        "from core.data.dataset import Dataset\n"
        "data = Dataset.open(sys.argv[1])\n"
        "for i in itertools.count():\n"
        "    data.labels.put([{'row': f'1:{i % 90}', 'label': 'spam', 'seq': i, 'client': 'k'}], 'killed')\n"
        "    print(i, flush=True)\n"
    )
    child = subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "data")], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    said = -1
    for line in child.stdout:
        said = int(line)
        if said >= 25:
            break
    child.kill()
    said = max([said, *(int(line) for line in child.stdout if line.strip())])
    child.wait()
    rows = data.log.read().execute("SELECT client_seq FROM answers WHERE client = 'k' ORDER BY client_seq").fetchall()
    assert [r[0] for r in rows][: said + 1] == list(range(said + 1))
    assert sqlite3.connect(tmp_path / "data" / "log.sqlite").execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    assert label(data, "1:3") == ("spam", "human")
