"""Schedules as drawn, optimizers by name, and their memory through a safety copy to the bit."""

from __future__ import annotations

import pytest
import torch

from core.settings import knobs
from core.training import checkpoints
from core.training.optimizers import OPTIMIZERS, SCHEDULES, factor, optimizer
from core.training.settings import TrainingSettings

KNOBS = {k.name: k for k in knobs(TrainingSettings)}


def test_every_choice_of_the_settings_is_there():
    assert set(KNOBS["optimizer"].choices) == set(OPTIMIZERS)
    assert set(KNOBS["schedule"].choices) == set(SCHEDULES)


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("warmup", [0.0, 0.1, 0.9])
def test_the_rate_rises_to_its_full_width_and_never_beyond(name: str, warmup: float):
    course = [factor(name, p / 100, warmup) for p in range(101)]
    assert all(0 <= f <= 1.0000001 for f in course)
    assert max(course) == pytest.approx(1, abs=0.02)
    assert course[: int(warmup * 100)] == sorted(course[: int(warmup * 100)])


def test_linear_and_cosine_end_at_nought_and_constant_stays():
    assert factor("linear", 1.0, 0.1) == pytest.approx(0)
    assert factor("cosine", 1.0, 0.1) == pytest.approx(0)
    assert factor("cosine", 0.55, 0.1) == pytest.approx(0.5)
    assert factor("constant", 1.0, 0.1) == 1
    assert factor("inverse_sqrt", 0.4, 0.1) == pytest.approx(0.5)


def little() -> torch.nn.Module:
    torch.manual_seed(1)
    return torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.LayerNorm(3), torch.nn.Linear(3, 2))


def stepped(model: torch.nn.Module, by: torch.optim.Optimizer, steps: int, first: int = 0) -> None:
    for step in range(first, first + steps):
        inputs = torch.randn(8, 4, generator=torch.Generator().manual_seed(step))
        model(inputs).square().mean().backward()
        by.step()
        by.zero_grad()


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("before", [0, 3])
def test_a_restored_optimizer_goes_on_to_the_bit(name: str, before: int, tmp_path):
    settings = TrainingSettings(optimizer=name, learning_rate=1e-2)
    model = little()
    first = optimizer(model, settings)
    stepped(model, first, before)
    plain, tensors = checkpoints.optimizer_state(first)
    weights = {n: w.detach().clone() for n, w in model.named_parameters()}
    checkpoints.save(tmp_path, before, {"optimizer": plain}, {"optimizer": tensors, "weights": weights})
    stepped(model, first, 3, before)

    told, groups = checkpoints.latest(tmp_path)
    again = little()
    again.load_state_dict(groups["weights"])
    second = optimizer(again, settings)
    checkpoints.restore_optimizer(second, told["optimizer"], groups["optimizer"])
    stepped(again, second, 3, before)
    for ours, theirs in zip(model.parameters(), again.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_biases_and_norms_are_not_pulled_towards_nought():
    groups = optimizer(little(), TrainingSettings(weight_decay=0.1)).param_groups
    assert [(g["weight_decay"], {w.ndim for w in g["params"]}) for g in groups] == [(0.1, {2}), (0.0, {1})]


def test_lower_layers_take_smaller_steps_where_asked(tiny_encoder):
    """Howard & Ruder 2018: each layer takes the share of the one above it."""
    from core.models.catalogue import find
    from core.models.loading import new_model, open_base
    from core.models.methods import method
    from core.training.optimizers import set_rate

    model = new_model(open_base(find(str(tiny_encoder))), ("a", "b"))
    settings = TrainingSettings(method="full", layer_decay=0.5)
    method("full").prepare(model, settings)
    found = optimizer(model, settings)
    set_rate(found, 0.08)
    names = {id(weights): name for name, weights in model.named_parameters()}
    rates = {names[id(w)]: group["lr"] for group in found.param_groups for w in group["params"]}
    assert rates["head.weight"] == rates["body.encoder.layer.1.output.dense.weight"] == 0.08
    assert rates["body.encoder.layer.0.output.dense.bias"] == 0.04
    assert rates["body.embeddings.word_embeddings.weight"] == 0.02
    assert len(rates) == sum(w.requires_grad for w in model.parameters())
