"""Follow one run with one follower, to the run's end: the function of a process of its own.

How far it has read stands beside what it has made, so that one that starts late, or again, goes on where it was. Whatever goes wrong here is told
once, in the run's folder, and ends the following; the run goes on.
"""

from __future__ import annotations

import contextlib
import importlib
import time
import traceback
from pathlib import Path
from typing import Any

from core import journal, locks, processes
from core.followers import FOLDER, Kind, kind
from core.followers.base import ENDS, Follower, Subject, numbers
from core.words import Message
from core.workspace import read_json, write_json

LOOK = 1.0  # seconds between two looks
PATIENCE = 60.0  # seconds without a worker after which a run rests


def follow(run: str, name: str, patience: float = PATIENCE) -> None:
    """Returns when the run is over, when it has rested for `patience` seconds, or when this process has to go."""
    folder, one = Path(run), kind(name)
    (folder / FOLDER).mkdir(exist_ok=True)
    lock = locks.FileLock(folder / FOLDER / f"{name}.lock")
    if not lock.acquire():
        return  # somebody follows it already
    note = Note(folder / FOLDER / f"{name}.json")
    try:
        _follow(folder, one, note, patience)
    except ImportError as error:
        missing = Message("{title} is not installed: pip install {package}", title=one.title, package=one.package)
        note.write(state="failed", message=missing.as_json(), details=str(error)[:300])
    except Exception as error:
        traceback.print_exc()
        reason = f"{type(error).__name__}: {error}".splitlines()[0][:200]
        failed = Message("{title} no longer follows this run: {reason}", title=one.title, reason=reason)
        note.write(state="failed", message=failed.as_json())
    finally:
        lock.release()


class Note:
    """`<name>.json`: how it fares, where its files lie, up to which byte and step it has read."""

    def __init__(self, path: Path):
        self.path = path
        self.known: dict[str, Any] = {"state": "following", "where": "", "message": None, "offset": 0, "step": 0}
        with contextlib.suppress(OSError, ValueError):
            self.known |= read_json(path)
        self.again = bool(self.known["offset"])

    def write(self, **told: Any) -> None:
        self.known |= told
        write_json(self.path, self.known)


def _follow(folder: Path, one: Kind, note: Note, patience: float) -> None:
    follower = _opened(folder, one, note)
    note.write(state="following", where=follower.where, message=None)
    offset, seen = int(note.known["offset"]), time.monotonic()
    while True:
        lines, offset = journal.read(folder / "events.jsonl", offset)
        over = _tell(follower, lines, note)
        if lines:
            follower.flush()
            note.write(offset=offset)
        if lines or locks.held(folder / "run.lock"):
            seen = time.monotonic()
        rests = processes.leaving() or time.monotonic() - seen > patience
        if over or rests:
            follower.end(over or "resting")
            note.write(state="done" if over else "following", where=follower.where)
            return
        time.sleep(LOOK)


def _opened(folder: Path, one: Kind, note: Note) -> Follower:
    spec = read_json(folder / "run.json")
    project = folder.parent.parent
    place = project / FOLDER / one.name if one.shared else folder / FOLDER / one.name
    place.mkdir(parents=True, exist_ok=True)
    about = project / "project.json"
    called = str(read_json(about).get("name", project.name)) if about.is_file() else project.name
    subject = Subject(
        run=str(spec.get("id", folder.name)),
        name=str(spec.get("name", folder.name)),
        project=called,
        folder=place,
        settings=_learnt_with(spec),
        again=note.again,
        step=int(note.known["step"]),
    )
    found: Follower = importlib.import_module(one.module).Follower(subject)
    return found


def _learnt_with(spec: dict[str, Any]) -> dict[str, Any]:
    """Settings and what they were for; no folder of this machine."""
    settings = {name: value for name, value in spec.get("settings", {}).items() if name not in ("base", "follow")}
    base = spec.get("base") or {}
    return {"task": spec.get("task", ""), "base": Path(str(base.get("id", ""))).name, **settings}


def _tell(follower: Follower, lines: list[dict[str, Any]], note: Note) -> str:
    """Hand the events over; the kind of the last one where the run ended with it."""
    over = ""
    for event in lines:
        step, told = int(event.get("step") or 0), numbers(event)
        if event.get("kind") == "resumed":
            follower.back(step)
            over = ""
        elif told:
            follower.numbers(step, told, float(event.get("at") or 0.0))
            note.known["step"] = max(int(note.known["step"]), step)
        over = str(event["kind"]) if event.get("kind") in ENDS else over
    return over
