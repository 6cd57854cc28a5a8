"""Which row next: the ways to choose, as values in a table. Each looks at a Scene and gives rows of its pool, the best first.

Knows vectors and probabilities, nothing of texts, labels' names or pages. `STRATEGIES` holds them all; an unknown name raises.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from core.errors import Missing
from core.tasks.base import Link
from core.words import Message

Floats = NDArray[np.float32]
Places = NDArray[np.int64]
LOOKED_AT = (
    4_000  # rows among which the ways that compare rows with each other choose: the most uncertain, or by chance
)
MET = 2  # labelled rows a label, on average, from which on the model's doubts are worth asking for
WIDER = 10  # of so many times as many uncertain rows the ones that differ most are taken


@dataclass(frozen=True)
class Scene:
    """What there is to choose from. `pool` (rows, width), fp32; `said` (rows, labels) the model's probabilities, for numbers (rows, 1);
    `doubt` (rows,) how little sure it is, where `said` does not tell (numbers, marked places). `seen` (labelled rows, width).
    `counts` (labels,) labelled rows of each. `like` (width,) the row to resemble."""

    pool: Floats
    said: Floats
    link: Link
    seen: Floats
    counts: NDArray[np.int64]
    doubt: Floats | None = None
    like: Floats | None = None
    chance: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))

    @property
    def learnt(self) -> bool:
        """Whether there is a model to ask."""
        return len(self.said) == len(self.pool) > 0 or self.doubt is not None


@dataclass(frozen=True)
class Strategy:
    """`choose(scene, count)`: rows of the pool, best first, at least `count` where there are as many. `needs`: model | row | ""."""

    name: str
    title: Message
    sentence: Message
    choose: Callable[[Scene, int], Places]
    needs: str = "model"


def strategy(name: str) -> Strategy:
    if name not in STRATEGIES:
        raise Missing(Message("There is nothing called “{name}” here any more.", name=name[:40]))
    return STRATEGIES[name]


def pick(name: str, scene: Scene, count: int) -> Places:
    """Rows of the pool, best first. Without a model yet a typical text of each kind comes first."""
    chosen = strategy(name)
    if not len(scene.pool) or count < 1:
        return np.zeros(0, np.int64)
    if chosen.needs == "model" and not scene.learnt:
        return _typical(scene, count)
    return chosen.choose(scene, min(count, len(scene.pool)))


# --- how sure the model is -------------------------------------------------------------------------------------------


def confidence(said: Floats, link: Link) -> Floats:
    """(rows,) the probability of what it would say: of the likeliest label, or of each yes or no together (the least sure of them)."""
    if link == "sigmoid":
        return np.maximum(said, 1 - said).min(axis=1)
    return said.max(axis=1)


def margin(said: Floats, link: Link) -> Floats:
    """(rows,) how far the first answer is ahead of the second (Scheffer et al. 2001)."""
    if link == "sigmoid":
        return np.abs(2 * said - 1).min(axis=1)
    if said.shape[1] < 2:
        return said[:, 0]
    two = np.partition(said, -2, axis=1)[:, -2:]
    return two[:, 1] - two[:, 0]


def entropy(said: Floats, link: Link) -> Floats:
    """(rows,) Shannon entropy, in nats; summed over the labels where each is a question of its own."""
    p = np.clip(said, 1e-12, 1 - 1e-7)
    if link == "sigmoid":
        return -(p * np.log(p) + (1 - p) * np.log1p(-p)).sum(axis=1)
    return -(p * np.log(p)).sum(axis=1)


def _doubt(scene: Scene, measure: Callable[[Floats, Link], Floats], sign: int) -> Floats:
    return scene.doubt if scene.doubt is not None else sign * measure(scene.said, scene.link)


def _uncertain(measure: Callable[[Floats, Link], Floats], sign: int) -> Callable[[Scene, int], Places]:
    return lambda scene, count: _highest(_doubt(scene, measure, sign))


def _highest(scores: Floats) -> Places:
    return np.argsort(-scores, kind="stable")


# --- the ways --------------------------------------------------------------------------------------------------------


def _random(scene: Scene, count: int) -> Places:
    return scene.chance.permutation(len(scene.pool))


def _diverse(scene: Scene, count: int) -> Places:
    """Greedy k-center (core-set, Sener and Savarese 2018): always the row farthest from all that are labelled or chosen."""
    some = _some(scene)
    unit = _unit(scene.pool[some])
    nearest = np.full(len(some), -np.inf, np.float32)
    for start in range(0, len(scene.seen), 1024):
        nearest = np.maximum(nearest, (unit @ _unit(scene.seen[start : start + 1024]).T).max(axis=1))
    if not len(scene.seen):
        nearest = -(unit @ _unit(unit.mean(axis=0, keepdims=True))[0])
    return some[_farthest(unit, nearest, count)]


def _farthest(unit: Floats, nearest: Floats, count: int) -> Places:
    """`nearest` (rows,) the cosine to the nearest that is taken; it is brought up to date with every row that is taken."""
    nearest, taken = nearest.copy(), []
    for _ in range(count):
        one = int(nearest.argmin())
        taken.append(one)
        nearest = np.maximum(nearest, unit @ unit[one])
        nearest[taken] = np.inf
    return np.array(taken, np.int64)


def _typical(scene: Scene, count: int) -> Places:
    """k-means with as many groups as rows are wanted, beside the labelled ones; the most central row of each, of groups without a label the
    largest first (Hacohen et al. 2022, TypiClust)."""
    some = _some(scene)
    unit = _unit(scene.pool[some])
    seen = _unit(scene.seen)[-LOOKED_AT:]
    groups = min(len(some), max(count + min(len(seen), 3 * count), 2))
    centres = _kmeans(unit, groups, scene.chance)
    at = (unit @ centres.T).argmax(axis=1)
    sizes = np.bincount(at, minlength=groups).astype(np.float64)
    known = np.bincount((seen @ centres.T).argmax(axis=1), minlength=groups) if len(seen) else np.zeros(groups)
    order = np.lexsort((-sizes, known))
    chosen = []
    for group in order[sizes[order] > 0]:
        inside = np.flatnonzero(at == group)
        chosen.append(inside[int((unit[inside] @ centres[group]).argmax())])
    found = np.array(chosen[:count], np.int64)
    return some[found]


def _kmeans(unit: Floats, groups: int, chance: np.random.Generator, turns: int = 8) -> Floats:
    """Spherical k-means: centres (groups, width) of unit length."""
    centres = unit[chance.permutation(len(unit))[:groups]].copy()
    for _ in range(turns):
        at = (unit @ centres.T).argmax(axis=1)
        inside = np.zeros((groups, len(unit)), np.float32)
        inside[at, np.arange(len(unit))] = 1
        filled = inside.any(axis=1)
        centres[filled] = _unit(inside[filled] @ unit)
    return centres


def _badge(scene: Scene, count: int) -> Places:
    """k-means++ over the gradients the last layer would get for its own answer (Ash et al. 2020, BADGE): long where it is unsure, and
    pointing elsewhere for other rows. The gradient is the outer product of (probabilities - answer) and the vector, so distances follow
    from the two factors and it is never written out."""
    if scene.link == "identity" or not len(scene.said):
        return _uncertain_and_diverse(scene, count)
    some = _most_uncertain(scene, LOOKED_AT)
    said, x = scene.said[some], _unit(scene.pool[some])
    if scene.link == "sigmoid":
        error = said - (said >= 0.5)
    else:
        error = said.copy()
        error[np.arange(len(said)), said.argmax(axis=1)] -= 1
    squared = (error**2).sum(axis=1)  # |x| is 1
    taken = [int(squared.argmax())]
    least = np.full(len(some), np.inf)
    for _ in range(count - 1):
        last = taken[-1]
        least = np.minimum(least, squared + squared[last] - 2 * (error @ error[last]) * (x @ x[last]))
        least[taken] = 0
        shares = np.maximum(least, 0)
        if not shares.sum() > 0:
            break
        taken.append(int(scene.chance.choice(len(some), p=shares / shares.sum())))
    return some[np.array(taken, np.int64)]


def _uncertain_and_diverse(scene: Scene, count: int) -> Places:
    """Of the rows it is least sure of, those that differ most from each other: k-means over WIDER times as many, the most uncertain of each
    group (after Zhdanov 2019)."""
    some = _most_uncertain(scene, min(LOOKED_AT, WIDER * count, max(count, len(scene.pool) // 4)))
    doubt = _doubt(scene, margin, -1)[some]
    unit = _unit(scene.pool[some])
    centres = _kmeans(unit, min(count, len(some)), scene.chance)
    at = (unit @ centres.T).argmax(axis=1)
    best: dict[int, int] = {}
    for row in np.argsort(-doubt, kind="stable"):
        best.setdefault(int(at[row]), int(row))
    first = np.array(list(best.values()), np.int64)
    rest = np.setdiff1d(np.arange(len(some)), first)
    return some[np.concatenate([first, rest[np.argsort(-doubt[rest], kind="stable")]])]


def _helpful(scene: Scene, count: int) -> Places:
    """First a typical text of each kind, so that every label is met; once the model knows a few of each, what it is unsure of. Measured by
    tests/benchmarks/labelling.py on BANKING77 and SST-2: ahead of each of the two alone."""
    if not scene.learnt or len(scene.seen) < MET * len(scene.counts):
        return _typical(scene, count)
    return _uncertain_and_diverse(scene, count)


def _rare(scene: Scene, count: int) -> Places:
    """Rows that most likely carry one of the labels of which few are known."""
    if scene.link == "identity" or not len(scene.said):
        return _diverse(scene, count)
    worth = 1 / (1 + scene.counts.astype(np.float64))
    return _highest((scene.said @ worth).astype(np.float32))


def _similar(scene: Scene, count: int) -> Places:
    if scene.like is None:
        return _random(scene, count)
    return _highest(_unit(scene.pool) @ _unit(scene.like[None])[0])


def _some(scene: Scene) -> Places:
    if len(scene.pool) <= LOOKED_AT:
        return np.arange(len(scene.pool))
    return np.sort(scene.chance.permutation(len(scene.pool))[:LOOKED_AT])


def _most_uncertain(scene: Scene, most: int) -> Places:
    return _highest(_doubt(scene, margin, -1))[:most]


def _unit(vectors: Floats) -> Floats:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)


STRATEGIES: dict[str, Strategy] = {
    one.name: one
    for one in (
        Strategy("helpful", Message("What helps most"), Message("First a typical text of each kind, then those the model is unsure of, each different from the others."), _helpful, ""),
        Strategy("badge", Message("Unsure and varied"), Message("Texts the model is unsure of and that differ from each other (BADGE)."), _badge),
        Strategy("margin", Message("Torn between two"), Message("Texts for which its first two answers are closest (margin)."), _uncertain(margin, -1)),
        Strategy("least_confidence", Message("Least sure"), Message("Texts whose likeliest answer is least likely (least confidence)."), _uncertain(confidence, -1)),
        Strategy("entropy", Message("Most open"), Message("Texts for which its answers are spread most widely (entropy)."), _uncertain(entropy, 1)),
        Strategy("typical", Message("One of each kind"), Message("A typical text of every group of alike texts, groups without a label first (k-means)."), _typical, ""),
        Strategy("diverse", Message("Unlike any labelled"), Message("Texts farthest from all that are labelled (core-set)."), _diverse, ""),
        Strategy("rare", Message("Rare labels first"), Message("Texts that most likely carry a label of which few are known."), _rare),
        Strategy("similar", Message("Like this one"), Message("Texts that resemble the one you chose."), _similar, "row"),
        Strategy("random", Message("Mixed"), Message("By chance: what is labelled then is a fair sample."), _random, ""),
    )
}  # fmt: skip
