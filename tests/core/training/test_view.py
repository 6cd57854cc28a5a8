"""The fold: what a log says, whoever reads it and whenever."""

from __future__ import annotations

import json
import math

import pytest

from core.training import events as ev
from core.training.view import MOST_POINTS, RunView, delta, fold


def began(phase: int = 0, method: str = "full", first: int = 0, steps: int = 100) -> ev.Began:
    return ev.Began(
        phase=phase, method=method, first_step=first, steps=steps, epochs=3, steps_per_epoch=steps / 3, at=1.0 + first
    )


def stepped(step: int, loss: float = 1.0, at: float = 0.0) -> ev.Stepped:
    return ev.Stepped(step=step, epoch=step / 33, loss=loss, learning_rate=1e-4, seconds_left=60.0, at=at or 1.0 + step)


def checked(step: int, accuracy: float, best: bool = True, **more) -> ev.Evaluated:
    return ev.Evaluated(
        step=step,
        epoch=step / 33,
        scores={"accuracy": accuracy, "loss": 1 - accuracy},
        best=best,
        at=1.0 + step,
        **more,
    )


STORY = [
    ev.Started(pid=1, host="h", at=0.5),
    ev.Preparing(what="loading", at=0.7),
    began(0, "head", 0, 10),
    checked(10, 0.8),
    began(1, "full", 10, 90),
    ev.Noticed(code="probe_first", step=10, at=11.0),
    *(stepped(s) for s in range(11, 60)),
    checked(60, 0.9, watched={"a:1": {"label": "x", "probability": 0.7}}, per_label={"x": 0.5}),
    *(stepped(s) for s in range(61, 101)),
    checked(100, 0.85, best=False),
    ev.Finished(step=100, best_step=60, scores={"accuracy": 0.9}, test={"accuracy": 0.88}, at=102.0),
]


def test_folding_in_pieces_gives_the_same_as_folding_at_once():
    whole = fold(STORY)
    for cut in range(len(STORY)):
        before = fold(STORY[:cut])
        kept = json.dumps(delta(before), default=str)
        assert fold(STORY[cut:], before) == whole
        assert json.dumps(delta(before), default=str) == kept, "what came before is left as it was"


def test_the_states_follow_the_story():
    states = [fold(STORY[:n]).state for n in range(1, len(STORY) + 1)]
    assert states[:3] == ["preparing", "preparing", "running"]
    assert states[-1] == "finished"
    view = fold(STORY)
    assert view.best_step == 60 and view.scores == {"accuracy": 0.9} and view.test == {"accuracy": 0.88}
    assert view.before == {"accuracy": 0.8, "loss": pytest.approx(0.2)}
    assert view.watched == {"a:1": {"label": "x", "probability": 0.7}} and view.per_label == {"x": 0.5}
    assert view.seconds == pytest.approx(101.5), "from the first word of its worker to the end"
    assert view.share == 1.0


def test_resuming_takes_back_what_came_after_the_safety_copy():
    log = [
        *STORY[:-3],
        ev.Started(pid=2, host="h", at=500.0),
        ev.Resumed(step=70, at=501.0),
        *(stepped(s, 9.0, 440.0 + s) for s in (71, 72)),
    ]
    view = fold(log)
    assert view.points["step"] == [*range(11, 60), *range(61, 71), 71, 72]
    assert view.points["loss"][-3:] == [1.0, 9.0, 9.0]
    assert view.resumes == [70] and view.generation == 1 and view.state == "running"
    early = fold([*log, ev.Resumed(step=50, at=520.0)])
    assert [c.step for c in early.checks] == [10] and early.best_step == 10 and early.resumes == [50]


def test_a_pause_takes_nothing_back_and_its_time_does_not_count():
    log = [began(), stepped(1, at=2.0), ev.Paused(step=1, at=3.0), ev.Resumed(step=1, at=1000.0), stepped(2, at=1001.0)]
    view = fold(log)
    assert view.points["step"] == [1, 2] and view.generation == 0
    assert view.seconds == pytest.approx(3.0)


