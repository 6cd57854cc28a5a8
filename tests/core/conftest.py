"""For the tests of core."""

from __future__ import annotations

import csv
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from core.training.runs import Run
from core.workspace import Workspace


@pytest.fixture
def until() -> Callable[..., None]:
    """Wait for something that other processes bring about; fails loudly when it does not come."""

    def wait(true: Callable[[], Any], seconds: float = 20.0) -> None:
        end = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < end, "it did not come about"
            time.sleep(0.01)

    return wait


# Finished runs, made once: for what comes after training ------------------------------------------------------------

TELLING = {
    "praise": "good great happy movie film love",
    "lost card": "card lost bank pay money late",
    "bicycle": "bike wheel red blue green order",
}
FILLERS = ("the", "a", "of", "is", "it", "this", "not")


def telling_texts(count: int = 330) -> list[dict[str, str]]:
    """Made-up texts of three labels; one in twelve carries a wrong label, so that nothing is told apart perfectly."""
    dice = random.Random(11)
    rows = []
    for i in range(count):
        label = dice.choice(list(TELLING))
        words = dice.choices(TELLING[label].split(), k=dice.randint(2, 9)) + dice.choices(FILLERS, k=3)
        dice.shuffle(words)
        shown = dice.choice(list(TELLING)) if dice.random() < 1 / 12 else label
        rows.append(
            {"text": " ".join(words), "label": shown, "split": ("train", "train", "train", "validation", "test")[i % 5]}
        )
    return rows


@pytest.fixture(scope="session")
def telling() -> Callable[[int], list[dict[str, str]]]:
    """telling(300): so many made-up texts with labels and splits."""
    return telling_texts


@pytest.fixture(scope="session")
def make_run(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Run]:
    """A finished run by the real worker, on real rows of a real data set: make_run(base, phases=["head"], **settings)."""
    from core import projects
    from core.models.catalogue import find
    from core.training import runs
    from core.training.settings import TrainingSettings
    from core.training.worker import worker

    workspace = Workspace.open(tmp_path_factory.mktemp("finished") / "home")

    def make(base: str | Path, phases: Sequence[str], rows: list[dict[str, str]] | None = None, **settings: Any) -> Run:
        project = projects.create(workspace, "Messages")
        table = project.folder / "messages.csv"
        with table.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, ["text", "label", "split"])
            writer.writeheader()
            writer.writerows(rows or telling_texts())
        project.dataset().add(table, "messages.csv")
        known = find(str(base))
        run = runs.create(
            project.folder,
            name="A run of tests",
            task="classification",
            base=known,
            settings=TrainingSettings(base=known.id, max_length=32, least_count=1, **settings),
            phases=[{"method": name, "settings": {}, "fresh": False} for name in phases],
            preset="own",
            dataset=project.dataset(),
            threads=1,
        )
        worker(str(run.folder))
        assert run.view().state == "finished", run.error
        return run

    return make


@pytest.fixture(scope="session")
def classic_run(make_run: Callable[..., Run]) -> Run:
    return make_run("classic:ngram", ["head"])


@pytest.fixture(scope="session")
def probe_run(make_run: Callable[..., Run], tiny_encoder: Path) -> Run:
    """Only the last layer was learnt."""
    return make_run(tiny_encoder, ["head"], method="head")


@pytest.fixture(scope="session")
def tuned_run(make_run: Callable[..., Run], tiny_encoder: Path) -> Run:
    """A pooled head, fitted first and tuned then."""
    return make_run(tiny_encoder, ["head", "full"], epochs=2.0, learning_rate=1e-3)


@pytest.fixture(scope="session")
def standard_run(make_run: Callable[..., Run], tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A base with a classification head of its own, tuned without a probe."""
    import torch
    from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

    folder = tmp_path_factory.mktemp("tiny-standard")
    AutoTokenizer.from_pretrained(tiny_encoder).save_pretrained(folder)
    torch.manual_seed(2)
    config = BertConfig.from_pretrained(tiny_encoder, num_labels=3)
    BertForSequenceClassification(config).save_pretrained(folder, safe_serialization=True)
    return make_run(folder, ["full"], epochs=2.0, learning_rate=1e-3, start_from_probe=False)
