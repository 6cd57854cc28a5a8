"""Jobs with real processes: progress, results, errors, cancelling, and what is left after a restart."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from pathlib import Path

import pytest

from core import jobs, locks
from core.errors import HoneError, Missing
from core.jobs import Jobs
from core.words import Message
from core.workspace import read_json

ME = "job_functions"
HERE = Path(__file__).parent


@pytest.fixture
def mine(workspace, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(HERE))
    found = Jobs(workspace.jobs)
    yield found
    found.close()


@pytest.mark.parametrize("light", [False, True])
def test_a_job_runs_and_its_result_can_be_read(mine, light):
    job = mine.start(f"{ME}:counting", {"upto": 5, "seconds": 0.0}, title=Message("Counting"), light=light)
    state = mine.wait(job.id, 30)
    assert state["state"] == "done" and state["result"] == {
        "counted": 5,
        "said": {"say": "Counted {n}.", "with": {"n": 5}},
    }
    assert (state["done"], state["total"]) == (5, 5) and state["title"] == {"say": "Counting", "with": {}}


def test_a_job_tells_how_far_it_is_and_when_it_will_end(mine, until):
    job = mine.start(f"{ME}:counting", {"upto": 100, "seconds": 0.05})
    until(lambda: mine.state(job.id)["done"] >= 20)
    state = mine.state(job.id)
    assert state["state"] == "running" and state["total"] == 100
    assert 1 < state["seconds_left"] < 20
    assert Jobs(mine.folder).state(job.id)["state"] == "running", "anybody who looks sees the same"
    mine.cancel(job.id)
    assert mine.wait(job.id, 20)["state"] == "cancelled"


def test_a_job_that_does_not_listen_is_ended_after_a_grace(mine, until, monkeypatch):
    monkeypatch.setattr(jobs, "GRACE", 0.3)
    job = mine.start(f"{ME}:deaf", {})
    until(lambda: (job.folder / "pid").exists() and (job.folder / "pid").read_text())
    pid = int((job.folder / "pid").read_text())
    mine.cancel(job.id)
    assert mine.wait(job.id, 20)["state"] == "cancelled"
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.parametrize("light", [False, True])
def test_an_error_for_a_person_arrives_with_its_repair(mine, light):
    job = mine.start(f"{ME}:refusing", {}, light=light)
    error = mine.wait(job.id, 30)["error"]
    assert error["message"]["say"] == "No network." and error["fix"]["say"] == "Drop a file instead."


def test_any_other_error_is_calm_on_the_page_and_whole_in_the_log(mine):
    job = mine.start(f"{ME}:breaking", {})
    state = mine.wait(job.id, 30)
    assert state["state"] == "failed" and "ZeroDivisionError" in str(state["error"]["message"])
    assert "in breaking" in (job.folder / "log.txt").read_text()


def test_a_process_that_is_killed_is_a_failed_job(mine, until):
    job = mine.start(f"{ME}:deaf", {})
    until(lambda: (job.folder / "pid").exists() and (job.folder / "pid").read_text())
    os.kill(int((job.folder / "pid").read_text()), signal.SIGKILL)
    state = mine.wait(job.id, 20)
    assert state["state"] == "failed" and "memory" in str(state["error"]["message"])


def test_the_same_job_is_joined_and_another_of_its_key_takes_its_place(mine, until):
    first = mine.start(f"{ME}:counting", {"upto": 1000, "seconds": 0.05}, key="estimate")
    assert mine.start(f"{ME}:counting", {"upto": 1000, "seconds": 0.05}, key="estimate").id == first.id
    second = mine.start(f"{ME}:counting", {"upto": 3, "seconds": 0.0}, key="estimate")
    assert mine.latest("estimate") == second.id == Jobs(mine.folder).latest("estimate")
    state = mine.wait(first.id, 20)
    assert state["state"] == "cancelled", state
    assert mine.wait(second.id, 20)["state"] == "done"


def test_at_most_so_many_processes_work_at_a_time(mine, until):
    started = [mine.start(f"{ME}:counting", {"upto": 1000, "seconds": 0.05}) for _ in range(jobs.MOST + 1)]
    until(lambda: sum(mine.state(j.id)["state"] == "running" for j in started) == jobs.MOST)
    waiting = [j for j in started if mine.state(j.id)["state"] == "waiting"]
    assert len(waiting) == 1
    mine.cancel(waiting[0].id)
    assert mine.wait(waiting[0].id, 20)["state"] == "cancelled"


def test_after_a_restart_a_job_that_was_cut_off_says_so(mine, workspace):
    job = mine.start(f"{ME}:counting", {"upto": 2, "seconds": 0.0})
    mine.wait(job.id, 20)
    (job.folder / "end.json").unlink()  # as a server leaves it that dies
    assert not locks.held(job.folder / "lock")
    state = Jobs(workspace.jobs).state(job.id)
    assert state["state"] == "failed" and "closed" in str(state["error"]["message"])


def test_a_job_that_is_not_there_is_missing_and_a_path_is_refused(mine):
    for name in ("job-none", "../projects", "/etc"):
        with pytest.raises(Missing):
            mine.state(name)


def test_old_jobs_are_cleared_away(mine):
    job = mine.start(f"{ME}:counting", {"upto": 1, "seconds": 0.0})
    mine.wait(job.id, 20)
    os.utime(job.folder, (time.time() - 2 * jobs.KEPT,) * 2)
    mine.wait(mine.start(f"{ME}:counting", {"upto": 1, "seconds": 0.0}).id, 20)
    assert not job.folder.exists()


def test_ending_with_an_error_of_ours_keeps_every_field_problem(mine):
    job = mine.start(f"{ME}:off", {}, light=True)
    error = mine.wait(job.id, 20)["error"]
    assert [p["field"] for p in error["problems"]] == ["epochs"]


def test_the_order_of_a_job_is_on_disk_before_it_starts(mine):
    job = mine.start(f"{ME}:counting", {"upto": 1, "seconds": 0.0}, key="k")
    told = read_json(job.folder / "job.json")
    assert told["function"] == f"{ME}:counting" and told["arguments"] == {"upto": 1, "seconds": 0.0}
    mine.wait(job.id, 20)
    shutil.rmtree(job.folder)
    assert mine.latest("k") is None
    assert threading.active_count() < 50 and issubclass(Missing, HoneError)


def test_a_job_is_lost_when_the_server_ended_under_it_but_not_when_a_person_cancelled_it(mine, until):
    slow = {"upto": 1000, "seconds": 0.05}
    given_up, cut_short = mine.start(f"{ME}:counting", slow), mine.start(f"{ME}:counting", slow)
    until(lambda: all(mine.state(job.id)["state"] == "running" for job in (given_up, cut_short)))
    mine.cancel(given_up.id)
    assert not mine.wait(given_up.id, 20)["lost"]
    mine.close()
    state = mine.state(cut_short.id)
    assert (state["state"], state["lost"]) == ("cancelled", True)


def test_the_time_left_of_a_second_part_is_told_from_its_own_pace(tmp_path: Path):
    from core.jobs import _Meter

    meter = _Meter(tmp_path)
    for done in (1, 5, 10):
        meter(done, 10)
    meter(0, 4)  # another part begins: nothing is known of it yet
    assert meter._state["seconds_left"] is None
    meter(1, 4)
    meter(2, 4)
    assert meter._state["seconds_left"] < 1
