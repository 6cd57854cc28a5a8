"""`hone train` and `hone resume`: make a run, put it in line, tell how it goes until it is over."""

from __future__ import annotations

import argparse
import contextlib
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from core import followers
from core.cli.finding import existing, find_project, find_run, text_of, workspace_of
from core.cli.inputs import checked_role, columns_named, pairs
from core.cli.saying import Meter, Saying, duration
from core.data.templates import columns_in
from core.errors import HoneError, SettingsError
from core.settings import problems
from core.training.settings import TrainingSettings
from core.words import Message
from core.workspace import Workspace

LOOK = 0.25  # seconds between two looks at a run
PREFIX = "knob_"  # of the options that are settings
T = TypeVar("T")


@dataclass(frozen=True)
class Ready:
    """Data that is read and settings that are settled, before anything is started."""

    project: Any
    settled: Any  # core.training.draft.Settled
    preset: str
    recipe: Any
    flags: Mapping[str, Any]


def train(options: argparse.Namespace, say: Saying) -> int:
    """Import, settle the settings, put the run in line, watch it to its end."""
    return carry_on(prepared(options, say, lambda ready: _new_run(ready, options, say)), options, say, "start")


def prepared(options: argparse.Namespace, say: Saying, make: Callable[[Ready], T]) -> T:
    """Import the files and settle the settings, then `make` of it what is wanted. Where that fails, a new project is gone again."""
    from core.export.recipe import Recipe, read_recipe

    recipe = read_recipe(text_of(options.recipe)) if options.recipe else Recipe()
    if recipe.problems:
        raise SettingsError(recipe.problems)
    preset = options.preset or (recipe.preset if recipe.preset in ("quick", "balanced", "best") else "balanced")
    flags = {k.removeprefix(PREFIX): v for k, v in vars(options).items() if k.startswith(PREFIX) and v is not None}
    _check_flags(flags)
    project, new = _project_for(workspace_of(options), options)
    try:
        if options.file:
            _import(project.dataset(), _files(options), options, recipe, say)
        elif options.task or options.columns:
            _shape(project.dataset(), options, recipe)
        _check_labels(project.dataset())
        return make(Ready(project, _settled(project, preset, flags, recipe, options, say), preset, recipe, flags))
    except BaseException:
        if new:
            project.dataset().close()
            shutil.rmtree(project.folder, ignore_errors=True)
        raise


def _settled(
    project: Any, preset: str, flags: Mapping[str, Any], recipe: Any, options: argparse.Namespace, say: Saying
) -> Any:
    from core.training import draft as drafts

    if str(flags.get("base", "")).startswith("run-"):  # go on from what an earlier run made
        flags = {**flags, "base": str(find_run(workspace_of(options), flags["base"]).folder / "model")}
    settled = drafts.settle(drafts.drafted(preset, {**recipe.settings, **flags}), project.dataset().facts())
    _ = settled.settings  # raises where a value is off
    for reason in settled.advice.why:
        say.note(reason)
    return settled


def _new_run(ready: Ready, options: argparse.Namespace, say: Saying) -> Any:
    from core.training import runs

    project, settled, recipe, preset, flags = ready.project, ready.settled, ready.recipe, ready.preset, ready.flags
    dataset = project.dataset()
    return runs.create(
        project.folder,
        name=options.name or recipe.name or _preset_name(preset, bool(settled.changed)).said(say.language),
        task=dataset.task,
        base=settled.base,
        settings=settled.settings,
        phases=recipe.phases if recipe.phases and not flags else settled.phases,
        preset=preset,
        changed=settled.changed,
        why=settled.advice.why,
        dataset=dataset,
    )


def resume(options: argparse.Namespace, say: Saying) -> int:
    return carry_on(find_run(workspace_of(options), options.run), options, say, "resume")


