"""Locks between processes, and worker processes: what is left when one of them dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from core import locks, nursery, processes
from core.locks import FileLock, held
from core.processes import Process, Warm, Worker

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


forks = pytest.mark.skipif(not nursery.possible(), reason="workers are forked on Linux without a GPU only")


@pytest.fixture(params=["process", pytest.param("forked", marks=forks)])
def new_worker(request: pytest.FixtureRequest) -> Iterator[Callable[[], Worker]]:
    """Makes a worker in either of the two ways: they must be the same to whoever has one."""
    if request.param == "process":
        yield Process
        return
    warm = Warm(preload=())
    yield warm.take
    warm.close()


def test_a_worker_carries_out_its_order_and_ends(new_worker, helpers, tmp_path):
    worker = new_worker()
    worker.run("process_functions:facts", {"out": str(tmp_path / "facts")}, log=tmp_path / "log.txt", threads=1)
    assert worker.wait(60) == 0
    threads, niceness, printed = (tmp_path / "facts").read_text().split()
    assert threads == "1" and printed == "no-pipe"
    assert int(niceness) >= processes.NICE or sys.platform == "win32"
    assert "to the log" in (tmp_path / "log.txt").read_text()
    worker.leave()


def test_an_error_in_a_worker_is_in_its_log_and_in_its_exit_code(new_worker, helpers, tmp_path):
    worker = new_worker()
    worker.run("process_functions:none_of_these", {}, log=tmp_path / "log.txt")
    assert worker.wait(60) == 1
    assert "AttributeError" in (tmp_path / "log.txt").read_text()
    worker.leave()


def test_a_worker_without_an_order_goes_when_its_parent_lets_go(new_worker, until):
    worker = new_worker()
    worker.leave()
    until(lambda: not worker.alive())


def test_a_worker_hears_that_it_should_leave(new_worker, helpers, tmp_path, until):
    worker = new_worker()
    worker.run("process_functions:until_told", {"out": str(tmp_path / "told")}, log=tmp_path / "log.txt")
    until(lambda: (tmp_path / "told").exists())
    worker.leave()
    assert worker.wait(30) == 0 and (tmp_path / "told").read_text() == "goodbye"


def test_the_spare_is_ready_before_it_is_asked_for_and_another_is_made_after(helpers, tmp_path, until):
    warm = Warm(threads=1, preload=("json",), rest=0.0, forks=False)
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
    warm = Warm(threads=1, preload=(), refill=False, forks=False)
    warm.prepare()
    until(lambda: warm._spare is not None)
    dead = warm._spare
    dead.kill()
    worker = warm.take()
    assert worker is not dead and worker.alive()
    worker.kill()
    warm.close()


@forks
def test_forked_workers_have_the_environment_of_now_and_chance_of_their_own(helpers, tmp_path, monkeypatch):
    warm = Warm(threads=1, preload=("numpy",))
    drawn = []
    try:
        for number in range(2):
            monkeypatch.setenv("A_WORD_OF_THE_TEST", str(number))
            worker = warm.take()
            worker.run("process_functions:chance", {"out": str(tmp_path / str(number))}, log=tmp_path / "log.txt")
            assert worker.wait(30) == 0
            word, *draws = (tmp_path / str(number)).read_text().split()
            assert word == str(number)
            drawn.append(draws)
    finally:
        warm.close()
    assert all(a != b for a, b in zip(*drawn, strict=True))


@forks
def test_a_forked_worker_outlives_its_nursery_and_the_next_is_made_by_another(helpers, tmp_path, until):
    warm = Warm(threads=1, preload=())
    first = warm.take()
    first.run("process_functions:until_told", {"out": str(tmp_path / "told")}, log=tmp_path / "log.txt")
    until(lambda: (tmp_path / "told").exists())
    dead = warm._nursery
    os.kill(dead.pid, signal.SIGKILL)
    until(lambda: not dead.alive())
    assert first.alive() and first.wait(0.1) is None
    second = warm.take()
    assert second.pid != first.pid and warm._nursery is not dead
    second.kill()
    assert second.wait() == -signal.SIGKILL
    first.leave()
    assert first.wait(30) == nursery.LOST  # nobody was there to see how it ended
    assert (tmp_path / "told").read_text() == "goodbye"
    warm.close()


@forks
def test_no_worker_of_a_nursery_holds_the_line_of_life_of_another(new_worker, helpers, tmp_path, until):
    workers = [new_worker() for _ in range(3)]
    for number, worker in enumerate(workers):
        worker.run("process_functions:until_told", {"out": str(tmp_path / str(number))}, log=tmp_path / f"{number}.txt")
    until(lambda: all((tmp_path / str(number)).exists() for number in range(3)))
    for worker in workers:
        worker.leave()
        assert worker.wait(30) == 0


def test_workers_end_with_a_server_that_was_killed(helpers, tmp_path, until):
    code = """
import sys, time
from pathlib import Path
from core.processes import Warm
worker = Warm(threads=1, preload=()).take()
worker.run("process_functions:until_told", {"out": sys.argv[1]}, log=Path(sys.argv[1] + ".txt"))
time.sleep(600)
"""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), str(HERE)))}
    server = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "told")], env=env)
    until(lambda: (tmp_path / "told").exists())
    below = psutil.Process(server.pid).children(recursive=True)
    server.kill()
    server.wait()
    until(lambda: (tmp_path / "told").read_text() == "goodbye")
    until(lambda: not any(process.is_running() for process in below))


def test_at_least_one_core_is_there():
    assert 1 <= processes.cores() <= (os.cpu_count() or 1)
