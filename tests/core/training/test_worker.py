"""Whole runs of tiny models, from their folder to their end: what is said, what is kept, and what a person's word does."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest
from run_folders import events, last_events, opinions, weights, write_run

from core.errors import RunError
from core.models.loading import load_model
from core.training.events import from_line
from core.training.runs import Run
from core.training.view import fold
from core.training.worker import worker
from core.workspace import read_json, write_json, write_text

TUNING = {"learning_rate": 3e-3, "epochs": 3, "batch_size": 8, "save_seconds": 0.0}


def carried_out(folder: Path) -> Path:
    worker(str(folder))
    return folder


def word_at(folder: Path, word: str, kind: str, count: int = 1) -> threading.Thread:
    """Leave a control word when the run has said something for the n-th time."""

    def watch() -> None:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            if len(events(folder, kind)) >= count:
                write_text(folder / "control", word)
                return
            time.sleep(0.005)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    return thread


def broken_off_and_gone_on(folder: Path, checks: int) -> Path:
    """The run, left after so many checks and carried on by another worker."""
    word_at(folder, "leave", "evaluated", count=checks)
    carried_out(folder)
    assert not events(folder, "finished")
    (folder / "control").unlink(missing_ok=True)
    carried_out(folder)
    assert events(folder, "resumed")
    return folder


def test_a_run_of_two_phases_ends_with_a_model_and_test_scores(tiny_encoder, tmp_path):
    folder = carried_out(write_run(tmp_path / "run", tiny_encoder, ["head", "full"], watched=["1:3", "1:8"], **TUNING))
    said = events(folder)
    assert [e["kind"] for e in said][:2] == ["started", "preparing"]
    assert [(e["phase"], e["method"]) for e in said if e["kind"] == "began"] == [(0, "head"), (1, "full")]
    assert said[-1]["kind"] == "finished"
    assert said[-1]["test"]["accuracy"] > 0.8
    steps = [e["step"] for e in said if "step" in e and e["kind"] in ("stepped", "evaluated")]
    assert steps == sorted(steps)
    model = load_model(folder / "model")
    tests = [row for row in opinions() if row["split"] == "test"]
    right = model.probabilities([r["text"] for r in tests]).argmax(1) == [model.labels.index(r["label"]) for r in tests]
    assert right.mean() == pytest.approx(said[-1]["test"]["accuracy"])
    assert not (folder / "checkpoints").exists() and not (folder / "features").exists()


def test_every_check_tells_scores_watched_texts_and_shares_by_label(tiny_encoder, tmp_path):
    folder = carried_out(write_run(tmp_path / "run", tiny_encoder, ["head", "full"], watched=["1:3", "1:8"], **TUNING))
    for check in events(folder, "evaluated"):
        assert set(check["scores"]) == {"accuracy", "macro_f1", "loss"}
        assert list(check["watched"]) == ["1:3", "1:8"]
        assert all(0 <= w["probability"] <= 1 and w["label"] in ("good", "bad") for w in check["watched"].values())
        assert set(check["per_label"]) == {"good", "bad"}


def test_the_model_kept_is_the_best_moment_of_all_phases(tiny_encoder, tmp_path):
    phases = ["head", {"method": "full", "settings": {"learning_rate": 3e-3}, "fresh": False},
              {"method": "full", "settings": {"learning_rate": 1.0}, "fresh": True}]  # fmt: skip
    folder = carried_out(write_run(tmp_path / "run", tiny_encoder, phases, **{**TUNING, "clip_norm": 0.0}))
    finished = events(folder, "finished")[0]
    best = [e for e in events(folder, "evaluated") if e["best"]][-1]
    assert finished["scores"] == best["scores"]
    assert finished["best_step"] == best["step"]
    rows = [row for row in opinions() if row["split"] == "validation"]
    model = load_model(folder / "model")
    p = model.probabilities([r["text"] for r in rows])[range(len(rows)), [model.labels.index(r["label"]) for r in rows]]
    assert -np.log(p).mean() == pytest.approx(best["scores"]["loss"], abs=1e-4)


def test_the_same_run_twice_gives_the_same_bits(tiny_encoder, tmp_path):
    one = carried_out(write_run(tmp_path / "one", tiny_encoder, ["head", "full"], **TUNING))
    other = carried_out(write_run(tmp_path / "other", tiny_encoder, ["head", "full"], **TUNING))
    assert weights(one) == weights(other)


@pytest.mark.parametrize("phases", [["full"], ["head", "lora"], ["head", "top"], ["full", "lora"]])
def test_every_method_learns_and_is_kept_whole(phases, tiny_encoder, tmp_path):
    folder = write_run(tmp_path / "run", tiny_encoder, phases, top_layers=1, start_from_probe=False, **TUNING)
    carried_out(folder)
    finished, model = events(folder, "finished")[0], load_model(folder / "model")
    rows = [row for row in opinions() if row["split"] == "test"]
    p = model.probabilities([r["text"] for r in rows])[range(len(rows)), [model.labels.index(r["label"]) for r in rows]]
    assert -np.log(p).mean() == pytest.approx(finished["test"]["loss"], abs=1e-4)


@pytest.mark.parametrize("name", ["adamw", "adam", "sgd", "adafactor"])
@pytest.mark.parametrize("how", [{"schedule": "cosine", "loss": "focal", "focal_alpha": 0.6, "class_weights": "sqrt"}])
def test_every_rule_for_the_steps_works_with_every_loss(name, how, tiny_encoder, tmp_path):
    folder = write_run(tmp_path / "run", tiny_encoder, ["full"], **{**TUNING, **how, "optimizer": name, "epochs": 1})
    assert events(carried_out(folder), "finished")


def test_tuning_that_wants_a_probe_gets_one(tiny_encoder, tmp_path):
    folder = carried_out(write_run(tmp_path / "run", tiny_encoder, ["full"], **TUNING))
    assert [e["method"] for e in events(folder, "began")] == ["head", "full"]
    assert "probe_first" in [e["code"] for e in events(folder, "noticed")]


def test_a_classic_run_is_one_fit_and_serves_chinese(tmp_path):
    dice = np.random.default_rng(1)
    rows = []
    for i in range(90):
        label = ("好", "差")[i % 2]
        text = "".join(dice.choice(list("房间服务" + ("干净满意" if label == "好" else "脏乱失望")), 8))
        rows.append(
            {
                "id": f"1:{i}",
                "text": text,
                "label": label,
                "split": ("train", "train", "validation", "test")[i % 4 if i < 88 else 0],
            }
        )
    folder = carried_out(write_run(tmp_path / "run", "classic:ngram", ["head"], rows))
    finished = events(folder, "finished")[0]
    assert finished["test"]["accuracy"] > 0.9
    model = load_model(folder / "model")
    assert model.kind == "classic"
    assert read_json(folder / "model" / "vocabulary.json")["words"] is None
    assert len(events(folder, "stepped")) >= 1 and len(events(folder, "evaluated")) >= 3


def test_the_probe_opens_like_a_model_and_holds_only_the_last_layer(tiny_encoder, tmp_path):
    folder = carried_out(write_run(tmp_path / "run", tiny_encoder, ["head", "full"], **TUNING))
    assert {p.name for p in (folder / "probe").iterdir()} == {"hone.json", "head.safetensors"}
    rows = [row for row in opinions() if row["split"] == "validation"]
    model = load_model(folder / "probe")
    right = model.probabilities([r["text"] for r in rows]).argmax(1) == [model.labels.index(r["label"]) for r in rows]
    before = fold(map(from_line, events(folder))).before
    assert right.mean() == pytest.approx(before["accuracy"])


def test_a_given_restraint_is_the_only_one_tried(tiny_encoder, tmp_path):
    folder = carried_out(write_run(tmp_path / "run", tiny_encoder, ["head"], regularization=0.5))
    assert read_json(folder / "probe" / "hone.json")["regularization"] == 0.5


def test_without_validation_the_last_moment_is_kept_and_said(tiny_encoder, tmp_path):
    rows = [{**row, "split": "train" if row["split"] == "validation" else row["split"]} for row in opinions()]
    folder = carried_out(write_run(tmp_path / "run", tiny_encoder, ["head", "full"], rows, **TUNING))
    assert "no_validation" in [e["code"] for e in events(folder, "noticed")]
    finished = events(folder, "finished")[0]
    assert finished["best_step"] == finished["step"]
    assert finished["scores"] == {}
    assert finished["test"]["accuracy"] > 0.8


def test_without_a_test_split_there_are_no_test_scores(tiny_encoder, tmp_path):
    rows = [row for row in opinions() if row["split"] != "test"]
    folder = carried_out(write_run(tmp_path / "run", tiny_encoder, ["head"], rows))
    assert events(folder, "finished")[0]["test"] == {}


def test_a_rate_beyond_reason_keeps_the_probe(tiny_encoder, tmp_path):
    settings = {**TUNING, "learning_rate": 0.1, "optimizer": "sgd", "clip_norm": 0.0, "warmup": 0.0, "epochs": 20}
    folder = carried_out(write_run(tmp_path / "run", tiny_encoder, ["head", "full"], **settings))
    finished = events(folder, "finished")[0]
    assert finished["test"]["accuracy"] > 0.7
    assert np.isfinite(load_model(folder / "model").probabilities(["good film"])).all()


def test_pause_waits_and_resume_goes_on_to_the_same_bits(tiny_encoder, tmp_path):
    settings = {**TUNING, "epochs": 10, "patience": 0}
    whole = carried_out(write_run(tmp_path / "whole", tiny_encoder, ["head", "full"], **settings))
    folder = write_run(tmp_path / "run", tiny_encoder, ["head", "full"], **settings)
    word_at(folder, "pause", "stepped", len(events(whole, "stepped")) // 2 + 1)
    thread = threading.Thread(target=worker, args=(str(folder),))
    thread.start()
    until = time.monotonic() + 60
    while not events(folder, "paused") and thread.is_alive() and time.monotonic() < until:
        time.sleep(0.01)
    said = [event["kind"] for event in events(folder) if event["kind"] != "saved"]
    assert said[-1] == "paused", "it must wait, and take no further step"
    write_text(folder / "control", "resume")
    thread.join(60)
    assert events(folder, "finished")
    assert weights(folder) == weights(whole)


def test_leaving_and_coming_back_ends_with_the_same_bits(tiny_encoder, tmp_path):
    settings = {**TUNING, "epochs": 10, "patience": 0}
    whole = carried_out(write_run(tmp_path / "whole", tiny_encoder, ["head", "full"], **settings))
    folder = write_run(tmp_path / "run", tiny_encoder, ["head", "full"], **settings)
    word_at(folder, "leave", "began", 2)
    worker(str(folder))
    assert not events(folder, "finished") and not events(folder, "stopped")
    (folder / "control").unlink()
    worker(str(folder))
    assert weights(folder) == weights(whole)
    assert [e["scores"] for e in last_events(folder, "evaluated") if e["step"] > 40] == [
        e["scores"] for e in events(whole, "evaluated") if e["step"] > 40
    ]


def test_stop_keeps_the_best_moment(tiny_encoder, tmp_path):
    folder = write_run(tmp_path / "run", tiny_encoder, ["head", "full"], **{**TUNING, "epochs": 200, "patience": 0})
    word_at(folder, "stop", "began", 2)
    worker(str(folder))
    stopped = events(folder)[-1]
    assert (stopped["kind"], stopped["kept"]) == ("stopped", True)
    assert load_model(folder / "model").probabilities(["good"]).shape == (1, 2)
    assert not (folder / "checkpoints").exists()


def test_discard_keeps_nothing(tiny_encoder, tmp_path):
    folder = write_run(tmp_path / "run", tiny_encoder, ["head", "full"], **{**TUNING, "epochs": 200, "patience": 0})
    word_at(folder, "discard", "began", 2)
    worker(str(folder))
    stopped = events(folder)[-1]
    assert (stopped["kind"], stopped["kept"]) == ("stopped", False)
    assert not (folder / "model").exists() and not (folder / "checkpoints").exists()


def test_stop_before_anything_is_learnt_keeps_nothing(tiny_encoder, tmp_path):
    folder = write_run(tmp_path / "run", tiny_encoder, ["head", "full"], **TUNING)
    write_text(folder / "control", "discard")
    worker(str(folder))
    assert events(folder)[-1]["kept"] is False


def test_a_finished_run_is_left_alone(tiny_encoder, tmp_path):
    folder = carried_out(write_run(tmp_path / "run", tiny_encoder, ["head"]))
    before = (folder / "events.jsonl").read_bytes()
    worker(str(folder))
    assert (folder / "events.jsonl").read_bytes() == before


def test_another_number_of_threads_is_said_to_be_not_bit_exact(tiny_encoder, tmp_path):
    folder = write_run(tmp_path / "run", tiny_encoder, ["head", "full"], **TUNING)
    word_at(folder, "leave", "began", 2)
    worker(str(folder))
    (folder / "control").unlink()
    write_json(folder / "run.json", {**read_json(folder / "run.json"), "threads": 2})
    worker(str(folder))
    (notice,) = [e for e in events(folder, "noticed") if e["code"] == "not_bit_exact"]
    assert notice["values"] == {"what": "threads", "before": 1, "now": 2}
    assert events(folder, "finished")


def test_an_early_stop_is_told_and_keeps_the_best(tiny_encoder, tmp_path):
    settings = {**TUNING, "epochs": 60, "patience": 2, "evaluations": 1}
    folder = carried_out(write_run(tmp_path / "run", tiny_encoder, ["head", "full"], **settings))
    codes = [e["code"] for e in events(folder, "noticed")]
    assert "early_stop" in codes
    assert events(folder, "finished")[0]["step"] < 60 * 9


def test_texts_chosen_meanwhile_are_watched_from_the_next_check_on(tiny_encoder, tmp_path):
    folder = write_run(tmp_path / "run", tiny_encoder, ["head"], watched=["1:3"])
    write_json(folder / "watched.json", {"format": 1, "rows": ["1:8"]})
    carried_out(folder)
    assert {tuple(e["watched"]) for e in events(folder, "evaluated")} == {("1:8",)}


def test_rows_of_one_label_are_refused_with_the_reason(tiny_encoder, tmp_path):
    rows = [{**row, "label": "good"} for row in opinions()]
    folder = write_run(tmp_path / "run", tiny_encoder, ["head"], rows, labels=["bad", "good"])
    with pytest.raises(RunError, match="nothing to tell apart"):
        worker(str(folder))


def test_the_page_can_fold_all_that_a_run_says(tiny_encoder, tmp_path):
    folder = carried_out(write_run(tmp_path / "run", tiny_encoder, ["head", "full"], **TUNING))
    view = fold(map(from_line, events(folder)))
    assert view.state == "finished"
    assert view.seconds > 0
    assert Run(folder).has_model
