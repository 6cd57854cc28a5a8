"""What the tests of worker processes have done in one."""

from __future__ import annotations

import os
import random
import stat
import time
import uuid
from pathlib import Path

from core import processes


def facts(out: str) -> None:
    print("to the log", flush=True)
    pipe = any(stat.S_ISFIFO(os.fstat(fd).st_mode) for fd in (1, 2))
    niceness = os.nice(0) if hasattr(os, "nice") else 0
    Path(out).write_text(f"{os.environ['OMP_NUM_THREADS']} {niceness} {'pipe' if pipe else 'no-pipe'}")


def chance(out: str) -> None:
    import numpy as np

    drawn = random.random(), np.random.rand(), uuid.uuid4()
    Path(out).write_text(" ".join([os.environ["A_WORD_OF_THE_TEST"], *map(str, drawn)]))


def until_told(out: str) -> None:
    with processes.on_leave(lambda: Path(out).write_text("goodbye")):
        Path(out).write_text("")
        while not processes.leaving() or Path(out).read_text() != "goodbye":
            time.sleep(0.01)
