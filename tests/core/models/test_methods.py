"""What learns under each method, and that what is added is gone again in the end."""

from __future__ import annotations

import pytest
import torch

from core.errors import ModelError
from core.models.catalogue import find
from core.models.loading import new_model, open_base
from core.models.methods import METHODS, method
from core.models.parts import layers_of
from core.training.settings import TrainingSettings

IDS, MASK = torch.tensor([[2, 60, 61, 3]]), torch.ones(1, 4, dtype=torch.long)


@pytest.fixture
def model(tiny_encoder):
    return new_model(open_base(find(str(tiny_encoder))), ("a", "b"), dropout=0.0).eval()


def learning(model) -> set[str]:
    return {name for name, weights in model.named_parameters() if weights.requires_grad}


def test_every_method_of_the_settings_is_in_the_table():
    from core.settings import knobs

    offered = next(k for k in knobs(TrainingSettings) if k.name == "method")
    assert set(offered.choices) == set(METHODS)


def test_head_moves_only_the_last_layer(model):
    method("head").prepare(model, TrainingSettings())
    assert learning(model) == {"head.weight", "head.bias"}


def test_full_moves_all_that_is_used(model):
    method("full").prepare(model, TrainingSettings())
    still = {name for name, _ in model.named_parameters()} - learning(model)
    assert all("pooler" in name for name in still)


def test_top_moves_the_last_layer_and_the_upper_ones(model):
    method("top").prepare(model, TrainingSettings(top_layers=1))
    assert {name.split(".")[0] for name in learning(model)} == {"head", "body"}
    assert all(name.startswith(("head.", "body.encoder.layer.1.")) for name in learning(model))
    assert len(layers_of(model)) == 2


def test_lora_moves_only_the_added_matrices_and_leaves_the_answers_at_first(model):
    before = model(IDS, MASK)
    method("lora").prepare(model, TrainingSettings(lora_rank=4))
    assert all("lora_" in name or name.startswith("head.") for name in learning(model))
    assert any("lora_A" in name for name in learning(model))
    torch.testing.assert_close(model.eval()(IDS, MASK), before)


def test_settled_lora_is_the_plain_model_with_the_same_answers(model, tiny_encoder):
    names = set(new_model(open_base(find(str(tiny_encoder))), ("a", "b")).state_dict())
    method("lora").prepare(model, TrainingSettings(lora_rank=4))
    with torch.no_grad():
        for name, weights in model.named_parameters():
            if "lora_B" in name:
                weights.normal_(std=0.1)
    tuned = model.eval()(IDS, MASK)
    method("lora").settle(model)
    torch.testing.assert_close(model(IDS, MASK), tuned, atol=1e-5, rtol=1e-4)
    assert set(model.state_dict()) == names


def test_a_method_that_is_not_there_is_named_with_those_that_are():
    with pytest.raises(ModelError, match="full, lora, head, top, lpft"):
        method("hypnosis")
