"""Typical words: the published weight, words that stand everywhere left out, runs of characters where there are no spaces."""

from __future__ import annotations

import math
from collections import Counter

import pytest

from core.labelling import wording


def test_the_weight_is_that_of_the_paper_with_the_root_of_the_share():
    """By hand: two groups of 4 and 6 words, so A = 5; "card" stands 3 times in all, 2 of them in the first group."""
    weights = wording.weighed([Counter({"card": 2, "the": 2}), Counter({"card": 1, "the": 3, "rain": 2})])
    assert weights[0]["card"] == pytest.approx(math.sqrt(2 / 4) * math.log(1 + 5 / 3))
    assert weights[1]["rain"] == pytest.approx(math.sqrt(2 / 6) * math.log(1 + 5 / 2))
    assert weights[1]["the"] == pytest.approx(math.sqrt(3 / 6) * math.log(1 + 5 / 5))


def test_words_that_stand_everywhere_are_typical_of_nothing():
    texts = [f"the refund for the order {i}" for i in range(12)] + [f"the weather and the rain {i}" for i in range(12)]
    first, second = wording.typical(texts, [0] * 12 + [1] * 12, 2)
    assert "refund" in first and "weather" in second and "the" not in [*first, *second]


def test_where_no_spaces_part_words_runs_of_characters_are_counted_and_signs_are_not():
    texts = ["酒店很好。。", "这个酒店不错！", "酒店服务好", "键盘不错。。", "这个键盘很好", "键盘手感好"]
    first, second = wording.typical(texts, [0, 0, 0, 1, 1, 1], 2)
    assert "酒店" in first and "键盘" in second and not any("。" in word for word in [*first, *second])


def test_a_word_that_says_again_what_an_earlier_one_says_is_left_out():
    found = wording.typical(
        ["credit card lost", "credit card found", "credit card here"] * 4 + ["rain"], [0] * 12 + [1], 2
    )[0]
    assert sum("credit" in word for word in found) == 1


def test_groups_without_words_have_none():
    assert wording.typical(["", "!!!", "42"], [0, 0, 1], 3) == [[], [], []]
