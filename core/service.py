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
import secrets
import subprocess
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from core.errors import HoneError, Missing
from core.words import Message

ROOT = Path(__file__).resolve().parent.parent
IDLE = 600.0  # seconds without a question after which the process ends
MODELS = 4  # in memory at once; the one not asked for longest goes first
MOST_SAYING = 200  # texts under way or not yet fetched
MOST_TEXTS, LONGEST = 256, 100_000  # texts a question, characters a text; a file goes through `predict_file`


class Service:
    """The page's end. One for a home; `close` it when the page ends (the process also ends with its parent)."""

    def __init__(self, home: Path, *, idle: float = IDLE):
        self._log = Path(home) / "service.log"
        self._idle = idle
        self._lock = threading.Lock()
        self._process: _Process | None = None
        self._saying: dict[str, tuple[_Process, int, _Waiting]] = {}  # texts that are being written, the oldest first
        self._closed = False

    def predict(
        self, run_folder: Path | str, rows: Sequence[str | Mapping[str, Any]], *, timeout: float = 60.0
    ) -> dict[str, Any]:
        """{"answers": [a prediction as JSON, ...], "milliseconds": for the computation alone}. A row is a text, or a value for each
        input role of the task.

        Raises Missing when the run has no model (yet), HoneError when no answer came in time.
        """
        question = {"model": str(_model_of(run_folder)), "rows": [_cut(row) for row in rows[:MOST_TEXTS]]}
        return _checked(self._ask(question, timeout))

    def say(self, run_folder: Path | str, row: str | Mapping[str, Any]) -> str:
        """Have a text written to a row; `heard(id)` tells how far it is. Raises Missing when the run has no model."""
        question = {"model": str(_model_of(run_folder)), "rows": [_cut(row)], "stream": True}
        process = self._running()
        try:
            number, waiting = process.begin(question)
        except ConnectionError:
            self._drop(process)
            process = self._running()
            number, waiting = process.begin(question)
        id = secrets.token_urlsafe(12)
        with self._lock:
            for old in list(self._saying)[: max(0, len(self._saying) - MOST_SAYING)]:
                del self._saying[old]
            self._saying[id] = (process, number, waiting)
        return id

    def heard(self, id: str) -> dict[str, Any]:
        """{"text": so far, "done": bool, "milliseconds": once it is done}. Raises Missing for what nobody says, HoneError where it failed."""
        with self._lock:
            if id not in self._saying:
                raise Missing(Message("This answer is not here any more."), fix=Message("Ask again."))
            process, _, waiting = self._saying[id]
        if not waiting.answered.is_set():
            return {"text": "".join(waiting.pieces), "done": False}
        with self._lock:
            self._saying.pop(id, None)
        if waiting.answer is None:
            self._drop(process)
            raise self._ended()
        answer = _checked(waiting.answer)
        return {"text": answer["answers"][0]["text"], "done": True, "milliseconds": answer["milliseconds"]}

    def hush(self, id: str) -> None:
        """It stops writing after the word at hand; what was written is the answer."""
        with self._lock:
            said = self._saying.get(id)
        if said:
            said[0].stop(said[1])

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
        raise self._ended()

    def _ended(self) -> HoneError:
        return HoneError(
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


def _model_of(run_folder: Path | str) -> Path:
    model = Path(run_folder) / "model"
    if not (model / "hone.json").is_file():
        raise Missing(
            Message("This run has no model yet."),
            fix=Message("Wait until it has finished, or choose another run."),
        )
    return model


def _checked(answer: dict[str, Any]) -> dict[str, Any]:
    if "error" in answer:
        raise HoneError(
            Message.from_json(answer["error"]), fix=Message.from_json(answer["fix"]) if answer.get("fix") else None
        )
    return answer


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
    pieces: list[str] = field(default_factory=list)  # of a text that is being written


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
        number, waiting = self.begin(question)
        try:
            if not waiting.answered.wait(max(0.0, timeout)):
                raise TimeoutError
        finally:
            self._waiting.pop(number, None)
        if waiting.answer is None:
            raise ConnectionError
        return waiting.answer

    def begin(self, question: Mapping[str, Any]) -> tuple[int, _Waiting]:
        """Ask without waiting. ConnectionError where the process has ended."""
        number, waiting = next(self._numbers), _Waiting()
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


def main(idle: float) -> None:
    """Answer questions until the input ends or nobody has asked for `idle` seconds."""
    if hasattr(os, "nice"):
        with contextlib.suppress(OSError):
            os.nice(10)
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print goes to the log
    lines: queue.Queue[bytes] = queue.Queue()
    stopped: set[int] = set()
    threading.Thread(target=_read, args=(lines, stopped), name="questions", daemon=True).start()
    models = _Models(MODELS)

    def tell(line: Mapping[str, Any]) -> None:
        out.write(json.dumps(line).encode("ascii") + b"\n")
        out.flush()

    while True:
        try:
            line = lines.get(timeout=idle)
        except queue.Empty:
            return
        if not line:
            return
        question = json.loads(line)
        number = question["number"]

        def piece(text: str, number: int = number) -> bool:
            """Tell a piece of a text; True when no more of it is wanted."""
            tell({"number": number, "piece": text})
            return number in stopped

        tell({"number": number, **_answer(models, question, piece, partial(stopped.__contains__, number))})
        stopped.discard(number)


def _read(lines: queue.Queue[bytes], stopped: set[int]) -> None:
    for line in sys.stdin.buffer:
        if line.startswith(b'{"stop"'):
            stopped.add(json.loads(line)["stop"])
        else:
            lines.put(line)
    lines.put(b"")


def _answer(
    models: _Models, question: Mapping[str, Any], piece: Callable[[str], bool], stopped: Callable[[], bool]
) -> dict[str, Any]:
    try:
        predictor = models.get(Path(question["model"]))
        began = time.perf_counter()
        shown = _streamed(predictor, question["rows"][0], piece, stopped) if question.get("stream") else None
        if shown is None:
            shown = [a.as_json() for a in predictor.predict(question["rows"])]
        spent = (time.perf_counter() - began) * 1000
        return {"answers": shown, "milliseconds": round(spent, 2)}
    except HoneError as error:
        return {"error": error.message.as_json(), "fix": error.fix.as_json() if error.fix else None}
    except Exception:
        import traceback

        traceback.print_exc()
        return {"error": Message("The model could not answer this text.").as_json(), "fix": None}


def _streamed(
    predictor: Any, row: Any, piece: Callable[[str], bool], stopped: Callable[[], bool]
) -> list[dict[str, Any]] | None:
    """The text written to a row, told piece by piece; None where nothing was written so (another way of writing)."""
    from core.tasks.base import Text

    pieces: list[str] = []
    for one in predictor.stream(row, stopped):
        pieces.append(one)
        if piece(one):
            break
    return [Text("".join(pieces).strip()).as_json()] if pieces or stopped() else None


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
