"""Forward passes without learning: what a model answers, and the features under its last layer."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from core.device import Device
from core.tasks.base import Example, Task
from core.training.batches import TOKENS, TOKENS_GPU, by_tokens
from core.training.precision import autocast
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
            inputs = {k: v.to(device.name) for k, v in task.collate(batch, None, processor).items()}
            for example, output in zip(batch, task.outputs(model, inputs, batch), strict=True):
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
    path: Path,
    progress: Progress = lambda done, total: None,
) -> np.ndarray:
    """(examples, width) in fp32, kept in `path` (.npy) as they are computed; a worker that was killed goes on where it was."""
    told = path.with_suffix(".json")
    width = model.head.in_features
    shape = (len(examples), width)
    if not examples:
        return np.zeros(shape, dtype=np.float32)
    begin = _kept(told, shape) if path.exists() else 0
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = np.lib.format.open_memmap(
        path, mode="r+" if begin else "w+", dtype=np.float32, shape=None if begin else shape
    )
    places = {id(example): i for i, example in enumerate(examples)}
    done = 0
    model.eval()
    with torch.inference_mode(), autocast(device):
        for number, batch in enumerate(by_tokens(examples, *budget(device))):
            done += len(batch)
            if number < begin:
                continue
            inputs = {k: v.to(device.name) for k, v in task.collate(batch, None, processor).items()}
            found = task.features(model, inputs)
            kept[[places[id(example)] for example in batch]] = found.float().cpu().numpy()
            if (number + 1) % FLUSH == 0 or done == len(examples):
                kept.flush()
                write_json(told, {"batches": number + 1, "shape": list(shape)})
            progress(done, len(examples))
    return kept


def budget(device: Device) -> tuple[int, int]:
    """Tokens and texts of a batch at most."""
    return (TOKENS, 256) if device.kind == "cpu" else (TOKENS_GPU, 1024)


def _kept(told: Path, shape: tuple[int, int]) -> int:
    """How many batches are there already."""
    try:
        known = read_json(told)
        return int(known["batches"]) if tuple(known["shape"]) == shape else 0
    except (FileNotFoundError, json.JSONDecodeError, KeyError):
        return 0
