"""The report of measures as tables: scores, contenders, every row with its answer, and the figures. For files and for the terminal.

Knows nothing of how a report is made; rows are read block by block.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from core.words import said

Table = tuple[list[str], Sequence[Sequence[Any]]]


def tables(run_dir: Path, report: Mapping[str, Any], language: str) -> Iterator[tuple[str, Table]]:
    """Everything there is to take away: name -> titles and rows."""
    from core.evaluation import measured

    scores = [[s["name"], s["value"]] for s in report["scores"]]
    yield "scores", (["measure", "value"], scores)
    rivals = [[c["id"], c["value"], c["low"], c["high"], c.get("total")] for c in report["contenders"]]
    yield "contenders", (["contender", report["main"], "low (95 %)", "high (95 %)", "rows"], rivals)
    found: list[Mapping[str, Any]] = []
    while len(found) < (page := measured.rows_of(run_dir, start=len(found), count=500))["total"] and page["rows"]:
        found += page["rows"]
    roles = list(found[0]["inputs"]) if found else []
    answered = [
        [
            row["id"],
            *(_plain(row["inputs"].get(role)) for role in roles),
            row["gold"],
            said(row["said"], language),
            row["credit"],
        ]
        for row in found
    ]
    yield "rows", (["id", *roles, "right answer", "said", "credit"], answered)
    for figure in report["figures"]:
        columns, rows = figure_table(figure, language)
        if columns:
            yield figure["name"], (columns, rows)


def figure_table(figure: Mapping[str, Any], language: str) -> Table:
    """A figure of the evaluation page as titles and rows; empty where it is no table (samples stand among the rows)."""
    data = figure["data"]
    if figure["kind"] == "table":
        return [said(title, language) for title in data["columns"]], [said(row, language) for row in data["rows"]]
    if figure["kind"] == "bars":
        names = [said(name, language) for name in data["names"]]
        return ["", said(figure["title"], language)], [list(pair) for pair in zip(names, data["values"], strict=True)]
    if figure["kind"] == "scatter":
        titles = [said(data.get(key) or key[0], language) for key in ("x_title", "y_title")]
        return titles, [list(pair) for pair in zip(data["x"], data["y"], strict=True)]
    if figure["kind"] == "matrix":
        table = [[0] * len(data["columns"]) for _ in data["rows"]]
        for row, column, n in data["cells"]:
            table[row][column] = n
        names = [said(name, language) for name in data["rows"]]
        titles = ["", *(said(name, language) for name in data["columns"])]
        return titles, [[name, *cells] for name, cells in zip(names, table, strict=True)]
    return [], []


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, str | int | float) else json.dumps(value, ensure_ascii=False)
