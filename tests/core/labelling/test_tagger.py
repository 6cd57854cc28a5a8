"""The light tagger: its chain against every way there is, its gradient against small steps, and what it learns from real sentences."""

from __future__ import annotations

import itertools
import time
from pathlib import Path

import numpy as np
import pytest

from core.data import conll
from core.labelling import chain, cues, tagger
from core.tasks.span_counts import exact

LABELS = ["LOC", "MISC", "ORG", "PER"]


def sentences(file: Path) -> list:
    text = file.read_text(encoding="utf-8")
    return list(conll.rows(text.splitlines(), conll.layout(text[:20_000])))


@pytest.fixture(scope="module")
def news(data_dir: Path) -> list:
    return sentences(data_dir / "conll2003" / "train.txt")


@pytest.fixture(scope="module")
def learnt(news: list) -> tagger.Tagger:
    some = news[:1000]
    return tagger.fit([text for text, _ in some], [spans for _, spans in some], LABELS)


# --- the chain, against every way there is ---


def every_way(scores: np.ndarray, transitions: np.ndarray) -> dict[tuple[int, ...], float]:
    """The weight of each sequence of tags that the grammar allows, for one text."""
    follows, opening, closed = chain.grammar((scores.shape[1] - 1) // 4)
    found = {}
    for way in itertools.product(range(scores.shape[1]), repeat=len(scores)):
        if not opening[way[0]] or not closed[way[-1]] or any(not follows[a, b] for a, b in itertools.pairwise(way)):
            continue
        score = sum(scores[t, tag] for t, tag in enumerate(way)) + sum(
            transitions[a, b] for a, b in itertools.pairwise(way)
        )
        found[way] = float(np.exp(score))
    return found


@pytest.fixture
def some_texts() -> tuple[list[np.ndarray], np.ndarray, chain.Packing]:
    """Three texts of chance, of one label; in the order of the data, not of their length."""
    chance = np.random.default_rng(4)
    scores = [chance.normal(0, 2, (n, 5)) for n in (2, 5, 1)]
    return scores, chance.normal(0, 1, (5, 5)), chain.Packing.of(np.array([2, 5, 1]))


def test_the_likeliest_tags_are_those_that_trying_every_way_finds(some_texts):
    scores, transitions, packing = some_texts
    found = np.empty(8, np.int64)
    found[packing.rows] = chain.best(np.concatenate(scores)[packing.rows], transitions, packing)
    expected = [max(ways, key=ways.get) for ways in (every_way(one, transitions) for one in scores)]
    assert found.tolist() == [tag for way in expected for tag in way]


def test_the_probability_of_each_tag_is_the_share_of_all_ways_that_hold_it(some_texts):
    scores, transitions, packing = some_texts
    passed = chain.passes(np.concatenate(scores)[packing.rows], transitions, packing)
    found = np.empty((8, 5))
    found[packing.rows] = passed.probabilities
    expected, pairs = [], np.zeros((5, 5))
    for one in scores:
        ways = every_way(one, transitions)
        total = sum(ways.values())
        for t in range(len(one)):
            expected.append([sum(w for way, w in ways.items() if way[t] == tag) / total for tag in range(5)])
        for way, weight in ways.items():
            for a, b in itertools.pairwise(way):
                pairs[a, b] += weight / total
    assert found == pytest.approx(np.array(expected), abs=1e-9)
    assert passed.pairs == pytest.approx(pairs, abs=1e-9)


def test_the_probability_of_a_mark_is_the_share_of_all_ways_that_hold_it_whole(some_texts):
    scores, transitions, packing = some_texts
    passed = chain.passes(np.concatenate(scores)[packing.rows], transitions, packing)
    tags = np.array([1, 3, 0, 1, 2, 3, 0, 4])  # places 0 to 1 of the first text, 1 to 3 of the second, all of the third
    found = chain.of_stretches(passed, tags, np.array([0, 3, 7]), np.array([1, 5, 7]))
    second, third = every_way(scores[1], transitions), every_way(scores[2], transitions)
    first = every_way(scores[0], transitions)
    assert found[0] == pytest.approx(first[1, 3] / sum(first.values()))
    assert found[1] == pytest.approx(
        sum(w for way, w in second.items() if way[1:4] == (1, 2, 3)) / sum(second.values())
    )
    assert found[2] == pytest.approx(third[4,] / sum(third.values()))


def test_no_texts_and_texts_without_words_are_no_trouble(learnt: tagger.Tagger):
    assert learnt.predict([]) == []
    empty, full = learnt.predict(["   ", "London"])
    assert empty.spans == [] and (empty.mean, empty.highest, empty.disorder) == (0.0, 0.0, 0.0)
    assert len(full.places) == 1


# --- tokens ---


def test_words_signs_and_characters_of_scripts_without_spaces_are_tokens_of_their_own():
    found = cues.tokens(["U.S. won 2-1 in 北京 today", "我在北京"])
    told = ["U.S. won 2-1 in 北京 today"[a:z] for a, z in found.places[:12].tolist()]
    assert told == ["U", ".", "S", ".", "won", "2", "-", "1", "in", "北", "京", "today"]
    assert found.lengths.tolist() == [12, 4]


def test_the_same_word_has_the_same_cues_wherever_the_same_words_stand_around_it():
    found = cues.tokens(["the red London bus often came", "the red London bus often went"])
    told = cues.cues(found, np.zeros(12, np.uint64))
    assert (told[2] == told[8]).all()  # "London": two words either side are the same
    assert (told[4] != told[10]).any()  # "often": what follows differs


# --- what it learns ---


def test_a_thousand_sentences_are_enough_for_two_thirds_of_the_names_and_cost_about_a_second(
    news: list, data_dir: Path
):
    some, test = news[:1000], sentences(data_dir / "conll2003" / "test.txt")[:1000]
    began = time.perf_counter()
    found = tagger.fit([text for text, _ in some], [spans for _, spans in some], LABELS)
    seconds = time.perf_counter() - began
    answers = found.predict([text for text, _ in test])
    assert exact([spans for _, spans in test], [one.spans for one in answers]).micro[2] > 0.6
    assert seconds < 6  # 0.6 on an idle core; a busy machine is no fault


def test_a_mark_that_is_surer_is_right_more_often(learnt: tagger.Tagger, news: list):
    unseen = news[2000:3000]
    right: list[tuple[float, bool]] = []
    for (_, gold), answer in zip(unseen, learnt.predict([text for text, _ in unseen]), strict=True):
        there = {(s["start"], s["end"], s["label"]) for s in gold}
        right += [(s["p"], (s["start"], s["end"], s["label"]) in there) for s in answer.spans]
    sure = [good for p, good in right if p > 0.9]
    doubtful = [good for p, good in right if p < 0.6]
    assert np.mean(sure) > 0.85 > 0.6 > np.mean(doubtful)


def test_texts_it_is_unsure_of_are_those_it_gets_wrong(learnt: tagger.Tagger, news: list):
    unseen = news[2000:3000]
    answers = learnt.predict([text for text, _ in unseen])
    wrong = np.array([
        {(s["start"], s["end"], s["label"]) for s in gold} != {(s["start"], s["end"], s["label"]) for s in one.spans}
        for (_, gold), one in zip(unseen, answers, strict=True)
    ])  # fmt: skip
    for measure in ([one.highest for one in answers], [one.mean for one in answers], [one.disorder for one in answers]):
        order = np.argsort(-np.array(measure))
        assert wrong[order[:200]].mean() > 2 * wrong[order[-200:]].mean()


def test_the_same_texts_give_the_same_tagger(news: list, learnt: tagger.Tagger):
    some = news[:1000]
    again = tagger.fit([text for text, _ in some], [spans for _, spans in some], LABELS)
    assert (again.weights == learnt.weights).all() and (again.transitions == learnt.transitions).all()


def test_going_on_from_before_learns_what_is_new_and_forgets_nothing(news: list, learnt: tagger.Tagger):
    more = [*news[:1000], *[("Zyxwv sang in Qqqville .", [{"start": 0, "end": 5, "label": "PER"}])] * 8]
    after = tagger.fit([text for text, _ in more], [spans for _, spans in more], LABELS, before=learnt)
    assert [(s["start"], s["end"], s["label"]) for s in after.predict(["Zyxwv sang ."])[0].spans] == [(0, 5, "PER")]
    assert after.predict(["He lives in Germany ."])[0].spans[0]["label"] == "LOC"


def test_of_overlapping_marks_the_longest_is_learnt():
    text = "University of York"
    spans = [{"start": 0, "end": 18, "label": "ORG"}, {"start": 14, "end": 18, "label": "LOC"}]
    found = tagger.fit([text] * 6, [spans] * 6, ["LOC", "ORG"]).predict([text])[0]
    assert [(s["start"], s["end"], s["label"]) for s in found.spans] == [(0, 18, "ORG")]


def test_marks_of_chinese_texts_are_learnt_by_characters():
    texts = [f"我住在{city}很久了" for city in ("北京", "上海", "广州", "杭州", "南京")] * 3
    spans = [[{"start": 3, "end": 5, "label": "地点"}]] * len(texts)
    found = tagger.fit(texts, spans, ["地点"]).predict(["他住在苏州很久了"])[0]
    assert [(s["start"], s["end"]) for s in found.spans] == [(3, 5)]


def test_the_shares_of_the_labels_of_a_token_add_up_to_one(learnt: tagger.Tagger):
    [(places, shares)] = learnt.shares(["Peter lives in London ."])
    assert shares.shape == (5, 5) and shares.sum(axis=1) == pytest.approx(1.0)
    assert places.tolist()[3] == [15, 21] and shares[3].argmax() == 1  # LOC is the first label