def carry_on(run: Any, options: argparse.Namespace, say: Saying, verb: str) -> int:
    """Start or resume a run with an engine of our own, and tell how it goes until it is over."""
    from core.training.engine import Engine

    say.note(Message("Run {run}", run=run.id))
    engine = Engine(workspace_of(options).home, inline=options.inline, adopt=False, warm=False)
    try:
        watching = Watching(run, engine, say)
        getattr(engine, verb)(run)
        state = watching.to_the_end()
    except KeyboardInterrupt:
        say.note(Message("Saving the place…"))
        with contextlib.suppress(KeyboardInterrupt):
            engine.close()
        if run.alive:
            say.error(Message("The run goes on in another process."))
        else:
            stopped = Message("Stopped at step {s}.", s=run.view().step)
            say.error(stopped, Message("Go on with: hone resume {run}", run=run.id))
        return 130
    finally:
        engine.close()
    return _told_end(run, state, say)


class Watching:
    """Tells on standard error how a run goes: one line that changes in a terminal, else a line a check."""

    def __init__(self, run: Any, engine: Any, say: Saying):
        self.run, self.engine, self.say = run, engine, say
        view = run.view()
        self.checks, self.notices = len(view.checks), len(view.notices)  # of an earlier go, when it is resumed

    def to_the_end(self) -> str:
        while (state := self._told()) in ("queued", "preparing", "running"):
            time.sleep(LOOK)
        self.say.clear()
        return state

    def _told(self) -> str:
        from core.training.notices import worded

        view = self.run.view()
        for notice in view.notices[self.notices :]:
            told = worded(notice.code, notice.step, notice.values)
            self.say.note(Message("{title}. {body}", title=told.title, body=told.body))
        self.notices = max(self.notices, len(view.notices))
        for check in view.checks[self.checks :]:
            scores = ", ".join(f"{name} {value:.4f}" for name, value in check.scores.items())
            if scores:
                self.say.note(Message("Step {s}: {scores}", s=check.step, scores=scores))
        self.checks = len(view.checks)
        self.say.line(self._doing(view))
        return view.state

    def _doing(self, view: Any) -> Message:
        from core.training.notices import preparing

        if view.state == "queued":
            return Message("Place {n} in line", n=self.engine.place(self.run) or 1)
        if view.preparing:
            told = preparing(view.preparing["what"])
            if view.preparing["total"]:
                return Message(
                    "{what}, {done} of {total}", what=told, **{k: view.preparing[k] for k in ("done", "total")}
                )
            return told
        left = view.seconds_left
        return Message(
            "{p} %, step {s}, about {t} left",
            p=round(100 * view.share),
            s=view.step,
            t=duration(left) if left is not None else "–",
        )


def _told_end(run: Any, state: str, say: Saying) -> int:
    from core.tasks import task

    view = run.view()
    if state == "failed":
        failure = view.failure or {}
        fix = Message.from_json(failure["fix"]) if failure.get("fix") else None
        say.error(Message.from_json(failure["message"]), fix)
        return 1
    if state not in ("finished", "stopped"):
        say.error(Message("The run is {state}.", state=state), Message("Go on with: hone resume {run}", run=run.id))
        return 1
    scores, split = (view.test, "test") if view.test else (view.scores, "validation")
    told = {score.name: scores[score.name] for score in task(run.spec["task"]).scores if score.name in scores}
    shown = ", ".join(f"{name} {value:.4f}" for name, value in told.items())
    say.note(Message("Finished in {t}.", t=duration(view.seconds)))
    for one in followers.told(run.folder):
        told_of = Message.from_json(one["message"]) if one["message"] else one["where"]
        say.note(Message("{title}: {value}", title=one["title"], value=told_of))
    if say.json:
        say.result({"run": run.id, "test": told if split == "test" else {}})
    else:
        say.out(f"{run.id}\t{split}: {shown}")
        say.note(Message("See how good it is: hone evaluate {run}", run=run.id))
    return 0


def _project_for(workspace: Workspace, options: argparse.Namespace) -> tuple[Any, bool]:
    """The project to train in, and whether it is new: a named one with its texts, or an empty one for the file."""
    from core import projects

    named = [p for p in projects.projects(workspace) if options.project in (p.id, p.name)]
    if options.file:
        if not named:
            files = _files(options)
            return projects.create(workspace, (options.project or files[0][0].stem)[:80] or "data"), True
        if named[0].dataset().empty:
            return named[0], False
        raise HoneError(
            Message("The project “{name}” has texts already.", name=options.project),
            fix=Message("Leave the file out to train on them, or choose another name for --project."),
        )
    if not options.project:
        raise HoneError(
            Message("There is nothing to learn from."),
            fix=Message("Give a file, or --project with the name of a project."),
        )
    return find_project(workspace, options.project), False


