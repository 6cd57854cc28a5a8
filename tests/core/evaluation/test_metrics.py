"""Figures against hand-worked tables, scikit-learn and scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import accuracy_score, confusion_matrix, precision_recall_fscore_support

from core.evaluation.metrics import averages, confusion, mcnemar, per_label, wilson

# Worked by hand: 10 texts of a, b, c.
GOLD = [0, 0, 0, 0, 1, 1, 1, 2, 2, 2]
SAID = [0, 0, 0, 1, 1, 1, 0, 0, 1, 2]


def test_a_table_worked_by_hand():
    counts = confusion(GOLD, SAID, 3)
    assert counts.tolist() == [[3, 1, 0], [1, 2, 0], [1, 1, 1]]
    a, b, c = per_label(counts)
    assert (a.precision, a.recall, a.f1, a.support, a.said) == (3 / 5, 3 / 4, 6 / 9, 4, 5)
    assert (b.precision, b.recall, b.f1) == (2 / 4, 2 / 3, 4 / 7)
    assert (c.precision, c.recall, c.f1) == (1.0, 1 / 3, 2 / 4)
    means = averages(counts)
    assert means["micro"].f1 == means["micro"].recall == 6 / 10
    assert means["macro"].precision == pytest.approx((0.6 + 0.5 + 1.0) / 3)
    assert means["weighted"].recall == pytest.approx((4 * 0.75 + 3 * 2 / 3 + 3 * 1 / 3) / 10)


@pytest.mark.parametrize("seed", range(8))
def test_random_tables_agree_with_scikit_learn(seed: int):
    rng = np.random.default_rng(seed)
    labels = int(rng.integers(2, 12))
    gold, said = rng.integers(0, labels, 60), rng.integers(0, labels, 60)
    counts = confusion(gold.tolist(), said.tolist(), labels)
    assert (counts == confusion_matrix(gold, said, labels=range(labels))).all()
    mine = np.array([[f.precision or 0, f.recall or 0, f.f1 or 0, f.support] for f in per_label(counts)])
    theirs = precision_recall_fscore_support(gold, said, labels=range(labels), zero_division=0)
    assert np.allclose(mine, np.array(theirs).T)
    present = np.unique(gold)
    for average in ("macro", "weighted"):
        expected = precision_recall_fscore_support(gold, said, labels=present, average=average, zero_division=0)[:3]
        found = averages(counts)[average]
        assert np.allclose([found.precision, found.recall, found.f1], expected)
    assert averages(counts)["micro"].f1 == pytest.approx(accuracy_score(gold, said))


def test_what_has_no_meaning_is_none_and_counts_as_nought():
    never_said, never_there = per_label(confusion([0, 0, 1], [0, 0, 0], 3))[1:]
    assert never_said.precision is None and never_said.recall == 0.0 and never_said.f1 == 0.0
    assert never_there.recall is None and never_there.f1 is None
    assert averages(confusion([0, 0, 1], [0, 0, 0], 3))["macro"].recall == 0.5
    assert averages(confusion([], [], 2))["macro"].f1 is None


@pytest.mark.parametrize("right, total", [(0, 10), (1, 1), (5, 10), (207, 220), (3080, 3080), (2868, 3080)])
def test_wilson_agrees_with_scipy(right: int, total: int):
    expected = binomtest(right, total).proportion_ci(0.95, method="wilson")
    assert wilson(right, total) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_wilson_of_nothing_is_anything():
    assert wilson(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize(
    "mended, broken", [(0, 0), (1, 0), (10, 2), (2, 10), (5, 5), (60, 40), (3000, 2800), (40000, 1)]
)
def test_mcnemar_is_the_exact_binomial_test(mended: int, broken: int):
    n = mended + broken
    expected = binomtest(min(mended, broken), n, 0.5).pvalue if n else 1.0
    assert mcnemar(mended, broken) == pytest.approx(expected, rel=1e-6, abs=1e-300)
