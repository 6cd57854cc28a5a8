"""What a dictionary of marked expressions says, on texts small enough to see it."""

from __future__ import annotations

from core.data.spans import span
from core.tasks.span_lookup import Lookup, pieces

TRAIN = [
    ("Ada met New York fans in York", [span(0, 3, "PER"), span(8, 16, "LOC"), span(25, 29, "LOC")]),
    ("the turkey flew to Turkey", [span(19, 25, "LOC")]),
    ("May may come in May", [span(0, 3, "PER")]),
    ("May went home in May", []),
]


def said(text: str) -> list[tuple[str, str]]:
    return [(text[s["start"] : s["end"]], s["label"]) for s in Lookup.learn(TRAIN).spans(text)]


def test_known_expressions_are_marked_again_the_longest_first():
    assert said("from New  York to York with Ada.") == [("New  York", "LOC"), ("York", "LOC"), ("Ada", "PER")]


def test_letters_count_as_they_are_written():
    assert said("a turkey in Turkey") == [("Turkey", "LOC")]


def test_what_was_mostly_not_marked_is_not_marked():
    assert said("in May") == []


def test_texts_without_spaces_are_cut_into_characters():
    lookup = Lookup.learn([("张伟住在北京", [span(0, 2, "PER"), span(4, 6, "LOC")])])
    assert [(s["start"], s["end"], s["label"]) for s in lookup.spans("我在北京")] == [(2, 4, "LOC")]
    assert [word for _, _, word in pieces("北京 2024 ok")] == ["北", "京", "2024", "ok"]


def test_nothing_learnt_says_nothing():
    assert Lookup.learn([]).spans("Ada") == []
