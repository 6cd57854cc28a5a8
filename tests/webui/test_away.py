"""What the page says about taking a model away, for every task: how the copy is asked, and the same job on the command line."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from contract_rows import write_run

from core.export.recipe import read_recipe, recipe_of
from core.tasks import TASKS
from core.tasks.base import asked
from core.training.runs import Run
from webui.tabs import away


@pytest.mark.parametrize("name", list(TASKS))
def test_the_copy_of_every_task_says_how_it_is_asked(name: str, tiny_encoder: Path, tmp_path: Path):
    write_run(tmp_path / "run", TASKS[name], tiny_encoder)
    run = Run(tmp_path / "run")
    words = shlex.split(away._use(run))
    assert words[:2] == ["python", "predict.py"] and words[2]
    others = [column.role for column in asked(TASKS[name]) if column.required][1:]
    assert [word.partition("=")[0] for word in words[4::2]] == others and words[3::2] == ["--input"] * len(others)


@pytest.mark.parametrize("name", list(TASKS))
def test_the_command_trains_with_a_recipe_that_brings_task_and_columns(name: str, tiny_encoder: Path, tmp_path: Path):
    write_run(tmp_path / "run", TASKS[name], tiny_encoder)
    run = Run(tmp_path / "run")
    first = away._command(run).splitlines()[0]
    assert first.startswith("hone train rows.csv") and first.endswith("--recipe recipe.yaml")
    recipe = read_recipe(recipe_of(run.spec, name=run.name))
    assert (recipe.task, recipe.problems) == (name, [])
