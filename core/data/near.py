"""Near-equal texts: which share nearly all their pairs of words, found without comparing all with all.

MinHash with bands: Leskovec, Rajaraman, Ullman, "Mining of Massive Datasets", chapter 3.3 and 3.4, after A. Broder (1997); the hash functions
are multiply-shift (Dietzfelbinger et al. 1997). What falls into one bucket is then compared exactly, so that chance decides only
about missing: 20 bands of 5 miss 1 in 3,000 pairs that are exactly ALIKE, and fewer of those that are more so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from core.data import shingles as sh
from core.data.chunks import take_array
from core.data.shingles import Shingles
from core.data.splits import mixed
from core.data.state import State, save

ALIKE = 0.8  # Jaccard of the pairs of words
MOST = 200_000  # texts that are compared; the first ones
MOST_SHINGLES = 20_000_000  # of all of them together: 80 MB, and a few times that while they are compared
BANDS, ROWS = 20, 5
KEPT = 4  # files
UNSEEN = -2  # in the file: not compared
SMALL = 8  # texts in a bucket of which all pairs are compared; in a larger one neighbours, and all with the first

Places = NDArray[np.int64]
Progress = Callable[[int, int], None]


def groups(state: State, progress: Progress = lambda done, total: None) -> Places:
    """The number of the group of near-equal texts of each place, -1 where a text is alone; kept, also on disk.

    Groups are connected: two texts of one may be alike only by a third. Where a row has several texts, each must be alike. All rows
    are looked at, also those left out; very many (see MOST) only in part. 10,000 short texts take a fifth of a second, 10,000 Chinese
    hotel reviews under two.
    """
    found: Places = np.maximum(_kept(state, progress), -1)
    return found


def known(state: State) -> bool:
    """Are the groups there already, so that asking for them costs nothing?"""
    return "near" in state.text_memory or _path(state).exists()


def looked_at(state: State) -> int:
    """How many texts were compared, from the first one on."""
    return int((_kept(state) > UNSEEN).sum())


def _kept(state: State, progress: Progress = lambda done, total: None) -> Places:
    if "near" not in state.text_memory:
        path = _path(state)
        found = _read(path, len(state))
        if found is None:
            found = _groups(state, progress)
            save(path, found)
            _prune(path)
        state.text_memory["near"] = found
    kept: Places = state.text_memory["near"]
    return kept


def alike(state: State, place: int) -> Places:
    """The other places of a text's group, the likest first."""
    group = groups(state)
    if group[place] < 0:
        return np.zeros(0, np.int64)
    others = np.flatnonzero(group == group[place])
    others = others[others != place]
    return others[np.argsort(-likeness(state, np.full(len(others), place), others), kind="stable")]


def likeness(state: State, one: Places, other: Places) -> NDArray[np.float64]:
    """Exactly how alike the texts at `one[i]` and `other[i]` are, 0 to 1; of several texts of a row the least."""
    places, which = np.unique(np.r_[one, other], return_inverse=True)
    which = which.reshape(-1)
    a, b = which[: len(one)], which[len(one) :]
    return _least([_sets(column, places) for column in _columns(state)], a, b)


def _least(parts: list[Shingles], a: Places, b: Places) -> NDArray[np.float64]:
    """Texts of the same words are alike, also where they have none."""
    each = [np.where(sets.keys[a] == sets.keys[b], 1.0, sh.jaccard(sets, a, b)) for sets in parts]
    return np.min(each, axis=0) if each else np.zeros(len(a))


# --- finding them ----------------------------------------------------------------------------------------------------


def _groups(state: State, progress: Progress) -> Places:
    found = np.full(len(state), UNSEEN, np.int64)
    columns = _columns(state)
    if not columns or not len(state):
        return found
    parts = _all_sets(columns, min(len(state), MOST), progress)
    keys, empty = _keys(parts), np.all([sets.sizes == 0 for sets in parts], axis=0)
    different, first, same = np.unique(keys, return_index=True, return_inverse=True)
    roots = np.arange(len(different))  # texts of the same words are one from here on
    parts = [sets.of(first) for sets in parts]
    signatures = _signatures(_together(parts), progress)
    for band in range(BANDS):
        a, b = _candidates(signatures[:, band * ROWS : (band + 1) * ROWS], roots)
        likely = _likely(signatures, a, b)
        a, b = a[likely], b[likely]
        sure = _least(parts, a, b) >= ALIKE
        roots = _connected(roots, a[sure], b[sure])
        progress(80 + band, 100)
    group = roots[same.reshape(-1)]
    group[empty] = -1  # nothing but signs: equal ones are found as equal texts
    found[: len(group)] = _numbered(group)
    return found


def _columns(state: State) -> list[pa.ChunkedArray]:
    """The texts of the rows; none where rows are something else."""
    if any(part.kind != "text" for part in state.shape.inputs):
        return []
    return [state.text, *(state.rows.role(part.role) for part in state.shape.inputs[1:])]


def _sets(column: pa.ChunkedArray, places: Places) -> Shingles:
    blocks = [places[at : at + sh.BLOCK] for at in range(0, len(places), sh.BLOCK)]
    return sh.joined([sh.shingles(take_array(column, block)) for block in blocks])


