"""Cutting a model: the right layers and neurons stay, and what neurons are worth is what the loss says of them."""

from __future__ import annotations

import copy

import pytest
import torch

from core.models import cutting
from core.models.catalogue import find
from core.models.loading import new_model, open_base


@pytest.fixture
def model(tiny_encoder):
    torch.manual_seed(3)
    return new_model(open_base(find(str(tiny_encoder))), ["a", "b"], dropout=0.0).eval()


IDS = torch.tensor([[2, 7, 9, 11, 3], [2, 8, 8, 3, 0]])
MASK = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 1, 0]])


def test_layers_are_spread_evenly_and_the_last_one_stays():
    assert cutting.spread(6, 3) == [1, 3, 5] and cutting.spread(6, 2) == [2, 5] and cutting.spread(12, 1) == [11]
    assert all(len(cutting.spread(n, k)) == k for n in range(2, 25) for k in range(1, n))


def test_a_model_without_its_upper_layer_says_what_the_lower_one_says(model):
    states = model.body(input_ids=IDS, attention_mask=MASK, output_hidden_states=True).hidden_states
    cutting.keep_layers(model, [0])
    assert torch.allclose(model.body(input_ids=IDS, attention_mask=MASK).last_hidden_state, states[1], atol=1e-6)
    assert model.body.config.num_hidden_layers == 1


def test_neurons_that_do_nothing_can_go_and_no_answer_changes(model):
    for layer in cutting.feed_forwards(model):
        with torch.no_grad():
            layer.down.weight[:, 10:42] = 0  # nothing comes out of half of them
    before = model(IDS, MASK)
    loss = lambda _: torch.nn.functional.cross_entropy(model(IDS, MASK), torch.tensor([0, 1]))  # noqa: E731
    for worth in (cutting.by_size(model), cutting.by_gradient(model, [0], loss)):
        cut = copy.deepcopy(model)
        assert cutting.keep_neurons(cut, worth, 0.5) == 32
        assert torch.allclose(cut(IDS, MASK), before, atol=1e-6)


def test_what_a_neuron_is_worth_is_the_slope_of_the_loss_along_it(model):
    """|activation * gradient| is how the loss changes as the neuron is turned down, here by a small step; one token, so that no sum hides a sign."""
    ids, mask = torch.tensor([[7]]), torch.tensor([[1]])
    loss = lambda _=None: torch.nn.functional.cross_entropy(model(ids, mask), torch.tensor([1]))  # noqa: E731
    worth = cutting.by_gradient(model, [0], loss)[1]
    down, step, number = cutting.feed_forwards(model)[1].down, 1e-2, int(worth.argmax())
    with torch.no_grad():
        column = down.weight[:, number].clone()
        up, low = [], []
        for factor, kept in ((1 + step, up), (1 - step, low)):
            down.weight[:, number] = column * factor
            kept.append(float(loss()))
    assert abs(up[0] - low[0]) / (2 * step) == pytest.approx(float(worth[number]), rel=0.05)


def test_the_smallest_weights_of_all_matrices_together_become_nought(model):
    vectors = model.body.embeddings.word_embeddings.weight.clone()
    matrices = [
        m.weight for layer in model.body.encoder.layer for m in layer.modules() if isinstance(m, torch.nn.Linear)
    ]
    before = torch.cat([w.detach().abs().reshape(-1) for w in matrices])
    zeros = cutting.zero_smallest(model, 0.3)
    after = torch.cat([w.detach().abs().reshape(-1) for w in matrices])
    assert zeros == int((after == 0).sum()) == round(0.3 * len(before))
    assert before[after == 0].max() <= before[after != 0].min()
    assert torch.equal(model.body.embeddings.word_embeddings.weight, vectors)
