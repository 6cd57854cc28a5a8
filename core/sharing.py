"""A project that others may help to label. `shared.json` in the project's folder alone decides who; nothing else gives access.

    {"format": 1, "people": ["anna", "ben"], "everybody": false}

Others know the project as ``owner~project``: no name and no id holds a "~", so that it can never be taken for one of their own. What they
may do with it is decided in `webui.who`; this module knows who, not what.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from core.errors import HoneError, Missing
from core.projects import NOT_COPIED, Project
from core.words import Message
from core.workspace import FORMAT, NAME, check_format, read_json, write_json

FILE = NOT_COPIED
BETWEEN = "~"
MOST = 1_000


@dataclass(frozen=True)
class Sharing:
    """Who else may label. `everybody`: whoever has a login here."""

    people: tuple[str, ...] = ()
    everybody: bool = False

    def lets_in(self, person: str) -> bool:
        return self.everybody or person in self.people


def of(project: Project) -> Sharing:
    """Nobody where there is no file, or one that cannot be read."""
    path = project.folder / FILE
    try:
        told = read_json(path)
        check_format(told, path)
        people = tuple(str(one) for one in told.get("people") or ())
    except (OSError, ValueError, TypeError, AttributeError, HoneError):
        return Sharing()
    return Sharing(people, told.get("everybody") is True)


def share(project: Project, people: Iterable[str], everybody: bool = False) -> Sharing:
    """Say who may label from now on; with nobody it is shared no longer. Whoever is taken out has no access at their next click."""
    chosen = tuple(dict.fromkeys(str(one) for one in people))[:MOST]
    if not chosen and not everybody:
        (project.folder / FILE).unlink(missing_ok=True)
        return Sharing()
    write_json(project.folder / FILE, {"format": FORMAT, "people": list(chosen), "everybody": bool(everybody)})
    return Sharing(chosen, everybody)


def address(owner: str, project: Project) -> str:
    """How others know a project."""
    return f"{owner}{BETWEEN}{project.id}"


def is_others(project: object) -> bool:
    """Whether an id names a project in somebody else's workspace."""
    return isinstance(project, str) and BETWEEN in project


def find(home: Path, person: str, project: str) -> tuple[str, Project]:
    """(owner, project) of an address, for one of those it is shared with; Missing for everybody else, whether it is there or not."""
    owner, _, name = project.partition(BETWEEN)
    if owner != person and NAME.fullmatch(owner) and NAME.fullmatch(name):
        found = Project(home / "users" / owner / "projects" / name)
        if (found.folder / "project.json").is_file() and of(found).lets_in(person):
            return owner, found
    raise Missing(
        Message("This project is not shared with you, or not any more."),
        fix=Message("Ask the person whose project it is."),
    )


def with_me(home: Path, person: str) -> list[tuple[str, Project]]:
    """(owner, project) of all that others share with a person, the last touched first."""
    found = [
        (path.parent.parent.parent.name, Project(path.parent)) for path in (home / "users").glob(f"*/projects/*/{FILE}")
    ]
    mine = [(owner, one) for owner, one in found if owner != person and of(one).lets_in(person)]
    return sorted(mine, key=lambda pair: pair[1].touched, reverse=True)
