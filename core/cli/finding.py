"""What a command names: a workspace, a run, a file."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from core.cli.saying import Meter, Saying
from core.errors import Missing
from core.words import Message
from core.workspace import Workspace


def workspace_of(options: argparse.Namespace) -> Workspace:
    return Workspace.open(options.workspace, options.user)


def find_run(workspace: Workspace, wanted: str) -> Any:
    """A run by its id, the beginning of it, its folder, or `last`."""
    from core.projects import projects
    from core.training.runs import Run

    if (Path(wanted) / "run.json").is_file():
        return Run(Path(wanted).resolve())
    found = [run for project in projects(workspace) for run in project.runs()]
    found.sort(key=lambda run: run.id, reverse=True)
    if wanted == "last" and found:
        return found[0]
    match = [run for run in found if run.id == wanted] or [run for run in found if run.id.startswith(wanted)]
    if len(match) != 1:
        message = (
            Message("There is no run called “{name}”.", name=wanted[:60])
            if not match
            else Message("{n} runs begin with “{name}”.", n=len(match), name=wanted[:60])
        )
        raise Missing(message, fix=Message("See them with: hone runs"))
    return match[0]


def find_project(workspace: Workspace, wanted: str) -> Any:
    """A project by its id or its name."""
    from core.projects import projects

    found = next((one for one in projects(workspace) if wanted in (one.id, one.name)), None)
    if found is None:
        raise Missing(
            Message("There is no project called “{name}”.", name=wanted[:60]),
            fix=Message("See them with: hone projects"),
        )
    return found


def existing(name: str) -> Path:
    path = Path(name).expanduser()
    if not path.is_file():
        raise Missing(Message("There is no file at {path}.", path=name), fix=Message("Check the name."))
    return path


def text_of(name: str) -> str:
    return existing(name).read_text(encoding="utf-8-sig", errors="replace")


@contextmanager
def data_of(options: argparse.Namespace, say: Saying) -> Iterator[tuple[Any, str]]:
    """The data set of the project or of the file `options.source`, with its name; that of a file is gone afterwards."""
    path = Path(options.source).expanduser()
    if not path.is_file():
        project = find_project(workspace_of(options), options.source)
        yield project.dataset(), project.name
        return
    from core.data.dataset import Dataset
    from core.tasks import guessing

    with tempfile.TemporaryDirectory(prefix="hone-") as folder:
        data = Dataset.open(Path(folder))
        with Meter(say, Message("Reading {file}", file=path.name)) as meter:
            data.add(path, path.name, None, None, meter, meter.cancelled)
        guessing.settle(data, options.task)
        yield data, path.stem
        data.close()
