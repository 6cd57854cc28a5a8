"""A look at all rows at once: where each lies on the map, and the groups of like rows with their typical words. Made by a job, kept in the data
set's cache by the hashes of the rows, so that a reload shows it at once and rows added later leave the others where they are.

<data set>/cache/map.npz      way · keys (n,) u64 · at (n, 2) f32 · final: by neighbours, not only by main directions
                groups.npz    way · keys (n,) u64 · group (n,) i16 · central (groups, 3) u64, 0 for none · words: JSON
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.data import kept as kept_arrays
from core.data.dataset import Dataset
from core.errors import Cancelled
from core.labelling import features, maps, wording
from core.words import Message

FEWEST, MOST = 2, 60  # groups
TRIED = (3, 5, 8, 12, 20, 40)
JUDGED = 1_000  # rows by which the number of groups is chosen
CENTRAL = 3
READ = 20_000  # texts whose words are counted

Places = NDArray[np.int64]
Note = Callable[..., None]
Stop = Callable[[], bool]


@dataclass(frozen=True)
class Map:
    """Where rows lie: `at` (n, 2) of those at `places` (rising). `missing`: rows that came later. `final`: it stays as it is."""

    places: Places
    at: NDArray[np.float32]
    missing: int
    final: bool


@dataclass(frozen=True)
class Groups:
    """`group` (rows,) number of the group of every row, -1 without; `words` of each; `central` places of the most typical rows of each."""

    group: Places
    words: tuple[tuple[str, ...], ...]
    central: tuple[tuple[int, ...], ...]
    missing: int


def make(folder: str, *, progress: Note, cancelled: Stop) -> dict[str, Any]:
    """The job of the page: vectors, the map by main directions, groups, the map by neighbours; each is kept as soon as it is there."""
    data = Dataset.open(folder)
    try:
        things, places = _rows(data, progress, cancelled)
        keys = data.state.keys[places]
        main = maps.main_directions(things)
        if not _is_final(data, keys):
            kept_arrays.write(
                _map(data), {"way": features.way(data.state), "keys": keys, "at": main.flat, "final": False}
            )
        _group(data, main, places, None, progress, cancelled)

        def told(done: int, total: int) -> None:
            progress(done, total, Message("Putting what is alike side by side …"))

        at = maps.by_neighbours(main, told, cancelled)
        kept_arrays.write(_map(data), {"way": features.way(data.state), "keys": keys, "at": at, "final": True})
        return {"rows": len(places)}
    finally:
        data.close()


def regroup(folder: str, groups: int, *, progress: Note, cancelled: Stop) -> dict[str, Any]:
    """The job for another number of groups."""
    data = Dataset.open(folder)
    try:
        things, places = _rows(data, progress, cancelled)
        _group(data, maps.main_directions(things), places, groups, progress, cancelled)
        return {"rows": len(places)}
    finally:
        data.close()


def the_map(data: Dataset) -> Map | None:
    """As it is kept; None where there is none yet."""
    state, kept = data.state, kept_arrays.read(_map(data))
    if kept is None or str(kept["way"]) != features.way(state):
        return None
    places = np.flatnonzero(state.usable)
    at = _where(kept["keys"], state.keys[places])
    there = at >= 0
    missing = len(
        np.unique(state.keys[features.wanted(state)][_where(kept["keys"], state.keys[features.wanted(state)]) < 0])
    )
    return Map(places[there], kept["at"][at[there]], missing, bool(kept["final"]))


def the_groups(data: Dataset) -> Groups | None:
    """As they are kept; None where there are none yet."""
    state, kept = data.state, kept_arrays.read(_groups(data))
    if kept is None or str(kept["way"]) != features.way(state):
        return None
    at = _where(kept["keys"], state.keys)
    group = np.where(state.usable & (at >= 0), kept["group"][np.maximum(at, 0)], -1).astype(np.int64)
    by_key = np.argsort(state.keys, kind="stable")
    first = _where(state.keys[by_key], kept["central"].ravel())
    found = np.where(first >= 0, by_key[np.maximum(first, 0)], -1).reshape(kept["central"].shape)
    central = tuple(tuple(place for place in row if place >= 0 and state.usable[place]) for row in found.tolist())
    words = tuple(tuple(one) for one in json.loads(str(kept["words"])))
    wanted = features.wanted(state)
    return Groups(group, words, central, int((group[wanted] < 0).sum()))


# --- groups ----------------------------------------------------------------------------------------------------------


def _group(data: Dataset, main: maps.Main, places: Places, groups: int | None, progress: Note, cancelled: Stop) -> None:
    progress(0, 0, Message("Looking for groups …"))
    rows = _unit(main.inner)
    group, centres = clustered(rows, groups if groups else chosen_number(rows, cancelled))
    if cancelled():
        raise Cancelled
    central = np.zeros((len(centres), CENTRAL), np.uint64)
    for number in range(len(centres)):
        mine = np.flatnonzero(group == number)
        near = mine[np.argsort(((rows[mine] - centres[number]) ** 2).sum(axis=1), kind="stable")[:CENTRAL]]
        central[number, : len(near)] = data.state.keys[places[near]]
    words = _words(data, places, group, len(centres))
    told = {
        "way": features.way(data.state),
        "keys": data.state.keys[places],
        "group": group.astype(np.int16),
        "central": central,
        "words": json.dumps(words, ensure_ascii=False),
    }
    kept_arrays.write(_groups(data), told)


def chosen_number(rows: NDArray[np.float32], cancelled: Stop) -> int:
    """How many groups fit: by the silhouette (Rousseeuw 1987) of a part of the rows; of numbers that are nearly as good the smallest."""
    from sklearn.metrics import silhouette_score

    n = len(rows)
    some = rows[np.sort(np.random.Generator(np.random.PCG64(0)).permutation(n)[:JUDGED])]
    scores: dict[int, float] = {}
    for tried in TRIED:
        if cancelled():
            raise Cancelled
        if tried * 4 > n:
            break
        group, _ = clustered(some, tried, begun=1)
        if len(np.unique(group)) > 1:
            scores[tried] = float(silhouette_score(some, group))
    best = max(scores.values(), default=0.0)
    return next((tried for tried, score in scores.items() if score >= 0.95 * best), max(1, min(FEWEST, n // 3)))


def clustered(rows: NDArray[np.float32], groups: int, begun: int = 3) -> tuple[Places, NDArray[np.float32]]:
    """k-means: (rows,) the number of the group, the largest is 0, and the centres. Fewer groups where rows are fewer or equal.
    The best of `begun` beginnings."""
    from sklearn.cluster import MiniBatchKMeans

    groups = max(1, min(groups, len(np.unique(rows, axis=0)) if len(rows) <= 200 else len(rows)))
    fitted = MiniBatchKMeans(groups, random_state=0, n_init=begun, batch_size=4096).fit(rows)
    sizes = np.bincount(fitted.labels_, minlength=groups)
    order = np.argsort(-sizes, kind="stable")[: int((sizes > 0).sum())]
    renamed = np.full(groups, -1, np.int64)
    renamed[order] = np.arange(len(order))
    return renamed[fitted.labels_], fitted.cluster_centers_[order].astype(np.float32)


def _words(data: Dataset, places: Places, group: Places, n: int) -> list[list[str]]:
    if not any(part.kind == "text" for part in data.shape.inputs):
        return [[] for _ in range(n)]
    step = max(1, len(places) // READ)
    texts = ["\n".join(parts) for parts in features.texts_of(data.state, places[::step])]
    return wording.typical(texts, group[::step].tolist(), n)


def _unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of length 1, so that k-means goes by the angle."""
    found: NDArray[np.float32] = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
    return found


