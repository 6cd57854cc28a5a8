"""From a file to the download on the command line, for every task of TASKS, with tiny real models. Rows stand in contract_rows.py."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from contract_rows import ROWS

from core.cli import main
from core.export import program
from core.export.checking import agree
from core.inference import Predictor
from core.models import blank
from core.tasks import TASKS

BLANK = {"causal": "causal", "encoder-decoder": "seq2seq", "image": "image"}  # family -> kind of blank model
TINY = ["--epochs", "2", "--learning-rate", "0.005", "--batch-size", "16", "--max-length", "32", "--dropout", "0"]
every_task = pytest.mark.parametrize("name", list(TASKS))


class Done:
    """What the commands left: the run's folder, what they said, and the unpacked copy."""

    def __init__(self, name: str, home: Path, base: Path):
        self.home, self.task = home, TASKS[name]
        files = home / "in"
        files.mkdir(parents=True)
        self.rows = ROWS[name](files)
        self.file = brought(self.rows, files)
        learnt = files / "flat" if self.task.prediction == "ranking" and "choices" in self.rows[0] else files
        if learnt != files:
            learnt.mkdir()
            brought(one_a_row(self.rows), learnt)
        method = ["--method", "full", "--start-from-probe", "no"]
        columns = [f for c in self.task.columns if c.role in self.rows[0] for f in ("--column", f"{c.role}={c.role}")]
        chosen = ["--task", name, "--base", str(base), *columns, "--split", "split"]
        self.trained = self.hone("train", str(learnt / self.file.name), *chosen, *method, *TINY, "--inline")
        (self.folder,) = (home / "work").glob("users/local/projects/*/runs/run-*")
        self.exported = self.hone("export", "last", "--to", str(home / "copy.zip"))
        with zipfile.ZipFile(home / "copy.zip") as archive:
            archive.extractall(home / "copy")
        (self.copy,) = (home / "copy").iterdir()

    def hone(self, command: str, *arguments: str) -> Any:
        """A command in this process; the JSON of its last line."""
        import contextlib
        import io

        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main([command, *arguments, "--workspace", str(self.home / "work"), "--json"])
        assert code == 0, err.getvalue()
        return json.loads(out.getvalue().splitlines()[-1])

    def asked(self) -> list[dict[str, Any]]:
        roles = getattr(self.task, "asks", ()) or tuple(c.role for c in self.task.columns if not c.target)
        rows = [row for row in self.rows if row["split"] == "test"]
        return [{role: row[role] for role in roles if role in row} for row in rows[:3]]


