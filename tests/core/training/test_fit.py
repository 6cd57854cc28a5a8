"""The convex fit, held against scikit-learn's answer to the same problem."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression, Ridge

from core.training import fit
from core.training.fit import Objective, lbfgs


def problem(rows: int = 400, width: int = 12, labels: int = 3) -> tuple[np.ndarray, np.ndarray]:
    dice = np.random.default_rng(5)
    features = dice.normal(loc=2.0, size=(rows, width)).astype(np.float32)
    targets = (features[:, :labels] + dice.normal(size=(rows, labels))).argmax(1)
    return features, targets


def solved(objective: Objective, c: float) -> torch.Tensor:
    *_, last = lbfgs(lambda point: objective(point, c), objective.start)
    return last.point


@pytest.mark.parametrize("kind", ["dense", "sparse"])
@pytest.mark.parametrize("c", [0.01, 1.0])
def test_the_fit_gives_the_probabilities_of_scikit_learn(kind: str, c: float, monkeypatch):
    monkeypatch.setattr(fit, "ENOUGH", 1e-9)
    features, targets = problem()
    theirs = LogisticRegression(C=c, max_iter=2000, tol=1e-8).fit(features, targets).predict_proba(features)
    objective = Objective(features if kind == "dense" else csr_matrix(features), targets, 3, None)
    head = objective.head(solved(objective, c))
    ours = torch.softmax(torch.from_numpy(head.logits(features)), 1).numpy()
    np.testing.assert_allclose(ours, theirs, atol=5e-3)


def test_weighted_rows_count_as_often_as_they_weigh():
    features, targets = problem(60)
    twice = np.concatenate([features, features[targets == 0]]), np.concatenate([targets, targets[targets == 0]])
    weights = np.array([2.0, 1.0, 1.0], dtype=np.float32)
    point = torch.randn(3, 13, generator=torch.Generator().manual_seed(1))
    one = Objective(csr_matrix(features), targets, 3, weights)
    other = Objective(csr_matrix(twice[0]), twice[1], 3, None)
    # the sums are equal; both are divided by their own number of rows
    assert one(point, 1e6)[2] * len(targets) == pytest.approx(other(point, 1e6)[2] * len(twice[1]), rel=1e-5)


def test_the_gradient_is_that_of_the_value():
    features, targets = problem(50)
    objective = Objective(features, targets, 3, None)
    point = torch.randn(3, 13, generator=torch.Generator().manual_seed(2))
    _, gradient, _ = objective(point, 0.1)
    for place in ((0, 0), (1, 5), (2, 12)):
        above, below = point.clone(), point.clone()
        above[place] += 1e-2
        below[place] -= 1e-2
        slope = (objective(above, 0.1)[0] - objective(below, 0.1)[0]) / 2e-2
        assert slope == pytest.approx(float(gradient[place]), abs=1e-3)


def test_computing_in_blocks_changes_nothing(monkeypatch):
    features, targets = problem(100)
    point = torch.randn(3, 13, generator=torch.Generator().manual_seed(3))
    whole = Objective(features, targets, 3, None)(point, 1.0)
    monkeypatch.setattr(fit, "ROWS", 7)
    parts = Objective(features, targets, 3, None)(point, 1.0)
    assert parts[0] == pytest.approx(whole[0], rel=1e-6)
    torch.testing.assert_close(parts[1], whole[1], atol=1e-6, rtol=1e-5)


def test_the_same_fit_gives_the_same_bits():
    features, targets = problem()
    objective = Objective(features, targets, 3, None)
    assert torch.equal(solved(objective, 1.0), solved(Objective(features, targets, 3, None), 1.0))


def test_each_iteration_lowers_the_value():
    features, targets = problem()
    objective = Objective(features, targets, 3, None)
    values = [objective(move.point, 10.0)[0] for move in lbfgs(lambda p: objective(p, 10.0), objective.start)]
    assert len(values) > 3
    assert all(after <= before for before, after in itertools.pairwise(values))


def test_with_sigmoid_each_label_is_a_logistic_regression_of_its_own(monkeypatch):
    monkeypatch.setattr(fit, "ENOUGH", 1e-10)
    features, _ = problem()
    targets = (features[:, :3] + np.random.default_rng(1).normal(size=(400, 3)) > 2).astype(np.float32)
    weights = np.array([1.0, 3.0, 1.0], dtype=np.float32)
    head_of = lambda heavy: (o := Objective(features, targets, 3, heavy, "sigmoid")).head(solved(o, 0.1))  # noqa: E731
    for heavy in (None, weights):
        ours = torch.sigmoid(torch.from_numpy(head_of(heavy).logits(features))).numpy()
        for label in range(3):
            weight = {0.0: 1.0, 1.0: 1.0 if heavy is None else float(heavy[label])}
            model = LogisticRegression(C=0.1, max_iter=2000, tol=1e-8, class_weight=weight)
            theirs = model.fit(features, targets[:, label]).predict_proba(features)[:, 1]
            np.testing.assert_allclose(ours[:, label], theirs, atol=5e-3)


@pytest.mark.parametrize("kind", ["dense", "sparse"])
def test_with_identity_it_is_ridge_regression(kind: str, monkeypatch):
    monkeypatch.setattr(fit, "ENOUGH", 1e-12)
    features, _ = problem()
    targets = (features @ np.arange(12)[:, None] / 20 + 3).astype(np.float32)
    theirs = Ridge(alpha=1 / 0.01).fit(features, targets).predict(features)
    objective = Objective(features if kind == "dense" else csr_matrix(features), targets, 1, None, "identity")
    ours = objective.head(solved(objective, 0.01)).logits(features)
    np.testing.assert_allclose(ours.reshape(-1), theirs.reshape(-1), atol=5e-3)
