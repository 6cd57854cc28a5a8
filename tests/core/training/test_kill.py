"""SIGKILL at any moment loses nothing: the resumed run ends with the bits of the uninterrupted one.

Workers are forked from a process that has done the imports, so that ten kills and as many resumes take seconds.
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import random
import signal
import sys
import time
from pathlib import Path

import pytest
from run_folders import events, last_events, weights, write_run

from core.journal import read

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL on Windows")

PHASES = ["head", "full", {"method": "full", "settings": {"learning_rate": 1e-3}, "fresh": True}]
SETTINGS = {"learning_rate": 3e-3, "epochs": 8, "batch_size": 8, "patience": 0, "save_seconds": 0.02, "evaluations": 2}
NEEDED = ["core.training.fitting", "core.training.tuning", "core.training.worker", "transformers.models.bert.modeling_bert",
          "transformers.models.auto.modeling_auto", "transformers.models.auto.tokenization_auto", "safetensors.torch"]  # fmt: skip


@pytest.fixture(scope="module")
def processes():
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(NEEDED)
    return context


def begun(processes, folder: Path):
    from core.training.worker import worker

    process = processes.Process(target=worker, args=(str(folder),))
    process.start()
    return process


def ended(processes, folder: Path) -> Path:
    process = begun(processes, folder)
    process.join(120)
    assert process.exitcode == 0
    return folder


def kill(process) -> None:
    with contextlib.suppress(ProcessLookupError):  # it may just have ended
        os.kill(process.pid, signal.SIGKILL)
    process.join()


def killed_after(processes, folder: Path, lines: int, delay: float) -> bool:
    """Start a worker and kill it when the log has so many more lines, and a moment later. False when it was done before."""
    log = folder / "events.jsonl"
    wanted = lines + (log.read_bytes().count(b"\n") if log.exists() else 0)
    process = begun(processes, folder)
    while process.is_alive() and not (log.exists() and log.read_bytes().count(b"\n") >= wanted):
        time.sleep(0.001)
    time.sleep(delay)
    kill(process)
    return process.exitcode == -signal.SIGKILL


@pytest.fixture(scope="module")
def whole(processes, tiny_encoder, tmp_path_factory) -> Path:
    """The run that nobody interrupts."""
    return ended(processes, write_run(tmp_path_factory.mktemp("whole") / "run", tiny_encoder, PHASES, **SETTINGS))


@pytest.mark.parametrize("moment", range(10))
def test_a_run_killed_at_a_random_moment_ends_with_the_same_bits(moment, processes, whole, tiny_encoder, tmp_path):
    dice = random.Random(moment)
    lines = dice.randrange(
        1, len(events(whole)) * (moment + 1) // 10 + 2
    )  # from the first word to the last, all are hit
    folder = write_run(tmp_path / "run", tiny_encoder, PHASES, **SETTINGS)
    killed_after(processes, folder, lines, dice.random() * 0.03)
    ended(processes, folder)
    assert weights(folder) == weights(whole)
    assert events(folder, "finished")[0]["scores"] == events(whole, "finished")[0]["scores"]


def test_a_run_killed_again_and_again_ends_with_the_same_bits(processes, whole, tiny_encoder, tmp_path):
    folder = write_run(tmp_path / "run", tiny_encoder, PHASES, **SETTINGS)
    dice = random.Random(1)
    kills = sum(killed_after(processes, folder, dice.randrange(6, 20), dice.random() * 0.02) for _ in range(6))
    assert kills >= 3
    ended(processes, folder)
    assert weights(folder) == weights(whole)


def test_what_is_said_after_a_kill_is_what_the_uninterrupted_run_said(processes, whole, tiny_encoder, tmp_path):
    folder = write_run(tmp_path / "run", tiny_encoder, PHASES, **SETTINGS)
    killed_after(processes, folder, len(events(whole)) // 2, 0.01)
    ended(processes, folder)
    tuned = events(whole, "began")[1]["first_step"]

    def checks(of: Path) -> list:
        found = {e["step"]: (e["scores"], e["best"]) for e in last_events(of, "evaluated") if e["step"] > tuned}
        return sorted(found.items())

    assert checks(folder) == checks(whole)
    notices = [(e["code"], e["step"]) for e in last_events(folder, "noticed")]
    assert notices == [(e["code"], e["step"]) for e in events(whole, "noticed")]


@pytest.mark.parametrize("phases", [["head", "lora"], ["full", "top"]])
def test_other_methods_resume_to_the_bit_too(phases, processes, tiny_encoder, tmp_path):
    settings = {**SETTINGS, "epochs": 4, "start_from_probe": False, "optimizer": "adafactor", "learning_rate": 1e-2}
    one = ended(processes, write_run(tmp_path / "one", tiny_encoder, phases, **settings))
    other = write_run(tmp_path / "other", tiny_encoder, phases, **settings)
    killed_after(processes, other, len(events(one)) * 2 // 3, 0.0)
    ended(processes, other)
    assert weights(other) == weights(one)


def test_every_line_written_before_a_kill_is_readable(processes, tiny_encoder, tmp_path):
    folder = write_run(tmp_path / "run", tiny_encoder, PHASES, **SETTINGS)
    killed_after(processes, folder, 25, 0.0)
    raw = (folder / "events.jsonl").read_bytes()
    assert len([json.loads(line) for line in raw.splitlines()]) == len(read(folder / "events.jsonl")[0]) >= 25
