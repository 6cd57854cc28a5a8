"""Followers read a run's events from outside, go on where they were, and hold nothing up. TensorBoard's files are read back with its own reader."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from core import followers
from core.errors import Missing
from core.followers import FOLLOWERS, begin, kind, told, wanted
from core.followers.base import numbers, plain
from core.followers.following import follow
from core.journal import Journal
from core.training import events as ev
from core.training.events import as_line
from core.workspace import write_json

STEPS = 4


def new_run(folder: Path, **settings: Any) -> Path:
    run = folder / "project" / "runs" / "run-1"
    run.mkdir(parents=True)
    settings = {"learning_rate": 3e-5, "base": "/home/somebody/model", "follow": ["tensorboard"], **settings}
    spec = {
        "id": "run-1",
        "name": "Balanced",
        "task": "classification",
        "settings": settings,
        "base": {"id": "/home/somebody/model"},
    }
    write_json(run / "run.json", spec)
    return run


def say(run: Path, *events: ev.Event) -> None:
    log = Journal(run / "events.jsonl")
    for event in events:
        log.append(as_line(event))
    log.close()


def stepped(step: int) -> ev.Stepped:
    return ev.Stepped(step=step, epoch=step / 10, loss=1 / step, learning_rate=1e-5)


FINISHED = ev.Finished(step=STEPS, best_step=STEPS, scores={"accuracy": 0.9}, test={"accuracy": 0.8})
CHECKED = ev.Evaluated(step=2, epoch=0.2, scores={"accuracy": 0.7, "loss": 0.6}, per_label={"good": 0.5},
                       watched={"1:1": {"label": "a secret", "probability": 0.5}})  # fmt: skip


def scalars(run: Path) -> dict[str, list[tuple[int, float]]]:
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    found = reader.EventAccumulator(str(run / "following" / "tensorboard"))
    found.Reload()
    return {name: [(e.step, pytest.approx(e.value)) for e in found.Scalars(name)] for name in found.Tags()["scalars"]}


def test_events_become_numbers_and_never_texts():
    found = numbers(as_line(CHECKED))
    assert found == {"validation/accuracy": 0.7, "validation/loss": 0.6, "found/good": 0.5}
    assert numbers(as_line(ev.Noticed(code="plateau", step=3, values={"label": "a secret"}))) == {}
    assert numbers(as_line(ev.Stepped(step=1, epoch=0.0, loss=float("nan")))).keys() >= {"learning/learning_rate"}
    assert "learning/loss" not in numbers(as_line(ev.Stepped(step=1, epoch=0.0, loss=float("nan"))))
    assert plain({"a": 1, "b": None, "c": ["x"]}) == {"a": 1, "b": "None", "c": "['x']"}


def test_settings_and_the_environment_say_who_follows():
    spec = {"settings": {"follow": ["mlflow"]}}
    assert wanted(spec, {"HONE_FOLLOW": "tensorboard, nobody"}) == ["tensorboard", "mlflow"]
    assert wanted({}, {}) == []
    with pytest.raises(Missing, match="tensorboard"):
        kind("nobody")


def test_tensorboard_has_every_number_of_the_run(tmp_path):
    pytest.importorskip("tensorboard")
    run = new_run(tmp_path)
    say(run, stepped(1), stepped(2), CHECKED, stepped(3), stepped(4), FINISHED)
    follow(str(run), "tensorboard")
    found = scalars(run)
    assert found["learning/loss"] == [(1, 1.0), (2, 0.5), (3, 1 / 3), (4, 0.25)]
    assert found["validation/accuracy"] == [(2, 0.7)] and found["test/accuracy"] == [(4, 0.8)]
    [fares] = told(run)
    assert (fares["state"], fares["message"]) == ("done", None) and fares["where"].endswith("following/tensorboard")
    written = b"".join(file.read_bytes() for file in (run / "following" / "tensorboard").iterdir())
    assert b"a secret" not in written and b"somebody" not in written


def test_one_that_comes_again_goes_on_where_it_was_and_forgets_what_a_resume_took_back(tmp_path):
    pytest.importorskip("tensorboard")
    run = new_run(tmp_path)
    say(run, stepped(1), stepped(2), stepped(3))
    follow(str(run), "tensorboard", patience=0.0)  # nobody is at work on the run: it rests
    assert told(run)[0]["state"] == "following"
    say(run, ev.Resumed(step=2), stepped(3), stepped(4), FINISHED)
    follow(str(run), "tensorboard", patience=0.0)
    assert [step for step, _ in scalars(run)["learning/loss"]] == [1, 2, 3, 4]
    offset = json.loads((run / "following" / "tensorboard.json").read_text())["offset"]
    assert offset == (run / "events.jsonl").stat().st_size


def test_one_that_is_not_installed_says_what_to_do(tmp_path, monkeypatch):
    run = new_run(tmp_path)
    say(run, stepped(1), FINISHED)
    monkeypatch.setitem(sys.modules, "trackio", None)
    follow(str(run), "trackio")
    [fares] = told(run)
    assert fares["state"] == "failed" and fares["message"]["with"]["package"] == "trackio"


def test_one_that_fails_is_told_once_and_the_others_go_on(tmp_path):
    pytest.importorskip("tensorboard")
    run = new_run(tmp_path, follow=["tensorboard", "trackio"])
    (run.parent.parent / "following").write_text("a file where the folder should be")
    say(run, stepped(1), FINISHED)
    for name in ("trackio", "tensorboard"):
        follow(str(run), name)
    states = {one["name"]: one["state"] for one in told(run)}
    assert states == {"tensorboard": "done", "trackio": "failed"}
    assert not (run / "error.txt").exists()


def test_a_follower_is_a_process_of_its_own_that_reads_a_run_while_it_works(tmp_path):
    pytest.importorskip("tensorboard")
    run = new_run(tmp_path)
    begun = time.monotonic()
    [process] = begin(run, {"settings": {"follow": ["tensorboard"]}})
    assert time.monotonic() - begun < 2.0  # nobody waits for it
    say(run, stepped(1), stepped(2))
    say(run, stepped(3), FINISHED)
    assert process.wait(timeout=60) == 0, (run / "following" / "tensorboard.log").read_text()
    assert [step for step, _ in scalars(run)["learning/loss"]] == [1, 2, 3]


def test_mlflow_keeps_the_runs_of_a_project_in_one_file(tmp_path):
    pytest.importorskip("mlflow")
    pytest.importorskip("sqlalchemy")
    run = new_run(tmp_path, follow=["mlflow"])
    say(run, stepped(1), CHECKED)
    follow(str(run), "mlflow", patience=0.0)
    say(run, stepped(3), FINISHED)
    follow(str(run), "mlflow")
    from mlflow.tracking import MlflowClient

    [fares] = told(run)
    client = MlflowClient(tracking_uri=fares["where"])
    [kept] = client.search_runs([client.get_experiment_by_name("project").experiment_id])
    assert (kept.info.status, kept.data.metrics["test/accuracy"]) == ("FINISHED", 0.8)
    assert [m.step for m in client.get_metric_history(kept.info.run_id, "learning/loss")] == [1, 3]
    assert kept.data.params["learning_rate"] == "3e-05" and "somebody" not in str(kept.data.params)


def test_every_follower_of_the_table_is_one_of_the_choices():
    from core.settings import knobs
    from core.training.settings import TrainingSettings

    [knob] = [k for k in knobs(TrainingSettings) if k.name == "follow"]
    assert list(knob.choices) == list(FOLLOWERS) == list(followers.FOLLOWERS)
