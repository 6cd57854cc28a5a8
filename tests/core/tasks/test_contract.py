"""What every task of TASKS must be able to do, on tiny real models. Its rows stand in contract_rows.py."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from contract_rows import ROWS, events, values_of, write_run

from core.device import choose
from core.inference import Predictor
from core.models.catalogue import find
from core.models.loading import open_base
from core.tasks import TASKS
from core.tasks.base import TITLES, Row, Task
from core.training import asking
from core.training.around import arranged
from core.training.precision import autocast
from core.training.session import Session
from core.training.settings import TrainingSettings
from core.training.worker import worker
from core.words import Message

ROOT = Path(__file__).resolve().parents[3]
every_task = pytest.mark.parametrize("name", list(TASKS))


@pytest.fixture(scope="session")
def finished(base_of: Callable[[Task], Path], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a whole run of a task, made once."""
    made: dict[str, Path] = {}

    def run(name: str) -> Path:
        if name not in made:
            folder = tmp_path_factory.mktemp(name) / "run"
            write_run(folder, TASKS[name], base_of(TASKS[name]))
            worker(str(folder))
            made[name] = folder
        return made[name]

    return run


def unlabelled(name: str, folder: Path) -> list[dict[str, Any]]:
    """Rows with nothing but what a person gives to a finished model."""
    task = TASKS[name]
    rows = [row for row in ROWS[name](folder / "files") if row["split"] == "test"]
    asked = task.asks or tuple(c.role for c in task.columns if not c.target)
    return [{role: row[role] for role in asked if role in row} for row in rows]


# What a task says of itself ------------------------------------------------------------------------------------------


@every_task
def test_a_task_says_of_itself_what_others_ask(name: str):
    task = TASKS[name]
    assert name in ROWS, "a task needs rows in contract_rows.py"
    assert task.name == name and task.scores and task.prediction in TITLES
    assert sum(column.target for column in task.columns) <= 1
    assert len({column.role for column in task.columns}) == len(task.columns)
    sentences = (task.title, task.help, task.annotation.question, *(c.title for c in task.columns))
    assert all(isinstance(sentence, Message) for sentence in sentences)
    assert set(task.usual) <= set(TrainingSettings.model_fields)
    TrainingSettings(**values_of(task))


# Learning and answering ------------------------------------------------------------------------------------------------


@every_task
def test_a_few_steps_lower_the_loss(name: str, base_of, tmp_path: Path):
    before, after = a_few_steps(TASKS[name], base_of(TASKS[name]), tmp_path, "fp32")
    assert math.isfinite(before) and after < before


@pytest.mark.gpu
@every_task
def test_a_few_steps_in_bf16_lower_the_loss(name: str, base_of, tmp_path: Path):
    before, after = a_few_steps(TASKS[name], base_of(TASKS[name]), tmp_path, "bf16")
    assert math.isfinite(before) and after < before


def a_few_steps(task: Task, base: Path, folder: Path, precision: str) -> tuple[float, float]:
    """The loss of the first batch before and after eight rounds through half a dozen batches."""
    settings = TrainingSettings(**values_of(task, precision=precision))
    device = choose(settings)
    rows = [row for row in ROWS[task.name](folder) if row["split"] == "train"]
    labels, source = task.labels(rows), open_base(find(str(base)), task.family)
    torch.manual_seed(1)
    model = task.model(source, labels, settings).to(device.name)
    examples = [SimpleNamespace(**{**e.__dict__, "number": i}) for i, e in enumerate(task.encode(rows, source.tokenizer, settings))]  # fmt: skip
    targets = [task.target(rows[e.row], e, labels) for e in examples]
    batches = []
    for batch in task.arrange(examples, settings, 1)[:6]:
        inputs = task.collate(batch, [targets[e.number] for e in batch], source.tokenizer)
        batches.append({name: tensor.to(device.name) for name, tensor in inputs.items()})

    def loss(batch: dict[str, torch.Tensor]) -> torch.Tensor:
        with autocast(device):
            outputs = task.forward(model, batch)
        return task.loss(outputs, batch, settings, labels)

    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    before = float(loss(batches[0]).detach())
    for batch in batches * 8:
        loss(batch).backward()
        optimizer.step()
        optimizer.zero_grad()
    return before, float(loss(batches[0]).detach())


