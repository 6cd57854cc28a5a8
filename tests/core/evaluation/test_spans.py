"""Figures of spans against tables worked out by hand, and the strict ones against the CoNLL scorer's definition."""

from __future__ import annotations

import json
import random

import pytest

from core.data.spans import span
from core.evaluation.spans import figures
from core.tasks.span_counts import exact

Rows = list[list[dict[str, object]]]


def marked(*spans: tuple[int, int, str]) -> list[dict[str, object]]:
    return [span(*one) for one in spans]


GOLD: Rows = [
    marked((0, 5, "PER"), (10, 16, "LOC")),  # both right
    marked((0, 12, "ORG"), (20, 25, "PER")),  # type; too long
    marked((3, 15, "LOC"), (30, 40, "ORG")),  # too short; shifted
    marked((0, 4, "MISC"), (8, 12, "PER")),  # type and place; missed
    marked(),  # invented
]
SAID: Rows = [
    marked((0, 5, "PER"), (10, 16, "LOC")),
    marked((0, 12, "LOC"), (18, 25, "PER")),
    marked((3, 8, "LOC"), (35, 44, "ORG")),
    marked((2, 6, "PER")),
    marked((0, 3, "LOC")),
]


def test_strict_figures_are_those_worked_out_by_hand() -> None:
    strict = figures(GOLD, SAID).strict
    # 2 right of 8 said and 8 there
    assert (strict.micro.precision, strict.micro.recall, strict.micro.f1) == (2 / 8, 2 / 8, 2 / 8)
    assert (strict.micro.said, strict.micro.support) == (8, 8)
    # label: right, said, there. PER 1 3 3, LOC 1 4 2, ORG 0 1 2, MISC 0 0 1
    per, loc, org, misc = (strict.labels[name] for name in ("PER", "LOC", "ORG", "MISC"))
    assert (per.precision, per.recall, per.f1) == (1 / 3, 1 / 3, 2 / 6)
    assert (loc.precision, loc.recall, loc.f1) == (1 / 4, 1 / 2, 2 / 6)
    assert (org.precision, org.recall, org.f1) == (0, 0, 0)
    assert (misc.precision, misc.recall, misc.f1) == (None, 0, 0)
    assert strict.macro.f1 == pytest.approx((2 / 6 + 2 / 6) / 4)


def test_partial_figures_are_those_worked_out_by_hand() -> None:
    partial = figures(GOLD, SAID).partial
    # PER: 2 of 3 and 3. LOC: 2 of 4 said, 2 there. ORG: 1 of 1 said, 2 there. MISC: none
    assert (partial.labels["PER"].precision, partial.labels["PER"].recall) == (2 / 3, 2 / 3)
    assert (partial.labels["LOC"].precision, partial.labels["LOC"].recall) == (2 / 4, 1)
    assert (partial.labels["ORG"].precision, partial.labels["ORG"].recall) == (1, 1 / 2)
    assert partial.micro.f1 == 2 * 5 / 16


def test_the_confusion_of_types_has_a_row_for_the_invented_and_a_column_for_the_missed() -> None:
    names = ["PER", "LOC", "ORG", "MISC"]
    found = figures(GOLD, SAID, names)
    assert found.names == tuple(names)
    assert found.matrix == [
        # PER LOC ORG MISC missed
        [1, 0, 0, 0, 2],
        [0, 1, 0, 0, 1],
        [0, 1, 0, 0, 1],
        [0, 0, 0, 0, 1],
        [2, 2, 1, 0, 0],  # invented
    ]


def test_each_kind_of_mistake_is_counted_once() -> None:
    found = figures(GOLD, SAID)
    assert found.mistakes == {
        "type": 1,
        "too_long": 1,
        "too_short": 1,
        "shifted": 1,
        "type_and_place": 1,
        "missed": 1,
        "invented": 1,
    }
    assert (found.rows, found.rows_right) == (5, 1)


