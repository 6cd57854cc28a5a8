"""On a GPU: half the bits where they are supported, memory given back, and a batch that is too large made smaller."""

from __future__ import annotations

import pytest
import torch
from run_folders import events, opinions, write_run

from core.device import choose, give_back
from core.models.loading import load_model
from core.training.settings import TrainingSettings
from core.training.worker import worker

pytestmark = pytest.mark.gpu

TUNING = {"learning_rate": 1e-3, "epochs": 2, "batch_size": 16}


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_a_run_learns_in_every_precision(precision, tiny_encoder, tmp_path):
    folder = write_run(tmp_path / "run", tiny_encoder, ["head", "full"], precision=precision, **TUNING)
    worker(str(folder))
    device = events(folder, "began")[-1]["settled"]["device"]
    assert device["name"] == "cuda:0"
    assert device["precision"] in (precision, "fp16")
    assert events(folder, "finished")[0]["test"]["accuracy"] > 0.8
    assert events(folder, "stepped")[-1]["memory_total"] == torch.cuda.mem_get_info()[1]


def test_bf16_and_fp32_answer_alike(tiny_encoder, tmp_path):
    folder = write_run(tmp_path / "run", tiny_encoder, ["head", "full"], precision="fp32", **TUNING)
    worker(str(folder))
    texts = [row["text"] for row in opinions()]
    exact = load_model(folder / "model", choose(TrainingSettings(precision="fp32"))).probabilities(texts)
    short = load_model(folder / "model", choose(TrainingSettings(precision="bf16"))).probabilities(texts)
    assert abs(exact - short).max() < 0.05


def test_the_memory_is_given_back(tiny_encoder, tmp_path):
    give_back(choose())
    before = torch.cuda.memory_reserved()
    worker(str(write_run(tmp_path / "run", tiny_encoder, ["head", "full"], **TUNING)))
    give_back(choose())
    assert torch.cuda.memory_reserved() <= before + 2**21


def test_short_memory_makes_smaller_batches_and_goes_on(tmp_path):
    rows = [{**row, "text": row["text"] * 60} for row in opinions(600)]
    settings = {"epochs": 1, "batch_size": 256, "max_length": 512, "precision": "fp32", "start_from_probe": False}
    folder = write_run(tmp_path / "run", "bundled:all-MiniLM-L6-v2", ["full"], rows, **settings)
    total = torch.cuda.mem_get_info()[1]
    torch.cuda.set_per_process_memory_fraction(min(1.0, 6e9 / total))
    try:
        worker(str(folder))
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
        give_back(choose())
    assert "out_of_memory" in [e["code"] for e in events(folder, "noticed")]
    assert events(folder, "finished")


def test_a_resumed_run_restores_the_gpus_chance(tiny_encoder, tmp_path):
    from core.training import checkpoints

    checkpoints.seed(3)
    torch.rand(3, device="cuda")
    plain, tensors = checkpoints.chance()
    expected = torch.rand(3, device="cuda")
    checkpoints.seed(4)
    checkpoints.restore_chance(plain, tensors)
    assert torch.equal(torch.rand(3, device="cuda"), expected)


def test_four_bits_learn_are_merged_and_answer_alike(tmp_path):
    pytest.importorskip("bitsandbytes")
    settings = {"method": "qlora", "learning_rate": 1e-3, "epochs": 2, "batch_size": 16, "precision": "fp32"}
    folder = write_run(tmp_path / "run", "bundled:all-MiniLM-L6-v2", ["head", "qlora"], **settings)
    worker(str(folder))
    assert events(folder, "finished")[0]["test"]["accuracy"] > 0.8
    (told,) = [e["values"] for e in events(folder, "noticed") if e["code"] == "merged"]
    assert told["difference"] < 1e-3 * max(1.0, told["largest"])
    give_back(choose())
