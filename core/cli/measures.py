"""The report of a task with measures of its own (`core.evaluation.measured`), for a terminal, a program and a spreadsheet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from core.cli.saying import Saying
from core.evaluation.measured_tables import figure_table, tables
from core.tasks import task
from core.words import Message, said

WIDEST = 40  # characters of a cell in a terminal


def told(run: Any, report: Mapping[str, Any], out: str | None, say: Saying) -> int:
    """Sentences, scores, rivals and tables; with `out` the tables as CSV files there."""
    if out:
        folder = Path(out)
        folder.mkdir(parents=True, exist_ok=True)
        for name, (columns, rows) in tables(run.folder, report, say.language):
            say.note(Message("Written: {path}", path=str(_written(folder / f"{name}.csv", columns, rows))))
    if say.json:
        scores = {score["name"]: score["value"] for score in report["scores"]}
        rivals = {c["id"]: c["value"] for c in report["contenders"] if c["state"] == "ready"}
        keys = ("task", "split", "total", "main")
        say.result({"run": run.id, **{k: report[k] for k in keys}, "scores": scores, "contenders": rivals})
        return 0
    for line in _lines(report, say.language):
        say.out(line)
    return 0


def _lines(report: Mapping[str, Any], language: str) -> Iterator[str]:
    things = task(report["task"]).things
    yield from (said(part, language, things) for part in report["verdict"].values() if part)
    yield ""
    for score in report["scores"]:
        yield f"{number(score['value']):>9}  {said(score['title'], language, things)} ({score['name']})"
    yield ""
    for one in report["contenders"]:
        if one["state"] == "ready":
            interval = f"[{number(one['low'])} – {number(one['high'])}]"
            yield f"{number(one['value']):>9}  {interval:<20}  {said(one['title'], language, things)}"
    for figure in report["figures"]:
        columns, rows = figure_table(figure, language)
        if columns and figure["kind"] in ("table", "bars"):
            yield ""
            yield f"{said(figure['title'], language, things)}"
            yield from _columns(columns, rows)


def _columns(titles: Sequence[str], rows: Sequence[Sequence[Any]]) -> Iterator[str]:
    """A table in columns: numbers to the right, words to the left."""
    cells = [[_cell(cell)[:WIDEST] for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in [[t[:WIDEST] for t in titles], *cells]) for i in range(len(titles))]
    right = [all(isinstance(row[i], int | float) or row[i] is None for row in rows) for i in range(len(titles))]
    for line in ([t[:WIDEST] for t in titles], *cells):
        yield "  ".join(f"{c:>{w}}" if r else f"{c:<{w}}" for c, w, r in zip(line, widths, right, strict=True)).rstrip()


def number(value: Any) -> str:
    """Of a measure: a share with three decimals, larger ones as people write them."""
    if value is None:
        return "–"
    return f"{value:.3f}" if abs(value) < 100 else f"{value:,.1f}"


def _cell(cell: Any) -> str:
    if isinstance(cell, float):
        return number(cell)
    return "–" if cell is None else " ".join(str(cell).split())


def _written(path: Path, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> Path:
    from core.data.tables import write

    write(path, columns, rows)
    return path
