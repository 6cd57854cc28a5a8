"""`hone check`: what the check-up finds in a project or a file, and the data report."""

from __future__ import annotations

import argparse
from pathlib import Path

from core.cli.finding import data_of
from core.cli.saying import Meter, Saying
from core.errors import DataError
from core.words import Message, said

MARKS = {"bad": "!!", "warn": " !", "info": " ·"}


def check(options: argparse.Namespace, say: Saying) -> int:
    """Say every finding, worst first; with --report write down what is in the data as well."""
    from core.data import checks
    from core.data.checkup import report

    out = Path(options.report) if options.report else None
    if out and out.suffix.lstrip(".") not in report.FORMS:
        raise DataError(Message("The report is written as .html or .md."), fix=Message("Name it report.html, say."))
    with data_of(options, say) as (data, name):
        for measure in checks.MEASURES:
            with Meter(say, measure.title) as meter:
                measure.of(data.state, meter)
        found = data.findings()
        if out:
            out.write_text(report.written(data, name, say.language, out.suffix.lstrip(".")), encoding="utf-8")
    if options.json:
        say.result(
            {"findings": [said(one.as_json(), say.language) for one in found], "report": str(out) if out else None}
        )
        return 0
    for one in found:
        say.out(f"{MARKS[one.tone]} {one.title.said(say.language)}")
        say.out(f"    {one.detail.said(say.language)}")
        for example in one.examples[:1]:
            for line in example:
                say.out("    | " + "".join(text for text, _ in line.pieces))
    if not found:
        say.out(Message("Nothing to mend. These texts are fit to learn from.").said(say.language))
    if out:
        say.note(Message("The data report is in {path}.", path=str(out)))
    return 0
