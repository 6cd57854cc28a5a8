"""The commands and their flags. Flags for settings come from the declarations in `core.training.settings`."""

from __future__ import annotations

import argparse
import locale
import os
from collections.abc import Callable
from importlib import metadata
from typing import Any

from core.cli import asking, checking, comparing, labels, listing, retuning, searching, smaller, training, untrained
from core.settings import Knob, knobs
from core.training.settings import GROUPS, TrainingSettings

PRESETS = ("quick", "balanced", "best")


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hone",
        description="Tune a model on examples of your own, judge it, use it and take it away.",
        epilog="Begin with: hone train FILE. Each command explains itself: hone train --help",
    )
    parser.add_argument("--version", action="version", version=f"hone {_version()}")
    commands = parser.add_subparsers(title="commands", dest="name_of_command", required=True, metavar="COMMAND")
    _train(commands)
    _search(commands)
    _compare(commands)
    _folds(commands)
    _resume(commands)
    _retune(commands)
    _predict(commands)
    _evaluate(commands)
    _untrained(commands)
    _export(commands)
    _smaller(commands)
    _lists(commands)
    _check(commands)
    _labels(commands)
    _user(commands)
    return parser


def flag(name: str) -> str:
    """learning_rate -> --learning-rate"""
    return "--" + name.replace("_", "-")


def _command(commands: Any, name: str, function: Callable[..., int], help: str, as_json: bool = True) -> Any:
    parser = commands.add_parser(name, help=help, description=help, formatter_class=_Formatter)
    parser.set_defaults(command=function)
    parser.add_argument(
        "--workspace", metavar="W", help="folder of projects and runs (default: $HONE_HOME, else ~/.hone)"
    )
    parser.add_argument("--user", default="local", help="whose projects, on a server with logins (default: local)")
    parser.add_argument("--language", choices=("en", "zh"), default=_language(), help="language of what is said")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an unexpected error")
    if as_json:
        parser.add_argument(
            "--json", action="store_true", help="results as JSON; the last line of the output is the result"
        )
    return parser


def _train(commands: Any) -> None:
    _data_and_settings(_command(commands, "train", training.train, "Tune a model on a file of examples."))


def _search(commands: Any) -> None:
    parser = _command(
        commands, "search", searching.search, "Look for better settings: many trainings, each with others."
    )
    own = parser.add_argument_group("the search")
    own.add_argument("--trials", type=int, default=20, metavar="N", help="trainings in all (default: 20)")
    own.add_argument("--minutes", type=float, metavar="M", help="minutes of training in all, if that is reached first")
    own.add_argument(
        "--try",
        action="append",
        dest="tried",
        metavar="NAME[=LOW..HIGH]",
        help="a setting that is searched, with its bounds or choices (method=full,lora); may be given again (default: the usual ones)",
    )
    own.add_argument("--no-pruning", action="store_true", help="carry every trial to its end")
    own.add_argument(
        "--storage", metavar="S", help="file or database address that several can reach (default: beside the search)"
    )
    own.add_argument("--join", action="store_true", help="work on the search at --storage that somebody else has begun")
    own.add_argument(
        "--go-on", metavar="ID", help="go on with a search that was stopped; FILE and settings are then left out"
    )
    own.add_argument("--use", action="store_true", help="make the best settings those of the project")
    _data_and_settings(parser)


def _compare(commands: Any) -> None:
    parser = _command(
        commands, "compare", comparing.compare, "Compare several ways to tune: one split, one budget, a table."
    )
    own = parser.add_argument_group("the comparison", "The budget is --epochs N or --minutes M, the same for each way.")
    own.add_argument(
        "--methods", metavar="A,B", help=f"ways to tune (default: {comparing.PROPOSED}, as far as they serve)"
    )
    own.add_argument(
        "--bases", metavar="A,B", help="base models; classic:ngram counts words (default: the proposed one)"
    )
    own.add_argument("--folds", type=int, metavar="K", help="each way on K folds instead of once")
    _go_on(own)
    _data_and_settings(parser)


def _folds(commands: Any) -> None:
    parser = _command(commands, "folds", comparing.folds, "Check by folds how steady the result is (cross-validation).")
    own = parser.add_argument_group("the folds")
    own.add_argument("--k", type=int, default=5, metavar="K", help="how many (default: 5)")
    _go_on(own)
    _data_and_settings(parser)


def _go_on(parser: Any) -> None:
    parser.add_argument(
        "--go-on", metavar="ID", help="go on with one that was interrupted; FILE and settings are then left out"
    )


