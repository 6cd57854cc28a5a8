"""Scores from comparisons: what is read together, the loss by hand, grades, figures, rivals, and a run whose copy scores as it does."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from contract_rows import judgements, write_run

from core.data.dataset import Dataset
from core.errors import RunError
from core.evaluation import report
from core.export import pack
from core.inference import Predictor
from core.models.catalogue import find
from core.models.loading import open_base
from core.tasks.base import Labels, Number
from core.tasks.guessing import guess, settle
from core.tasks.reward import Reward
from core.training.settings import TrainingSettings
from core.training.worker import worker

TASK = Reward()
SETTINGS = TrainingSettings(max_length=32)
PAIR = {"id": "1", "text": "good movie", "rejected": "awful", "prompt": "the film", "grade": None, "split": "train"}
LONE = {"id": "2", "text": "great", "rejected": None, "prompt": None, "grade": 3.0, "split": "train"}
OTHER = {**LONE, "text": "sad", "grade": 1.0}
LABELS = TASK.labels([PAIR, LONE, OTHER])


def test_each_text_is_read_with_what_it_answers(tiny_encoder: Path):
    source = open_base(find(str(tiny_encoder)))
    examples = list(TASK.encode([PAIR, LONE], source.tokenizer, SETTINGS))
    batch = TASK.collate(examples, [math.nan, 3.0], source.tokenizer)
    read = source.tokenizer
    right = [read("the film", "good movie"), read("the film", "awful"), read("great")]
    for i, one in enumerate(right):
        n = len(one["input_ids"])
        assert batch["input_ids"][i, :n].tolist() == one["input_ids"] and int(batch["attention_mask"][i].sum()) == n
        assert batch["token_type_ids"][i, :n].tolist() == one["token_type_ids"]
    assert batch["part"].tolist() == [0, 1, 0] and batch["of"].tolist() == [0, 0, 1]


def test_the_loss_is_that_of_bradley_and_terry_and_grades_are_compared_with_each_other():
    batch = {
        "part": torch.tensor([0, 1, 0, 0, 0]),
        "of": torch.tensor([0, 0, 1, 2, 3]),
        "targets": torch.tensor([math.nan, 3.0, 1.0, 1.0]),
    }
    scores = torch.tensor([0.2, 0.5, 1.0, 0.0, 2.0])
    found = float(TASK.loss(scores, batch, SETTINGS, LABELS))

    def cost(lead: float) -> float:
        return math.log(1 + math.exp(-lead))

    assert found == pytest.approx((cost(0.2 - 0.5) + 3 * (cost(1.0 - 0.0) + cost(1.0 - 2.0)) / 2) / 4, rel=1e-5)


def test_measures_count_every_comparison():
    rows = [PAIR, PAIR, LONE, OTHER]
    said = [Number(1.0, against=0.0), Number(0.0, against=2.0), Number(5.0), Number(1.0)]
    found = TASK.score(rows, said, LABELS)
    assert found["accuracy"] == pytest.approx(2 / 3) and found["margin"] == pytest.approx((1 - 2 + 4) / 3)
    told = TASK.report(rows, said, LABELS)
    assert sum(told["margins"]["values"]) == 2 and told["grades"]["x"] == [3.0, 1.0]
    assert [(s["gold"], s["said"]) for s in told["samples"]["rows"]] == [("good movie", "awful")]
    labels = TASK.settle(LABELS, rows, said)
    assert [TASK.credit(row, p, labels) for row, p in zip(rows, said, strict=True)] == pytest.approx(
        [1.0, 0.0, 1.0, 1.0]
    )
    assert TASK.score([], [], LABELS) == {}


def test_without_anything_to_compare_it_says_so():
    with pytest.raises(RunError, match="nothing to compare"):
        TASK.labels([{**LONE, "grade": None}, {**LONE}])


def test_rivals_count_words_or_letters():
    rows = judgements(Path())
    pairs = [row for row in rows if row["rejected"]]
    grades = [row for row in rows if not row["rejected"]]
    for some in (pairs, grades):
        longer, counting = TASK.rivals(some[:40], [], some, LABELS, lambda: False)
        assert TASK.score(some, counting.predictions, LABELS)["accuracy"] > 0.8
        assert len(longer.predictions) == len(some)


def test_a_run_scores_a_single_text_and_its_copy_scores_as_it_does(tiny_encoder: Path, tmp_path: Path):
    folder = tmp_path / "run"
    write_run(folder, TASK, tiny_encoder)
    worker(str(folder))
    predictor = Predictor.open(folder / "model", device="cpu")
    assert predictor.inputs == ["text", "prompt"]
    good, bad, asked = predictor.predict(["great happy film", "awful sad film", {"text": "good", "prompt": "the film"}])
    assert good.value > bad.value and good.low < good.high and math.isfinite(asked.value)
    made = report.make(folder, lambda d, t: None, lambda: False)
    values = {line["id"]: line["value"] for line in made["contenders"]}
    assert set(values) == {"longer", "counting", "run"} and values["run"] > max(0.8, values["longer"])
    assert [figure["name"] for figure in made["figures"]] == ["margins", "grades", "samples"]
    packed = pack.pack(folder)
    assert packed["checked"] == packed["equal"] == 20
    about = json.loads((folder / "model" / "hone.json").read_text())
    assert [column["role"] for column in about["columns"]] == ["text", "prompt"]


def test_columns_called_chosen_and_rejected_are_for_it(tmp_path: Path):
    path = tmp_path / "rows.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(["prompt", "chosen", "rejected"])
        out.writerows(
            [f"what is {i}?", f"It is the number {i}, of course.", f"I do not know about {i}."] for i in range(60)
        )
    data = Dataset.open(tmp_path / "data")
    data.add(path, "rows.csv")
    assert "reward" in [one.task for one in guess(data) if one.seen]
    assert settle(data, "reward") == "reward"
    roles = {role: one.column for role, one in data.roles.items()}
    assert (roles["text"], roles["rejected"], roles["prompt"]) == ("chosen", "rejected", "prompt")
    assert data.counts().rows == 60


def test_a_text_alone_needs_no_types(tiny_encoder: Path):
    source = open_base(find(str(tiny_encoder)))
    plain = SimpleNamespace(pad_token_id=0, pad_token_type_id=0)
    (example,) = TASK.encode([LONE], source.tokenizer, SETTINGS)
    bare = SimpleNamespace(**{**example.__dict__, "extra": {k: v for k, v in example.extra.items() if k != "types"}})
    assert "token_type_ids" not in TASK.collate([bare], None, plain)


def test_labels_know_the_ends_of_the_grades():
    assert Labels(("score",), (3,), {"lowest": 1.0, "highest": 3.0}) == LABELS
