"""`hone predict`, `evaluate` and `export`: what can be asked of a run that has a model."""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from core.cli.finding import existing, find_run, workspace_of
from core.cli.inputs import checked_role, columns_named, pairs, rows_given
from core.cli.saying import Meter, Saying
from core.data.templates import columns_in
from core.errors import HoneError, Missing
from core.tasks.base import Column, Prediction, Task, asked
from core.words import Message, said
from core.workspace import read_json


def predict(options: argparse.Namespace, say: Saying) -> int:
    """Answers for what is given on the line, or for a whole file."""
    model = _model_folder(options)
    columns = asked(_task_of(model))
    if options.texts or options.inputs:
        return _told_rows(model, rows_given(columns, options.texts or (), options.inputs), say)
    if not options.file:
        raise HoneError(Message("There is nothing to answer."), fix=Message("Give a file, or --text with a text."))
    from core.inference import predict_file

    pictures = columns[0].kind == "image"
    file = Path(options.file) if pictures and Path(options.file).is_dir() else existing(options.file)
    if pictures and file.suffix.lower() != ".zip":
        return _pictures(model, file, options, say)
    suffix = ".xlsx" if file.suffix.lower() == ".xlsx" else ".csv"
    out = Path(options.out) if options.out else file.with_name(f"{file.stem}.answered{suffix}")
    chosen = _columns_for(model, file, columns, options.columns)
    with Meter(say, Message("Answering")) as meter:
        done = predict_file(model, file, out, None, meter, meter.cancelled, columns=chosen, all_labels=options.all)
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


def _pictures(model: Path, file: Path, options: argparse.Namespace, say: Saying) -> int:
    """A folder of pictures, a table that names them, or a single one."""
    from core.data.image_folders import gathered
    from core.data.image_zips import ENDINGS

    if file.suffix.lower() in ENDINGS:
        return _told_rows(model, [{asked(_task_of(model))[0].role: str(file)}], say)
    out = options.out or str(file.with_name(f"{file.stem}.answered.csv"))
    with tempfile.TemporaryDirectory(prefix="hone-") as folder:
        packed = gathered(file, Path(folder) / f"{file.stem}.zip")
        return predict(argparse.Namespace(**{**vars(options), "file": str(packed), "out": out}), say)


def _told_rows(model: Path, rows: Sequence[Mapping[str, Any]], say: Saying) -> int:
    """A line a row: what it answers, how sure it is where it knows, and what was asked."""
    from core.inference import Predictor

    for row, answer in zip(rows, Predictor.open(model).predict(rows), strict=True):
        if say.json:
            say.result(told_row(row, answer))
            continue
        brief = answer.brief()
        sure = [] if brief["probability"] is None else [f"{brief['probability']:.3f}"]
        asked = [value if isinstance(value, str) else json.dumps(value, ensure_ascii=False) for value in row.values()]
        say.out("\t".join(" ".join(cell.split()) for cell in [str(brief["label"]), *sure, *asked]))
    return 0


def told_row(row: Mapping[str, Any], answer: Prediction) -> dict[str, Any]:
    """What was asked and what is answered. A text under its label keeps the text beside it, as programs know it."""
    text = {"text": row["text"]} if answer.kind == "label_scores" and list(row) == ["text"] else {}
    return {**text, "inputs": dict(row), **answer.as_json()}


def evaluate(options: argparse.Namespace, say: Saying) -> int:
    """The report of a run, as sentences and tables; with --out also as CSV files."""
    from core.cli import measures
    from core.evaluation import answers, report

    run = find_run(workspace_of(options), options.run)
    with Meter(say, Message("Evaluating")) as meter:
        made = report.make(run.folder, meter, meter.cancelled)
    if made.get("kind") == "measures":
        return measures.told(run, made, options.out, say)
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


def _task_of(model: Path) -> Task:
    from core.tasks import task

    return task(read_json(model / "hone.json")["task"])


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


def _columns_for(
    model: Path, file: Path, columns: Sequence[Column], given: Sequence[str] | None
) -> dict[str, str | list[str]]:
    """Role -> columns of the file: those that were given, else those the run learnt from, where the file has them all."""
    from core.data.reading import inspect

    names = list(inspect(file, file.name).columns)
    roles = [column.role for column in columns]
    chosen = {checked_role(role, roles): columns_named(names, name) for role, name in pairs(given, roles[0])}
    try:
        learnt = read_json(model.parent / "run.json")["data"]["columns"]
    except (OSError, ValueError, KeyError, TypeError):
        return chosen
    for role in roles:
        wanted = learnt.get(role) or []
        if role not in chosen and wanted and columns_in(wanted, names) is not None:
            chosen[role] = wanted
    return chosen
