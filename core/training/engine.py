"""The engine: takes runs out of the line and has each carried out, in the background of whichever process made it.

A thread of its own owns each run and hands the steps to a worker process (the spare is warm), or carries them out itself when
`inline`. Page and command line may each have an engine on one home: at most `at_once` runs work at a time among them all.
The run folder is the whole truth; the engine only remembers which workers are its own.
"""

from __future__ import annotations

import heapq
import threading
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core import followers, locks, processes
from core.errors import HoneError, RunError
from core.training import events as ev
from core.training.queue import Entry, Queue, name_in
from core.training.runs import Run
from core.words import Message
from core.workspace import new_id, write_text

GRACE = 8.0  # seconds a discarded run has to end by itself before its process is ended
IDLE = 600.0  # seconds a paused run keeps its process, and so its memory
LOOK = 0.25  # seconds between two looks at the line and at the control files
WORKER = "core.training.worker:worker"


@dataclass
class _Owned:
    """A run this engine has at work."""

    run: Run
    name: str
    thread: threading.Thread | None = None
    process: processes.Worker | None = None
    discarded: float | None = None
    paused: float | None = None
    leaving: bool = False
    wanted: str = ""  # "resume" or "stop": asked for when its worker may no longer have heard it


@dataclass(frozen=True)
class Place:
    """`place` 1 starts next. `seconds` until then, as far as the runs before it can be estimated."""

    place: int
    seconds: float | None

    def as_json(self) -> dict[str, Any]:
        return {"place": self.place, "seconds": self.seconds}


