"""The official score of SemEval-2010 task 8, on tables worked by hand from its definition."""

from __future__ import annotations

import pytest

from core.tasks.relation_scores import count, is_other

A12, A21, B12, B21 = "Cause-Effect(e1,e2)", "Cause-Effect(e2,e1)", "Message-Topic(e1,e2)", "Message-Topic(e2,e1)"


def test_direction_counts_and_other_is_left_out() -> None:
    gold = [A12, A12, A21, B12, B12, "Other", "Other"]
    said = [A12, A21, A21, B12, "Other", A12, "Other"]
    counts = count(gold, said)
    # Cause-Effect: 3 there, 4 said, 2 with the right direction: P 2/4, R 2/3; Message-Topic: 2 there, 1 said, 1 right: P 1, R 1/2
    assert counts.f1("Cause-Effect") == pytest.approx(2 * (2 / 4) * (2 / 3) / (2 / 4 + 2 / 3))
    assert counts.f1("Message-Topic") == pytest.approx(2 / 3)
    assert counts.macro_f1 == pytest.approx((4 / 7 + 2 / 3) / 2)
    assert counts.turned == {"Cause-Effect": 1}
    assert counts.relations == ["Cause-Effect", "Message-Topic"]


def test_a_relation_that_is_only_said_costs_precision_elsewhere_but_is_no_class() -> None:
    counts = count([A12, "Other"], [A12, B12])
    assert counts.relations == ["Cause-Effect"]
    assert counts.macro_f1 == 1.0  # as the official scorer, which takes its classes from the key


def test_all_directions_wrong_is_nothing_right() -> None:
    assert count([A12, B12], [A21, B21]).macro_f1 == 0.0
    assert count([A12, B12], [A12, B12]).macro_f1 == 1.0
    assert count(["Other"], ["Other"]).macro_f1 == 0.0
    assert count([], []).macro_f1 == 0.0


def test_labels_without_directions_are_plain_classes() -> None:
    counts = count(["born_in", "works_for", "no_relation"], ["born_in", "born_in", "no_relation"])
    assert counts.macro_f1 == pytest.approx((2 / 3 + 0) / 2)


@pytest.mark.parametrize(("label", "other"), [("Other", True), ("_Other", True), ("no_relation", True), ("NA", True), ("无", True), (A12, False), ("Another", False)])  # fmt: skip
def test_what_stands_for_no_relation_is_known(label: str, other: bool) -> None:
    assert is_other(label) is other
