"""A handful of labels: the loss is the published one, texts of a label come together, and a run of it can be broken off like any other."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from run_folders import events, opinions, weights, write_run
from test_worker import TUNING, carried_out, word_at

from core.models.catalogue import find
from core.models.methods import method
from core.tasks import task
from core.training.advice import this_machine
from core.training.around.contrasting import contrast, side_by_side

FEW = {**TUNING, "learning_rate": 1e-3, "epochs": 6, "batch_size": 12, "patience": 0}


def test_the_loss_is_equation_2_of_khosla_2020():
    vectors = torch.randn(7, 5, generator=torch.Generator().manual_seed(3))
    kinds, temperature = [0, 1, 0, 2, 1, 0, 3], 0.3
    unit = (vectors / vectors.norm(dim=1, keepdim=True)).tolist()
    near = [[sum(x * y for x, y in zip(a, b, strict=True)) / temperature for b in unit] for a in unit]
    rows = []
    for i, kind in enumerate(kinds):
        alike = [p for p in range(7) if p != i and kinds[p] == kind]
        if alike:
            others = sum(math.exp(near[i][a]) for a in range(7) if a != i)
            rows.append(-sum(math.log(math.exp(near[i][p]) / others) for p in alike) / len(alike))
    expected = sum(rows) / len(rows)
    assert float(contrast(vectors, torch.tensor(kinds), temperature)) == pytest.approx(expected, rel=1e-5)


def test_a_step_without_two_alike_moves_nothing():
    vectors = torch.randn(3, 4, requires_grad=True)
    loss = contrast(vectors, torch.tensor([0, 1, 2]), 0.1)
    loss.backward()
    assert float(loss.detach()) == 0.0
    assert vectors.grad is not None and not vectors.grad.any()


def test_each_text_comes_once_and_those_of_a_label_side_by_side():
    kinds = np.random.default_rng(1).integers(0, 5, 60)
    order = side_by_side(kinds, 4, np.random.default_rng(2))
    assert sorted(order) == list(range(60))
    first = kinds[order[:20]].reshape(5, 4)
    assert (first == first[:, :1]).all() and len(set(first[:, 0])) == 5
    assert order == side_by_side(kinds, 4, np.random.default_rng(2))
    assert order != side_by_side(kinds, 4, np.random.default_rng(3))


@pytest.fixture(scope="module")
def whole(tiny_encoder, tmp_path_factory):
    return carried_out(write_run(tmp_path_factory.mktemp("few") / "whole", tiny_encoder, ["contrastive"], **FEW))


def test_a_run_of_it_goes_through_the_fit_and_learns(whole):
    assert [e["method"] for e in events(whole, "began")] == ["head", "contrastive"]
    losses = [e["loss"] for e in events(whole, "stepped") if e["step"] > events(whole, "began")[1]["first_step"]]
    assert losses[-1] < losses[0]
    checks = [e["scores"]["accuracy"] for e in events(whole, "evaluated")]
    assert max(checks[-6:]) >= 0.9


def test_broken_off_and_gone_on_ends_with_the_same_bits(whole, tiny_encoder, tmp_path):
    broken = write_run(tmp_path / "broken", tiny_encoder, ["contrastive"], **FEW)
    word_at(broken, "leave", "evaluated", count=12)
    carried_out(broken)
    assert not events(broken, "finished")
    (broken / "control").unlink(missing_ok=True)
    carried_out(broken)
    assert events(broken, "resumed")
    assert weights(broken) == weights(whole)


def test_with_no_text_for_validation_the_last_moment_is_kept(tiny_encoder, tmp_path):
    rows = [row for row in opinions(40) if row["split"] != "validation"]
    run = carried_out(write_run(tmp_path / "run", tiny_encoder, ["contrastive"], rows, **{**FEW, "epochs": 2}))
    (finished,) = events(run, "finished")
    assert finished["best_step"] == finished["step"]
    assert finished["test"]["accuracy"] > 0.5


@pytest.mark.parametrize(("name", "serves"), [("classification", True), ("pairs", True), ("multilabel", False)])
def test_it_is_for_tasks_with_one_label_a_text_and_says_why_otherwise(name, serves, tiny_encoder):
    said = method("contrastive").suits(find(str(tiny_encoder)), task(name), this_machine())
    assert (said is None) == serves
