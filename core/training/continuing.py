"""A run that continues an earlier one: what has arrived since, which of the old rows are seen again, and what lies in its folder for that.

<run>/from/model/       the earlier model, linked or copied, so that the folder is the whole run
      from/rows.arrow   old rows to learn from that are not seen again (their importance may still be measured, and a later run knows them)
      rows.arrow        with a column `step`: with which run of the chain a row came, "0" the first; the present one is the last

An old row keeps its split for ever: what was learnt from stays training, the old test stays test. Equal means: the same inputs but for white
space. Importing this brings no torch; what the worker does with it is `core.training.carrying`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa

from core.data.freezing import FrozenInfo
from core.errors import RunError
from core.words import Message
from core.workspace import read_json

FOLDER = "from"  # within a run
FILE = "forgetting.json"  # within a run: {"measure", "lower", "split", "rows", "matrix": scores of run i on the parts 0 to i}
STEP = "step"  # column of rows.arrow
RENAMED = 0.9  # of the rows of a label that is gone: so many carry one new name, and it was only renamed
ALIKE = 0.8  # Jaccard of pairs of words from which two texts are near-equal, as in core.data.near
MOST_COMPARED = 60_000  # texts that are looked through for near-equal ones


@dataclass(frozen=True)
class Arrived:
    """What there is now that the earlier run did not have. `texts` new rows to learn from, `changed` of them old ones with another answer;
    `aside` new rows for validation and test; `known` old rows to learn from; `lost` old rows that are gone."""

    texts: int = 0
    changed: int = 0
    aside: int = 0
    known: int = 0
    lost: int = 0
    labels: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)  # old name -> present name

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "labels": list(self.labels), "gone": list(self.gone), "renamed": dict(self.renamed)}


@dataclass(frozen=True)
class Sorted:
    """All rows there are for the new run, each with `split` and `step`, and what has arrived."""

    rows: list[dict[str, Any]]
    arrived: Arrived


def earlier_rows(run_dir: Path) -> list[dict[str, Any]]:
    """Every row an earlier run knows, those it did not see again among them; `step` is filled in where the run is the first of its chain."""
    found = []
    for path in (run_dir / "rows.arrow", run_dir / FOLDER / "rows.arrow"):
        if path.is_file():
            with pa.memory_map(str(path)) as source:
                found += pa.ipc.open_file(source).read_all().to_pylist()
    return [{**row, STEP: row.get(STEP) or "0"} for row in found]


def number_of(spec: Mapping[str, Any]) -> int:
    """Which run of its chain it is, 0 the first."""
    return len(spec["continues"]["chain"]) if spec.get("continues") else 0


def arrived(dataset: Any, run: Any) -> Arrived:
    """What has come since the run was started; quick where the data has not changed at all."""
    spec = run.spec
    version = dataset.version
    if version == spec["data"]["version"] or dataset.task != spec["task"]:
        return Arrived()
    return _arrived(dataset.folder, version, run.folder)


@lru_cache(maxsize=16)
def _arrived(data: Path, version: int, run_dir: Path) -> Arrived:
    from core.data.dataset import Dataset
    from core.training.runs import Run

    dataset = Dataset.open(data)
    with tempfile.TemporaryDirectory(prefix="hone-") as folder:
        path = Path(folder) / "rows.arrow"
        frozen = dataset.freeze(path)
        return sorted_out(_rows_of(path)[1], frozen.labels, dataset, Run(run_dir)).arrived


def can_go_on(run: Any) -> bool:
    """Whether the kept model can be a base: not one with layers or words beside its base (core.models.added), or in whole numbers."""
    if not run.has_model or (run.spec.get("smaller") or {}).get("int8"):
        return False
    return "added" not in read_json(run.model / "hone.json")


def sorted_out(now: list[dict[str, Any]], labels: Sequence[str], dataset: Any, run: Any) -> Sorted:
    """Rows of now beside those of the earlier run: what is new, what has another answer, what stays, and where each belongs."""
    spec = run.spec
    roles = [part.role for part in dataset.shape.inputs]
    role = dataset.shape.target.role if dataset.shape.target else ""
    target = role if now and role in now[0] else ""
    by_label = bool(dataset.shape.by_label and target)
    old = earlier_rows(run.folder)
    step = str(number_of(spec) + 1)
    old_labels = [str(name) for name in spec["labels"]["names"]]
    renamed = _renamed(old, now, target, old_labels, labels) if by_label else {}
    for row in old:
        if by_label and row[target] in renamed:
            row[target] = renamed[row[target]]
    by_id, by_key = {row["id"]: row for row in old}, _by_key(old, roles)
    here = {row["id"] for row in now}
    rows, changed, seen = [], 0, set()
    for row in now:
        same_id, equal = by_id.get(row["id"]), by_key.get(_key(row, roles))
        before = same_id or equal
        if before is None:
            rows.append({**row, STEP: step})
            continue
        unchanged = equal is not None and (not target or row[target] == equal[target])
        if unchanged and same_id is None and (before["id"] in here or before["id"] in seen):
            continue  # the file was added once more: the row is there already
        seen.add(before["id"])
        split = equal["split"] if equal is not None and equal["split"] == "test" else before["split"]
        rows.append({**row, "split": split, STEP: before[STEP] if unchanged else step})
        changed += not unchanged and split == "train"
    there = {str(one.id) for one in dataset.imports}
    kept = [row for row in old if row["id"] not in seen | here and row["id"].split(":")[0] not in there]
    lost = len(old) - len(seen & set(by_id)) - len(kept)
    found = [*rows, *kept]
    names = [*labels, *sorted({row[target] for row in kept} - set(labels))] if by_label else list(labels)
    new = [row for row in found if row[STEP] == step]
    told = Arrived(
        texts=sum(row["split"] == "train" for row in new),
        changed=changed,
        aside=sum(row["split"] != "train" for row in new),
        known=sum(row["split"] == "train" and row[STEP] != step for row in found),
        lost=max(0, lost),
        labels=tuple(name for name in names if name not in old_labels and name not in renamed.values()),
        gone=tuple(name for name in old_labels if name not in names and name not in renamed),
        renamed=renamed,
    )
    return Sorted(found, told)


def write(making: Path, frozen: FrozenInfo, dataset: Any, run: Any, settings: Any) -> tuple[FrozenInfo, dict[str, Any]]:
    """Make the new run's folder one that continues `run`: rows.arrow is sorted out, from/ is filled. Returns what is frozen now, and what
    run.json says of it. RunError where nothing has arrived, or the earlier run has no model."""
    if not run.has_model:
        raise RunError(
            Message("“{name}” has no model to go on from.", name=run.name),
            fix=Message("Choose a run that has finished."),
        )
    spec = run.spec
    if (spec.get("smaller") or {}).get("int8"):
        raise RunError(
            Message("“{name}” is in whole numbers, which cannot learn on.", name=run.name),
            fix=Message("Go on from the run it was made from."),
        )
    if not can_go_on(run):
        raise RunError(
            Message("What “{name}” has learnt stands beside its base and cannot be merged into it.", name=run.name),
            fix=Message("Go on from a run in which all of the model learnt, its upper layers, or LoRA."),
        )
    if dataset.task != spec["task"]:
        raise RunError(
            Message("The data is for another task now than “{name}” has learnt.", name=run.name),
            fix=Message("Start a new run, or choose the task it was made for again."),
        )
    columns, now = _rows_of(making / "rows.arrow")
    found = sorted_out(now, frozen.labels, dataset, run)
    step = str(number_of(spec) + 1)
    rows, near = _without_leaks(found.rows, step, dataset.shape.first)
    new = [row for row in rows if row["split"] == "train" and row[STEP] == step]
    if not new:
        raise RunError(
            Message("Nothing has arrived since “{name}” that it could learn from.", name=run.name),
            fix=Message("Add texts, or label some, then try again."),
        )
    known = [row for row in rows if row["split"] == "train" and row[STEP] != step]
    target = dataset.shape.target.role if dataset.shape.target and dataset.shape.by_label else None
    again = drawn(known, share_of(settings, spec["base"]["kind"]), settings.seed, target)
    ids = {row["id"] for row in again}
    put = [row for row in rows if row["split"] != "train" or row[STEP] == step or row["id"] in ids]
    columns = list(dict.fromkeys([*columns, STEP]))
    _write_rows(making / "rows.arrow", columns, put)
    _write_rows(making / FOLDER / "rows.arrow", columns, [row for row in known if row["id"] not in ids])
    if spec["base"]["kind"] != "classic":
        linked(run.model, making / FOLDER / "model")
    told = {
        "run": run.id,
        "name": run.name,
        "labels": list(spec["labels"]["names"]),
        "chain": [*(spec.get("continues") or {"chain": []})["chain"], {"run": run.id, "name": run.name}],
        "matrix": matrix_of(run.folder),
        "replayed": len(again),
        "near": near,
        **{key: value for key, value in found.arrived.as_json().items() if key != "labels"},
        "texts": len(new),
        "new_labels": list(found.arrived.labels),
    }
    return _counted(frozen, put, known, dataset, spec), told


def matrix_of(run_dir: Path) -> list[list[float | None]]:
    """How well each run of its chain does on each part: forgetting.json of a run that continues another, else nothing."""
    path = run_dir / FILE
    return list(read_json(path)["matrix"]) if path.is_file() else []


def share_of(settings: Any, kind: str) -> float:
    """How much of the old rows is seen again. Counted words are learnt anew from all of them, which takes seconds."""
    if kind == "classic":
        return 1.0
    return float(settings.replay_share) if settings.remember == "replay" else 0.0


def drawn(rows: Sequence[dict[str, Any]], share: float, seed: int, target: str | None) -> list[dict[str, Any]]:
    """A share of the rows, the same share of every label and at least one row of each; by chance, the same for the same seed and ids."""
    if not share or not rows:
        return []
    groups: dict[Any, list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(row[target] if target else None, []).append(row)
    found = []
    for group in groups.values():
        order = sorted(group, key=lambda row: hashlib.blake2s(f"{seed}:{row['id']}".encode()).digest())
        found += order[: max(1, round(share * len(order)))]
    return found


def linked(source: Path, target: Path) -> None:
    """A folder once more, by links where the disk allows it: a model costs no room twice."""
    target.mkdir(parents=True)
    for path in source.iterdir():
        if path.is_dir():
            linked(path, target / path.name)
            continue
        try:
            os.link(path, target / path.name)
        except OSError:
            shutil.copyfile(path, target / path.name)


# Helpers ------------------------------------------------------------------------------------------------------------


def _rows_of(path: Path) -> tuple[list[str], list[dict[str, Any]]]:
    with pa.memory_map(str(path)) as source:
        table = pa.ipc.open_file(source).read_all()
        return list(table.column_names), table.to_pylist()


def _write_rows(path: Path, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    table = pa.table({name: pa.array([row.get(name) for row in rows], pa.string()) for name in columns})
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}")
    with pa.OSFile(str(new), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    new.replace(path)


def _key(row: Mapping[str, Any], roles: Sequence[str]) -> tuple[str, ...]:
    """What makes two rows equal: their inputs but for white space; the answer does not count."""
    return tuple(" ".join((row.get(role) or "").split()) for role in roles)


def _by_key(rows: Iterable[dict[str, Any]], roles: Sequence[str]) -> dict[tuple[str, ...], dict[str, Any]]:
    """Rows by their inputs; of equal ones the one of the test stands for all, so that none of them is ever learnt from."""
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    for row in rows:
        key = _key(row, roles)
        if key not in found or row["split"] == "test":
            found[key] = row
    return found


def _renamed(
    old: Sequence[Mapping[str, Any]],
    now: Sequence[Mapping[str, Any]],
    target: str,
    old_labels: Sequence[str],
    labels: Sequence[str],
) -> dict[str, str]:
    """Labels that only have another name now: nearly all rows that carried one carry the same new one."""
    present = {row["id"]: row[target] for row in now}
    found: dict[str, str] = {}
    for name in [label for label in old_labels if label not in labels]:
        after = Counter(present[row["id"]] for row in old if row[target] == name and row["id"] in present)
        if not after:
            continue
        new, count = after.most_common(1)[0]
        if new not in old_labels and new not in found.values() and count >= RENAMED * after.total():
            found[name] = str(new)
    return found


def _without_leaks(rows: list[dict[str, Any]], step: str, role: str) -> tuple[list[dict[str, Any]], int]:
    """Without new rows to learn from that nearly equal a row of the test; and how many they were."""
    from core.data.shingles import shingles

    new = [row for row in rows if row["split"] == "train" and row[STEP] == step]
    test = [row for row in rows if row["split"] == "test"]
    if not new or not test or len(new) + len(test) > MOST_COMPARED:
        return rows, 0
    sets = shingles([row[role] or "" for row in [*new, *test]])
    values = [set(sets.values[a:b].tolist()) for a, b in zip(sets.starts[:-1], sets.starts[1:], strict=True)]
    holders: dict[int, list[int]] = {}
    for place in range(len(new), len(values)):
        for value in values[place]:
            holders.setdefault(value, []).append(place)
    near = set()
    for place, mine in enumerate(values[: len(new)]):
        shared = Counter(other for value in mine for other in holders.get(value, ()))
        if any(n / (len(mine) + len(values[other]) - n) >= ALIKE for other, n in shared.items()):
            near.add(new[place]["id"])
    return [row for row in rows if row["id"] not in near or row["split"] != "train"], len(near)


def _counted(
    frozen: FrozenInfo,
    rows: Sequence[Mapping[str, Any]],
    known: Sequence[Mapping[str, Any]],
    dataset: Any,
    spec: Mapping[str, Any],
) -> FrozenInfo:
    """What is frozen, of the rows as they are now: labels of rows that only the earlier run still has join those of the data. Labels it has
    learnt before (`known`) count as learnt from."""
    counts = Counter(row["split"] for row in rows)
    told = replace(frozen, counts={part: counts[part] for part in ("train", "validation", "test")})
    if not dataset.shape.by_label:
        return told
    target = dataset.shape.target.role
    trained = Counter(row[target] for row in [*rows, *known] if row["split"] == "train")
    colours: dict[str, int] = dict(zip(spec["labels"]["names"], spec["labels"]["colours"], strict=False))
    more = sorted({row[target] for row in rows if row[target] is not None} - set(frozen.labels))
    names = (*frozen.labels, *more)
    more_colours = (*frozen.colours, *(colours.get(name, 1 + len(frozen.labels) % 8) for name in more))
    return replace(told, labels=names, colours=more_colours, label_counts={name: trained[name] for name in names})
