"""Packing: every example once, within the budget, and none sees another."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from core.training import packing

STORIES = [
    "Once upon a time, there was a little girl named Lily.",
    "Tom had a red ball. He liked to play with it in the park every day.",
    "The end.",
    "One day, a big dog came to the house and said hello to the cat. They were happy.",
    "It was cold.",
]


@pytest.fixture(scope="module")
def stories(data_dir: Path):
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(data_dir / "stories260k")


def opened(data_dir: Path, attention: str):
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(data_dir / "stories260k", attn_implementation=attention).eval()


def examples(tokenizer) -> list[tuple[list[int], list[bool]]]:
    """The second half of each text is learnt, as an answer would be."""
    all_ids = tokenizer(STORIES)["input_ids"]
    return [(ids, [place >= len(ids) // 2 for place in range(len(ids))]) for ids in all_ids]


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("way", ["positions", "mask"])
def test_the_loss_on_each_example_is_that_of_the_example_alone(data_dir: Path, stories, attention: str, way: str):
    model = opened(data_dir, attention)
    parts = examples(stories)
    with torch.no_grad():
        alone = []
        for ids, learnt in parts:
            labels = torch.tensor([[t if yes else -100 for t, yes in zip(ids, learnt, strict=True)]])
            alone.append(float(model(input_ids=torch.tensor([ids]), labels=labels).loss))  # transformers' own loss
        batch = packing.packed([parts[:3], parts[3:]], pad=0, way=way)
        sums, counts = packing.losses(packing.forward(model, batch), batch)
    assert torch.allclose(sums / counts, torch.tensor(alone), atol=1e-4, rtol=0)
    assert counts.tolist() == [sum(learnt[1:]) for _, learnt in parts]


def test_gradients_are_those_of_the_examples_alone(data_dir: Path, stories):
    parts = examples(stories)
    grads = []
    for rows in ([parts], [[p] for p in parts]):
        model = opened(data_dir, "sdpa").train()
        batch = packing.packed(rows, pad=0)
        packing.losses(packing.forward(model, batch), batch)[0].sum().backward()
        grads.append(torch.cat([w.grad.flatten() for w in model.parameters()]))
    assert torch.allclose(grads[0], grads[1], atol=1e-3, rtol=1e-3)


def test_without_keeping_apart_the_losses_would_differ(data_dir: Path, stories):
    """The comparison above can fail: a plain causal row leaks."""
    model = opened(data_dir, "sdpa")
    batch = packing.packed([examples(stories)], pad=0)
    with torch.no_grad():
        apart = packing.losses(packing.forward(model, batch), batch)[0]
        leaking = packing.losses(model(input_ids=batch["input_ids"]).logits, batch)[0]
    assert torch.allclose(apart[0], leaking[0], atol=1e-3)  # the first sees nothing before it in both
    assert (apart[1:] - leaking[1:]).abs().min() > 0.01


def test_the_way_is_found_by_trying(data_dir: Path):
    from transformers import GPT2Config, GPT2LMHeadModel, MambaConfig, MambaForCausalLM

    assert packing.way(opened(data_dir, "sdpa")) == "positions"
    assert packing.way(opened(data_dir, "eager")) == "positions"
    small = GPT2LMHeadModel(GPT2Config(vocab_size=50, n_positions=32, n_embd=16, n_layer=2, n_head=2))
    small.train()
    assert packing.way(small) in ("positions", "mask") and small.training
    recurrent = MambaForCausalLM(MambaConfig(vocab_size=50, hidden_size=16, num_hidden_layers=2, state_size=4))
    assert packing.way(recurrent) is None  # its state runs on across the border


def test_every_example_stands_in_one_row_within_the_budget():
    lengths = np.random.default_rng(3).integers(1, 200, size=400).tolist()
    rows = packing.fill(lengths, 256, seed=0)
    assert sorted(i for row in rows for i in row) == list(range(400))
    sums = [sum(lengths[i] for i in row) for row in rows]
    assert max(sums) <= 256
    fewest = -(-sum(lengths) // 256)
    assert len(rows) <= fewest * 11 / 9 + 1


def test_first_fit_decreasing_by_hand():
    rows = packing.fill([6, 5, 4, 3, 2], 10, seed=0)
    assert sorted(sorted(row) for row in rows) == [[0, 2], [1, 3, 4]]  # 6 + 4, 5 + 3 + 2


def test_the_seed_decides_the_order_and_nothing_else_does():
    lengths = [5, 5, 5, 5, 3, 3, 3, 9, 1]
    assert packing.fill(lengths, 10, seed=1) == packing.fill(lengths, 10, seed=1)
    assert len({str(packing.fill(lengths, 10, seed=s)) for s in range(5)}) > 1


def test_an_example_longer_than_the_budget_has_a_row_of_its_own():
    rows = packing.fill([30, 4, 3], 10, seed=0)
    assert sorted(sorted(row) for row in rows) == [[0], [1, 2]]
    assert packing.fill([], 10, seed=0) == []
    assert packing.fill([4], 10, seed=0) == [[0]]


def test_a_batch_by_hand():
    batch = packing.packed([[([7, 8, 9], [False, True, True]), ([4, 5], [True, True])], [([6], [True])]], pad=0)
    assert batch["input_ids"].tolist() == [[7, 8, 9, 4, 5], [6, 0, 0, 0, 0]]
    assert batch["position_ids"].tolist() == [[0, 1, 2, 0, 1], [0, 0, 0, 0, 0]]
    assert batch["labels"].tolist() == [[-100, 8, 9, -100, 5], [-100] * 5]  # no first token is ever asked for
    assert batch["example"].tolist() == [[0, 0, 0, 1, 1], [2, -1, -1, -1, -1]]
    seen = (packing.apart(batch["example"])[:, 0] == 0).int().tolist()
    assert seen[0] == [[1, 0, 0, 0, 0], [1, 1, 0, 0, 0], [1, 1, 1, 0, 0], [0, 0, 0, 1, 0], [0, 0, 0, 1, 1]]
