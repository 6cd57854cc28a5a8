"""The look at all rows: kept by the rows' hashes, so that labels change nothing, new rows leave the others where they are, and a reload is free."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.data.dataset import Dataset
from core.labelling import features, survey

WORDS = {"Refund": "refund money back please", "Card": "card lost stolen gone", "Rain": "rain cloud wind storm"}


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    """Ninety texts of three topics, counted and not encoded."""
    monkeypatch.setattr(features, "_installed", lambda: False)
    lines = [
        f"{words} {' '.join(words.split()[: 1 + i % 4])} {i},{name if i < 2 else ''}"
        for i in range(30)
        for name, words in WORDS.items()
    ]
    file = tmp_path / "mail.csv"
    file.write_text("text,label\n" + "\n".join(lines) + "\n")
    made = Dataset.open(tmp_path / "data")
    made.add(file, "mail.csv")
    made.set_roles({"text": "text", "label": "label"})
    return made


def run(data: Dataset, **more) -> list[str]:
    """The job in this process; the notes it wrote."""
    notes: list[str] = []

    def progress(done: int, total: int = 0, note=None) -> None:
        if note is not None and (not notes or notes[-1] != str(note)):
            notes.append(str(note))

    function = survey.regroup if more else survey.make
    function(str(data.folder), progress=progress, cancelled=lambda: False, **more)
    return notes


def test_map_and_groups_are_there_for_every_row_and_follow_the_topics(data: Dataset):
    assert survey.the_map(data) is None and survey.the_groups(data) is None
    notes = run(data)
    assert [note.split()[0] for note in notes] == ["Reading", "Looking", "Putting"]
    data = Dataset.open(data.folder)
    drawn, groups = survey.the_map(data), survey.the_groups(data)
    assert (
        drawn.final and drawn.missing == 0 and drawn.places.tolist() == list(range(90)) and np.isfinite(drawn.at).all()
    )
    topic = np.arange(90) % 3
    for number in range(len(groups.words)):
        assert len(set(topic[groups.group == number])) == 1 and groups.words[number]
        assert all(groups.group[place] == number for place in groups.central[number])


def test_rows_that_come_later_leave_the_others_where_they_are_and_are_counted(data: Dataset, tmp_path: Path):
    run(data)
    data = Dataset.open(data.folder)
    before = survey.the_map(data)
    file = tmp_path / "more.csv"
    file.write_text("text,label\nsomething new altogether,\n" + "refund money back please refund 0,\n")
    data.add(file, "more.csv")
    after = survey.the_map(data)
    assert after.missing == 1 and np.array_equal(after.at[:90], before.at)
    assert 91 in after.places and 90 not in after.places, "a text that is there already has its place"
    assert survey.the_groups(data).missing == 1


def test_labels_and_rows_left_out_change_no_place(data: Dataset):
    run(data)
    data = Dataset.open(data.folder)
    before = survey.the_map(data)
    data.labels.put([{"row": data.rows.id(10), "label": "Card", "seq": 1, "client": "a"}], "eva")
    data.exclude([data.rows.id(0)])
    after = survey.the_map(data)
    assert np.array_equal(after.at, before.at[1:]) and survey.the_groups(data).group[0] == -1


def test_another_number_of_groups_leaves_the_map_alone(data: Dataset):
    run(data)
    before = (data.folder / "cache" / "map.npz").read_bytes()
    run(data, groups=7)
    assert len(survey.the_groups(Dataset.open(data.folder)).words) == 7
    assert (data.folder / "cache" / "map.npz").read_bytes() == before


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_a_handful_of_rows_breaks_nothing(rows: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(features, "_installed", lambda: False)
    file = tmp_path / "few.csv"
    file.write_text("text,label\n" + "".join(f"text number {i} here,a\n" for i in range(rows)))
    data = Dataset.open(tmp_path / "few")
    data.add(file, "few.csv")
    run(data)
    data = Dataset.open(data.folder)
    assert len(survey.the_map(data).places) == rows and (survey.the_groups(data).group >= 0).all()


def test_a_torn_file_is_as_if_there_were_none(data: Dataset):
    run(data)
    for name in ("map.npz", "groups.npz"):
        path = data.folder / "cache" / name
        path.write_bytes(path.read_bytes()[:40])
    data = Dataset.open(data.folder)
    assert survey.the_map(data) is None and survey.the_groups(data) is None
