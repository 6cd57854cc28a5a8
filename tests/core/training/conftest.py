"""Runs whose worker is a tiny real one (toy_worker.py), and engines that end with the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from core import processes
from core.training.engine import Engine
from core.training.runs import Run
from core.training.settings import TrainingSettings
from core.workspace import Workspace, new_id, write_json


@pytest.fixture
def new_run(workspace: Workspace) -> Callable[..., Run]:
    """A run folder as `create` writes it, without texts: the toy worker reads none."""

    def make(**settings: Any) -> Run:
        folder = workspace.projects / "p" / "runs" / new_id("run")
        folder.mkdir(parents=True)
        values = TrainingSettings(**{"steps": 20, **settings}).model_dump()
        spec = {
            "format": 1,
            "id": folder.name,
            "name": "toy",
            "task": "classification",
            "settings": values,
            "threads": 1,
        }
        write_json(folder / "run.json", spec)
        return Run(folder)

    return make


@pytest.fixture
def new_engine(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Engine]]:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    spare = processes.Warm(threads=1, preload=())
    made: list[Engine] = []

    def make(worker: str = "counting", **how: Any) -> Engine:
        engine = Engine(workspace.home, worker=f"toy_worker:{worker}", spare=spare, **how)
        made.append(engine)
        return engine

    yield make
    for engine in made:
        engine.close(wait=5)
    spare.close()
