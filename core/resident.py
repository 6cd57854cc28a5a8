"""Resident processes: what answers at once because it stays in memory, beside the page, which never imports torch.

`Resident` is the page's end: thread-safe, starts the process at the first question, again when it has died, lets it go after idle minutes. In the
process `serve(idle, answer)` reads a question a line and writes an answer a line. It uses one thread, at low priority and without the GPU, so
that a training beside it is not disturbed. Knows nothing of what is asked.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from core.errors import HoneError
from core.words import Message

ROOT = Path(__file__).resolve().parent.parent


class Resident:
    """The page's end of `python -m module`; `close` it when the page ends (the process also ends with its parent)."""

    def __init__(self, module: str, log: Path, idle: float):
        self._module, self._log, self._idle = module, log, idle
        self._lock = threading.Lock()
        self._process: Process | None = None
        self._closed = False

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def ask(self, question: Mapping[str, Any], timeout: float) -> dict[str, Any]:
        """The answer. One try, and a second one with a new process when the first died under the question. HoneError when none came in
        time, or with what the process says is wrong."""
        until = time.monotonic() + timeout
        for _ in range(2):
            process = self.running()
            try:
                return checked(process.ask(question, until - time.monotonic()))
            except TimeoutError:
                self.drop(process)
                raise HoneError(
                    Message("The model took too long to answer."),
                    fix=Message("Try a shorter text, or try again when no training is under way."),
                ) from None
            except ConnectionError:
                self.drop(process)
        raise self.ended()

    def begin(self, question: Mapping[str, Any]) -> tuple[Process, int, Waiting]:
        """Ask without waiting; a process that has died is started again."""
        process = self.running()
        try:
            return process, *process.begin(question)
        except ConnectionError:
            self.drop(process)
            process = self.running()
            return process, *process.begin(question)

    def running(self) -> Process:
        with self._lock:
            if self._closed:
                raise HoneError(Message("The server is closing."))
            if self._process is None or not self._process.alive():
                self._process = Process(self._module, self._log, self._idle)
            return self._process

    def drop(self, process: Process) -> None:
        with self._lock:
            if self._process is process:
                self._process = None
        process.end()

    def ended(self) -> HoneError:
        return HoneError(
            Message("The model could not be asked: its process ended."),
            fix=Message("The reason is in {file}. Perhaps memory ran out.", file=self._log.name),
        )

    def close(self) -> None:
        with self._lock:
            self._closed = True
            process, self._process = self._process, None
        if process:
            process.end()


def checked(answer: dict[str, Any]) -> dict[str, Any]:
    if "error" in answer:
        raise HoneError(
            Message.from_json(answer["error"]), fix=Message.from_json(answer["fix"]) if answer.get("fix") else None
        )
    return answer


@dataclass
class Waiting:
    answered: threading.Event = field(default_factory=threading.Event)
    answer: dict[str, Any] | None = None
    pieces: list[str] = field(default_factory=list)  # of a text that is being written


