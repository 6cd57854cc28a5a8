"""A run's own copy of what it learns from: labelled rows that take part, with labels in force, edits applied and splits decided."""

from __future__ import annotations

from collections import Counter
from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from core.data import guesses
from core.data.chunks import take_array
from core.data.images import linked
from core.data.splits import NAMES
from core.data.state import State
from core.data.values import encode, kind

BLOCK = 10_000
EVERY = 20  # of plain texts one is held back, to see by it whether reading them helps


@dataclass(frozen=True)
class FrozenInfo:
    """`labels` in the order of the model's outputs; `counts` rows of each split; `label_counts` of the training rows, by label; `guessed`
    how many training rows carry a guess of rules instead of an answer."""

    labels: tuple[str, ...]
    colours: tuple[int, ...]
    counts: dict[str, int]
    label_counts: dict[str, int]
    version: int
    name: str
    columns: dict[str, Any]
    guessed: int = 0


def freeze(state: State, path: Path) -> FrozenInfo:
    """Write rows.arrow: id, every role of the task, split; and the pictures the rows name, in `files` beside it. Duplicates stay as they are. An empty data set gives an empty file.

    Rows with a guess of rules are there only where the person wants to learn from them; a column `origin` then tells "label" from "rule"."""
    shape, target = state.shape, state.shape.target
    extra = guesses.learnable(state)
    places = np.sort(np.concatenate([np.flatnonzero(state.usable & (state.label >= 0)), extra]))
    if target and (learnt := kind(target.kind).learnt):  # the run has inputs alone
        places = places[[learnt(state.value(place), {}) is not None for place in places.tolist()]]
    else:
        learnt = None
    parts = np.array(NAMES, object)
    roles = [part.role for part in (shape.inputs if learnt else shape.parts)]
    columns_of = ("id", *roles, "split", *(("origin",) if len(extra) else ()))
    schema = pa.schema([(name, pa.string()) for name in columns_of])
    counted: Counter[str] = Counter()
    trained: Counter[str] = Counter()
    path.parent.mkdir(parents=True, exist_ok=True)
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
        for start in range(0, len(places), BLOCK):
            some = places[start : start + BLOCK]
            inputs = None if shape.by_label and len(shape.inputs) == 1 else state.inputs(some)
            if learnt and inputs is not None:
                inputs = [learnt(state.value(p), row) or row for p, row in zip(some.tolist(), inputs, strict=True)]
            columns = {"id": pa.array(state.rows.ids(some), pa.string())}
            for part in shape.inputs:
                if inputs is None:
                    columns[part.role] = take_array(state.text, some)
                else:
                    columns[part.role] = pa.array([encode(part.kind, row[part.role]) for row in inputs], pa.string())
                if part.kind == "image":
                    linked(columns[part.role].to_pylist(), state.rows.folder / "files", path.parent / "files")
            if target:
                given = (state.label[some] >= 0).tolist()
                values = [
                    state.value(place) if answered else guesses.value(state, place)
                    for place, answered in zip(some.tolist(), given, strict=True)
                ]
                columns[target.role] = pa.array([encode(target.kind, value) for value in values], pa.string())
                names = kind(target.kind).names
                for value, learns in zip(values, (state.split[some] == 0).tolist(), strict=True):
                    there = set(names(value))
                    counted.update(there)
                    trained.update(there if learns else ())
            columns["split"] = pa.array(parts[state.split[some]], pa.string())
            columns["origin"] = pa.array(np.where(np.isin(some, extra), "rule", "label"), pa.string())
            writer.write_batch(pa.record_batch([columns[name] for name in schema.names], schema=schema))
    kept = [one for one in state.alive if counted[one.name]]
    return FrozenInfo(
        labels=tuple(one.name for one in kept),
        colours=tuple(one.colour for one in kept),
        counts=dict(zip(NAMES, np.bincount(state.split[places], minlength=3).tolist(), strict=True)),
        label_counts={one.name: trained[one.name] for one in kept},
        version=state.version,
        name=", ".join(one.name for one in state.rows.imports)[:300],
        columns={role: state.rows.roles.get(role) for role in shape.names},
        guessed=len(extra),
    )


def freeze_texts(state: State, path: Path) -> int:
    """Write the texts of rows on which nothing is measured (those to learn from, and those without a label) as rows of their own: id, text,
    split, where every twentieth is for validation. Returns how many there are; without any no file is written."""
    roles = [part.role for part in state.shape.inputs if part.kind in ("text", "marked", "choices")]
    places = np.flatnonzero(state.usable & ((state.label < 0) | (state.split == 0)))
    texts: dict[str, str] = {}
    for start in range(0, len(places), BLOCK):
        some = places[start : start + BLOCK]
        for row, inputs in zip(state.rows.ids(some), state.inputs(some), strict=True):
            for role in roles:
                value = inputs.get(role) or ""
                for text in value if isinstance(value, list) else [value]:
                    if text.strip():
                        texts.setdefault(text, f"{row}:{role}")
    if texts:
        splits = ["validation" if i % EVERY == EVERY - 1 else "train" for i in range(len(texts))]
        columns = {"id": list(texts.values()), "text": list(texts), "split": splits}
        table = pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})
        path.parent.mkdir(parents=True, exist_ok=True)
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
    return len(texts)


def freeze_unlabelled(state: State, path: Path, known: Set[str]) -> int:
    """Write rows without an answer, of those to learn from, as `freeze` writes labelled ones: id, the inputs, an empty target, split. Rows in `known`
    (ids) are left out. Returns how many there are; without any no file is written."""
    shape, ids, inputs = state.shape, [], []
    places = np.flatnonzero(state.usable & (state.label < 0) & (state.split == 0))
    for start in range(0, len(places), BLOCK):
        some = places[start : start + BLOCK]
        for row, values in zip(state.rows.ids(some), state.inputs(some), strict=True):
            if row not in known:
                ids.append(row)
                inputs.append(values)
    if ids:
        columns: dict[str, list[str | None]] = {"id": list(ids)}
        for part in shape.parts:
            columns[part.role] = [None if part.target else encode(part.kind, row[part.role]) for row in inputs]
        columns["split"] = [NAMES[0]] * len(ids)
        table = pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})
        path.parent.mkdir(parents=True, exist_ok=True)
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
    return len(ids)
