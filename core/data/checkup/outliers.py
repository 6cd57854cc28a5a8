"""Texts that are unlike all others: far longer, or made of letters that stand together in hardly any other text.

Lengths are compared as logarithms by their distance from the median in units of the median absolute deviation (Iglewicz and Hoaglin 1993);
letters by the share of a text's triples of characters that no other text has, and by the cosine to the middle of all texts' triples, weighted
by rarity (Salton and Buckley 1988). A text is told only when it is far out, so that few are.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from core.data.checkup.finding import Check, Finding, Fix, Mask, examples_of, left_out
from core.data.kept import Arrays, Measure, Progress
from core.data.splits import mixed
from core.data.state import State
from core.words import Message, plural

FEWEST = 100  # texts; among fewer none is unlike all others
MOST = 200_000  # texts that are looked at
BLOCK = 2_000
LONGEST = 1_000  # characters of a text whose triples are counted
BUCKETS = 1 << 20  # of hashed triples
FAR = 6.0  # deviations of the logarithm of the length
TIMES = 5.0  # and at least so many times as long as most
STRANGE = 0.5  # share of a text's triples that stand in no other
MIDDLE = 0.05  # a cosine to the middle of all texts below this part of the usual one
LENGTH, LETTERS = 1, 2

Floats = NDArray[np.float64]


def measure(state: State, progress: Progress) -> Arrays:
    """Of each text in what it is unlike the others, as bits: LENGTH, LETTERS."""
    found = np.zeros(len(state), np.uint8)
    places = np.flatnonzero(~state.empty)[:MOST]
    if state.shape.inputs[0].kind != "text" or len(places) < FEWEST:
        return {"unlike": found}
    found[places[_far(state.lengths[places])]] |= LENGTH
    found[places[_strange(state, places, progress)]] |= LETTERS
    return {"unlike": found}


OUTLIERS = Measure("outliers", "1", Message("Looking for texts unlike the others …"), measure)


def _far(lengths: NDArray[np.int32]) -> Mask:
    """Lengths far above what is usual; short texts are common and often right."""
    logs = np.log(np.maximum(1, lengths))
    middle = np.median(logs)
    spread = max(float(np.median(np.abs(logs - middle))) / 0.6745, 0.15)
    far: Mask = (logs - middle > FAR * spread) & (logs - middle > np.log(TIMES))
    return far


def _strange(state: State, places: NDArray[np.int64], progress: Progress) -> Mask:
    """Texts most of whose triples stand nowhere else and which are far from the middle of all texts."""
    texts_with: Floats = np.zeros(BUCKETS)
    for done, (_, _, triples) in enumerate(_triples(state, places)):
        texts_with += np.bincount(triples, minlength=BUCKETS)
        progress(done * BLOCK, 3 * len(places))
    weight = np.log((1 + len(places)) / (1 + texts_with))
    middle = texts_with * weight
    middle = middle / max(float(np.linalg.norm(middle)), 1e-9)
    alone, cosine = np.zeros(len(places)), np.zeros(len(places))
    for done, (start, owner, triples) in enumerate(_triples(state, places)):
        n = min(BLOCK, len(places) - start)
        each = np.maximum(1, np.bincount(owner, minlength=n))
        alone[start : start + n] = np.bincount(owner, texts_with[triples] <= 1, minlength=n) / each
        length = np.sqrt(np.bincount(owner, weight[triples] ** 2, minlength=n))
        cosine[start : start + n] = np.bincount(owner, weight[triples] * middle[triples], minlength=n) / np.maximum(
            length, 1e-9
        )
        progress(len(places) + done * BLOCK, 3 * len(places))
    strange: Mask = (alone > STRANGE) & (cosine < MIDDLE * np.median(cosine)) & (state.lengths[places] >= 8)
    return (
        strange if strange.mean() < 0.02 else np.zeros(len(places), np.bool_)
    )  # where many are unlike, none is an outlier


def _triples(state: State, places: NDArray[np.int64]) -> Iterator[tuple[int, NDArray[np.int64], NDArray[np.int64]]]:
    """Blocks of texts: where the block starts, and each text's different triples, hashed, with the text's number in the block."""
    for start in range(0, len(places), BLOCK):
        texts = [text[:LONGEST].lower() for text in state.texts(places[start : start + BLOCK])]
        letters = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.uint64)
        owner = np.repeat(np.arange(len(texts)), [len(text) for text in texts])
        inside = owner[2:] == owner[:-2]
        with np.errstate(over="ignore"):
            packed = (letters[:-2] << np.uint64(42)) ^ (letters[1:-1] << np.uint64(21)) ^ letters[2:]
        hashed = (mixed(packed[inside], 1) % np.uint64(BUCKETS)).astype(np.int64)
        both = np.sort(owner[:-2][inside] * BUCKETS + hashed)
        both = both[np.r_[True, both[1:] != both[:-1]][: len(both)]]
        yield start, both // BUCKETS, both % BUCKETS


def unlike_rows(state: State) -> Mask:
    found: Mask = (OUTLIERS.of(state)["unlike"] > 0) & state.usable
    return found


def _outliers(state: State) -> Finding | None:
    mask = unlike_rows(state)
    n = int(mask.sum())
    if not n:
        return None
    kinds = OUTLIERS.of(state)["unlike"][mask]
    far, strange = int((kinds & LENGTH > 0).sum()), int((kinds & LETTERS > 0).sum())
    why = Message("Often a slip: a log, a whole table, a text that belongs elsewhere.")
    if far and strange:
        why = Message("{far:,} by their length, {strange:,} by their letters. {why}", far=far, strange=strange, why=why)
    return Finding(
        "outlier",
        "outlier",
        "info",
        plural(n, "{n} text is unlike all others.", "{n:,} texts are unlike all others."),
        why,
        n,
        (Fix("leave_out", Message("Leave out")),),
        examples=examples_of(state, mask),
    )


OUTLIER = Check("outlier", _outliers, unlike_rows, {"leave_out": left_out(unlike_rows)}, (OUTLIERS,))
