"""Near-equal texts: which share nearly all their pairs of words, found without comparing all with all.

MinHash with bands: Leskovec, Rajaraman, Ullman, "Mining of Massive Datasets", chapter 3.3 and 3.4, after A. Broder (1997); the hash functions
are multiply-shift (Dietzfelbinger et al. 1997). What falls into one bucket is then compared exactly, so that chance decides only
about missing: 20 bands of 5 miss 1 in 3,000 pairs that are exactly ALIKE, and fewer of those that are more so.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from core.data import shingles as sh
from core.data.chunks import take_array
from core.data.kept import Arrays, Measure, Progress, quiet
from core.data.shingles import Shingles
from core.data.splits import mixed
from core.data.state import State
from core.words import Message

ALIKE = 0.8  # Jaccard of the pairs of words
MOST = 200_000  # texts that are compared; the first ones
MOST_SHINGLES = 20_000_000  # of all of them together: 80 MB, and a few times that while they are compared
BANDS, ROWS = 20, 5
PAIRED = 32  # texts of a group of which all pairs are compared; of a larger one those that were met
SMALL = 8  # texts in a bucket of which all pairs are compared; in a larger one neighbours, and all with the first

Places = NDArray[np.int64]


def groups(state: State, progress: Progress = quiet) -> Places:
    """The number of the group of near-equal texts of each place, -1 where a text is alone; kept, also on disk.

    Groups are connected: two texts of one may be alike only by a third. Where a row has several texts, each must be alike. All rows
    are looked at, also those left out; very many (see MOST) only in part. 10,000 short texts take a fifth of a second, 10,000 Chinese
    hotel reviews under two.
    """
    found: Places = NEAR.of(state, progress)["group"]
    return found


def known(state: State) -> bool:
    """Are the groups there already, so that asking for them costs nothing?"""
    return NEAR.known(state)


def looked_at(state: State) -> int:
    """How many texts were compared, from the first one on."""
    return int(NEAR.of(state)["looked"][0])


def pairs(state: State) -> tuple[Places, Places]:
    """The groups in detail: of each place the first one with the same words in the same order, and pairs [n, 2] of such first places
    whose texts are near-equal, without chance. All pairs of a group are there unless it has more than 32 different texts."""
    kept = NEAR.of(state)
    return kept["first"], kept["pairs"]


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


def _measure(state: State, progress: Progress) -> Arrays:
    group, first = np.full(len(state), -1, np.int64), np.arange(len(state))
    columns = _columns(state)
    if not columns or not len(state):
        return {"group": group, "first": first, "pairs": np.zeros((0, 2), np.int64), "looked": np.zeros(1, np.int64)}
    parts = _all_sets(columns, min(len(state), MOST), progress)
    looked = len(parts[0])
    keys, empty = _keys(parts), np.all([sets.sizes == 0 for sets in parts], axis=0)
    _, firsts, same = np.unique(keys, return_index=True, return_inverse=True)
    same = same.reshape(-1)  # texts of the same words are one from here on
    parts = [sets.of(firsts) for sets in parts]
    roots, found = _connect(parts, progress)
    mine = roots[same]
    mine[empty] = -1  # nothing but signs: equal ones are found as equal texts
    group[:looked], first[:looked] = _numbered(mine), np.where(empty, first[:looked], firsts[same])
    found = np.sort(firsts[_completed(parts, roots, found)], axis=1)
    return {"group": group, "first": first, "pairs": found, "looked": np.array([looked])}


def _connect(parts: list[Shingles], progress: Progress) -> tuple[Places, Places]:
    """The root of each different text, and the pairs [n, 2] by which they are connected."""
    signatures = _signatures(_together(parts), progress)
    roots, found = np.arange(len(signatures)), [np.zeros((0, 2), np.int64)]
    for band in range(BANDS):
        a, b = _candidates(signatures[:, band * ROWS : (band + 1) * ROWS], roots)
        likely = _likely(signatures, a, b)
        a, b = a[likely], b[likely]
        sure = _least(parts, a, b) >= ALIKE
        found.append(np.stack([a[sure], b[sure]], axis=1))
        roots = _connected(roots, a[sure], b[sure])
        progress(80 + band, 100)
    return roots, np.concatenate(found)


def _completed(parts: list[Shingles], roots: Places, found: Places) -> Places:
    """All near-equal pairs of the groups that are not large, each once; of the large ones those found so far."""
    order = np.argsort(roots, kind="stable")
    _, begins, sizes = np.unique(roots[order], return_index=True, return_counts=True)
    small = (sizes > 2) & (sizes <= PAIRED)
    ones, others = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for size in np.unique(sizes[small]).tolist():
        a, b = np.triu_indices(size, 1)
        starts = begins[small & (sizes == size)][:, None]
        ones.append(order[(starts + a).ravel()])
        others.append(order[(starts + b).ravel()])
    one, other = np.concatenate(ones), np.concatenate(others)
    sure = _least(parts, one, other) >= ALIKE
    both = np.sort(np.concatenate([found, np.stack([one[sure], other[sure]], axis=1)]), axis=1)
    distinct: Places = np.unique(both, axis=0)
    return distinct


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


NEAR = Measure("near", f"{ALIKE}.{BANDS}.{ROWS}.{MOST}.{PAIRED}", Message("Looking for near-equal texts …"), _measure)