def brought(rows: list[dict[str, Any]], folder: Path) -> Path:
    """The rows as people bring them: JSON lines; pictures in a zip, beside a table of their names."""
    if "image" not in rows[0]:
        lines = [json.dumps({k: v for k, v in row.items() if k != "id"}, ensure_ascii=False) for row in rows]
        (folder / "rows.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
        return folder / "rows.jsonl"
    table = ["image,label,split", *(f"{Path(row['image']).name},{row['label']},{row['split']}" for row in rows)]
    with zipfile.ZipFile(folder / "rows.zip", "w") as archive:
        archive.writestr("rows.csv", "\n".join(table) + "\n")
        for path in {row["image"] for row in rows}:
            archive.write(path, Path(path).name)
    return folder / "rows.zip"


def one_a_row(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Lists as a log of clicks has them: a candidate a row."""
    return [
        {"list_id": row["id"], **row, "choices": option, "label": row["label"].get(option, 0)}
        for row in rows
        for option in row["choices"]
    ]


@pytest.fixture(scope="session")
def done(tmp_path_factory: pytest.TempPathFactory, tiny_encoder: Path) -> Any:
    made: dict[str, Done] = {}

    def one(name: str) -> Done:
        if name not in made:
            home, family, base = tmp_path_factory.mktemp(name), TASKS[name].family, tiny_encoder
            if family in BLANK:
                base = home / "base"
                texts = [json.dumps(row, ensure_ascii=False) for row in ROWS[name](home)]
                blank.make(BLANK[family], "tiny", texts, base)  # type: ignore[arg-type]
            made[name] = Done(name, home / "home", base)
        return made[name]

    return one


@every_task
def test_training_ends_with_the_scores_of_the_task(name: str, done):
    told = done(name).trained
    assert set(told) == {"run", "test"}
    assert set(told["test"]) == {score.name for score in TASKS[name].scores}


@every_task
def test_the_copy_is_checked_on_every_test_row(name: str, done):
    assert done(name).exported["checked"] == done(name).exported["equal"] == 20


@every_task
def test_the_command_line_answers_as_the_model_does(name: str, done):
    here = done(name)
    row = here.asked()[0]
    words = {role: value if isinstance(value, str) else json.dumps(value) for role, value in row.items()}
    given = [part for role, value in words.items() for part in ("--input", f"{role}={value}")]
    (right,) = Predictor.open(here.folder / "model", device="cpu").predict([row])
    told = here.hone("predict", "last", *given)
    assert told.pop("inputs") == row
    told.pop("text" if right.kind == "label_scores" else "", None)
    assert agree(told, json.loads(json.dumps(right.as_json())), 1e-4)


@every_task
def test_a_whole_file_comes_back_with_answers(name: str, done):
    here = done(name)
    out = here.home / "answered.csv"
    told = here.hone("predict", "last", str(here.file), "--out", str(out))
    assert told["done"] == told["rows"] == len(here.rows) and out.is_file()


@every_task
def test_evaluating_tells_scores_and_rivals(name: str, done, tmp_path: Path):
    here = done(name)
    told = here.hone("evaluate", "last", "--out", str(tmp_path))
    assert told["contenders"]["run"] is not None and (tmp_path / "contenders.csv").is_file()
    if "scores" in told:
        assert set(told["scores"]) == {score.name for score in here.task.scores}
        assert told["total"] == 20 and (tmp_path / "rows.csv").is_file()


@every_task
def test_the_copys_own_program_says_the_same_without_hone(name: str, done):
    here = done(name)
    row = here.asked()[0]
    words = {role: value if isinstance(value, str) else json.dumps(value) for role, value in row.items()}
    first, *others = words
    given = [words[first], *(part for role in others for part in ("--input", f"{role}={words[role]}"))]
    command = [sys.executable, "-I", "-X", "utf8", str(here.copy / "predict.py"), "--json", "--", *given]
    command = [part for part in command if part != "--"]
    answered = subprocess.run(command, cwd=here.home, capture_output=True, text=True, encoding="utf-8", check=False)
    assert answered.returncode == 0, answered.stderr[-2000:]
    (right,) = Predictor.open(here.folder / "model", device="cpu").predict([row])
    said = json.loads(answered.stdout.splitlines()[-1])
    told = {key: said[key] for key in right.as_json()}
    assert agree(told, json.loads(json.dumps(right.as_json())))


@every_task
def test_the_card_tells_the_tasks_own_measures(name: str, done):
    here = done(name)
    _, front, body = (here.copy / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    told = yaml.safe_load(front)
    assert name in told["tags"] and told["model-index"][0]["results"][0]["metrics"]
    assert "## How good it is\n" in body and "This run" in body
    scores = json.loads((here.copy / "scores.json").read_text(encoding="utf-8"))
    assert scores["contenders"] and scores["asked_on"]["total"] == 20
    for score in here.task.scores if "scores" in scores else ():
        assert f"({score.name.replace('_', chr(92) + '_')})" in body


@every_task
def test_the_recipe_brings_task_columns_and_phases(name: str, done, tmp_path: Path):
    from core.export.recipe import read_recipe

    here = done(name)
    text = (here.copy / "recipe.yaml").read_text(encoding="utf-8")
    recipe = read_recipe(text)
    spec = json.loads((here.folder / "run.json").read_text(encoding="utf-8"))
    assert recipe.problems == [] and (recipe.task, recipe.phases) == (name, spec["phases"])
    assert recipe.roles == {role: column for role, column in spec["data"]["columns"].items() if column}


@every_task
def test_what_travels_is_small_and_names_nothing_of_hones_page(name: str, done):
    here = done(name)
    parts = list((here.copy / program.PARTS).rglob("*.py"))
    source = "\n".join(path.read_text(encoding="utf-8") for path in parts)
    assert len(source) < 700_000 and "import gradio" not in source and "from core" not in source


def test_every_task_is_listed(done):
    told = done("classification").hone("tasks")
    assert [one["task"] for one in told] == list(TASKS)
    assert all(one["title"] and one["columns"] for one in told)
