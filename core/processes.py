"""Worker processes: one that has done its imports waits, so that whoever presses Start does not.

A worker reads one order from its standard input, ``{"function": "module:function", "arguments": {...}, ...}``, calls the
function and ends. Its input stays open as a line of life: when it closes, the parent is gone and the worker leaves (after
calling what `on_leave` was given). What a worker prints goes to a file, never to a pipe that somebody would have to drain.
Knows nothing of runs or jobs.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import subprocess
import sys
import threading
import time
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.nursery import Nursery

ROOT = Path(__file__).resolve().parent.parent
HEAVY = ("torch", "transformers")  # what a warm process has imported
# What a nursery has imported besides: it does so once, so it may take longer.
NURSED = (
    *HEAVY,
    "peft",
    "sklearn.linear_model",
    "transformers.models.bert.modeling_bert",
    "transformers.models.bert.tokenization_bert",
    "core.jobs",
    "core.training.worker",
    "core.training.fitting",
    "core.training.tuning",
)
NICE = 10  # the page comes first
LEAVE = 40.0  # seconds a worker has to save its work after its parent is gone


class Worker(ABC):
    """A worker as its parent sees it. `life` is its standard input: it carries the order, and its end means: go."""

    def __init__(self, life: IO[bytes]):
        self._life = life
        self._lock = threading.Lock()

    @property
    @abstractmethod
    def pid(self) -> int: ...

    @abstractmethod
    def alive(self) -> bool: ...

    @abstractmethod
    def wait(self, timeout: float | None = None) -> int | None:
        """The exit code, or None when it is still at work after `timeout`."""

    @abstractmethod
    def kill(self) -> None:
        """End it now. The memory it had is free when this returns."""

    def run(self, function: str, arguments: Mapping[str, Any], *, log: Path, threads: int | None = None) -> None:
        """Hand over the one order. Returns at once."""
        order = {"function": function, "arguments": dict(arguments), "log": str(log), "threads": threads or cores()}
        with self._lock, contextlib.suppress(OSError, ValueError):  # a dead worker shows in its exit code
            self._life.write(json.dumps(order).encode("utf-8") + b"\n")
            self._life.flush()

    def leave(self) -> None:
        """Ask it to save its work and go, as if the parent were gone."""
        with self._lock, contextlib.suppress(OSError, ValueError):
            self._life.close()


class Process(Worker):
    """A worker in a new process, which imports what `preload` names while it waits for its order."""

    def __init__(self, preload: tuple[str, ...] = (), threads: int | None = None):
        self._process = subprocess.Popen(
            [sys.executable, "-X", "utf8", "-m", "core.processes", *preload],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=ROOT,
            env=environment(threads),
            **_own_group(),
        )
        assert self._process.stdin is not None
        super().__init__(self._process.stdin)

    @property
    def pid(self) -> int:
        return self._process.pid

    def alive(self) -> bool:
        return self._process.poll() is None

    def wait(self, timeout: float | None = None) -> int | None:
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None

    def kill(self) -> None:
        with contextlib.suppress(OSError):
            self._process.kill()
        self._process.wait()
        self.leave()


class Warm:
    """Workers that have imported torch and transformers before they are asked for.

    Where processes can be forked, a nursery makes them (core/nursery.py), as many as are wanted. Elsewhere one spare waits; `take` gives it away
    and, with `refill`, soon makes another.
    """

    def __init__(
        self,
        threads: int | None = None,
        preload: tuple[str, ...] | None = None,
        *,
        rest: float = 10.0,
        refill: bool = True,
        forks: bool | None = None,
    ):
        from core import nursery

        self._threads, self._rest, self._refill = threads, rest, refill
        self._preload = HEAVY if preload is None else preload
        self._nursed = NURSED if preload is None else preload
        self._forks = (refill and nursery.possible()) if forks is None else forks
        self._lock = threading.Lock()
        self._nursery: Nursery | None = None
        self._spare: Process | None = None
        self._timer: threading.Timer | None = None
        self._closed = False

    def prepare(self, after: float = 0.0) -> None:
        """Get ready, now or in `after` seconds; nothing when it is."""
        with self._lock:
            if self._closed or self._spare or self._nursery or self._timer:
                return
            self._timer = threading.Timer(after, self._make)
            self._timer.daemon = True
            self._timer.start()

    def take(self) -> Worker:
        """A worker to give an order to."""
        if self._forks:
            with contextlib.suppress(OSError):
                return self._own_nursery().fork(self._threads)
        with self._lock:
            spare, self._spare = self._spare, None
        if spare is None or not spare.alive():
            spare = Process(self._preload, self._threads)
        if self._refill:
            self.prepare(after=self._rest)
        return spare

    def light(self) -> Worker:
        """A worker for an order that needs no torch: forked where that is quicker than a new process."""
        with self._lock:
            nursery = self._nursery
        if nursery and nursery.alive() and nursery.ready():
            with contextlib.suppress(OSError):
                return nursery.fork(self._threads)
        return Process(threads=self._threads)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            spare, self._spare = self._spare, None
            nursery, self._nursery = self._nursery, None
            if self._timer:
                self._timer.cancel()
        if spare:
            spare.kill()
        if nursery:
            nursery.close()

    def _make(self) -> None:
        if self._forks:
            with contextlib.suppress(OSError):
                self._own_nursery()
        with self._lock:
            self._timer = None
            if not self._closed and self._spare is None and not self._forks:
                self._spare = Process(self._preload, self._threads)

    def _own_nursery(self) -> Nursery:
        """It, made if need be. OSError when this is closed."""
        from core import nursery

        with self._lock:
            if self._closed:
                raise OSError("closed")
            if self._nursery is None or not self._nursery.alive():
                self._nursery = nursery.Nursery(self._nursed, self._threads)
            return self._nursery


@cache
def spare() -> Warm:
    """The one spare of this server, shared by the engine and the jobs."""
    return Warm()


def function(name: str) -> Callable[..., Any]:
    """The function called ``module:function``."""
    module, _, attribute = name.partition(":")
    return getattr(importlib.import_module(module), attribute)


@cache
def cores() -> int:
    """Processor cores this process may use: real ones, within what a container or `taskset` allows."""
    import psutil

    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
    real = psutil.cpu_count(logical=False) or allowed
    return max(1, min(allowed, real, _quota() or allowed))


def _quota() -> int | None:
    """The container's share of processors (cgroup version 2), if it has one."""
    try:
        limit, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()[:2]
        return max(1, round(int(limit) / int(period)))
    except (OSError, ValueError):
        return None