class Process:
    """A started process and those who wait for its answers."""

    def __init__(self, module: str, log: Path, idle: float):
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as errors:
            self._popen = subprocess.Popen(
                [sys.executable, "-X", "utf8", "-m", module, str(idle)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd=ROOT,
                env=_environment(),
                **_own_group(),
            )
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._waiting: dict[int, Waiting] = {}
        self._over = False
        threading.Thread(target=self._listen, name="answers", daemon=True).start()

    @property
    def pid(self) -> int:
        return self._popen.pid

    def alive(self) -> bool:
        return not self._over and self._popen.poll() is None

    def ask(self, question: Mapping[str, Any], timeout: float) -> dict[str, Any]:
        """Raises TimeoutError, or ConnectionError when the process ends before it answers."""
        number, waiting = self.begin(question)
        try:
            if not waiting.answered.wait(max(0.0, timeout)):
                raise TimeoutError
        finally:
            self._waiting.pop(number, None)
        if waiting.answer is None:
            raise ConnectionError
        return waiting.answer

    def begin(self, question: Mapping[str, Any]) -> tuple[int, Waiting]:
        """Ask without waiting. ConnectionError where the process has ended."""
        number, waiting = next(self._numbers), Waiting()
        with self._lock:
            if self._over:
                raise ConnectionError
            self._waiting[number] = waiting
            self._tell({"number": number, **question})
        return number, waiting

    def stop(self, number: int) -> None:
        with self._lock, contextlib.suppress(ConnectionError):
            self._tell({"stop": number})

    def _tell(self, line: Mapping[str, Any]) -> None:
        try:
            assert self._popen.stdin is not None
            self._popen.stdin.write(json.dumps(line).encode("ascii") + b"\n")
            self._popen.stdin.flush()
        except (OSError, ValueError):
            raise ConnectionError from None

    def end(self) -> None:
        with contextlib.suppress(OSError):
            self._popen.kill()
        with contextlib.suppress(OSError, ValueError):
            assert self._popen.stdin is not None
            self._popen.stdin.close()
        self._popen.wait()

    def _listen(self) -> None:
        assert self._popen.stdout is not None
        for line in self._popen.stdout:
            with contextlib.suppress(ValueError):  # not ours: some library printed it
                told = json.loads(line)
                number = told.pop("number", -1)
                waiting = self._waiting.get(number)
                if waiting and "piece" in told:
                    waiting.pieces.append(told["piece"])
                elif waiting:
                    self._waiting.pop(number, None)
                    waiting.answer = told
                    waiting.answered.set()
        with self._lock:
            self._over = True
            left = list(self._waiting.values())
        for waiting in left:
            waiting.answered.set()
        self._popen.stdout.close()
        self._popen.wait()


def _environment() -> dict[str, str]:
    path = os.pathsep.join(p for p in (str(ROOT), os.environ.get("PYTHONPATH", "")) if p)
    one = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"), "1")
    return {**os.environ, **one, "PYTHONPATH": path, "CUDA_VISIBLE_DEVICES": "", "TOKENIZERS_PARALLELISM": "false"}


def _own_group() -> dict[str, Any]:
    """Ctrl-C in the terminal is for the server; the process hears of its end through its input."""
    if sys.platform == "win32":
        flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.BELOW_NORMAL_PRIORITY_CLASS
        return {"creationflags": flags}
    return {"start_new_session": True}


# In the process -----------------------------------------------------------------------------------------------------

Piece = Callable[[str], bool]
Stopped = Callable[[], bool]
Answer = Callable[[dict[str, Any], Piece, Stopped], dict[str, Any]]


def serve(idle: float, answer: Answer, beside: Callable[[dict[str, Any]], bool] = lambda question: False) -> None:
    """Answer questions until the input ends or nobody has asked for `idle` seconds. `answer(question, piece, stopped)` may tell pieces
    before its answer. Questions that are `beside` are answered in a thread of their own and hold up no others."""
    if hasattr(os, "nice"):
        with contextlib.suppress(OSError):
            os.nice(10)
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print goes to the log
    telling = threading.Lock()
    lines: queue.Queue[bytes] = queue.Queue()
    stopped: set[int] = set()
    threading.Thread(target=_read, args=(lines, stopped), name="questions", daemon=True).start()

    def tell(line: Mapping[str, Any]) -> None:
        with telling:
            out.write(json.dumps(line).encode("ascii") + b"\n")
            out.flush()

    def settle(question: dict[str, Any]) -> None:
        number = question["number"]

        def piece(text: str) -> bool:
            """Tell a piece of a text; True when no more of it is wanted."""
            tell({"number": number, "piece": text})
            return number in stopped

        tell({"number": number, **_answered(answer, question, piece, partial(stopped.__contains__, number))})
        stopped.discard(number)

    while True:
        try:
            line = lines.get(timeout=idle)
        except queue.Empty:
            return
        if not line:
            return
        question = json.loads(line)
        if beside(question):
            threading.Thread(target=settle, args=(question,), name="beside", daemon=True).start()
        else:
            settle(question)


def _read(lines: queue.Queue[bytes], stopped: set[int]) -> None:
    for line in sys.stdin.buffer:
        if line.startswith(b'{"stop"'):
            stopped.add(json.loads(line)["stop"])
        else:
            lines.put(line)
    lines.put(b"")


def _answered(answer: Answer, question: dict[str, Any], piece: Piece, stopped: Stopped) -> dict[str, Any]:
    try:
        return answer(question, piece, stopped)
    except HoneError as error:
        return {"error": error.message.as_json(), "fix": error.fix.as_json() if error.fix else None}
    except Exception:
        import traceback

        traceback.print_exc()
        return {"error": Message("The model could not answer this text.").as_json(), "fix": None}
