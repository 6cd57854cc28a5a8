"""Every example once, in batches of like length, in an order that the seed decides."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from core.tasks.base import Example
from core.training.batches import bucketed, by_tokens, padded, parts, shuffled

LENGTHS = np.random.default_rng(4).integers(3, 60, size=500)
EXAMPLES = [Example(i, np.full(n, 7, dtype=np.int32)) for i, n in enumerate(LENGTHS)]


def padding(batches) -> int:
    return sum(len(b) * max(len(e.input_ids) for e in b) - sum(len(e.input_ids) for e in b) for b in batches)


@pytest.mark.parametrize("arrange", [bucketed, shuffled])
def test_every_example_comes_once_a_round(arrange):
    rows = sorted(e.row for batch in arrange(EXAMPLES, 32, seed=1) for e in batch)
    assert rows == list(range(500))


@pytest.mark.parametrize("arrange", [bucketed, shuffled])
def test_the_seed_decides_the_order(arrange):
    def order(seed: int) -> list[list[int]]:
        return [[e.row for e in batch] for batch in arrange(EXAMPLES, 32, seed)]

    assert order(1) == order(1)
    assert order(1) != order(3)


def test_batches_of_like_length_need_a_tenth_of_the_padding():
    assert padding(bucketed(EXAMPLES, 16, 1)) < 0.1 * padding(shuffled(EXAMPLES, 16, 1))


def test_answering_batches_keep_to_their_budget():
    batches = list(by_tokens(EXAMPLES, tokens=256, most=20))
    assert sorted(e.row for batch in batches for e in batch) == list(range(500))
    assert all(len(b) * max(len(e.input_ids) for e in b) <= 256 and len(b) <= 20 for b in batches)
    assert list(by_tokens([])) == []


def test_one_long_text_still_makes_a_batch():
    assert len(list(by_tokens([Example(0, np.zeros(9999, np.int32))], tokens=10))) == 1


def test_padding_is_masked():
    batch = padded([EXAMPLES[0], Example(1, np.array([5], np.int32))], SimpleNamespace(pad_token_id=9))
    assert batch["input_ids"].shape == (2, LENGTHS[0])
    assert batch["attention_mask"].sum(1).tolist() == [LENGTHS[0], 1]
    assert batch["input_ids"][1].tolist() == [5] + [9] * (LENGTHS[0] - 1)


@pytest.mark.parametrize("splits", [1, 2, 4, 64])
def test_cut_batches_hold_the_same_examples(splits: int):
    batches = bucketed(EXAMPLES[:70], 32, 1)
    assert [e.row for p in parts(batches, splits) for e in p] == [e.row for b in batches for e in b]
    assert max(len(p) for p in parts(batches, splits)) == -(-32 // splits)
