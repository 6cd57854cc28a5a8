"""What was clicked, in the forms people bring, becomes {candidate: grade}."""

from __future__ import annotations

import json
from typing import Any

import pytest

from core.data.choices import options
from core.data.relevance import checked
from core.data.values import decode, encode, kind

SHOWN = ["red shoe", "blue hat", "green bag"]
RELEVANCE = kind("relevance")


def told(*cells: str, shown: list[str] = SHOWN) -> list[Any]:
    assert RELEVANCE.read_all is not None
    rows = [{"label": cell} for cell in cells]
    return RELEVANCE.read_all(rows, {"choices": [{"choices": json.dumps(shown)}] * len(rows)})


@pytest.mark.parametrize(
    ("cell", "right"),
    [
        ("blue hat", {"blue hat": 1}),
        ("Blue  hat", {"blue hat": 1}),
        ("red shoe|green bag", {"red shoe": 1, "green bag": 1}),
        ("red shoe, green bag", {"red shoe": 1, "green bag": 1}),
        ('["green bag"]', {"green bag": 1}),
        ("['red shoe', 'green bag']", {"red shoe": 1, "green bag": 1}),
        ("[0, 1, 0]", {"blue hat": 1}),
        ("[3, 0, 1]", {"red shoe": 3, "green bag": 1}),
        ('{"blue hat": 2, "green bag": 0}', {"blue hat": 2}),
        ("[0, 0, 0]", None),
        ("purple coat", None),
        ("", None),
    ],
)
def test_cells_in_any_form(cell: str, right: dict[str, float] | None):
    assert told(cell) == [right]


def test_letters_and_numbers_are_told_as_those_of_options_are():
    assert told("A, C", "B") == [{"red shoe": 1, "green bag": 1}, {"blue hat": 1}]
    assert told("0", "0;2", "1") == [{"red shoe": 1}, {"red shoe": 1, "green bag": 1}, {"blue hat": 1}]
    assert told("[1]", "[2, 3]") == [{"red shoe": 1}, {"blue hat": 1, "green bag": 1}]


def test_names_of_their_own_are_known():
    given = {"choices": json.dumps([{"id": "n1", "text": "red shoe"}, {"id": "n2", "text": "blue hat"}])}
    assert RELEVANCE.read_all is not None
    assert RELEVANCE.read_all([{"label": '["n2"]'}], {"choices": [given]}) == [{"blue hat": 1}]
    assert RELEVANCE.read_all([{"label": '{"n1": 2}'}], {"choices": [given]}) == [{"red shoe": 2}]


def test_a_hundred_candidates_fit_in_a_cell():
    shown = [f"shoe {i}" for i in range(100)]
    assert len(options([json.dumps(shown)]).texts) == 100
    assert told(json.dumps([0] * 99 + [1]), shown=shown) == [{"shoe 99": 1}]


def test_answers_of_a_page_are_checked_and_come_back_from_a_file():
    assert checked("blue hat") == checked(["blue hat"]) == {"blue hat": 1.0}
    assert checked({"blue hat": 2}) == {"blue hat": 2.0}
    for wrong in (3, {}, {"blue hat": 0}, {"blue hat": "x"}, None, [], [1]):
        with pytest.raises((ValueError, TypeError)):
            checked(wrong)
    value = {"blue hat": 2.0, "green bag": 1.0}
    assert decode("relevance", encode("relevance", value)) == value
    assert RELEVANCE.shown(value, {}) == "blue hat (2) | green bag"
    assert RELEVANCE.renamed("blue hat", {}) == {"blue hat": 1.0}  # answered while the task was to choose one
    assert kind("option").renamed(value, {}) == "blue hat"
