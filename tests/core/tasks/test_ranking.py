"""Order: measures by hand and by the ranking module, rivals, what a file is found to be for, and a run whose copy orders as it does."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from contract_rows import lists, write_run
from transformers import AutoTokenizer

from core.data.dataset import Dataset
from core.errors import RunError
from core.evaluation import ranking, report
from core.evaluation.measured import rows_in as rows_of
from core.export import pack
from core.inference import Predictor, predict_file
from core.tasks.base import Labels
from core.tasks.guessing import settle
from core.tasks.ranking import LEARNT, Ranked
from core.training.settings import TrainingSettings
from core.training.worker import worker

TASK = Ranked()
LABELS = Labels(("right",), (3,))


class Asked:
    """An example as `decode` sees it."""

    def __init__(self, row: int):
        self.row = row


def test_measures_look_at_the_place_of_the_clicked_one():
    rows = [
        {"text": "q", "choices": ["a", "b", "c"], "label": {"b": 1.0}},
        {"text": "q", "choices": ["d", "e"], "label": {"d": 1.0}},
    ]
    said = TASK.decode([np.array([2.0, 1.0, 0.0]), np.array([3.0, 0.0])], rows, [Asked(0), Asked(1)], LABELS)
    assert [item["text"] for item in said[0].items] == ["a", "b", "c"]
    found = TASK.score(rows, said, LABELS)
    assert (found["auc"], found["hit@1"], found["mrr"]) == (0.75, 0.5, 0.75)
    flat = ranking.over_lists([0, 0, 0, 1, 1], [0, 1, 0, 1, 0], [2, 1, 0, 3, 0])
    assert found["ndcg@10"] == pytest.approx(flat["ndcg@10"]) and found["mrr"] == pytest.approx(flat["mrr"])
    shares = np.exp([2.0, 1.0, 0.0]) / np.exp([2.0, 1.0, 0.0]).sum(), np.exp([3.0, 0.0]) / np.exp([3.0, 0.0]).sum()
    assert found["loss"] == pytest.approx(-(np.log(shares[0][1]) + np.log(shares[1][0])) / 2, rel=1e-4)
    assert [TASK.credit(row, p, LABELS) for row, p in zip(rows, said, strict=True)] == [0.5, 1.0]
    told = TASK.report(rows, said, LABELS)
    assert told["places"] == {"names": ["1", "2"], "values": [1, 1]}
    assert [(s["gold"], s["said"]) for s in told["samples"]["rows"]] == [("b", "a")]


def test_measures_of_a_list_with_several_clicks_are_those_worked_out_by_hand():
    """Ordered c, a, d, b; a and b were clicked: places 2 and 4."""
    row = {"text": "q", "choices": ["a", "b", "c", "d"], "label": {"a": 1.0, "b": 1.0}}
    (said,) = TASK.decode([np.array([2.0, 0.0, 3.0, 1.0])], [row], [Asked(0)], LABELS)
    found = TASK.score([row], [said], LABELS)
    gain = (1 / np.log2(3) + 1 / np.log2(5)) / (1 + 1 / np.log2(3))
    assert found["ndcg@10"] == pytest.approx(gain) and found["auc"] == 0.25  # of a>c, a>d, b>c, b>d only a>d holds
    assert (found["hit@1"], found["mrr"], TASK.credit(row, said, LABELS)) == (0.0, 0.5, 0.5)
    shares = np.exp([2.0, 0.0, 3.0, 1.0]) / np.exp([2.0, 0.0, 3.0, 1.0]).sum()
    assert found["loss"] == pytest.approx(-(np.log(shares[0]) + np.log(shares[1])) / 2, rel=1e-4)
    assert TASK.report([row], [said], LABELS)["samples"]["rows"][0]["gold"] == "a | b"


def test_grades_are_gains():
    """Ordered a (1), b (3), c (0)."""
    row = {"text": "q", "choices": ["a", "b", "c"], "label": {"a": 1.0, "b": 3.0}}
    (said,) = TASK.decode([np.array([3.0, 2.0, 1.0])], [row], [Asked(0)], LABELS)
    found = TASK.score([row], [said], LABELS)
    assert found["ndcg@10"] == pytest.approx((1 + 3 / np.log2(3)) / (3 + 1 / np.log2(3)))
    assert (found["auc"], found["hit@1"], found["mrr"]) == (1.0, 1.0, 1.0)
    assert TASK.target(row, None, LABELS).tolist() == [0.25, 0.75, 0.0]


def test_a_list_without_a_click_is_in_no_measure():
    rows = [
        {"text": "q", "choices": ["a", "b"], "label": None},
        {"text": "q", "choices": ["a", "b"], "label": {"a": 1.0}},
    ]
    said = TASK.decode([np.array([0.0, 1.0]), np.array([1.0, 0.0])], rows, [Asked(0), Asked(1)], LABELS)
    assert TASK.score(rows, said, LABELS)["mrr"] == 1.0
    assert TASK.score(rows[:1], said[:1], LABELS) == {} and TASK.credit(rows[0], said[0], LABELS) == 0.0
    with pytest.raises(RunError, match="not among its list's candidates"):
        TASK.target({**rows[1], "label": {"z": 1.0}}, None, LABELS)
    with pytest.raises(RunError, match="nothing to learn"):
        TASK.labels([{**rows[0], "split": "train"}])


def test_the_loss_is_spread_over_the_clicked_ones():
    scores = torch.tensor([[0.0, 1.0, 2.0], [3.0, 4.0, -torch.inf]])
    batch = {"targets": torch.tensor([[0.5, 0.0, 0.5], [1.0, 0.0, 0.0]])}
    first, second = (
        np.log(1 + np.e + np.e**2) - 1,
        np.log(1 + np.e),
    )  # -log p of the middle one is the mean of both ends
    found = TASK.loss(scores, batch, TrainingSettings(), LABELS)
    assert float(found) == pytest.approx((first + second) / 2, abs=1e-5)
    focal = TASK.loss(scores, batch, TrainingSettings(loss="focal", focal_gamma=1.0), LABELS)
    others = np.e / (1 + np.e + np.e**2), np.e / (1 + np.e)  # what those that were not clicked have
    assert float(focal) == pytest.approx((first * others[0] + second * others[1]) / 2, abs=1e-5)


def test_of_a_long_list_a_sample_is_learnt_from_with_the_clicked_ones(tiny_encoder: Path):
    tokenizer = AutoTokenizer.from_pretrained(tiny_encoder)
    names = [f"the movie {i}" for i in range(3 * LEARNT)]
    rows = [
        {"text": "good", "choices": names, "label": {names[5]: 3.0, names[70]: 1.0}},
        {"text": "good", "choices": names[:3], "label": {names[1]: 1.0}},
        {"text": "good", "choices": names, "label": dict.fromkeys(names[:-2], 1.0)},
    ]
    examples = list(TASK.encode(rows, tokenizer, TrainingSettings(max_length=16)))
    targets = [TASK.target(rows[e.row], e, LABELS) for e in examples]
    torch.manual_seed(3)
    batch = TASK.collate(examples, targets, tokenizer)
    assert batch["sizes"].tolist() == [LEARNT, 3, LEARNT] and len(batch["input_ids"]) == 2 * LEARNT + 3
    assert sorted(batch["targets"][0].tolist())[-3:] == [0.0, 0.25, 0.75]
    assert batch["targets"].sum(1).tolist() == pytest.approx([1.0, 1.0, 1.0])
    assert int((batch["targets"][2] > 0).sum()) == LEARNT - 2  # where nearly all were clicked, all others are there
    torch.manual_seed(3)
    assert torch.equal(TASK.collate(examples, targets, tokenizer)["input_ids"], batch["input_ids"])
    assert TASK.collate(examples, None, tokenizer)["sizes"].tolist() == [3 * LEARNT, 3, 3 * LEARNT]


def test_an_order_that_gives_the_clicked_ones_away_is_no_rival():
    rows = [
        {"text": f"bike {i}", "choices": ["red", "blue", f"box {i}"], "label": {"red": 1.0, "blue": 1.0}}
        for i in range(30)
    ]
    assert [one.id for one in TASK.rivals(rows, [], rows, LABELS, lambda: False)] == ["overlap", "popular"]


def test_rivals_are_the_given_order_shared_words_and_clicks():
    rows = [{"text": "red bike", "choices": ["box", "red bike here"], "label": {"red bike here": 1.0}}] * 4
    listed, overlap, popular = TASK.rivals(rows, [], rows, LABELS, lambda: False)
    assert [TASK.score(rows, one.predictions, LABELS)["mrr"] for one in (listed, overlap, popular)] == [0.5, 1.0, 1.0]


@pytest.fixture(scope="module")
def run(tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ranking") / "run"
    write_run(folder, TASK, tiny_encoder)
    worker(str(folder))
    return folder


def test_a_run_orders_candidates_and_its_copy_orders_them_as_it_does(run: Path):
    folder = run
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


def test_several_that_were_clicked_stand_in_a_cell(tmp_path: Path):
    path = tmp_path / "rows.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(["query", "A", "B", "C", "clicked"])
        out.writerows(
            [f"shoes for {i}", f"red {i}", f"blue {i}", f"green {i}", ("A, C", "B")[i % 2]] for i in range(60)
        )
    data = Dataset.open(tmp_path / "data")
    data.add(path, "rows.csv")
    assert settle(data) == "ranking"
    assert [row["value"] for row in data.page(0, 2).rows] == [{"red 0": 1.0, "green 0": 1.0}, {"blue 1": 1.0}]
    data.freeze(tmp_path / "run" / "rows.arrow")
    frozen = rows_of(tmp_path / "run" / "rows.arrow", TASK)
    assert frozen[0]["label"] == {"red 0": 1.0, "green 0": 1.0} and len(frozen) == 60


def test_a_file_with_one_candidate_a_row_comes_back_with_each_ones_share_and_place(run: Path, tmp_path: Path):
    shown = [("a", "sad"), ("b", "awful"), ("a", "great"), ("b", "happy"), ("a", "bad"), ("b", ""), ("a", "great")]
    with (tmp_path / "log.csv").open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(["session", "query", "title", "score"])
        out.writerows([session, "which of them is good or movie", word, "x"] for session, word in shown)
    told = predict_file(run / "model", tmp_path / "log.csv", tmp_path / "out.csv", device="cpu")
    assert (told["rows"], told["done"], told["cancelled"]) == (7, 7, False)
    assert told["columns"] == {"text": ["query"], "choices": ["title"]}
    with (tmp_path / "out.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["title"] for row in rows] == [word for _, word in shown] and rows[0]["score"] == "x"
    assert [row["place"] for row in rows if row["session"] == "b"] == ["2", "1", ""]
    assert rows[2]["place"] == rows[6]["place"] == "1" and {rows[0]["place"], rows[4]["place"]} == {"2", "3"}
    (right,) = Predictor.open(run / "model", device="cpu").predict(
        [{"text": "which of them is good or movie", "choices": ["sad", "great", "bad"]}]
    )
    assert float(rows[2]["score 2"]) == pytest.approx(right.items[0]["score"], abs=1e-4)
    chosen = {"text": "query", "choices": "title"}
    assert (
        predict_file(run / "model", tmp_path / "log.csv", tmp_path / "o.csv", columns=chosen, device="cpu")["done"] == 7
    )
