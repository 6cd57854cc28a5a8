"""`hone predict`, `evaluate` and `export`: what can be asked of a run that has a model."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.cli.finding import existing, find_run, workspace_of
from core.cli.saying import Meter, Saying
from core.errors import HoneError, Missing
from core.words import Message, said
from core.workspace import read_json


def predict(options: argparse.Namespace, say: Saying) -> int:
    """Answers for texts given on the line, or a whole file."""
    model = _model_folder(options)
    if options.texts:
        from core.inference import Predictor

        for text, answer in zip(options.texts, Predictor.open(model).predict(options.texts), strict=True):
            if options.json:
                say.result({"text": text, "label": answer.label, "probabilities": dict(answer.probabilities)})
            else:
                say.out(f"{answer.label}\t{answer.probabilities[answer.label]:.3f}\t{text}")
        return 0
    if not options.file:
        raise HoneError(Message("There is nothing to answer."), fix=Message("Give a file, or --text with a text."))
    from core.inference import predict_file

    file = existing(options.file)
    suffix = ".xlsx" if file.suffix.lower() == ".xlsx" else ".csv"
    out = Path(options.out) if options.out else file.with_name(f"{file.stem}.answered{suffix}")
    column = options.column or _column_of(model, file)
    with Meter(say, Message("Answering")) as meter:
        done = predict_file(model, file, out, None, meter, meter.cancelled, column=column, all_labels=options.all)
    if options.json:
        say.result(done)
    else:
        say.out(str(out))
    say.note(
        Message(
            "{done} of {rows} rows answered, from the column “{column}”.",
            done=done["done"],
            rows=done["rows"],
            column=done["column"],
        )
    )
    return 130 if done["cancelled"] else 0


def evaluate(options: argparse.Namespace, say: Saying) -> int:
    """The report of a run, as sentences and tables; with --out also as CSV files."""
    from core.evaluation import answers, report

    run = find_run(workspace_of(options), options.run)
    with Meter(say, Message("Evaluating")) as meter:
        made = report.make(run.folder, meter, meter.cancelled)
    if options.out:
        folder = Path(options.out)
        folder.mkdir(parents=True, exist_ok=True)
        for what in answers.DOWNLOADS:
            say.note(Message("Written: {path}", path=str(answers.download(run.folder, what, folder / f"{what}.csv"))))
    if options.json:
        keys = ("accuracy", "macro_f1", "split", "total", "correct", "changes")
        rivals = {c["id"]: c["accuracy"] for c in made["contenders"] if c["state"] == "ready"}
        say.result({"run": run.id, **{key: said(made[key], say.language) for key in keys}, "contenders": rivals})
        return 0
    for line in _report_lines(made, say.language):
        say.out(line)
    return 0


def export(options: argparse.Namespace, say: Saying) -> int:
    """The zip, once a fresh process has answered from it as the run does."""
    from core.export import pack

    run = find_run(workspace_of(options), options.run)
    with Meter(say, Message("Packing and checking the copy")) as meter:
        made = pack.pack(run.folder, meter, meter.cancelled, language=say.language)
    target = Path(made["zip"])
    if options.to:
        wanted = Path(options.to)
        wanted = wanted / target.name if wanted.is_dir() else wanted
        wanted.parent.mkdir(parents=True, exist_ok=True)
        target = Path(shutil.copyfile(target, wanted))
    say.note(
        Message("Opened again in a fresh process: same answer for {n} of {n} texts.", n=made["checked"])
        if made["equal"] == made["checked"]
        else Message(
            "Opened again in a fresh process: same answer for {k} of {n} texts.", k=made["equal"], n=made["checked"]
        )
    )
    if options.json:
        say.result({"zip": str(target), "size": made["size"], "checked": made["checked"], "equal": made["equal"]})
    else:
        say.out(str(target))
    return 0


def _report_lines(made: Mapping[str, Any], language: str) -> list[str]:
    """The verdict, the contenders and the label table, for a terminal."""
    parts = (made["verdict"].get(key) for key in ("caution", "answers", "mind", "expect", "tuning"))
    lines = [said(part, language) for part in parts if part] + [""]
    for one in made["contenders"]:
        if one["state"] == "ready":
            interval = f"{one['low']:.3f}–{one['high']:.3f}"
            title = said(one["title"], language)
            lines.append(
                f"{one['accuracy']:.3f}  [{interval}]  {one['wrong']:>6} wrong  macro F1 {one['macro_f1'] or 0:.3f}  {title}"
            )
    lines += ["", "precision  recall     F1  support"]
    rows = [(row["label"], row) for row in made["per_label"]] + [
        (said(row["title"], language), row) for row in made["averages"]
    ]
    for name, row in rows:
        shares = ("     –" if row[key] is None else f"{row[key]:6.3f}" for key in ("precision", "recall", "f1"))
        lines.append(f"   {'  '.join(shares)}  {row['support']:>7}  {name}")
    return lines


def _model_folder(options: argparse.Namespace) -> Path:
    """The model of a run, or of a folder: a run's, a model's, or an unpacked copy's."""
    folder = Path(options.run)
    for candidate in (folder, folder / "model"):
        if (candidate / "hone.json").is_file():
            return candidate
    run = find_run(workspace_of(options), options.run)
    if not (run.model / "hone.json").is_file():
        raise Missing(Message("This run has no model yet."), fix=Message("Go on with: hone resume {run}", run=run.id))
    return run.model


def _column_of(model: Path, file: Path) -> str | None:
    """The column the run learnt from, when the file has it too."""
    from core.data.reading import inspect

    try:
        wanted = read_json(model.parent / "run.json")["data"]["columns"]["text"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return wanted if wanted in inspect(file, file.name).columns else None