@every_task
def test_rows_without_a_label_are_answered_in_their_order(name: str, base_of, tmp_path: Path):
    task = TASKS[name]
    settings = TrainingSettings(**values_of(task))
    (tmp_path / "files").mkdir()
    rows = ROWS[name](tmp_path / "files")
    labels, source = task.labels(rows), open_base(find(str(base_of(task))), task.family)
    asked: list[Row] = [*unlabelled(name, tmp_path)]
    model = task.model(source, labels, settings).eval()

    def answers(some: list[Row]) -> list[dict[str, Any]]:
        examples = list(task.encode(some, source.tokenizer, settings))
        device = choose(SimpleNamespace(precision="fp32"))
        found = asking.outputs(model.to(device.name), examples, task, source.tokenizer, device)
        predictions = task.decode(found, some, examples, labels)
        assert all(p.kind == task.prediction and set(p.cells()) == set(TITLES[p.kind]) for p in predictions)
        return [json.loads(json.dumps(p.as_json(), allow_nan=False)) for p in predictions]

    whole = answers(asked)
    assert len(whole) == len(asked)
    assert close(answers(asked[::-1])[::-1], whole)
    assert answers([]) == []


# A whole run -----------------------------------------------------------------------------------------------------------


@every_task
def test_a_run_ends_with_every_measure_and_a_better_loss(name: str, finished):
    folder, task = finished(name), TASKS[name]
    (end,) = events(folder, "finished")
    checks = events(folder, "evaluated")
    for scores in (end["scores"], end["test"], checks[0]["scores"]):
        assert {score.name for score in task.scores} | {"loss"} <= set(scores)
        assert all(math.isfinite(value) for value in scores.values())
    assert min(check["scores"]["loss"] for check in checks[1:]) < checks[0]["scores"]["loss"]
    assert all(0 <= answer["credit"] <= 1 for check in checks for answer in check["watched"].values())


@every_task
def test_figures_and_rivals_can_be_written_down(name: str, finished):
    folder, task = finished(name), TASKS[name]
    rows = ROWS[name](folder / "files")
    parts = {part: [row for row in rows if row["split"] == part] for part in ("train", "validation", "test")}
    labels = task.labels(rows)
    said = Predictor.open(folder / "model", device="cpu").predict(parts["test"])
    told = task.report(parts["test"], said, labels)
    assert set(told) <= {figure.name for figure in task.figures}
    json.dumps(told, allow_nan=False)
    main = task.scores[0].name
    for rival in task.rivals(parts["train"], parts["validation"], parts["test"], labels, lambda: False):
        assert len(rival.predictions) == len(parts["test"])
        assert math.isfinite(task.score(parts["test"], rival.predictions, labels)[main])


ALL_TRICKS = {
    "class_weights": "effective", "sampling": "equal", "vary_texts": ["typos", "drop", "swap", "synonyms"], "mixup": 0.5, "agreement": 1.0,
    "adversarial": 1.0, "average_last": 0.5, "recompute": True, "length": "steps", "steps": 3,
}  # fmt: skip
TRICKY = ("weighed", "drawn", "mixes", "doubles", "varies")


@pytest.mark.parametrize("name", [name for name, task in TASKS.items() if {*TRICKY} & {*task.traits}])
def test_every_trick_that_a_task_offers_goes_with_every_other(name: str, base_of, tmp_path: Path):
    task = TASKS[name]
    write_run(tmp_path / "run", task, base_of(task), **ALL_TRICKS)
    worker(str(tmp_path / "run"))
    (end,) = events(tmp_path / "run", "finished")
    assert all(math.isfinite(value) for value in end["scores"].values())
    session = Session(tmp_path / "run", lambda event: None)
    wrapped = set(arranged(session, session.phases[-1], session.fresh_model()))
    offered = {"drawn": "sampling", "varies": "varying", "mixes": "mixup", "doubles": "agreement"}
    assert {offered[trait] for trait in task.traits if trait in offered} <= wrapped and "last_mean" in wrapped
    assert ("adversarial" in wrapped) == (task.family != "image")


def test_kept_models_give_the_same_answers_in_a_fresh_process(finished):
    """One process for all tasks, because opening torch takes longer than answering."""
    orders = {name: [str(finished(name) / "model"), unlabelled(name, finished(name))] for name in TASKS}
    code = (
        "import json, sys\nfrom core.inference import Predictor\n"
        "for name, (folder, rows) in json.load(sys.stdin).items():\n"
        "    said = Predictor.open(folder, device='cpu', threads=1).predict(rows)\n"
        "    print(json.dumps([name, [p.as_json() for p in said]]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], input=json.dumps(orders), capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr[-2000:]
    theirs = dict(json.loads(line) for line in done.stdout.splitlines() if line.startswith("["))
    assert set(theirs) == set(TASKS)
    for name, (folder, rows) in orders.items():
        mine = [p.as_json() for p in Predictor.open(folder, device="cpu").predict(rows)]
        assert close(json.loads(json.dumps(mine)), theirs[name]), name


def close(a: Any, b: Any) -> bool:
    """The same, but for the last places of numbers."""
    if isinstance(a, dict):
        return set(a) == set(b) and all(close(a[key], b[key]) for key in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(close(x, y) for x, y in zip(a, b, strict=True))
    return a == pytest.approx(b, rel=1e-3, abs=1e-4) if isinstance(a, float) else a == b
