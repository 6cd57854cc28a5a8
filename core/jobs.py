"""Jobs: what takes longer than a click and is no run (imports, reports, exports, predictions of files, estimates).

    job = Jobs(workspace.jobs).start("core.inference:predict_file", {"path": ...}, title=Message("..."), torch=True)
    Jobs(workspace.jobs).state(job.id)  -> {"state": "running", "done": 3, "total": 10, "seconds_left": 4.2, ...}

The function is called with the arguments and with `progress(done, total)` and `cancelled()`; what it returns (JSON, Messages too)
is the result. Each job is a folder, so its state can be read after a reload, from another process and after a restart:

<job>/job.json     what to do           state.json   how far it is            end.json   how it ended, and the result
      lock         held while it lives  cancel       somebody wants it to end log.txt    what it printed, tracebacks
"""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core import locks, processes
from core.errors import Cancelled, HoneError, SettingsError
from core.words import Message
from core.workspace import inside, new_id, read_json, write_json

GRACE = 5.0  # seconds a cancelled job has to end by itself
KEPT = 24 * 3600.0  # seconds an ended job can be read
MOST = max(2, processes.cores())  # processes at work at a time, over all users of this server
LOOK = 0.1

_turns = threading.BoundedSemaphore(MOST)
_threads: dict[Path, threading.Thread] = {}  # the jobs this process minds, so that closing can wait for them


@dataclass(frozen=True)
class Job:
    id: str
    folder: Path


class Jobs:
    """The jobs of one user: a folder of folders. Cheap to make; several may look at the same folder."""

    def __init__(self, folder: Path):
        self.folder = folder
        self._latest: dict[str, str] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def start(
        self,
        function: str,
        arguments: Mapping[str, Any],
        *,
        title: Message | None = None,
        key: str | None = None,
        torch: bool = False,
        light: bool = False,
    ) -> Job:
        """Begin, and return at once. It gets a process of its own, with `torch` one that has imported torch already; `light`
        runs it in a thread, for what takes little and needs to be there quickly.

        A job of the same `key` that is under way is joined when it does the same, else cancelled: the latest wins.
        """
        order = {"function": function, "arguments": dict(arguments), "key": key, "torch": torch, "light": light}
        if key and (running := self._under_way(key)):
            told = read_json(running.folder / "job.json")
            if all(told.get(k) == v for k, v in order.items()):
                return running
            self.cancel(running.id)
        self._prune()
        job_id = new_id("job")
        job = Job(job_id, self.folder / job_id)
        job.folder.mkdir()
        lock = locks.FileLock(job.folder / "lock")
        lock.acquire(wait=5.0)
        told = {**order, "title": title.as_json() if title else None, "created": time.time()}
        write_json(job.folder / "job.json", told, lasting=False)
        if key:
            self._latest[key] = job_id
        mind = _mind_thread if light else _mind_process
        thread = threading.Thread(target=_mind, args=(job.folder, lock, mind), name=f"hone-{job_id}", daemon=True)
        _threads[job.folder] = thread
        thread.start()
        return job

    def state(self, job_id: str) -> dict[str, Any]:
        """How it stands: {"id", "title", "key", "state": waiting | running | done | failed | cancelled, "done", "total",
        "seconds", "seconds_left", "note", "result", "error", "lost": the server ended under it}. Raises Missing for a job that
        is not (or no longer) there."""
        folder = inside(self.folder, job_id)
        told = read_json(folder / "job.json") if (folder / "job.json").exists() else {}
        state = {
            "id": job_id,
            "title": told.get("title"),
            "key": told.get("key"),
            "done": 0,
            "total": 0,
            "seconds": 0.0,
            "seconds_left": None,
            "note": None,
            "result": None,
            "error": None,
            "lost": False,
        }
        alive = locks.held(folder / "lock")  # asked before the end is looked for, which it has only then
        if progress := _read(folder / "state.json"):
            state |= progress
        if end := _read(folder / "end.json"):
            return {
                **state,
                **end,
                "seconds_left": None,
                "lost": (folder / "closed").exists() and end["state"] == "cancelled",
            }
        if not alive:
            return {**state, "state": "failed", "error": _as_error(_closed()), "seconds_left": None, "lost": True}
        return {**state, "state": "running" if progress else "waiting"}

    def cancel(self, job_id: str) -> None:
        """Ask it to end. After a grace its process is ended; the state is "cancelled" when nothing of it runs any more."""
        (inside(self.folder, job_id) / "cancel").touch()

    def latest(self, key: str) -> str | None:
        """The id of the last job that was started under this key."""
        known = self._latest.get(key)
        if known and (self.folder / known).is_dir():
            return known
        for folder in sorted(self.folder.glob("job-*"), reverse=True):
            told = _read(folder / "job.json")
            if told and told.get("key"):
                self._latest.setdefault(told["key"], folder.name)
                if told["key"] == key:
                    return folder.name
        return None

    def wait(self, job_id: str, timeout: float | None = None) -> dict[str, Any]:
        """Until it has ended; its state then. For the command line and tests."""
        thread = _threads.get(self.folder / job_id)
        if thread:
            thread.join(timeout)
        return self.state(job_id)

    def close(self) -> None:
        """Cancel what is under way here and wait for it."""
        mine = [(folder, thread) for folder, thread in list(_threads.items()) if folder.parent == self.folder]
        for folder, _ in mine:
            with contextlib.suppress(OSError):
                (folder / "closed").touch()
                (folder / "cancel").touch()
        for _, thread in mine:
            thread.join(timeout=GRACE + 2)

    def _under_way(self, key: str) -> Job | None:
        job_id = self.latest(key)
        if job_id is None or (self.folder / job_id / "cancel").exists():
            return None
        return Job(job_id, self.folder / job_id) if self.state(job_id)["state"] in ("waiting", "running") else None

    def _prune(self) -> None:
        for folder in self.folder.glob("job-*"):
            with contextlib.suppress(OSError):
                if time.time() - folder.stat().st_mtime > KEPT and not locks.held(folder / "lock"):
                    shutil.rmtree(folder, ignore_errors=True)


