"""A run's own copy of what it learns from: labelled rows that take part, with labels in force, edits applied and splits decided."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from core.data.splits import NAMES
from core.data.state import State, take_array

BLOCK = 10_000


@dataclass(frozen=True)
class FrozenInfo:
    """`labels` in the order of the model's outputs; `counts` rows of each split; `label_counts` of the training rows, by label."""

    labels: tuple[str, ...]
    colours: tuple[int, ...]
    counts: dict[str, int]
    label_counts: dict[str, int]
    version: int
    name: str
    columns: dict[str, str | None]


def freeze(state: State, path: Path) -> FrozenInfo:
    """Write rows.arrow (id, text, label, split). Duplicates stay as they are. An empty data set gives an empty file."""
    places = np.flatnonzero(state.usable & (state.label >= 0))
    used = np.bincount(state.label[places], minlength=len(state.alive)) > 0
    names = np.array([one.name for one in state.alive] or [""], object)
    parts = np.array(NAMES, object)
    schema = pa.schema([(name, pa.string()) for name in ("id", "text", "label", "split")])
    path.parent.mkdir(parents=True, exist_ok=True)
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
        for start in range(0, len(places), BLOCK):
            some = places[start : start + BLOCK]
            arrays = [
                pa.array(state.rows.ids(some), pa.string()),
                take_array(state.text, some),
                pa.array(names[state.label[some]], pa.string()),
                pa.array(parts[state.split[some]], pa.string()),
            ]
            writer.write_batch(pa.record_batch(arrays, schema=schema))
    split = state.split[places]
    trained = np.bincount(state.label[places[split == 0]], minlength=len(state.alive))
    kept = [one for one, there in zip(state.alive, used, strict=True) if there]
    return FrozenInfo(
        labels=tuple(one.name for one in kept),
        colours=tuple(one.colour for one in kept),
        counts=dict(zip(NAMES, np.bincount(split, minlength=3).tolist(), strict=True)),
        label_counts={one.name: int(n) for one, n, there in zip(state.alive, trained, used, strict=True) if there},
        version=state.version,
        name=", ".join(one.name for one in state.rows.imports)[:300],
        columns={role: state.rows.roles.get(role) for role in ("text", "label", "split")},
    )
