"""The check-up of marked places: what overlaps and what does not fit its text is told, with the first case in words."""

from __future__ import annotations

import json
from pathlib import Path

from core.data import checks
from core.data.dataset import Dataset
from core.tasks.guessing import settle

GOOD = {"text": "Ada in London", "spans": [{"start": 0, "end": 3, "label": "PER", "text": "Ada"}]}
TWICE = {
    "text": "New York City",
    "spans": [{"start": 0, "end": 8, "label": "LOC"}, {"start": 4, "end": 13, "label": "ORG"}],
}
OUTSIDE = {"text": "Bob", "spans": [{"start": 0, "end": 30, "label": "PER"}]}
ELSEWHERE = {"text": "in Rome, Anna", "spans": [{"start": 0, "end": 4, "label": "PER", "text": "Anna"}]}


def brought(tmp_path: Path, *rows: dict[str, object]) -> Dataset:
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    data = Dataset.open(tmp_path / "data")
    data.add(path, path.name)
    assert settle(data) == "tokens"
    return data


def found(data: Dataset) -> dict[str, checks.Finding]:
    return {one.id: one for one in data.findings() if one.id in ("overlap", "misplaced")}


def test_places_that_fit_and_stand_apart_are_no_finding(tmp_path: Path) -> None:
    assert found(brought(tmp_path, *[GOOD] * 8)) == {}


def test_overlaps_are_told_with_both_places(tmp_path: Path) -> None:
    data = brought(tmp_path, *[GOOD] * 8, TWICE)
    one = found(data)["overlap"]
    assert (
        str(one.detail)
        == "“New York” (LOC) and “York City” (ORG) overlap. Of overlapping places the longest is learnt."
    )
    assert [row["text"] for row in data.page(only="finding:overlap").rows] == ["New York City"]


def test_places_that_do_not_fit_are_told_and_can_be_left_out(tmp_path: Path) -> None:
    data = brought(tmp_path, *[GOOD] * 8, OUTSIDE, ELSEWHERE)
    one = found(data)["misplaced"]
    assert one.count == 2
    assert "lies outside its text of 3 characters" in str(one.detail)
    checks.apply(data, "misplaced", "leave_out")
    assert found(data)["misplaced"].done
    assert data.counts().rows == 10 and int(data.state.edits.excluded.sum()) == 2


def test_a_labelled_place_can_overlap_too(tmp_path: Path) -> None:
    data = brought(tmp_path, *[GOOD] * 8)
    row = data.page().rows[0]["id"]
    spans = [{"start": 0, "end": 3, "label": "PER"}, {"start": 1, "end": 6, "label": "PER"}]
    data.labels.put([{"row": row, "value": spans, "seq": 1, "client": "test"}], "me")
    assert found(data)["overlap"].count == 1
