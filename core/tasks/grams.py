"""What counting tokens alone foretells: the rival of tasks measured by how surprising the right tokens were. It learns from the same training
rows and sees the same tokens as the model, so that their perplexities compare.

One to three tokens in a row are counted. A token's probability after two others mixes what was counted after both, after the last one, and
at all, down to chance (interpolated; Witten and Bell 1991): the more different tokens have followed, the less the longer count is trusted.
Knows nothing of texts, models or rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import islice

import numpy as np

from core.errors import Cancelled
from core.tasks.base import Rival, Text
from core.words import Message

ORDER = 3
MOST = 2_000_000  # tokens it learns from
SOME = 2_000  # pieces between two questions whether anybody still waits

# (tokens, ORDER) int64: each token asked for, last, behind those before it; -1 before the beginning
Windows = np.ndarray


class Grams:
    """Counts of what follows what. Codes of grams are numbers in base `vocabulary` + 1, so that sorted arrays serve as tables."""

    def __init__(self, seen: Windows, vocabulary: int):
        self.vocabulary = vocabulary
        self.levels: list[tuple[np.ndarray, ...]] = []
        for n in range(1, ORDER + 1):
            grams, counts = np.unique(self._codes(seen, n), return_counts=True)
            befores, places = np.unique(grams // (vocabulary + 1), return_inverse=True)
            followed, kinds = np.bincount(places, weights=counts), np.bincount(places)
            self.levels.append((grams, counts, befores, followed, kinds))

    def probabilities(self, asked: Windows) -> np.ndarray:
        """(tokens,): of each token asked for, after those before it."""
        found = np.full(len(asked), 1 / self.vocabulary)
        for n, (grams, counts, befores, followed, kinds) in enumerate(self.levels, 1):
            codes = self._codes(asked, n)
            before = codes // (self.vocabulary + 1)
            count, total, different = _at(grams, counts, codes), _at(befores, followed, before), _at(befores, kinds, before)  # fmt: skip
            found = np.where(total > 0, (count + different * found) / np.maximum(total + different, 1), found)
        return found

    def _codes(self, windows: Windows, n: int) -> np.ndarray:
        codes = np.zeros(len(windows), dtype=np.int64)
        for place in range(ORDER - n, ORDER):
            codes = codes * (self.vocabulary + 1) + windows[:, place] + 1
        return codes


def windows(tokens: np.ndarray, asked: np.ndarray, before: np.ndarray | None = None) -> Windows:
    """Of one piece of text: the tokens at the places that are `asked`, each behind the two before it (those of `before`, where what is seen
    differs from what is right)."""
    seen = np.concatenate([np.full(ORDER - 1, -1), tokens if before is None else before]).astype(np.int64)
    places = np.flatnonzero(asked)
    columns = [seen[places + k] for k in range(ORDER - 1)]
    return np.stack([*columns, tokens[places].astype(np.int64)], axis=1)


def rival(
    train: Iterable[Windows],
    asked: Sequence[tuple[int, Windows]],
    rows: int,
    vocabulary: int,
    cancelled: Callable[[], bool],
) -> Rival:
    """What it foretells of `rows` rows, from the pieces of each. How many tokens it would have chosen itself is not asked."""
    seen: list[Windows] = []
    tokens, pieces = 0, iter(train)
    while tokens < MOST and (some := list(islice(pieces, SOME))):
        if cancelled():
            raise Cancelled
        seen += some
        tokens += sum(map(len, some))
    grams = Grams(np.concatenate([np.zeros((0, ORDER), dtype=np.int64), *seen]), vocabulary)
    nll, counts = np.zeros(rows), np.zeros(rows, dtype=int)
    for row, part in asked:
        nll[row] -= np.log(grams.probabilities(part)).sum()
        counts[row] += len(part)
    return Rival(
        "grams",
        Message("Counts which token follows"),
        Message("Up to {n} tokens in a row, counted in {tokens:,} training tokens.", n=ORDER, tokens=tokens),
        [Text("", float(loss), int(count), written=False) for loss, count in zip(nll, counts, strict=True)],
    )


def _at(keys: np.ndarray, values: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """The value of each key, 0 where it is not there. `keys` are sorted."""
    if not len(keys):
        return np.zeros(len(wanted))
    places = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[places] == wanted, values[places], 0)
