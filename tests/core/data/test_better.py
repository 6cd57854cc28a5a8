"""Which of two answers is better, in the ways people write it."""

from __future__ import annotations

import pytest

from core.data.better import are_twins, learnt, read_all

A, B = {"response_a": "yes"}, {"response_b": "no"}


@pytest.mark.parametrize(
    ("told", "meant"),
    [
        (["1", "2", "0"], ["1", "2", "same"]),
        (["0", "1", "1"], ["1", "2", "2"]),  # counted from nought
        (["A", "b", "tie"], ["1", "2", "same"]),
        (["left", "right", ""], ["1", "2", None]),
        (["response_b", "Response_A", "both"], ["2", "1", "same"]),
        (["no", "yes", "perhaps"], ["2", "1", None]),  # the answers' own words
        (["model_a", "model_b", "tie (bothbad)"], ["1", "2", "same"]),
        (["甲", "乙", "一样"], ["1", "2", "same"]),
        (["1.0", "2.0", "1.0"], ["1", "2", "1"]),
    ],
)
def test_a_column_says_it_in_many_ways(told: list[str], meant: list[str | None]):
    rows = [{"winner": cell} for cell in told]
    assert read_all(rows, {"chosen": [A] * 3, "rejected": [B] * 3}) == meant


def test_columns_called_chosen_and_rejected_say_it_themselves_and_twins_say_nothing():
    assert read_all([{}], {"chosen": [{"chosen": "x"}], "rejected": [{"rejected": "y"}]}) == ["1"]
    assert read_all([{}], {"chosen": [A], "rejected": [B]}) == [None]
    assert are_twins({"Answer 1": ""}, {"Answer 2": ""}) and not are_twins({"good": ""}, {"bad": ""})


def test_a_run_learns_the_better_one_and_nothing_where_there_is_no_difference():
    row = {"messages": "?", "chosen": "x", "rejected": "y"}
    assert learnt("1", row) == row
    assert learnt("2", row) == {"messages": "?", "chosen": "y", "rejected": "x"}
    assert learnt("same", row) is None
