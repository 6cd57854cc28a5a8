"""A base that gets to know the texts before it learns from labels: which texts it reads, what comes of it, and that it can be interrupted."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pyarrow as pa
import pytest
from run_folders import events, opinions
from safetensors.numpy import load_file

from core import tasks
from core.data.dataset import Dataset
from core.models.catalogue import Base, find
from core.models.loading import load_model
from core.tasks import guessing
from core.training import adapting, runs
from core.training.estimate import Counts, estimated
from core.training.settings import TrainingSettings
from core.training.worker import worker
from core.workspace import write_text

HOW = {"learning_rate": 3e-3, "epochs": 1, "batch_size": 8, "save_seconds": 0.0, "adapt_rounds": 2.0}
WITHOUT = 30  # texts without a label


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """Opinions with their splits, and some that nobody has labelled."""
    data = Dataset.open(tmp_path / "data")
    for split in ("train", "validation", "test"):
        lines = [f"{row['text']},{row['label']}" for row in opinions() if row["split"] == split]
        if split == "train":
            lines += [f"very {row['text']} the," for row in opinions(WITHOUT, seed=9)]
        path = tmp_path / f"{split}.csv"
        path.write_text("text,label\n" + "\n".join(lines) + "\n", encoding="utf-8")
        data.add(path, path.name, split=split)
    guessing.settle(data, "classification")
    return data


def made(tmp_path: Path, dataset: Dataset, base: Path, **settings) -> Path:
    found = runs.create(
        tmp_path / "project", name="x", task="classification", base=find(str(base)), preset="own", dataset=dataset, threads=1,
        settings=TrainingSettings(**{**HOW, **settings}), phases=[{"method": "full", "settings": {}, "fresh": False}],
    )  # fmt: skip
    return found.folder


def plain(folder: Path) -> list[dict[str, str]]:
    with pa.memory_map(str(folder / adapting.FOLDER / "rows.arrow")) as source:
        return pa.ipc.open_file(source).read_all().to_pylist()


def test_it_reads_all_texts_but_those_that_are_kept_aside(tmp_path, dataset, tiny_encoder):
    rows = plain(made(tmp_path, dataset, tiny_encoder))
    texts = {row["text"] for row in rows}
    aside = {row["text"] for row in opinions() if row["split"] != "train"}
    learnt = {row["text"] for row in opinions() if row["split"] == "train"}
    assert learnt <= texts and not (aside - learnt) & texts
    assert sum(text.startswith("very ") and text.endswith(" the") for text in texts) >= WITHOUT
    assert len(rows) == len(texts) and {row["split"] for row in rows} == {"train", "validation"}
    held = [row for row in rows if row["split"] == "validation"]
    assert len(held) == len(rows) // 20


def test_the_base_has_changed_before_it_is_tuned_and_the_model_is_whole(tmp_path, dataset, tiny_encoder, monkeypatch):
    folder = made(tmp_path, dataset, tiny_encoder)
    sources: list[str] = []
    opened = adapting.base_of

    def told_of(base: Base, at: Path) -> Base:
        sources.append(opened(base, at).source)
        return opened(base, at)

    monkeypatch.setattr(adapting, "base_of", told_of)
    worker(str(folder))
    assert sources == [str(tiny_encoder), str(folder / adapting.FOLDER / "model")]
    told = [e for e in events(folder, "preparing") if e["what"] == "adapting"]
    assert told and told[-1]["done"] == told[-1]["total"] > 1
    assert next(e["step"] for e in events(folder, "stepped")) == 1  # the run's own steps count from one
    assert events(folder)[-1]["kind"] == "finished" and not (folder / adapting.FOLDER).exists()
    assert set(load_model(folder / "model").labels) == {"bad", "good"}


def test_it_learns_to_guess_and_other_weights_come_out(tmp_path, dataset, tiny_encoder):
    folder = made(tmp_path, dataset, tiny_encoder, adapt_rounds=12.0, adapt_learning_rate=3e-3)
    scores: list[float] = []
    best: list[bool] = []

    def hear(event) -> None:
        if event.kind == "evaluated":
            scores.append(event.scores["perplexity"])
            best.append(event.best)

    from core.training.worker import open_and_carry_on

    inner = folder / adapting.FOLDER
    open_and_carry_on(inner, hear, False, control=folder)
    assert scores[-1] < scores[0] and not adapting.waits(folder)
    assert best == [score == min(scores[: i + 1]) for i, score in enumerate(scores)]
    before, after = (load_file(place / "model.safetensors") for place in (tiny_encoder, inner / "model"))
    layers = [name for name in before if "encoder.layer" in name]
    assert layers and all((before[name] != after["bert." + name]).any() for name in layers if name.endswith("weight"))


@pytest.mark.parametrize(("word", "last"), [("leave", "preparing"), ("discard", "stopped"), ("stop", "stopped")])
def test_a_persons_word_ends_it_and_it_goes_on_where_it_was(word, last, tmp_path, dataset, tiny_encoder):
    folder = made(tmp_path, dataset, tiny_encoder, adapt_rounds=20.0)

    def watch() -> None:
        while not any(e["what"] == "adapting" and e["done"] > 3 for e in events(folder, "preparing")):
            time.sleep(0.005)
        write_text(folder / "control", word)

    threading.Thread(target=watch, daemon=True).start()
    worker(str(folder))
    kinds = [e["kind"] for e in events(folder)]
    assert kinds[-1] == last and "began" not in kinds
    if word != "leave":
        assert not events(folder, "stopped")[-1]["kept"]
        return
    before = len(events(folder))
    copies = [
        int(place.name.rpartition("-")[2]) for place in (folder / adapting.FOLDER / "checkpoints").glob("*-step-*")
    ]
    (folder / "control").unlink()
    worker(str(folder))
    again = [e["done"] for e in events(folder)[before:] if e["kind"] == "preparing" and e["what"] == "adapting"]
    assert events(folder)[-1]["kind"] == "finished" and again[0] == max(copies) + 1 > 1


@pytest.mark.parametrize("how", [{"adapt_rounds": 0.0}, {"method": "head"}])
def test_nobody_reads_ahead_who_was_not_asked_to(how, tmp_path, dataset, tiny_encoder):
    assert not (made(tmp_path, dataset, tiny_encoder, **how) / adapting.FOLDER).exists()


def test_it_suits_tasks_that_judge_texts_with_an_encoder():
    wanted = TrainingSettings(adapt_rounds=1.0)
    suits = {name for name in tasks.TASKS if adapting.is_wanted(wanted, "encoder", name)}
    assert {"classification", "tokens", "pairs", "retrieval", "ranking"} <= suits
    assert not suits & {"images", "chat", "language", "masked", "text2text", "preferences"}
    assert not adapting.is_wanted(wanted, "classic", "classification")


def test_the_estimate_counts_it():
    measured = {"kind": "encoder", "load": 1.0, "encode": 0.0, "forward": [0.0, 1e-5], "step": [0.0, 1e-4], "lengths": [10, 20, 30],
                "iteration": 0.0, "memory": 1, "memory_total": 2, "fixed": 1, "tokens": 100, "measured_steps": 3}  # fmt: skip
    phases = [{"method": "full", "settings": {}, "fresh": False}]
    counts = Counts(1_000, 0, 0, 2, plain=4_000)

    def seconds(**how) -> float:
        return float(estimated(measured, TrainingSettings(epochs=1.0, **how), phases, counts)["seconds"])

    once = seconds() - 3.0  # less loading and ending
    more = seconds(adapt_rounds=1.0) - seconds()
    assert more == pytest.approx(4 * 2.1 * once, rel=0.15)
    assert seconds(adapt_rounds=3.0) - seconds() - 2.0 == pytest.approx(3 * (more - 2.0), rel=0.02)  # less saving, once
