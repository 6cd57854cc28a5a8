"""A light tagger that learns marked places from a few hundred texts in well under a second, while a person marks more.

    tagger = fit(texts, spans, ["PER", "LOC"])           # spans as core.data.spans has them, one list a text
    for one in tagger.predict(texts):
        one.spans                                        # [{start, end, label, p}]
        one.unsure, one.entropy                          # of each token; .mean, .highest, .disorder of the whole text
    tagger = fit(more_texts, more_spans, labels, before=tagger)   # goes on from what it knows, in a fraction of the time

A conditional random field (core.labelling.chain) over hashed cues (core.labelling.cues), fitted by AdaGrad (Duchi, Hazan, Singer 2011) in small
batches. Of overlapping spans the longest is learnt. Needs numpy and scipy; no torch, no pretrained model and so no language.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.data.spans_values import Span, without_overlaps
from core.labelling import chain, cues

BITS = 21  # the table of cues has 2**BITS places; two cues in one place are taken for one
BATCH = 16  # texts
ROUNDS, MORE_ROUNDS = 4, 2  # over all texts: the first time, and when it goes on from before
STEPS = (120, 4_000)  # batches that are learnt from at least and at most, whatever the number of texts
RATE = 0.3
RESTRAINT = 1.0  # half the squared weights count so much in the loss, which is summed over all texts
BLOCK = 500  # texts tagged together

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Tagged:
    """What the tagger makes of one text. `spans`: [{start, end, label, p}], p the probability that exactly this is marked. `places`
    (tokens, 2) in code points; `unsure` (tokens,): 1 - the probability of the likeliest tag; `entropy` (tokens,) in nats.
    """

    spans: list[Span]
    places: NDArray[np.int64]
    unsure: Floats
    entropy: Floats

    @property
    def mean(self) -> float:
        """How unsure it is on average over the tokens, 0 to 1."""
        return float(self.unsure.mean()) if len(self.unsure) else 0.0

    @property
    def highest(self) -> float:
        """How unsure it is of its least certain token, 0 to 1 (the least confidence of Culotta and McCallum 2005, token by token)."""
        return float(self.unsure.max(initial=0.0))

    @property
    def disorder(self) -> float:
        """The mean entropy of the tokens, in nats (token entropy of Settles and Craven 2008)."""
        return float(self.entropy.mean()) if len(self.entropy) else 0.0


@dataclass(frozen=True)
class Tagger:
    """`weights` (1 + cues, tags), the first row for cues never seen; `slots` (2**BITS,): which row a cue has; `marked`: which labels
    a word had, as bits."""

    labels: tuple[str, ...]
    weights: Floats
    transitions: Floats
    slots: NDArray[np.int32]
    marked: Mapping[str, int]

    def predict(self, texts: Sequence[str]) -> list[Tagged]:
        """One a text, in their order. 10,000 sentences take about two seconds."""
        answer: list[Tagged] = []
        for found, passed, scores in self._passes(texts):
            packing = passed.packing
            probabilities = _unpacked(passed.probabilities, packing)
            tags = _unpacked(chain.best(scores, self.transitions, packing), packing)
            spans = self._spans(found, passed, tags)
            unsure = np.maximum(0.0, 1 - probabilities.max(axis=1, initial=0.0))
            entropy = -(probabilities * np.log(np.maximum(probabilities, 1e-12))).sum(axis=1)
            for i, (a, n) in enumerate(zip(found.firsts.tolist(), found.lengths.tolist(), strict=True)):
                answer.append(Tagged(spans[i], found.places[a : a + n], unsure[a : a + n], entropy[a : a + n]))
        return answer

    def shares(self, texts: Sequence[str]) -> list[tuple[NDArray[np.int64], Floats]]:
        """For each text the places of its tokens (tokens, 2) and how likely each belongs to which label (tokens, 1 + labels), 0 is none."""
        answer = []
        for found, passed, _ in self._passes(texts):
            each = _unpacked(passed.probabilities, passed.packing)
            by_label = np.concatenate([each[:, :1], each[:, 1:].reshape(len(each), -1, 4).sum(axis=2)], axis=1)
            for a, n in zip(found.firsts.tolist(), found.lengths.tolist(), strict=True):
                answer.append((found.places[a : a + n], by_label[a : a + n]))
        return answer

    def _passes(self, texts: Sequence[str]) -> Iterator[tuple[cues.Tokens, chain.Passed, Floats]]:
        """Blocks of texts: tokens, both passes and scores (rows as the packing has them)."""
        for start in range(0, len(texts), BLOCK):
            found = cues.tokens(texts[start : start + BLOCK])
            marked = np.array([self.marked.get(word, 0) for word in found.words], np.uint64)[found.word]
            packing = chain.Packing.of(found.lengths)
            rows = self.slots[_slot(cues.cues(found, marked))][packing.rows]
            scores = _matrix(rows, len(self.weights)) @ self.weights
            yield found, chain.passes(scores, self.transitions, packing), scores

    def _spans(self, found: cues.Tokens, passed: chain.Passed, tags: NDArray[np.int64]) -> list[list[Span]]:
        part = (tags - 1) % 4  # of a tag that is not 0: begins, inside, ends, all of it
        firsts = np.flatnonzero((tags > 0) & ((part == 0) | (part == 3)))
        lasts = np.flatnonzero((tags > 0) & ((part == 2) | (part == 3)))
        sure = chain.of_stretches(passed, tags, firsts, lasts)
        spans: list[list[Span]] = [[] for _ in found.lengths]
        text = found.text
        for a, z, p in zip(firsts.tolist(), lasts.tolist(), sure.tolist(), strict=True):
            label = self.labels[(int(tags[a]) - 1) // 4]
            start, end = int(found.places[a, 0]), int(found.places[z, 1])
            spans[text[a]].append({"start": start, "end": end, "label": label, "p": p})
        return spans


def fit(
    texts: Sequence[str], spans: Sequence[Sequence[Span]], labels: Sequence[str], before: Tagger | None = None
) -> Tagger:
    """Learn from `texts` and what is marked in them, one list a text; spans of other labels than `labels` are taken for none. `before`: a
    tagger that knows most of it already. 1,000 sentences take under a second on one core; chance plays no part."""
    found = cues.tokens(texts)
    gold = _tags(found, spans, labels)
    known, marked = _marked(found, gold, len(labels))
    slot = _slot(cues.cues(found, marked))
    there = np.unique(slot)
    slots = np.zeros(1 << BITS, np.int32)
    slots[there] = np.arange(1, len(there) + 1)
    weights = np.zeros((len(there) + 1, 1 + 4 * len(labels)))
    transitions = np.zeros((weights.shape[1], weights.shape[1]))
    tagger = Tagger(tuple(labels), weights, transitions, slots, known)
    same = before is not None and before.labels == tagger.labels
    if before is not None and same:
        weights[1:] = before.weights[before.slots[there]]
        transitions[:] = before.transitions
    _learn(tagger, slots[slot], found.lengths, gold, MORE_ROUNDS if same else ROUNDS)
    return tagger


# --- learning --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Batch:
    """Some texts, laid out: their cues as a matrix over `rows` of the weights, what is right, and how often tags follow each other."""

    matrix: Any  # csr (tokens, rows)
    turned: Any  # csr (rows, tokens)
    rows: NDArray[np.int64]
    packing: chain.Packing
    gold: NDArray[np.int64]
    pairs: Floats


def _learn(
    tagger: Tagger, rows: NDArray[np.int32], lengths: NDArray[np.int64], gold: NDArray[np.int64], rounds: int
) -> None:
    """Change the weights in place. Every batch is computed with what its cues' share of the restraint is: that of a cue which stands in
    few batches is dealt out to these."""
    batches = _batches(rows, lengths, gold, tagger.weights.shape[1])
    if not batches:
        return
    weights, transitions = tagger.weights, tagger.transitions
    meetings = np.zeros(len(weights))
    for batch in batches:
        meetings[batch.rows] += 1
    share = RESTRAINT / np.maximum(meetings, 1)
    gained, gained_pairs = np.full(weights.shape, 1e-2), np.full(transitions.shape, 1e-2)
    chance = np.random.default_rng(0)
    count = min(max(rounds * len(batches), STEPS[0]), STEPS[1], 40 * len(batches))
    order = np.concatenate([chance.permutation(len(batches)) for _ in range(-(-count // len(batches)))])[:count]
    for n, which in enumerate(order.tolist()):
        one = batches[which]
        mine = weights[one.rows]
        passed = chain.passes(one.matrix @ mine, transitions, one.packing)
        error = passed.probabilities
        error[np.arange(len(error)), one.gold] -= 1
        slope = one.turned @ error + share[one.rows, None] * mine
        rate = RATE * (1 - n / count)
        gained[one.rows] += slope**2
        weights[one.rows] = mine - rate * slope / np.sqrt(gained[one.rows])
        slope = passed.pairs - one.pairs + RESTRAINT / len(batches) * transitions
        gained_pairs += slope**2
        transitions -= rate * slope / np.sqrt(gained_pairs)


def _batches(rows: NDArray[np.int32], lengths: NDArray[np.int64], gold: NDArray[np.int64], tags: int) -> list[Batch]:
    firsts = np.cumsum(lengths) - lengths
    order = np.random.default_rng(0).permutation(np.flatnonzero(lengths))
    found = []
    for start in range(0, len(order), BATCH):
        some = order[start : start + BATCH]
        packing = chain.Packing.of(lengths[some])
        flat = np.concatenate([np.arange(firsts[i], firsts[i] + lengths[i]) for i in some.tolist()])[packing.rows]
        own, local = np.unique(rows[flat], return_inverse=True)
        matrix = _matrix(local.reshape(len(flat), -1), len(own))
        right = gold[flat]
        later = packing.before >= 0
        pairs = np.zeros((tags, tags))
        np.add.at(pairs, (right[packing.before[later]], right[later]), 1)
        found.append(Batch(matrix, matrix.T.tocsr(), own, packing, right, pairs))
    return found


def _matrix(rows: NDArray[Any], width: int) -> Any:
    """csr (tokens, width) with a one for every cue."""
    from scipy.sparse import csr_matrix

    ends = np.arange(0, rows.size + 1, max(1, rows.shape[1]))
    return csr_matrix((np.ones(rows.size), np.ascontiguousarray(rows).ravel(), ends), shape=(len(rows), width))


def _slot(hashes: cues.Hashes) -> NDArray[np.int64]:
    return (hashes >> np.uint64(64 - BITS)).astype(np.int64)


def _unpacked(values: NDArray[Any], packing: chain.Packing) -> NDArray[Any]:
    """Rows of a batch as texts stand one after the other."""
    found = np.empty_like(values)
    found[packing.rows] = values
    return found


# --- what is right ---------------------------------------------------------------------------------------------------


def _tags(found: cues.Tokens, spans: Sequence[Sequence[Span]], labels: Sequence[str]) -> NDArray[np.int64]:
    """(tokens,): the tag of each; a token belongs to the span it shares a character with, the first of two."""
    number = {name: k for k, name in enumerate(labels)}
    tags = np.zeros(len(found.places), np.int64)
    for marks, first, count in zip(spans, found.firsts.tolist(), found.lengths.tolist(), strict=True):
        places = found.places[first : first + count]
        free = 0
        for one in without_overlaps([mark for mark in marks if mark["label"] in number]):
            a = max(free, int(np.searchsorted(places[:, 1], one["start"], side="right")))
            z = int(np.searchsorted(places[:, 0], one["end"], side="left"))
            if a >= z:
                continue
            tag = 1 + 4 * number[one["label"]]
            tags[first + a : first + z] = [tag + 3] if z - a == 1 else [tag, *[tag + 1] * (z - a - 2), tag + 2]
            free = z
    return tags


def _marked(found: cues.Tokens, gold: NDArray[np.int64], labels: int) -> tuple[dict[str, int], cues.Hashes]:
    """Which labels each word has had, as bits; and for each token the same from all other texts than its own, which is what it will
    know of a new text."""
    bits = np.zeros(len(found.word), np.uint64)
    every = np.zeros(len(found.words), np.uint64)
    text = found.text
    for k in range(labels):
        mine = (gold > 0) & ((gold - 1) // 4 == k)
        if not mine.any():
            continue
        bit = np.uint64(1 << (k % 63))
        pairs = np.unique(np.stack([found.word[mine], text[mine]], axis=1), axis=0)
        texts_of_word = np.bincount(pairs[:, 0], minlength=len(found.words))
        here = np.isin(found.word * len(found.lengths) + text, pairs[:, 0] * len(found.lengths) + pairs[:, 1])
        every[texts_of_word > 0] |= bit
        bits[texts_of_word[found.word] - here > 0] |= bit
    return {found.words[i]: int(every[i]) for i in np.flatnonzero(every).tolist()}, bits
