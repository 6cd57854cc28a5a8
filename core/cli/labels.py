"""`hone labels export`: the labels of a project, or of a file, in a format to take along."""

from __future__ import annotations

import argparse
from pathlib import Path

from core.cli.finding import data_of
from core.cli.saying import Meter, Saying
from core.words import Message


def export(options: argparse.Namespace, say: Saying) -> int:
    """Write the file, and Label Studio's configuration beside it; what the format cannot hold is said before."""
    from core.data import exporting

    chosen = exporting.format_of(options.format)
    layout: exporting.Layout = "answers" if options.answers else "merged"
    with data_of(options, say) as (data, name):
        out = Path(options.out) if options.out else Path(f"{name}-labels.{chosen.ending}")
        for one in exporting.losses(data, options.format, layout):
            say.note(one)
        with Meter(say, Message("Writing {file}", file=out.name)) as meter:
            told = exporting.export(data, out, options.format, layout, options.labelled, meter, meter.cancelled)
    if config := told["config"]:
        beside = out.with_suffix(".xml")
        beside.write_text(config, encoding="utf-8")
        say.note(Message("Label Studio's labelling configuration is in {path}.", path=str(beside)))
    if options.json:
        say.result({key: told[key] for key in ("path", "rows", "lines")})
    else:
        say.out(str(out))
    return 0
