"""Several examples in one row without any of them seeing another, so that short texts waste no padding.

Positions restart with each example, and attention stays within it. Transformers finds the borders by itself where positions restart
and no attention mask is given (also for flash attention's varlen kernels and for sliding windows); models that do not look there get
a block-diagonal mask. `way` tries both on the model at hand and believes only the losses.
Knows nothing of tasks: an example is a list of token ids and a list of which of them are learnt.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import torch
from torch.nn import functional

Way = Literal["positions", "mask"]
UNLEARNT = -100  # a target that counts for nothing
AGREEMENT = 1e-4  # between the loss of an example alone and packed


def fill(lengths: Sequence[int], budget: int, seed: int) -> list[list[int]]:
    """Rows of examples (by their places), each of at most `budget` tokens, every example once.

    First fit decreasing (Johnson 1973: at most 11/9 of the fewest rows possible, plus one). Examples of one length, the order
    within a row and the order of the rows are shuffled by `seed`. An example longer than the budget gets a row of its own.
    """
    dice = np.random.default_rng(seed)
    order = sorted(dice.permutation(len(lengths)).tolist(), key=lambda i: -lengths[i])
    rows: list[list[int]] = []
    room = _Room(len(lengths))
    for i in order:
        place = room.first(lengths[i])
        if place is None:
            place = len(rows)
            rows.append([])
            room.open(max(budget - lengths[i], 0))
        else:
            room.take(place, lengths[i])
        rows[place].append(i)
    for row in rows:
        dice.shuffle(row)
    return [rows[i] for i in dice.permutation(len(rows)).tolist()]


def packed(
    rows: Sequence[Sequence[tuple[Sequence[int], Sequence[bool]]]], pad: int, way: Way = "positions"
) -> dict[str, torch.Tensor]:
    """A batch of rows of examples (token ids, which of them are learnt), each tensor (rows, tokens of the longest row).

    `input_ids`, `position_ids`, `labels` (the tokens themselves or -100; the model shifts them, and no first token of an example is
    ever a target), `example` (number within the batch; -1 is padding), and for `way="mask"` `attention_mask` (rows, 1, tokens, tokens).
    """
    longest = max(sum(len(ids) for ids, _ in row) for row in rows)
    shape = (len(rows), longest)
    ids, labels = np.full(shape, pad, dtype=np.int64), np.full(shape, UNLEARNT, dtype=np.int64)
    positions, example = np.zeros(shape, dtype=np.int64), np.full(shape, -1, dtype=np.int64)
    number = 0
    for r, row in enumerate(rows):
        at = 0
        for tokens, learnt in row:
            place = slice(at, at + len(tokens))
            ids[r, place] = tokens
            labels[r, place] = np.where(learnt, tokens, UNLEARNT)
            labels[r, at] = UNLEARNT
            positions[r, place] = np.arange(len(tokens))
            example[r, place] = number
            at += len(tokens)
            number += 1
    batch = {"input_ids": ids, "position_ids": positions, "labels": labels, "example": example}
    tensors = {name: torch.from_numpy(values) for name, values in batch.items()}
    if way == "mask":
        tensors["attention_mask"] = apart(tensors["example"])
    return tensors


def apart(example: torch.Tensor, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """What is added to attention scores, (rows, 1, tokens, tokens): nought towards earlier tokens of the same example, else the
    lowest number there is. Padding sees padding, so that no token is left without anything to see."""
    tokens = example.shape[1]
    earlier = torch.ones(tokens, tokens, dtype=torch.bool, device=example.device).tril()
    seen = (example[:, :, None] == example[:, None, :]) & earlier
    return torch.zeros(seen.shape, dtype=dtype, device=example.device).masked_fill(~seen, torch.finfo(dtype).min)[
        :, None
    ]


def forward(model: Any, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Logits (rows, tokens, vocabulary) of a packed batch."""
    more = {"attention_mask": batch["attention_mask"]} if "attention_mask" in batch else {}
    return model(
        input_ids=batch["input_ids"], position_ids=batch["position_ids"], use_cache=False, **more
    ).logits  # a cache would hide the borders


def losses(logits: torch.Tensor, batch: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """Summed negative log likelihood of each example's learnt tokens and how many those are, both (examples,) float32."""
    targets = batch["labels"][:, 1:]
    owner = batch["example"][:, 1:].flatten()
    each = functional.cross_entropy(
        logits[:, :-1].float().flatten(0, 1), targets.flatten(), ignore_index=UNLEARNT, reduction="none"
    )
    kept = owner >= 0
    sums = each.new_zeros(int(batch["example"].max()) + 1)
    counts = torch.zeros_like(sums)
    sums = sums.index_add(0, owner[kept], each[kept])
    counts = counts.index_add(0, owner[kept], (targets.flatten() != UNLEARNT)[kept].to(counts.dtype))
    return sums, counts


def way(model: Any, pad: int = 0) -> Way | None:
    """How this model keeps examples apart, found by trying; None where it cannot (then rows hold one example each).

    Three short made-up texts go through it alone and packed. Weights and random state stay as they are.
    """
    limit = int(getattr(model.config, "vocab_size", 0) or model.get_input_embeddings().num_embeddings)
    dice = np.random.default_rng(0)
    examples = [(dice.integers(0, limit, size=n).tolist(), [True] * n) for n in (5, 7, 4)]
    device = next(model.parameters()).device
    training = model.training
    model.eval()
    try:
        with torch.no_grad():
            alone = torch.cat([_means(model, packed([[e]], pad), device, plain=True) for e in examples])
            tried: tuple[Way, ...] = ("positions", "mask")
            for one in tried:
                try:
                    together = _means(model, packed([examples], pad, one), device)
                except (TypeError, ValueError, RuntimeError):  # takes no positions, or no mask of that shape
                    continue
                if torch.allclose(alone, together, atol=_tolerance(model), rtol=0):
                    return one
    finally:
        model.train(training)
    return None


def _means(model: Any, batch: dict[str, torch.Tensor], device: torch.device, plain: bool = False) -> torch.Tensor:
    batch = {name: tensor.to(device) for name, tensor in batch.items()}
    logits = model(input_ids=batch["input_ids"], use_cache=False).logits if plain else forward(model, batch)
    sums, counts = losses(logits, batch)
    return sums / counts


def _tolerance(model: Any) -> float:
    """Half-precision weights agree to about two digits only; a leak differs by far more."""
    return AGREEMENT if next(model.parameters()).dtype == torch.float32 else 5e-2


class _Room:
    """Free tokens of rows, as a tree of maxima: the first row with enough of them is found in log(rows) steps."""

    def __init__(self, most: int):
        self.size = 1 << max(most - 1, 1).bit_length()
        self.tree = np.full(2 * self.size, -1, dtype=np.int64)
        self.rows = 0

    def first(self, wanted: int) -> int | None:
        if self.tree[1] < wanted:
            return None
        at = 1
        while at < self.size:
            at = 2 * at if self.tree[2 * at] >= wanted else 2 * at + 1
        return at - self.size

    def open(self, free: int) -> None:
        self._set(self.rows, free)
        self.rows += 1

    def take(self, place: int, used: int) -> None:
        self._set(place, int(self.tree[self.size + place]) - used)

    def _set(self, place: int, free: int) -> None:
        at = self.size + place
        self.tree[at] = free
        while at > 1:
            at //= 2
            self.tree[at] = max(self.tree[2 * at], self.tree[2 * at + 1])
