"""A run's answers at once: a resident process with a few models in memory (core.resident), so that the page never imports torch.

The page's end is `Service`; the process is `python -m core.service`. Knows nothing of runs but their folder.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from core.errors import HoneError, Missing
from core.resident import Process, Resident, Waiting, checked, serve
from core.words import Message

IDLE = 600.0  # seconds without a question after which the process ends
MODELS = 4  # in memory at once; the one not asked for longest goes first
MOST_SAYING = 200  # texts under way or not yet fetched
MOST_TEXTS, LONGEST = 256, 100_000  # texts a question, characters a text; a file goes through `predict_file`


class Service:
    """The page's end. One for a home; `close` it when the page ends (the process also ends with its parent)."""

    def __init__(self, home: Path, *, idle: float = IDLE):
        self._resident = Resident("core.service", Path(home) / "service.log", idle)
        self._lock = threading.Lock()
        self._saying: dict[str, tuple[Process, int, Waiting]] = {}  # texts that are being written, the oldest first

    @property
    def pid(self) -> int | None:
        """Of the process, while there is one."""
        return self._resident.pid

    def predict(
        self, run_folder: Path | str, rows: Sequence[str | Mapping[str, Any]], *, timeout: float = 60.0
    ) -> dict[str, Any]:
        """{"answers": [a prediction as JSON, ...], "milliseconds": for the computation alone}. A row is a text, or a value for each
        input role of the task.

        Raises Missing when the run has no model (yet), HoneError when no answer came in time.
        """
        question = {"model": str(_model_of(run_folder)), "rows": [_cut(row) for row in rows[:MOST_TEXTS]]}
        return self._resident.ask(question, timeout)

    def say(self, run_folder: Path | str, row: str | Mapping[str, Any]) -> str:
        """Have a text written to a row; `heard(id)` tells how far it is. Raises Missing when the run has no model."""
        question = {"model": str(_model_of(run_folder)), "rows": [_cut(row)], "stream": True}
        process, number, waiting = self._resident.begin(question)
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
            self._resident.drop(process)
            raise self._resident.ended()
        answer = checked(waiting.answer)
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
        self._resident.close()

    def _warm(self, run_folder: Path | str) -> None:
        with contextlib.suppress(HoneError):
            self.predict(run_folder, ["."])  # one text: what is loaded at the first answer is loaded then, too


def _model_of(run_folder: Path | str) -> Path:
    model = Path(run_folder) / "model"
    if not (model / "hone.json").is_file():
        raise Missing(
            Message("This run has no model yet."),
            fix=Message("Wait until it has finished, or choose another run."),
        )
    return model


def _cut(value: Any) -> Any:
    """Texts within bounds, however deep they stand."""
    if isinstance(value, str):
        return value[:LONGEST]
    if isinstance(value, Mapping):
        return {str(k): _cut(v) for k, v in value.items()}
    return [_cut(one) for one in value] if isinstance(value, list | tuple) else value


# In the process -----------------------------------------------------------------------------------------------------


def main(idle: float) -> None:
    """Answer questions until the input ends or nobody has asked for `idle` seconds."""
    models = _Models(MODELS)
    serve(idle, lambda question, piece, stopped: _answer(models, question, piece, stopped))


def _answer(
    models: _Models, question: Mapping[str, Any], piece: Callable[[str], bool], stopped: Callable[[], bool]
) -> dict[str, Any]:
    predictor = models.get(Path(question["model"]))
    began = time.perf_counter()
    shown = _streamed(predictor, question["rows"][0], piece, stopped) if question.get("stream") else None
    if shown is None:
        shown = [a.as_json() for a in predictor.predict(question["rows"])]
    spent = (time.perf_counter() - began) * 1000
    return {"answers": shown, "milliseconds": round(spent, 2)}


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
