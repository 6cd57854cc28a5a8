"""Rules made one answer: on votes made with known rates the model finds the rates again and is nearly as good as knowing them."""

from __future__ import annotations

import numpy as np
import pytest

from core.labelling import labelmodel

SHARE = np.array([0.5, 0.3, 0.2])


def made(rows: int = 6000, rules: int = 15, seed: int = 3):
    """Votes by the model's own story: (fires, says, truth, hit, miss)."""
    chance = np.random.default_rng(seed)
    says = np.arange(rules) % 3
    hit, precision = chance.uniform(0.2, 0.6, rules), chance.uniform(0.55, 0.97, rules)
    miss = hit * SHARE[says] * (1 - precision) / precision / (1 - SHARE[says])
    truth = chance.choice(3, rows, p=SHARE)
    fires = chance.random((rows, rules)) < np.where(truth[:, None] == says[None], hit, miss)
    return fires, says, truth, hit, miss


def right(probability: np.ndarray, truth: np.ndarray, seen: np.ndarray) -> float:
    """Share right of the rows that a rule fires on; ties are broken by chance."""
    broken = probability + np.random.default_rng(0).random(probability.shape) * 1e-9
    return float((broken.argmax(axis=1) == truth)[seen].mean())


def test_without_a_single_label_it_finds_how_often_each_rule_is_right():
    fires, says, truth, _, _ = made()
    real = np.array([(truth[fires[:, j]] == says[j]).mean() for j in range(len(says))])
    fitted = labelmodel.fit(fires, says, np.full(len(truth), -1), SHARE)
    assert np.abs(fitted.accuracy - real).max() < 0.06 and np.abs(fitted.accuracy - real).mean() < 0.025


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_it_beats_the_majority_of_votes_and_is_nearly_as_good_as_knowing_the_rates(seed: int):
    fires, says, truth, hit, miss = made(seed=seed)
    seen = fires.any(axis=1)
    by_model = right(labelmodel.fit(fires, says, np.full(len(truth), -1), SHARE).probability, truth, seen)
    by_votes = right(labelmodel.majority(fires, says, 3), truth, seen)
    logs = np.log(SHARE)[None] + np.stack(
        [
            (np.log(np.where(says == k, hit, miss)) * fires + np.log(1 - np.where(says == k, hit, miss)) * ~fires).sum(
                axis=1
            )
            for k in range(3)
        ],
        axis=1,
    )
    by_knowing = right(logs, truth, seen)
    assert by_votes + 0.01 < by_model <= by_knowing + 0.01 and by_model > by_knowing - 0.01


def test_probabilities_mean_what_they_say():
    fires, says, truth, _, _ = made(rows=20_000)
    found = labelmodel.fit(fires, says, np.full(len(truth), -1), SHARE).probability
    top, hits = found.max(axis=1), found.argmax(axis=1) == truth
    for low, high in ((0.5, 0.7), (0.7, 0.9), (0.9, 1.01)):
        inside = (top >= low) & (top < high)
        assert abs(top[inside].mean() - hits[inside].mean()) < 0.04


def test_one_rule_alone_is_as_sure_as_the_labelled_rows_it_is_right_on():
    fires = np.zeros((400, 1), np.bool_)
    fires[:100] = True
    known = np.full(400, -1)
    known[:50] = [0] * 45 + [1] * 5
    known[200:240] = 1
    fitted = labelmodel.fit(fires, np.array([0]), known, np.array([0.5, 0.5]))
    assert fitted.accuracy[0] == pytest.approx(0.9, abs=0.03) and fitted.probability[60, 0] == pytest.approx(
        0.9, abs=0.05
    )


def test_labelled_rows_keep_their_label_and_tell_a_wrong_rule_from_a_right_one():
    """Two rules fire on the same rows and say different labels; only labelled rows can tell who is right."""
    fires, known = np.zeros((300, 2), np.bool_), np.full(300, -1)
    fires[:200] = True
    known[:30] = 1
    fitted = labelmodel.fit(fires, np.array([0, 1]), known, np.array([0.5, 0.5]))
    assert fitted.probability[0].tolist() == [0, 1]
    assert fitted.probability[100, 1] > 0.85 and fitted.accuracy[1] > 0.85 > 0.3 > fitted.accuracy[0]


def test_without_rows_or_with_votes_of_nobody_nothing_breaks():
    empty = labelmodel.fit(np.zeros((0, 2), np.bool_), np.array([0, 1]), np.zeros(0, np.int64), np.array([0.5, 0.5]))
    assert empty.probability.shape == (0, 2) and empty.accuracy == pytest.approx([0.75, 0.75])
    quiet = labelmodel.fit(np.zeros((5, 2), np.bool_), np.array([0, 1]), np.full(5, -1), np.array([0.7, 0.3]))
    assert np.isfinite(quiet.probability).all()