def _data_and_settings(parser: Any) -> None:
    """What a training is told: its data, preset, recipe and every setting."""
    parser.add_argument(
        "file", nargs="?", metavar="FILE", help="csv, tsv, txt, xlsx, json, jsonl, parquet, conll or zip"
    )
    parser.add_argument("--task", metavar="NAME", help="what it learns (see: hone tasks); found when left out")
    parser.add_argument("--text", metavar="COLUMN", help="column that holds the texts (found when left out)")
    parser.add_argument("--label", metavar="COLUMN", help="column that holds the answers (found when left out)")
    parser.add_argument("--split", metavar="COLUMN", help="column that says train, validation or test")
    parser.add_argument(
        "--column",
        action="append",
        dest="columns",
        metavar="ROLE=NAME",
        help='column of any role of the task; several with commas between, or a template such as "{title}: {body}"; may be given again',
    )
    parser.add_argument("--test", metavar="F", help="file for the final test (else a tenth of FILE is kept aside)")
    parser.add_argument("--validation", metavar="F", help="file to steer by (else a tenth of FILE is kept aside)")
    parser.add_argument("--preset", choices=PRESETS, help="how hard to try (default: balanced)")
    parser.add_argument("--recipe", metavar="R", help="YAML file with settings; flags go over it")
    parser.add_argument("--project", metavar="NAME", help="project to train in; without FILE, on the texts it has")
    parser.add_argument("--name", metavar="NAME", help="name of the run")
    parser.add_argument("--encoding", help="encoding of FILE, where the guess is wrong")
    parser.add_argument("--delimiter", help="sign between its columns, where the guess is wrong")
    parser.add_argument("--sheet", help="sheet of an xlsx file")
    _inline(parser)
    _settings(parser, "What is not given is set by the preset.")


def _settings(parser: Any, else_said: str) -> None:
    """A flag for every setting; one whose name the command has for itself already keeps that meaning."""
    taken = parser._option_string_actions
    declared = knobs(TrainingSettings)
    for group, title in GROUPS.items():
        section = parser.add_argument_group(f"settings: {title.lower()}", else_said)
        for knob in declared:
            if knob.group == group and flag(knob.name) not in taken:
                section.add_argument(
                    flag(knob.name), dest=training.PREFIX + knob.name, metavar=_values(knob), help=_help(knob)
                )


def _resume(commands: Any) -> None:
    parser = _command(commands, "resume", training.resume, "Go on with a run that was interrupted, paused or failed.")
    _run(parser)
    _inline(parser)


def _retune(commands: Any) -> None:
    help = "Go on from a finished run with what has arrived since: new texts, other answers, new labels."
    parser = _command(commands, "retune", retuning.retune, help)
    _run(parser)
    parser.add_argument("file", nargs="?", metavar="FILE", help="examples to add to its project first")
    parser.add_argument(
        "--for",
        dest="split_for",
        choices=("train", "validation", "test"),
        help="what FILE is for (shared out when left out)",
    )
    parser.add_argument("--name", metavar="NAME", help="name of the run")
    _inline(parser)
    _settings(parser, "What is not given is as in the run it continues, or proposed.")


def _predict(commands: Any) -> None:
    parser = _command(commands, "predict", asking.predict, "Answer what is given here, or a whole file.")
    parser.add_argument("run", metavar="RUN_OR_FOLDER", help="a run (see: hone runs), `last`, or a folder with a model")
    parser.add_argument("file", nargs="?", metavar="FILE", help="a table; it comes back with the answers beside it")
    parser.add_argument(
        "--text", action="append", dest="texts", metavar="TEXT", help="answer this text; may be given again"
    )
    parser.add_argument(
        "--input",
        action="append",
        dest="inputs",
        metavar="ROLE=VALUE",
        help="what goes with the text (question=..., text_b=...); once for all texts, or once for each",
    )
    parser.add_argument(
        "--column",
        action="append",
        dest="columns",
        metavar="[ROLE=]NAME",
        help="column that holds the texts, or another role's; several with commas between (found when left out)",
    )
    parser.add_argument(
        "--out", metavar="F", help="where the answered table goes: .csv or .xlsx (default: beside FILE)"
    )
    parser.add_argument("--all", action="store_true", help="the probability of every label, each in a column")


def _evaluate(commands: Any) -> None:
    parser = _command(
        commands, "evaluate", asking.evaluate, "How good a run is on the texts kept aside, beside its rivals."
    )
    _run(parser)
    parser.add_argument("--out", metavar="FOLDER", help="write the tables as CSV files there")


def _untrained(commands: Any) -> None:
    help = "Answer texts without training, and score that on the texts kept aside."
    untrained.flags(_command(commands, "untrained", untrained.untrained, help))


def _export(commands: Any) -> None:
    parser = _command(
        commands, "export", asking.export, "Pack the model to take away, and check the copy in a fresh process."
    )
    _run(parser)
    parser.add_argument("--to", metavar="F", help="file or folder for the zip (default: it stays in the run's folder)")


