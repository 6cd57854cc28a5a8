"""What is said about figures, and how surely."""

from __future__ import annotations

import pytest

from core.evaluation.metrics import confusion, per_label
from core.evaluation.verdict import Pair, verdict
from core.words import Message

NAMES = ["Refund", "Other"]


def said(right: int, total: int, **more) -> dict[str, str | None]:
    wrong = total - right
    counts = confusion([0] * right + [1] * wrong, [0] * total, 2)
    parts = verdict(right, total, NAMES, per_label(counts), **more)
    return {k: str(Message.from_json(v)) if v else None for k, v in parts.items() if k != "weakest"}


def test_the_verdict_of_the_design():
    parts = said(207, 220, counting=Pair(24, 6), before=Pair(10, 2), before_right=199)
    assert parts["answers"] == "It answers 207 of 220 unseen texts correctly, and beats plain word counting by 18."
    assert parts["expect"] == "With other test texts of this kind, expect between 90 and 97 of 100 right."
    assert (
        parts["tuning"]
        == "Tuning removed 8 of the untouched model’s 21 mistakes; a gain this size is unlikely to be luck."
    )
    assert parts["mind"] == "Mind Other: 13 of its 13 texts went elsewhere."
    assert parts["caution"] is None


@pytest.mark.parametrize(
    "before, words",
    [
        (Pair(10, 2), "a gain this size is unlikely to be luck."),  # p = 0.039
        (Pair(9, 3), "a gain this size may be luck."),  # p = 0.146
        (Pair(6, 4), "no clear difference."),  # p = 0.75
        (Pair(2, 10), "The untouched model does better here. Use that, or add labels."),
        (Pair(3, 9), "Tuning made 6 more mistakes than the untouched model; that may be luck."),
        (Pair(4, 6), "Tuning made 2 more mistakes than the untouched model; no clear difference."),
        (Pair(5, 5), "Tuning leaves as many mistakes as the untouched model made: 21."),
    ],
)
def test_how_sure_the_gain_is_follows_the_exact_test(before: Pair, words: str):
    assert said(207, 220, before=before, before_right=199)["tuning"].endswith(words)


@pytest.mark.parametrize(
    "counting, words",
    [
        (Pair(10, 2), "and beats plain word counting by 8."),
        (Pair(9, 3), "6 more than plain word counting, which may be luck."),
        (Pair(6, 4), "plain word counting answers 205: no clear difference."),
        (Pair(4, 4), "as many as plain word counting."),
        (Pair(2, 10), "plain word counting answers 8 more."),
    ],
)
def test_word_counting_is_not_beaten_by_luck(counting: Pair, words: str):
    assert said(207, 220, counting=counting)["answers"].endswith(words)


def test_under_50_texts_nothing_is_called_sure():
    parts = said(40, 49, counting=Pair(20, 0), before=Pair(20, 0), before_right=20)
    assert parts["caution"] == "Too few test texts for a firm answer"
    assert "no clear difference" in parts["answers"] and "no clear difference" in parts["tuning"]
    assert said(41, 50)["caution"] is None


def test_validation_is_never_called_unseen():
    parts = said(41, 50, split="validation")
    assert "unseen" not in parts["answers"] and "steered by" in parts["caution"]


def test_one_missed_text_does_not_outweigh_twenty():
    gold = [0] * 40 + [1] + [2] * 10
    predicted = [0] * 20 + [2] * 20 + [0] + [2] * 10
    parts = verdict(30, 51, ["A", "B", "C"], per_label(confusion(gold, predicted, 3)))
    assert parts["weakest"] == {"label": "A", "missed": 20, "support": 40}


def test_the_only_text_of_a_label_reads_well():
    assert said(3, 4)["mind"] == "Mind Other: its only text went elsewhere."


def test_without_a_mistake_no_label_is_blamed():
    assert said(60, 60)["mind"] is None
