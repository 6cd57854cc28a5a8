"""The report's figures of extracted answers."""

from __future__ import annotations

import json

import pytest

from core.evaluation.reading_metrics import figures, outcome

GOLD = [{"text": "red dog", "start": 10}]


@pytest.mark.parametrize(
    ("gold", "said", "what"),
    [
        (GOLD, ("The red dog.", 6), "right"),
        (GOLD, ("red dog", 40), "right"),  # the words count, not the place
        (GOLD, ("big red dog", 6), "longer"),
        (GOLD, ("red", 10), "shorter"),
        (GOLD, ("dog runs", 14), "shifted"),
        (GOLD, ("cat", 30), "elsewhere"),
        (GOLD, ("", -1), "silent"),
        ([], ("cat", 30), "invented"),
        ([], ("", -1), "right"),
        ([{"text": "cat", "start": 90}, *GOLD], ("big red dog", 6), "longer"),  # of several the one that was met best
    ],
)
def test_each_mistake_has_its_name(gold: list[dict], said: tuple[str, int], what: str) -> None:
    assert outcome(gold, {"text": said[0], "start": said[1]}) == what


def test_questions_with_and_without_an_answer_are_told_apart() -> None:
    said = [{"text": "red dog", "start": 10}, {"text": "dog", "start": 14}, {"text": "", "start": -1}]
    found = figures([GOLD, GOLD, []], said)
    assert (found.questions, found.exact_match) == (3, pytest.approx(2 / 3))
    assert found.f1 == pytest.approx((1 + 2 / 3 + 1) / 3)
    assert found.answer == {"questions": 2, "exact_match": 0.5, "f1": pytest.approx(5 / 6)}
    assert found.none == {"questions": 1, "exact_match": 1.0, "f1": 1.0}
    assert found.outcomes["shorter"] == 1
    assert sum(found.outcomes.values()) == 3
    assert json.dumps(found.as_json())
    assert figures([], []).f1 is None
