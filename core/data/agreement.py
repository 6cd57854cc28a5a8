"""How far several people agree on the same rows, beyond what chance would bring about.

Answers are `ratings`: one list a row, with (person, value) of everybody who answered it; values are anything that can be compared and hashed.

- `cohen`: two people, labels. Cohen 1960, "A coefficient of agreement for nominal scales".
- `fleiss`: any number of people, labels. Fleiss 1971, "Measuring nominal scale agreement among many raters". Rows may have different
  numbers of answers; with the same number everywhere it is Fleiss's own formula.
- `alpha`: any number of people, gaps, and any distance between answers. Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability".
- `masi`, `jaccard`: distances between sets of labels. Passonneau 2006, "Measuring agreement on set-valued items (MASI)".

Each gives NaN where it is not defined: no row with two answers, or one label only, so that agreement by chance is certain.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Rating = tuple[str, Any]  # person, value
Ratings = Sequence[Sequence[Rating]]
Distance = Callable[[Any, Any], float]

RESAMPLES = 400
SURE = 0.95
FEWEST = 10  # rows, below which rows drawn anew say nothing
MOST_CELLS = 20_000_000  # rows times values times draws: with many rows, whose interval is narrow, fewer draws do
BANDS = (
    (0.0, "none"),
    (0.2, "slight"),
    (0.4, "fair"),
    (0.6, "moderate"),
    (0.8, "substantial"),
    (1.01, "almost perfect"),
)


@dataclass(frozen=True)
class Figure:
    """A coefficient with its 95 % interval (NaN where it is not known) and the rows and answers it stands on."""

    value: float
    low: float
    high: float
    rows: int
    answers: int


NOTHING = Figure(float("nan"), float("nan"), float("nan"), 0, 0)


def band(value: float) -> str | None:
    """The word of Landis and Koch 1977, "The measurement of observer agreement for categorical data": none below 0, slight to 0.20, fair to
    0.40, moderate to 0.60, substantial to 0.80, almost perfect above. Their own bounds, which they call arbitrary; None for NaN."""
    if not np.isfinite(value):
        return None
    if value <= 0:
        return "none"
    return next(name for bound, name in BANDS[1:] if value <= bound)


# --- two people ---


def cohen(pairs: Sequence[tuple[Hashable, Hashable]]) -> Figure:
    """Kappa of two people who answered the same rows, and its interval by Cohen's own standard error (1960, formula 10)."""
    n = len(pairs)
    if not n:
        return NOTHING
    first, second = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    observed = sum(a == b for a, b in pairs) / n
    chance = sum(first[value] * second[value] for value in first) / n**2
    if chance >= 1:
        return Figure(float("nan"), float("nan"), float("nan"), n, 2 * n)
    value = (observed - chance) / (1 - chance)
    error = 1.96 * float(np.sqrt(observed * (1 - observed) / n)) / (1 - chance)
    return Figure(value, max(-1.0, value - error), min(1.0, value + error), n, 2 * n)


def both(ratings: Ratings) -> dict[tuple[str, str], list[tuple[Any, Any]]]:
    """(person, person) -> their answers to the rows that both have answered; names in order."""
    found: dict[tuple[str, str], list[tuple[Any, Any]]] = {}
    for row in ratings:
        for (a, first), (b, second) in itertools.combinations(sorted(row, key=lambda one: one[0]), 2):
            found.setdefault((a, b), []).append((first, second))
    return found


def cohen_pairs(ratings: Ratings) -> dict[tuple[str, str], Figure]:
    """Cohen's kappa of every two people who answered some rows in common."""
    return {pair: cohen(answers) for pair, answers in both(ratings).items()}


def mean_of(figures: Iterable[Figure]) -> Figure:
    """The plain mean over pairs (Light 1971), without those where kappa is not defined. No interval: pairs share people and rows."""
    known = [one for one in figures if np.isfinite(one.value)]
    if not known:
        return NOTHING
    value = float(np.mean([one.value for one in known]))
    return Figure(value, float("nan"), float("nan"), sum(one.rows for one in known), sum(one.answers for one in known))


# --- any number of people ---


