"""A map of all rows: two numbers a row, so that what is alike lies near each other. First the two main directions (PCA), seen at once, then by
neighbours (UMAP).

UMAP: McInnes, Healy, Melville 2018, "UMAP: Uniform Manifold Approximation and Projection for Dimension Reduction", in numpy: fuzzy graph of
the nearest neighbours, laid out by sampled attraction and repulsion, begun at the PCA. All edges of an epoch move at once, so that there is
nothing to compile; 10,000 rows take about six seconds on two cores. The same rows always give the same map. Knows vectors only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import Cancelled

WIDTH = 50  # main directions in which neighbours are looked for
NEIGHBOURS = 15
LAID_OUT = 12_000  # rows that are laid out; of more, the others are put between their neighbours among these
EPOCHS = 200
REPELLED = 5  # rows that push away for each that pulls
A, B = 1.577, 0.895  # of the curve 1 / (1 + A d^2B) that fits a least distance of 0.1 (the reference's find_ab_params)
FEWEST = 10  # rows from which neighbours tell more than the main directions
BLOCK = 1_000

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Progress = Callable[[int, int], None]
Stop = Callable[[], bool]


@dataclass(frozen=True)
class Main:
    """`inner` (rows, WIDTH at most) the rows in their main directions; `flat` (rows, 2) the first two, within -10 to 10."""

    inner: Floats
    flat: Floats


def main_directions(vectors: Floats) -> Main:
    """Principal components of (rows, width); signs fixed, so that the same rows lie the same way."""
    from sklearn.decomposition import PCA

    rows, width = vectors.shape
    inner = np.zeros((rows, 2), np.float32)
    n = min(WIDTH, rows - 1, width)
    if n >= 1 and float(np.ptp(vectors, axis=0).max()) > 0:
        solver = "randomized" if min(rows, width) > 2 * n else "full"
        inner = PCA(n, svd_solver=solver, random_state=0).fit_transform(vectors).astype(np.float32)
    flat = np.zeros((rows, 2), np.float32)
    flat[:, : min(2, inner.shape[1])] = inner[:, :2]
    reach = float(np.abs(flat).max(initial=0.0))
    return Main(inner, flat * np.float32(10 / reach) if reach > 0 else flat)


def by_neighbours(main: Main, progress: Progress, cancelled: Stop) -> Floats:
    """(rows, 2): the map. Of few rows the main directions. Raises Cancelled."""
    n = len(main.inner)
    if n < FEWEST:
        return main.flat
    laid = np.sort(np.random.Generator(np.random.PCG64(0)).permutation(n)[:LAID_OUT])
    rest = np.setdiff1d(np.arange(n), laid)
    steps = EPOCHS + EPOCHS * len(rest) // LAID_OUT // 8
    near, far = neighbours(main.inner[laid], main.inner[laid], NEIGHBOURS, cancelled, itself=True)
    found = np.zeros((n, 2), np.float32)
    found[laid] = _laid_out(near, far, main.flat[laid], lambda done: progress(done, steps), cancelled)
    if len(rest):
        found[rest] = _between(main.inner, laid, rest, found[laid], lambda done: progress(done, steps), cancelled)
    return found


def neighbours(
    of: Floats, among: Floats, k: int, cancelled: Stop, itself: bool = False
) -> tuple[Ints, NDArray[np.float64]]:
    """(rows, k) the nearest of `among` for each of `of`, the nearest first, and their distances. `itself`: both are the same rows, and none is
    its own neighbour."""
    k = min(k, len(among) - itself)
    squares, found = (among * among).sum(axis=1), np.empty((len(of), k), np.int64)
    far = np.empty((len(of), k), np.float64)
    for start in range(0, len(of), BLOCK):
        if cancelled():
            raise Cancelled
        some = of[start : start + BLOCK]
        apart = squares[None] - 2 * some @ among.T
        if itself:
            apart[np.arange(len(some)), np.arange(start, start + len(some))] = np.inf
        nearest = np.argpartition(apart, k - 1, axis=1)[:, :k]
        square = np.take_along_axis(apart, nearest, 1) + (some * some).sum(axis=1, keepdims=True)
        order = np.argsort(square, axis=1, kind="stable")
        found[start : start + BLOCK] = np.take_along_axis(nearest, order, 1)
        far[start : start + BLOCK] = np.sqrt(np.maximum(np.take_along_axis(square, order, 1), 0))
    return found, far


def _belonging(far: NDArray[np.float64]) -> NDArray[np.float64]:
    """(rows, k) how much each neighbour belongs: exp of the distance beyond the nearest, scaled so that a row's sum is log2 k."""
    beyond = far - far[:, :1]
    target = np.log2(max(far.shape[1], 2))
    low, high, scale = np.zeros(len(far)), np.full(len(far), np.inf), np.maximum(beyond.mean(axis=1), 1e-6)
    for _ in range(32):
        sums = np.exp(-beyond / scale[:, None]).sum(axis=1)
        high = np.where(sums > target, scale, high)
        low = np.where(sums > target, low, scale)
        scale = np.where(np.isinf(high), scale * 2, (low + np.minimum(high, 1e30)) / 2)
        scale = np.maximum(scale, 1e-9)
    found: NDArray[np.float64] = np.exp(-beyond / scale[:, None])
    return found


