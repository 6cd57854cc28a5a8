"""Confident learning: which given labels are likely wrong, from probabilities of models that did not see them.

Northcutt, Jiang, Chuang 2021, "Confident learning: estimating uncertainty in dataset labels", JAIR 70. Sets of labels after Thyagarajan, Snorrason,
Northcutt, Mueller 2022, "Identifying incorrect annotations in multi-label classification data"; tokens after Wang and Mueller 2022,
"Detecting label errors in token classification data". Written from the papers. Knows probabilities and label numbers, nothing else.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SURE = 0.8  # a label of which models are so sure is proposed in the place of the given one, whatever the joint says
WORST = 0.8  # what the worst label of a row counts in its score (Thyagarajan et al. 2022, section 3)

Floats = NDArray[np.floating]
Ints = NDArray[np.integer]
Mask = NDArray[np.bool_]


def thresholds(probabilities: Floats, given: Ints) -> NDArray[np.float64]:
    """(labels,): how likely each label is on average where it is given; infinite for one that is given nowhere."""
    labels = probabilities.shape[1]
    counts = np.bincount(given, minlength=labels)
    sums = np.bincount(given, self_confidence(probabilities, given), minlength=labels)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.inf)


def confident_joint(probabilities: Floats, given: Ints) -> NDArray[np.int64]:
    """(given, true): rows counted as truly of the label that is the likeliest among those which reach their threshold. A row where none does
    is not counted."""
    labels = probabilities.shape[1]
    reached = np.where(probabilities >= thresholds(probabilities, given) - 1e-6, probabilities, -1.0)
    true = reached.argmax(axis=1)
    counted = reached[np.arange(len(given)), true] >= 0
    return np.bincount(given[counted] * labels + true[counted], minlength=labels**2).reshape(labels, labels)


def joint(counts: Ints, given: Ints) -> NDArray[np.float64]:
    """(given, true), adds up to 1: the confident joint brought to as many rows of each given label as there are. A label of which no row
    was counted is taken to be right."""
    labels = len(counts)
    of_label = np.bincount(given, minlength=labels)
    counted = counts.sum(axis=1)
    shares = np.where(counted[:, None] > 0, counts / np.maximum(counted, 1)[:, None], np.eye(labels))
    return shares * of_label[:, None] / max(1, len(given))


def doubted(probabilities: Floats, given: Ints, shares: Floats) -> Mask:
    """(rows,): the rows to look at, pruned by class: of each given label as many as the joint says are wrong, those in which it is the least
    likely. Rows on which the models agree with the given label are never among them. (Pruned by noise rate, pair by pair, wrong labels
    that are strewn over many pairs of many labels are missed: a fifth of those planted in BANKING77.) Rows in which the models are sure
    of another label are always among them: the joint hardly counts mistakes that are few and plain."""
    mask = np.asarray((probabilities >= SURE).any(axis=1))
    confidence = self_confidence(probabilities, given)
    wanted = np.rint((shares.sum(axis=1) - np.diagonal(shares)) * len(given)).astype(np.int64)
    for label in np.flatnonzero(wanted).tolist():
        mine = np.flatnonzero(given == label)
        mask[mine[np.argsort(confidence[mine], kind="stable")[: wanted[label]]]] = True
    return mask & (probabilities.argmax(axis=1) != given)


def self_confidence(probabilities: Floats, given: Ints) -> Floats:
    """(rows,): how likely the given label is. Small is doubtful."""
    return probabilities[np.arange(len(given)), given]


def normalized_margin(probabilities: Floats, given: Ints) -> Floats:
    """(rows,): how much likelier the given label is than the likeliest other one, -1 to 1."""
    return self_confidence(probabilities, given) - self_confidence(probabilities, others_best(probabilities, given))


def others_best(probabilities: Floats, given: Ints) -> Ints:
    """(rows,): the likeliest label beside the given one."""
    rest = probabilities.copy()
    rest[np.arange(len(given)), given] = -np.inf
    return rest.argmax(axis=1)


def of_sets(probabilities: Floats, given: Mask) -> tuple[Mask, NDArray[np.float64]]:
    """For sets of labels (rows, labels): which single labels are doubted, one label against the rest, and a score of each row, in which the
    worst label counts most and the others less and less. Small is doubtful."""
    found = np.zeros(given.shape, np.bool_)
    for k in range(given.shape[1]):
        two = np.stack([1 - probabilities[:, k], probabilities[:, k]], axis=1)
        has = given[:, k].astype(np.int64)
        if 0 < has.sum() < len(has):
            found[:, k] = doubted(two, has, joint(confident_joint(two, has), has))
    confidence = np.sort(np.where(given, probabilities, 1 - probabilities), axis=1)[:, ::-1]
    score = confidence[:, 0].astype(np.float64)
    for k in range(1, given.shape[1]):
        score = WORST * confidence[:, k] + (1 - WORST) * score
    return found, score


def of_tokens(probabilities: Floats, given: Ints, text: Ints, texts: int) -> tuple[Mask, NDArray[np.float64]]:
    """For tokens of texts (`text`: of which): which tokens' labels are doubted, and a score of each text: that of its worst token."""
    found = doubted(probabilities, given, joint(confident_joint(probabilities, given), given))
    score = np.ones(texts)
    np.minimum.at(score, text, self_confidence(probabilities, given))
    return found, score
