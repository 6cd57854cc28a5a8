"""The director: a thread that lets open studies go on. It makes the runs a kind asks for, starts them, and notes how they ended.

Every open study is led by one director, whoever it belongs to: the server has one, a command has one for its own study (`study.lock`
says who). At most as many members of a study are in line as the engine works on at once, so that a person's own run comes next. All it
knows is on disk: after a restart an open study goes on by itself, and members whose process was gone are taken up again.
"""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core import locks
from core.errors import HoneError
from core.studies.base import Next, Seen, Wanted, look
from core.studies.kinds import kind
from core.studies.study import Study, members_on_disk
from core.training import runs
from core.training.judging import judged
from core.training.runs import Run
from core.words import Message

LOOK = 0.3  # seconds between two looks at the studies that are led
SEARCH = 30.0  # seconds between two searches for open studies that nobody leads
REVIVED = 3  # times a member is taken up again before it counts as failed
PATIENCE = 5  # errors in a row before a study is stopped
RESTING = ("paused", "interrupted")  # members of a stopped study that nobody waits for
AWAY = 60.0  # seconds a folder is left alone after `leave`


@dataclass
class _Led:
    study: Study
    lock: locks.FileLock
    errors: int = 0
    adopted: bool = False  # whether runs that the log does not know have been looked for


class Director:
    """`lead` and `leave` return at once. `home`: where to look for open studies that nobody leads; None looks for none (a command that
    only came for its own)."""

    def __init__(self, engine: Any, home: Path | None = None):
        self.engine, self.home = engine, home
        self._led: dict[Path, _Led] = {}
        self._away: dict[Path, float] = {}
        self._lock = threading.RLock()
        self._changed = threading.Event()
        self._closing = False
        self._thread = threading.Thread(target=self._mind, name="hone-director", daemon=True)
        self._thread.start()

    def lead(self, study: Study) -> bool:
        """Take the study in hand, if no other director has it."""
        with self._lock:
            if self._closing or study.folder in self._led:
                return study.folder in self._led
            lock = locks.FileLock(study.folder / "study.lock")
            if not lock.acquire():
                return False
            self._led[study.folder] = _Led(study, lock)
        self._changed.set()
        return True

    def leave(self, folder: Path) -> None:
        """Let go of every study below `folder`, which is about to be moved or deleted."""
        with self._lock:
            self._away[folder] = time.monotonic() + AWAY
            for led in [led for led in self._led.values() if led.study.folder.is_relative_to(folder)]:
                self._let_go(led)

    def leave_study(self, study: Study) -> None:
        """Let go of one that is about to be deleted."""
        with self._lock:
            if led := self._led.get(study.folder):
                self._let_go(led)

    def wait(self, study: Study, told: Callable[[], None] = lambda: None, every: float = 0.25) -> None:
        """Until it is no longer led here: over, or stopped and at rest. `told` is called again and again meanwhile."""
        while study.folder in self._led and self._thread.is_alive():
            told()
            time.sleep(every)
        told()

    def close(self) -> None:
        """Open studies wait for the next director; their runs are the engine's."""
        self._closing = True
        self._changed.set()
        self._thread.join(timeout=10)
        with self._lock:
            for led in list(self._led.values()):
                self._let_go(led)

    # The background ---------------------------------------------------------------------------------------------------

    def _mind(self) -> None:
        search = 0.0
        while not self._closing:
            if self.home and time.monotonic() >= search:
                self._find()
                search = time.monotonic() + SEARCH
            for led in list(self._led.values()):
                self._see_to(led)
            self._changed.wait(LOOK if self._led else SEARCH / 10)
            self._changed.clear()

    def _find(self) -> None:
        """Open studies that nobody leads: of a server that was closed, or a command that died."""
        now = time.monotonic()
        self._away = {folder: until for folder, until in self._away.items() if until > now}
        for path in self.home.glob("users/*/projects/*/studies/*/study.json") if self.home else ():
            study = Study(path.parent)
            if study.folder in self._led or study.id.startswith("."):
                continue
            if any(study.folder.is_relative_to(folder) for folder in self._away):
                continue
            try:
                if _unfinished(study):
                    self.lead(study)
            except (HoneError, OSError, ValueError):
                traceback.print_exc()

    def _see_to(self, led: _Led) -> None:
        with self._lock:  # `leave` waits for the end of a look
            if self._led.get(led.study.folder) is not led:
                return
            try:
                led.lock.touch()
                if not (led.study.folder / "study.json").is_file() or self._advance(led):
                    self._let_go(led)
                led.errors = 0
            except Exception as error:
                led.errors += 1
                traceback.print_exc()
                if led.errors >= PATIENCE and (led.study.folder / "study.json").is_file():
                    led.study.say("failed", **_failure(error))
                    led.errors = 0

    def _advance(self, led: _Led) -> bool:
        """One look. Whether the study needs no director any more."""
        study = led.study
        if not led.adopted:
            _adopt(study)
            led.adopted = True
        for one in look(study):
            self._see_to_member(study, one)
        view, seen = study.view(), look(study)
        busy = [one for one in seen if one.at_work]
        if view.state != "open":
            if view.discards:
                for one in busy:
                    self.engine.discard(one.run)
            return not [one for one in busy if one.state not in RESTING]
        room = max(0, int(getattr(self.engine, "at_once", 1)) - len(busy))
        coming = kind(study.kind).advance(study, seen, room)
        self._prune(coming, busy)
        there = {one.key for one in seen}
        for wanted in [w for w in coming.create if w.key not in there][:room]:
            self._make(study, wanted)
        if coming.over and not busy:
            study.say("over")
            return True
        return False

    def _see_to_member(self, study: Study, one: Seen) -> None:
        if one.member.ended:
            return
        if one.ended:
            study.keep_answers(one.run)
            study.say("ended", key=one.key, outcome=outcome(one.run))
        elif one.state == "interrupted" and study.view().state == "open":
            if one.member.revived >= REVIVED:
                gone = Message("Its process ended {n} times.", n=REVIVED + 1)
                study.say("ended", key=one.key, outcome={**outcome(one.run), "failure": {"message": gone.as_json()}})
            else:
                study.say("revived", key=one.key)
                self.engine.resume(one.run)

    def _prune(self, coming: Next, busy: Sequence[Seen]) -> None:
        for one in busy:
            if one.key in coming.prune and one.run:
                self.engine.stop(one.run, keep=False)

    def _make(self, study: Study, wanted: Wanted) -> None:
        """A member, in line. One that cannot be made has failed; the others go on."""
        about = {"key": wanted.key, "label": wanted.label.as_json(), "values": dict(wanted.values)}
        try:
            run = made(study, wanted, about)
        except HoneError as error:
            study.say("member", run="", **about)
            study.say("ended", key=wanted.key, outcome={"state": "failed", "failure": _failure(error)})
            return
        study.say("member", run=run.id, **about)
        self.engine.start(run)

    def _let_go(self, led: _Led) -> None:
        self._led.pop(led.study.folder, None)
        led.lock.release()


