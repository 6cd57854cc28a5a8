"""A linear chain over the tokens of many texts at once: what each token's tag is, all tags of its text considered (a conditional random field).

Lafferty, McCallum, Pereira 2001, "Conditional random fields"; the sums are scaled at each token as in Rabiner 1989 instead of taken as
logarithms. The texts of a batch are laid out step by step, the longest first (`Packing`), so that a step over all of them is one product
of matrices. Tags are BIOES: 0 is outside, 1 + 4 k begins the k-th label, 2 + 4 k is inside, 3 + 4 k ends and 4 + 4 k is all of it.
Knows no words and no labels, and needs numpy alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

TINY = 1e-30  # what the weight of a tag never falls below, beside the heaviest of its token
AT_ONCE = 4_000_000  # numbers a step of Viterbi holds

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Packing:
    """Texts of `lengths` tokens, step by step: row `starts[t] + i` is token t of the i-th longest text. `rows` (tokens,) are the places
    of these tokens where texts stand one after the other, `before` the row of the token before (-1 at a text's first)."""

    rows: Ints
    starts: Ints
    counts: Ints
    before: Ints

    @staticmethod
    def of(lengths: Ints) -> Packing:
        order = np.argsort(-lengths, kind="stable")
        longest = int(lengths.max(initial=0))
        counts = np.searchsorted(-lengths[order], -np.arange(1, longest + 1), side="right")
        starts = np.cumsum(counts) - counts
        flat = np.cumsum(lengths) - lengths
        within = np.arange(int(counts.sum())) - np.repeat(starts, counts)
        step = np.repeat(np.arange(longest), counts)
        before = np.where(step > 0, np.repeat(np.r_[0, starts[:-1]], counts) + within, -1) if longest else step
        return Packing(flat[order[within]] + step, starts, counts, before)

    def steps(self) -> Iterator[tuple[int, int]]:
        """(first row, texts) of each step."""
        return zip(self.starts.tolist(), self.counts.tolist(), strict=True)

    @property
    def lasts(self) -> Ints:
        """Rows of the last tokens."""
        ahead = np.r_[self.counts[1:], 0][: len(self.counts)]
        return np.concatenate(
            [np.arange(s + a, s + c) for s, c, a in zip(self.starts, self.counts, ahead, strict=True)]
            or [np.zeros(0, np.int64)]
        )


@dataclass(frozen=True)
class Passed:
    """Both passes over a batch, rows as its packing has them. `weights` (tokens, tags) and `steps` (tags, tags) are what was multiplied, `scale`
    (tokens,) what was divided by; forward times backward are the probabilities of the tags."""

    forward: Floats
    backward: Floats
    weights: Floats
    steps: Floats
    scale: Floats
    packing: Packing

    @property
    def probabilities(self) -> Floats:
        return self.forward * self.backward

    @property
    def pairs(self) -> Floats:
        """(tags, tags): how often each tag is expected to follow each."""
        later = np.flatnonzero(self.packing.before >= 0)
        ahead = self.weights[later] * self.backward[later] / self.scale[later, None]
        return self.steps * (self.forward[self.packing.before[later]].T @ ahead)


@lru_cache(maxsize=16)
def grammar(labels: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
    """Which tag may follow which (tags, tags), which may be a text's first and which its last (tags,)."""
    tags = 1 + 4 * labels
    closed = np.ones(tags, np.bool_)  # O, E and S: nothing goes on behind them
    opening = np.ones(tags, np.bool_)  # O, B and S: nothing goes on in them
    closed[1::4] = closed[2::4] = False
    opening[2::4] = opening[3::4] = False
    follows = closed[:, None] & opening[None, :]
    for k in range(labels):
        follows[1 + 4 * k : 3 + 4 * k, 2 + 4 * k : 4 + 4 * k] = True
    return follows, opening, closed


def passes(scores: Floats, transitions: Floats, packing: Packing) -> Passed:
    """Forward and backward over `scores` (tokens, tags), rows as `packing` has them."""
    follows, opening, closed = grammar((scores.shape[1] - 1) // 4)
    weights = np.maximum(np.exp(scores - scores.max(axis=1, keepdims=True)), TINY)
    if len(packing.counts):
        weights[: packing.counts[0]] *= opening
        weights[packing.lasts] *= closed
    steps = np.where(follows, np.exp(np.clip(transitions, -30, 30)), 0.0)
    forward, backward = np.empty_like(weights), np.ones_like(weights)
    scale = np.empty(len(weights))
    behind = 0
    for at, n in packing.steps():
        now = weights[at : at + n]
        if at:
            now = (forward[behind : behind + n] @ steps) * now
        scale[at : at + n] = total = now.sum(axis=1)
        forward[at : at + n] = now / total[:, None]
        behind = at
    for (at, _), (ahead, n) in reversed(list(zip(list(packing.steps())[:-1], list(packing.steps())[1:], strict=True))):
        later = weights[ahead : ahead + n] * backward[ahead : ahead + n] / scale[ahead : ahead + n, None]
        backward[at : at + n] = later @ steps.T
    return Passed(forward, backward, weights, steps, scale, packing)


def best(scores: Floats, transitions: Floats, packing: Packing) -> Ints:
    """The likeliest tags of each text as a whole (Viterbi), rows as `packing` has them."""
    follows, opening, closed = grammar((scores.shape[1] - 1) // 4)
    tags = scores.shape[1]
    steps = np.where(follows, transitions, -np.inf)
    found = scores.astype(np.float64)
    if len(packing.counts):
        found[: packing.counts[0]] += np.where(opening, 0, -np.inf)
        found[packing.lasts] += np.where(closed, 0, -np.inf)
    came = np.zeros((len(found), tags), np.int16)
    behind, most = 0, max(1, AT_ONCE // tags**2)
    for at, n in packing.steps():
        for a in range(0, n if at else 0, most):
            z = min(n, a + most)
            ways = found[behind + a : behind + z, :, None] + steps
            came[at + a : at + z] = ways.argmax(axis=1)
            found[at + a : at + z] += ways.max(axis=1)
        behind = at
    answer = np.zeros(len(found), np.int64)
    lasts = packing.lasts
    answer[lasts] = found[lasts].argmax(axis=1)
    for at, n in reversed(list(packing.steps())[1:]):
        rows = np.arange(at, at + n)
        answer[packing.before[rows]] = came[rows, answer[rows]]
    return answer


def of_stretches(passed: Passed, tags: Ints, firsts: Ints, lasts: Ints) -> NDArray[np.float64]:
    """The probability of each stretch of tags as a whole, from token `firsts[i]` to `lasts[i]` (both rows of texts one after the other, as
    `tags` are): all ways outside the stretch summed (Culotta and McCallum 2004, "Confidence estimation for information extraction")."""
    packing = passed.packing
    row = np.empty(len(tags), np.int64)
    row[packing.rows] = np.arange(len(tags))
    before = np.r_[0, tags[:-1]]
    with np.errstate(divide="ignore"):
        each = np.log(passed.steps[before, tags]) + np.log(passed.weights[row, tags]) - np.log(passed.scale[row])
        each = np.where(np.isfinite(each), each, 0.0)  # at a text's first token, which no stretch goes through
        summed = np.cumsum(each, dtype=np.float64)
        start = np.log(passed.forward[row[firsts], tags[firsts]])
        end = np.log(passed.backward[row[lasts], tags[lasts]])
    return np.minimum(1.0, np.exp(start + (summed[lasts] - summed[firsts]) + end))
