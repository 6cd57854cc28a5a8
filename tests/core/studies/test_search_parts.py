"""What a search shows and the test for the step width, on figures that are known."""

from __future__ import annotations

import math
import random

import pytest

from core.errors import Cancelled, RunError
from core.studies import rates
from core.studies.importance import importance
from core.studies.ranges import Range
from core.studies.trials import Trial, best_of
from core.studies.worth import verdict
from core.training import draft
from core.training.runs import runs

RATE = Range("learning_rate", "float", 1e-5, 1e-3, True)
BATCH = Range("batch_size", "int", 8, 64)
METHOD = Range("method", "choice", choices=("full", "lora"))


def curve(bottom: float, blown: float) -> tuple[list[float], list[float]]:
    """Widths, and a loss that falls around `bottom` and explodes from `blown` on."""
    widths = [1e-6 * 1e5 ** (i / 99) for i in range(100)]
    return widths, [2.0 / (1 + (w / bottom)) + 0.5 + (w / blown) ** 3 for w in widths]


def test_the_suggestion_lies_where_the_loss_falls_fastest_and_well_below_the_blow_up():
    widths, losses = curve(bottom=1e-4, blown=3e-2)
    read = rates.read_off(widths, losses)
    assert read.falls and read.steepest == pytest.approx(
        1e-4, rel=0.15
    )  # a logistic in log(w) is steepest at its middle
    assert read.suggested == 1e-4 and read.blown is not None and 1e-2 < read.blown < 1e-1
    near, near_losses = curve(bottom=1e-3, blown=3e-3)
    close = rates.read_off(near, near_losses)
    assert close.blown is not None and close.suggested <= 1.2 * close.blown / 10


def test_a_loss_that_never_falls_gives_a_tenth_of_the_blow_up():
    widths = [1e-6 * 1e5 ** (i / 99) for i in range(100)]
    read = rates.read_off(widths, [1.0 + (w / 1e-2) ** 3 for w in widths])
    assert not read.falls and read.blown == pytest.approx(1e-2, rel=0.2) and read.suggested == 1e-3


def test_smoothing_neither_lags_nor_invents():
    assert rates.smoothed([2.0] * 8) == pytest.approx([2.0] * 8)
    line = [float(i) for i in range(40)]
    assert rates.smoothed(line)[15:25] == pytest.approx(line[15:25])  # a running mean would lie nine steps behind
    assert math.isnan(rates.smoothed([1.0, 1.0, math.inf])[2])


def test_noise_hardly_moves_the_suggestion():
    widths, losses = curve(bottom=1e-4, blown=3e-2)
    for seed in range(10):
        dice = random.Random(seed)
        noisy = rates.smoothed([loss + dice.gauss(0, 0.03) for loss in losses])
        assert 3e-5 <= rates.read_off(widths, noisy).suggested <= 3e-4


@pytest.mark.parametrize(("rate", "said"), [(3.3e-5, 3e-5), (8.9e-4, 1e-3), (1.4e-2, 1.5e-2), (6e-6, 7e-6)])
def test_suggestions_are_round_numbers(rate: float, said: float):
    assert rates.rounded(rate) == said


def test_the_test_takes_real_steps_and_keeps_no_model(project, tiny_encoder):
    short = {"base": str(tiny_encoder), "max_length": 16, "start_from_probe": False}
    settled = draft.settle(draft.Draft("balanced", short), project.dataset().facts())
    order = {"data": str(project.data), "settings": settled.settings.model_dump(), "base": settled.base.as_json()}
    told = []
    found = rates.find(**order, keep=str(project.folder), steps=30, progress=lambda *at: told.append(at[0]))
    assert found["rates"][0] == pytest.approx(1e-6) and len(found["rates"]) == len(found["losses"]) == max(told)
    assert all(b > a for a, b in zip(found["rates"], found["rates"][1:], strict=False))
    assert rates.kept(project.folder)["reading"]["suggested"] == found["reading"]["suggested"] > 0
    assert not runs(project.folder)
    with pytest.raises(Cancelled):
        rates.find(**order, cancelled=lambda: True)
    order["settings"]["method"] = "head"
    with pytest.raises(RunError, match="takes steps"):
        rates.find(**order)


def test_what_decides_the_score_mattered_most_as_optuna_finds():
    import optuna
    from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=2))
    for _ in range(60):
        trial = study.ask()
        rate = trial.suggest_float("learning_rate", 1e-5, 1e-3, log=True)
        trial.suggest_int("batch_size", 8, 64)
        method = trial.suggest_categorical("method", ["full", "lora"])
        study.tell(trial, -abs(math.log(rate / 1e-4)) + 0.2 * (method == "full"))
    trials = [(trial.params, trial.value) for trial in study.trials]
    mine = importance([RATE, BATCH, METHOD], trials)
    theirs = get_param_importances(study, evaluator=PedAnovaImportanceEvaluator(target_quantile=0.25))
    assert next(iter(mine)) == next(iter(theirs)) == "learning_rate" and mine["learning_rate"] > 0.5
    assert mine["learning_rate"] == pytest.approx(theirs["learning_rate"], abs=0.25)
    assert sum(mine.values()) == pytest.approx(1.0)
    turned = importance([RATE, BATCH, METHOD], [(values, -score) for values, score in trials], lower_is_better=True)
    assert turned == pytest.approx(mine)


def test_nothing_is_said_of_five_trials_or_of_equal_ones():
    dice = random.Random(1)
    some = [({"learning_rate": dice.uniform(1e-5, 1e-3)}, dice.random()) for _ in range(5)]
    assert importance([RATE], some) == {}
    assert importance([RATE], [(values, 0.5) for values, _ in some * 3]) == {}


def test_the_default_wins_a_draw_and_a_difference_within_chance_is_said_to_be_one():
    default = Trial(0, "finished", {}, 0.8, default=True)
    same, better = Trial(1, "finished", {}, 0.8), Trial(2, "finished", {}, 0.9)
    assert best_of([same, default], lower=False) is default
    assert best_of([default, same, better], lower=False) is better
    assert "did better" in str(verdict(default, default, None, True, False))
    part = {"texts": 200, "best": 0.9, "default": 0.8, "difference": 0.1, "low": 0.04, "high": 0.16}
    sure = verdict(better, default, {"validation": part, "test": None}, True, False)
    assert "more than chance" in str(sure) and "90.0 %" in str(sure)
    luck = {**part, "best": 0.81, "difference": 0.01, "low": -0.03, "high": 0.05}
    told = verdict(better, default, {"validation": part, "test": luck}, True, False)
    assert "within chance" in str(told) and "81.0 %" in str(told)  # the final test decides, where there is one
