"""The drawn curves."""

from __future__ import annotations

from xml.etree import ElementTree

from core.export.curves import _ticks, curves
from core.training import events as ev
from core.training.view import RunView, fold


def test_a_run_without_steps_has_no_curve():
    assert curves(RunView()) is None


def test_curves_hold_every_check_and_mark_the_best():
    told: list[ev.Event] = [ev.Began(phase=0, method="full", first_step=0, steps=100, epochs=1, steps_per_epoch=100)]
    told += [ev.Stepped(step=i, epoch=i / 100, loss=2 / (1 + i)) for i in range(1, 100)]
    told += [
        ev.Evaluated(step=50, epoch=0.5, scores={"loss": 0.5, "accuracy": 0.8}, best=True),
        ev.Evaluated(step=99, epoch=1, scores={"loss": 0.7, "accuracy": 0.7}),
    ]
    root = ElementTree.fromstring(curves(fold(told)) or "")
    names = [child.tag.split("}")[1] for child in root]
    assert names.count("circle") == 2 and names.count("polyline") == 3
    for line in root.iter("{http://www.w3.org/2000/svg}polyline"):
        for pair in line.attrib["points"].split():
            x, y = map(float, pair.split(","))
            assert 0 <= x <= 720 and 0 <= y <= 300


def test_ticks_are_round_and_enclose():
    assert _ticks(0.1, 2.0) == [0.0, 0.5, 1.0, 1.5, 2.0]
    assert _ticks(5.0, 5.0)[0] <= 5.0 <= _ticks(5.0, 5.0)[-1]
