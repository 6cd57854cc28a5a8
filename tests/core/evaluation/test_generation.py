"""Figures of written texts: by hand, and against sacrebleu."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
import sacrebleu

from core.evaluation import generation

SAID = ["the cat sat on the mat today", "a dog, of course", "nothing alike"]
WANTED = ["the cat sat on a mat today", "a dog, of course", "something else entirely"]


def test_bleu_and_chrf_are_sacrebleus():
    assert generation.bleu(SAID, WANTED) == sacrebleu.corpus_bleu(SAID, [WANTED]).score
    assert generation.chrf(SAID, WANTED) == sacrebleu.corpus_chrf(SAID, [WANTED]).score
    chinese, other = ["我喜欢吃苹果。今天天气很好"], ["我爱吃苹果。今天天气很好"]
    assert generation.bleu(chinese, other, "zh") == sacrebleu.corpus_bleu(chinese, [other], tokenize="zh").score
    assert generation.bleu(chinese, other, "zh") > 50 > generation.bleu(chinese, other, "13a")
    assert "tok:zh" in generation.signature("zh") and "tok:13a" in generation.signature()


def test_bleu_by_hand():
    said, wanted = ["a b c d e f"], ["a b c d x f"]
    # 1-grams 5/6, 2-grams 3/5, 3-grams 2/4, 4-grams 1/3; equal length, so no brevity penalty
    assert generation.bleu(said, wanted) == pytest.approx(100 * (5 / 6 * 3 / 5 * 2 / 4 * 1 / 3) ** 0.25)


@pytest.mark.parametrize("chinese", [False, True])
def test_a_draw_summed_from_counts_is_what_scoring_its_texts_gives(chinese: bool):
    dice = random.Random(5)
    words = "我 很 喜 欢 吃 苹 果 天".split() if chinese else "the cat sat on a mat today".split()
    gap = "" if chinese else " "
    wanted = [gap.join(dice.choices(words, k=dice.randint(1, 9))) for _ in range(40)]
    said = [text if dice.random() < 0.3 else gap.join(dice.choices(words, k=dice.randint(0, 9))) for text in wanted]
    chance = np.random.default_rng(1)
    for measure in ("bleu", "chrf"):
        value = generation.redrawn(measure, said, wanted)
        for size in (1, 40, 100):
            places = chance.integers(0, 40, size)
            slow = generation.scores([said[i] for i in places], [wanted[i] for i in places], "zh" if chinese else "en")
            assert value(places) == pytest.approx(slow[measure], abs=1e-9)


def test_the_interval_of_written_texts_is_that_of_scoring_every_draw(monkeypatch: pytest.MonkeyPatch):
    from core.evaluation import chance
    from core.evaluation.chance import interval
    from core.tasks import task
    from core.tasks.base import Labels, Text
    from core.tasks.usual import Usual

    monkeypatch.setattr(chance, "PATIENCE", math.inf)  # on a busy machine the slow way would draw less often
    for name, measure in (("text2text", "bleu"), ("chat", "perplexity"), ("language", "token_accuracy")):
        rows = [{"label": text} for text in WANTED * 8]
        said = [Text(text, nll=i + 1.0, tokens=i % 5, right=i % 3) for i, text in enumerate(SAID * 8)]
        quick = interval(task(name), measure, rows, said, Labels((), ()))
        with monkeypatch.context() as slow:
            slow.setattr(type(task(name)), "redrawn", Usual.redrawn)
            assert interval(task(name), measure, rows, said, Labels((), ())) == pytest.approx(quick)


def test_words_follow_the_language():
    assert generation.tokenizer_for("zh-CN") == "zh"
    assert generation.tokenizer_for("de") == generation.tokenizer_for("en_GB") == "13a"
    assert generation.tokenizer_for("ja") == "char"
    assert generation.tokenizer_of(["今天天气很好，我们去公园吧。"]) == "zh"
    assert generation.tokenizer_of(["今日はとても天気がいいですね。"]) == "char"
    assert generation.tokenizer_of(["วันนี้อากาศดีมาก"]) == "char"
    assert generation.tokenizer_of(["The weather is fine. 好"]) == generation.tokenizer_of(["오늘 날씨"]) == "13a"
    assert generation.tokenizer_of([]) == "13a"


def test_rouge_by_hand():
    # said: police kill the gunman; wanted: police killed the gunman (Lin 2004's example)
    found = generation.rouge(["police kill the gunman"], ["police killed the gunman"])
    assert found == pytest.approx({"rouge1": 3 / 4, "rouge2": 1 / 3, "rougeL": 3 / 4})
    turned = generation.rouge(["the gunman kill police"], ["police killed the gunman"])
    assert turned == pytest.approx({"rouge1": 3 / 4, "rouge2": 1 / 3, "rougeL": 2 / 4})
    uneven = generation.rouge(["The cat!"], ["the cat sat down"])  # recall 1/2, precision 1
    assert uneven == pytest.approx({"rouge1": 2 / 3, "rouge2": 1 / 2, "rougeL": 2 / 3})


def test_a_word_said_too_often_counts_as_often_as_it_was_wanted():
    assert generation.rouge(["the the the the"], ["the cat"])["rouge1"] == pytest.approx(2 * 1 / (4 + 2))


def test_characters_are_words_where_no_spaces_stand():
    assert generation.words_of("我用Python 3写代码。Über!") == ["我", "用", "python", "3", "写", "代", "码", "über"]
    found = generation.rouge(["我爱北京"], ["我爱上海"])
    assert found == pytest.approx({"rouge1": 2 / 4, "rouge2": 1 / 3, "rougeL": 2 / 4})


def test_nothing_said_scores_nought():
    assert set(generation.rouge([""], ["a word"]).values()) == {0.0}
    assert set(generation.rouge([""], [""]).values()) == {0.0}
    assert generation.rouge([], []) == {"rouge1": 0, "rouge2": 0, "rougeL": 0}
    assert generation.scores([], []) == {}


def test_the_common_subsequence_is_that_of_the_plain_table():
    def plain(a: list[str], b: list[str]) -> int:
        row = [0] * (len(b) + 1)
        for x in a:
            above = row[:]
            for j, y in enumerate(b):
                row[j + 1] = above[j] + 1 if x == y else max(above[j + 1], row[j])
        return row[-1]

    dice = random.Random(4)
    for _ in range(200):
        a, b = (dice.choices("abcde", k=dice.randint(0, 90)) for _ in range(2))
        assert generation.common_subsequence(a, b) == plain(a, b)


def test_other_figures_by_hand():
    assert generation.length_ratio(["a b c", "d"], ["a b", "d e f"]) == 4 / 5
    assert generation.exact_match(["a  b ", "c", "D"], ["a b", "x", "d"]) == pytest.approx(1 / 3)
    assert generation.perplexity(2 * math.log(50), 2) == pytest.approx(50)
    assert generation.perplexity(0.0, 0) is None and generation.perplexity(1e6, 1) == math.inf
    assert generation.bits_a_character(3 * math.log(2), 6) == pytest.approx(0.5)


def test_all_figures_together():
    found = generation.scores(SAID, WANTED)
    assert found["bleu"] == generation.bleu(SAID, WANTED)
    assert set(found) == {"bleu", "chrf", "rouge1", "rouge2", "rougeL", "length_ratio", "exact_match"}
    assert found["exact_match"] == pytest.approx(1 / 3)


def test_a_perfect_answer_has_full_marks():
    found = generation.scores(WANTED, WANTED, "en")
    assert found["bleu"] == pytest.approx(100) and found["chrf"] == pytest.approx(100)
    assert all(
        found[name] == pytest.approx(1) for name in ("rouge1", "rouge2", "rougeL", "length_ratio", "exact_match")
    )
