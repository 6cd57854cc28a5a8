"""Answers at once: a resident process with a few models in memory, so that the page never imports torch.

The page's end is `Service`: thread-safe, starts the process at the first question, starts it again when it has died, lets it go
after ten idle minutes. The process (`python -m core.service`) reads a question a line and writes an answer a line. It uses one
thread, at low priority and without the GPU, so that a training beside it is not disturbed. Knows nothing of runs but their folder.
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
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.errors import HoneError, Missing
from core.words import Message

ROOT = Path(__file__).resolve().parent.parent
IDLE = 600.0  # seconds without a question after which the process ends
MODELS = 4  # in memory at once; the one not asked for longest goes first
MOST_TEXTS, LONGEST = 256, 100_000  # texts a question, characters a text; a file goes through `predict_file`


class Service:
    """The page's end. One for a home; `close` it when the page ends (the process also ends with its parent)."""

    def __init__(self, home: Path, *, idle: float = IDLE):
        self._log = Path(home) / "service.log"
        self._idle = idle
        self._lock = threading.Lock()
        self._process: _Process | None = None
        self._closed = False

    def predict(
        self, run_folder: Path | str, rows: Sequence[str | Mapping[str, Any]], *, timeout: float = 60.0
    ) -> dict[str, Any]:
        """{"answers": [a prediction as JSON, ...], "milliseconds": for the computation alone}. A row is a text, or a value for each
        input role of the task.

        Raises Missing when the run has no model (yet), HoneError when no answer came in time.
        """
        model = Path(run_folder) / "model"
        if not (model / "hone.json").is_file():
            raise Missing(
                Message("This run has no model yet."),
                fix=Message("Wait until it has finished, or choose another run."),
            )
        question = {"model": str(model), "rows": [_cut(row) for row in rows[:MOST_TEXTS]]}
        answer = self._ask(question, timeout)
        if "error" in answer:
            raise HoneError(
                Message.from_json(answer["error"]), fix=Message.from_json(answer["fix"]) if answer.get("fix") else None
            )
        return answer

    def warm(self, run_folder: Path | str) -> None:
        """Have the model loaded, without waiting for it: the first answer then comes as fast as the next."""
        threading.Thread(target=self._warm, args=(run_folder,), name="warm a model", daemon=True).start()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            process, self._process = self._process, None
        if process:
            process.end()

    def _warm(self, run_folder: Path | str) -> None:
        with contextlib.suppress(HoneError):
            self.predict(run_folder, ["."])  # one text: what is loaded at the first answer is loaded then, too

    def _ask(self, question: Mapping[str, Any], timeout: float) -> dict[str, Any]:
        """One try, and a second one with a new process when the first died under the question."""
        until = time.monotonic() + timeout
        for _ in range(2):
            process = self._running()
            try:
                return process.ask(question, until - time.monotonic())
            except TimeoutError:
                self._drop(process)
                raise HoneError(
                    Message("The model took too long to answer."),
                    fix=Message("Try a shorter text, or try again when no training is under way."),
                ) from None
            except ConnectionError:
                self._drop(process)
        raise HoneError(
            Message("The model could not be asked: its process ended."),
            fix=Message("The reason is in {file}. Perhaps memory ran out.", file=self._log.name),
        )

    def _running(self) -> _Process:
        with self._lock:
            if self._closed:
                raise HoneError(Message("The server is closing."))
            if self._process is None or not self._process.alive():
                self._process = _Process(self._log, self._idle)
            return self._process

    def _drop(self, process: _Process) -> None:
        with self._lock:
            if self._process is process:
                self._process = None
        process.end()


def _cut(value: Any) -> Any:
    """Texts within bounds, however deep they stand."""
    if isinstance(value, str):
        return value[:LONGEST]
    if isinstance(value, Mapping):
        return {str(k): _cut(v) for k, v in value.items()}
    return [_cut(one) for one in value] if isinstance(value, list | tuple) else value


