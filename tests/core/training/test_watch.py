"""What the observer notices, from numbers made for it."""

from __future__ import annotations

import json

import pytest

from core.training.notices import worded
from core.training.watch import Watch, better


def watch(**values) -> Watch:
    return Watch(**{"metric": "accuracy", "patience": 3, "rate": 1e-3, **values})


def check(w: Watch, step: int, accuracy: float, loss: float, best: bool | None = None) -> list[str]:
    scores = {"accuracy": accuracy, "macro_f1": accuracy, "loss": loss}
    is_best = better(scores, w.best, "accuracy") if best is None else best
    return [n.code for n in w.checked(step, scores, is_best)]


def test_a_new_best_is_an_improvement_from_the_second_check_on():
    w = watch()
    assert check(w, 1, 0.5, 1.0) == []
    assert check(w, 2, 0.6, 0.9) == ["improving"]


def test_rising_validation_loss_under_falling_training_loss_is_overfitting():
    w = watch(patience=0)
    codes = []
    for step, (training, validation) in enumerate([(1.0, 0.8), (0.5, 0.6), (0.2, 0.7), (0.1, 0.8), (0.05, 0.9)]):
        w.running = training
        codes += check(w, step, 0.8 if step < 2 else 0.7, validation)
    assert codes.count("overfitting") == 1
    assert w.best_step == 1


def test_flat_validation_is_a_plateau_and_then_an_early_stop():
    w = watch()
    codes = [check(w, step, 0.8, 0.5) for step in range(4)]
    assert codes == [[], [], ["plateau"], ["early_stop"]]
    assert w.over == "early_stop"


def test_patience_of_nought_never_stops():
    w = watch(patience=0)
    for step in range(50):
        check(w, step, 0.8, 0.5)
    assert w.over == ""


def test_a_loss_that_is_no_number_ends_it_with_a_smaller_rate():
    w = watch()
    (notice,) = w.stepped(7, float("nan"), 1.0)
    assert (notice.code, w.over) == ("diverged", "diverged")
    assert notice.values["suggested"] < 1e-3


def test_a_loss_that_jumps_after_the_warm_up_is_a_rate_too_high():
    w = watch()
    codes = [n.code for step in range(60) for n in w.stepped(step, 0.5 if step < 10 else 2.5, 1.0)]
    assert codes == ["rate_too_high"]


def test_a_loss_that_falls_unevenly_is_left_alone():
    w = watch()
    assert not [n for step in range(200) for n in w.stepped(step, 2 * 0.99**step + 0.4 * (step % 3), 1.0)]


def test_a_label_that_is_never_named_and_then_found():
    w = watch()
    texts = {"rare": 12, "often": 90}
    gold = {"rare": 4, "often": 30}
    (notice,) = w.answered(5, gold, {"often": 34}, {"often": 30}, texts)
    assert (notice.code, notice.values) == ("never_predicted", {"label": "rare", "count": 12})
    assert w.answered(6, gold, {"often": 34}, {"often": 30}, texts) == []
    (notice,) = w.answered(7, gold, {"often": 31, "rare": 3}, {"often": 30, "rare": 2}, texts)
    assert (notice.code, notice.values) == ("recognised", {"label": "rare", "right": 2, "of": 4})


def test_better_than_before_tuning_is_told_with_both_figures():
    w = watch(before=0.7)
    assert check(w, 1, 0.65, 0.9, best=False) == []
    assert check(w, 2, 0.75, 0.8, best=True) == ["improving", "better_than_before"]


def test_all_it_remembers_survives_json():
    w = watch()
    for step in range(12):
        w.stepped(step, 1.0, 1.0)
    assert Watch.from_json(json.loads(json.dumps(w.as_json()))) == w
    check(w, 12, 0.5, 1.0)
    assert Watch.from_json(json.loads(json.dumps(w.as_json()))) == w


@pytest.mark.parametrize(
    ("new", "old", "metric", "wins"),
    [
        ({"accuracy": 0.8, "loss": 1.0}, None, "accuracy", True),
        ({"accuracy": 0.8, "loss": 1.0}, {"accuracy": 0.7, "loss": 0.1}, "accuracy", True),
        ({"accuracy": 0.7, "loss": 0.4}, {"accuracy": 0.7, "loss": 0.5}, "accuracy", True),
        ({"accuracy": 0.9, "loss": 0.6}, {"accuracy": 0.7, "loss": 0.5}, "loss", False),
        ({"accuracy": 0.9, "loss": float("nan")}, {"accuracy": 0.7, "loss": 0.5}, "accuracy", False),
        ({"perplexity": 190.0, "loss": 5.2}, {"perplexity": 318.0, "loss": 5.8}, "perplexity", True),
        ({"perplexity": 318.0, "loss": 5.8}, {"perplexity": 190.0, "loss": 5.2}, "perplexity", False),
        ({"mae": 0.5, "loss": 0.4}, {"mae": 0.7, "loss": 0.3}, "mae", True),
    ],
)
def test_which_moment_is_better(new, old, metric, wins):
    assert better(new, old, metric) is wins


def test_every_notice_has_words():
    w = watch(before=0.5)
    noticed = w.stepped(1, float("nan"), 1.0) + w.checked(2, {"accuracy": 0.6, "loss": 0.5}, True)
    noticed += w.answered(3, {"a": 5}, {}, {}, {"a": 9})
    for notice in noticed:
        assert not str(worded(notice.code, notice.step, notice.values).title).startswith("Noticed at step")
