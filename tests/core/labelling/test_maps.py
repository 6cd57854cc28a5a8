"""The map keeps neighbours together, is the same every time, and costs seconds; few or equal rows break nothing."""

from __future__ import annotations

import numpy as np
import pytest

from core.errors import Cancelled
from core.labelling import maps


def clouds(each: int = 60, n: int = 8, width: int = 40, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    chance = np.random.default_rng(seed)
    centres = chance.normal(size=(n, width)) * 2
    rows = np.concatenate([chance.normal(size=(each, width)) + centre for centre in centres])
    return rows.astype(np.float32), np.repeat(np.arange(n), each)


def never() -> bool:
    return False


def quiet(done: int, total: int) -> None:
    assert 0 <= done <= total


def test_neighbours_stay_neighbours_far_better_than_by_main_directions():
    from sklearn.manifold import trustworthiness

    rows, _ = clouds()
    main = maps.main_directions(rows)
    at = maps.by_neighbours(main, quiet, never)
    assert trustworthiness(rows, at, n_neighbors=10) > max(
        0.93, trustworthiness(rows, main.flat, n_neighbors=10) + 0.05
    )


def test_each_cloud_is_an_island_of_its_own():
    rows, of = clouds()
    at = maps.by_neighbours(maps.main_directions(rows), quiet, never)
    near, _ = maps.neighbours(at, at, 5, never, itself=True)
    assert (of[near] == of[:, None]).mean() > 0.97


def test_the_same_rows_always_give_the_same_map():
    rows, _ = clouds(20)
    first, second = (maps.by_neighbours(maps.main_directions(rows), quiet, never) for _ in range(2))
    assert np.array_equal(first, second)


def test_neighbours_are_those_of_scikit_learn():
    from sklearn.neighbors import NearestNeighbors

    rows, _ = clouds(30)
    near, far = maps.neighbours(rows, rows, 6, never, itself=True)
    known, which = NearestNeighbors(n_neighbors=7).fit(rows).kneighbors(rows)
    assert np.allclose(far, known[:, 1:], atol=1e-2) and (near == which[:, 1:]).mean() > 0.99


def test_more_rows_than_are_laid_out_stand_among_their_neighbours(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(maps, "LAID_OUT", 200)
    rows, of = clouds()
    at = maps.by_neighbours(maps.main_directions(rows), quiet, never)
    near, _ = maps.neighbours(at, at, 5, never, itself=True)
    assert np.isfinite(at).all() and (of[near] == of[:, None]).mean() > 0.9


@pytest.mark.parametrize("n", [0, 1, 2, 3, 9, 12])
def test_few_rows_have_a_map_too(n: int):
    rows = np.random.default_rng(0).normal(size=(n, 5)).astype(np.float32)
    at = maps.by_neighbours(maps.main_directions(rows), quiet, never)
    assert at.shape == (n, 2) and np.isfinite(at).all()


def test_equal_rows_have_a_map_too():
    at = maps.by_neighbours(maps.main_directions(np.ones((40, 6), np.float32)), quiet, never)
    assert at.shape == (40, 2) and np.isfinite(at).all()


def test_it_ends_when_somebody_wants_it_to_end():
    rows, _ = clouds(20)
    with pytest.raises(Cancelled):
        maps.by_neighbours(maps.main_directions(rows), quiet, lambda: True)
