"""The texts whose answers are shown at every check of a run, and which others could be.

A run is written with a few of them (run.json); a person may choose others at any time (watched.json), which the worker reads at its
next check. Knows nothing of models.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from core.workspace import FORMAT, read_json, write_json

MOST = 8  # texts watched at a time
FILE = "watched.json"


def ids(folder: Path, spec: Mapping[str, Any]) -> list[str]:
    """The rows watched now: those chosen since, else those the run was written with."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        return [str(row) for row in read_json(folder / FILE)["rows"]][:MOST]
    return list(spec["watched"])


def watched(run: Any) -> list[dict[str, Any]]:
    """The watched texts with their right labels, in order."""
    rows = {row["id"]: row for row in _steering(run.folder)}
    return [rows[row] for row in ids(run.folder, run.spec) if row in rows]


def candidates(run: Any, *, search: str = "", start: int = 0, count: int = 40) -> dict[str, Any]:
    """Rows of the validation split, a page of them; `search` is looked for in the text and the label."""
    wanted = search.casefold().strip()
    found = [r for r in _steering(run.folder) if wanted in r["text"].casefold() or wanted in r["label"].casefold()]
    return {"rows": [{**r, "text": r["text"][:300]} for r in found[start : start + count]], "total": len(found)}


def choose(run: Any, rows: Sequence[str]) -> list[str]:
    """Watch these from the next check on; unknown ids are passed over."""
    known = {row["id"] for row in _steering(run.folder)}
    chosen = [row for row in dict.fromkeys(rows) if row in known][:MOST]
    if chosen:
        write_json(run.folder / FILE, {"format": FORMAT, "rows": chosen})
    return chosen


@lru_cache(maxsize=8)
def _steering(folder: Path) -> tuple[dict[str, Any], ...]:
    """The validation rows of a run (the training rows where none is set aside); a run's rows never change."""
    import pyarrow as pa
    import pyarrow.compute as pc

    with pa.memory_map(str(folder / "rows.arrow")) as source:
        table = pa.ipc.open_file(source).read_all()
        first, last = table.column_names[1], table.column_names[-2]
        table = table.select(["id", first, last, "split"] if first != last else ["id", first, "split"])
        names = ["id", "text", "label", "split"] if first != last else ["id", "text", "split"]
        table = table.rename_columns(names)
        aside = table.filter(pc.equal(table["split"], "validation"))
        kept = aside if aside.num_rows else table.filter(pc.equal(table["split"], "train")).slice(0, 2000)
        return tuple({"label": "", **row} for row in kept.drop_columns(["split"]).to_pylist())
