"""Run folders: what Start writes, and whole runs of a tiny real model through the engine."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pyarrow as pa
import pytest

from core import journal
from core.data.dataset import Dataset
from core.errors import Missing, RunError
from core.models.catalogue import CLASSIC, find
from core.training.advice import phases
from core.training.engine import Engine
from core.training.runs import Run, create, runs
from core.training.settings import TrainingSettings
from core.words import Message

GOOD = ("great movie love the film", "good good happy film", "love this awful good film", "happy great movie")
BAD = ("bad card money lost", "awful bank pay late refund", "lost box wheel sad", "sad bad bank money")


@pytest.fixture
def project(workspace) -> Path:
    """A project with 120 labelled texts in three labels, one row of them left out, one label given by hand."""
    folder = workspace.projects / "project-a"
    lines = ["text,label"]
    for n in range(40):
        lines += [f"{GOOD[n % 4]} {n},good", f"{BAD[n % 4]} {n},bad", f"the red blue bike {n},other"]
    source = workspace.home / "some.csv"
    source.write_text("\n".join(lines), encoding="utf-8")
    dataset = Dataset.open(folder / "data")
    dataset.add(source, "some.csv")
    dataset.exclude([dataset.page(0, 1).rows[0]["id"]])
    return folder


def made(project: Path, base: str, **more) -> Run:
    settings = TrainingSettings(
        base=base, **{"epochs": 2, "max_length": 16, "batch_size": 8, "save_seconds": 0.1, **more}
    )
    entry = find(base)
    return create(
        project, name="Balanced", task="classification", base=entry, settings=settings,
        phases=phases(settings, entry.kind, "balanced"), preset="balanced", changed={"epochs": 2},
        why=[Message("Because of {n}.", n=3)], dataset=Dataset.open(project / "data"), threads=1,
    )  # fmt: skip


def test_start_freezes_the_data_and_writes_everything_down(project, tiny_encoder):
    run = made(project, str(tiny_encoder))
    spec = run.spec
    with pa.memory_map(str(run.folder / "rows.arrow")) as source:
        rows = pa.ipc.open_file(source).read_all().to_pylist()
    assert len(rows) == 119, "the row that was left out is not learnt from"
    assert set(rows[0]) == {"id", "text", "label", "split"}
    assert sorted(spec["labels"]["names"]) == ["bad", "good", "other"] and len(spec["labels"]["colours"]) == 3
    assert sum(spec["data"]["counts"].values()) == 119 and spec["data"]["name"] == "some.csv"
    assert spec["base"]["id"] == str(tiny_encoder) and spec["seed"] == 7 and spec["threads"] == 1
    assert [p["method"] for p in spec["phases"]] == ["head", "full"]
    assert Message.from_json(spec["why"][0]) == Message("Because of {n}.", n=3)
    assert {"python", "torch", "transformers", "hone"} <= set(spec["versions"])
    split_of = {row["id"]: row["split"] for row in rows}
    assert spec["watched"] and {split_of[row] for row in spec["watched"]} == {"validation"}


def test_later_labelling_changes_no_run(project, tiny_encoder):
    run = made(project, str(tiny_encoder))
    before = (run.folder / "rows.arrow").read_bytes()
    dataset = Dataset.open(project / "data")
    dataset.exclude([row["id"] for row in dataset.page(0, 20).rows])
    assert (run.folder / "rows.arrow").read_bytes() == before
    assert sum(made(project, str(tiny_encoder)).spec["data"]["counts"].values()) < 119


def test_nothing_to_tell_apart_is_refused_and_leaves_no_folder(workspace, tiny_encoder):
    folder = workspace.projects / "project-b"
    source = workspace.home / "one.csv"
    source.write_text("text,label\n" + "\n".join(f"text {n},only" for n in range(20)), encoding="utf-8")
    dataset = Dataset.open(folder / "data")
    dataset.add(source, "one.csv")
    dataset.set_roles({"label": "label"})
    with pytest.raises(RunError, match="at least two labels"):
        made(folder, str(tiny_encoder))
    assert runs(folder) == [] and not list((folder / "runs").iterdir())


def test_runs_are_listed_newest_first_and_carry_notes(project, tiny_encoder):
    first, second = made(project, str(tiny_encoder)), made(project, str(tiny_encoder))
    assert [run.id for run in runs(project)] == [second.id, first.id]
    assert first.name == "Balanced" and first.notes == {"name": "", "note": "", "starred": False}
    first.set_notes(name=" Mine ", starred=True)
    first.set_notes(note="good one")
    assert Run(first.folder).notes == {"name": "Mine", "note": "good one", "starred": True} and first.name == "Mine"
    with pytest.raises(Missing):
        _ = Run(project / "runs" / "run-none").spec


@pytest.fixture
def engine(workspace):
    made = Engine(workspace.home)
    yield made
    made.close(wait=10)


def test_a_real_run_goes_to_its_end_in_a_worker_process(engine, project, tiny_encoder, until):
    run = made(project, str(tiny_encoder))
    engine.start(run)
    assert engine.wait(run, 120) == "finished", run.error
    view = run.view()
    assert [p.method for p in view.phases] == ["head", "full"]
    assert view.points["step"] == sorted(view.points["step"]) and view.checks and view.before
    assert 0 <= view.test["accuracy"] <= 1 and view.best_step is not None and view.watched
    assert run.has_model and (run.folder / "worker.log").exists()
    until(lambda: not run.alive, 20)  # the process lets go of its lock a moment after its last event
    assert run.controlled() == ""


def test_a_real_run_that_is_killed_resumes_to_the_same_weights(engine, project, tiny_encoder, until):
    from safetensors.numpy import load_file

    whole, killed = made(project, str(tiny_encoder), epochs=6), made(project, str(tiny_encoder), epochs=6)
    engine.start(killed)
    until(lambda: killed.view().phase == 1 and killed.view().saved is not None and killed.view().step > 0, 120)
    pid = next(line["pid"] for line in journal.read(killed.folder / "events.jsonl")[0] if "pid" in line)
    os.kill(pid, signal.SIGKILL)
    assert engine.wait(killed, 30) in ("interrupted", "finished")
    if killed.view().state == "interrupted":
        engine.resume(killed)
    engine.start(whole)
    for run in (killed, whole):
        assert engine.wait(run, 120) == "finished", run.error
    a, b = (load_file(run.model / "model.safetensors") for run in (killed, whole))
    assert a.keys() == b.keys() and all((a[name] == b[name]).all() for name in a)
    assert killed.view().points["step"] == sorted(set(killed.view().points["step"]))


def test_a_real_run_is_paused_and_resumed_and_stopped_with_its_model(engine, project, tiny_encoder, until):
    run = made(project, str(tiny_encoder), epochs=200, patience=0)
    engine.start(run)
    until(lambda: run.view().phase == 1 and run.view().state == "running", 120)
    engine.pause(run)
    until(lambda: run.view().state == "paused")
    step = run.view().step
    engine.resume(run)
    until(lambda: run.view().step > step)
    engine.stop(run)
    assert engine.wait(run, 60) == "stopped"
    assert run.has_model


def test_a_classic_base_learns_in_one_phase(engine, project):
    run = made(project, CLASSIC, ngram_high=1)
    engine.start(run)
    assert engine.wait(run, 120) == "finished", run.error
    assert [p.method for p in run.view().phases] == ["head"] and run.view().test["accuracy"] > 0.5


def test_a_model_that_cannot_be_opened_is_a_failed_run_with_words(engine, project, tiny_encoder, tmp_path):
    import shutil

    copy = tmp_path / "base"
    shutil.copytree(tiny_encoder, copy)
    run = made(project, str(copy))
    (copy / "model.safetensors").write_bytes(b"broken")
    engine.start(run)
    assert engine.wait(run, 60) == "failed"
    failure = run.view().failure
    assert failure["message"]["say"] and failure["code"] != "error" and "Traceback" in run.error
