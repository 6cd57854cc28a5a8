"""The loop held against its own definition: gathered batches equal a large one, and short memory changes nothing."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from core.device import choose
from core.errors import RunError
from core.tasks.base import Example, Labels
from core.tasks.classification import Classification
from core.training import asking
from core.training.events import Noticed, Stepped
from core.training.loop import Material, backward, train
from core.training.optimizers import optimizer
from core.training.plan import Place, Plan
from core.training.precision import Arithmetic
from core.training.settings import TrainingSettings
from core.training.watch import Watch

LENGTHS = np.random.default_rng(8).integers(2, 9, size=40)
EXAMPLES = [Example(i, np.arange(1, n + 1, dtype=np.int32)) for i, n in enumerate(LENGTHS)]
TARGETS = [int(n % 2) for n in LENGTHS]
PROCESSOR = SimpleNamespace(pad_token_id=0)


def refused_by_the_machine() -> Exception:
    """What torch raises when it asks the machine for more memory than there can be."""
    try:
        torch.empty(10**15)
    except RuntimeError as error:
        return error
    raise AssertionError("four petabytes are there")


SHORT = {"gpu": torch.cuda.OutOfMemoryError("CUDA out of memory"), "machine": refused_by_the_machine()}


class Little(torch.nn.Module):
    """Embeds, takes the mean over real tokens, decides. Refuses more than `most` texts at once, as a small GPU (or machine) would."""

    def __init__(self, most: int = 1000, where: str = "gpu"):
        super().__init__()
        self.short = SHORT[where]
        torch.manual_seed(3)
        self.words, self.head, self.most = torch.nn.Embedding(10, 6), torch.nn.Linear(6, 2), most
        self.seen: list[int] = []

    def forward(self, input_ids, attention_mask):
        if len(input_ids) > self.most:
            raise self.short
        self.seen.append(len(input_ids))
        mask = attention_mask[..., None].float()
        return self.head((self.words(input_ids) * mask).sum(1) / mask.sum(1))


def trained(most: int = 1000, say=lambda event: None, check=lambda: None, hold=lambda: None, place=None, **settings):
    settings = TrainingSettings(**{"learning_rate": 0.01, "batch_size": 8, "epochs": 2, "patience": 0, **settings})
    model, labels = Little(most), Labels(("even", "odd"), (20, 20))
    material = Material(Classification(), labels, PROCESSOR, EXAMPLES, TARGETS, settings, choose(settings), seed=5)
    place = place or Place(step=0, first=0)
    watch = Watch("accuracy", 0, settings.learning_rate)
    by = optimizer(model, settings)
    train(model, by, Arithmetic(material.device), material, place, watch, check=check, hold=hold, say=say)
    return model, place


def gradients(most: int = 1000, batches=None, where="gpu", **settings):
    settings = TrainingSettings(**settings)
    model, place, said = Little(most, where), Place(0, 0), []
    material = Material(
        Classification(), Labels(("even", "odd"), (30, 10)), PROCESSOR, EXAMPLES, TARGETS, settings, choose(settings), 5
    )
    loss = backward(
        model, optimizer(model, settings), Arithmetic(material.device), batches, material, place, said.append
    )
    return loss, torch.cat([w.grad.flatten() for w in model.parameters()]), place, said, model


@pytest.mark.parametrize("how", [{}, {"class_weights": "balanced"}, {"loss": "focal"}, {"label_smoothing": 0.2}])
def test_gathered_batches_give_the_gradient_of_one_large_batch(how):
    large = gradients(batches=[EXAMPLES[:24]], **how)
    small = gradients(batches=[EXAMPLES[:8], EXAMPLES[8:16], EXAMPLES[16:24]], **how)
    assert small[0] == pytest.approx(large[0], rel=1e-5)
    torch.testing.assert_close(small[1], large[1], atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("where", SHORT)
def test_short_memory_halves_the_batch_and_learns_the_same(where):
    whole = gradients(batches=[EXAMPLES[:32]], batch_size=32)
    short = gradients(most=9, batches=[EXAMPLES[:32]], batch_size=32, where=where)
    torch.testing.assert_close(short[1], whole[1], atol=1e-6, rtol=1e-4)
    assert max(short[4].seen) == 8
    assert short[2].splits == 4
    noticed = [(n.code, n.values["batch_size"], n.values["new_batch_size"], n.values["accumulation"]) for n in short[3]]
    assert noticed == [("out_of_memory", 32, 16, 2), ("out_of_memory", 16, 8, 4)]


def test_short_memory_at_a_check_asks_fewer_at_a_time_and_hears_the_same():
    task, device = Classification(), choose(TrainingSettings())
    whole, short = Little(), Little(most=5)
    heard = [asking.outputs(model.eval(), EXAMPLES, task, PROCESSOR, device) for model in (whole, short)]
    assert max(whole.seen) == 40 and max(short.seen) == 5
    np.testing.assert_allclose(np.stack(heard[0]), np.stack(heard[1]), atol=1e-6)


def test_not_even_one_text_fits_and_says_so():
    with pytest.raises(RunError, match="Out of memory at 1 texts"):
        gradients(most=0, batches=[EXAMPLES[:4]], batch_size=4)


def test_other_errors_are_not_taken_for_short_memory():
    def broken():
        raise ValueError("of its own")

    with pytest.raises(ValueError, match="of its own"):
        trained(hold=broken)


def test_it_learns(monkeypatch):
    monkeypatch.setattr("core.training.meter.EVERY", 0.0)  # every step told, none averaged away
    losses = []
    trained(say=lambda e: losses.append(e.loss) if isinstance(e, Stepped) else None, epochs=40, learning_rate=0.05)
    assert losses[-1] < 0.2 < losses[0]


@pytest.mark.parametrize(
    ("how", "steps"),
    [({"epochs": 2}, 10), ({"epochs": 0.5}, 2), ({"length": "steps", "steps": 7}, 7), ({"accumulation": 2}, 6)],
)
def test_it_goes_as_far_as_asked(how, steps):
    assert trained(**how)[1].step == steps


def test_minutes_end_it_by_the_clock():
    place = trained(length="minutes", minutes=0.1, epochs=1, hold=lambda: None, place=Place(0, 0, seconds=5.95))[1]
    assert 6.0 <= place.seconds < 7.0


def test_checks_come_as_often_as_asked_and_at_the_end():
    checks: list[int] = []
    place = Place(step=100, first=100)
    trained(place=place, check=lambda: checks.append(place.step), evaluations=2.5, epochs=1.8)
    assert checks == [102, 104, 106, 108, 109]


def test_stopping_between_two_steps_and_going_on_takes_the_same_steps():
    class Stop(Exception):
        pass

    whole, _ = trained(epochs=3)
    settings = TrainingSettings(learning_rate=0.01, batch_size=8, epochs=3, patience=0)
    model, place = Little(), Place(0, 0)
    material = Material(
        Classification(), Labels(("e", "o"), (1, 1)), PROCESSOR, EXAMPLES, TARGETS, settings, choose(settings), 5
    )
    by, arithmetic, watch = optimizer(model, settings), Arithmetic(material.device), Watch("accuracy", 0, 0.01)

    def until(step: int):
        def hold():
            if place.step == step:
                raise Stop

        return hold

    for step in (1, 5, 9, 10):
        with pytest.raises(Stop):
            train(
                model, by, arithmetic, material, place, watch, check=lambda: None, hold=until(step), say=lambda e: None
            )
    train(model, by, arithmetic, material, place, watch, check=lambda: None, hold=lambda: None, say=lambda e: None)
    for ours, theirs in zip(whole.parameters(), model.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_a_loss_that_is_no_number_ends_the_steps():
    class Broken(Little):
        def forward(self, input_ids, attention_mask):
            return super().forward(input_ids, attention_mask) * math.nan

    said: list[object] = []
    settings = TrainingSettings(batch_size=8)
    material = Material(
        Classification(), Labels(("e", "o"), (1, 1)), PROCESSOR, EXAMPLES, TARGETS, settings, choose(settings), 5
    )
    model, place, watch = Broken(), Place(0, 0), Watch("accuracy", 0, 0.01)
    checks: list[int] = []
    train(
        model, optimizer(model, settings), Arithmetic(material.device), material, place, watch,
        check=lambda: checks.append(1), hold=lambda: None, say=said.append,
    )  # fmt: skip
    assert place.step == 1
    assert not checks
    assert [n.code for n in said if isinstance(n, Noticed)] == ["diverged"]
    assert all(torch.isfinite(w).all() for w in model.parameters())


def test_stepped_events_are_thinned_to_four_a_second(monkeypatch):
    clock = [0.0]

    def tick() -> float:
        clock[0] += 0.01
        return clock[0]

    monkeypatch.setattr("core.training.meter.time.monotonic", tick)
    said: list[Stepped] = []
    _, place = trained(say=lambda e: said.append(e) if isinstance(e, Stepped) else None, epochs=60)
    assert place.step == 300
    assert len(said) <= 4 * clock[0] + 2 < place.step
    assert said[-1].step == 300


def test_the_plan_knows_its_length_before_it_begins():
    plan = Plan.of(TrainingSettings(batch_size=32, epochs=3, evaluations=2), 9003)
    assert (plan.epoch_steps, plan.steps, plan.check_every) == (282, 846, 141)
    assert plan.seconds_left(Place(step=423, first=0, seconds=100)) == pytest.approx(100)
