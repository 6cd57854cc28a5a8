"""Learning from a larger model's answers: the loss against a hand computation, and rows without a label that it answers."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from core.tasks.base import Example
from core.training import teaching
from core.training.around.teacher import Taught
from core.training.around.zeros import Zeros
from core.training.fit import Objective, lbfgs

BLANK = np.zeros(1, dtype=np.int32)


def loss_of(link, outputs, said, weight, temperature, hard=0.4):
    look = SimpleNamespace(
        outputs=torch.tensor(outputs), examples=[Example(i, BLANK, number=i) for i in range(len(outputs))]
    )
    taught = Taught(np.array(said), list(range(len(said))), link, weight, temperature)
    return float(taught.loss(look, torch.tensor(hard)))


def softened(logits, temperature):
    powers = [math.exp(x / temperature) for x in logits]
    return [x / sum(powers) for x in powers]


def test_the_loss_is_hintons_worked_out_by_hand():
    said, outputs, temperature = [0.9, 0.1], [0.5, -0.5], 2.0
    theirs = softened([math.log(p) for p in said], temperature)
    mine = softened(outputs, temperature)
    apart = sum(p * math.log(p / q) for p, q in zip(theirs, mine, strict=True))
    assert loss_of("softmax", [outputs], [said], 0.7, temperature) == pytest.approx(
        0.3 * 0.4 + 0.7 * 4 * apart, rel=1e-5
    )


def test_labels_that_are_each_a_question_are_taught_one_by_one():
    said, outputs, temperature = [0.8, 0.3], [1.0, 0.0], 2.0
    parts = []
    for p, z in zip(said, outputs, strict=True):
        theirs = 1 / (1 + math.exp(-math.log(p / (1 - p)) / temperature))
        mine = 1 / (1 + math.exp(-z / temperature))
        parts.append(theirs * math.log(theirs / mine) + (1 - theirs) * math.log((1 - theirs) / (1 - mine)))
    assert loss_of("sigmoid", [outputs], [said], 1.0, temperature) == pytest.approx(4 * sum(parts) / 2, rel=1e-5)


def test_a_number_is_taught_by_its_square_and_equal_answers_cost_nothing():
    assert loss_of("identity", [[1.5]], [[1.0]], 0.5, 3.0, hard=1.0) == pytest.approx(0.5 + 0.5 * 0.25)
    assert loss_of("softmax", [[math.log(0.7), math.log(0.3)]], [[0.7, 0.3]], 1.0, 4.0) == pytest.approx(0.0, abs=1e-6)


def test_what_it_said_is_found_by_the_row_whatever_the_number_of_pieces():
    look = SimpleNamespace(
        outputs=torch.tensor([[2.0], [2.0]]), examples=[Example(0, BLANK, number=2), Example(0, BLANK, number=0)]
    )
    taught = Taught(
        np.array([[1.0], [5.0]]), [0, 0, 1], "identity", 1.0, 1.0
    )  # two windows of the first row, one of the second
    assert float(taught.loss(look, torch.tensor(0.0))) == pytest.approx(((2 - 5) ** 2 + (2 - 1) ** 2) / 2)


def test_shares_that_are_whole_fit_as_numbers_of_labels_do():
    chance = np.random.default_rng(1)
    features = chance.normal(size=(40, 3)).astype(np.float32)
    targets = chance.integers(0, 3, 40)
    weights = np.array([0.5, 1.0, 2.0], dtype=np.float32)
    one = Objective(features, targets, 3, weights)
    other = Objective(features, np.eye(3, dtype=np.float32)[targets], 3, weights)
    points = [list(lbfgs(lambda at, o=o: o(at, 1.0), o.start))[-1].point for o in (one, other)]
    assert torch.allclose(*points, atol=1e-5)


def test_a_fit_learns_from_labels_and_answers_by_their_weight(tmp_path):
    from safetensors.numpy import save_file

    settings = SimpleNamespace(teacher_weight=0.25)
    assert teaching.blended(tmp_path, np.array([1]), 2, settings).tolist() == [1]
    save_file({"said": np.array([[0.4, 0.6]], dtype=np.float32)}, tmp_path / teaching.SAID)
    assert teaching.blended(tmp_path, np.array([1]), 2, settings)[0].tolist() == pytest.approx([0.1, 0.9])


def test_weights_that_are_nought_stay_nought_and_the_others_move():
    model = torch.nn.Linear(3, 1)
    with torch.no_grad():
        model.weight.copy_(torch.tensor([[0.0, 1.0, 2.0]]))
    zeros = Zeros(model)
    with torch.no_grad():
        model.weight += 5
    again = Zeros(model)  # a resumed run sees other weights, and takes the mask from its copy
    again.restore(zeros.tensors())
    again.stepped(model, 1)
    assert model.weight.tolist() == [[0.0, 6.0, 7.0]]
