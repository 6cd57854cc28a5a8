"""A handful of labels: the loss is the published one, texts of a label come together, and a run of it can be broken off like any other."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from run_folders import events, opinions, weights, write_run
from sklearn.linear_model import LogisticRegression
from test_worker import TUNING, broken_off_and_gone_on, carried_out

from core.models.catalogue import find
from core.models.loading import load_model
from core.models.methods import method
from core.tasks import task
from core.training import fit
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
    assert weights(broken_off_and_gone_on(broken, checks=12)) == weights(whole)


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


def test_a_last_layer_fitted_again_is_the_best_for_what_is_kept_while_the_steps_go_on_from_their_own(
    tiny_encoder, tmp_path, monkeypatch
):
    monkeypatch.setattr(fit, "ENOUGH", 1e-9)
    settings = {**FEW, "epochs": 2, "save_seconds": 0.0, "keep_best": False, "regularization": 0.1}
    plain, refitted = (
        carried_out(write_run(tmp_path / str(on), tiny_encoder, ["full"], **settings, refit=on)) for on in (False, True)
    )
    one, other = weights(plain), weights(refitted)
    assert {name for name in one if one[name] != other[name]} == {"head.safetensors/weight", "head.safetensors/bias"}
    model = load_model(refitted / "model")
    rows = [row for row in opinions() if row["split"] == "train"]
    gold = np.array([sorted({row["label"] for row in rows}).index(row["label"]) for row in rows])
    seen = features_of(model, [row["text"] for row in rows])
    # two labels: theirs holds one row of weights, ours two of half its length each, which the same restraint holds half as much
    theirs = LogisticRegression(C=0.2, max_iter=2000, tol=1e-8).fit(seen, gold).predict_proba(seen)
    ours = model.probabilities([row["text"] for row in rows])
    np.testing.assert_allclose(ours, theirs, atol=5e-3)


def features_of(model: Any, texts: list[str]) -> np.ndarray:
    """What goes into the last layer of an opened model, (texts, width)."""
    given = model.tokenizer(texts, padding=True, return_tensors="pt")
    with torch.no_grad():
        return model.model.features(given["input_ids"], given["attention_mask"]).numpy()
