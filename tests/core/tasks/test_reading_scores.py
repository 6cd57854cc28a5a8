"""Exact match and F1 of answers: hand-worked tables, counts made another way, and Chinese."""

from __future__ import annotations

import random

import pytest

from core.tasks.reading_scores import best_threshold, exact_match, f1, normalised, scores

# golds, said, exact match, F1: worked by hand from the definition
TABLE = [
    (["Denver Broncos"], "Denver Broncos", 1, 1.0),
    (["Denver Broncos"], "the denver broncos!", 1, 1.0),
    (["The Beatles"], "Beatles", 1, 1.0),
    (["in the late 1990s"], "late 1990s", 0, 2 * 2 / (3 + 2)),  # "in late 1990s" against "late 1990s"
    (["Santa Clara, California"], "Santa Clara", 0, 2 * 2 / (3 + 2)),
    (["a a b"], "a b", 1, 1.0),  # "a" is an article
    (["x x y"], "x y y", 0, 2 * 2 / 6),  # words count as often as they stand there: x once, y once
    (["gold"], "silver", 0, 0.0),
    (["gold", "$400,000"], "400000", 1, 1.0),  # the best of several
    (["well-known"], "well known", 0, 0.0),  # the hyphen goes, the words grow together
    ([], "", 1, 1.0),
    ([], "something", 0, 0.0),
    (["something"], "", 0, 0.0),
    ([".", ""], "", 1, 1.0),  # gold answers that hold nothing are none
]


@pytest.mark.parametrize(("golds", "said", "exact", "agreement"), TABLE)
def test_answers_score_as_worked_by_hand(golds: list[str], said: str, exact: int, agreement: float) -> None:
    assert exact_match(golds, said) == exact
    assert f1(golds, said) == pytest.approx(agreement)


def test_precision_and_recall_counted_one_by_one_agree_on_random_answers() -> None:
    words = [
        "the",
        "The",
        "a",
        "An",
        "cat",
        "cats",
        "sat,",
        "on",
        "mat.",
        "(mat)",
        "I.B.M.",
        "well-known",
        "“quote”",
        "é",
        "-",
        "9",
    ]
    chance = random.Random(3)
    for _ in range(500):
        gold, said = (" ".join(chance.choices(words, k=chance.randrange(5))) for _ in range(2))
        left, right = normalised(gold).split(), normalised(said).split()
        rest = list(right)
        same = sum(1 for word in left if word in rest and (rest.remove(word) or True))
        precision, recall = same / max(len(right), 1), same / max(len(left), 1)
        expected = 2 * precision * recall / (precision + recall) if same else float(left == right)
        assert f1([gold], said) == pytest.approx(expected), (gold, said)
        assert exact_match([gold], said) == (left == right), (gold, said)
    assert (
        normalised("The  well-known I.B.M., an “x”") == "wellknown ibm “x”"
    )  # only ASCII punctuation, as in the script


CHINESE = [
    (["北京大学"], "北京大学。", 1, 1.0),
    (["北京大学"], "北京", 0, 2 * 2 / (4 + 2)),
    (["《红楼梦》"], "红楼梦", 1, 1.0),
    (["2008年8月8日"], "2008年8月", 0, 2 * 4 / (6 + 4)),  # 2008 年 8 月 8 日: numbers stay whole
    (["iPhone 手机"], "IPHONE手机", 1, 1.0),
    (["サッカー"], "サッカ", 0, 2 * 3 / (4 + 3)),
    (["서울"], "서울", 1, 1.0),
    (["北京"], "Beijing", 0, 0.0),
]


@pytest.mark.parametrize(("golds", "said", "exact", "agreement"), CHINESE)
def test_characters_are_the_words_of_chinese(golds: list[str], said: str, exact: int, agreement: float) -> None:
    assert exact_match(golds, said) == exact
    assert f1(golds, said) == pytest.approx(agreement)


def test_means_tell_questions_without_an_answer_apart() -> None:
    golds = [["cat"], ["red dog"], [], []]
    assert scores(golds, ["cat", "dog", "", "noise"]) == pytest.approx(
        {"exact_match": 2 / 4, "f1": (1 + 2 / 3 + 1 + 0) / 4, "f1_answer": (1 + 2 / 3) / 2, "f1_none": 1 / 2}
    )
    assert set(scores(golds[:2], ["cat", "dog"])) == {"exact_match", "f1"}
    assert scores([], []) == {}


def test_the_threshold_that_serves_these_questions_best_is_found() -> None:
    golds = [["cat"], ["dog"], [], [], ["cow"]]
    best = ["cat", "dog", "sky", "sea", "pig"]
    # answered up to and with:  1 cat (-3), 2 dog (1), then none (2), none (4), and cow (5), which is answered wrongly anyway
    margins = [-3.0, 1.0, 2.0, 4.0, 5.0]
    assert best_threshold(golds, best, margins) == pytest.approx(1.5)  # between dog and the first without an answer
    assert best_threshold(golds, best, [m + 2 for m in margins]) == pytest.approx(3.5)
    assert best_threshold(golds, best, [-3.0, -1.0, 2.0, 4.0, 5.0]) == 0.0  # nothing is better than 0
    assert best_threshold(golds[:2], best[:2], margins[:2]) == 0.0
    assert best_threshold([], [], []) == 0.0


def test_equal_margins_are_not_parted() -> None:
    golds = [["cat"], [], ["dog"]]
    assert best_threshold(golds, ["cat", "x", "dog"], [1.0, 1.0, 1.0]) == pytest.approx(2.0)  # all three or none
