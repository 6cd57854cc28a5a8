"""Locks between processes, and worker processes: what is left when one of them dies."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from core import locks, processes
from core.locks import FileLock, held
from core.processes import Process, Warm

ROOT = Path(processes.__file__).resolve().parents[1]
HERE = Path(__file__).parent


@pytest.fixture
def helpers(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(HERE))


def test_a_lock_has_one_holder_within_and_between_processes(tmp_path):
    path = tmp_path / "some" / "run.lock"
    assert not held(path)
    first, second = FileLock(path), FileLock(path)
    assert first.acquire() and held(path) and not second.acquire(wait=0.05)
    code = "import sys; from pathlib import Path; from core.locks import held, FileLock; p = Path(sys.argv[1]); print(held(p), FileLock(p).acquire())"
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    told = subprocess.run([sys.executable, "-c", code, str(path)], env=env, capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["True", "False"]
    first.release()
    assert not held(path) and second.acquire()
    second.release()


def test_a_lock_is_free_when_its_holder_is_killed(tmp_path, until):
    path = tmp_path / "run.lock"
    code = "import sys, time; from pathlib import Path; from core.locks import FileLock; FileLock(Path(sys.argv[1])).acquire(); time.sleep(600)"
    code = code.replace("FileLock(Path(sys.argv[1])).acquire()", "lock = FileLock(Path(sys.argv[1])); lock.acquire()")
    holder = subprocess.Popen([sys.executable, "-c", code, str(path)], env={**os.environ, "PYTHONPATH": str(ROOT)})
    until(lambda: held(path))
    holder.kill()
    holder.wait()
    assert not held(path)


def test_a_held_lock_beats(tmp_path, monkeypatch, until):
    monkeypatch.setattr(locks, "HEARTBEAT", 0.02)
    lock = FileLock(tmp_path / "run.lock")
    with lock, locks.beating(lock):
        os.utime(lock.path, (1, 1))
        until(lambda: lock.path.stat().st_mtime > 1)


def test_waiting_for_a_lock_ends_when_it_is_let_go(tmp_path):
    first, second = FileLock(tmp_path / "l"), FileLock(tmp_path / "l")
    first.acquire()
    threading.Timer(0.1, first.release).start()
    assert second.acquire(wait=10)
    second.release()


def test_a_worker_carries_out_its_order_and_ends(helpers, tmp_path):
    worker = Process()
    worker.run("process_functions:facts", {"out": str(tmp_path / "facts")}, log=tmp_path / "log.txt", threads=1)
    assert worker.wait(60) == 0
    threads, niceness, printed = (tmp_path / "facts").read_text().split()
    assert threads == "1" and printed == "no-pipe"
    assert int(niceness) >= processes.NICE or sys.platform == "win32"
    assert "to the log" in (tmp_path / "log.txt").read_text()
    worker.leave()


def test_an_error_in_a_worker_is_in_its_log_and_in_its_exit_code(helpers, tmp_path):
    worker = Process()
    worker.run("process_functions:none_of_these", {}, log=tmp_path / "log.txt")
    assert worker.wait(60) == 1
    assert "AttributeError" in (tmp_path / "log.txt").read_text()
    worker.leave()


def test_a_worker_without_an_order_goes_when_its_parent_lets_go(until):
    worker = Process()
    worker.leave()
    until(lambda: not worker.alive())


def test_a_worker_hears_that_it_should_leave(helpers, tmp_path, until):
    worker = Process()
    worker.run("process_functions:until_told", {"out": str(tmp_path / "told")}, log=tmp_path / "log.txt")
    until(lambda: (tmp_path / "told").exists())
    worker.leave()
    assert worker.wait(30) == 0 and (tmp_path / "told").read_text() == "goodbye"


def test_the_spare_is_ready_before_it_is_asked_for_and_another_is_made_after(helpers, tmp_path, until):
    warm = Warm(threads=1, preload=("json",), rest=0.0)
    warm.prepare()
    until(lambda: warm._spare is not None)
    spare = warm._spare
    assert warm.take() is spare
    until(lambda: warm._spare is not None and warm._spare is not spare)
    spare.kill()
    last = warm._spare
    warm.close()
    assert not last.alive()


def test_a_spare_that_died_is_replaced_without_a_word(until):
    warm = Warm(threads=1, preload=(), refill=False)
    warm.prepare()
    until(lambda: warm._spare is not None)
    dead = warm._spare
    dead.kill()
    worker = warm.take()
    assert worker is not dead and worker.alive()
    worker.kill()
    warm.close()


def test_at_least_one_core_is_there():
    assert 1 <= processes.cores() <= (os.cpu_count() or 1)
