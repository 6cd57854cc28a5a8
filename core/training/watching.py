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

from core import tasks
from core.data import values
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
    rows = {row["id"]: row for row in _steering(run.folder, run.spec["task"])}
    return [rows[row] for row in ids(run.folder, run.spec) if row in rows]


def candidates(run: Any, *, search: str = "", start: int = 0, count: int = 40) -> dict[str, Any]:
    """Rows of the validation split, a page of them; `search` is looked for in the text and the label."""
    wanted = search.casefold().strip()
    rows = _steering(run.folder, run.spec["task"])
    found = [r for r in rows if wanted in r["text"].casefold() or wanted in r["label"].casefold()]
    return {"rows": [{**r, "text": r["text"][:300]} for r in found[start : start + count]], "total": len(found)}


def choose(run: Any, rows: Sequence[str]) -> list[str]:
    """Watch these from the next check on; unknown ids are passed over."""
    known = {row["id"] for row in _steering(run.folder, run.spec["task"])}
    chosen = [row for row in dict.fromkeys(rows) if row in known][:MOST]
    if chosen:
        write_json(run.folder / FILE, {"format": FORMAT, "rows": chosen})
    return chosen


@lru_cache(maxsize=8)
def _steering(folder: Path, task: str) -> tuple[dict[str, Any], ...]:
    """The validation rows of a run (the training rows where none is set aside), the first input and the right answer in a line each;
    a run's rows never change."""
    import pyarrow as pa
    import pyarrow.compute as pc

    columns = tasks.task(task).columns
    text, target = columns[0], next((c for c in columns if c.target), None)
    with pa.memory_map(str(folder / "rows.arrow")) as source:
        table = pa.ipc.open_file(source).read_all()
        aside = table.filter(pc.equal(table["split"], "validation"))
        kept = aside if aside.num_rows else table.filter(pc.equal(table["split"], "train")).slice(0, 2000)
        rows = kept.select(["id", text.role, *([target.role] if target else [])]).to_pylist()
    found = []
    for row in rows:
        shown = _shown(text.kind, row[text.role], {})
        found.append(
            {
                "id": row["id"],
                "text": shown,
                "kind": text.kind,
                "label": _shown(target.kind, row[target.role], {"text": shown}) if target else "",
            }
        )
    return tuple(found)


def _shown(kind: str, cell: str | None, inputs: Mapping[str, Any]) -> str:
    value = values.decode(kind, cell)
    return "" if value is None else values.kind(kind).shown(value, inputs)
