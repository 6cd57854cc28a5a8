"""Rules find whole words in every script, never hang, and what they guess changes no label."""

from __future__ import annotations

import csv
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from core.data import guesses
from core.data.dataset import Dataset
from core.data.shape import Part, Shape
from core.errors import DataError
from core.evaluation.metrics import wilson
from core.labelling import labelmodel, rules, suggesting
from core.labelling.rules import Rule


@pytest.fixture
def make(tmp_path: Path):
    """make([(text, label)]): a data set of these rows."""

    def made(rows: list[tuple[str, str]]) -> Dataset:
        file = tmp_path / "rows.csv"
        file.write_text("text,label\n" + "".join(f'"{text}",{label}\n' for text, label in rows), encoding="utf-8")
        data = Dataset.open(tmp_path / "data")
        data.add(file, "rows.csv")
        data.set_roles({"text": "text", "label": "label"})
        return data

    return made


def ids(data: Dataset) -> dict[str, int]:
    return {label.name: label.id for label in data.state.alive}


@pytest.mark.parametrize(
    ("word", "text", "stands"),
    [
        ("pin", "Change my PIN!", True),
        ("pin", "spinning pins", False),
        ("café", "Le café est bon", True),
        ("caf", "Le café est bon", False),
        ("счёт", "где мой СЧЁТ?", True),
        ("счёт", "счётчик", False),
        ("退款", "我想退款可以吗", True),
        ("money back", "my money   back please", True),
        ("c++", "I write C++, mostly", True),
        ("a.b", "axb", False),
        ("über", "ÜBER allem", True),
    ],
)
def test_words_are_whole_in_every_script_and_signs_mean_themselves(word: str, text: str, stands: bool):
    assert bool(rules.matching(pa.chunked_array([[text]]), rules.whole([word]))[0]) is stands


def test_a_rule_asks_for_any_all_and_none(make):
    data = make([("red car", "a"), ("red bike fast", "b"), ("blue bike", ""), ("red bike", "")])
    found = rules.rows(data.state, Rule(any=("red", "blue"), all=("bike",), none=("fast",)))
    assert found.tolist() == [2, 3]


@pytest.mark.parametrize("pattern", ["(a|a)*$", "(x+x+)+y", "(.*)*=", "((a{1,30}){1,30})b"])
def test_patterns_that_hang_other_engines_end_at_once(pattern: str):
    texts = pa.chunked_array([["a" * 400 + "!"] * 3000])
    since = time.monotonic()
    rules.matching(texts, pattern)
    assert time.monotonic() - since < 8


def test_what_is_no_pattern_and_what_looks_for_nothing_is_told(make):
    for told in ({"pattern": "(open"}, {"pattern": "a" * 501}, {"any": " , "}, {}, "words", {"pattern": "(?<=x)y"}):
        with pytest.raises(DataError):
            Rule.from_json(told)


ROWS = [
    *[(f"refund please {i}", "Refund") for i in range(8)],
    *[(f"refund for my card {i}", "Card") for i in range(2)],
    *[(f"my card is gone {i}", "Card") for i in range(6)],
    *[(f"refund now {i}", "") for i in range(4)],
    *[(f"card lost {i}", "") for i in range(3)],
    ("refund of the card", ""),
    ("something else", ""),
]


def test_a_rule_tells_what_it_covers_how_often_it_is_right_and_where_it_conflicts(make):
    data = make(ROWS)
    refund = rules.add(data, Rule(any=("refund",), label=ids(data)["Refund"]), "eva")
    card = rules.add(data, Rule(any=("card",), label=ids(data)["Card"]), "eva")
    first, second = rules.told(data)
    assert (first["covers"], first["labelled"], first["right"], first["open"], first["alone"]) == (15, 10, 8, 5, 4)
    assert (first["low"], first["high"]) == wilson(8, 10)
    assert first["conflicts"] == [{"rule": card, "rows": 3}] and second["conflicts"] == [{"rule": refund, "rows": 3}]
    assert first["accuracy"] == pytest.approx(0.8, abs=0.08) and second["accuracy"] > 0.9


def test_where_two_rules_differ_the_one_that_is_right_more_often_wins(make):
    data = make(ROWS)
    rules.add(data, Rule(any=("refund",), label=ids(data)["Refund"]), "eva")
    rules.add(data, Rule(any=("card",), label=ids(data)["Card"]), "eva")
    both = data.row(data.rows.id(23))
    assert both["text"] == "refund of the card" and both["guessed"]["label"] == "Card" and both["label"] is None
    assert data.row(data.rows.id(24))["guessed"] is None
    assert data.counts().guessed == 8


