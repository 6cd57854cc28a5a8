"""The job that measures a run and what was made of it, on the same rows and the same machine: score, file, speed, memory.

Each model has a process of its own. The run and what was made of it take turns, round by round, so that whatever else the machine does falls on
both; how many times as fast is the median over the rounds.

<run>/smaller.json    {"format", "made", "machine": {"threads", "processor"}, "runs": {id: figures}}: `core.smaller.timing.Model.rest` for score and
                      memory; "one" seconds for a single text, "times" as fast as the run in a batch, "rate" texts a second (the run's own,
                      times "times": free of what drifted meanwhile), "size" bytes of the model's folder, "zipped" bytes of its weights in a
                      zip, "parameters", "stamp" of the model
"""

from __future__ import annotations

import contextlib
import json
import math
import queue
import statistics
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from core import processes
from core.device import processor
from core.errors import Cancelled, RunError
from core.locks import FileLock
from core.models import architectures
from core.smaller.timing import SIGN
from core.words import Message
from core.workspace import read_json, write_json

FILE = "smaller.json"
FORMAT = 1
ROUNDS = 5
LOOK = 0.1
Progress = Callable[[int, int], None]
Stop = Callable[[], bool]


def measure(
    run_dir: Path | str,
    others: Sequence[str],
    progress: Progress = lambda done, total: None,
    cancelled: Stop = lambda: False,
) -> dict[str, Any]:
    """Measure the run and the runs in the folders `others`; those measured before stay in the table. Cancelled between and within them."""
    run_dir = Path(run_dir)
    total, done = (len(others) + 1) * (ROUNDS + 2), 0

    def step() -> None:
        nonlocal done
        done += 1
        progress(min(done, total), total)

    lock = FileLock(run_dir / "smaller.lock")
    while not lock.acquire(wait=0.2):
        if cancelled():
            raise Cancelled
    try:
        with opened(run_dir, cancelled) as first:
            step()
            found = {}
            for other in map(Path, others):
                with opened(other, cancelled) as second:
                    step()
                    times = in_turns(first, second, step)
                    found[other.name] = {**second.figures(), "times": times}
                    step()
            if not others:
                in_turns(first, None, step)
            before = read(run_dir).get("runs", {})
            mine = {**first.figures(), "times": 1.0}
            found = {**before, run_dir.name: mine, **found}
            for one in found.values():
                one["rate"] = mine["rate"] * one["times"]
        machine = {"threads": processes.cores(), "processor": processor()}
        told = {"format": FORMAT, "made": time.time(), "machine": machine, "runs": found}
        write_json(run_dir / FILE, told)
        return told
    finally:
        lock.release()


def in_turns(first: Asked, second: Asked | None, step: Callable[[], None]) -> float:
    """Let both be timed in turns; how many times as fast the second is where many texts come at once."""
    ratios = []
    for _ in range(ROUNDS):
        seconds = [one.round() for one in (first, second) if one]
        ratios.append(seconds[0] / seconds[-1])
        step()
    return statistics.median(ratios)


def read(run_dir: Path) -> dict[str, Any]:
    """What `measure` found, without runs whose model has been written anew since; {} where nothing was measured yet."""
    told: dict[str, Any] = {}
    with contextlib.suppress(FileNotFoundError, ValueError):
        told = read_json(run_dir / FILE)
    if told.get("format") != FORMAT:
        return {}
    still = {id: one for id, one in told["runs"].items() if one["stamp"] == stamp(run_dir.parent / id)}
    return {**told, "runs": still}


@contextlib.contextmanager
def opened(run_dir: Path, cancelled: Stop) -> Iterator[Asked]:
    """A run's model in a process of its own, ready to be asked."""
    model = Asked(run_dir, cancelled)
    try:
        model.answer()
        yield model
    finally:
        model.close()


class Asked:
    """The process of one model (`core.smaller.timing`), and what it has said so far."""

    def __init__(self, run_dir: Path, cancelled: Stop):
        self.run_dir, self.cancelled, self.stamp = run_dir, cancelled, stamp(run_dir)
        self.ones: list[float] = []
        self.rates: list[float] = []
        self.said: queue.Queue[str | None] = queue.Queue()
        self.last = "?"
        command = [sys.executable, "-m", "core.smaller.timing", str(run_dir.resolve())]
        pipe: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        home = Path(__file__).parents[2]
        self.process = subprocess.Popen(command, cwd=home, text=True, encoding="utf-8", errors="replace", **pipe)
        threading.Thread(target=self._listen, daemon=True).start()

    def round(self) -> float:
        """Single texts, then a batch; the seconds of the batch."""
        self.ones.append(self.ask("one")["seconds"])
        batch = self.ask("many")
        self.rates.append(batch["texts"] / batch["seconds"])
        return float(batch["seconds"])

    def figures(self) -> dict[str, Any]:
        model = self.run_dir / "model"
        files = [path for path in model.rglob("*") if path.is_file()]
        weights = [path for path in files if path.suffix == ".safetensors"]
        return {
            **self.ask("rest"),
            "one": statistics.median(self.ones),
            "rate": statistics.median(self.rates),
            "stamp": self.stamp,
            "size": sum(path.stat().st_size for path in files),
            "zipped": sum(zipped(path, self.cancelled) for path in weights),
            "parameters": parameters(weights),
        }

    def ask(self, what: str) -> dict[str, Any]:
        assert self.process.stdin
        with contextlib.suppress(OSError):  # it has died: its last words are looked for
            self.process.stdin.write(what + "\n")
            self.process.stdin.flush()
        return self.answer()

    def answer(self) -> dict[str, Any]:
        """Its next answer; RunError with its last word where it ended instead."""
        while True:
            if self.cancelled():
                raise Cancelled
            try:
                line = self.said.get(timeout=LOOK)
            except queue.Empty:
                continue
            if line is None:
                raise RunError(
                    Message("A model could not be measured: {why}", why=self.last[:300]),
                    fix=Message("Try again; if it stays so, this is a fault of Hone."),
                )
            if line.startswith(SIGN):
                found: dict[str, Any] = json.loads(line.removeprefix(SIGN))
                return found
            self.last = line.strip() or self.last

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def _listen(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.said.put(line)
        self.said.put(None)


def zipped(path: Path, cancelled: Callable[[], bool]) -> int:
    """Bytes of a file as a zip would hold it."""
    packer, size = zlib.compressobj(6), 0
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            if cancelled():
                raise Cancelled
            size += len(packer.compress(block))
    return size + len(packer.flush())


def parameters(files: Sequence[Path]) -> int:
    """How many weights the files hold, whole numbers among them."""
    shapes = [
        one["shape"] for path in files for name, one in architectures.header(path).items() if name != "__metadata__"
    ]
    return sum(math.prod(shape) for shape in shapes)


def stamp(run_dir: Path) -> int | None:
    """Changes when the model is written anew; None where there is none."""
    try:
        return (run_dir / "model" / "hone.json").stat().st_mtime_ns
    except FileNotFoundError:
        return None