def fleiss(ratings: Ratings, seed: int = 1, interval: bool = True) -> Figure:
    """Fleiss' kappa over rows with two answers or more, with an interval from rows drawn anew."""
    table = _counts(ratings)[0]
    if not len(table):
        return NOTHING
    many = table.sum(axis=1)
    agreed = (table * (table - 1)).sum(axis=1) / (many * (many - 1))

    def kappa(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        shares = weights @ table
        shares /= shares.sum(axis=1, keepdims=True)
        by_chance = (shares**2).sum(axis=1)
        observed = (weights @ agreed) / weights.sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(by_chance < 1 - 1e-12, (observed - by_chance) / (1 - by_chance), np.nan)

    return _with_interval(kappa, len(table), int(many.sum()), table.shape[1], seed if interval else None)


def alpha(
    ratings: Ratings,
    distance: str | Distance = "nominal",
    weights: Sequence[float] | None = None,
    seed: int = 1,
    interval: bool = True,
) -> Figure:
    """Krippendorff's alpha over rows with two answers or more; gaps are allowed.

    `distance`: nominal | ordinal | interval (numbers), or a function of two values in its squared form (0 the same, 1 the farthest).
    `weights`: what each row counts (for stretches of a text: their length). The interval comes from rows drawn anew, the distances
    between values held as they are.
    """
    table, values = _counts(ratings)
    if not len(table):
        return NOTHING
    many = table.sum(axis=1)
    counts_as = np.ones(len(table)) if weights is None else _weights_of(ratings, weights)
    if distance == "interval":
        return _interval_alpha(table, values, counts_as, seed if interval else None)
    far = _distances(values, distance, counts_as @ table)
    apart = ((table @ far) * table).sum(axis=1) / (many - 1)

    def of(drawn: NDArray[np.float64]) -> NDArray[np.float64]:
        drawn = drawn * counts_as
        margins = drawn @ table
        total = margins.sum(axis=1)
        expected = ((margins @ far) * margins).sum(axis=1) / (total - 1)
        return _one_less(drawn @ apart, expected)

    return _with_interval(of, len(table), int(many.sum()), table.shape[1], seed if interval else None)


def _interval_alpha(
    table: NDArray[np.float64], values: Sequence[Any], counts_as: NDArray[np.float64], seed: int | None
) -> Figure:
    """The same for squared differences, which follow from sums and sums of squares: any number of different values."""
    x = np.array([float(value) for value in values])
    x -= (table.sum(axis=0) @ x) / table.sum()  # near zero, so that little is lost in the squares
    many = table.sum(axis=1)
    moments = np.stack([many, table @ x, table @ x**2], axis=1)
    apart = 2 * (many * moments[:, 2] - moments[:, 1] ** 2) / (many - 1)

    def of(drawn: NDArray[np.float64]) -> NDArray[np.float64]:
        drawn = drawn * counts_as
        n, sums, squares = (drawn @ moments).T
        return _one_less(drawn @ apart, 2 * (n * squares - sums**2) / (n - 1))

    return _with_interval(of, len(table), int(many.sum()), 3, seed)


def _one_less(observed: NDArray[np.float64], expected: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(expected > 1e-12, 1 - observed / expected, np.nan)


def _counts(ratings: Ratings) -> tuple[NDArray[np.float64], list[Any]]:
    """(rows with two answers or more, different values) how many gave which; and the values in order."""
    rows = [Counter(value for _, value in row) for row in ratings if len(row) > 1]
    values = sorted({value for row in rows for value in row}, key=_order)
    at = {value: i for i, value in enumerate(values)}
    table = np.zeros((len(rows), len(values)))
    for i, row in enumerate(rows):
        for value, n in row.items():
            table[i, at[value]] = n
    return table, values


def _weights_of(ratings: Ratings, weights: Sequence[float]) -> NDArray[np.float64]:
    return np.array([weight for row, weight in zip(ratings, weights, strict=True) if len(row) > 1], np.float64)


def _order(value: Any) -> tuple[bool, Any]:
    """Numbers by size before everything else by its text."""
    return (False, float(value)) if isinstance(value, int | float) else (True, str(value))


def _distances(values: Sequence[Any], distance: str | Distance, margins: NDArray[np.float64]) -> NDArray[np.float64]:
    """Squared distances between all values. Ordinal: how many answers lie between two values, with half of their own."""
    n = len(values)
    if distance == "nominal":
        return 1.0 - np.eye(n)
    if distance == "ordinal":
        until = np.cumsum(margins) - margins / 2
        return (until[:, None] - until[None, :]) ** 2
    if not callable(distance):
        raise ValueError(distance)
    far = np.zeros((n, n))
    for i, j in itertools.combinations(range(n), 2):
        far[i, j] = far[j, i] = distance(values[i], values[j])
    return far


def _with_interval(
    of: Callable[[NDArray[np.float64]], NDArray[np.float64]], rows: int, answers: int, width: int, seed: int | None
) -> Figure:
    """The figure, and the middle 95 % of it over rows drawn anew. `of`: weights (draws, rows) -> figures."""
    value = float(of(np.ones((1, rows)))[0])
    if not np.isfinite(value) or rows < FEWEST or seed is None:
        return Figure(value, float("nan"), float("nan"), rows, answers)
    draws = max(100, min(RESAMPLES, MOST_CELLS // (rows * max(8, width))))
    drawn = np.random.default_rng(seed).multinomial(rows, np.full(rows, 1 / rows), draws).astype(np.float64)
    again = of(drawn)
    again = again[np.isfinite(again)]
    if not len(again):
        return Figure(value, float("nan"), float("nan"), rows, answers)
    low, high = np.quantile(again, [(1 - SURE) / 2, (1 + SURE) / 2])
    return Figure(value, float(low), float(high), rows, answers)


# --- distances between sets, and answers that are places in a text ---


def jaccard(a: frozenset[Any], b: frozenset[Any]) -> float:
    """1 less the share of common labels; two empty sets are the same."""
    return 1 - (len(a & b) / len(a | b) if a or b else 1.0)


def masi(a: frozenset[Any], b: frozenset[Any]) -> float:
    """Jaccard's share times how the sets lie: 1 the same, 2/3 one within the other, 1/3 something in common, 0 nothing."""
    if a == b:
        return 0.0
    monotone = 2 / 3 if a <= b or b <= a else 1 / 3 if a & b else 0.0
    return 1 - (1 - jaccard(a, b)) * monotone


def span_f1(pairs: Sequence[tuple[Iterable[Mapping[str, Any]], Iterable[Mapping[str, Any]]]]) -> tuple[float, float]:
    """(strict, overlapping) F1 between two people who marked the same texts. Strict: the same place and label. Overlapping: the label is
    the same and the places share a character. NaN where neither marked anything. F1 is the same whoever is taken for right (Hripcsak and
    Rothschild 2005)."""
    strict = loose = total = 0
    for first, second in pairs:
        a, b = list(first), list(second)
        total += len(a) + len(b)
        strict += 2 * len({_place(one) for one in a} & {_place(one) for one in b})
        loose += sum(any(_touch(one, other) for other in b) for one in a)
        loose += sum(any(_touch(one, other) for other in a) for one in b)
    return (strict / total, loose / total) if total else (float("nan"), float("nan"))


def stretches(
    rows: Iterable[tuple[str, Sequence[tuple[str, Sequence[Mapping[str, Any]]]]]],
) -> tuple[list[list[Rating]], list[float]]:
    """Texts with what each person marked, as ratings of stretches and their lengths in characters: what a person says of a stretch is the
    set of labels there. `alpha` over them is that over single characters."""
    ratings: list[list[Rating]] = []
    lengths: list[float] = []
    for text, said in rows:
        edges = {0, len(text)} | {one[end] for _, spans in said for one in spans for end in ("start", "end")}
        cuts = sorted(edge for edge in edges if 0 <= edge <= len(text))
        for start, end in itertools.pairwise(cuts):
            there = [
                (who, frozenset(s["label"] for s in spans if s["start"] <= start and s["end"] >= end))
                for who, spans in said
            ]
            ratings.append(there)
            lengths.append(float(end - start))
    return ratings, lengths


def _place(span: Mapping[str, Any]) -> tuple[Any, ...]:
    return span["start"], span["end"], span["label"]


def _touch(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return bool(one["label"] == other["label"] and one["start"] < other["end"] and other["start"] < one["end"])
