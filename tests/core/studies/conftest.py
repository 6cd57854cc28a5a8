"""A project with texts, and an engine and a director on its home that end with the test."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from core import projects
from core.projects import Project
from core.studies.director import Director
from core.training.engine import Engine
from core.workspace import Workspace


@pytest.fixture
def project(workspace: Workspace, telling: Callable[[int], list[dict[str, str]]]) -> Project:
    """120 texts of three labels, with splits of their own."""
    made = projects.create(workspace, "Messages")
    table = made.folder / "messages.csv"
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["text", "label", "split"])
        writer.writeheader()
        writer.writerows(telling(120))
    made.dataset().add(table, "messages.csv")
    return made


@pytest.fixture
def directing(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Director]]:
    """directing() is a director with an engine in this process; the one before is closed first. Runs are carried out by the small worker of
    the engine's own tests, which says what a real one says, without a model; with `real=True` by real workers in processes of their own."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "training"))
    made: list[Any] = []

    def close() -> None:
        while made:
            director, engine = made.pop()
            director.close()
            engine.close(wait=60)

    def make(real: bool = False, **how: Any) -> Director:
        close()
        carried_out: dict[str, Any] = {} if real else {"inline": True, "worker": "toy_worker:counting"}
        engine = Engine(workspace.home, warm=False, **carried_out, **how)
        director = Director(engine, workspace.home)
        made.append((director, engine))
        return director

    yield make
    close()
