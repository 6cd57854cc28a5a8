"""`hone tasks`, `runs`, `projects`, `recipe` and `user`: what is there, and who may log in."""

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


def tasks_of(options: argparse.Namespace, say: Saying) -> int:
    """Every task: what it gives, and which columns it needs."""
    from core.tasks import TASKS

    if options.json:
        columns = ("role", "kind", "title", "help", "required", "target", "several")
        say.result(
            [
                {
                    "task": name,
                    "title": task.title,
                    "help": task.help,
                    "columns": [{key: getattr(column, key) for key in columns} for column in task.columns],
                    "scores": [score.name for score in task.scores],
                }
                for name, task in TASKS.items()
            ]
        )
        return 0
    for name, task in TASKS.items():
        say.out(f"{name}: {task.title.said(say.language)}")
        say.out(f"    {task.help.said(say.language)}")
        for column in task.columns:
            say.out(f"    {column.role} ({column.kind}): {column.help.said(say.language)}")
    return 0


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
                        "task": run.spec["task"],
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
        main = main_score(one["task"])
        score = one["test"].get(main, one["validation"].get(main))
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
    from core.export import recipe

    run = find_run(workspace_of(options), options.run)
    say.out(recipe.recipe_of(run.spec, name=run.name).rstrip())
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


def main_score(task: str) -> str:
    """The measure that stands for a run of this task."""
    from core.tasks import TASKS

    return TASKS[task].scores[0].name if task in TASKS else "accuracy"


def _password(say: Saying) -> str:
    """Typed twice without being shown; from a pipe, the first line."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    first = getpass.getpass(Message("Password: ").said(say.language))
    if getpass.getpass(Message("Once more: ").said(say.language)) != first:
        raise HoneError(Message("The two passwords differ."), fix=Message("Try again."))
    return first
