"""Texts as sets of shingles: pairs of neighbouring words, hashed. Two texts are as alike as their sets (Jaccard: shared of all).

Case, width and punctuation do not count. Where a script sets no spaces between words, each character is a word. After A. Broder, "On the
resemblance and containment of documents" (1997) and Leskovec, Rajaraman, Ullman, "Mining of Massive Datasets", chapter 3.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from core.data.splits import mixed

LONGEST = 5_000  # characters of a text that are compared
BLOCK = 4_000  # texts at a time
CROWDED = r"([\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}])"  # scripts without spaces
NO_WORD = r"[^\p{L}\p{M}\p{N}]+"


@dataclass(frozen=True)
class Shingles:
    """The set of text i is `values[starts[i]:starts[i + 1]]`, ascending; empty for a text without a word. `keys`: equal where the words
    are the same in the same order, 0 for a text without a word."""

    values: NDArray[np.uint32]
    starts: NDArray[np.int64]
    keys: NDArray[np.uint64]

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def sizes(self) -> NDArray[np.int64]:
        return np.diff(self.starts)

    def of(self, places: NDArray[np.int64]) -> Shingles:
        """The sets of some texts."""
        sizes = self.sizes[places]
        starts = np.r_[0, np.cumsum(sizes)].astype(np.int64)
        return Shingles(self.values[spread(self.starts[places], sizes)], starts, self.keys[places])


def shingles(texts: Sequence[str] | pa.Array) -> Shingles:
    """The sets of some texts, of a text's first 5,000 characters."""
    words, starts = _words(texts)
    hashes = _hashed(words)
    sizes = np.diff(starts)
    owner = np.repeat(np.arange(len(sizes)), sizes)
    at = np.arange(len(hashes)) - starts[:-1][owner]
    keys = np.zeros(len(sizes), np.uint64)
    with np.errstate(over="ignore"):
        np.add.at(keys, owner, mixed(hashes ^ mixed(at.astype(np.uint64), 3), 5))
        pairs = mixed(hashes * np.uint64(31) + np.r_[hashes[1:], np.zeros(1, np.uint64)][: len(hashes)], 7)
    inside = at + 1 < sizes[owner]
    alone = sizes[owner] == 1  # a text of one word is that word
    chosen = inside | alone
    values = np.where(alone, hashes, pairs)[chosen] >> np.uint64(32)
    return gathered(owner[chosen], values, keys)


def gathered(owner: NDArray[np.int64], values: NDArray[Any], keys: NDArray[np.uint64]) -> Shingles:
    """Sets from 32-bit values in any order, each with the number of its text."""
    packed = np.sort((owner.astype(np.uint64) << np.uint64(32)) | values)
    packed = packed[np.r_[True, packed[1:] != packed[:-1]][: len(packed)]]
    counts = np.bincount((packed >> np.uint64(32)).astype(np.int64), minlength=len(keys))
    return Shingles(packed.astype(np.uint32), np.r_[0, np.cumsum(counts)].astype(np.int64), keys)


def joined(parts: Sequence[Shingles]) -> Shingles:
    """Sets of further texts behind those before."""
    ends = np.cumsum([0, *(len(one.values) for one in parts)])
    return Shingles(
        np.concatenate([np.zeros(0, np.uint32), *(one.values for one in parts)]),
        np.concatenate([np.zeros(1, np.int64), *(one.starts[1:] + end for one, end in zip(parts, ends, strict=False))]),
        np.concatenate([np.zeros(0, np.uint64), *(one.keys for one in parts)]),
    )


def jaccard(sets: Shingles, one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.float64]:
    """Exactly how alike texts `one[i]` and `other[i]` are, 0 to 1: shingles in both, of those in either. 0 where both have none."""
    found = np.zeros(len(one))
    sizes = sets.sizes
    cost = np.cumsum(sizes[one] + sizes[other])
    for start, end in _blocks(cost, 2_000_000):
        a, b = sets.of(one[start:end]), sets.of(other[start:end])
        owner = np.concatenate([np.repeat(np.arange(end - start), x.sizes) for x in (a, b)]).astype(np.uint64)
        packed = np.sort((owner << np.uint64(32)) | np.concatenate([a.values, b.values]))
        twice = packed[1:][packed[1:] == packed[:-1]]
        both = np.bincount((twice >> np.uint64(32)).astype(np.int64), minlength=end - start)
        found[start:end] = both / np.maximum(1, a.sizes + b.sizes - both)
    return found


def spread(starts: NDArray[np.int64], sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """The places start, start + 1, ... of each stretch, one stretch behind the other."""
    before = np.cumsum(sizes) - sizes
    return np.arange(int(sizes.sum())) + np.repeat(starts - before, sizes)


def _words(texts: Sequence[str] | pa.Array) -> tuple[pa.Array, NDArray[np.int64]]:
    """All words one behind the other, and where those of each text begin."""
    cut = pc.utf8_slice_codeunits(pa.array(texts, pa.string()), 0, LONGEST)
    plain = pc.utf8_lower(pc.utf8_normalize(cut, "NFKC"))
    plain = pc.replace_substring_regex(plain, NO_WORD, " ")
    plain = pc.utf8_trim_whitespace(pc.replace_substring_regex(plain, CROWDED, r" \1 "))
    split = pc.utf8_split_whitespace(plain)
    offsets: NDArray[np.int64] = split.offsets.to_numpy().astype(np.int64)
    words = split.flatten()
    kept = pc.not_equal(words, "").to_numpy(zero_copy_only=False)  # a text without words is split into one empty one
    starts = np.r_[0, np.cumsum(kept)][offsets - offsets[0]].astype(np.int64)
    return words.filter(pa.array(kept)), starts


def _hashed(words: Any) -> NDArray[np.uint64]:
    from pandas.util import hash_array

    encoded = words.dictionary_encode()
    known = encoded.dictionary.to_numpy(zero_copy_only=False)
    if not len(known):
        return np.zeros(0, np.uint64)
    hashes: NDArray[np.uint64] = hash_array(known, categorize=False)
    return hashes[encoded.indices.to_numpy(zero_copy_only=False)]


def _blocks(cost: NDArray[np.int64], most: int) -> list[tuple[int, int]]:
    """Stretches [start, end) of which each costs about `most`, at least one long; `cost` is summed up."""
    found, start = [], 0
    while start < len(cost):
        spent = int(cost[start - 1]) if start else 0
        end = max(start + 1, int(np.searchsorted(cost, spent + most, side="right")))
        found.append((start, end))
        start = end
    return found
