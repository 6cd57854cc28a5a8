"""What the tests of jobs have done, in a process of its own."""

from __future__ import annotations

import os
import time
from pathlib import Path

from core.errors import Cancelled, HoneError, Problem, SettingsError
from core.words import Message


def counting(upto: int, seconds: float, *, progress, cancelled):
    for n in range(1, upto + 1):
        if cancelled():
            raise Cancelled
        time.sleep(seconds)
        progress(n, upto)
    return {"counted": upto, "said": Message("Counted {n}.", n=upto)}


def deaf(*, progress, cancelled):
    folder = Path("/proc/self/fd/1").readlink().parent  # beside the log it prints to
    (folder / "pid").write_text(str(os.getpid()))
    time.sleep(600)


def refusing(*, progress, cancelled):
    raise HoneError(Message("No network."), fix=Message("Drop a file instead."))


def breaking(*, progress, cancelled):
    return 1 / 0


def off(*, progress, cancelled):
    raise SettingsError([Problem("epochs", Message("Too many."))])
