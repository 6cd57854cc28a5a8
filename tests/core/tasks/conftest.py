"""For the tests of tasks."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from contract_rows import ROWS

from core.models import blank
from core.tasks.base import Task

BLANK = {"causal": "causal", "encoder-decoder": "seq2seq", "image": "image"}  # family -> kind of blank model


@pytest.fixture(scope="session")
def base_of(tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Task], Path]:
    """A tiny real base that serves a task."""
    made: dict[str, Path] = {"encoder": tiny_encoder}

    def base(task: Task) -> Path:
        if task.family not in made:
            folder = tmp_path_factory.mktemp("blank") / task.family
            texts = [json.dumps(row, ensure_ascii=False) for row in ROWS[task.name](folder.parent)]
            blank.make(BLANK[task.family], "tiny", texts, folder)  # type: ignore[arg-type]
            made[task.family] = folder
        return made[task.family]

    return base