def made(study: Study, wanted: Wanted, about: Mapping[str, Any]) -> Run:
    """The run folder of a member; it does not start by itself."""
    rows = study.rows
    return runs.create(
        study.project_folder,
        name=f"{study.name}: {wanted.label.said(study.language)}",
        task=study.spec["task"],
        base=wanted.base,
        settings=wanted.settings,
        phases=wanted.phases,
        preset=wanted.preset,
        changed=wanted.changed,
        dataset=rows if wanted.split is None else type(rows)(rows.folder, wanted.split),
        estimate=wanted.estimate,
        study={"study": study.id, "member": dict(about), "untested": wanted.untested},
    )


def outcome(run: Run | None) -> dict[str, Any]:
    """How a member ended, kept in the study's log: {"state", "scores", "test", "seconds", "step", "best_step", "memory", "failure", "at_start"},
    and as "judged" what the run left to be compared by (core.training.judging). `at_start`: the fitted last layer was never beaten, so that is
    what is kept of a run whose steps went further."""
    if run is None:
        return {"state": "gone"}
    view = run.view()
    return {
        "state": view.state,
        "scores": dict(view.scores),
        "test": dict(view.test),
        "seconds": round(view.seconds, 2),
        "step": view.step,
        "best_step": view.best_step,
        "memory": view.memory,
        "failure": dict(view.failure) if view.failure else None,
        "at_start": view.before is not None and view.best is not None and view.best.phase == 0,
        "judged": judged(run.folder),
    }


def _unfinished(study: Study) -> bool:
    """Open, or stopped with members whose end is not noted yet."""
    view = study.view()
    return view.state == "open" or any(one.at_work and one.state not in RESTING for one in look(study))


def _adopt(study: Study) -> None:
    """Runs that were made just before a director died, and are not in the log."""
    known = {member.key for member in study.view().members}
    for run, about in members_on_disk(study):
        if about["key"] not in known:
            study.say("member", run=run, **about)


def _failure(error: Exception) -> dict[str, Any]:
    if isinstance(error, HoneError):
        return {"message": error.message.as_json(), "fix": error.fix.as_json() if error.fix else None}
    told = Message("It ended with an error: {what}", what=f"{type(error).__name__}: {error}"[:300])
    return {"message": told.as_json(), "fix": None}