def environment(threads: int | None) -> dict[str, str]:
    """What a worker of `threads` threads finds in its environment."""
    path = os.pathsep.join(p for p in (str(ROOT), os.environ.get("PYTHONPATH", "")) if p)
    count = str(threads or cores())
    return {
        **os.environ,
        "PYTHONPATH": path,
        "OMP_NUM_THREADS": count,
        "MKL_NUM_THREADS": count,
        "RAYON_NUM_THREADS": count,
        "TOKENIZERS_PARALLELISM": "true",
        # How long threads of torch wait for each other at full speed before they sleep. The usual count takes the processor from
        # page and browser and slows training itself: measured on two busy cores 14 against 37 texts a second.
        "GOMP_SPINCOUNT": os.environ.get("GOMP_SPINCOUNT", "10000"),
    }


def _own_group() -> dict[str, Any]:
    """Ctrl-C in the terminal is for the server; the worker hears of it through its input."""
    if sys.platform == "win32":
        flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.BELOW_NORMAL_PRIORITY_CLASS
        return {"creationflags": flags}
    return {"start_new_session": True}


# In the worker ------------------------------------------------------------------------------------------------------

_order: dict[str, Any] = {}
_ordered = threading.Event()
_leaving = threading.Event()
_goodbyes: list[Callable[[], None]] = []


def leaving() -> bool:
    """In a worker: whether its parent is gone or wants it to go."""
    return _leaving.is_set()


@contextlib.contextmanager
def on_leave(goodbye: Callable[[], None]) -> Iterator[None]:
    """In a worker: what to call when it has to go. It then has `LEAVE` seconds to return from its function."""
    _goodbyes.append(goodbye)
    try:
        if _leaving.is_set():
            goodbye()
        yield
    finally:
        _goodbyes.remove(goodbye)


def main(preload: list[str], nice: bool = True) -> int:
    """A worker's life: import in the background, wait for the order, carry it out."""
    if nice and hasattr(os, "nice"):
        with contextlib.suppress(OSError):
            os.nice(NICE)
    threading.Thread(target=_listen, name="line of life", daemon=True).start()
    imports = threading.Thread(target=_preload, args=(preload,), name="imports", daemon=True)
    imports.start()
    _ordered.wait()
    imports.join()  # transformers, half imported by one thread, fails in another: it replaces its own module meanwhile
    _write_to(Path(_order["log"]))
    _set_threads(_order["threads"])
    try:
        function(_order["function"])(**_order["arguments"])
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def _listen() -> None:
    """The first line is the order; the end of the input means: go."""
    line = sys.stdin.buffer.readline()
    if not line:
        os._exit(0)
    _order.update(json.loads(line))
    _ordered.set()
    while sys.stdin.buffer.read(1):
        pass
    _leaving.set()
    for goodbye in list(_goodbyes):
        with contextlib.suppress(Exception):
            goodbye()
    time.sleep(LEAVE)
    os._exit(3)


def _preload(modules: list[str]) -> None:
    for name in modules:
        if _ordered.is_set():
            break  # the order's own imports are as quick
        with contextlib.suppress(Exception):  # the order's own import will tell what is wrong
            importlib.import_module(name)
    if _ordered.is_set():
        _set_threads(_order["threads"])  # the order came while torch was being imported


def _write_to(log: Path) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    fd = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(fd, 1)
    os.dup2(fd, 2)
    os.close(fd)


def _set_threads(count: int) -> None:
    """Exactly `count`: another number of threads adds up in another order, and the weights differ."""
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"):
        os.environ[name] = str(count)
    torch = sys.modules.get("torch")
    if torch is not None and hasattr(torch, "set_num_threads"):
        torch.set_num_threads(count)


if __name__ == "__main__":
    # Under its own name, so that what the worker imports sees the same module and the same events.
    worker = importlib.import_module("core.processes")
    code = worker.main(sys.argv[1:])
    os._exit(code)  # without waiting for libraries to tidy up: the memory is free at once