def _smaller(commands: Any) -> None:
    help = "Make a run smaller and faster, and measure what that brought. Without --way: what there is, and the table."
    parser = _command(commands, "smaller", smaller.smaller, help)
    _run(parser)
    parser.add_argument(
        "--way", metavar="NAME", help="int8, distil, layers, neurons, distil_words, distil_base or weights"
    )
    parser.add_argument("--keep", type=int, metavar="N", help="layers that stay (distil, layers)")
    parser.add_argument("--which", metavar="NAME", help="layers: tested, spread or lower; neurons: gradient or size")
    parser.add_argument("--share", type=float, metavar="X", help="neurons that stay, or weights set to nought; 0 to 1")
    parser.add_argument("--rounds", type=float, metavar="X", help="rounds of learning afterwards")
    parser.add_argument("--base", metavar="NAME", help="the smaller base (distil_base)")
    parser.add_argument("--labelled", action="store_true", help="leave out texts without a label (distil)")
    parser.add_argument("--measure", action="store_true", help="measure anew what there is")
    _inline(parser)


def _lists(commands: Any) -> None:
    parser = _command(commands, "runs", listing.runs_of, "List the runs, newest first.")
    parser.add_argument("--project", metavar="NAME", help="only of this project")
    _command(commands, "projects", listing.projects_of, "List the projects.")
    _command(commands, "tasks", listing.tasks_of, "List what can be learnt, and what each of it needs.")
    _run(_command(commands, "recipe", listing.recipe_of, "Show the settings of a run as a recipe.", as_json=False))


def _check(commands: Any) -> None:
    parser = _command(
        commands, "check", checking.check, "What in a file or project would spoil a training or its test."
    )
    parser.add_argument(
        "source", metavar="PROJECT_OR_FILE", help="a project (see: hone projects), or a file of examples"
    )
    parser.add_argument("--task", metavar="NAME", help="what is to be learnt from FILE (found when left out)")
    parser.add_argument("--report", metavar="F", help="write down what is in the data and what was found: .html or .md")


def _labels(commands: Any) -> None:
    section = commands.add_parser("labels", help="Take labels away.", description="Labels of a project, to take along.")
    verbs = section.add_subparsers(title="commands", required=True, metavar="COMMAND")
    help = "Write the labels into a file, with who gave them and when."
    parser = _command(verbs, "export", labels.export, help)
    parser.add_argument(
        "source", metavar="PROJECT_OR_FILE", help="a project (see: hone projects), or a file with labels"
    )
    parser.add_argument(
        "--format", default="csv", metavar="NAME", help="csv, xlsx, jsonl, label_studio, spacy or conll (default: csv)"
    )
    parser.add_argument(
        "--answers", action="store_true", help="one row an answer, of everybody (default: one row a text)"
    )
    parser.add_argument("--labelled", action="store_true", help="only rows with an answer")
    parser.add_argument("--task", metavar="NAME", help="what the labels of FILE are for (found when left out)")
    parser.add_argument("--out", metavar="F", help="where the file goes (default: NAME-labels here)")


def _user(commands: Any) -> None:
    section = commands.add_parser(
        "user", help="Add or remove a login.", description="Logins for launch.py --auth FILE."
    )
    verbs = section.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for name, function, help in (
        ("add", listing.user_add, "Add a login, or give it a new password. Asks for the password."),
        ("remove", listing.user_remove, "Remove a login. Its projects stay."),
    ):
        parser = _command(verbs, name, function, help, as_json=False)
        parser.add_argument("name", metavar="NAME")
        parser.add_argument("--auth", metavar="FILE", required=True, help="the file of logins")


def _run(parser: Any) -> None:
    parser.add_argument(
        "run", metavar="RUN", help="its id (see: hone runs), the beginning of it, its folder, or `last`"
    )


def _inline(parser: Any) -> None:
    parser.add_argument("--inline", action="store_true", help="train in this process instead of a worker's")


def _values(knob: Knob) -> str:
    if knob.kind == "choice":
        return "{" + ",".join(knob.choices) + "}"
    if knob.kind == "several":
        return ",".join(knob.choices)
    return {"bool": "yes|no", "int": "N", "float": "X", "text": "TEXT"}[knob.kind]


def _help(knob: Knob) -> str:
    parts = [f"{knob.title}" + (f" ({knob.term})" if knob.term else "") + ".", str(knob.help)]
    if knob.low is not None and knob.high is not None:
        parts.append(f"{knob.low:.12g} to {knob.high:.12g}.")
    return " ".join(parts).replace("%", "%%")


def _language() -> str:
    """As the environment says, so that help and messages come in one language."""
    told = os.environ.get("LC_ALL") or os.environ.get("LANG") or locale.getlocale()[0] or ""
    return "zh" if told.lower().startswith(("zh", "chinese")) else "en"


def _version() -> str:
    try:
        return metadata.version("hone")
    except metadata.PackageNotFoundError:
        return "unknown"


class _Formatter(argparse.HelpFormatter):
    def __init__(self, prog: str):
        super().__init__(prog, max_help_position=34, width=120)
