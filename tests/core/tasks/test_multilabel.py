"""Any number of labels a text: loss by its definition, thresholds chosen and kept, measures of what was said, honest rivals."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
from contract_rows import events, write_run
from contract_rows import sets as set_rows

from core.errors import Cancelled, RunError
from core.models.loading import load_model
from core.tasks.base import Example, Labels, LabelSet
from core.tasks.multilabel import MultiLabel
from core.training.settings import TrainingSettings
from core.training.worker import worker
from core.workspace import read_json

TASK = MultiLabel()
LABELS = Labels(("a", "b", "c"), (6, 3, 0), {"texts": 8})


def rows(*labels: list[str]) -> list[dict]:
    return [{"id": str(i), "text": "", "label": one, "split": "train"} for i, one in enumerate(labels)]


def said(*labels: str, a: float = 0.9, b: float = 0.2, c: float = 0.1) -> LabelSet:
    return LabelSet(labels, {"a": a, "b": b, "c": c})


def loss(logits: list[list[float]], targets: list[list[int]], **settings) -> float:
    batch = {"targets": torch.tensor(targets, dtype=torch.float32)}
    return float(TASK.loss(torch.tensor(logits), batch, TrainingSettings(**settings), LABELS))


def windows(*logits: list[float]) -> tuple[list[np.ndarray], list[Example]]:
    return [np.array(one) for one in logits], [Example(i, np.zeros(1)) for i in range(len(logits))]


def test_measures_equal_a_table_worked_by_hand():
    gold = rows(["a"], ["a", "b"], [], ["b"])
    answers = [said("a"), said("a"), said(), said("a")]
    found = TASK.score(gold, answers, LABELS)
    assert found["macro_f1"] == pytest.approx(
        (2 * 2 / (2 + 3) + 0) / 2
    )  # a: 2 of 2 found, said 3 times; b never; c stands nowhere
    assert found["micro_f1"] == pytest.approx(2 * 2 / (4 + 3))
    assert found["samples_f1"] == pytest.approx((1 + 2 / 3 + 1 + 0) / 4)
    assert found["exact_match"] == 2 / 4
    right = [[0.9, 0.8, 0.9], [0.9, 0.2, 0.9], [0.1, 0.8, 0.9], [0.1, 0.2, 0.9]]
    assert found["loss"] == pytest.approx(-np.log(right).mean())
    assert TASK.per_label(gold, answers, LABELS) == {"a": 1.0, "b": 0.0}
    assert [TASK.credit(r, p, LABELS) for r, p in zip(gold, answers, strict=True)] == [1, pytest.approx(2 / 3), 1, 0]
    assert TASK.score([], [], LABELS) == {}


def test_the_loss_is_the_mean_over_labels():
    expected = -(math.log(1 / (1 + math.exp(-2))) + math.log(1 - 1 / (1 + math.exp(-1))) + math.log(0.5)) / 3
    assert loss([[2.0, 1.0, 0.0]], [[1, 0, 1]]) == pytest.approx(expected)


def test_focal_loss_is_its_formula_and_without_gamma_cross_entropy():
    p = 1 / (1 + math.exp(-2))
    assert loss([[2.0, -9e9, -9e9]], [[1, 0, 0]], loss="focal", focal_gamma=2.0) == pytest.approx(
        -((1 - p) ** 2) * math.log(p) / 3
    )
    assert loss([[2.0, 1.0, 0.3]], [[1, 0, 1]], loss="focal", focal_gamma=0.0) == pytest.approx(
        loss([[2.0, 1.0, 0.3]], [[1, 0, 1]])
    )
    there = loss([[2.0, 1.0, 0.3]], [[1, 1, 1]], loss="focal", focal_alpha=0.9)
    assert there == pytest.approx(9 * loss([[2.0, 1.0, 0.3]], [[1, 1, 1]], loss="focal", focal_alpha=0.1))


def test_texts_of_rare_labels_weigh_more_but_never_endlessly():
    weights = TASK.weights(LABELS, TrainingSettings(class_weights="balanced"))
    assert weights is not None and weights.tolist() == pytest.approx([1.0, 5 / 3, 7.0])
    assert TASK.weights(Labels(("a",), (1,), {"texts": 10_000}), TrainingSettings(class_weights="balanced")) == [100.0]
    assert TASK.weights(LABELS, TrainingSettings()) is None


def test_doubt_moves_both_answers_towards_one_half():
    smooth = loss([[2.0, 2.0, 2.0]], [[1, 0, 1]], label_smoothing=0.2)
    yes, no = -math.log(1 / (1 + math.exp(-2))), -math.log(1 / (1 + math.exp(2)))
    assert smooth == pytest.approx((2 * (0.9 * yes + 0.1 * no) + 0.1 * yes + 0.9 * no) / 3)


def test_a_label_is_said_from_its_threshold_on():
    outputs, examples = windows([0.0, -1.0, -1.0], [-5.0, -5.0, -5.0])
    labels = Labels(LABELS.names, LABELS.counts, {"thresholds": {"a": 0.6, "b": 0.2}})
    first, second = TASK.decode(outputs, rows([], []), examples, labels)
    assert first.labels == ("b",) and second.labels == ()
    assert first.thresholds == {"a": 0.6, "b": 0.2, "c": 0.5}
    assert TASK.decode(outputs, rows([], []), examples, LABELS)[0].labels == ("a",)


def test_windows_of_one_row_are_averaged():
    outputs = [np.array([9.0, -9.0, 0.0]), np.array([-9.0, -9.0, 0.0])]
    (one,) = TASK.decode(outputs, rows([]), [Example(0, np.zeros(1)), Example(0, np.zeros(1))], LABELS)
    assert one.probabilities["a"] == pytest.approx(0.5, abs=1e-3)


def test_thresholds_are_settled_on_the_rows_given_and_answers_follow():
    gold = rows(["a"], ["a"], ["a"], ["b"], ["b"], ["b"])
    answers = [said(a=0.4, b=0.1), said(a=0.35, b=0.1), said(a=0.3, b=0.05), *[said(a=0.1, b=0.3)] * 3]
    labels = TASK.settle(LABELS, gold, answers)
    assert labels.extra["texts"] == 8 and 0.1 < labels.extra["thresholds"]["a"] < 0.3
    assert TASK.score(gold, TASK.again(answers, labels), labels)["exact_match"] == 1.0
    assert TASK.settle(LABELS, [], []) is LABELS
    json.dumps(labels.extra)


def test_labels_follow_the_names_given_and_a_text_may_have_none():
    found = rows(["b", "a"], ["b"], [])
    assert TASK.labels(found).names == ("b", "a")
    labels = TASK.labels(found, ["a", "b", "z"])
    assert (labels.counts, labels.extra) == ((1, 2, 0), {"texts": 3})
    assert TASK.target(found[2], None, labels).tolist() == [0, 0, 0]
    with pytest.raises(RunError, match="no training text carries a label"):
        TASK.labels(rows([], []))
    with pytest.raises(RunError, match="“a” is not among"):
        TASK.labels(found, ["b"])


def test_figures_tell_each_label_and_what_is_said_instead():
    gold = rows(["a"], ["a", "b"], ["b"])
    found = TASK.report(gold, [said("a"), said("a"), said("a")], LABELS)
    assert [row[0] for row in found["labels"]["rows"]] == ["a", "b", "c"]
    assert found["labels"]["rows"][0][1:] == [pytest.approx(0.6667, abs=1e-4), 1.0, 0.8, 2, 0.5]
    assert found["labels"]["rows"][2][1:5] == [None, None, None, 0]
    assert found["frequency"] == {"names": ["a", "b", "c"], "values": [2, 2, 0]}
    assert found["instead"]["cells"] == [[1, 0, 1]]  # b was missed once where a was said wrongly


def test_rivals_answer_every_row_and_word_counting_learns(tmp_path):
    found = set_rows(tmp_path)
    parts = {part: [row for row in found if row["split"] == part] for part in ("train", "validation", "test")}
    labels = TASK.labels(found)
    always, counting = TASK.rivals(parts["train"], parts["validation"], parts["test"], labels, lambda: False)
    assert len({one.labels for one in always.predictions}) == 1
    scores = [TASK.score(parts["test"], rival.predictions, labels)["macro_f1"] for rival in (always, counting)]
    assert scores[0] < scores[1] and scores[1] > 0.9
    with pytest.raises(Cancelled):
        list(TASK.rivals(parts["train"], [], parts["test"], labels, lambda: True))


@pytest.mark.parametrize("base", ["classic:ngram", "tiny"])
def test_a_run_keeps_the_thresholds_it_was_judged_by(base: str, tiny_encoder, tmp_path):
    folder = tmp_path / "run"
    write_run(folder, TASK, base if base.startswith("classic") else tiny_encoder)
    worker(str(folder))
    (end,) = events(folder, "finished")
    about = read_json(folder / "model" / "hone.json")
    assert set(about["extra"]["thresholds"]) == {"good", "bad"}
    held = [row for row in set_rows(tmp_path) if row["split"] == "validation"]
    answers = load_model(folder / "model").answer([{"text": row["text"]} for row in held])
    labels = Labels(tuple(about["labels"]), (1, 1), about["extra"])
    assert TASK.score(held, answers, labels)["macro_f1"] == pytest.approx(end["scores"]["macro_f1"], abs=1e-6)
    assert set(read_json(folder / "probe" / "hone.json")["extra"]["thresholds"]) == {"good", "bad"}
