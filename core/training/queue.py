"""The line of runs on disk, shared by page and command line in one home: who waits, who works, at most so many at a time.

<home>/engine/queue.json       the entries, oldest first; changed only under queue.lock
<home>/engine/slot-0.lock ...  held by the engine whose run works in that slot
<home>/engine/engines/*.lock   held by each engine as long as it lives

Knows nothing of workers: `core.training.engine` takes entries from here and has them carried out.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from core import locks
from core.workspace import write_json


@dataclass(frozen=True)
class Entry:
    """One run in line. `run` is its folder below the home; `engine` who took it in, or works on it."""

    run: str
    engine: str
    state: str = "waiting"  # waiting | working
    since: float = 0.0
    seconds: float | None = None  # how long it will take, as far as somebody has estimated it


_known: dict[Path, tuple[Any, list[Entry]]] = {}


class Queue:
    """The entries of one home. Every method may be called from any process at any time."""

    def __init__(self, home: Path):
        self.home = home
        self.folder = home / "engine"

    @property
    def _path(self) -> Path:
        return self.folder / "queue.json"

    def entries(self) -> list[Entry]:
        """Oldest first. Read again only when the file has been written anew; every page asks for it every second."""
        try:
            stat = self._path.stat()
            seen = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
            if _known.get(self._path, (None,))[0] != seen:
                told = json.loads(self._path.read_text(encoding="utf-8"))
                _known[self._path] = (seen, [Entry(**entry) for entry in told["entries"]])
            return list(_known[self._path][1])
        except (OSError, ValueError):
            return []

    def find(self, run: str) -> Entry | None:
        return next((e for e in self.entries() if e.run == run), None)

    def add(self, entry: Entry) -> bool:
        """To the end of the line; nothing when the run is in it already."""
        with self._changing():
            entries = self.entries()
            if any(e.run == entry.run for e in entries):
                return False
            self._write([*entries, replace(entry, since=time.time())])
            return True

    def remove(self, run: str, *, state: str | None = None) -> bool:
        """Out of the line; with `state` only when that is the entry's state. Whether it was there."""
        with self._changing():
            entries = self.entries()
            left = [e for e in entries if not (e.run == run and state in (None, e.state))]
            if len(left) < len(entries):
                self._write(left)
            return len(left) < len(entries)

    def claim(self, engine: str, at_once: int, adopt: bool) -> tuple[Entry, locks.FileLock] | None:
        """The first in line, if it is this engine's turn and a slot is free: now working, with the slot it holds.

        A run is carried out by the engine that took it in; when that one is gone, by any that adopts.
        """
        if not any(e.state == "waiting" for e in self.entries()):
            return None
        with self._changing():
            entries = self.entries()
            turn = self._turn(entries, engine, adopt)
            slot = self._free_slot(at_once) if turn else None
            if turn is None or slot is None:
                return None
            working = replace(turn, engine=engine, state="working", since=time.time())
            self._write([working if e.run == turn.run else e for e in entries])
            return working, slot

    def tidy(self) -> None:
        """Take out runs whose engine died while it worked on them: they are interrupted and wait for a click."""
        if not any(e.state == "working" for e in self.entries()):
            return
        with self._changing():
            entries = self.entries()
            left = [e for e in entries if e.state == "waiting" or self.lives(e.engine)]
            if len(left) < len(entries):
                self._write(left)

    def lives(self, engine: str) -> bool:
        return locks.held(self.folder / "engines" / f"{engine}.lock")

    def enlist(self, engine: str) -> locks.FileLock:
        """The sign of life of an engine, held until it is released or the process dies."""
        folder = self.folder / "engines"
        folder.mkdir(parents=True, exist_ok=True)
        with self._changing():
            for old in folder.glob("*.lock"):
                if not locks.held(old):
                    with contextlib.suppress(OSError):
                        old.unlink()
            lock = locks.FileLock(folder / f"{engine}.lock")
            lock.acquire(wait=5.0)
            return lock

    def _turn(self, entries: Sequence[Entry], engine: str, adopt: bool) -> Entry | None:
        for entry in entries:
            if entry.state != "waiting":
                continue
            if entry.engine == engine:
                return entry
            if self.lives(entry.engine):
                return None  # its own engine takes it as soon as a slot is free
            if adopt:
                return entry
        return None

    def _free_slot(self, at_once: int) -> locks.FileLock | None:
        for n in range(at_once):
            slot = locks.FileLock(self.folder / f"slot-{n}.lock")
            if slot.acquire():
                return slot
        return None

    def _changing(self) -> locks.FileLock:
        return locks.FileLock(self.folder / "queue.lock")

    def _write(self, entries: Sequence[Entry]) -> None:
        value: dict[str, Any] = {"format": 1, "entries": [asdict(e) for e in entries]}
        write_json(self._path, value)


def home_of(run_folder: Path) -> Path | None:
    """The home a run lies in; None for a run folder that stands by itself (copied elsewhere, a benchmark)."""
    return next((p for p in run_folder.parents if (p / "home.json").exists()), None)


def name_in(home: Path, run_folder: Path) -> str:
    return run_folder.relative_to(home).as_posix()
