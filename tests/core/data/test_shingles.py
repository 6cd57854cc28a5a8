"""Shingles: what counts as the same, and how alike two sets are."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest

from core.data import shingles as sh


def pairs(text: str) -> set[tuple[str, ...]]:
    """Pairs of neighbouring words, by hand."""
    words = text.split()
    return set(itertools.pairwise(words)) if len(words) > 1 else {tuple(words)}


def test_jaccard_is_that_of_the_sets_of_pairs_of_words() -> None:
    chance = random.Random(3)
    texts = [" ".join(chance.choice("abcdef") for _ in range(chance.randint(1, 12))) for _ in range(60)]
    sets = sh.shingles(texts)
    one, other = np.array(list(itertools.combinations(range(60), 2))).T
    found = sh.jaccard(sets, one, other)
    by_hand = [
        len(pairs(texts[a]) & pairs(texts[b])) / len(pairs(texts[a]) | pairs(texts[b]))
        for a, b in zip(one, other, strict=True)
    ]
    assert found == pytest.approx(by_hand)
    assert max(by_hand) > 0.5 > min(by_hand)


def test_the_worked_example_of_the_book_on_mining_massive_datasets() -> None:
    """Example 3.1 (figure 3.1): two sets share three elements and have eight in all: 3/8."""
    sets = sh.gathered(
        np.array([0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1]),
        np.array([1, 2, 3, 4, 5, 3, 4, 5, 6, 7, 8], np.uint64),
        np.zeros(2, np.uint64),
    )
    assert sh.jaccard(sets, np.array([0]), np.array([1])) == pytest.approx([3 / 8])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Where is my card?", "where is my CARD"),
        ("ＡＢＣ １２３ go", "ABC 123 go"),
        ("这家酒店很好！", "这家酒店，很好。"),
        ("I'm leaving\nnow...", "i m leaving  now"),
    ],
)
def test_case_width_and_punctuation_do_not_count(one: str, other: str) -> None:
    sets = sh.shingles([one, other])
    assert sets.keys[0] == sets.keys[1] != 0
    assert sh.jaccard(sets, np.array([0]), np.array([1])) == [1.0]


def test_the_order_of_words_counts() -> None:
    sets = sh.shingles(["the dog bites the man", "the man bites the dog"])
    assert sets.keys[0] != sets.keys[1]
    assert sh.jaccard(sets, np.array([0]), np.array([1])) == pytest.approx(
        [3 / 5]
    )  # the dog, bites the, the man | dog bites, man bites


def test_characters_are_words_where_a_script_sets_no_spaces() -> None:
    assert sh.shingles(["酒店很好", "ร้านนี้", "hotel"]).sizes.tolist() == [3, 6, 1]


def test_texts_without_a_word_have_nothing_in_common() -> None:
    sets = sh.shingles(["!!!", "", "?", "word"])
    assert sets.keys[:3].tolist() == [0, 0, 0]
    assert sh.jaccard(sets, np.array([0, 0]), np.array([1, 3])).tolist() == [0, 0]


def test_sets_of_some_texts_and_of_blocks_are_the_same_sets() -> None:
    texts = ["one two three", "", "four five", "one two", "six"]
    whole = sh.shingles(texts)
    blocks = sh.joined([sh.shingles(texts[:2]), sh.shingles(texts[2:])])
    assert blocks.values.tolist() == whole.values.tolist()
    assert blocks.starts.tolist() == whole.starts.tolist()
    some = whole.of(np.array([3, 0]))
    assert some.values.tolist() == sh.shingles(["one two", "one two three"]).values.tolist()