def _all_sets(columns: list[pa.ChunkedArray], most: int, progress: Progress) -> list[Shingles]:
    """Of the first texts, until there are too many shingles to keep."""
    found: list[list[Shingles]] = [[] for _ in columns]
    kept = 0
    for at in range(0, most, sh.BLOCK):
        places = np.arange(at, min(at + sh.BLOCK, most))
        for blocks, column in zip(found, columns, strict=True):
            blocks.append(sh.shingles(take_array(column, places)))
            kept += len(blocks[-1].values)
        progress(40 * at // most, 100)
        if kept > MOST_SHINGLES:
            break
    return [sh.joined(blocks) for blocks in found]


def _together(parts: list[Shingles]) -> Shingles:
    """One set a row, of all its texts; a shingle of one text is another than the same of the next."""
    if len(parts) == 1:
        return parts[0]
    tags = [np.uint32(0x9E3779B9 * number % 2**32) for number in range(len(parts))]
    owner = np.concatenate([np.repeat(np.arange(len(sets)), sets.sizes) for sets in parts])
    values = np.concatenate([sets.values ^ tag for sets, tag in zip(parts, tags, strict=True)])
    return sh.gathered(owner, values.astype(np.uint64), _keys(parts))


def _keys(parts: list[Shingles]) -> NDArray[np.uint64]:
    """Equal where all texts of a row have the same words."""
    keys = np.zeros(len(parts[0]), np.uint64)
    for number, sets in enumerate(parts):
        keys = mixed(keys, number) ^ sets.keys
    return keys


def _signatures(sets: Shingles, progress: Progress) -> NDArray[np.uint32]:
    """The least value of each of 100 hash functions over a text's shingles."""
    chance = np.random.Generator(np.random.PCG64(1997))
    a = chance.integers(1, 2**64, BANDS * ROWS, np.uint64, endpoint=False) | np.uint64(1)
    b = chance.integers(0, 2**64, BANDS * ROWS, np.uint64, endpoint=False)
    found = np.full((len(sets), BANDS * ROWS), 2**32 - 1, np.uint32)
    full = np.flatnonzero(sets.sizes)
    step = 2_000
    for at in range(0, len(full), step):
        mine = full[at : at + step]
        some = sets.of(mine)
        values = some.values.astype(np.uint64)
        for i in range(BANDS * ROWS):
            hashed = ((values * a[i] + b[i]) >> np.uint64(32)).astype(np.uint32)
            found[mine, i] = np.minimum.reduceat(hashed, some.starts[:-1])
        progress(40 + 40 * at // len(full), 100)
    return found


def _candidates(band: NDArray[np.uint32], roots: Places) -> tuple[Places, Places]:
    """Pairs of texts of one bucket that do not belong together already."""
    bucket = np.zeros(len(band), np.uint64)
    for i in range(band.shape[1]):
        bucket = mixed(bucket ^ band[:, i].astype(np.uint64), i)
    order = np.argsort(bucket, kind="stable")
    ordered = bucket[order]
    begins = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]][: len(ordered)])
    sizes = np.diff(np.r_[begins, len(ordered)])
    first = np.repeat(begins, sizes)
    size = np.repeat(sizes, sizes)
    at = np.arange(len(order))
    pairs = [(at[at > first], first[at > first])]
    for back in range(1, SMALL):
        mine = at[(at - back > first) & ((size <= SMALL) | (back == 1))]
        pairs.append((mine, mine - back))
    a, b = (order[np.concatenate(side)] for side in zip(*pairs, strict=True))
    apart = roots[a] != roots[b]
    return a[apart], b[apart]


def _likely(signatures: NDArray[np.uint32], a: Places, b: Places) -> NDArray[np.bool_]:
    """Pairs worth comparing: the share of equal values is an estimate of the Jaccard, five standard deviations of which are 0.2."""
    found = np.zeros(len(a), np.bool_)
    for at in range(0, len(a), 50_000):
        block = slice(at, at + 50_000)
        found[block] = (signatures[a[block]] == signatures[b[block]]).mean(axis=1) >= ALIKE - 0.2
    return found


def _connected(roots: Places, a: Places, b: Places) -> Places:
    """Each text's root, the least place of those it is connected with, once `a[i]` and `b[i]` belong together."""
    while len(a):
        least = np.minimum(roots[a], roots[b])
        np.minimum.at(roots, roots[a], least)
        np.minimum.at(roots, roots[b], least)
        while (deeper := roots[roots] != roots).any():
            roots[deeper] = roots[roots[deeper]]
        apart = roots[a] != roots[b]
        a, b = a[apart], b[apart]
    return roots


def _numbered(group: Places) -> Places:
    """Groups of at least two, numbered as they first appear; -1 for the others."""
    found = np.full(len(group), -1, np.int64)
    inside = np.flatnonzero(group >= 0)
    _, first, which, counts = np.unique(group[inside], return_index=True, return_inverse=True, return_counts=True)
    several = np.flatnonzero(counts > 1)
    number = np.full(len(counts), -1, np.int64)
    number[several[np.argsort(first[several])]] = np.arange(len(several))
    found[inside] = number[which.reshape(-1)]
    return found


# --- kept on disk ----------------------------------------------------------------------------------------------------


def _path(state: State) -> Path:
    told = hashlib.blake2b(state.keys.tobytes(), digest_size=12)
    told.update(f"{ALIKE} {BANDS} {ROWS} {MOST} {[part.kind for part in state.shape.inputs]}".encode())
    return state.rows.folder / "cache" / f"near-{told.hexdigest()}.npy"


def _read(path: Path, rows: int) -> Places | None:
    if not path.exists():
        return None
    try:
        kept: Places = np.load(path, allow_pickle=False)
    except (OSError, ValueError):
        return None  # found anew
    return kept if kept.shape == (rows,) else None


def _prune(path: Path) -> None:
    """Of earlier texts the last few are kept, for going back."""
    older = sorted(path.parent.glob("near-*.npy"), key=lambda one: one.stat().st_mtime)
    for one in older[:-KEPT]:
        one.unlink(missing_ok=True)
