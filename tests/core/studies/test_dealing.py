"""Rows dealt to folds: every label its share, equal texts together, and the spread of the folds' figures."""

from __future__ import annotations

import math
import random
from collections import Counter

import pytest
from scipy import stats
from sklearn.model_selection import StratifiedKFold

from core.studies.dealing import dealt, plan, spread


def rows(n: int = 203, seed: int = 1) -> tuple[list[str], list[str]]:
    dice = random.Random(seed)
    return [f"text {i}" for i in range(n)], dice.choices(["a", "b", "rare"], [60, 35, 5], k=n)


@pytest.mark.parametrize("k", [3, 5, 10])
def test_every_fold_has_its_share_of_each_label_as_scikit_learn_deals_them(k):
    texts, labels = rows()
    own = dealt(texts, labels, k, seed=7)
    theirs = StratifiedKFold(k, shuffle=True, random_state=0).split(texts, labels)
    by_label = [
        sorted(Counter(label for label, fold in zip(labels, own, strict=True) if fold == f).items()) for f in range(k)
    ]
    wanted = [sorted(Counter(labels[i] for i in test).items()) for _, test in theirs]
    for label in set(labels):
        mine, other = ([dict(fold).get(label, 0) for fold in folds] for folds in (by_label, wanted))
        assert max(mine) - min(mine) <= 1 and sum(mine) == sum(other)
        assert max(other) - min(other) <= 1
    assert max(Counter(own).values()) - min(Counter(own).values()) <= 1


def test_equal_texts_are_never_on_both_sides():
    texts, labels = rows()
    own = dealt([*texts, *texts[:50]], [*labels, *reversed(labels[:50])], 5, seed=7)
    assert own[-50:] == own[:50]


def test_the_seed_decides_and_nothing_else():
    texts, labels = rows()
    own = dealt(texts, labels, 5, seed=7)
    back = dealt(texts[::-1], labels[::-1], 5, seed=7)[::-1]
    assert own == back and own != dealt(texts, labels, 5, seed=8)


def test_in_each_fold_its_rows_are_set_aside_and_the_others_learnt_from():
    assert plan({"r1": 0, "r2": 1}, 1) == {"r1": "train", "r2": "validation"}


def test_the_spread_is_that_of_students_t():
    values = [0.81, 0.84, 0.79, 0.86, 0.85]
    found = spread(values)
    low, high = stats.t.interval(0.95, 4, loc=found.mean, scale=found.deviation / math.sqrt(5))
    assert (found.low, found.high) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))
    assert spread([0.5]).deviation is None and spread([]) is None
