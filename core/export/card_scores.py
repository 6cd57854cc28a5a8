"""The part of a model card that says how good the model is: from either kind of report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from core.export.markdown import Page, interval, number, plain
from core.tasks.base import Task
from core.words import Message

MOST_CONFUSED = 10
MOST_ROWS = 40  # of a table of the report


def how_good(page: Page, report: Mapping[str, Any]) -> Iterable[str]:
    """Verdict, contenders and tables."""
    return _measured(page, report) if report.get("kind") == "measures" else _labelled(page, report)


def measures(task: Task, report: Mapping[str, Any] | None) -> list[tuple[str, str, float | None]]:
    """(name as hubs know it, name for people, value) of each measure of the task."""
    told = [(score.name, score.name) for score in task.scores]
    if report is None or report.get("kind") != "measures":
        values = report or {}
        return [("f1" if n == "macro_f1" else n, "macro F1" if n == "macro_f1" else n, values.get(n)) for n, _ in told]
    found = {score["name"]: score["value"] for score in report["scores"]}
    return [(n, n, found.get(n)) for n, _ in told]


def _labelled(page: Page, report: Mapping[str, Any]) -> Iterable[str]:
    """One label a text: shares right, label by label, and what is confused."""
    yield page.verdict(report, ("caution", "answers", "mind", "expect", "tuning"))
    yield page.table(
        [Message("Asked"), Message("Right"), Message("Share right (accuracy)"), Message("95 % interval"), "macro F1"],
        [
            (
                page.say(c["title"]),
                f"{c['correct']} / {c['total']}",
                number(c["accuracy"]),
                interval(c),
                number(c["macro_f1"]),
            )
            for c in report["contenders"]
            if c["state"] == "ready"
        ],
    )
    yield page.say(report["interval"]) + "\n"
    yield page.title(Message("Label by label"), 3)
    rows = [(row["label"], row) for row in report["per_label"]]
    rows += [(page.say(row["title"]), row) for row in report["averages"]]
    keys = ("precision", "recall", "f1")
    yield page.table(
        [
            Message("Label"),
            Message("trust (precision)"),
            Message("found (recall)"),
            Message("both (F1)"),
            Message("texts (support)"),
        ],
        [(label, *(number(row[key]) for key in keys), str(row["support"])) for label, row in rows],
    )
    wrong = sorted((c for c in report["confusion"] if c[0] != c[1]), key=lambda c: -c[2])[:MOST_CONFUSED]
    if wrong:
        yield page.title(Message("What it confuses most"), 3)
        names = report["labels"]
        yield page.table(
            [Message("Right answer"), Message("It said"), Message("Texts")],
            [(names[g], names[p], str(n)) for g, p, n in wrong],
        )


def _measured(page: Page, report: Mapping[str, Any]) -> Iterable[str]:
    """The task's own measures, its rivals by the first of them, and its tables."""
    yield page.verdict(report, ("caution", "answers", "mind", "expect", "tuning"))
    yield page.table(
        [Message("Measure"), Message("Value"), Message("What it says")],
        [
            (plain(f"{page.say(s['title'])} ({s['name']})"), number(s["value"]), plain(page.say(s["help"])))
            for s in report["scores"]
        ],
        escaped=True,
    )
    main = next((s["title"] for s in report["scores"] if s["name"] == report["main"]), report["main"])
    ready = [c for c in report["contenders"] if c["state"] == "ready"]
    yield page.table(
        [Message("Asked"), main, Message("95 % interval"), Message("Rows")],
        [(page.say(c["title"]), number(c["value"]), interval(c), f"{c['total']:,}") for c in ready],
    )
    for figure in report["figures"]:
        if figure["kind"] == "table" and figure["data"]["rows"]:
            yield page.title(figure["title"], 3)
            rows = figure["data"]["rows"][:MOST_ROWS]
            cells = [[number(c) if isinstance(c, float) else page.say(_cell(c)) for c in row] for row in rows]
            yield page.table(figure["data"]["columns"], cells)


def _cell(cell: Any) -> Any:
    """A cell as words; nothing as a dash."""
    return "–" if cell is None else cell if isinstance(cell, Mapping) else str(cell)
