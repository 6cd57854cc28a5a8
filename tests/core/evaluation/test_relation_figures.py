"""The report's figures of relations."""

from __future__ import annotations

import json

import pytest

from core.evaluation.relations import figures

A12, A21, B12 = "A-B(e1,e2)", "A-B(e2,e1)", "C-D(e1,e2)"
GOLD = [A12, A12, A21, B12, B12, "Other", "Other"]
SAID = [A12, A21, A21, B12, "Other", A12, "Other"]


def test_every_figure_as_worked_by_hand() -> None:
    found = figures(GOLD, SAID)
    assert found.names == ("A-B", "C-D", "Other")
    assert found.matrix == [[3, 0, 0], [0, 1, 1], [1, 0, 1]]
    assert found.turned == {"A-B": 1, "C-D": 0}
    one = found.relations["A-B"]
    assert (one.precision, one.recall, one.support, one.said) == (2 / 4, pytest.approx(2 / 3), 3, 4)
    assert found.macro.f1 == pytest.approx((4 / 7 + 2 / 3) / 2)
    assert found.macro.precision == pytest.approx((2 / 4 + 1) / 2)
    assert found.micro.precision == pytest.approx(3 / 5)
    assert found.micro.recall == pytest.approx(3 / 5)
    assert found.accuracy == pytest.approx(4 / 7)
    assert found.undirected == pytest.approx((2 * 3 / 7 + 2 / 3) / 2)
    assert json.dumps(found.as_json())


def test_a_relation_never_said_has_no_precision_and_counts_as_nothing() -> None:
    found = figures([A12, B12], [A12, "Other"])
    assert found.relations["C-D"].precision is None
    assert found.macro.f1 == pytest.approx(0.5)
    assert found.macro.precision == pytest.approx(0.5)


def test_no_texts_make_no_figures_and_no_error() -> None:
    found = figures([], [])
    assert (found.names, found.accuracy, found.micro.f1) == ((), 0.0, None)