def _files(options: argparse.Namespace) -> list[tuple[Path, str | None]]:
    """The files of the command, each with the split it is for; None leaves it to the plan."""
    named = ((options.file, None), (options.validation, "validation"), (options.test, "test"))
    return [(Path(file) if Path(file).is_dir() else existing(file), split) for file, split in named if file]


@contextlib.contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """A folder of pictures as a zip; any other file as it is."""
    if not path.is_dir():
        yield path
        return
    from core.data.image_folders import gathered

    with tempfile.TemporaryDirectory(prefix="hone-") as folder:
        yield gathered(path, Path(folder) / f"{path.resolve().name}.zip")


def _import(
    dataset: Any, files: Sequence[tuple[Path, str | None]], options: argparse.Namespace, recipe: Any, say: Saying
) -> None:
    """Read the files; the first of them says what the data set is for."""
    from core.data.reading import How
    from core.tasks import task

    how = (
        How.from_json({k: getattr(options, k) for k in ("encoding", "delimiter", "sheet")})
        if _any_how(options)
        else None
    )
    for number, (path, split) in enumerate(files):
        with Meter(say, Message("Reading {file}", file=path.name)) as meter, _whole(path) as file:
            dataset.add(file, file.name, how, split, meter, meter.cancelled)
        if number == 0:
            _shape(dataset, options, recipe)
    plan = {}
    if options.test:
        plan["test"] = 0.0
    if options.validation:
        plan["validation"] = 0.0
    if plan:
        dataset.set_split(**plan)
    say.note(Message("Task: {task}", task=task(dataset.task).title))
    for role, told in dataset.roles.items():
        if told.column:
            names = told.column if isinstance(told.column, str) else ", ".join(told.column)
            say.note(Message("Column “{column}” holds the {role}.", column=names, role=role))
    counts = dataset.counts()
    splits = ", ".join(f"{name} {n:,}" for name, n in dict(counts.splits).items())
    say.note(Message("{n:,} rows, {m:,} of them labelled: {splits}", n=counts.rows, m=counts.labelled, splits=splits))


def _shape(dataset: Any, options: argparse.Namespace, recipe: Any) -> None:
    """What the data set is for, and which columns play which role: as it was said, else as in the recipe, else as it is guessed."""
    from core.tasks import guessing

    wanted = options.task or recipe.task
    if wanted or not (options.text or options.label):
        guessing.settle(dataset, wanted)
    names = list(dataset.columns)
    shape = dataset.shape
    chosen: dict[str, str | list[str]] = {}
    for role, column in recipe.roles.items():
        if role in shape.names and columns_in(column, names) is not None:
            chosen[role] = column
    target = shape.target.role if shape.target else "label"
    for role, column in ((shape.first, options.text), (target, options.label), ("split", options.split)):
        if column:
            chosen[role] = columns_named(names, column)
    for role, column in pairs(options.columns):
        chosen[checked_role(role, shape.names)] = columns_named(names, column)
    if chosen:
        dataset.set_roles(chosen)


def _check_labels(dataset: Any) -> None:
    counts = dataset.counts()
    if not counts.labelled:
        raise HoneError(
            Message("No row has a label."),
            fix=Message("Name the column that holds the labels with --label, or label them on the page."),
        )


def _any_how(options: argparse.Namespace) -> bool:
    return any((options.encoding, options.delimiter, options.sheet))


def _check_flags(flags: Mapping[str, Any]) -> None:

    if found := problems(TrainingSettings, flags):
        raise SettingsError(found)


def _preset_name(preset: str, changed: bool) -> Message:
    title = {"quick": Message("Quick look"), "balanced": Message("Balanced"), "best": Message("Best")}[preset]
    return Message("{preset}, changed", preset=title) if changed else title
