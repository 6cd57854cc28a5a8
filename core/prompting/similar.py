"""Answers by how near vectors of texts lie: to descriptions of labels, or to labelled texts. No weight is moved.

`described` puts a label where its description lies; labelled texts, where there are some, pull it towards their mean (prototypes, Snell et al.
2017, with the description as so many texts more). `nearest` lets the k nearest labelled texts vote, each by the exponent of its likeness.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.prompting.vectors import Vectors
from core.prompting.ways import Asked, Floats, Said
from core.tasks.base import Row
from core.tasks.classification import softmax
from core.words import Message

USUAL = 0.05  # temperature of cosines where nothing is known: what sentence encoders are trained with, Reimers and Gurevych's scale of 20
SHARPNESS = (0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2)
NEIGHBOURS = (1, 3, 5, 10, 20, 50)
NEAR = 5  # neighbours where nothing can be tried


def described(asked: Asked) -> Said:
    """The label whose description, mixed with labelled texts where wanted, is most similar."""
    vectors = Vectors(asked.base, asked.cache, asked.progress, asked.cancelled)
    asked.progress(0, 0, Message("Reading the descriptions …"))
    means = np.stack([vectors.of(one.texts).mean(axis=0) for one in asked.labels])
    centres = _unit(means) * np.float32(asked.settings.weight)
    notes: list[Message] = []
    if asked.settings.mixed:
        pool = drawn(asked.pool, asked.settings.mixed, asked.settings.seed)
        if pool:
            np.add.at(centres, _gold(asked, pool), vectors.of(texts(pool)))
        notes.append(Message("It has seen {n:,} labelled texts.", n=len(pool)))
    centres = _unit(centres)
    asked.progress(0, len(asked.rows), Message("Reading the texts …"))
    likeness = vectors.of(texts(asked.rows)) @ centres.T
    temperature, chosen = asked.settings.temperature, {}
    if temperature is None:
        tried = vectors.of(texts(asked.tuning)) @ centres.T if asked.tuning else None
        temperature = sharpness(tried, _gold(asked, asked.tuning))
        chosen["temperature"] = temperature
    return Said(softmax(likeness / temperature), vectors.seconds, chosen, notes)


def nearest(asked: Asked) -> Said:
    """The votes of the nearest labelled texts."""
    vectors = Vectors(asked.base, asked.cache, asked.progress, asked.cancelled)
    pool = drawn(asked.pool, asked.settings.pool, asked.settings.seed)
    asked.progress(0, len(asked.rows), Message("Reading the texts …"))
    known, gold = vectors.of(texts(pool)), _gold(asked, pool)
    settings, chosen, size = asked.settings, {}, len(asked.labels)
    tried = vectors.of(texts(asked.tuning)) @ known.T if asked.tuning else None
    right = _gold(asked, asked.tuning)
    neighbours = settings.neighbours
    if neighbours is None:
        neighbours = min(NEAR, len(pool))
        if tried is not None:
            choices = [k for k in NEIGHBOURS if k <= len(pool)] or [len(pool)]
            scores = [float((votes(tried, gold, size, k, USUAL).argmax(axis=1) == right).mean()) for k in choices]
            neighbours = max(k for k, score in zip(choices, scores, strict=True) if score == max(scores))
        chosen["neighbours"] = neighbours
    found = votes(vectors.of(texts(asked.rows)) @ known.T, gold, size, neighbours, USUAL)
    return Said(found, vectors.seconds, chosen, [Message("It has seen {n:,} labelled texts.", n=len(pool))])


def votes(likeness: Floats, gold: NDArray[np.int64], labels: int, neighbours: int, temperature: float) -> Floats:
    """(rows, labels), summing to 1: the `neighbours` most similar of the labelled texts, each weighted by exp(likeness / temperature).
    `likeness` (rows, labelled texts)."""
    k = min(neighbours, likeness.shape[1])
    at = np.argpartition(-likeness, k - 1, axis=1)[:, :k]
    near = np.take_along_axis(likeness, at, axis=1)
    weights = softmax(near / temperature)
    found = np.zeros((len(likeness), labels), np.float32)
    np.add.at(found, (np.arange(len(likeness))[:, None], gold[at]), weights)
    return found


def sharpness(likeness: Floats | None, gold: NDArray[np.int64]) -> float:
    """The temperature under which the right answers of these rows are least surprising; the usual one without rows."""
    if likeness is None or not len(likeness):
        return USUAL

    def surprise(temperature: float) -> float:
        right = softmax(likeness / temperature)[np.arange(len(gold)), gold]
        return float(-np.log(np.clip(right, 1e-12, 1)).mean())

    return min(SHARPNESS, key=surprise)


def drawn(pool: Sequence[Row], each: int | None, seed: int) -> list[Row]:
    """At most `each` rows of every label, by chance, in a mixed order; all where `each` is None."""
    order = np.random.Generator(np.random.PCG64(seed)).permutation(len(pool))
    found: list[Row] = []
    taken: dict[str, int] = {}
    for i in order.tolist():
        label = str(pool[i]["label"])
        if each is None or taken.get(label, 0) < each:
            taken[label] = taken.get(label, 0) + 1
            found.append(pool[i])
    return found


def texts(rows: Sequence[Row]) -> list[str]:
    return [str(row["text"]) for row in rows]


def _gold(asked: Asked, rows: Sequence[Row]) -> NDArray[np.int64]:
    return np.array([asked.numbers[row["label"]] for row in rows], np.int64)


def _unit(vectors: Any) -> Floats:
    found: Floats = np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9), np.float32)
    return found
