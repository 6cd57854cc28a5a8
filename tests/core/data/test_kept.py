"""What is measured of the texts is measured once, also by another process, until the texts change."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from core.data.dataset import Dataset
from core.data.kept import Arrays, Measure, Progress, fingerprint
from core.data.state import State
from core.words import Message


def counting() -> tuple[Measure, list[int]]:
    calls: list[int] = []

    def make(state: State, progress: Progress) -> Arrays:
        calls.append(state.version)
        return {"lengths": state.lengths, "twice": 2 * state.lengths}

    return Measure("letters", "1", Message("{n:,}", n=0), make), calls


def test_it_is_measured_once_and_read_again_after_a_restart(tmp_path: Path, labelled: Callable[..., Dataset]) -> None:
    data = labelled([("one", "a"), ("three", "b")])
    measure, calls = counting()
    assert not measure.known(data.state)
    assert measure.of(data.state)["twice"].tolist() == [6, 10]
    data.close()
    again = Dataset.open(tmp_path / "data")
    assert measure.known(again.state)
    assert measure.of(again.state)["lengths"].tolist() == [3, 5]
    assert len(calls) == 1


def test_labels_and_rows_left_out_change_nothing_texts_do(labelled: Callable[..., Dataset]) -> None:
    data = labelled([("one", "a"), ("three", "b")])
    measure, calls = counting()
    before = fingerprint(data.state)
    measure.of(data.state)
    row = data.page().rows[0]["id"]
    data.exclude([row])
    data.labels.put([{"row": row, "label": "b", "seq": 1, "client": "me"}], "me")
    assert fingerprint(data.state) == before and measure.known(data.state)
    group = data.change_cell(row, "text", "seven")
    assert fingerprint(data.state) != before and not measure.known(data.state)
    assert measure.of(data.state)["lengths"].tolist() == [5, 5]
    data.undo(group)
    assert measure.of(data.state)["lengths"].tolist() == [3, 5]
    assert len(calls) == 2


def test_a_torn_file_is_measured_anew_and_only_a_few_stay(tmp_path: Path, labelled: Callable[..., Dataset]) -> None:
    data = labelled([("one", "a"), ("three", "b")])
    measure, _ = counting()
    row = data.page().rows[0]["id"]
    for i in range(7):
        data.change_cell(row, "text", f"text {i}")
        measure.of(data.state)
    files = sorted((tmp_path / "data/cache").glob("letters-*.npz"), key=lambda path: path.stat().st_mtime)
    assert len(files) == 4
    data.close()
    for path in files:
        path.write_bytes(path.read_bytes()[:40])
    assert np.array_equal(measure.of(Dataset.open(tmp_path / "data").state)["lengths"], [6, 5])
