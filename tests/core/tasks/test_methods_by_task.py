"""A way to tune that is merged, and one that is not, on tasks of every shape: a short run that is kept and opened again."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from contract_rows import events, write_run

from core.inference import Predictor
from core.models.catalogue import find
from core.models.methods import METHODS
from core.tasks import TASKS
from core.training.advice import Machine
from core.training.worker import worker
from core.workspace import read_json, write_json

SHORT = {
    "start_from_probe": False,
    "length": "steps",
    "steps": 3,
    "learning_rate": 1e-2,
    "lora_rank": 2,
    "virtual_words": 3,
}
SOME = (
    "regression",
    "pairs",
    "retrieval",
    "tokens",
    "answers",
    "masked",
    "chat",
    "text2text",
    "images",
)  # one of each shape


@pytest.mark.parametrize("name", SOME)
def test_a_short_run_is_kept_and_opened_again(name: str, base_of, tmp_path: Path):
    task = TASKS[name]
    how = "ia3" if len(name) % 2 else "lora"
    for way in (how, "prefix"):
        if METHODS[way].suits(find(str(base_of(task))), task, Machine()):
            continue
        folder = tmp_path / way
        write_run(folder, task, base_of(task), **SHORT, method=way)
        spec = read_json(folder / "run.json")
        write_json(folder / "run.json", {**spec, "phases": [{"method": way, "settings": {}, "fresh": False}]})
        worker(str(folder))
        (end,) = events(folder, "finished")
        assert all(math.isfinite(value) for value in end["scores"].values())
        told = read_json(folder / "model" / "hone.json")
        assert ("added" in told) == (way == "prefix") and told["method"] == way
        assert way == "prefix" or told["merged"]["difference"] < 1e-4 * max(1.0, told["merged"]["largest"])
        assert Predictor.open(folder / "model") is not None