def _laid_out(
    near: Ints, far: NDArray[np.float64], begun: Floats, told: Callable[[int], None], cancelled: Stop
) -> Floats:
    from scipy.sparse import coo_matrix

    n, k = near.shape
    graph = coo_matrix((_belonging(far).ravel(), (np.repeat(np.arange(n), k), near.ravel())), shape=(n, n)).tocsr()
    graph = (graph + graph.T - graph.multiply(graph.T)).tocoo()  # belonging either way (the fuzzy union)
    once = graph.row < graph.col
    one, other, weight = graph.row[once], graph.col[once], graph.data[once] / graph.data.max()
    chance = np.random.Generator(np.random.PCG64(0))
    at = begun.astype(np.float64) + chance.normal(0, 1e-3, begun.shape)  # equal rows must be able to part
    for epoch in range(EPOCHS):
        if cancelled():
            raise Cancelled
        on = chance.random(len(weight)) < weight
        a, b = one[on], other[on]
        apart = at[a] - at[b]
        square = np.maximum((apart * apart).sum(axis=1), 1e-12)
        pull = np.clip((-2 * A * B * square ** (B - 1) / (1 + A * square**B))[:, None] * apart, -4, 4)
        move = _summed(a, pull, n) - _summed(b, pull, n)
        pushed = np.repeat(np.concatenate([a, b]), REPELLED)
        apart = at[pushed] - at[chance.integers(0, n, len(pushed))]
        square = (apart * apart).sum(axis=1)
        push = np.clip((2 * B / ((0.001 + square) * (1 + A * square**B)))[:, None] * apart, -4, 4)
        at += (1 - epoch / EPOCHS) * np.clip(move + _summed(pushed, push, n), -4, 4)
        told(epoch + 1)
    return (at - at.mean(axis=0)).astype(np.float32)


def _summed(rows: Ints, values: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    return np.stack([np.bincount(rows, values[:, axis], n) for axis in (0, 1)], axis=1)


def _between(inner: Floats, laid: Ints, rest: Ints, at: Floats, told: Callable[[int], None], cancelled: Stop) -> Floats:
    """Rows that were not laid out stand in the middle of their five nearest, the nearer the more; a little apart, so that none covers another."""
    found = np.zeros((len(rest), 2), np.float32)
    chance = np.random.Generator(np.random.PCG64(1))
    for start in range(0, len(rest), BLOCK):
        some = rest[start : start + BLOCK]
        near, far = neighbours(inner[some], inner[laid], 5, cancelled)
        weight = 1 / (far + 1e-3 + far.mean() * 0.01)
        weight /= weight.sum(axis=1, keepdims=True)
        found[start : start + BLOCK] = (at[near] * weight[:, :, None]).sum(axis=1)
        told(EPOCHS + EPOCHS * (start + len(some)) // LAID_OUT // 8)
    spread = float(np.median(np.abs(at - np.median(at, axis=0)))) or 1.0
    return found + chance.normal(0, 0.01 * spread, found.shape).astype(np.float32)