def test_the_time_a_dead_run_lay_there_does_not_count():
    log = [
        began(),
        stepped(1, at=2.0),
        ev.Started(pid=2, host="h", at=9000.0),
        ev.Resumed(step=1, at=9001.0),
        stepped(2, at=9002.0),
    ]
    assert fold(log).seconds == pytest.approx(3.0)


def test_a_page_that_polls_has_the_curve_of_a_page_that_reloads():
    page: dict = {"points": {"step": [], "loss": []}, "checks": []}
    generation, points, checks = "", 0, 0
    log = [began(steps=9000)]
    view = fold(log)
    for step in range(1, 9000):
        view = (
            fold([stepped(step, loss=math.sin(step) + 2, at=float(step))], view)
            if step % 900 == 0
            else fold_quietly(view, step)
        )
        if step % 97 == 0:
            answer = delta(view, generation, points, checks)
            if answer["reset"]:
                page = {"points": {"step": [], "loss": []}, "checks": []}
            for name in page["points"]:
                page["points"][name] += answer["points"][name]
            generation, points, checks = answer["generation"], answer["seen_points"], answer["seen_checks"]
    assert page["points"] == {k: v for k, v in delta_at(view, points).items() if k in ("step", "loss")}
    assert len(page["points"]["step"]) <= MOST_POINTS


def fold_quietly(view: RunView, step: int) -> RunView:
    """A point added without the copy that folding makes: thousands of folds would be slow."""
    for name, column in view.points.items():
        column.append({"step": step, "loss": math.sin(step) + 2}.get(name, 0.0))
    return view


def delta_at(view: RunView, upto: int) -> dict:
    cut = RunView(points={name: column[:upto] for name, column in view.points.items()})
    from core.training.view import _width, thinned

    return thinned(cut.points, 0, _width(len(view.points["step"])))[0]


def test_a_thinned_curve_keeps_its_spikes():
    points = {name: [0.0] * 50_000 for name in RunView().points}
    points["step"] = list(range(50_000))
    points["loss"] = [1.0] * 50_000
    points["loss"][31_234] = 77.0
    answer = delta(RunView(points=points))
    assert len(answer["points"]["step"]) <= MOST_POINTS
    assert 31_234 in answer["points"]["step"] and 77.0 in answer["points"]["loss"]


def test_a_delta_of_a_running_run_is_small_and_plain_json():
    answer = delta(fold(STORY))
    again = delta(fold(STORY), answer["generation"], answer["seen_points"], answer["seen_checks"])
    assert not again["reset"] and not again["points"]["step"] and not again["checks"]
    assert len(json.dumps(again)) < 3000


def test_a_loss_that_is_no_number_leaves_a_gap_and_breaks_nothing():
    line = ev.as_line(stepped(1, math.nan))
    view = fold([began(), ev.from_line(line), stepped(2)])
    assert view.points["loss"] == [None, 1.0]
    json.dumps(delta(view), allow_nan=False)


def test_a_notice_makes_way_for_its_opposite_and_for_its_repetition():
    def noticed(code, step, **values):
        return ev.Noticed(code=code, step=step, values=values)

    view = fold([
        noticed("never_predicted", 5, label="x", count=3),
        noticed("never_predicted", 5, label="y", count=3),
        noticed("improving", 10, value=0.5),
        noticed("improving", 20, value=0.6),
        noticed("recognised", 30, label="x", right=2, of=3),
        noticed("overfitting", 40, best_step=20),
    ])  # fmt: skip
    assert [(n.code, n.step) for n in view.notices] == [("never_predicted", 5), ("recognised", 30), ("overfitting", 40)]
    assert view.notices[0].values["label"] == "y"


def test_a_failed_run_that_is_started_again_is_no_longer_failed():
    failed = ev.Failed(step=3, code="error", message={"say": "x", "with": {}})
    view = fold([began(), stepped(3), failed])
    assert view.state == "failed" and view.failure["code"] == "error"
    assert fold([ev.Started(pid=3, host="h")], view).failure is None
