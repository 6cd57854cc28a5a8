"""The log of a data set: one of an earlier format is brought up to date when it is opened, and one of a later format is refused."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from core.data.dataset import Dataset
from core.data.log import FORMAT
from core.errors import HoneError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data set with an answer, closed."""
    file = tmp_path / "mail.csv"
    file.write_text("text,label\none,ham\ntwo,spam\nthree,\n", encoding="utf-8")
    data = Dataset.open(tmp_path / "data")
    data.add(file, "mail.csv")
    data.labels.put([{"row": "1:2", "label": "spam", "seq": 1, "client": "t"}], "ann")
    data.close()
    return tmp_path / "data"


def older(folder: Path, format: int) -> None:
    """The file as an earlier Hone left it."""
    db = sqlite3.connect(folder / "log.sqlite")
    for column in ("origin", "seconds", "guess"):
        db.execute(f"ALTER TABLE answers DROP COLUMN {column}")
    for table in ("guesses", "rules", "reviews"):
        db.execute(f"DROP TABLE {table}")
    db.execute("DELETE FROM state WHERE part = 'guesses'")
    if format < 2:
        for table in ("answers", "in_force"):
            db.execute(f"ALTER TABLE {table} DROP COLUMN value")
    db.execute(f"PRAGMA user_version = {format}")
    db.commit()
    db.close()


@pytest.mark.parametrize("format", [1, 2])
def test_a_log_of_an_earlier_format_keeps_its_answers_and_takes_new_ones(folder: Path, format: int):
    older(folder, format)
    data = Dataset.open(folder)
    assert data.log.read().execute("PRAGMA user_version").fetchone()[0] == FORMAT
    assert data.row("1:2")["label"] == "spam"
    entry = {"row": "1:0", "label": "spam", "seq": 2, "client": "t", "seconds": 2.5, "guess": {"value": 1, "p": 0.6}}
    assert not data.labels.put([entry], "bob")["refused"]
    found = data.labels.history("1:0")[0]
    assert (found["who"], found["label"], found["origin"]) == ("bob", "spam", "human")
    assert data.labels.history("1:2")[0]["origin"] == "human"
    assert data.counts().labelled == 3 and data.counts().guessed == 0


def test_a_log_of_a_later_format_is_refused_with_what_to_do(folder: Path):
    db = sqlite3.connect(folder / "log.sqlite")
    db.execute(f"PRAGMA user_version = {FORMAT + 1}")
    db.commit()
    db.close()
    with pytest.raises(HoneError, match="newer Hone") as error:
        Dataset.open(folder)
    assert "Update Hone" in str(error.value.fix)