@dataclass
class _Waiting:
    answered: threading.Event = field(default_factory=threading.Event)
    answer: dict[str, Any] | None = None


class _Process:
    """A started process and those who wait for its answers."""

    def __init__(self, log: Path, idle: float):
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as errors:
            self._popen = subprocess.Popen(
                [sys.executable, "-X", "utf8", "-m", "core.service", str(idle)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd=ROOT,
                env=_environment(),
                **_own_group(),
            )
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._waiting: dict[int, _Waiting] = {}
        self._over = False
        threading.Thread(target=self._listen, name="answers", daemon=True).start()

    @property
    def pid(self) -> int:
        return self._popen.pid

    def alive(self) -> bool:
        return not self._over and self._popen.poll() is None

    def ask(self, question: Mapping[str, Any], timeout: float) -> dict[str, Any]:
        """Raises TimeoutError, or ConnectionError when the process ends before it answers."""
        number, waiting = next(self._numbers), _Waiting()
        line = json.dumps({"number": number, **question}).encode("ascii") + b"\n"
        with self._lock:
            if self._over:
                raise ConnectionError
            self._waiting[number] = waiting
            try:
                assert self._popen.stdin is not None
                self._popen.stdin.write(line)
                self._popen.stdin.flush()
            except (OSError, ValueError):
                raise ConnectionError from None
        try:
            if not waiting.answered.wait(max(0.0, timeout)):
                raise TimeoutError
        finally:
            self._waiting.pop(number, None)
        if waiting.answer is None:
            raise ConnectionError
        return waiting.answer

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
                waiting = self._waiting.get(told.pop("number", -1))
                if waiting:
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


def main(idle: float) -> None:
    """Answer questions until the input ends or nobody has asked for `idle` seconds."""
    if hasattr(os, "nice"):
        with contextlib.suppress(OSError):
            os.nice(10)
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print goes to the log
    lines: queue.Queue[bytes] = queue.Queue()
    threading.Thread(target=_read, args=(lines,), name="questions", daemon=True).start()
    models = _Models(MODELS)
    while True:
        try:
            line = lines.get(timeout=idle)
        except queue.Empty:
            return
        if not line:
            return
        question = json.loads(line)
        answer = {"number": question["number"], **_answer(models, question)}
        out.write(json.dumps(answer).encode("ascii") + b"\n")
        out.flush()


def _read(lines: queue.Queue[bytes]) -> None:
    for line in sys.stdin.buffer:
        lines.put(line)
    lines.put(b"")


def _answer(models: _Models, question: Mapping[str, Any]) -> dict[str, Any]:
    try:
        predictor = models.get(Path(question["model"]))
        began = time.perf_counter()
        answers = predictor.predict(question["rows"])
        spent = (time.perf_counter() - began) * 1000
        shown = [a.as_json() for a in answers]
        return {"answers": shown, "milliseconds": round(spent, 2)}
    except HoneError as error:
        return {"error": error.message.as_json(), "fix": error.fix.as_json() if error.fix else None}
    except Exception:
        import traceback

        traceback.print_exc()
        return {"error": Message("The model could not answer this text.").as_json(), "fix": None}


class _Models:
    """Opened models by folder; a folder that was written anew is opened again."""

    def __init__(self, most: int):
        self._most = most
        self._open: OrderedDict[tuple[str, int], Any] = OrderedDict()

    def get(self, folder: Path) -> Any:
        from core.inference import Predictor

        key = (str(folder), (folder / "hone.json").stat().st_mtime_ns)
        if key not in self._open:
            for old in [k for k in self._open if k[0] == key[0]]:
                del self._open[old]
            self._open[key] = Predictor.open(folder, device="cpu", threads=1)
        self._open.move_to_end(key)
        while len(self._open) > self._most:
            self._open.popitem(last=False)
        return self._open[key]


if __name__ == "__main__":
    main(float(sys.argv[1]))
    os._exit(0)  # without waiting for libraries to tidy up
