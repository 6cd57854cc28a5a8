"""Agreement between people: published worked examples, and the same figures computed another way."""

from __future__ import annotations

import itertools
import math
import random
from collections import Counter

import numpy as np
import pytest

from core.data.agreement import (
    alpha,
    band,
    cohen,
    cohen_pairs,
    fleiss,
    jaccard,
    masi,
    mean_of,
    span_f1,
    stretches,
)

# Krippendorff 2011, section C: four observers, twelve units; * is a gap
OBSERVERS = {
    "A": "1 2 3 3 2 1 4 1 2 * * *",
    "B": "1 2 3 3 2 2 4 1 2 5 * 3",
    "C": "* 3 3 3 2 3 4 2 2 5 1 *",
    "D": "1 2 3 3 2 4 4 1 2 5 1 *",
}
# Fleiss 1971, table 1: 30 patients, six psychiatrists each; how many said depression, personality disorder, schizophrenia, neurosis, other
PATIENTS = """0 0 0 6 0|0 3 0 0 3|0 1 4 0 1|0 0 0 0 6|0 3 0 3 0|2 0 4 0 0|0 0 4 0 2|2 0 3 1 0|2 0 0 4 0|0 0 0 0 6|1 0 0 5 0|1 1 0 4 0|0 3 3 0 0|
1 0 0 5 0|0 2 0 3 1|0 0 5 0 1|3 0 0 1 2|5 1 0 0 0|0 2 0 4 0|1 0 2 0 3|0 0 0 0 6|0 1 0 5 0|0 2 0 1 3|2 0 0 4 0|1 0 0 4 1|0 5 0 1 0|4 0 0 0 2|
0 2 0 4 0|1 0 5 0 0|0 0 0 0 6"""


def units() -> list[list[tuple[str, int]]]:
    columns = {who: row.split() for who, row in OBSERVERS.items()}
    return [[(who, int(row[i])) for who, row in columns.items() if row[i] != "*"] for i in range(12)]


def patients() -> list[list[tuple[str, str]]]:
    rows = [[int(n) for n in row.split()] for row in PATIENTS.replace("\n", "").split("|")]
    return [
        [(f"rater {i}", name) for i, name in enumerate(n for n, k in zip("DPSNO", row, strict=True) for _ in range(k))]
        for row in rows
    ]


def by_definition(ratings, far) -> float:
    """Alpha from the definition: all pairs within rows against all pairs of all answers, one by one."""
    rows = [[value for _, value in row] for row in ratings if len(row) > 1]
    everything = [value for row in rows for value in row]
    n = len(everything)
    observed = sum(far(a, b) / (len(row) - 1) for row in rows for a, b in itertools.permutations(row, 2)) / n
    expected = sum(far(a, b) for a, b in itertools.permutations(everything, 2)) / (n * (n - 1))
    return 1 - observed / expected


def test_krippendorffs_four_observers():
    found = {name: alpha(units(), name) for name in ("nominal", "ordinal", "interval")}
    assert found["nominal"].value == pytest.approx(0.743, abs=5e-4)
    assert found["ordinal"].value == pytest.approx(0.815, abs=5e-4)
    assert found["interval"].value == pytest.approx(0.849, abs=5e-4)
    assert (found["nominal"].rows, found["nominal"].answers) == (11, 40)  # the twelfth has one answer only
    assert all(one.low < one.value < one.high <= 1 for one in found.values())


def test_fleiss_thirty_patients():
    found = fleiss(patients())
    assert found.value == pytest.approx(0.430, abs=5e-4) and (found.rows, found.answers) == (30, 180)
    assert found.low < 0.430 < found.high


def test_cohens_own_example_of_two_psychologists():
    """Cohen 1960, table 1: 200 patients; schizophrenia, neurosis, brain damage. Observed 0.70, by chance 0.41, kappa 0.492."""
    table = {
        ("p", "p"): 88,
        ("p", "n"): 14,
        ("p", "b"): 18,
        ("n", "p"): 10,
        ("n", "n"): 40,
        ("n", "b"): 10,
        ("b", "p"): 2,
        ("b", "n"): 6,
        ("b", "b"): 12,
    }
    found = cohen([pair for pair, n in table.items() for _ in range(n)])
    assert found.value == pytest.approx(0.492, abs=5e-4)
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * math.sqrt(0.7 * 0.3 / 200) / 0.59, abs=1e-3)


def test_kappa_of_two_is_that_of_scikit_learn():
    from sklearn.metrics import cohen_kappa_score

    draw = random.Random(3)
    first = [draw.choice("abcd") for _ in range(300)]
    second = [a if draw.random() < 0.6 else draw.choice("abcd") for a in first]
    assert cohen(list(zip(first, second, strict=True))).value == pytest.approx(
        cohen_kappa_score(first, second), abs=1e-12
    )


