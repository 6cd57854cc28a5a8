"""Sets of labels against scikit-learn's figures, thresholds against trying every cut."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import f1_score, precision_recall_fscore_support

from core.tasks.base import Labels
from core.tasks.label_sets import HALF, counted, gold_matrix, shared, thresholds

NAMES = tuple("abcde")


@pytest.fixture
def table() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(gold, probabilities, said) of 300 rows and five labels of very different frequency; some rows carry none."""
    dice = np.random.default_rng(4)
    gold = dice.random((300, 5)) < np.array([0.5, 0.3, 0.1, 0.03, 0.02])
    shares = np.clip(0.25 * gold + dice.random((300, 5)) * 0.7, 0, 1)
    return gold, shares, shares > 0.5


def test_counts_by_label_are_those_of_scikit_learn(table):
    gold, _, said = table
    precision, recall, f1, there = precision_recall_fscore_support(gold, said, zero_division=0)
    found = counted(gold, said)
    for mine, theirs in ((found.precision, precision), (found.recall, recall), (found.f1, f1), (found.there, there)):
        np.testing.assert_allclose(mine, theirs)
    assert found.micro_f1 == pytest.approx(f1_score(gold, said, average="micro"))


def test_a_row_without_labels_that_got_none_is_right(table):
    gold, _, said = table
    assert (~gold.any(axis=1) & ~said.any(axis=1)).any()
    assert shared(gold, said).mean() == pytest.approx(f1_score(gold, said, average="samples", zero_division=1))


def test_thresholds_are_the_best_of_all_cuts(table):
    gold, shares, _ = table
    chosen = thresholds(shares, gold)
    for label in range(5):
        cuts = [0.0, *np.unique(shares[:, label]) + 1e-9]
        best = max(f1_score(gold[:, label], shares[:, label] >= cut, zero_division=0) for cut in cuts)
        assert f1_score(gold[:, label], shares[:, label] >= chosen[label]) == pytest.approx(best)


def test_equal_probabilities_stay_together():
    shares = np.array([[0.5], [0.5], [0.5], [0.2]])
    gold = np.array([[True], [False], [True], [True]])
    assert thresholds(shares, gold)[0] <= 0.2  # all four: 6/7; a cut among the three equal ones is none


def test_a_label_with_too_few_rows_takes_the_threshold_of_all_together():
    dice = np.random.default_rng(2)
    gold = np.zeros((60, 3), dtype=bool)
    gold[:30, 0], gold[7, 1] = True, True
    shares = 0.3 * gold + 0.4 * dice.random((60, 3))
    found = thresholds(shares, gold)
    together = thresholds(shares.reshape(-1, 1), gold.reshape(-1, 1))[0]
    assert found[1] == found[2] == together


def test_rows_without_any_label_leave_one_half():
    assert thresholds(np.full((4, 2), 0.3), np.zeros((4, 2), dtype=bool)).tolist() == [HALF, HALF]


def test_names_that_are_no_labels_of_the_run_are_passed_over():
    rows = [{"label": ["e", "z"]}, {"label": []}]
    assert gold_matrix(rows, Labels(NAMES, (1,) * 5)).tolist() == [[False] * 4 + [True], [False] * 5]
