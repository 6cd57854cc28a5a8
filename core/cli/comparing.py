"""`hone compare` and `hone folds`: several trainings on one data set, side by side or fold by fold, and what comes out as a table."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from core.cli.saying import Saying, duration
from core.cli.studying import found, led
from core.cli.training import Ready, prepared
from core.words import Message

PROPOSED = "head,lora,top,full"


def compare(options: argparse.Namespace, say: Saying) -> int:
    """Begin (or go on with) a comparison, tell how it goes, and print the table."""
    begin = partial(_compared, options=options, say=say)
    return _carried_out(found(options, "shootout") if options.go_on else prepared(options, say, begin), options, say)


def folds(options: argparse.Namespace, say: Saying) -> int:
    """Begin (or go on with) a check by folds, tell how it goes, and print the table."""
    begin = partial(_folded, options=options, say=say)
    return _carried_out(found(options, "folds") if options.go_on else prepared(options, say, begin), options, say)


def _carried_out(study: Any, options: argparse.Namespace, say: Saying) -> int:
    command = "compare" if study.kind == "shootout" else "folds"
    return _told(study, say) if led(study, options, say, command, _Watching(study, say).tell) else 130


def _compared(ready: Ready, options: argparse.Namespace, say: Saying) -> Any:
    from core.studies import planned, shootout
    from core.training import draft as drafts

    facts = ready.project.dataset().facts()
    before = drafts.drafted("balanced", {**ready.recipe.settings, **ready.flags})
    methods, bases = _list(options.methods), _list(options.bases) or [ready.settled.base.id]
    if not options.methods:
        methods = [name for name in methods or _list(PROPOSED) if name in drafts.offered(ready.settled.task)["method"]]
    by_clock = "minutes" in ready.flags
    value = (
        float(ready.flags["minutes"]) if by_clock else float(ready.flags.get("epochs") or ready.settled.settings.epochs)
    )
    budget = shootout.Budget("minutes" if by_clock else "rounds", value)
    ways = shootout.ways(lambda draft: drafts.settle(draft, facts), before, methods, bases, budget)
    asked = planned.question(ways, options.folds or 0, ways[0].settings.seed, budget.as_json())
    return _new(ready, options, say, "shootout", shootout.SHOOTOUT.title, asked)


def _folded(ready: Ready, options: argparse.Namespace, say: Saying) -> Any:
    from core.studies import folds as by_folds
    from core.studies import planned

    asked = planned.question([by_folds.way(ready.settled)], options.k, ready.settled.settings.seed)
    return _new(ready, options, say, "folds", by_folds.FOLDS.title, asked)


def _new(
    ready: Ready, options: argparse.Namespace, say: Saying, kind: str, title: Message, asked: Mapping[str, Any]
) -> Any:
    from core.studies import study

    return study.create(
        ready.project.folder,
        kind=kind,
        name=options.name or title.said(say.language),
        question=asked,
        dataset=ready.project.dataset(),
        about={"base": asked["ways"][0]["base"]["title"]},
        language=say.language,
    )


def _list(told: str | None) -> list[str]:
    return [one.strip() for one in (told or "").split(",") if one.strip()]


class _Watching:
    """A line for each member that has ended, and one that changes."""

    def __init__(self, study: Any, say: Saying):
        self.study, self.say = study, say
        self.known: set[str] = set()

    def tell(self) -> None:
        from core.studies.base import look
        from core.studies.kinds import kind

        seen = look(self.study)
        planned = kind(self.study.kind).planned(self.study.question)
        for one in seen:
            if one.ended and one.key not in self.known:
                self.known.add(one.key)
                told = {"name": one.member.label, "t": duration(one.seconds)}
                failed = one.state not in ("finished", "stopped")
                self.say.note(
                    Message("{name}: {state}", name=one.member.label, state=one.state)
                    if failed
                    else Message("{name}: done in {t}", **told)
                )
        busy = next((one for one in seen if one.at_work), None)
        if busy and busy.view:
            share = round(100 * busy.view.share)
            self.say.line(
                Message(
                    "{n} of {m} done; {name} at {p} %", n=len(self.known), m=planned, name=busy.member.label, p=share
                )
            )


def _told(study: Any, say: Saying) -> int:
    from core.studies.base import look
    from core.studies.compared import Measure
    from core.studies.kinds import kind

    told = kind(study.kind).result(study, look(study))
    measure = Measure.of(study.spec["task"])
    if say.json:
        say.result({"study": study.id, **told})
    else:
        rows = _ways(told, measure, say) if study.kind == "shootout" else _folds(told, measure, say)
        for line in aligned(rows):
            say.out(line)
        say.note(told["sentence"])
    failed = [row for row in told["rows"] if row["state"] not in ("finished", "stopped")]
    return 1 if failed and len(failed) == len(told["rows"]) else 0


def _ways(told: Mapping[str, Any], measure: Any, say: Saying) -> list[list[str]]:
    """The table of a comparison, one way a line."""
    split = told["split"]
    rows = [["way", split, "95 %", "p", "seconds", "learns", "MB on disk", "MB memory"]]
    for row in told["rows"]:
        figure = row[split]
        span = "–" if figure["low"] is None else f"{measure.shown(figure['low'])}–{measure.shown(figure['high'])}"
        p = "best" if row["best"] else "–" if row["p"] is None else "<0.001" if row["p"] < 0.001 else f"{row['p']:.3f}"
        sizes = [f"{row[name] / 1e6:.1f}" if row[name] else "–" for name in ("bytes", "memory")]
        learns = f"{row['learns']:,}" if row["learns"] else "–"
        seconds = f"{row['seconds']:.1f}" if row["seconds"] else "–"
        rows.append([row["label"].said(say.language), measure.shown(figure["value"]), span, p, seconds, learns, *sizes])
    return rows


def _folds(told: Mapping[str, Any], measure: Any, say: Saying) -> list[list[str]]:
    """The table of a check by folds, one fold a line, and the mean."""
    rows = [["fold", "set aside", "test", "texts", "seconds"]]
    for row in told["rows"]:
        seconds = f"{row['seconds']:.1f}" if row["seconds"] else "–"
        rows.append(
            [
                str(row["fold"]),
                measure.shown(row["validation"]["value"]),
                measure.shown(row["test"]["value"]),
                str(row["validation"]["n"] or "–"),
                seconds,
            ]
        )
    over, test = told["spread"], told["test"]
    if over:
        rows.append(["mean", measure.shown(over["mean"]), measure.shown(test["mean"]) if test else "–", "", ""])
    if over and over["deviation"] is not None:
        rows.append(["±", measure.shown(over["deviation"]), measure.shown(test["deviation"]) if test else "–", "", ""])
    return rows


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns under each other; the first to the left, the others to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
