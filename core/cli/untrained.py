"""`hone untrained`: texts of a file or a project answered without training, scored on those kept aside."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.cli.finding import data_of, existing, text_of
from core.cli.inputs import columns_named
from core.cli.saying import Meter, Saying
from core.data.dataset import Dataset
from core.errors import HoneError
from core.prompting import attempts, descriptions, recipes
from core.prompting.descriptions import Described
from core.prompting.settings import UntrainedSettings
from core.prompting.ways import WAYS
from core.settings import checked, knobs
from core.words import Message, listed

PREFIX = "asked_"  # of the options that are settings
OTHERWISE = {"split": "--asked"}  # --split names a column, as everywhere


def flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "source", metavar="PROJECT_OR_FILE", help="a project (see: hone projects), or a file of examples"
    )
    parser.add_argument("--task", metavar="NAME", help="what FILE is for (found when left out)")
    parser.add_argument("--text", metavar="COLUMN", help="column that holds the texts (found when left out)")
    parser.add_argument("--label", metavar="COLUMN", help="column that holds the answers (found when left out)")
    parser.add_argument("--split", metavar="COLUMN", help="column that says train, validation or test")
    parser.add_argument("--test", metavar="F", help="file for the final test (else a tenth of FILE is kept aside)")
    parser.add_argument(
        "--describe",
        action="append",
        metavar="LABEL=SENTENCE",
        help="what texts under a label are about; may be given again, also for the same label",
    )
    parser.add_argument(
        "--words", action="append", metavar="LABEL=WORDS", help="how a label is called in a prompt; may be given again"
    )
    parser.add_argument("--prompt-recipe", metavar="F", help="a kept prompt (YAML or JSON); flags go over it")
    section = parser.add_argument_group("how it answers", "What is not given is usual.")
    for knob in knobs(UntrainedSettings):
        name = OTHERWISE.get(knob.name, "--" + knob.name.replace("_", "-"))
        values = "{" + ",".join(knob.choices) + "}" if knob.choices else "VALUE"
        told = f"{knob.title}. {knob.help}".replace("%", "%%")
        section.add_argument(name, dest=PREFIX + knob.name, metavar=values, help=told)


def untrained(options: argparse.Namespace, say: Saying) -> int:
    """Read, ask, and say the score on standard output: the way, the split, accuracy with its interval, macro F1, seconds a text."""
    recipe = recipes.read(text_of(options.prompt_recipe)) if options.prompt_recipe else None
    typed = {k.removeprefix(PREFIX): v for k, v in vars(options).items() if k.startswith(PREFIX) and v is not None}
    settings = checked(UntrainedSettings, {**(recipe.settings if recipe else {}), **typed})
    with data_of(options, say) as (data, _), tempfile.TemporaryDirectory(prefix="hone-") as scratch:
        whole = data.folder.parent
        project = whole if (whole / "project.json").is_file() else Path(scratch)
        _shaped(data, options)
        _told_of_labels(data, project, recipe.labels if recipe else (), options)
        attempt = attempts.create(project, data, settings, attempts.base_of(settings, data.state))
        with Meter(say, WAYS[settings.way].title) as meter:
            attempts.make(str(attempt.folder), progress=meter, cancelled=meter.cancelled)
        made = attempt.report
    assert made is not None
    for note in made["notes"]:
        say.note(Message.from_json(note))
    _say(made, settings.way, say)
    return 0


def _say(made: Mapping[str, Any], way: str, say: Saying) -> None:
    keys = ("split", "total", "accuracy", "low", "high", "macro_f1", "seconds_a_text", "chosen")
    if say.json:
        return say.result({"way": way, **{key: made.get(key) for key in keys}})
    if not made["scored"]:
        return say.out(f"{way}\t{made['split']}: {made['total']} texts, not scored")
    interval = f"[{made['low']:.4f}, {made['high']:.4f}]"
    time = f"{1000 * made['seconds_a_text']:.1f} ms a text"
    return say.out(
        f"{way}\t{made['split']}: accuracy {made['accuracy']:.4f} {interval}, macro_f1 {made['macro_f1']:.4f}, {time}"
    )


def _shaped(data: Dataset, options: argparse.Namespace) -> None:
    """The columns that were named, and the test file."""
    names, shape = list(data.columns), data.shape
    target = shape.target.role if shape.target else "label"
    given = ((shape.first, options.text), (target, options.label), ("split", options.split))
    chosen = {role: columns_named(names, column) for role, column in given if column}
    if chosen:
        data.set_roles(chosen)
    if options.test:
        path = existing(options.test)
        data.add(path, path.name, None, "test")
        data.set_split(test=0.0)


def _told_of_labels(data: Dataset, project: Path, known: Any, options: argparse.Namespace) -> None:
    """What the recipe and the flags say of labels, kept where the attempt finds it."""
    folder, state = project / attempts.FOLDER, data.state
    ids = {label.name: label.id for label in state.alive}
    told = {one.name: one for one in known if one.name in ids}
    for given, words in ((options.words, True), (options.describe, False)):
        for one in given or ():
            name, sign, said = one.partition("=")
            if not sign or name not in ids:
                raise HoneError(
                    Message("There is no label “{label}”.", label=name[:60]),
                    fix=Message("Write LABEL=…, with one of {names}.", names=listed(ids)),
                )
            before = told.get(name) or Described(name, descriptions.readable(name))
            sentences = before.sentences if words else (*before.sentences, said)
            told[name] = Described(name, said if words else before.words, sentences)
    for name, one in told.items():
        descriptions.keep(folder, ids[name], one.words, one.sentences)
