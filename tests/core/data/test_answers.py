"""Answers as people bring them stand in their context afterwards, or it is said why not."""

from __future__ import annotations

import json

import pytest

from core.data.answers import Mended, columns_of, parse
from core.data.places import nearest, places

CONTEXT = "In 1998 😀 the US team met in Paris. The U S Team lost in 1998 in  New\nYork; know that no one won. 他住在北京大学，北京很大。"


def place(text: str, nth: int = 0) -> int:
    at = -1
    for _ in range(nth + 1):
        at = CONTEXT.index(text, at + 1)
    return at


PARIS = [{"text": "Paris", "start": place("Paris")}]


@pytest.mark.parametrize(
    "cell",
    [
        "Paris",
        "  Paris ",
        json.dumps(PARIS),
        json.dumps(PARIS[0]),
        json.dumps(["Paris"]),
        json.dumps({"text": ["Paris"], "answer_start": [place("Paris")]}),
        json.dumps({"text": ["Paris"], "answer_start": [str(place("Paris"))]}),
        json.dumps({"text": "Paris", "answer_start": place("Paris")}),
        json.dumps([{"text": "Paris", "answer_start": place("Paris")}] * 3),
        f"{{'text': ['Paris'], 'answer_start': [{place('Paris')}]}}",  # as pandas writes a dict
        f"{{'text': array(['Paris'], dtype=object), 'answer_start': array([{place('Paris')}], dtype=int32)}}",
    ],
)
def test_an_answer_is_read_in_every_form(cell: str) -> None:
    mended = Mended()
    assert parse({"answers": cell}, CONTEXT, mended) == parse(cell, CONTEXT) == PARIS
    assert mended.messages() == ()


@pytest.mark.parametrize("cell", ["", "   ", "[]", '{"text": [], "answer_start": []}', '[{"text": "", "start": 0}]', '""'])  # fmt: skip
def test_nothing_written_means_no_answer(cell: str) -> None:
    mended = Mended()
    found = parse({"answers": cell}, CONTEXT, mended)
    assert (found == []) is (cell != '""')  # a cell with two quotation marks is something odd that stands nowhere
    assert bool(mended.messages()) is (cell == '""')


def test_a_start_beside_the_text_picks_the_place() -> None:
    second = place("1998", 1)
    assert parse({"answer": "1998", "answer_start": str(second)}, CONTEXT) == [{"text": "1998", "start": second}]
    assert parse({"answer": "1998", "answer_start": ""}, CONTEXT) == [{"text": "1998", "start": place("1998")}]
    assert parse({"start": f"{second}.0", "text": "1998"}, CONTEXT) == [{"text": "1998", "start": second}]
    both = parse({"answers": '["1998", "Paris"]', "answer_start": f"[{second}, {place('Paris')}]"}, CONTEXT)
    assert both == [{"text": "1998", "start": second}, *PARIS]


def test_a_wrong_start_is_mended_to_the_nearest_place_and_told() -> None:
    mended = Mended()
    second = place("1998", 1)
    assert parse({"answer": "1998", "start": str(second + 3)}, CONTEXT, mended) == [{"text": "1998", "start": second}]
    assert parse('[{"text": "1998", "start": 0}]', CONTEXT, mended) == [{"text": "1998", "start": place("1998")}]
    assert parse('[{"text": "Paris", "start": -4}]', CONTEXT, mended) == PARIS
    assert mended.moved == 3
    assert [str(m) for m in mended.messages()] == [
        "3 answers stand elsewhere than their starts say, and were put right. The first is “1998”."
    ]


@pytest.mark.parametrize(
    ("given", "stands"),
    [
        ("paris", "Paris"),
        ("New York", "New\nYork"),
        ("U  S  TEAM", "U S Team"),
        ("Ｐａｒｉｓ", "Paris"),  # full width
        ("北京 大学", "北京大学"),
    ],
)
def test_case_width_and_white_space_may_differ(given: str, stands: str) -> None:
    mended = Mended()
    assert parse(given, CONTEXT, mended) == [{"text": stands, "start": place(stands)}]
    assert mended.reworded == 1
    assert "written a little differently" in str(mended.messages()[0])


def test_whole_words_come_before_parts_of_words() -> None:
    assert parse("no", CONTEXT) == [{"text": "no", "start": CONTEXT.index("no one")}]  # and not in "know"
    assert parse("US", CONTEXT) == [{"text": "US", "start": place("US")}]
    assert parse("ari", CONTEXT) == [{"text": "ari", "start": place("ari")}]  # better than nothing
    assert parse("北京", CONTEXT) == [{"text": "北京", "start": place("北京")}]


def test_an_answer_that_stands_nowhere_is_told_in_a_plain_sentence() -> None:
    mended = Mended()
    assert parse("London", CONTEXT, mended) is None
    assert [str(m) for m in mended.messages()] == ["1 answer does not stand in its context: “London”."]
    assert parse('["London", "Paris"]', CONTEXT, mended) == PARIS
    assert str(mended.messages()[0]) == "2 answers do not stand in their context. The first is “London”."


@pytest.mark.parametrize("cell", ['[{"text": "Paris"', '{"text": 3}', "[1, 2]", '{"words": "Paris"}', "[[]]"])
def test_a_broken_structure_is_no_answer(cell: str) -> None:
    mended = Mended()
    assert parse(cell, CONTEXT, mended) is None
    assert mended.unreadable + mended.missing == 1
    assert mended.messages()


def test_brackets_may_be_words_of_the_context() -> None:
    context = 'As shown in [1] and {x}, and ["Paris"].'
    assert parse("[1]", context) == [{"text": "[1]", "start": 12}]
    assert parse("{x}", context) == [{"text": "{x}", "start": 20}]


def test_the_commonest_of_several_answers_comes_first_and_each_once() -> None:
    given = [{"text": "1998", "start": place("1998")}, *PARIS, *PARIS]
    assert parse(json.dumps(given), CONTEXT) == [*PARIS, given[0]]


def test_without_a_context_only_what_has_starts_of_its_own_is_an_answer() -> None:
    assert parse({"": json.dumps(PARIS)}, "") == PARIS
    assert parse({"": "Paris"}, "") is None
    assert parse({"": "a,b"}, "") is None


def test_columns_of_answers_and_starts_are_known_by_name() -> None:
    found = columns_of({"context": ["c"], "answer_text": ["x"], "answer_start": ["3"]})
    assert found is not None and found[0] == ["answer_text", "answer_start"]
    assert columns_of({"answers": ["[]"], "start": ["noon"]})[0] == ["answers"]  # type: ignore[index]
    assert columns_of({"text": ["x"]}) is None


def test_hostile_cells_end_quickly() -> None:
    for cell in ("[" * 100_000, "{'a':" * 20_000, '["' + "x" * 200_000 + '"]', "(" * 5_000, "['" + "\\" * 999 + "']"):
        parse(cell, CONTEXT)
    many = json.dumps(["1998"] * 5_000)
    assert parse(many, CONTEXT) == [{"text": "1998", "start": place("1998")}]


def test_places_are_found_within_bounds() -> None:
    assert places("aaa", "a")[0] == [(0, 1), (1, 2), (2, 3)]  # none is a whole word, so all of them
    assert places("", "a") == ([], True)
    assert places("text", " ") == ([], True)
    assert len(places("a " * 10_000, "a")[0]) <= 200
    assert nearest([(0, 1), (9, 10)], 7) == (9, 10)
    assert nearest([], 7) is None
    assert places("Maße ﬁnden", "MASSE FINDEN") == ([(0, 10)], False)  # one character may stand for two
