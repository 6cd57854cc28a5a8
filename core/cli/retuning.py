"""`hone retune`: go on from a finished run with what its data has gained since, or with a file that is added first."""

from __future__ import annotations

import argparse
from typing import Any

from core.cli.finding import existing, find_run, workspace_of
from core.cli.saying import Meter, Saying
from core.cli.training import PREFIX, carry_on
from core.errors import HoneError, SettingsError
from core.settings import problems
from core.training.settings import TrainingSettings
from core.words import Message


def retune(options: argparse.Namespace, say: Saying) -> int:
    """Add the file to the run's project, say what has arrived, start the run that continues it, and tell how it goes until it is over."""
    from core.training import retuning

    flags = {k.removeprefix(PREFIX): v for k, v in vars(options).items() if k.startswith(PREFIX) and v is not None}
    if found := problems(TrainingSettings, flags):
        raise SettingsError(found)
    run = find_run(workspace_of(options), options.run)
    project = _project_of(run, options)
    dataset = project.dataset()
    if options.file:
        path = existing(options.file)
        with Meter(say, Message("Reading {file}", file=path.name)) as meter:
            dataset.add(path, path.name, None, options.split_for, meter, meter.cancelled)
    proposal = retuning.propose(dataset, run, flags)
    told = proposal.arrived
    say.note(Message("{n:,} texts to learn from have arrived or changed; {m:,} are known.", n=told.texts, m=told.known))
    for name in told.labels:
        say.note(Message("New label: {label}", label=name))
    for reason in proposal.why:
        say.note(reason)
    name = options.name or Message("{name}, retuned", name=run.name).said(say.language)
    new = retuning.begin(project.folder, dataset, proposal, name)
    code = carry_on(new, options, say, "start")
    _tell(new, say)
    return code


def _project_of(run: Any, options: argparse.Namespace) -> Any:
    from core.projects import projects

    folder = run.folder.parent.parent.resolve()
    found = next((one for one in projects(workspace_of(options)) if one.folder.resolve() == folder), None)
    if found is None:
        raise HoneError(
            Message("“{name}” lies in no project of this workspace.", name=run.name),
            fix=Message("Name a run that `hone runs` lists."),
        )
    return found


def _tell(run: Any, say: Saying) -> None:
    """What it has lost, part by part."""
    from core.training import forgetting

    told = forgetting.read(run.folder)
    if told is None or told.figure is None:
        return
    chain = [*run.spec["continues"]["chain"], {"name": run.name}]
    for one, now, lost in zip(chain, told.matrix[-1], [*told.lost, None], strict=False):
        if now is not None and lost is not None:
            say.note(
                Message(
                    "Texts of “{name}”: {measure} {now:.4f}, lost {lost:.4f}",
                    name=one["name"],
                    measure=told.measure,
                    now=now,
                    lost=lost,
                )
            )
    say.note(Message("Forgetting: {x:.4f} ({measure}, mean over what was known)", x=told.figure, measure=told.measure))
