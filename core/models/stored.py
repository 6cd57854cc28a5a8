"""What a saved model carries along that is too large for hone.json: arrays in stored.safetensors, everything else in stored.json.

Knows nothing of what it is for. Importing this brings no torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from core.workspace import read_json, write_json

ARRAYS, WORDS = "stored.safetensors", "stored.json"


def save(folder: Path, stored: Mapping[str, Any]) -> None:
    """Beside a model; nothing is written where there is nothing to store."""
    from safetensors.numpy import save_file

    arrays = {name: np.ascontiguousarray(value) for name, value in stored.items() if isinstance(value, np.ndarray)}
    if arrays:
        save_file(arrays, folder / ARRAYS)
    if words := {name: value for name, value in stored.items() if name not in arrays}:
        write_json(folder / WORDS, words)


def load(folder: Path) -> dict[str, Any]:
    from safetensors.numpy import load_file

    words = read_json(folder / WORDS) if (folder / WORDS).is_file() else {}
    arrays = load_file(folder / ARRAYS) if (folder / ARRAYS).is_file() else {}
    return {**words, **arrays}
