"""The layer that learns along: as scikit-learn fits it, its restraint chosen by what it has not seen."""

from __future__ import annotations

import numpy as np
import pytest

from core.labelling import heads


def blobs(n: int = 300, classes: int = 3, width: int = 20, apart: float = 2.0, seed: int = 0):
    chance = np.random.default_rng(seed)
    centres = chance.normal(size=(classes, width)) * apart
    gold = chance.integers(0, classes, n)
    return (centres[gold] + chance.normal(size=(n, width))).astype(np.float32), gold


def test_its_probabilities_are_those_of_scikit_learn():
    from sklearn.linear_model import LogisticRegression

    x, gold = blobs(apart=0.5)
    mine = heads.fit(x, gold, 3, "softmax", 0.1).outputs(x)
    theirs = LogisticRegression(C=0.1, max_iter=1000, tol=1e-8).fit(x, gold).predict_proba(x)
    assert np.abs(mine - theirs).max() < 0.01
    assert mine.sum(axis=1) == pytest.approx(1, abs=1e-5)


def test_noise_is_held_back_more_than_what_can_be_told_apart():
    x, gold = blobs(apart=3.0)
    noise = np.random.default_rng(1).integers(0, 3, len(gold))
    assert heads.chosen_restraint(x, noise, 3, "softmax") < heads.chosen_restraint(x, gold, 3, "softmax")


def test_what_is_told_of_unseen_rows_comes_from_layers_that_have_not_seen_them():
    """With labels by chance a layer knows those it has seen by heart, and none it has not."""
    chance = np.random.default_rng(0)
    x = chance.normal(size=(200, 300)).astype(np.float32)
    gold = chance.integers(0, 2, 200)
    fitted = heads.fit(x, gold, 2, "softmax", 1.0)
    assert (fitted.outputs(x).argmax(axis=1) == gold).mean() == 1.0
    unseen = heads.unseen(x, gold, 2, fitted, np.arange(200))
    assert 0.35 < (unseen.argmax(axis=1) == gold).mean() < 0.65


def test_several_labels_are_each_a_question_and_numbers_keep_their_scale():
    x, gold = blobs(apart=3.0)
    several = np.stack([gold == 0, gold != 2], axis=1).astype(np.float32)
    said = heads.fit(x, several, 2, "sigmoid").outputs(x)
    assert ((said > 0.5) == (several > 0.5)).mean() > 0.98
    numbers = 40.0 + 10.0 * gold
    told = heads.fit(x, numbers, 1, "identity").outputs(x)[:, 0]
    assert np.abs(told - numbers).mean() < 2.0


def test_a_committee_disagrees_more_about_what_it_has_not_seen():
    x, gold = blobs(n=60, width=10)
    fitted = heads.fit(x, 5.0 * gold, 1, "identity")
    far = np.random.default_rng(2).normal(size=(60, 10)).astype(np.float32) * 8
    spread = [heads.committee(x, 5.0 * gold, 1, fitted, asked).std(axis=0).mean() for asked in (x, far)]
    assert spread[1] > 2 * spread[0]


def test_every_row_is_held_once():
    held = np.concatenate([one for _, one in heads.folds(17, 5, 0)])
    assert sorted(held.tolist()) == list(range(17))