def test_guesses_follow_rules_labels_and_answers(make):
    data = make(ROWS)
    rule = rules.add(data, Rule(any=("refund",), label=ids(data)["Refund"]), "eva")
    assert rules.add(data, Rule(any=("refund",), label=ids(data)["Refund"]), "ben") == rule
    sure = data.row(data.rows.id(16))["guessed"]["p"]
    wrong = [{"row": data.rows.id(place), "label": "Card", "seq": place, "client": "a"} for place in range(17, 20)]
    data.labels.put(wrong, "eva")
    rules.refresh(data)
    assert data.row(data.rows.id(16))["guessed"]["p"] < sure and data.counts().guessed == 2
    version = data.version
    rules.refresh(data)
    assert data.version == version, "nothing changed, so nothing is written"
    data.labels.delete(ids(data)["Refund"])
    rules.refresh(data)
    assert data.counts().guessed == 0 and rules.kept(data) == []


def test_words_that_tell_a_label_are_suggested_and_those_of_a_kept_rule_are_not(make):
    data = make([*ROWS, *[(f"refund once more {i}", "Refund") for i in range(8)]])
    found = suggesting.suggested(data.state, [])
    told = {one["any"][0]: one["label"] for one in found}
    assert told["refund"] == ids(data)["Refund"] and told["card"] == ids(data)["Card"] and "my" not in told
    refund = next(one for one in found if one["any"] == ["refund"])
    assert (refund["right"], refund["labelled"], refund["open"]) == (16, 18, 5)
    rule = Rule(any=("refund",), label=ids(data)["Refund"], id=1)
    assert "refund" not in {one["any"][0] for one in suggesting.suggested(data.state, [rule])}


def test_rules_of_several_labels_guess_each_by_itself(tmp_path: Path):
    file = tmp_path / "moods.csv"
    rows = [
        *[f"happy {i},joy" for i in range(6)],
        *[f"heart {i},love" for i in range(6)],
        "happy heart,",
        "heart,",
        "sad,",
    ]
    file.write_text("text,labels\n" + "\n".join(rows) + "\n")
    data = Dataset.open(tmp_path / "several")
    data.add(file, "moods.csv")
    data.set_shape(Shape("multilabel", (Part("text", "text"), Part("labels", "categories", target=True))))
    data.set_roles({"text": "text", "labels": "labels"})
    for word, label in (("happy", "joy"), ("heart", "love")):
        rules.add(data, Rule(any=(word,), label=ids(data)[label]), "eva")
    assert data.row(data.rows.id(12))["guessed"]["label"] == "joy, love"
    assert data.row(data.rows.id(13))["guessed"]["label"] == "love" and data.row(data.rows.id(14))["guessed"] is None


def test_on_real_sentiment_a_handful_of_words_guesses_at_least_as_well_as_their_majority(
    data_dir: Path, tmp_path: Path
):
    """SST-2: 200 labelled sentences, eight words of known leaning; the rest is guessed."""
    lines = (data_dir / "sst2" / "train.tsv").read_text(encoding="utf-8").splitlines()[1:4001]
    pairs = [line.rsplit("\t", 1) for line in lines]
    file = tmp_path / "sst.csv"
    with file.open("w", newline="", encoding="utf-8") as out:
        csv.writer(out).writerows([("text", "label"), *[(t, x if i < 200 else "") for i, (t, x) in enumerate(pairs)]])
    data = Dataset.open(tmp_path / "sst")
    data.add(file, "sst.csv")
    data.set_roles({"text": "text", "label": "label"})
    leaning = {"1": ["best", "funny", "love", "good"], "0": ["bad", "dull", "too", "no"]}
    for label, words in leaning.items():
        for word in words:
            rules.add(data, Rule(any=(word,), label=ids(data)[label]), "eva")
    state = data.state
    places = guesses.guessed(state)
    truth = [pairs[place][1] for place in places.tolist()]
    right = np.mean([guesses.value(state, place) == told for place, told in zip(places.tolist(), truth, strict=True)])
    asked = rules.votes(state, rules.kept(data))
    votes = labelmodel.majority(asked.fires, asked.says, 2)[np.isin(asked.covered, places)]
    at = np.array([[one.name for one in state.alive].index(told) for told in truth])
    by_majority = np.where(votes[:, 0] == votes[:, 1], 0.5, votes.argmax(axis=1) == at).mean()
    assert len(places) > 400 and right > 0.7 and right >= by_majority
