"""The job that measures a run and what was made of it, one after the other on the same rows and the same machine: score, file, speed, memory.

<run>/smaller.json    {"format", "made", "machine": {"threads", "processor"}, "runs": {id: figures}}: see `core.smaller.timing.timed` for most of them;
                      "size" bytes of the model's folder, "zipped" bytes of its weights in a zip, "parameters", "stamp" of the model
"""

from __future__ import annotations

import contextlib
import json
import math
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from core import processes
from core.device import processor
from core.errors import Cancelled, RunError
from core.locks import FileLock
from core.models import architectures
from core.words import Message
from core.workspace import read_json, write_json

FILE = "smaller.json"
FORMAT = 1
LOOK = 0.1
Progress = Callable[[int, int], None]


def measure(
    run_dir: Path | str,
    others: Sequence[str],
    progress: Progress = lambda done, total: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Measure the run and the runs in the folders `others`; the table is written whole at the end. Cancelled between and within them."""
    run_dir = Path(run_dir)
    folders = [run_dir, *map(Path, others)]
    lock = FileLock(run_dir / "smaller.lock")
    while not lock.acquire(wait=0.2):
        if cancelled():
            raise Cancelled
    try:
        found = {}
        for number, folder in enumerate(folders):

            def ahead(share: float, before: int = number) -> None:
                progress(round(100 * (before + share)), 100 * len(folders))

            found[folder.name] = figures(folder, ahead, cancelled)
        machine = {"threads": processes.cores(), "processor": processor()}
        told = {"format": FORMAT, "made": time.time(), "machine": machine, "runs": found}
        write_json(run_dir / FILE, told)
        return told
    finally:
        lock.release()


def read(run_dir: Path) -> dict[str, Any]:
    """What `measure` found, without runs whose model has been written anew since; {} where nothing was measured yet."""
    told: dict[str, Any] = {}
    with contextlib.suppress(FileNotFoundError, ValueError):
        told = read_json(run_dir / FILE)
    if told.get("format") != FORMAT:
        return {}
    still = {id: one for id, one in told["runs"].items() if one["stamp"] == stamp(run_dir.parent / id)}
    return {**told, "runs": still}


def figures(run_dir: Path, told: Callable[[float], None], cancelled: Callable[[], bool]) -> dict[str, Any]:
    """Everything about one run's model."""
    model, marked = run_dir / "model", stamp(run_dir)
    files = [path for path in model.rglob("*") if path.is_file()]
    weights = [path for path in files if path.suffix == ".safetensors"]
    return {
        **asked(run_dir, told, cancelled),
        "stamp": marked,
        "size": sum(path.stat().st_size for path in files),
        "zipped": sum(zipped(path, cancelled) for path in weights),
        "parameters": parameters(weights),
    }


def asked(run_dir: Path, told: Callable[[float], None], cancelled: Callable[[], bool]) -> dict[str, Any]:
    """What `core.smaller.timing` finds, in a process of its own. RunError with its last word where it fails."""
    with tempfile.TemporaryDirectory(prefix="hone-") as name:
        out, log = Path(name) / "out.json", Path(name) / "log.txt"
        command = [sys.executable, "-m", "core.smaller.timing", str(run_dir.resolve()), str(out)]
        with log.open("wb") as stream:
            process = subprocess.Popen(
                command,
                cwd=Path(__file__).parents[2],
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
            )
        try:
            while process.poll() is None:
                if cancelled():
                    raise Cancelled
                with contextlib.suppress(OSError, ValueError):
                    told(float(json.loads(out.read_text(encoding="utf-8"))["share"]))
                time.sleep(LOOK)
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
        if process.returncode:
            last = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
            raise RunError(
                Message("A model could not be measured: {why}", why=(last or ["?"])[0][:300]),
                fix=Message("Try again; if it stays so, this is a fault of Hone."),
            )
        found = json.loads(out.read_text(encoding="utf-8"))
    return {key: value for key, value in found.items() if key != "share"}


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
