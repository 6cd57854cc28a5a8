"""Safety copies from which a run goes on as if nothing had happened: weights, optimizer, scaler, chance, position. Safetensors and JSON.

checkpoints/<number>-step-<step>/state.json, *.safetensors   written beside it, then renamed; the two newest are kept
checkpoints/best-<phase>-<step>.safetensors                 the best moment's weights, as long as a copy names them
"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from core.workspace import read_json, write_json

KEPT = 2
Tensors = dict[str, Tensor]


def save(folder: Path, step: int, state: Mapping[str, Any], tensors: Mapping[str, Tensors]) -> Path:
    """A new copy of everything. It is there whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    here = _copies(folder)
    number = int(here[-1].name.split("-")[0]) + 1 if here else 1
    path = folder / f"{number:06d}-step-{step}"
    new = folder / f".{path.name}"
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir()
    for name, group in tensors.items():
        save_file(group, new / f"{name}.safetensors")
    write_json(new / "state.json", {"format": 1, "step": step, "tensors": sorted(tensors), **state})
    new.rename(path)
    _prune(folder)
    return path


def latest(folder: Path) -> tuple[dict[str, Any], dict[str, Tensors]] | None:
    """State and tensors of the newest copy that can be read; None where there is none."""
    for path in reversed(_copies(folder)):
        try:
            state = read_json(path / "state.json")
            return state, {name: load_file(path / f"{name}.safetensors") for name in state["tensors"]}
        except Exception:
            shutil.rmtree(path, ignore_errors=True)  # cut short by a power failure: the one before it will do
    return None


def save_tensors(path: Path, tensors: Tensors) -> None:
    """One file of tensors, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.{os.getpid()}")
    save_file(tensors, new)
    new.replace(path)


def optimizer_state(optimizer: torch.optim.Optimizer) -> tuple[list[Any], Tensors]:
    """An optimizer's memory as plain values and tensors: [[weight, name, value], ...] and {"weight.name": tensor}."""
    plain: list[Any] = []
    tensors: Tensors = {}
    for weight, memory in optimizer.state_dict()["state"].items():
        for name, value in memory.items():
            if isinstance(value, Tensor):
                tensors[f"{weight}.{name}"] = value.detach().cpu().contiguous()
            elif value is not None:
                plain.append([weight, name, value])
    return plain, tensors


def restore_optimizer(optimizer: torch.optim.Optimizer, plain: list[Any], tensors: Tensors) -> None:
    state: dict[int, dict[str, Any]] = {}
    for key, tensor in tensors.items():
        weight, name = key.split(".", 1)
        state.setdefault(int(weight), {})[name] = tensor
    for weight, name, value in plain:
        state.setdefault(int(weight), {})[name] = value
    if type(optimizer) is torch.optim.SGD:  # its momentum is None before the first step
        state = {weight: {"momentum_buffer": None, **memory} for weight, memory in state.items()}
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def chance() -> tuple[dict[str, Any], Tensors]:
    """The state of every random generator: Python's, NumPy's, torch's."""
    version, numbers, gauss = random.getstate()
    _, keys, position, has_gauss, cached = np.random.get_state(legacy=True)
    tensors = {"torch": torch.get_rng_state(), "numpy": torch.from_numpy(np.asarray(keys).astype(np.int64))}
    if torch.cuda.is_available():
        tensors["cuda"] = torch.cuda.get_rng_state()
    plain = {"python": [version, list(numbers), gauss], "numpy": [int(position), int(has_gauss), float(cached)]}
    return plain, tensors


def restore_chance(plain: Mapping[str, Any], tensors: Tensors) -> None:
    version, numbers, gauss = plain["python"]
    random.setstate((version, tuple(numbers), gauss))
    keys = tensors["numpy"].numpy().astype(np.uint32)
    np.random.set_state(("MT19937", keys, *plain["numpy"]))
    torch.set_rng_state(tensors["torch"])
    if "cuda" in tensors and torch.cuda.is_available():
        torch.cuda.set_rng_state(tensors["cuda"])


def seed(number: int) -> None:
    """Every random generator from one number."""
    random.seed(number)
    np.random.seed(number % 2**32)
    torch.manual_seed(number)


def _copies(folder: Path) -> list[Path]:
    """Oldest first."""
    if not folder.is_dir():
        return []
    found = [p for p in folder.iterdir() if p.is_dir() and p.name[0] != "." and (p / "state.json").exists()]
    return sorted(found, key=lambda p: int(p.name.split("-")[0]))


def _prune(folder: Path) -> None:
    copies = _copies(folder)
    for path in copies[:-KEPT]:
        shutil.rmtree(path, ignore_errors=True)
    named = {(read_json(path / "state.json").get("best") or {}).get("file") for path in copies[-KEPT:]}
    for file in folder.glob("best-*.safetensors"):
        if file.name not in named:
            file.unlink(missing_ok=True)
    for old in folder.glob(".*"):  # left by a worker that was killed while it wrote
        shutil.rmtree(old, ignore_errors=True) if old.is_dir() else old.unlink(missing_ok=True)
