"""Splits: exact shares within each label, the same for the same seed, equal texts together, something left to learn from."""

from __future__ import annotations

import numpy as np
import pytest

from core.data.splits import OPEN, TEST, TRAIN, VALIDATION, Lot, SplitPlan, decide


def split(
    labels: list[int], plan: SplitPlan, keys: list[int] | None = None, fixed: list[int] | None = None
) -> np.ndarray:
    n = len(labels)
    hashes = np.array(keys if keys is not None else range(n), np.uint64) * np.uint64(2654435761)
    none = np.full(n, OPEN, np.int8)
    given = none if fixed is None else np.array(fixed, np.int8)
    return decide(given, none, Lot.drawn(hashes, plan.seed), np.array(labels, np.int32), np.ones(n, np.bool_), plan)


def test_shares_hold_within_every_label() -> None:
    labels = [0] * 1000 + [1] * 100 + [2] * 20
    found = split(labels, SplitPlan(0.1, 0.2))
    for label, n in ((0, 1000), (1, 100), (2, 20)):
        mine = found[np.array(labels) == label]
        assert ((mine == TEST).sum(), (mine == VALIDATION).sum()) == (n // 5, n // 10)


def test_the_seed_decides_and_nothing_else() -> None:
    labels = [i % 3 for i in range(300)]
    assert (split(labels, SplitPlan(seed=1)) == split(labels, SplitPlan(seed=1))).all()
    assert (split(labels, SplitPlan(seed=1)) != split(labels, SplitPlan(seed=2))).any()


def test_equal_texts_of_a_label_stay_together() -> None:
    keys = [i // 3 for i in range(600)]
    found = split([0] * 600, SplitPlan(), keys)
    for key in range(200):
        assert len(set(found[key * 3 : key * 3 + 3])) == 1
    assert 50 <= (found == TEST).sum() <= 70


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 9])
def test_small_labels_always_keep_something_to_learn_from(n: int) -> None:
    found = split([0] * n, SplitPlan(0.4, 0.4))
    assert (found == TRAIN).any()
    if n >= 4:
        assert (found == TEST).any() and (found == VALIDATION).any()


def test_one_text_repeated_all_over_stays_in_training() -> None:
    assert (split([0] * 100, SplitPlan(), [7] * 100) == TRAIN).sum() >= 1


def test_what_a_file_says_wins_and_only_the_rest_is_planned() -> None:
    fixed = [TEST] * 50 + [OPEN] * 100
    found = split([0] * 150, SplitPlan(0.1, 0.1), fixed=fixed)
    assert (found[:50] == TEST).all()
    assert ((found[50:] == TEST).sum(), (found[50:] == VALIDATION).sum()) == (0, 10)
    fixed = [TRAIN] * 100 + [TEST] * 20
    found = split([0] * 120, SplitPlan(0.1, 0.1), fixed=fixed)
    assert (found == VALIDATION).sum() == 10, "a file for training gives the validation when nothing else does"


def test_more_labels_move_hardly_any_row() -> None:
    before = split([0] * 500 + [-1] * 500, SplitPlan())
    after = split([0] * 500 + [0] * 100 + [-1] * 400, SplitPlan())
    assert (before != after).mean() < 0.05