@dataclass
class Engine:
    """`start` and the other verbs return at once. `adopt`: whether to go on with waiting runs whose engine is gone (the
    server does, a command that only came for its own run does not)."""

    home: Path
    inline: bool = False
    at_once: int = 1
    adopt: bool = True
    warm: bool = True
    worker: str = WORKER
    spare: processes.Warm | None = None  # the server's own, unless another is given

    def __post_init__(self) -> None:
        self.home = Path(self.home).resolve()
        self.id = new_id("engine")
        self.threads = max(1, processes.cores() // max(1, self.at_once))
        self._queue = Queue(self.home)
        self._queue.folder.mkdir(parents=True, exist_ok=True)
        self._life = self._queue.enlist(self.id)
        own = processes.spare() if self.warm else processes.Warm(self.threads, refill=False)
        self._spare = self.spare or own
        self._owned: dict[str, _Owned] = {}
        # They end with their runs; what is not held here would be told to leave.
        self._followers: list[processes.Worker] = []
        self._lock = threading.RLock()
        self._changed = threading.Event()
        self._closing = False
        self._queue.tidy()
        if self.warm and not self.inline:
            self._spare.prepare(after=1.0)
        self._thread = threading.Thread(target=self._mind, name="hone-engine", daemon=True)
        self._thread.start()

    # What a person can do ---------------------------------------------------------------------------------------------

    def start(self, run: Run, seconds: float | None = None) -> None:
        """Into the line; it starts as soon as it is its turn. `seconds` is the estimate of how long it will take."""
        if run.alive and run.controlled() != "leave":
            return
        run.uncontrolled()
        self._enter(run, seconds)

    def pause(self, run: Run) -> None:
        """At work: stop between two steps, keep the place. In line: leave the line, to be resumed later."""
        if self._queue.remove(self._name(run), state="waiting"):
            self._write(run, ev.Paused(step=run.view().step))
        elif self._at_work(run):
            self._want(run, "")
            run.control("pause")

    def resume(self, run: Run) -> None:
        """A paused, interrupted or failed run goes on from where it was."""
        state = run.view().state
        if state in ("finished", "discarded"):
            raise RunError(Message("This run has ended."), fix=Message("Start a new one."))
        if self._want(run, "resume"):
            return
        if self._at_work(run) and run.controlled() != "leave":
            run.control("resume")
        else:
            self.start(run)

    def stop(self, run: Run, keep: bool = True) -> None:
        """End it. `keep`: with its best moment so far as the model."""
        if not keep:
            return self.discard(run)
        waiting = self._queue.remove(self._name(run), state="waiting")
        view = run.view()
        if view.over:
            return None
        self._want(run, "stop")
        if self._at_work(run):
            return run.control("stop")
        if not view.checks and not (run.folder / "checkpoints").is_dir():
            return self._end(run, kept=False)  # nothing is learnt yet, so nothing is there to keep
        run.control("stop")
        self._enter(run, None if waiting else 5.0)
        return None

    def discard(self, run: Run) -> None:
        """End it and keep nothing. Its memory is free when its state is "discarded"."""
        self._queue.remove(self._name(run), state="waiting")
        view = run.view()
        if self._at_work(run):
            run.control("discard")
            self._changed.set()
        elif not view.over:
            self._end(run, kept=False)

    def state(self, run: Run) -> str:
        return run.view().state

    def place(self, run: Run) -> int | None:
        """1 for the run that starts next; None for one that does not wait."""
        found = self.line(run)
        return found.place if found else None

    def line(self, run: Run) -> Place | None:
        """Its place in the line and an estimate of when it starts."""
        entries = self._queue.entries()
        waiting = [e for e in entries if e.state == "waiting"]
        name = self._name(run)
        place = next((i for i, e in enumerate(waiting) if e.run == name), None)
        if place is None:
            return None
        ahead = [self._seconds_left(e) for e in entries if e.state == "working"]
        return Place(place + 1, _until_free(ahead, [self._estimate(e) for e in waiting[:place]], self.at_once))

    def clear(self, folder: Path, wait: float = 20.0) -> None:
        """Discard every run below `folder` and wait until they are gone; for deleting a project."""
        runs = [Run(self.home / e.run) for e in self._queue.entries() if (self.home / e.run).is_relative_to(folder)]
        for run in runs:
            self.discard(run)
        until = time.monotonic() + wait
        while any(run.alive or self._queue.find(self._name(run)) for run in runs) and time.monotonic() < until:
            time.sleep(0.05)

    def wait(self, run: Run, timeout: float | None = None) -> str:
        """Until it is over, paused or interrupted; its state then. For the command line and tests."""
        until = time.monotonic() + timeout if timeout is not None else None
        while (state := run.view().state) in ("queued", "preparing", "running"):
            if until and time.monotonic() > until:
                break
            time.sleep(0.1)
        return state

    def close(self, wait: float = processes.LEAVE) -> None:
        """Workers save their place and end; their runs are interrupted. What waits, waits for the next engine."""
        with self._lock:
            if self._closing:
                return
            self._closing = True
        self._changed.set()
        self._thread.join(timeout=5)
        with self._lock:  # only now: the last look at the line may have begun a run
            owned = list(self._owned.values())
        for one in owned:
            self._let_go(one)
        until = time.monotonic() + wait
        for one in owned:
            if one.thread:
                one.thread.join(timeout=max(0.0, until - time.monotonic()))
        self._life.release()

    # The background ---------------------------------------------------------------------------------------------------

    def _mind(self) -> None:
        """Take runs from the line while slots are free; see that those at work obey."""
        while not self._closing:
            try:
                self._queue.tidy()
                claimed = self._queue.claim(self.id, self.at_once, self.adopt)
                if claimed:
                    self._begin(*claimed)
                    continue
                for one in list(self._owned.values()):
                    self._oversee(one)
            except Exception:  # a full disk, a lock that is slow: the next look may go better
                traceback.print_exc()
            self._changed.wait(LOOK if self._owned else 2 * LOOK)
            self._changed.clear()

    def _begin(self, entry: Entry, slot: locks.FileLock) -> None:
        one = _Owned(Run(self.home / entry.run), entry.run)
        one.thread = threading.Thread(target=self._own, args=(one, slot), name=f"hone-{one.run.id}", daemon=True)
        with self._lock:
            self._owned[entry.run] = one
        one.thread.start()

    def _own(self, one: _Owned, slot: locks.FileLock) -> None:
        """The life of one run's thread: hand the steps over, wait, put down what became of it."""
        try:
            if (one.run.folder / "run.json").is_file():
                self._carry_out(one)
                self._conclude(one)
        except Exception as error:
            traceback.print_exc()
            self._write(one.run, _failed(one.run, error, traceback.format_exc()))
        finally:
            self._queue.remove(one.name)
            with self._lock:  # after the line: a word that came up to here is noted in `one`
                if self._owned.get(one.name) is one:
                    del self._owned[one.name]
            slot.release()
            self._see_to_what_was_wanted(one)
            self._changed.set()

    def _carry_out(self, one: _Owned) -> None:
        watching = followers.begin(one.run.folder, one.run.spec)
        self._followers = [process for process in self._followers if process.alive()] + list(watching)
        if self.inline:
            if not self._closing:
                carry_out(str(one.run.folder), self.worker)
            return
        with self._lock:
            if self._closing:
                return
            one.process = self._spare.take()
            one.process.run(
                "core.training.engine:carry_out",
                {"run_dir": str(one.run.folder), "worker": self.worker},
                log=one.run.folder / "worker.log",
                threads=int(one.run.spec.get("threads") or self.threads),
            )
        code = one.process.wait()
        if code and code > 0 and code != 3 and not one.run.view().over:
            tail = _tail(one.run.folder / "worker.log")
            self._write(one.run, _failed(one.run, RuntimeError(f"worker ended with code {code}"), tail))

    def _conclude(self, one: _Owned) -> None:
        """A run that was to be discarded is discarded, however its worker ended."""
        run = one.run
        if run.controlled() == "discard" and run.view().state != "discarded":
            self._end(run, kept=False)
        if run.view().state == "discarded":
            run.tidy()
        if run.controlled() != "discard" or run.view().over:
            run.uncontrolled()

    def _want(self, run: Run, word: str) -> bool:
        """Note what was asked of a run at work here. True when its worker is on its way out: it is then seen to afterwards."""
        with self._lock:
            one = self._owned.get(self._name(run))
            if one:
                one.wanted = word
            return bool(one and one.leaving)

    def _see_to_what_was_wanted(self, one: _Owned) -> None:
        """A word that came when the worker was leaving or already dead. Once: the next worker has nothing noted."""
        left = one.leaving or one.run.view().state == "interrupted"
        if one.wanted == "resume" and left:
            self.start(one.run)
        elif one.wanted == "stop" and left:
            self.stop(one.run)

    def _oversee(self, one: _Owned) -> None:
        now = time.monotonic()
        if one.run.controlled() == "discard":
            one.discarded = one.discarded or now
            if one.process and now - one.discarded > GRACE:
                one.process.kill()
            return
        if one.run.view().state != "paused":
            one.paused = None
            return
        one.paused = one.paused or now
        others = any(e.state == "waiting" for e in self._queue.entries())
        if (others or now - one.paused > IDLE) and one.run.controlled() != "resume":
            self._let_go(one)  # it stays paused, on disk; its memory and its slot are for others

    def _let_go(self, one: _Owned) -> None:
        if one.leaving:
            return
        one.leaving, one.wanted = True, ""
        if one.process:
            one.process.leave()
        else:
            one.run.control("leave")

    # Small things -----------------------------------------------------------------------------------------------------

    def _enter(self, run: Run, seconds: float | None) -> None:
        name = self._name(run)
        estimate = seconds if seconds is not None else (run.spec.get("estimate") or {}).get("seconds")
        until = time.monotonic() + 5.0
        while not self._queue.add(Entry(name, self.id, seconds=estimate)):
            entry = self._queue.find(name)
            if (entry and entry.state == "waiting") or time.monotonic() > until:
                return
            self._queue.tidy()  # its last worker has just gone; the entry goes with it
            time.sleep(0.02)
        self._changed.set()

    def _at_work(self, run: Run) -> bool:
        """Whether a worker has it, or is on its way to it, in whichever process."""
        entry = self._queue.find(self._name(run))
        return run.alive or bool(entry and entry.state == "working" and self._queue.lives(entry.engine))

    def _end(self, run: Run, *, kept: bool) -> None:
        self._write(run, ev.Stopped(step=run.view().step, kept=kept))
        if not kept:
            run.tidy()

    def _write(self, run: Run, event: ev.Event) -> None:
        with run.owned(wait=5.0):
            run.write(event)

    def _name(self, run: Run) -> str:
        return name_in(self.home, run.folder.resolve())

    def _seconds_left(self, entry: Entry) -> float | None:
        view = Run(self.home / entry.run).view()
        if view.state == "paused":
            return 0.0  # makes way as soon as somebody waits
        if view.seconds_left is not None:
            return view.seconds_left
        return max(0.0, entry.seconds - (time.time() - entry.since)) if entry.seconds is not None else None

    def _estimate(self, entry: Entry) -> float | None:
        view = Run(self.home / entry.run).view()
        return view.seconds_left if view.seconds_left is not None else entry.seconds


def carry_out(run_dir: str, worker: str = WORKER) -> None:
    """In the worker: own the run and work on it to its end. An error ends up in the run, not in the server."""
    run = Run(Path(run_dir))
    with run.owned(), processes.on_leave(lambda: run.control("leave")):
        try:
            processes.function(worker)(run_dir)
        except Exception as error:
            if not run.view().over:
                run.write(_failed(run, error, traceback.format_exc()))


def _failed(run: Run, error: Exception, details: str) -> ev.Failed:
    write_text(run.folder / "error.txt", details)
    step = run.view().step
    if isinstance(error, HoneError):
        fix = error.fix.as_json() if error.fix else None
        return ev.Failed(step=step, code=type(error).__name__, message=error.message.as_json(), fix=fix)
    if _is_out_of_memory(error):
        batch = int(run.spec["settings"].get("batch_size", 0))
        message = Message("Out of memory at {b} texts a step. Nothing is lost.", b=batch)
        smaller = Message("Try with {c}", c=max(1, batch // 2))
        return ev.Failed(step=step, code="out_of_memory", message=message.as_json(), fix=smaller.as_json())
    message = Message("Training ended with an error: {what}", what=f"{type(error).__name__}: {error}"[:300])
    fix = Message("The details tell where. Everything up to the last safety copy is kept; you can resume.").as_json()
    return ev.Failed(step=step, code="error", message=message.as_json(), fix=fix)


def _is_out_of_memory(error: BaseException) -> bool:
    words = str(error).lower()
    return isinstance(error, MemoryError) or "out of memory" in words or "can't allocate memory" in words


def _until_free(working: Sequence[float | None], ahead: Sequence[float | None], at_once: int) -> float | None:
    """Seconds until a slot is free for whoever comes after `ahead`; None when one of them is unknown."""
    free = [0.0] * max(0, at_once - len(working))
    known = [s for s in working if s is not None]
    if len(known) < len(working) or any(s is None for s in ahead):
        return None
    slots = free + known
    heapq.heapify(slots)
    for seconds in ahead:
        heapq.heapreplace(slots, slots[0] + (seconds or 0.0))
    return slots[0] if slots else 0.0


def _tail(path: Path, most: int = 8000) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")[-most:]
    except FileNotFoundError:
        return ""
