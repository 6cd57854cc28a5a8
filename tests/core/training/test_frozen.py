"""Only the last layer, in steps: what the body makes of the texts is computed once, and what is learnt is what the body would have taught."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from contract_rows import write_run as write_task_run
from run_folders import events, weights, write_run
from safetensors.numpy import load_file
from test_worker import TUNING, broken_off_and_gone_on, carried_out

from core.tasks import task
from core.training import frozen
from core.training.phases import Phase, seconds
from core.training.settings import TrainingSettings
from core.workspace import read_json, write_json

STEPS = {**TUNING, "learning_rate": 1e-2, "epochs": 6, "patience": 0, "start_from_probe": False, "dropout": 0.0}
LOSS = {"loss": "focal", "label_smoothing": 0.1}


def layer(folder: Path) -> np.ndarray:
    """The last layer of the kept model, weights and offsets in one row."""
    found = {}
    for file in sorted((folder / "model").glob("*.safetensors")):
        found |= load_file(file)
    names = ["weight", "bias"] if "weight" in found else ["classifier.weight", "classifier.bias"]
    names = names if names[0] in found else ["qa_outputs.weight", "qa_outputs.bias"]
    return np.concatenate([found[name].ravel() for name in names])


@pytest.fixture(scope="module")
def kept(tiny_encoder, tmp_path_factory):
    return carried_out(
        write_run(tmp_path_factory.mktemp("head") / "kept", tiny_encoder, ["headsteps"], **STEPS, **LOSS)
    )


def test_the_last_layer_learns_from_what_is_kept_as_it_does_through_the_body(kept, tiny_encoder, tmp_path, monkeypatch):
    monkeypatch.setattr(frozen, "MOST", 0)
    through = carried_out(write_run(tmp_path / "through", tiny_encoder, ["headsteps"], **STEPS, **LOSS))
    assert [e["values"] for e in events(through, "noticed") if e["code"] == "body_each_round"] == [{"why": "room"}]
    assert not [e for e in events(kept, "noticed") if e["code"] == "body_each_round"]
    np.testing.assert_allclose(layer(kept), layer(through), atol=2e-5)
    asked = [[e["scores"]["accuracy"] for e in events(run, "evaluated")] for run in (kept, through)]
    assert asked[0] == asked[1]
    assert asked[0][-1] >= 0.8


def test_nothing_but_the_last_layer_moves_and_nothing_is_left_behind(kept, tiny_encoder):
    before, after = load_file(tiny_encoder / "model.safetensors"), load_file(kept / "model" / "model.safetensors")
    assert all(np.array_equal(before[name], after[name]) for name in before)
    assert not (kept / "features").exists()


def test_broken_off_and_gone_on_ends_with_the_same_bits(kept, tiny_encoder, tmp_path):
    broken = write_run(tmp_path / "broken", tiny_encoder, ["headsteps"], **STEPS, **LOSS)
    assert weights(broken_off_and_gone_on(broken, checks=2)) == weights(kept)


@pytest.mark.parametrize("name", ["tokens", "answers"])
def test_a_layer_that_looks_at_every_word_learns_from_kept_states(name, tiny_encoder, tmp_path, monkeypatch):
    settings = {**STEPS, "epochs": 3.0, "method": "headsteps"}
    for way in ("kept", "through"):
        if way == "through":
            monkeypatch.setattr(frozen, "MOST", 0)
        write_task_run(tmp_path / way, task(name), tiny_encoder, **settings)
        spec = read_json(tmp_path / way / "run.json")
        spec["phases"] = [{"method": "headsteps", "settings": {}, "fresh": False}]
        write_json(tmp_path / way / "run.json", spec)
        carried_out(tmp_path / way)
        noticed = [e["code"] for e in events(tmp_path / way, "noticed")]
        assert ("body_each_round" in noticed) == (way == "through")
    one, other = (layer(tmp_path / way) for way in ("kept", "through"))
    if name == "answers":  # the same offset at every word changes no answer, so that its gradient is rounding alone
        one, other = one[:-2], other[:-2]
    np.testing.assert_allclose(one, other, atol=5e-5)


def test_what_is_left_to_do_counts_no_pass_through_the_body_for_rounds_on_kept_features():
    settings = TrainingSettings(epochs=2, batch_size=10)
    steps = [Phase(0, "full", settings, True), Phase(1, "headsteps", settings, True)]
    assert seconds(steps, 100, pace=0.5) == seconds(steps[:1], 100, pace=0.5) == pytest.approx(100.0)
    timed = Phase(1, "headsteps", TrainingSettings(length="minutes", minutes=2), True)
    assert seconds([timed], 100, pace=0.5) == 120, "the clock decides"
