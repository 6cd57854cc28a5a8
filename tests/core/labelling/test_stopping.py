"""When to stop: the estimate holds on data whose truth is known, and the curve is continued as it was made."""

from __future__ import annotations

import numpy as np
import pytest

from core.labelling import stopping
from core.labelling.stopping import Problem, estimate, power_law


def test_a_power_law_is_found_again():
    """The form of Figueroa et al. 2012."""
    sizes = np.array([50.0, 100, 200, 400, 800])
    a, b, c = power_law(sizes, 0.9 - 2.0 * sizes**-0.5)
    assert (a, b, c) == pytest.approx((0.9, 2.0, 0.5), abs=0.02)


def test_a_flat_curve_promises_nothing_and_none_passes_one():
    sizes = np.array([50.0, 100, 200, 400])
    a, b, c = power_law(sizes, np.full(4, 0.8))
    assert a - b * 1000.0**-c == pytest.approx(0.8, abs=1e-6)
    a, b, c = power_law(sizes, np.array([0.6, 0.75, 0.9, 0.99]))
    assert a <= 1.0 and b >= 0


def problem(n: int, noise: float, seed: int = 0) -> Problem:
    chance = np.random.default_rng(seed)
    centres = np.random.default_rng(9).normal(size=(4, 16)) * 3
    gold = chance.integers(0, 4, n)
    x = (centres[gold] + chance.normal(size=(n, 16))).astype(np.float32)
    wrong = chance.random(n) < noise
    gold = np.where(wrong, (gold + chance.integers(1, 4, n)) % 4, gold)
    return Problem("softmax", gold, list("abcd"), vectors=x)


def test_the_interval_holds_the_truth():
    """A fifth of the labels are wrong by chance: nobody can be right more often than 80 of 100."""
    told = estimate(problem(600, 0.2), np.arange(0, 600, 4))
    assert told["aside"] == 150
    assert told["low"] < 0.8 < told["high"]
    assert told["low"] < told["score"] < told["high"]
    assert [one["more"] for one in told["ahead"]] == [100, 300]
    assert told["ahead"][0]["gain"] < 0.02, "what is known already is not promised again"


def test_a_hard_problem_with_few_labels_is_promised_more():
    chance = np.random.default_rng(3)
    centres = np.random.default_rng(9).normal(size=(20, 64)) * 0.45
    gold = chance.integers(0, 20, 300)
    x = (centres[gold] + chance.normal(size=(300, 64))).astype(np.float32)
    few = Problem("softmax", gold, [str(i) for i in range(20)], vectors=x)
    told = estimate(few, np.arange(0, 300, 2))
    assert told["curve"][0]["score"] < told["curve"][-1]["score"]
    assert told["ahead"][1]["gain"] > told["ahead"][0]["gain"] > 0.005
    assert told["ahead"][0]["low"] <= told["ahead"][0]["gain"] <= told["ahead"][0]["high"]


def test_too_few_rows_set_aside_are_counted_and_nothing_is_claimed():
    told = estimate(problem(60, 0.0), np.arange(7))
    assert told == {"aside": 7, "enough": stopping.ENOUGH}


def test_sets_of_labels_are_judged_by_micro_f1():
    chance = np.random.default_rng(0)
    x = chance.normal(size=(200, 12)).astype(np.float32)
    gold = (x[:, :3] > 0).astype(np.float32)
    told = estimate(Problem("sigmoid", gold, list("abc"), vectors=x), np.arange(0, 200, 3))
    assert 0.85 < told["low"] < told["score"] <= told["high"] <= 1


def test_marked_places_are_judged_by_strict_f1():
    names = ["Anna", "Berta", "Clara", "Dora", "Emil", "Fritz"]
    texts = [f"yesterday {names[i % 6]} met someone in room {i}" for i in range(120)]
    gold = [[{"start": 10, "end": 10 + len(names[i % 6]), "label": "PER"}] for i in range(120)]
    told = estimate(Problem("marks", gold, ["PER"], texts=texts), np.arange(0, 120, 4))
    assert told["score"] > 0.9
