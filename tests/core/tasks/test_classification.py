"""Scores against a hand-worked table, the loss against its definition, answers in the order of the rows."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from core.errors import Missing, RunError
from core.tasks import task
from core.tasks.base import Example, Labels, LabelScores
from core.tasks.classification import Classification, label_weights
from core.training.settings import TrainingSettings

TASK = Classification()
LABELS = Labels(("a", "b", "c"), (6, 3, 1))


def said(label: str, probability: float = 0.8) -> LabelScores:
    rest = (1 - probability) / 2
    return LabelScores(label, {name: probability if name == label else rest for name in LABELS.names})


def rows(*labels: str) -> list[dict[str, str]]:
    return [{"id": str(i), "text": "", "label": label, "split": "train"} for i, label in enumerate(labels)]


def loss(logits: list[list[float]], targets: list[int], labels: Labels = LABELS, **settings) -> float:
    batch = {"targets": torch.tensor(targets)}
    return float(TASK.loss(torch.tensor(logits), batch, TrainingSettings(**settings), labels))


def test_scores_equal_a_table_worked_by_hand():
    # a: 2 of 3 found, named 2 times; b: 1 of 1 found, named 2 times; c stands nowhere and is never named
    answers = [said("a"), said("a"), said("b"), said("b")]
    scores = TASK.score(rows("a", "a", "a", "b"), answers, LABELS)
    assert scores["accuracy"] == 3 / 4
    assert scores["macro_f1"] == pytest.approx((2 * 2 / (3 + 2) + 2 * 1 / (1 + 2)) / 2)
    assert scores["loss"] == pytest.approx(-(3 * math.log(0.8) + math.log(0.1)) / 4)
    assert TASK.per_label(rows("a", "a", "a", "b"), answers, LABELS) == {"a": 2 / 3, "b": 1.0}


def test_no_rows_give_no_scores():
    assert TASK.score([], [], LABELS) == {}


def test_focal_loss_without_gamma_is_cross_entropy():
    logits, targets = [[1.0, 0.2, -0.5], [0.3, 0.1, 0.9]], [0, 1]
    assert loss(logits, targets, loss="focal", focal_gamma=0.0) == pytest.approx(loss(logits, targets))


def test_focal_loss_is_its_formula():
    logits = [[2.0, 0.0, 0.0]]
    p = math.exp(2) / (math.exp(2) + 2)
    assert loss(logits, [0], loss="focal", focal_gamma=2.0) == pytest.approx(-((1 - p) ** 2) * math.log(p))


def test_focal_alpha_weighs_all_labels_but_the_commonest():
    weights = label_weights(LABELS, TrainingSettings(loss="focal", focal_alpha=0.75))
    assert weights[1] / weights[0] == pytest.approx(3)
    assert weights[1] == weights[2]


@pytest.mark.parametrize("kind", ["sqrt", "balanced"])
def test_class_weights_have_a_mean_of_one_over_the_training_texts(kind: str):
    weights = label_weights(LABELS, TrainingSettings(class_weights=kind))
    assert np.average(weights, weights=LABELS.counts) == pytest.approx(1)
    assert weights[2] > weights[1] > weights[0]


def test_balanced_weights_make_all_labels_count_alike():
    weights = label_weights(LABELS, TrainingSettings(class_weights="balanced"))
    assert np.ptp(weights * np.array(LABELS.counts)) < 1e-5


def test_label_smoothing_spreads_a_share_over_all_labels():
    logits = [[2.0, 0.0, 0.0]]
    logs = torch.log_softmax(torch.tensor(logits[0]), 0)
    assert loss(logits, [0], label_smoothing=0.3) == pytest.approx(float(-(0.7 * logs[0] + 0.1 * logs.sum())), abs=1e-6)


def test_windows_of_one_row_are_averaged_and_the_order_of_rows_is_kept():
    logits = torch.log(torch.tensor([[0.6, 0.3, 0.1], [0.2, 0.2, 0.6], [0.2, 0.7, 0.1]]))
    examples = [Example(1, np.zeros(1)), Example(0, np.zeros(1)), Example(1, np.zeros(1))]
    first, second = TASK.decode(logits, rows("a", "b"), examples, LABELS)
    assert first.label == "c"
    assert second.label == "b"
    assert second.probabilities["b"] == pytest.approx(0.5)


def test_texts_are_cut_at_the_longest_length(tiny_encoder):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_encoder)
    texts = [{"text": "good film " * 30}, {"text": "bad"}]
    long, short = TASK.encode(texts, tokenizer, SimpleNamespace(max_length=10))
    assert len(long.input_ids) == 10
    assert (long.row, short.row) == (0, 1)
    assert len(short.input_ids) == 3


def test_labels_follow_the_names_given_else_the_most_frequent_first():
    found = rows("b", "a", "b")
    assert TASK.labels(found).names == ("b", "a")
    assert TASK.labels(found, ["a", "b", "z"]).counts == (1, 2, 0)


def test_one_label_is_nothing_to_tell_apart():
    with pytest.raises(RunError, match="nothing to tell apart"):
        TASK.labels(rows("a", "a"), ["a", "b"])


def test_a_task_that_is_not_there_is_named_with_those_that_are():
    with pytest.raises(Missing, match="there are: classification, multilabel"):
        task("clasification")
