"""Losses of comparisons, against numbers worked out by hand and against transformers' own loss."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch import tensor

from core.training import preference


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def test_dpo_by_hand():
    # the model moved the chosen answer from -12 to -10 and the rejected one from -9 to -11: a lead of 4
    loss = preference.dpo(tensor([-10.0]), tensor([-11.0]), tensor([-12.0]), tensor([-9.0]), beta=0.5)
    assert float(loss) == pytest.approx(-math.log(sigmoid(2.0)))
    same = preference.dpo(tensor([-3.0]), tensor([-7.0]), tensor([-3.0]), tensor([-7.0]))
    assert float(same) == pytest.approx(math.log(2))  # nothing moved yet


def test_label_smoothing_believes_a_share_of_pairs_to_be_the_wrong_way_round():
    loss = preference.dpo(
        tensor([-10.0]), tensor([-11.0]), tensor([-12.0]), tensor([-9.0]), beta=0.5, label_smoothing=0.1
    )
    assert float(loss) == pytest.approx(-0.9 * math.log(sigmoid(2.0)) - 0.1 * math.log(sigmoid(-2.0)))


def test_orpo_by_hand():
    # mean token probabilities 1/2 and 1/4: odds 1 and 1/3, log odds ratio log 3
    chosen, rejected = tensor([2 * math.log(0.5)]), tensor([3 * math.log(0.25)])
    loss = preference.orpo(chosen, rejected, tensor([2]), tensor([3]), weight=0.2)
    assert float(loss) == pytest.approx(math.log(2) - 0.2 * math.log(3 / 4), rel=1e-5)  # sigmoid(log 3) = 3/4


def test_orpo_stays_finite_at_certainty():
    sure = tensor([0.0], requires_grad=True)
    loss = preference.orpo(sure, tensor([-500.0]), tensor([3]), tensor([3]))
    loss.sum().backward()
    assert torch.isfinite(loss).all() and torch.isfinite(sure.grad).all()


def test_bradley_terry_by_hand():
    loss = preference.bradley_terry(tensor([1.5, 0.0]), tensor([0.5, 0.0]))
    assert loss.tolist() == pytest.approx([-math.log(sigmoid(1.0)), math.log(2)])
    assert float(preference.bradley_terry(tensor([1.5]), tensor([0.5]), margin=1.0)) == pytest.approx(math.log(2))


def test_listwise_by_hand():
    scores = tensor([[math.log(1), math.log(2), math.log(5), 99.0]])  # softmax 1/8, 2/8, 5/8 of those that are there
    there = tensor([[True, True, True, False]])
    clicked = preference.listwise(scores, tensor([[0.0, 0.0, 1.0, 1.0]]), there)
    assert float(clicked) == pytest.approx(-math.log(5 / 8), rel=1e-5)
    two = preference.listwise(scores, tensor([[1.0, 0.0, 3.0, 0.0]]), there)
    assert float(two) == pytest.approx(-0.25 * math.log(1 / 8) - 0.75 * math.log(5 / 8), rel=1e-5)
    grades = tensor([[math.log(2), math.log(1), math.log(1), 7.0]])  # ListNet asks for 2/4, 1/4, 1/4
    listnet = preference.listwise(scores, grades, there, shares="softmax")
    wanted = -0.5 * math.log(1 / 8) - 0.25 * math.log(2 / 8) - 0.25 * math.log(5 / 8)
    assert float(listnet) == pytest.approx(wanted, rel=1e-5)


def test_a_list_in_which_nothing_was_clicked_costs_nothing_and_pulls_nowhere():
    scores = tensor([[0.3, -2.0]], requires_grad=True)
    loss = preference.listwise(scores, tensor([[0.0, 0.0]]), tensor([[True, True]]))
    loss.sum().backward()
    assert float(loss.detach()) == 0 and scores.grad.abs().max() == 0


def test_figures_count_a_tie_half():
    margin = preference.margins(
        tensor([-1.0, -2.0, -3.0]), tensor([-2.0, -2.0, -1.0]), torch.zeros(3), torch.zeros(3), beta=0.5
    )
    assert margin.tolist() == [0.5, 0.0, -1.0]
    assert preference.figures(margin) == pytest.approx({"margin": -1 / 6, "accuracy": 0.5})
    assert preference.figures(torch.zeros(0)) == {}


@pytest.fixture
def stories(data_dir: Path):
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(data_dir / "stories260k").eval()


def batch() -> dict[str, torch.Tensor]:
    ids = tensor([[1, 50, 60, 70, 80, 90], [1, 55, 65, 75, 0, 0]])
    labels = tensor([[-100, -100, 60, 70, 80, 90], [-100, -100, -100, 75, -100, -100]])
    return {"input_ids": ids, "attention_mask": (ids > 0).long(), "labels": labels}


def test_log_probabilities_agree_with_the_models_own_loss(stories):
    with torch.no_grad():
        sums, counts = preference.sequence_logprobs(stories, batch())
        for i, n in enumerate([4, 1]):
            one = {name: values[i : i + 1] for name, values in batch().items()}
            assert float(sums[i]) == pytest.approx(-n * float(stories(**one).loss), abs=1e-4)
    assert counts.tolist() == [4, 1]


def test_log_probabilities_of_an_encoder_decoder(tmp_path: Path):
    from transformers import AutoModelForSeq2SeqLM

    from core.models import blank

    blank.make("seq2seq", "tiny", ["a few words to learn from"] * 9, tmp_path)
    model = AutoModelForSeq2SeqLM.from_pretrained(tmp_path).eval()
    ids = tensor([[9, 10, 11, 2]])
    one = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": tensor([[20, 30, 2, -100]])}
    with torch.no_grad():
        sums, counts = preference.sequence_logprobs(model, one)
        assert float(sums[0]) == pytest.approx(-3 * float(model(**one).loss), abs=1e-4)
    assert counts.tolist() == [3]


@pytest.mark.parametrize("wrapped", [True, False], ids=["PeftModel", "injected"])
def test_with_adapters_off_the_model_is_its_own_reference(stories, wrapped: bool):
    from peft import LoraConfig, get_peft_model, inject_adapter_in_model

    before = preference.reference_logprobs(stories, [batch()])
    config = LoraConfig(
        r=4, target_modules=["q_proj", "v_proj"], init_lora_weights=False
    )  # adapters that say something
    model = get_peft_model(stories, config) if wrapped else inject_adapter_in_model(config, stories)
    model.train()
    learning = [name for name, weights in model.named_parameters() if weights.requires_grad]
    with torch.no_grad():
        tuned = preference.sequence_logprobs(model.eval(), batch())[0]
    model.train()
    reference = preference.reference_logprobs(model, [batch(), batch()])
    assert torch.allclose(reference, before.repeat(2), atol=1e-5)
    assert (tuned - before).abs().max() > 0.01
    assert model.training
    assert [name for name, weights in model.named_parameters() if weights.requires_grad] == learning
    with torch.no_grad():
        assert torch.allclose(preference.sequence_logprobs(model.eval(), batch())[0], tuned)  # on again
    with preference.adapters_off(model) as any_there:
        assert any_there


def test_a_few_steps_of_dpo_turn_a_preference_round(stories):
    """From the reference on, the accuracy rises to 1 and the loss falls below log 2."""
    chosen, rejected = batch(), batch()
    rejected["input_ids"] = tensor([[1, 50, 61, 71, 81, 91], [1, 55, 65, 76, 0, 0]])
    rejected["labels"] = tensor([[-100, -100, 61, 71, 81, 91], [-100, -100, -100, 76, -100, -100]])
    good, bad = (preference.reference_logprobs(stories, [b]) for b in (chosen, rejected))
    optimizer = torch.optim.AdamW(stories.parameters(), lr=1e-3)
    losses = []
    for _ in range(8):
        now = [preference.sequence_logprobs(stories, b)[0] for b in (chosen, rejected)]
        loss = preference.dpo(*now, good, bad).mean()
        losses.append(float(loss.detach()))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert losses[0] == pytest.approx(math.log(2), abs=1e-4) and losses[-1] < 0.6
    margin = preference.margins(*(x.detach() for x in now), good, bad, beta=0.1)
    assert preference.figures(margin)["accuracy"] == 1.0
