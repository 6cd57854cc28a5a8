"""The one frozen copy of the data that all members of a study learn from, so that labels given meanwhile change nothing.

rows/rows.arrow, rows/files/   as core.data.freezing writes them
     texts.arrow               what a base may read before it learns (freeze_texts), where there is any
     frozen.json               what freezing told, and the shape of the data

`Rows` stands in for a data set in `core.training.runs.create`: a member gets a hard link of the copy, or, with other splits
(`Rows.split`), a copy of its own that differs in its column "split" alone.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from core.data.freezing import FrozenInfo
from core.data.shape import Shape
from core.data.splits import NAMES
from core.data.values import decode, kind
from core.workspace import FORMAT, read_json, write_json


def keep(dataset: Any, folder: Path) -> FrozenInfo:
    """Freeze `dataset` (a core.data.dataset.Dataset) into `folder`."""
    folder.mkdir(parents=True)
    frozen: FrozenInfo = dataset.freeze(folder / "rows.arrow")
    texts = dataset.freeze_texts(folder / "texts.arrow")
    told = {"format": FORMAT, "frozen": asdict(frozen), "shape": dataset.shape.as_json(), "texts": texts}
    write_json(folder / "frozen.json", told)
    return frozen


@dataclass(frozen=True)
class Rows:
    """The copy in `folder`. `split`: row id -> train | validation | test, for rows that stand elsewhere than in the copy."""

    folder: Path
    split: Mapping[str, str] | None = None

    @property
    def shape(self) -> Shape:
        return Shape.from_json(self._told["shape"])

    @property
    def task(self) -> str:
        return self.shape.task

    @property
    def frozen(self) -> FrozenInfo:
        """What freezing told; with `split` what it tells of the rows as they stand now."""
        told = self._told["frozen"]
        tuples = {name: tuple(told[name]) for name in ("labels", "colours")}
        return FrozenInfo(**{**told, **tuples})

    def table(self) -> pa.Table:
        """id, the columns of the task (as strings), split; as they are in the copy."""
        with pa.memory_map(str(self.folder / "rows.arrow")) as source:
            return pa.ipc.open_file(source).read_all()

    def freeze(self, path: Path) -> FrozenInfo:
        """The rows for one member. As `Dataset.freeze`."""
        path.parent.mkdir(parents=True, exist_ok=True)
        if (self.folder / "files").is_dir():
            shutil.copytree(self.folder / "files", path.parent / "files", copy_function=linked, dirs_exist_ok=True)
        if self.split is None:
            linked(self.folder / "rows.arrow", path)
            return self.frozen
        table = self._moved(self.split)
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
        return self._counted(table)

    def freeze_texts(self, path: Path) -> int:
        """As `Dataset.freeze_texts`."""
        if self._told["texts"]:
            path.parent.mkdir(parents=True, exist_ok=True)
            linked(self.folder / "texts.arrow", path)
        return int(self._told["texts"])

    @property
    def _told(self) -> dict[str, Any]:
        return read_json(self.folder / "frozen.json")

    def _moved(self, split: Mapping[str, str]) -> pa.Table:
        table = self.table()
        now = [split.get(i, s) for i, s in zip(table["id"].to_pylist(), table["split"].to_pylist(), strict=True)]
        return table.set_column(table.column_names.index("split"), "split", pa.array(now, pa.string()))

    def _counted(self, table: pa.Table) -> FrozenInfo:
        """Freezing's figures for other splits."""
        frozen, target = self.frozen, self.shape.target
        parts = Counter(table["split"].to_pylist())
        trained: Counter[str] = Counter()
        if target and target.role in table.column_names:
            names = kind(target.kind).names
            for cell, part in zip(table[target.role].to_pylist(), table["split"].to_pylist(), strict=True):
                if part == "train":
                    trained.update(set(names(decode(target.kind, cell))))
        return replace(
            frozen,
            counts={name: parts.get(name, 0) for name in NAMES},
            label_counts={name: trained[name] for name in frozen.labels},
        )


def linked(source: Any, target: Any) -> Any:
    """A hard link, which costs nothing: rows are never changed. A copy where the disk has no links."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
    return target