@pytest.mark.parametrize("seed", range(4))
def test_alpha_is_what_its_definition_says_for_any_distance_and_gaps(seed: int):
    draw = random.Random(seed)
    people = ["a", "b", "c", "d", "e"]
    numbers = [[(who, draw.choice([1, 2, 2, 3, 7])) for who in people if draw.random() < 0.6] for _ in range(40)]
    assert alpha(numbers).value == pytest.approx(by_definition(numbers, lambda a, b: a != b))
    assert alpha(numbers, "interval").value == pytest.approx(by_definition(numbers, lambda a, b: (a - b) ** 2))
    counts = Counter(value for row in numbers if len(row) > 1 for _, value in row)

    def ordinal(a: int, b: int) -> float:
        low, high = min(a, b), max(a, b)
        return (sum(n for v, n in counts.items() if low <= v <= high) - (counts[low] + counts[high]) / 2) ** 2

    assert alpha(numbers, "ordinal").value == pytest.approx(by_definition(numbers, ordinal))
    sets = [
        [(who, frozenset(draw.sample("xyz", draw.randint(0, 3)))) for who in people if draw.random() < 0.6]
        for _ in range(30)
    ]
    for far in (masi, jaccard):
        assert alpha(sets, far).value == pytest.approx(by_definition(sets, far))


def test_with_two_people_and_all_rows_alpha_is_close_to_cohens_kappa():
    draw = random.Random(5)
    rows = []
    for _ in range(2000):
        a = draw.choice("xyz")
        rows.append([("a", a), ("b", a if draw.random() < 0.7 else draw.choice("xyz"))])
    pair = cohen_pairs(rows)["a", "b"]
    assert alpha(rows).value == pytest.approx(pair.value, abs=0.01) == fleiss(rows).value
    assert mean_of([pair, pair]).value == pytest.approx(pair.value)


def test_the_interval_of_alpha_holds_what_it_says():
    """95 intervals of 100 hold the true value, which a very large sample tells; 86 to 100 is within chance."""

    def sample(n: int, draw: random.Random) -> list[list[tuple[str, str]]]:
        found = []
        for _ in range(n):
            true = draw.choice("xyz")
            found.append([(who, true if draw.random() < 0.8 else draw.choice("xyz")) for who in "abc"])
        return found

    truth = alpha(sample(60_000, random.Random(99))).value
    held = 0
    for seed in range(100):
        found = alpha(sample(200, random.Random(seed)), seed=seed)
        held += found.low <= truth <= found.high
    assert 86 <= held <= 100


def test_what_is_not_defined_is_nan_and_never_a_number():
    assert math.isnan(alpha([]).value) and math.isnan(fleiss([[("a", 1)]]).value) and math.isnan(cohen([]).value)
    same = [[("a", "x"), ("b", "x")]] * 5
    assert all(math.isnan(one) for one in (alpha(same).value, fleiss(same).value, cohen([("x", "x")] * 5).value))
    assert band(float("nan")) is None


def test_nine_rows_have_no_interval_and_ten_have_one():
    rows = [[("a", i % 2), ("b", i % 2 if i else 1)] for i in range(10)]
    assert math.isnan(alpha(rows[:9]).low) and not math.isnan(alpha(rows).low)
    assert alpha(rows[:9]).value > 0


def test_masi_of_passonneaus_kinds_of_sets():
    """Passonneau 2006: the same 1, a subset 2/3, something in common 1/3, nothing 0, each times Jaccard."""
    a, b, c, d = (frozenset(one) for one in ("ab", "abc", "bc", "xy"))
    assert masi(a, a) == 0 and masi(a, d) == 1
    assert masi(a, b) == pytest.approx(1 - 2 / 3 * 2 / 3)
    assert masi(a, c) == pytest.approx(1 - 1 / 3 * 1 / 3)
    assert jaccard(frozenset(), frozenset()) == 0


def test_landis_and_kochs_words():
    assert [band(x) for x in (-0.1, 0.0, 0.2, 0.21, 0.41, 0.61, 0.81, 1.0)] == [
        "none", "none", "slight", "fair", "moderate", "substantial", "almost perfect", "almost perfect"
    ]  # fmt: skip


def test_marked_places_strict_and_overlapping():
    person, place = {"start": 0, "end": 5, "label": "person"}, {"start": 10, "end": 15, "label": "place"}
    longer, other = {"start": 0, "end": 7, "label": "person"}, {"start": 10, "end": 15, "label": "person"}
    assert span_f1([([person, place], [person, place])]) == (1.0, 1.0)
    assert span_f1([([person, place], [longer, place])]) == (0.5, 1.0)
    assert span_f1([([place], [other])]) == (0.0, 0.0)
    assert all(math.isnan(one) for one in span_f1([([], [])]))


def test_alpha_over_stretches_is_alpha_over_characters():
    text = "Anna lives in Rome."
    said = [
        ("a", [{"start": 0, "end": 4, "label": "person"}, {"start": 14, "end": 18, "label": "place"}]),
        ("b", [{"start": 0, "end": 10, "label": "person"}, {"start": 14, "end": 18, "label": "place"}]),
    ]
    ratings, lengths = stretches([(text, said)])
    assert sum(lengths) == len(text)
    characters = [
        [(who, frozenset(s["label"] for s in spans if s["start"] <= i < s["end"])) for who, spans in said]
        for i in range(len(text))
    ]
    assert alpha(ratings, weights=lengths).value == pytest.approx(by_definition(characters, lambda a, b: a != b))


def test_ten_thousand_rows_of_77_labels_take_a_moment():
    import time

    draw = np.random.default_rng(1)
    truth = draw.integers(0, 77, 10_000)
    rows = [[(who, int(t if draw.random() < 0.8 else draw.integers(0, 77))) for who in "abc"] for t in truth]
    began = time.perf_counter()
    alpha(rows), fleiss(rows)
    assert time.perf_counter() - began < 5