def _mind(folder: Path, lock: locks.FileLock, how: Callable[[Path], None]) -> None:
    """The thread beside a job: waits for its turn, sees it through, lets the lock go."""
    try:
        with locks.beating(lock):
            how(folder)
    except BaseException as error:
        _end_with(folder, error)
    finally:
        lock.release()
        _threads.pop(folder, None)


def _mind_thread(folder: Path) -> None:
    _work(folder)


def _mind_process(folder: Path) -> None:
    while not _turns.acquire(timeout=LOOK):
        if (folder / "cancel").exists():
            return _write_end(folder, "cancelled")
    try:
        told = read_json(folder / "job.json")
        process = processes.spare().take() if told["torch"] else processes.spare().light()
        process.run("core.jobs:work", {"folder": str(folder)}, log=folder / "log.txt")
        asked: float | None = None
        while process.wait(timeout=LOOK) is None:
            if asked is None and (folder / "cancel").exists():
                asked = time.monotonic()
            if asked is not None and time.monotonic() - asked > GRACE:
                process.kill()
        process.leave()
    finally:
        _turns.release()
    if not (folder / "end.json").exists():
        wanted = (folder / "cancel").exists()  # also where it was gone before anybody here had seen the word
        _write_end(folder, "cancelled") if wanted else _end_with(folder, _died())
    return None


def work(folder: str) -> None:
    """In the worker process: do the job that `folder` tells of."""
    here = Path(folder)
    with processes.on_leave(lambda: _leave(here)):
        _work(here)