@pytest.mark.parametrize(
    ("gold", "said", "kind"),
    [
        ((2, 6, "A"), (2, 9, "A"), "too_long"),
        ((2, 6, "A"), (0, 9, "A"), "too_long"),
        ((2, 6, "A"), (2, 4, "A"), "too_short"),
        ((2, 6, "A"), (3, 5, "A"), "too_short"),
        ((2, 6, "A"), (4, 8, "A"), "shifted"),
        ((2, 6, "A"), (0, 3, "A"), "shifted"),
        ((2, 6, "A"), (2, 6, "B"), "type"),
        ((2, 6, "A"), (5, 9, "B"), "type_and_place"),
    ],
)
def test_a_mistake_has_its_kind(gold: tuple[int, int, str], said: tuple[int, int, str], kind: str) -> None:
    mistakes = figures([marked(gold)], [marked(said)]).mistakes
    assert {name for name, n in mistakes.items() if n} == {kind}


def test_spans_that_only_touch_are_missed_and_invented() -> None:
    mistakes = figures([marked((0, 4, "A"))], [marked((4, 8, "A"))]).mistakes
    assert (mistakes["missed"], mistakes["invented"]) == (1, 1)


def test_one_long_prediction_explains_one_of_two_entities() -> None:
    found = figures([marked((0, 4, "A"), (5, 15, "A"))], [marked((0, 15, "A"))])
    assert (found.partial.micro.precision, found.partial.micro.recall) == (1, 1 / 2)
    assert (found.mistakes["too_long"], found.mistakes["missed"]) == (1, 1)


def test_the_same_span_said_twice_counts_once() -> None:
    assert figures([marked((0, 4, "A"))], [marked((0, 4, "A"), (0, 4, "A"))]).strict.micro.precision == 1


def test_two_types_at_one_place_are_both_right() -> None:
    both = marked((0, 4, "A"), (0, 4, "B"))
    found = figures([both], [both])
    assert found.strict.micro.f1 == 1
    assert found.matrix == [[1, 0, 0], [0, 1, 0], [0, 0, 0]]


def test_nothing_there_and_nothing_said_has_no_figures() -> None:
    found = figures([[], []], [[], []])
    assert found.strict.micro.f1 is None
    assert found.strict.macro.f1 is None
    assert found.rows_right == 2
    assert exact([[]], [[]]).micro == (0, 0, 0)


def test_figures_of_random_spans_add_up() -> None:
    chance = random.Random(7)

    def some() -> list[dict[str, object]]:
        starts = [chance.randrange(60) for _ in range(chance.randrange(6))]
        return marked(*((s, s + chance.randrange(1, 12), chance.choice("ABC")) for s in starts))

    gold, said = [some() for _ in range(200)], [some() for _ in range(200)]
    found = figures(gold, said, "ABC")
    counts = exact(gold, said)
    wrong = sum(n for kind, n in found.mistakes.items() if kind != "invented")
    explained = wrong - found.mistakes["missed"]
    assert counts.right.total() + wrong == counts.there.total() == found.strict.micro.support
    assert counts.right.total() + explained + found.mistakes["invented"] == counts.said.total()
    assert [sum(row) for row in found.matrix[:3]] == [counts.there[name] for name in "ABC"]
    assert [sum(row[i] for row in found.matrix) for i in range(3)] == [counts.said[name] for name in "ABC"]
    assert [found.matrix[i][i] for i in range(3)] == [counts.right[name] for name in "ABC"]
    assert (found.partial.micro.f1 or 0) > (found.strict.micro.f1 or 0)
    assert json.loads(json.dumps(found.as_json())) == found.as_json()


def test_strict_f1_is_that_of_the_conll_scorer() -> None:
    """Its README's kind of example: chunks of tags, counted by hand. Gold: [0-1 PER] [3 LOC] [5-6 ORG]; said: [0-1 PER] [3 ORG] [5 ORG]."""
    counts = exact(
        [marked((0, 2, "PER"), (3, 4, "LOC"), (5, 7, "ORG"))], [marked((0, 2, "PER"), (3, 4, "ORG"), (5, 6, "ORG"))]
    )
    assert counts.micro == pytest.approx((1 / 3, 1 / 3, 1 / 3))
    assert counts.f1("PER") == 1
    assert counts.f1("ORG") == 0
