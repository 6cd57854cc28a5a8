"""Runs in the line and at work, with real processes."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from core import journal, locks
from core.errors import RunError
from core.training import events as ev
from core.training.queue import Entry


def events(run) -> list[str]:
    return [line["kind"] for line in journal.read(run.folder / "events.jsonl")[0]]


def pid(run) -> int:
    return next(line["pid"] for line in reversed(journal.read(run.folder / "events.jsonl")[0]) if "pid" in line)


@pytest.mark.parametrize("inline", [False, True])
def test_a_started_run_goes_to_its_end_in_the_background(new_engine, new_run, inline):
    engine, run = new_engine(inline=inline), new_run()
    engine.start(run)
    assert engine.wait(run, 30) == "finished"
    view = run.view()
    assert view.step == 20 and len(view.points["step"]) == 20
    assert view.test == {"accuracy": 1.0}
    assert (pid(run) == os.getpid()) == inline


def test_a_second_run_waits_and_knows_its_place_and_when(new_engine, new_run, until):
    engine = new_engine()
    first, second, third = new_run(steps=200), new_run(steps=5), new_run(steps=5)
    engine.start(first, seconds=4.0)
    until(lambda: first.view().step > 0)
    engine.start(second, seconds=1.0)
    engine.start(third)
    assert [engine.place(r) for r in (first, second, third)] == [None, 1, 2]
    assert second.view().state == third.view().state == "queued"
    assert 0 < engine.line(second).seconds < 5
    assert engine.line(third).seconds == pytest.approx(engine.line(second).seconds + 1.0, abs=0.5)
    engine.discard(first)
    assert engine.wait(third, 30) == "finished"
    assert second.view().state == "finished" and first.view().state == "discarded"
    assert second.view().started < third.view().started


def test_page_and_command_line_share_one_line(new_engine, new_run, until):
    page, command = new_engine(), new_engine(adopt=False)
    first, second = new_run(steps=100), new_run(steps=5)
    page.start(first)
    until(lambda: first.view().step > 0)
    command.start(second)
    assert page.place(second) == command.place(second) == 1
    assert first.alive and not second.alive
    command.stop(first)  # control reaches a run of another engine
    assert command.wait(second, 30) == "finished"
    assert first.view().state == "stopped"


def test_two_runs_work_side_by_side_where_two_are_allowed(new_engine, new_run, until):
    engine = new_engine(at_once=2)
    first, second, third = (new_run(steps=300) for _ in range(3))
    for run in (first, second, third):
        engine.start(run)
    until(lambda: first.alive and second.alive)
    assert third.view().state == "queued"
    for run in (third, second, first):
        engine.discard(run)
    until(lambda: not (first.alive or second.alive))


def test_a_paused_run_rests_and_goes_on_where_it_was(new_engine, new_run, until):
    engine, run = new_engine(), new_run(steps=60)
    engine.start(run)
    until(lambda: run.view().step >= 3)
    engine.pause(run)
    until(lambda: run.view().state == "paused")
    before = run.view().step
    assert run.alive
    engine.resume(run)
    assert engine.wait(run, 30) == "finished"
    steps = run.view().points["step"]
    assert steps == list(range(1, 61)) and before in steps
    assert "failed" not in events(run)


def test_a_paused_run_makes_way_when_another_waits_and_comes_back(new_engine, new_run, until):
    engine = new_engine()
    first, second = new_run(steps=60), new_run(steps=5)
    engine.start(first)
    until(lambda: first.view().step >= 3)
    engine.pause(first)
    until(lambda: first.view().state == "paused")
    engine.start(second)
    assert engine.wait(second, 30) == "finished"
    assert first.view().state == "paused" and not first.alive
    engine.resume(first)
    assert engine.wait(first, 30) == "finished"
    assert first.view().points["step"] == list(range(1, 61))


def test_a_killed_worker_leaves_an_interrupted_run_that_resumes_with_a_click(new_engine, new_run, until):
    engine, run = new_engine(), new_run(steps=60)
    engine.start(run)
    until(lambda: run.view().step >= 5)
    os.kill(pid(run), signal.SIGKILL)
    assert engine.wait(run, 20) == "interrupted"
    assert engine.place(run) is None
    engine.resume(run)
    assert engine.wait(run, 30) == "finished"
    assert run.view().points["step"] == list(range(1, 61))
    assert len(run.view().resumes) == 1


def test_when_the_server_goes_the_worker_saves_its_place_and_the_line_goes_on_with_the_next_server(
    new_engine, new_run, until
):
    server = new_engine()
    first, second = new_run(steps=500), new_run(steps=5)
    server.start(first)
    until(lambda: first.view().step >= 3)
    server.start(second)
    server.close()
    assert first.view().state == "interrupted" and not first.alive
    assert second.view().state == "queued"
    again = new_engine()
    assert again.wait(second, 30) == "finished"
    assert first.view().state == "interrupted"
    again.resume(first)
    until(lambda: first.view().state == "running")
    assert first.view().points["step"] == list(range(1, first.view().step + 1))


def test_a_worker_notices_that_its_server_was_killed(workspace, new_run, until, tmp_path):
    import subprocess
    import sys
    from pathlib import Path

    run = new_run(steps=2000)
    code = (
        "import sys\nfrom core.training.engine import Engine\nfrom core.training.runs import Run\nfrom pathlib import Path\n"
        "e = Engine(sys.argv[1], worker='toy_worker:counting', warm=False)\ne.start(Run(Path(sys.argv[2])))\n"
        "sys.stdin.read()"
    )
    root = Path(locks.__file__).resolve().parents[1]
    path = os.pathsep.join((str(root), str(Path(__file__).parent)))
    server = subprocess.Popen(
        [sys.executable, "-c", code, str(workspace.home), str(run.folder)],
        stdin=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path},
    )
    until(lambda: run.view().step >= 3)
    server.kill()
    server.wait()
    server.stdin.close()
    until(lambda: not run.alive)
    assert run.view().state == "interrupted"
    assert (run.folder / "checkpoints" / "place").read_text() == str(run.view().step)


def test_stop_and_keep_ends_a_run_with_what_it_has(new_engine, new_run, until):
    engine, run = new_engine(), new_run(steps=500)
    engine.start(run)
    until(lambda: run.view().step >= 3)
    engine.stop(run)
    assert engine.wait(run, 20) == "stopped"


def test_an_interrupted_run_can_still_be_stopped_and_kept(new_engine, new_run, until):
    engine, run = new_engine(), new_run(steps=500)
    engine.start(run)
    until(lambda: run.view().step >= 3)
    os.kill(pid(run), signal.SIGKILL)
    engine.wait(run, 20)
    engine.stop(run)
    until(lambda: run.view().state == "stopped")


@pytest.mark.parametrize(("word", "then"), [("stop", "stopped"), ("resume", "finished")])
def test_a_word_that_comes_while_the_worker_dies_is_not_lost(new_engine, new_run, until, word, then):
    engine, run = new_engine(), new_run(steps=60)
    engine.start(run)
    until(lambda: run.view().step >= 3)
    os.kill(pid(run), signal.SIGKILL)
    getattr(engine, word)(run)  # the engine has not seen yet that the worker is gone
    until(lambda: run.view().state == then, 30)


def test_a_run_in_line_can_be_paused_resumed_stopped_and_discarded(new_engine, new_run, until):
    engine = new_engine()
    first, one, two, three = new_run(steps=500), new_run(steps=5), new_run(), new_run()
    engine.start(first)
    until(lambda: first.view().step > 0)
    for run in (one, two, three):
        engine.start(run)
    engine.pause(one)
    assert one.view().state == "paused" and engine.place(two) == 1
    engine.discard(two)
    assert two.view().state == "discarded" and engine.place(three) == 1
    engine.stop(three)
    assert three.view().state == "discarded"  # nothing was learnt that could be kept
    engine.resume(one)
    assert one.view().state == "queued"
    engine.discard(first)
    assert engine.wait(one, 30) == "finished"


def test_discard_ends_a_worker_that_does_not_listen(new_engine, new_run, until, monkeypatch):
    monkeypatch.setattr("core.training.engine.GRACE", 0.3)
    engine, run = new_engine(worker="deaf"), new_run()
    engine.start(run)
    until(lambda: run.view().state == "running")
    worker = pid(run)
    engine.discard(run)
    until(lambda: run.view().state == "discarded" and not run.alive)
    with pytest.raises(ProcessLookupError):
        os.kill(worker, 0)  # the process is gone, and its memory with it


@pytest.mark.parametrize("inline", [False, True])
def test_a_worker_that_raises_is_a_failed_run_with_its_traceback(new_engine, new_run, inline):
    engine, run = new_engine(worker="raising", inline=inline), new_run()
    engine.start(run)
    assert engine.wait(run, 20) == "failed"
    assert "the wheel came off" in str(run.view().failure["message"])
    assert "in raising" in run.error
    assert events(run) == ["started", "failed"]


def test_a_worker_that_ends_without_a_word_is_a_failed_run_with_what_it_printed(new_engine, new_run):
    engine, run = new_engine(worker="exiting"), new_run()
    engine.start(run)
    assert engine.wait(run, 20) == "failed"
    assert "a library said something" in run.error


def test_a_run_that_has_ended_cannot_be_resumed(new_engine, new_run):
    engine, run = new_engine(), new_run(steps=2)
    engine.start(run)
    engine.wait(run, 20)
    with pytest.raises(RunError, match="has ended"):
        engine.resume(run)


def test_a_run_whose_engine_died_at_work_is_interrupted_and_leaves_the_line(new_engine, new_run, workspace):
    run = new_run()
    run.write(ev.Started(pid=1, host="gone"))
    engine = new_engine()
    name = run.folder.relative_to(workspace.home).as_posix()
    engine._queue.add(Entry(name, "engine-gone", state="working"))
    assert run.view().state == "interrupted"
    engine._queue.tidy()
    assert engine._queue.find(name) is None


def test_a_run_at_work_cannot_be_deleted_and_one_that_ended_can(new_engine, new_run, until):
    engine, run = new_engine(), new_run(steps=500)
    engine.start(run)
    until(lambda: run.view().step > 0)
    with pytest.raises(RunError, match="still at work"):
        run.delete()
    engine.discard(run)
    until(lambda: not run.alive)
    until(lambda: run.view().state == "discarded")
    run.delete()
    assert not run.folder.exists()


def test_a_word_said_while_the_worker_is_still_on_its_way_is_heard(new_engine, new_run, until):
    engine, run = new_engine(), new_run(steps=500)
    engine.start(run)
    until(lambda: engine.place(run) is None)
    engine.pause(run)
    until(lambda: run.view().state == "paused")
    engine.resume(run)
    until(lambda: run.view().step > 5)
    engine.discard(run)
    until(lambda: run.view().state == "discarded")


def test_what_a_command_left_in_line_the_server_carries_out(new_engine, new_run):
    command = new_engine(adopt=False, at_once=0)  # has no place to work
    run = new_run(steps=5)
    command.start(run)
    command.close()
    another = new_engine(adopt=False)
    assert another.place(run) == 1 and run.view().state == "queued"
    server = new_engine()
    assert server.wait(run, 30) == "finished"


def test_clearing_a_folder_ends_every_run_in_it(new_engine, new_run, until, workspace):
    engine = new_engine()
    first, second = new_run(steps=500), new_run()
    engine.start(first)
    until(lambda: first.view().step > 0)
    engine.start(second)
    engine.clear(workspace.projects)
    assert not first.alive and first.view().state == second.view().state == "discarded"


@pytest.mark.parametrize("inline", [False, True])
def test_a_run_whose_turn_comes_while_the_server_goes_is_not_begun(new_engine, new_run, until, inline, monkeypatch):
    engine, run = new_engine(inline=inline), new_run(steps=500)
    claim, claimed = engine._queue.claim, threading.Event()

    def claimed_at_the_last_moment(*how):
        found = claim(*how)
        if found:
            claimed.set()
            until(lambda: engine._closing)
        return found

    monkeypatch.setattr(engine._queue, "claim", claimed_at_the_last_moment)
    engine.start(run)
    assert claimed.wait(20)
    engine.close()
    until(lambda: not engine._owned)
    assert not run.alive and run.view().step == 0
