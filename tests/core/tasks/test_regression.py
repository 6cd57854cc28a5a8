"""Numbers: the scale, the three losses, measures against scipy and scikit-learn, figures, rivals, and that the fit is ridge regression."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from contract_rows import numbers as number_rows
from scipy import stats
from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score

from core.errors import RunError
from core.tasks import numbers
from core.tasks.base import Example, Number
from core.tasks.regression import Regression
from core.training.settings import TrainingSettings

TASK = Regression()


def rows(*values: float) -> list[dict]:
    return [{"id": str(i), "text": "", "label": value, "split": "train"} for i, value in enumerate(values)]


LABELS = TASK.labels(rows(1.0, 3.0, 5.0, 7.0))


def test_the_scale_is_that_of_the_training_rows():
    held = {**rows(99.0)[0], "split": "test"}
    assert TASK.labels([*rows(1.0, 3.0, 5.0, 7.0), held]) == LABELS
    assert LABELS.names == ("value",) and LABELS.extra == {
        "mean": 4.0,
        "std": pytest.approx(5**0.5),
        "low": 1.0,
        "high": 7.0,
    }
    assert TASK.target({"label": 4.0 + 5**0.5}, None, LABELS).tolist() == [pytest.approx(1.0)]


@pytest.mark.parametrize(("values", "what"), [((), "carries a number"), ((2.0, 2.0), "the same number")])
def test_what_cannot_be_learnt_is_told(values, what):
    with pytest.raises(RunError, match=what):
        TASK.labels(rows(*values))


def test_answers_come_back_on_the_scale_and_are_not_cut_off():
    outputs = [np.array([0.0]), np.array([10.0]), np.array([2.0]), np.array([0.0])]
    examples = [Example(i, np.zeros(1)) for i in (0, 1, 2, 2)]
    found = TASK.decode(outputs, rows(0, 0, 0), examples, LABELS)
    assert [p.value for p in found] == [4.0, pytest.approx(4 + 10 * 5**0.5), pytest.approx(4 + 5**0.5)]
    assert (found[1].low, found[1].high) == (1.0, 7.0)


@pytest.mark.parametrize(
    ("loss", "expected"), [("mse", (0.25 + 9) / 2), ("mae", (0.5 + 3) / 2), ("huber", (0.125 + 2.5) / 2)]
)
def test_each_loss_is_its_definition(loss: str, expected: float):
    batch = {"targets": torch.tensor([[1.0], [-1.0]])}
    found = TASK.loss(torch.tensor([[1.5], [2.0]]), batch, TrainingSettings(number_loss=loss), LABELS)
    assert float(found) == pytest.approx(expected)


def test_measures_are_those_of_scipy_and_scikit_learn():
    dice = np.random.default_rng(3)
    gold = dice.integers(0, 6, 200).astype(float)  # with ties, as ratings have them
    said = np.round(gold + dice.normal(size=200), 1)
    found = numbers.score(gold.tolist(), said.tolist(), LABELS)
    assert found["spearman"] == pytest.approx(stats.spearmanr(gold, said).statistic)
    assert found["pearson"] == pytest.approx(stats.pearsonr(gold, said).statistic)
    assert found["r2"] == pytest.approx(r2_score(gold, said))
    assert found["mae"] == pytest.approx(mean_absolute_error(gold, said))
    assert found["mse"] == pytest.approx(mean_squared_error(gold, said))
    assert found["loss"] == pytest.approx(found["mse"] / 5)


def test_one_answer_for_all_has_no_order():
    found = numbers.score([1.0, 2.0], [5.0, 5.0], LABELS)
    assert (found["spearman"], found["pearson"]) == (0.0, 0.0)
    assert numbers.score([2.0], [5.0], LABELS)["r2"] == 0.0
    assert numbers.score([], [], LABELS) == {}


def test_credit_falls_with_the_distance():
    values = (4.0, 7.0, 40.0)
    assert [TASK.credit({"label": 4.0}, Number(value), LABELS) for value in values] == [1.0, 0.5, 0.0]


def test_figures_hold_every_answer():
    gold, said = [1.0, 2.0, 3.0, 4.0, 5.0], [1.0, 2.5, 2.0, 4.0, 9.0]
    found = numbers.report(gold, said)
    assert (found["scatter"]["x"], found["scatter"]["y"]) == (gold, said)
    assert sum(found["residuals"]["values"]) == 5 and found["residuals"]["names"][7] == "0"
    assert found["residuals"]["values"][-1] == 1  # the answer that is 4 too high
    assert [row[1] for row in found["ranges"]["rows"]] == [1, 1, 1, 1, 1]
    assert found["ranges"]["rows"][1][2:] == [0.5, 0.5] and found["ranges"]["rows"][4][2:] == [4.0, 4.0]
    many = numbers.report(list(range(5_000)), [0.0] * 5_000)
    assert len(many["scatter"]["x"]) == numbers.MOST_POINTS


def test_rivals_say_the_mean_or_count_words(tmp_path):
    found = number_rows(tmp_path)
    parts = {part: [row for row in found if row["split"] == part] for part in ("train", "validation", "test")}
    labels = TASK.labels(found)
    mean, counting = TASK.rivals(parts["train"], parts["validation"], parts["test"], labels, lambda: False)
    assert {p.value for p in mean.predictions} == {labels.extra["mean"]}
    assert TASK.score(parts["test"], mean.predictions, labels)["spearman"] == 0.0
    assert TASK.score(parts["test"], counting.predictions, labels)["spearman"] > 0.7


def test_answers_off_the_scale_are_brought_onto_it_by_a_line():
    gold = [float(i % 7) for i in range(70)]
    off = [Number(0.5 * value + 2.0, 1.0, 7.0) for value in gold]
    settled = TASK.settle(LABELS, rows(*gold), off)
    assert settled.extra["line"] == [pytest.approx(2.0), pytest.approx(-4.0)]
    assert [p.value for p in TASK.again(off, settled)] == pytest.approx(gold)
    before, after = TASK.score(rows(*gold), off, LABELS), TASK.score(rows(*gold), TASK.again(off, settled), settled)
    assert after["spearman"] == pytest.approx(before["spearman"]) and after["mae"] < 1e-9 < before["mae"]
    examples = [Example(i, np.zeros(1, dtype=np.int32), {}) for i in range(3)]
    outputs = [numbers.scaled([value], LABELS) for value in (3.0, 4.0, 5.0)]
    assert [p.value for p in TASK.decode(outputs, rows(1.0, 2.0, 3.0), examples, settled)] == pytest.approx([2, 4, 6])


@pytest.mark.parametrize("slope", [1.0, -1.0])
def test_no_line_where_it_would_not_help_or_would_turn_the_order(slope):
    gold = [float(i % 7) for i in range(70)]
    said = [Number(slope * value + (0.01 if i % 2 else -0.01)) for i, value in enumerate(gold)]
    assert TASK.settle(LABELS, rows(*gold), said) is LABELS
    assert (
        TASK.settle(LABELS, rows(*gold[:20]), [Number(2 * value) for value in gold[:20]]) is LABELS
    )  # too few to tell
