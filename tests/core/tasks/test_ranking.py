"""Order: measures by hand and by the ranking module, rivals, what a file is found to be for, and a run whose copy orders as it does."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from contract_rows import tests as lists
from contract_rows import write_run

from core.data.dataset import Dataset
from core.evaluation import ranking, report
from core.export import pack
from core.inference import Predictor
from core.tasks.base import Labels
from core.tasks.guessing import settle
from core.tasks.ranking import Ranked
from core.training.worker import worker

TASK = Ranked()
LABELS = Labels(("right",), (3,))


class Asked:
    """An example as `decode` sees it."""

    def __init__(self, row: int):
        self.row = row


def test_measures_look_at_the_place_of_the_clicked_one():
    rows = [
        {"text": "q", "choices": ["a", "b", "c"], "label": "b"},
        {"text": "q", "choices": ["d", "e"], "label": "d"},
    ]
    said = TASK.decode([np.array([2.0, 1.0, 0.0]), np.array([3.0, 0.0])], rows, [Asked(0), Asked(1)], LABELS)
    assert [item["text"] for item in said[0].items] == ["a", "b", "c"]
    found = TASK.score(rows, said, LABELS)
    assert (found["auc"], found["recall@1"], found["mrr"]) == (0.75, 0.5, 0.75)
    flat = ranking.over_lists([0, 0, 0, 1, 1], [0, 1, 0, 1, 0], [2, 1, 0, 3, 0])
    assert found["ndcg@10"] == pytest.approx(flat["ndcg@10"]) and found["mrr"] == pytest.approx(flat["mrr"])
    shares = np.exp([2.0, 1.0, 0.0]) / np.exp([2.0, 1.0, 0.0]).sum(), np.exp([3.0, 0.0]) / np.exp([3.0, 0.0]).sum()
    assert found["loss"] == pytest.approx(-(np.log(shares[0][1]) + np.log(shares[1][0])) / 2, rel=1e-4)
    assert [TASK.credit(row, p, LABELS) for row, p in zip(rows, said, strict=True)] == [0.5, 1.0]
    told = TASK.report(rows, said, LABELS)
    assert told["places"] == {"names": ["1", "2"], "values": [1, 1]}
    assert [(s["gold"], s["said"]) for s in told["samples"]["rows"]] == [("b", "a")]


def test_rivals_are_the_given_order_shared_words_and_clicks():
    rows = [{"text": "red bike", "choices": ["box", "red bike here"], "label": "red bike here"}] * 4
    listed, overlap, popular = TASK.rivals(rows, [], rows, LABELS, lambda: False)
    assert [TASK.score(rows, one.predictions, LABELS)["mrr"] for one in (listed, overlap, popular)] == [0.5, 1.0, 1.0]


def test_a_run_orders_candidates_and_its_copy_orders_them_as_it_does(tiny_encoder: Path, tmp_path: Path):
    folder = tmp_path / "run"
    write_run(folder, TASK, tiny_encoder)
    worker(str(folder))
    (answer,) = Predictor.open(folder / "model", device="cpu").predict(
        [{"text": "which of them is good or movie", "choices": ["sad", "great", "awful"]}]
    )
    assert answer.items[0]["text"] == "great" and sum(item["score"] for item in answer.items) == pytest.approx(
        1, abs=1e-5
    )
    made = report.make(folder, lambda d, t: None, lambda: False)
    values = {line["id"]: line["value"] for line in made["contenders"]}
    assert set(values) == {"listed", "overlap", "popular", "run"} and values["run"] > values["listed"]
    packed = pack.pack(folder)
    assert packed["checked"] == packed["equal"] == sum(row["split"] == "test" for row in lists(folder))


def test_candidates_and_a_click_are_for_it(tmp_path: Path):
    path = tmp_path / "rows.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(["query", "candidates", "clicked"])
        for i in range(60):
            out.writerow([f"shoes for {i}", f'["red shoe {i}", "blue hat {i}", "green bag {i}"]', f"red shoe {i}"])
    data = Dataset.open(tmp_path / "data")
    data.add(path, "rows.csv")
    assert settle(data) == "ranking"
    assert data.counts().labelled == 60
