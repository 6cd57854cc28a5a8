"""Workers for the tests of the engine: real processes, real events, a loop without a model."""

from __future__ import annotations

import os
import time
from pathlib import Path

from core.training import events as ev
from core.training.runs import Run
from core.workspace import write_text


def _say(run: Run, event: ev.Event) -> None:
    run.write(event)


def counting(run_dir: str) -> None:
    """Twenty steps or as many as run.json says, with a copy of its place after each; obeys every control word."""
    run = Run(Path(run_dir))
    _say(run, ev.Started(pid=os.getpid(), host="here"))
    steps = int(run.spec["settings"]["steps"])
    place = run.folder / "checkpoints" / "place"
    first = int(place.read_text()) if place.exists() else 0
    place.parent.mkdir(exist_ok=True)
    if first:
        _say(run, ev.Resumed(step=first))
    _say(run, ev.Began(phase=0, method="full", first_step=0, steps=steps, epochs=1, steps_per_epoch=steps))
    for step in range(first + 1, steps + 1):
        if not _go_on(run, step - 1):
            return
        _say(run, ev.Stepped(step=step, epoch=step / steps, loss=1 / step, seconds_left=0.02 * (steps - step)))
        write_text(place, str(step))  # whole or not at all: tests kill in the middle of it
        time.sleep(0.02)
    _say(run, ev.Finished(step=steps, best_step=steps, scores={"accuracy": 1.0}, test={"accuracy": 1.0}))


def _go_on(run: Run, step: int) -> bool:
    word = run.controlled()
    if word == "pause":
        _say(run, ev.Paused(step=step))
        while (word := run.controlled()) == "pause":
            time.sleep(0.02)
        if word == "resume":
            _say(run, ev.Resumed(step=step))
            run.uncontrolled()
            return True
    if word in ("stop", "discard"):
        _say(run, ev.Stopped(step=step, kept=word == "stop"))
        return False
    return word != "leave"


def deaf(run_dir: str) -> None:
    """Begins and then hears nothing."""
    run = Run(Path(run_dir))
    _say(run, ev.Started(pid=os.getpid(), host="here"))
    _say(run, ev.Began(phase=0, method="full", first_step=0, steps=10, epochs=1, steps_per_epoch=10))
    time.sleep(600)


def raising(run_dir: str) -> None:
    Run(Path(run_dir)).write(ev.Started(pid=os.getpid(), host="here"))
    raise RuntimeError("the wheel came off")


def exiting(run_dir: str) -> None:
    """Ends its process without a word to anybody."""
    print("a library said something", flush=True)
    os._exit(7)
