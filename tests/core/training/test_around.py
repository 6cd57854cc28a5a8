"""What is wrapped around the loss: each does what it says, and a run with it that is broken off goes on to the same bits."""

from __future__ import annotations

import pytest
import torch
from run_folders import weights, write_run
from test_worker import TUNING, broken_off_and_gone_on, carried_out

from core.training.around.averaging import MovingAverage

WAYS = {
    "average": {"average_decay": 0.9},
    "last_mean": {"average_last": 0.6, "average_decay": 0.0},
    "sampling": {"sampling": "equal"},
    "varying": {"vary_texts": ["typos", "drop", "swap", "synonyms"], "vary_words": 0.3},
    "mixup": {"mixup": 0.5},
    "agreement": {"agreement": 1.0},
    "adversarial": {"adversarial": 1.0},
}


@pytest.mark.parametrize("name", WAYS)
def test_broken_off_and_gone_on_ends_with_the_same_bits(name, tiny_encoder, tmp_path):
    settings = {
        **TUNING,
        "epochs": 3,
        "patience": 0,
        "start_from_probe": False,
        **WAYS[name],
    }  # it is broken off while it tunes
    whole = carried_out(write_run(tmp_path / "whole", tiny_encoder, ["full"], **settings))
    broken = write_run(tmp_path / "broken", tiny_encoder, ["full"], **settings)
    assert weights(broken_off_and_gone_on(broken, checks=2)) == weights(whole)


LAST = {**TUNING, "keep_best": False}


@pytest.fixture(scope="module")
def plain(tiny_encoder, tmp_path_factory):
    """A run with nothing wrapped around its loss."""
    return carried_out(write_run(tmp_path_factory.mktemp("plain") / "run", tiny_encoder, ["full"], **LAST))


@pytest.mark.parametrize("name", WAYS)
def test_it_changes_what_is_learnt(name, plain, tiny_encoder, tmp_path):
    wrapped = carried_out(write_run(tmp_path / "wrapped", tiny_encoder, ["full"], **LAST, **WAYS[name]))
    assert weights(plain) != weights(wrapped)


def test_the_mean_of_the_weights_follows_the_formula_and_stands_in_only_while_it_is_asked():
    model = torch.nn.Linear(2, 1, bias=False)
    with torch.no_grad():
        model.weight.fill_(0.0)
    mean = MovingAverage(model, 0.5)
    expected = torch.zeros(1, 2)
    for step, value in enumerate((1.0, 2.0, 3.0), 1):
        with torch.no_grad():
            model.weight.fill_(value)
        mean.stepped(model, step)
        kept = min(0.5, (1 + step) / (10 + step))
        expected = kept * expected + (1 - kept) * value
    with mean.asking(model):
        assert torch.allclose(model.weight, expected)
    assert torch.equal(model.weight, torch.full((1, 2), 3.0))
