"""`hone smaller`: what would make a run smaller and faster; do it; and what each way brought, measured on this machine."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from core.cli.finding import find_run, workspace_of
from core.cli.saying import Meter, Saying
from core.cli.training import carry_on
from core.words import Message

OPTIONS = ("keep", "which", "share", "rounds", "base")  # of the ways, as flags


def smaller(options: argparse.Namespace, say: Saying) -> int:
    """Without --way: the ways and the table. With it: the new run, to its end, and then both are measured."""
    run = find_run(workspace_of(options), options.run)
    from core.smaller import results, starting, ways

    if not options.way:
        if options.measure:
            _measure(run, [one for one in results.made_of(run) if one.has_model], say)
        return _told(run, options, say)
    from core.projects import projects
    from core.training.runs import Run

    values: dict[str, Any] = {name: getattr(options, name) for name in OPTIONS if getattr(options, name) is not None}
    if {one.name for one in ways.way(options.way).options(_earlier(run))} >= {"unlabelled"}:
        values["unlabelled"] = not options.labelled
    home = next((p for p in projects(workspace_of(options)) if p.folder == run.folder.parent.parent), None)
    new: Run = starting.begin(run, options.way, values, home.dataset() if home else None, language=options.language)
    code = carry_on(new, options, say, "start")
    if code or not new.has_model:
        return code
    _measure(run, [new], say)
    return _told(run, options, say)


def _earlier(run: Any) -> Any:
    from core.smaller.ways import Earlier

    return Earlier(run.folder, run.spec)


def _measure(run: Any, others: Sequence[Any], say: Saying) -> None:
    from core.smaller import measuring

    with Meter(say, Message("Measuring")) as meter:
        measuring.measure(run.folder, [str(one.folder) for one in others], meter, meter.cancelled)


def _told(run: Any, options: argparse.Namespace, say: Saying) -> int:
    from core.smaller import results, ways

    earlier = _earlier(run)
    lines = results.table(run, [one for one in results.made_of(run) if one.has_model])
    if options.json:
        known = [{"way": one.name, "why_not": one.why_not(earlier)} for one in ways.SMALLER.values()]
        say.result({"run": run.id, "ways": known, "table": [_line(line) for line in lines]})
        return 0
    if not options.way:
        for one in ways.SMALLER.values():
            why = one.why_not(earlier)
            say.out(f"{one.name}: {(why or one.help).said(say.language)}")
    for line in lines:
        figures = line.figures
        if figures is None:
            continue
        shown = f"{figures['size'] / 1e6:.1f} MB  {figures['rate']:,.0f}/s  {1000 * figures['one']:.1f} ms  {figures['memory'] / 1e6:,.0f} MB"
        score = results.said(figures["value"], results.shared(run))
        said = f"  {line.sentence.said(say.language)}" if line.sentence else ""
        say.out(f"{line.run.id}  {score}  {shown}  {line.run.name}{said}")
    return 0


def _line(line: Any) -> dict[str, Any]:
    figures = {k: v for k, v in (line.figures or {}).items() if k not in ("ids", "credits", "stamp")}
    told = {"run": line.run.id, "name": line.run.name, "sentence": line.sentence}
    return {**told, **figures, "of_size": line.size, "times_as_fast": line.speed, "p": line.p}
