"""Which row next: each way picks what its definition says, on scenes small enough to work out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from core.errors import Missing
from core.labelling.strategies import STRATEGIES, Scene, confidence, entropy, margin, pick

SAID = np.array([[0.9, 0.05, 0.05], [0.5, 0.49, 0.01], [0.34, 0.33, 0.33], [0.6, 0.2, 0.2]], np.float32)


def scene(pool, said=None, seen=None, counts=(5, 5, 5), **more) -> Scene:
    pool = np.asarray(pool, np.float32)
    nothing = np.zeros((0, pool.shape[1]), np.float32)
    return Scene(
        pool,
        np.zeros((0, 1), np.float32) if said is None else np.asarray(said, np.float32),
        more.pop("link", "softmax"),
        nothing if seen is None else np.asarray(seen, np.float32),
        np.array(counts),
        **more,
    )


FOUR = np.eye(4)


def test_the_measures_of_doubt_are_those_of_the_textbook():
    """Settles 2009, Active Learning Literature Survey, section 3.1."""
    assert confidence(SAID, "softmax") == pytest.approx([0.9, 0.5, 0.34, 0.6])
    assert margin(SAID, "softmax") == pytest.approx([0.85, 0.01, 0.01, 0.4], abs=1e-6)
    by_hand = [-sum(p * np.log(p) for p in row) for row in SAID.tolist()]
    assert entropy(SAID, "softmax") == pytest.approx(by_hand, rel=1e-5)


def test_of_several_labels_the_least_sure_counts():
    said = np.array([[0.99, 0.01], [0.99, 0.55]], np.float32)
    assert confidence(said, "sigmoid") == pytest.approx([0.99, 0.55])
    assert margin(said, "sigmoid") == pytest.approx([0.98, 0.1], abs=1e-6)
    assert entropy(said, "sigmoid")[1] > entropy(said, "sigmoid")[0]


@pytest.mark.parametrize(("name", "first"), [("least_confidence", 2), ("entropy", 2), ("margin", 1)])
def test_the_row_of_most_doubt_comes_first(name: str, first: int):
    said = SAID.copy()
    said[2] = [0.35, 0.33, 0.32]  # its margin is then not the smallest
    assert pick(name, scene(FOUR, said), 4)[0] == first


def test_a_core_set_takes_the_row_farthest_from_all_that_are_taken():
    angles = np.deg2rad([0, 10, 80, 175])
    pool = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    assert pick("diverse", scene(pool, seen=[[1.0, 0.0]]), 3).tolist() == [3, 2, 1]


def test_one_of_each_kind_meets_every_group_before_any_twice():
    chance = np.random.default_rng(0)
    centres = np.eye(6)[:5] * 8
    pool = np.concatenate([centres[[i]] + 0.1 * chance.normal(size=(40, 6)) for i in range(5)])
    chosen = pick("typical", scene(pool), 10)
    assert {int(one) // 40 for one in chosen} == set(range(5))


def test_what_helps_most_begins_with_kinds_and_goes_on_with_doubts():
    chance = np.random.default_rng(0)
    pool, seen = chance.normal(size=(50, 8)), chance.normal(size=(100, 8))
    said = np.full((50, 3), 1 / 3)
    said[:40] = [0.98, 0.01, 0.01]
    assert set(pick("helpful", scene(pool, said, seen, (40, 30, 30)), 5)[:5].tolist()) <= set(range(40, 50))
    first = pick("helpful", scene(pool, said, seen[:2], (1, 1, 0)), 5)
    assert first.tolist() == pick("typical", scene(pool, said, seen[:2], (1, 1, 0)), 5).tolist()


def test_badge_avoids_rows_it_is_sure_of_and_twins():
    """A sure row has a gradient of next to no length; a twin of a chosen row adds no distance."""
    pool = np.eye(4)[[0, 0, 1, 2]]
    said = np.array([[0.5, 0.5, 0], [0.5, 0.5, 0], [0.5, 0.5, 0], [0.999, 0.001, 0]], np.float32)
    chosen = pick("badge", scene(pool, said), 2)
    assert len({0 if one in (0, 1) else int(one) for one in chosen}) == 2 and 3 not in chosen


def test_rare_labels_and_alike_rows():
    assert pick("rare", scene(FOUR, SAID, counts=(50, 50, 0)), 4)[0] == 2
    assert pick("similar", scene(FOUR, SAID, like=np.array([0, 0, 0, 2], np.float32)), 4)[0] == 3


def test_numbers_and_marks_bring_their_own_doubt():
    doubt = np.array([0.1, 0.2, 0.9, 0.3], np.float32)
    chosen = pick("margin", scene(FOUR, np.zeros((4, 1)), link="identity", doubt=doubt), 4)
    assert chosen[0] == 2


def test_before_there_is_a_model_every_way_gives_rows_and_none_twice():
    for name in STRATEGIES:
        chosen = pick(name, scene(np.random.default_rng(1).normal(size=(30, 5))), 12)
        assert len(set(chosen.tolist())) == len(chosen) >= 12, name
        assert len(pick(name, scene(np.zeros((0, 5))), 12)) == 0


def test_a_way_that_is_not_there_is_told():
    with pytest.raises(Missing):
        pick("magic", scene(FOUR, SAID), 2)