def _work(folder: Path) -> None:
    told = read_json(folder / "job.json")
    meter = _Meter(folder)
    try:
        meter(0, 0)
        result = processes.function(told["function"])(**told["arguments"], progress=meter, cancelled=meter.cancelled)
        meter.write()
        _write_end(folder, "done", result=plain(result))
    except BaseException as error:
        meter.write()
        _end_with(folder, error)


def _leave(folder: Path) -> None:
    """The server is gone: nobody waits for the result."""
    with contextlib.suppress(OSError):
        (folder / "cancel").touch()
    time.sleep(GRACE)
    os._exit(3)


class _Meter:
    """progress(done, total, note): kept in state.json, at most five times a second; knows when it will end."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._began = time.time()
        self._moving: tuple[float, int] | None = None  # when the first part was done, and how much that was
        self._written = 0.0
        self._asked = 0.0
        self._state: dict[str, Any] = {}

    def __call__(self, done: int, total: int = 0, note: Message | None = None) -> None:
        now = time.time()
        if self._moving and done < self._moving[1]:  # another part of the work begins
            self._moving = None
        if done and self._moving is None:
            self._moving = (now, done)
        self._state = {
            "done": int(done),
            "total": int(total or 0),
            "seconds": round(now - self._began, 2),
            "seconds_left": self._left(now, done, total),
            "note": note.as_json() if note else None,
        }
        if now - self._written >= 0.2 or (total and done >= total):
            self.write()

    def write(self) -> None:
        self._written = time.time()
        with contextlib.suppress(OSError):
            write_json(self._folder / "state.json", self._state, lasting=False)

    def cancelled(self) -> bool:
        now = time.monotonic()
        if now - self._asked < 0.05:
            return False
        self._asked = now
        return (self._folder / "cancel").exists()

    def _left(self, now: float, done: int, total: int) -> float | None:
        if not total or not self._moving or done >= total:
            return None
        since, first = self._moving
        if done > first:
            return round((now - since) / (done - first) * (total - done), 1)
        return round((now - self._began) / done * (total - done), 1)


def plain(value: Any) -> Any:
    """`value` as JSON can hold it: Messages in their JSON form, paths as text, tuples as lists."""
    if isinstance(value, Message):
        return value.as_json()
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return str(value) if isinstance(value, Path) else value


def _end_with(folder: Path, error: BaseException) -> None:
    if isinstance(error, Cancelled):
        return _write_end(folder, "cancelled")
    if not isinstance(error, HoneError):
        with contextlib.suppress(OSError), (folder / "log.txt").open("a", encoding="utf-8") as log:
            traceback.print_exception(error, file=log)
        error = _unexpected(error)
    return _write_end(folder, "failed", error=_as_error(error))


def _write_end(folder: Path, state: str, *, result: Any = None, error: Any = None) -> None:
    write_json(folder / "end.json", {"state": state, "result": result, "error": error, "ended": time.time()})


def _as_error(error: HoneError) -> dict[str, Any]:
    problems = error.problems if isinstance(error, SettingsError) else []
    return {
        "message": error.message.as_json(),
        "fix": error.fix.as_json() if error.fix else None,
        "problems": [{"field": p.field, "message": p.message.as_json()} for p in problems],
    }


def _unexpected(error: BaseException) -> HoneError:
    if isinstance(error, MemoryError):
        return HoneError(Message("There was not enough memory."), fix=Message("Close something, or use fewer texts."))
    return HoneError(
        Message("Something went wrong here: {what}", what=f"{type(error).__name__}: {error}"[:300]),
        fix=Message("Try once more. The details are in the log of this job."),
    )


def _died() -> HoneError:
    return HoneError(
        Message("The process that did this ended without a word, which most often means that memory ran out."),
        fix=Message("Close something, or use fewer texts."),
    )


def _closed() -> HoneError:
    return HoneError(Message("Hone was closed while this was under way."), fix=Message("Start it again."))


def _read(path: Path) -> dict[str, Any] | None:
    try:
        return read_json(path)
    except (OSError, ValueError):
        return None
