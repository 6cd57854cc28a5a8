"""`hone runs`, `projects`, `recipe` and `user`: what is there, and who may log in."""

from __future__ import annotations

import argparse
import getpass
import sys
from pathlib import Path
from typing import Any

from core.cli.finding import find_run, workspace_of
from core.cli.saying import Saying
from core.errors import HoneError
from core.words import Message


def runs_of(options: argparse.Namespace, say: Saying) -> int:
    """All runs of the workspace (or of one project), newest first."""
    from core.projects import projects

    found = []
    for project in projects(workspace_of(options)):
        if options.project in (None, project.id, project.name):
            for run in project.runs():
                view = run.view()
                found.append(
                    {
                        "run": run.id,
                        "project": project.name,
                        "name": run.name,
                        "state": view.state,
                        "created": run.spec["created"],
                        "test": dict(view.test),
                        "validation": dict(view.scores),
                    }
                )
    found.sort(key=lambda one: one["run"], reverse=True)
    if options.json:
        say.result(found)
        return 0
    for one in found:
        score = one["test"].get("accuracy", one["validation"].get("accuracy"))
        shown = "–" if score is None else f"{score:.3f}"
        say.out(f"{one['run']}  {one['state']:<11}  {shown:>5}  {one['project']} · {one['name']}")
    if not found:
        say.note(Message("There is no run yet. Start one with: hone train FILE"))
    return 0


def projects_of(options: argparse.Namespace, say: Saying) -> int:
    from core.projects import disk_used, projects

    found: list[dict[str, Any]] = [
        {
            "project": p.id,
            "name": p.name,
            "texts": int(p.dataset().counts().rows),
            "runs": len(p.runs()),
            "bytes": disk_used(p.folder),
        }
        for p in projects(workspace_of(options))
    ]
    if options.json:
        say.result(found)
        return 0
    for one in found:
        say.out(
            f"{one['project']}  {one['texts']:>9,} texts  {one['runs']:>3} runs  {one['bytes'] / 1e6:>8,.1f} MB  {one['name']}"
        )
    if not found:
        say.note(Message("There is no project yet. Start one with: hone train FILE"))
    return 0


def recipe_of(options: argparse.Namespace, say: Saying) -> int:
    from core.export.recipe import recipe_text

    run = find_run(workspace_of(options), options.run)
    spec = run.spec
    say.out(recipe_text(spec["settings"], preset=spec["preset"], phases=spec["phases"], name=run.name).rstrip())
    return 0


def user_add(options: argparse.Namespace, say: Saying) -> int:
    from core import users

    password = _password(say)
    new = users.add(Path(options.auth), options.name, password)
    say.note(
        Message("{user} can log in now.", user=options.name)
        if new
        else Message("{user} has a new password.", user=options.name)
    )
    return 0


def user_remove(options: argparse.Namespace, say: Saying) -> int:
    from core import users

    users.remove(Path(options.auth), options.name)
    say.note(Message("{user} can no longer log in.", user=options.name))
    return 0


def _password(say: Saying) -> str:
    """Typed twice without being shown; from a pipe, the first line."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    first = getpass.getpass(Message("Password: ").said(say.language))
    if getpass.getpass(Message("Once more: ").said(say.language)) != first:
        raise HoneError(Message("The two passwords differ."), fix=Message("Try again."))
    return first
