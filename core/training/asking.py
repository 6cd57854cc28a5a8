"""Forward passes without learning: what a model answers, and the features under its last layer."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from core.device import Device, give_back
from core.tasks.base import Example, Task
from core.training.batches import TOKENS, TOKENS_GPU, by_tokens
from core.training.precision import autocast, out_of_memory
from core.workspace import read_json, write_json

Progress = Callable[[int, int], None]
FLUSH = 40  # batches between two safety copies of the features


def outputs(
    model: torch.nn.Module,
    examples: Sequence[Example],
    task: Task,
    processor: Any,
    device: Device,
    progress: Progress = lambda done, total: None,
) -> list[np.ndarray]:
    """What the task's `decode` needs of each example, in the order of `examples`. The model must be in eval mode."""
    places = {id(example): i for i, example in enumerate(examples)}
    found: list[Any] = [None] * len(examples)
    done = 0
    with torch.inference_mode(), autocast(device):
        for batch in by_tokens(examples, *budget(device)):

            def ask(part: Sequence[Example]) -> Sequence[Any]:
                inputs = {k: v.to(device.name) for k, v in task.collate(part, None, processor).items()}
                return list(task.outputs(model, inputs, part))

            for example, output in zip(batch, within_memory(batch, ask, device), strict=True):
                found[places[id(example)]] = output
            done += len(batch)
            progress(done, len(examples))
    return found


def features(
    model: Any,
    examples: Sequence[Example],
    task: Task,
    processor: Any,
    device: Device,
    path: Path | None = None,
    progress: Progress = lambda done, total: None,
) -> np.ndarray:
    """(examples, width) in fp32; with a `path` (.npy) kept there as they are computed, so that a worker that was killed goes on where it was."""
    shape = (len(examples), model.head.in_features)
    kept, begin = _opened(path, shape) if path and examples else (np.zeros(shape, dtype=np.float32), 0)
    places = {id(example): i for i, example in enumerate(examples)}
    done = 0
    model.eval()
    with torch.inference_mode(), autocast(device):
        for number, batch in enumerate(by_tokens(examples, *budget(device))):
            done += len(batch)
            if number < begin:
                continue

            def ask(part: Sequence[Example]) -> Sequence[np.ndarray]:
                inputs = {k: v.to(device.name) for k, v in task.collate(part, None, processor).items()}
                return list(task.features(model, inputs).float().cpu().numpy())

            kept[[places[id(example)] for example in batch]] = within_memory(batch, ask, device)
            if path and isinstance(kept, np.memmap) and ((number + 1) % FLUSH == 0 or done == len(examples)):
                kept.flush()
                write_json(path.with_suffix(".json"), {"batches": number + 1, "shape": list(shape)})
            progress(done, len(examples))
    return kept


def within_memory(
    batch: Sequence[Example], ask: Callable[[Sequence[Example]], Sequence[Any]], device: Device
) -> list[Any]:
    """What `ask` answers for each example of the batch; where memory is short, half of them at a time."""
    try:
        return list(ask(batch))
    except Exception as error:
        if len(batch) == 1 or not out_of_memory(error):
            raise
    give_back(device)  # outside the except clause, which would keep the failed tensors alive
    half = len(batch) // 2
    return [*within_memory(batch[:half], ask, device), *within_memory(batch[half:], ask, device)]


def budget(device: Device) -> tuple[int, int]:
    """Tokens and texts of a batch at most."""
    return (TOKENS, 256) if device.kind == "cpu" else (TOKENS_GPU, 1024)


def _opened(path: Path, shape: tuple[int, int]) -> tuple[np.ndarray, int]:
    """The file as an array, and how many batches of it are computed."""
    begin = _kept(path.with_suffix(".json"), shape) if path.exists() else 0
    path.parent.mkdir(parents=True, exist_ok=True)
    mode: Any = "r+" if begin else "w+"
    return np.lib.format.open_memmap(path, mode=mode, dtype=np.float32, shape=None if begin else shape), begin


def _kept(told: Path, shape: tuple[int, int]) -> int:
    """How many batches are there already."""
    try:
        known = read_json(told)
        return int(known["batches"]) if tuple(known["shape"]) == shape else 0
    except (FileNotFoundError, json.JSONDecodeError, KeyError):
        return 0
