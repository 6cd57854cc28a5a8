"""The rivals of a run, on real texts."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from core.errors import Cancelled
from core.evaluation.baselines import counting, majority, words_are_separated


def test_the_majority_is_the_commonest_training_label():
    assert majority([2, 1, 1, 0], 4) == 1


@pytest.mark.parametrize(
    "texts, separated",
    [
        (["How do I locate my card?"], True),
        (["这个宾馆比较陈旧了，特价的房间也很一般。"], False),
        (["この本はとても面白かったです"], False),
        (["ร้านนี้อร่อยมาก"], False),
        (["이 영화는 정말 재미있었다"], True),
        (["Я очень люблю этот фильм"], True),
        (["I saw 北京 and then wrote a long English sentence about it"], True),
        (["12345 ... !!!"], True),
        ([], True),
    ],
)
def test_scripts_without_spaces_are_found(texts: list[str], separated: bool):
    assert words_are_separated(texts) is separated


def test_word_counting_is_a_serious_rival(data_dir: Path):
    def read(name: str) -> list[dict[str, str]]:
        with (data_dir / "banking77" / name).open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    train, test = read("train.csv"), read("test.csv")
    names = sorted({row["category"] for row in train})[:12]
    train = [r for r in train if r["category"] in names]
    test = [r for r in test if r["category"] in names]
    learn, check = train[::2] + train[1::4], train[3::4]
    answers = counting(
        [r["text"] for r in learn],
        [names.index(r["category"]) for r in learn],
        [r["text"] for r in check],
        [names.index(r["category"]) for r in check],
        [r["text"] for r in test],
    )
    right = sum(names[p] == r["category"] for p, r in zip(answers.predicted, test, strict=True))
    assert not answers.characters and right / len(test) > 0.88


def test_texts_without_spaces_are_counted_by_characters():
    good, bad = ["很好吃，喜欢", "非常好，满意", "好看极了"], ["太差了，失望", "很差，退货", "差极了"]
    answers = counting(good * 4 + bad * 4, [0] * 12 + [1] * 12, [], [], ["真好", "真差"])
    assert answers.characters and answers.predicted.tolist() == [0, 1]


def test_texts_without_a_single_word_get_the_commonest_label():
    assert counting(["!!!", "???", "..."], [1, 1, 0], [], [], ["!", "a"]).predicted.tolist() == [1, 1]


def test_one_label_only_needs_no_fit():
    assert counting(["a b", "c d"], [3, 3], [], [], ["x"]).predicted.tolist() == [3]


def test_it_stops_when_told():
    with pytest.raises(Cancelled):
        counting(["a b", "c d"], [0, 1], [], [], ["x"], cancelled=lambda: True)
