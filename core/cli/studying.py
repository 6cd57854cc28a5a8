"""What the commands that lead a study (compare, folds, search) share: finding one again, and leading it to its end."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Callable
from typing import Any

from core.cli.finding import workspace_of
from core.cli.saying import Saying
from core.errors import HoneError, Missing
from core.words import Message


def found(options: argparse.Namespace, kind: str) -> Any:
    """The study of this kind and id (or its beginning, or `last`), open again."""
    from core.projects import projects
    from core.studies import study

    there = [one for p in projects(workspace_of(options)) for one in study.studies(p.folder) if one.kind == kind]
    there.sort(key=lambda one: one.id, reverse=True)
    wanted = there[:1] if options.go_on == "last" else [one for one in there if one.id.startswith(options.go_on)]
    if len(wanted) != 1:
        raise Missing(Message("There is no study called “{name}”.", name=options.go_on[:60]))
    if wanted[0].view().state == "stopped":
        wanted[0].go_on()
    return wanted[0]


def led(study: Any, options: argparse.Namespace, say: Saying, command: str, tell: Callable[[], None]) -> bool:
    """Lead it until it is over or stopped, with `tell` called again and again; False where a person interrupted it, who is told how to go
    on with `command`."""
    from core.studies.director import Director
    from core.training.engine import Engine

    say.note(Message("Study {id}", id=study.id))
    if study.view().state == "over":
        return True
    engine = Engine(workspace_of(options).home, inline=options.inline, adopt=False, warm=False)
    director = Director(engine)
    try:
        if not director.lead(study):
            raise HoneError(Message("Another process leads this study already; it goes on there."))
        director.wait(study, tell)
    except KeyboardInterrupt:
        say.note(Message("Saving the place…"))
        with contextlib.suppress(KeyboardInterrupt):
            director.close()
            engine.close()
        say.error(
            Message("The study is interrupted."),
            Message("Go on with: hone {command} --go-on {id}", command=command, id=study.id),
        )
        return False
    finally:
        director.close()
        engine.close()
    say.clear()
    return True
