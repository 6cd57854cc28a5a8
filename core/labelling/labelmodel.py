"""What rules say of a row, made one answer with a probability: each rule counts by how often it is right, which is found out from where rules
agree and differ and from the rows that people labelled.

The generative model of weak supervision (Ratner et al. 2016, "Data programming"; 2019, "Snorkel", section 3) with rules that say one label or
nothing, as a naive Bayes mixture fitted by EM (Dawid and Skene 1979): rule j fires on rows of its label with probability hit_j, on others with
miss_j, independently of other rules given the label. Rows with an answer are anchors: their label is known. How often each label comes is
given, not fitted. Equal rows of votes are counted once, so that a million rows cost what their different patterns cost. Knows numbers only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ROUNDS = 100
SETTLED = 1e-5  # change of a probability at which it ends
BELIEF = 0.75  # how often a rule is right before anything is known of it, ...
WEIGHT = 4.0  # ... and with as many made-up rows on which it fires
LEAST = 1e-4  # no probability is 0 or 1

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Fitted:
    """`probability` (rows, labels) of each row's label; `accuracy` (rules,) how often each rule is right where it fires, as the model sees it."""

    probability: Floats
    accuracy: Floats


def fit(fires: NDArray[np.bool_], says: Ints, known: Ints, balance: Floats) -> Fitted:
    """`fires` (rows, rules); `says` (rules,) the label each rule votes for; `known` (rows,) the label of a row, -1 where nobody answered;
    `balance` (labels,) how often labels come, summing to 1."""
    patterns, of, weight = _patterns(fires, known)
    voted, anchors = patterns[:, :-1].astype(np.float64), patterns[:, -1].astype(np.int64)
    share = np.clip(np.asarray(balance, np.float64), LEAST, 1 - LEAST)
    hit, miss = _begun(voted, weight, anchors, says, share)
    probability = np.zeros((len(voted), len(share)))
    for _ in range(ROUNDS):
        before, probability = probability, _posterior(voted, says, hit, miss, share, anchors)
        if np.abs(probability - before).max(initial=0.0) < SETTLED:
            break
        hit, miss = _rates(voted, weight, probability[:, says])
    fired = weight @ voted + WEIGHT
    right = weight @ (voted * probability[:, says]) + WEIGHT * BELIEF
    return Fitted(probability[of], right / fired)


def majority(fires: NDArray[np.bool_], says: Ints, labels: int) -> Floats:
    """(rows, labels) the share of a row's votes that each label has: what the model is compared with. Rows without votes are 0."""
    votes = fires.astype(np.float64) @ np.eye(labels)[says]
    found: Floats = votes / np.maximum(votes.sum(axis=1, keepdims=True), 1)
    return found


def _patterns(fires: NDArray[np.bool_], known: Ints) -> tuple[Ints, Ints, Floats]:
    """Different rows of votes with the known label behind them, which of them each row is, and how many rows each stands for."""
    both = np.column_stack([fires.astype(np.int64), known]).astype(np.int64)
    chance = np.random.Generator(np.random.PCG64(0)).integers(1, 2**64, both.shape[1], np.uint64, endpoint=False)
    keys = both.astype(np.uint64) @ chance  # a hash each: sorting those is far quicker than sorting rows
    _, first, of, count = np.unique(keys, return_index=True, return_inverse=True, return_counts=True)
    return both[first], of.reshape(-1), count.astype(np.float64)


def _begun(voted: Floats, weight: Floats, anchors: Ints, says: Ints, share: Floats) -> tuple[Floats, Floats]:
    """From what labelled rows tell of each rule, and belief where they tell little."""
    answered = (weight * (anchors >= 0)) @ voted
    right = weight @ (voted * (anchors[:, None] == says[None]))
    accuracy = (right + WEIGHT * BELIEF) / (answered + WEIGHT)
    often = weight @ voted / max(weight.sum(), 1.0)
    return _kept(often * accuracy / share[says]), _kept(often * (1 - accuracy) / (1 - share[says]))


def _posterior(voted: Floats, says: Ints, hit: Floats, miss: Floats, share: Floats, anchors: Ints) -> Floats:
    """(patterns, labels): Bayes, with votes independent given the label."""
    others = voted @ np.log(miss) + (1 - voted) @ np.log(1 - miss)
    own = voted * np.log(hit / miss) + (1 - voted) * np.log((1 - hit) / (1 - miss))
    logs = others[:, None] + own @ np.eye(len(share))[says] + np.log(share)
    found: Floats = np.exp(logs - logs.max(axis=1, keepdims=True))
    found /= found.sum(axis=1, keepdims=True)
    answered = np.flatnonzero(anchors >= 0)
    found[answered] = np.eye(len(share))[anchors[answered]]
    return found


def _rates(voted: Floats, weight: Floats, own: Floats) -> tuple[Floats, Floats]:
    """hit and miss of each rule; `own` (patterns, rules) the probability that the rule's label is the right one."""
    hits, misses = weight @ (voted * own), weight @ (voted * (1 - own))
    hit = (hits + WEIGHT * BELIEF) / (weight @ own + WEIGHT)
    miss = (misses + WEIGHT * (1 - BELIEF)) / (weight @ (1 - own) + WEIGHT)
    return _kept(hit), _kept(miss)


def _kept(probability: Floats) -> Floats:
    return np.clip(probability, LEAST, 1 - LEAST)
