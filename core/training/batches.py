"""Examples in batches: of like length, so that little is padding. Knows lengths and orders, not what the tokens mean.

Measured on BANKING77, same model and machine: 8 examples a second padded to 128 at batch 8, 27 padded to the batch at
32 in random order, 74 with batches of like length at 32.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch

from core.tasks.base import Example

POOL = 50  # batches that are sorted by length together: wide enough for like lengths, narrow enough for chance
TOKENS = 4096  # tokens of a batch, padding included, where no gradient is kept: enough for two cores
TOKENS_GPU = 65_536


def bucketed(examples: Sequence[Example], size: int, seed: int) -> list[list[Example]]:
    """Every example once, in batches of like length, the batches in random order."""
    order = np.random.default_rng(seed).permutation(len(examples))
    batches = []
    for start in range(0, len(order), POOL * size):
        pool = sorted(order[start : start + POOL * size].tolist(), key=lambda i: len(examples[i].input_ids))
        batches += [pool[i : i + size] for i in range(0, len(pool), size)]
    turns = np.random.default_rng(seed + 1).permutation(len(batches))
    return [[examples[i] for i in batches[turn]] for turn in turns]


def shuffled(examples: Sequence[Example], size: int, seed: int) -> list[list[Example]]:
    """Every example once, in random order."""
    order = np.random.default_rng(seed).permutation(len(examples)).tolist()
    return [[examples[i] for i in order[start : start + size]] for start in range(0, len(order), size)]


def by_tokens(examples: Sequence[Example], tokens: int = TOKENS, most: int = 256) -> Iterator[list[Example]]:
    """Batches of like length for answering, shortest first: as many texts as `tokens` hold, at most `most`."""
    batch: list[Example] = []
    for i in sorted(range(len(examples)), key=lambda i: len(examples[i].input_ids)):
        if batch and (len(batch) == most or (len(batch) + 1) * len(examples[i].input_ids) > tokens):
            yield batch
            batch = []
        batch.append(examples[i])
    if batch:
        yield batch


def padded(examples: Sequence[Example], processor: Any) -> dict[str, torch.Tensor]:
    """input_ids and attention_mask, (batch, tokens of the longest)."""
    longest = max(len(e.input_ids) for e in examples)
    ids = np.full((len(examples), longest), processor.pad_token_id or 0, dtype=np.int64)
    mask = np.zeros((len(examples), longest), dtype=np.int64)
    for i, example in enumerate(examples):
        ids[i, : len(example.input_ids)] = example.input_ids
        mask[i, : len(example.input_ids)] = 1
    return {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)}


def parts(batches: Sequence[list[Example]], splits: int) -> list[list[Example]]:
    """The batches of one step, each cut into `splits` smaller ones (after running out of memory)."""
    if splits == 1:
        return list(batches)
    cut = []
    for batch in batches:
        size = -(-len(batch) // splits)
        cut += [batch[i : i + size] for i in range(0, len(batch), size)]
    return cut
