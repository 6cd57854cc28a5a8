"""Places stay with their words when a text is changed, by hand in a data set too."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.data.dataset import Dataset
from core.data.spans import span
from core.data.spans_moved import moved
from core.tasks.guessing import settle

TEXT = "Ada met Bob in Rome"
SPANS = [span(0, 3, "PER"), span(8, 11, "PER"), span(15, 19, "LOC")]


@pytest.mark.parametrize(
    ("after", "words"),
    [
        (TEXT, ["Ada", "Bob", "Rome"]),
        ("Yesterday Ada met Bob in Rome", ["Ada", "Bob", "Rome"]),
        ("Ada met Bob in sunny Rome!", ["Ada", "Bob", "Rome"]),
        ("Ada met Bobby in Rome", ["Ada", "Bob", "Rome"]),
        ("Ada met [name] in Rome", ["Ada", "[name]", "Rome"]),
        ("Adä met Bob in Rome", ["Adä", "Bob", "Rome"]),
        ("Ada was in Rome", ["Ada", "Rome"]),
        ("👍 Ada met  Bob in Rome", ["Ada", "Bob", "Rome"]),
        ("", []),
    ],
)
def test_places_stay_with_their_words(after: str, words: list[str]) -> None:
    found = [after[s["start"] : s["end"]] for s in moved(SPANS, TEXT, after)]
    assert found == words


def test_a_change_larger_than_is_compared_moves_what_stands_behind_it() -> None:
    assert moved(SPANS, TEXT, "x" * 5000 + " " + TEXT) == [
        {**s, "start": s["start"] + 5001, "end": s["end"] + 5001} for s in SPANS
    ]


def test_a_changed_text_keeps_the_places_that_its_file_gave(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps({"text": TEXT, "spans": SPANS}) + "\n" for _ in range(4)), encoding="utf-8")
    data = Dataset.open(tmp_path / "data")
    data.add(path, path.name)
    settle(data)
    row = data.page().rows[1]["id"]
    data.change_cell(row, "text", "So Ada met Bob in Rome")
    state = data.state
    text, value = state.texts([1])[0], state.value(1)
    assert [text[s["start"] : s["end"]] for s in value] == ["Ada", "Bob", "Rome"]
    assert state.value(0) == SPANS
