"""Figures of rankings: by hand, and against scikit-learn."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn import metrics

from core.evaluation import ranking


def test_auc_is_scikit_learns_also_with_ties():
    dice = np.random.default_rng(1)
    for _ in range(20):
        truth = dice.random(60) < 0.3
        scores = dice.integers(0, 8, 60).astype(float)  # many ties
        assert ranking.auc(truth, scores) == pytest.approx(metrics.roc_auc_score(truth, scores))


def test_auc_by_hand():
    assert ranking.auc([True, False, True, False], [4.0, 3.0, 2.0, 1.0]) == 0.75  # three of four pairs
    assert ranking.auc([True, False], [1.0, 1.0]) == 0.5
    assert ranking.auc([True, True], [1.0, 2.0]) is None


def test_ndcg_is_scikit_learns_also_with_ties_and_a_cut():
    dice = np.random.default_rng(2)
    for n in (2, 5, 30):
        for _ in range(10):
            grades, scores = dice.integers(0, 4, n).astype(float), dice.integers(0, 6, n).astype(float)
            if not grades.any():
                continue
            for k in (1, 3, None, 100):
                wanted = metrics.ndcg_score([grades], [scores], k=k)
                assert ranking.ndcg(grades, scores, k) == pytest.approx(wanted)


def test_ndcg_by_hand():
    # said order: grades 0, 3, 1; best order: 3, 1, 0
    gained = 3 / math.log2(3) + 1 / 2
    best = 3 + 1 / math.log2(3)
    assert ranking.ndcg([3, 1, 0], [0.5, 0.1, 0.9]) == pytest.approx(gained / best)
    assert ranking.ndcg([3, 1, 0], [0.5, 0.1, 0.9], k=1) == 0
    assert ranking.ndcg([0, 0], [1, 2]) is None
    with pytest.raises(ValueError, match="below nought"):
        ranking.ndcg([-1, 1], [1, 2])


def test_recall_and_the_first_right_one_by_hand():
    right, scores = [False, True, False, True], [0.9, 0.8, 0.3, 0.1]
    assert ranking.recall(right, scores, 1) == 0
    assert ranking.recall(right, scores, 2) == 0.5
    assert ranking.recall(right, scores, 4) == 1
    assert ranking.reciprocal_rank(right, scores) == 0.5
    assert ranking.reciprocal_rank([False], [1.0]) is None


def test_a_model_that_scores_all_alike_is_not_credited():
    right, scores = [True, False, False, False], [0.5] * 4
    assert ranking.recall(right, scores, 3) == 0
    assert ranking.reciprocal_rank(right, scores) == 0.25


def test_means_over_lists_leave_out_lists_without_anything_right():
    groups = ["a", "b", "a", "b", "c"]
    found = ranking.over_lists(groups, [1, 0, 0, 1, 0], [0.9, 0.9, 0.1, 0.1, 0.5], ks=(1,))
    # a: right first; b: right second; c says nothing. Right 0.9, 0.1 against wrong 0.9, 0.1, 0.5.
    assert found == pytest.approx({"auc": (0.5 + 1 + 1 + 0 + 0.5 + 0) / 6, "mrr": 0.75, "ndcg@1": 0.5, "recall@1": 0.5})
    assert ranking.over_lists([], [], []) == {}


def test_retrieval_from_a_table_of_similarities():
    table = np.array([[0.9, 0.1, 0.2], [0.5, 0.4, 0.3], [0.1, 0.7, 0.7]])
    found = ranking.from_similarities(table, [0, 1, 2], ks=(1, 2))
    assert found == pytest.approx({"mrr": (1 + 1 / 2 + 1 / 2) / 3, "recall@1": 1 / 3, "recall@2": 1.0})
    for i, right in enumerate([0, 1, 2]):
        marks = [j == right for j in range(3)]
        assert ranking.reciprocal_rank(marks, table[i]) == [1, 1 / 2, 1 / 2][i]
