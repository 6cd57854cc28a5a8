"""What tasks of one text and one fixed row of outputs share, as plain functions: token ids in, one row of outputs a text out.

Knows nothing of labels, losses or numbers. Importing it brings no torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from core.tasks.base import Example, Row

if TYPE_CHECKING:
    import torch

AT_ONCE = 2_000  # texts handed to the tokenizer together


def encoded(rows: Sequence[Row], processor: Any, settings: Any) -> Iterable[Example]:
    """Token ids of each row's text, cut at `settings.max_length`; one example a row, no padding."""
    for start in range(0, len(rows), AT_ONCE):
        texts = [str(row["text"]) for row in rows[start : start + AT_ONCE]]
        found = processor(texts, truncation=True, max_length=settings.max_length, return_attention_mask=False)
        for offset, ids in enumerate(found["input_ids"]):
            yield Example(start + offset, np.asarray(ids, dtype=np.int32))


def collated(
    examples: Sequence[Example], targets: Sequence[np.ndarray] | None, processor: Any
) -> dict[str, torch.Tensor]:
    """input_ids and attention_mask (batch, tokens of the longest), targets (batch, outputs) in fp32."""
    import torch

    from core.training.batches import padded

    batch = padded(examples, processor)
    if targets is not None:
        batch["targets"] = torch.from_numpy(np.stack(targets).astype(np.float32))
    return batch


def averaged(values: np.ndarray, count: int, examples: Sequence[Example]) -> np.ndarray:
    """(rows, outputs) from (examples, outputs): the mean over the windows of each row, in the order of the `count` rows."""
    sums = np.zeros((count, values.shape[1]), dtype=np.float64)
    windows = np.zeros((count, 1))
    places = [example.row for example in examples]
    np.add.at(sums, places, values)
    np.add.at(windows, places, 1)
    return sums / np.maximum(windows, 1)