# --- on disk ---------------------------------------------------------------------------------------------------------


def _rows(data: Dataset, progress: Note, cancelled: Stop) -> tuple[NDArray[np.float32], Places]:
    """Vectors and places, each different row once."""

    def told(done: int, total: int) -> None:
        progress(done, total, Message("Reading the texts …"))

    found = features.ready(data, told, cancelled)
    _, first = np.unique(data.state.keys[found.places], return_index=True)
    first = np.sort(first)
    return found.vectors[first], found.places[first]


def _where(keys: NDArray[np.uint64], wanted: NDArray[np.uint64]) -> Places:
    """Where each wanted key stands among `keys` (in any order); -1 for none."""
    if not len(keys):
        return np.full(len(wanted), -1, np.int64)
    order = np.argsort(keys, kind="stable")
    at = order[np.minimum(np.searchsorted(keys[order], wanted), len(keys) - 1)]
    return np.where(keys[at] == wanted, at, -1).astype(np.int64)


def _is_final(data: Dataset, keys: NDArray[np.uint64]) -> bool:
    """Whether the map that is kept is of these rows, so that it need not be seen by main directions again."""
    kept = kept_arrays.read(_map(data))
    return kept is not None and bool(kept["final"]) and np.array_equal(kept["keys"], keys)


def _map(data: Dataset) -> Path:
    return data.folder / "cache" / "map.npz"


def _groups(data: Dataset) -> Path:
    return data.folder / "cache" / "groups.npz"
