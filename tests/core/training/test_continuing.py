"""A run that continues another: what has arrived, what it learns from, what it carries over, and what it forgets."""

from __future__ import annotations

import math
import random
import shutil
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from run_folders import events, weights
from safetensors.numpy import load_file
from test_worker import word_at

from core.data.dataset import Dataset
from core.errors import RunError
from core.models.catalogue import find
from core.models.loading import load_model
from core.tasks import guessing
from core.training import continuing, forgetting, prototypes, retuning, runs
from core.training.around.remembering import Consolidation, fisher, softened
from core.training.around.standing import DRAWN, Standing, seen
from core.training.batches import bucketed
from core.training.continuing import STEP
from core.training.fit import Head, Objective, lbfgs
from core.training.session import Session
from core.training.settings import TrainingSettings
from core.training.worker import worker
from core.workspace import read_json, write_json

SORTS = {"good": "good great happy", "bad": "bad awful sad", "money": "money bank pay", "colour": "red blue green"}
COMMON = "the a of and to movie film is was it".split()
HOW = {"learning_rate": 2e-3, "epochs": 2, "batch_size": 8, "save_seconds": 0.0, "patience": 0}


def lines(sort: str, count: int, seed: int) -> list[str]:
    dice = random.Random(f"{sort}{seed}")
    own = SORTS[sort].split()
    return [
        " ".join([dice.choice(own), *dice.choices(COMMON + own, k=dice.randint(4, 9)), str(i)]) + f",{sort}"
        for i in range(count)
    ]


def grow(data: Dataset, folder: Path, name: str, rows: list[str], split: str | None = None) -> None:
    path = folder / f"{name}.csv"
    path.write_text("text,label\n" + "\n".join(rows) + "\n", encoding="utf-8")
    data.add(path, path.name, split=split)


def rows_of(path: Path) -> list[dict[str, Any]]:
    with pa.memory_map(str(path)) as source:
        return pa.ipc.open_file(source).read_all().to_pylist()


def further(project: Path, run: Any, name: str = "further", **changed: Any) -> Any:
    data = Dataset.open(project / "data")
    return retuning.begin(project, data, retuning.propose(data, run, {**HOW, **changed}), name, threads=1)


@pytest.fixture(scope="module")
def learnt(tiny_encoder, tmp_path_factory) -> Path:
    """A project with a finished run on two labels, whose data has not grown yet."""
    project = tmp_path_factory.mktemp("continuing")
    data = Dataset.open(project / "data")
    grow(data, project, "first", [*lines("good", 40, 1), *lines("bad", 40, 1)])
    grow(data, project, "test", [*lines("good", 10, 2), *lines("bad", 10, 2)], "test")
    guessing.settle(data, "classification")
    run = runs.create(
        project, name="first", task="classification", base=find(str(tiny_encoder)), preset="own", dataset=data, threads=1,
        settings=TrainingSettings(**{**HOW, "epochs": 4}), phases=[{"method": m, "settings": {}, "fresh": False} for m in ("head", "full")],
    )  # fmt: skip
    worker(str(run.folder))
    data.close()
    return project


@pytest.fixture
def project(learnt, tmp_path) -> Path:
    folder = tmp_path / "project"
    shutil.copytree(learnt, folder)
    return folder


def first_of(project: Path) -> Any:
    return runs.runs(project)[-1]


def money(project: Path) -> Dataset:
    data = Dataset.open(project / "data")
    grow(data, project, "second", lines("money", 40, 1))
    grow(data, project, "second-test", lines("money", 10, 2), "test")
    return data


def test_what_has_arrived_is_told_apart_from_what_was_there(project):
    run, data = first_of(project), Dataset.open(project / "data")
    assert continuing.arrived(data, run).texts == 0
    first = next(
        row for row in rows_of(run.folder / "rows.arrow") if row["split"] == "train" and row["label"] == "good"
    )
    data.labels.decide([{"row": first["id"], "label": "bad", "client": "c", "seq": 1}], "me")
    grow(money(project), project, "again", lines("good", 40, 1))  # the same texts once more
    told = continuing.arrived(data, run)
    validation = sum(row["split"] == "validation" for row in rows_of(run.folder / "rows.arrow"))
    assert (told.labels, told.changed, told.gone, told.lost) == (("money",), 1, (), 0)
    assert told.texts + told.aside == 40 + 10 + 1
    assert told.known == 80 - validation - 1


def test_old_test_rows_are_never_learnt_from_not_even_nearly(project):
    run, data = first_of(project), money(project)
    tests = [row["text"] for row in rows_of(run.folder / "rows.arrow") if row["split"] == "test"]
    grow(data, project, "leaks", [f"{tests[0]},money", f"{tests[1].upper()}!,money", f"{tests[2]} ,money"], "train")
    new = further(project, run)
    learnt = [row["text"] for row in rows_of(new.folder / "rows.arrow") if row["split"] == "train"]
    assert not {text.strip().lower().rstrip("!") for text in learnt} & set(tests)
    assert new.spec["continues"]["near"] == 1
    old = {row["id"]: row["split"] for row in rows_of(run.folder / "rows.arrow")}
    for row in [*rows_of(new.folder / "rows.arrow"), *rows_of(new.folder / "from" / "rows.arrow")]:
        assert old.get(row["id"], row["split"]) == row["split"]


def test_of_every_label_the_same_share_is_seen_again_and_at_least_one():
    rows = [{"id": f"1:{i}", "label": "often" if i < 90 else "seldom"} for i in range(94)]
    found = continuing.drawn(rows, 0.1, 7, "label")
    assert [sum(row["label"] == name for row in found) for name in ("often", "seldom")] == [9, 1]
    assert {row["id"] for row in found} == {row["id"] for row in continuing.drawn(rows[::-1], 0.1, 7, "label")}
    assert len(continuing.drawn(rows, 1.0, 7, "label")) == 94


def test_rows_of_the_last_layer_are_carried_over_by_name_also_of_a_renamed_label(project):
    data = money(project)
    bad = next(label["id"] for label in data.labels.labels() if label["name"] == "bad")
    data.labels.rename(bad, "poor")
    run = further(project, first_of(project), remember="nothing")
    told = run.spec["continues"]
    assert (told["renamed"], told["new_labels"], told["gone"]) == ({"bad": "poor"}, ["money"], [])
    session = Session(run.folder, lambda event: None)
    model = session.fresh_model()
    old = load_file(first_of(project).model / "head.safetensors")
    names = {"good": "good", "bad": "poor"}
    for place, name in enumerate(first_of(project).spec["labels"]["names"]):
        here = session.labels.names.index(names[name])
        assert np.array_equal(model.head.weight[here].detach().numpy(), old["weight"][place])
        assert model.head.bias[here].item() == old["bias"][place]
    body = load_file(first_of(project).model / "model.safetensors")
    mine = model.body.state_dict()
    assert all(np.array_equal(mine[name].numpy(), tensor) for name, tensor in body.items())


def test_a_label_that_is_gone_is_told_and_its_rows_are_left_out(project):
    data = money(project)
    ids = [row["id"] for row in rows_of(first_of(project).folder / "rows.arrow") if row["label"] == "bad"]
    data.exclude(ids)
    run = further(project, first_of(project))
    assert run.spec["continues"]["gone"] == ["bad"] and run.spec["continues"]["lost"] == len(ids)
    assert "bad" not in run.spec["labels"]["names"]


def test_nothing_to_learn_from_is_refused(project):
    with pytest.raises(RunError, match="Nothing has arrived"):
        further(project, first_of(project))


def test_a_model_with_something_beside_its_base_is_refused_kindly(project):
    money(project)
    run = first_of(project)
    write_json(run.model / "hone.json", {**read_json(run.model / "hone.json"), "added": {"kind": "prompt"}})
    with pytest.raises(RunError, match="stands beside its base"):
        further(project, run)
    assert not [one for one in (project / "runs").iterdir() if one.name.startswith(".")]


def test_a_new_label_is_learnt_old_ones_are_kept_and_a_chain_tells_its_matrix(project):
    money(project)
    second = further(project, first_of(project), replay_share=0.2, epochs=4)
    worker(str(second.folder))
    view = second.view()
    assert view.test["accuracy"] > 0.85
    assert set(view.best.parts) == {"old", "new"} and view.best.parts["new"]["accuracy"] > 0.8
    assert [n.code for n in view.notices if n.code == "knew"]
    data = Dataset.open(project / "data")
    grow(data, project, "third", lines("colour", 30, 1))
    grow(data, project, "third-test", lines("colour", 8, 2), "test")
    third = further(project, second, "third", replay_share=0.2, epochs=4)
    again = [row for row in rows_of(third.folder / "rows.arrow") if row["split"] == "train" and row[STEP] != "2"]
    assert {row["label"] for row in again} == {"good", "bad", "money"}
    worker(str(third.folder))
    told = forgetting.read(third.folder)
    assert told.rows == (20, 10, 8) and [len(row) for row in told.matrix] == [1, 2, 3]
    assert told.matrix[0][0] == pytest.approx(first_of(project).view().test["accuracy"])
    said = load_model(third.model)
    tests = [row for row in rows_of(third.folder / "rows.arrow") if row["split"] == "test" and row[STEP] == "1"]
    right = said.probabilities([row["text"] for row in tests]).argmax(1) == said.labels.index("money")
    assert told.matrix[2][1] == pytest.approx(right.mean())
    assert [one["name"] for one in third.spec["continues"]["chain"]] == ["first", "further"]


def test_a_share_of_old_texts_stands_in_every_batch_and_each_keeps_its_number(project):
    money(project)
    run = further(project, first_of(project), replay_share=0.1)
    session = Session(run.folder, lambda event: None)
    from core.training import carrying

    examples = carrying.mixed(session, session.settings, session.training_examples)
    old = [one for one in examples if not session.is_new(session.train[one.row])]
    assert abs(len(old) - len(examples) / 2) <= 1 and len({one.row for one in old}) < len(old)
    assert all(session.training_examples[one.number].row == one.row for one in examples)
    rounds = [bucketed(examples, 16, seed) for seed in range(5)]
    full = [batch for batches in rounds for batch in batches if len(batch) == 16]
    assert all(any(not session.is_new(session.train[one.row]) for one in batch) for batch in full)


@pytest.mark.parametrize("way", ["replay", "distil", "ewc"])
def test_broken_off_and_gone_on_ends_with_the_same_bits_and_each_way_learns_otherwise(way, project, tmp_path):
    money(project)
    grow(
        Dataset.open(project / "data"), project, "more", lines("colour", 20, 1)
    )  # two new labels: also without old rows there are two
    run = further(project, first_of(project), remember=way, start_from_probe=False, replay_share=0.2)
    whole, plain = tmp_path / "whole", tmp_path / "plain"
    for copy in (whole, plain):
        shutil.copytree(run.folder, copy)
    spec = read_json(plain / "run.json")
    write_json(plain / "run.json", {**spec, "settings": {**spec["settings"], "remember": "nothing"}})
    word_at(run.folder, "leave", "evaluated", count=2)
    worker(str(run.folder))
    assert not events(run.folder, "finished")
    (run.folder / "control").unlink(missing_ok=True)
    for folder in (run.folder, whole, plain):
        worker(str(folder))
    assert events(run.folder, "resumed")
    assert weights(run.folder) == weights(whole)
    assert weights(plain) != weights(whole)


def test_the_fisher_information_and_the_penalty_are_those_worked_out_by_hand():
    """One output, squared error / 2: the gradient of an example is (w x - y) x, so the Fisher is the mean of its square."""
    model = torch.nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        model.weight.fill_(2.0)
    pairs = [(1.0, 1.0), (3.0, 5.0)]
    found = fisher(model, [lambda m, x=x, y=y: 0.5 * (m(torch.tensor([[x]])) - y).square().sum() for x, y in pairs])
    by_hand = (((2 * 1 - 1) * 1) ** 2 + ((2 * 3 - 5) * 3) ** 2) / 2
    assert found["weight"].item() == pytest.approx(by_hand)
    held = Consolidation(lambda: (found, {"weight": torch.tensor([[2.0]])}), strength=10.0)
    held.fisher, held.were = held.measure()
    with torch.no_grad():
        model.weight.fill_(2.5)
    assert held.penalty(model).item() == pytest.approx(0.5 * 10 * by_hand * 0.5**2)


def test_answers_are_kept_by_the_published_distance():
    now, before, warm = np.array([[1.0, -2.0, 0.5]]), np.array([[0.2, 0.1, -0.4]]), 2.0

    def shares(logits: np.ndarray) -> np.ndarray:
        lifted = np.exp(logits / warm)
        return lifted / lifted.sum()

    expected = warm**2 * (shares(before) * np.log(shares(before) / shares(now))).sum()
    told = softened(torch.tensor(now), torch.tensor(before), warm, "softmax")
    assert told.item() == pytest.approx(expected)
    each = 0.0
    for a, b in zip(before[0], now[0], strict=True):
        p, q = 1 / (1 + math.exp(-a / warm)), 1 / (1 + math.exp(-b / warm))
        each += p * math.log(p / q) + (1 - p) * math.log((1 - p) / (1 - q))
    assert softened(torch.tensor(now), torch.tensor(before), warm, "sigmoid").item() == pytest.approx(warm**2 * each)


def test_a_tight_fit_stays_at_the_layer_it_started_from():
    dice = np.random.default_rng(0)
    features, targets = dice.normal(size=(60, 4)).astype(np.float32), dice.integers(0, 3, 60)
    anchor = Head(dice.normal(size=(3, 4)).astype(np.float32), np.zeros(3, dtype=np.float32))
    objective = Objective(features, targets, 3, None, "softmax", anchor)

    def fitted(c: float) -> np.ndarray:
        point = objective.start
        for move in lbfgs(lambda at: objective(at, c), objective.start):
            point = move.point
        return objective.head(point).weight

    assert np.abs(fitted(1e-7) - anchor.weight).max() < 1e-3
    assert np.abs(fitted(10.0) - anchor.weight).max() > 0.3


def test_forgetting_is_the_best_earlier_score_less_the_present_one():
    assert forgetting.forgotten([[0.9], [0.95, 0.8], [0.7, 0.85, 0.6]]) == pytest.approx([0.25, -0.05])
    assert forgetting.forgotten([[3.0], [4.5, 2.0]], lower=True) == pytest.approx([1.5])
    assert forgetting.forgotten([[None], [0.5, 0.5]]) == [None]


def test_what_stands_for_old_texts_has_their_means_and_their_scatter():
    dice = np.random.default_rng(0)
    true = np.array([[2.0, 0.8, 0.0], [0.8, 1.0, 0.0], [0.0, 0.0, 0.2]])
    labels = np.repeat([4, 1], 4000)
    centres = {4: np.array([5.0, 0.0, 0.0]), 1: np.array([0.0, -3.0, 1.0])}
    vectors = np.stack([dice.multivariate_normal(centres[int(label)], true) for label in labels]).astype(np.float32)
    found = seen(vectors, labels, {4: 30, 1: 10})
    assert found.labels.tolist() == [1, 4] and found.counts.tolist() == [10.0, 30.0]
    places = torch.tensor([0, 1]).repeat_interleave(4000)
    drawn = found.drawn(places, torch.randn(8000, 3, generator=torch.Generator().manual_seed(1))).numpy()
    for place, label in enumerate((1, 4)):
        mine = drawn[places.numpy() == place]
        assert np.allclose(mine.mean(0), centres[label], atol=0.1)
        assert np.allclose(np.cov(mine.T), true, atol=0.15)


def test_old_labels_are_stood_for_only_where_new_ones_come_and_old_texts_are_left_out(project):
    run, data = first_of(project), money(project)
    session = Session(further(project, run, replay_share=0.1).folder, lambda event: None)
    assert prototypes.wanted(session, session.settings)
    old = Counter(row["label"] for row in [*session.put_aside, *session.train] if row["label"] != "money")
    new = sum(row["label"] == "money" for row in session.train)
    seen_again = Counter(row["label"] for row in session.train if row["label"] != "money")
    lacking = prototypes.missing(session, Counter(row["label"] for row in session.train))
    assert lacking == {name: min(old[name], new) - seen_again[name] for name in ("good", "bad")}
    targets = np.array([session.labels.names.index(row["label"]) for row in session.train])
    vectors, labels = prototypes.added(session, targets, 7)
    assert Counter(session.labels.names[label] for label in labels) == lacking and vectors.shape[1] == 32
    share, often = prototypes.balance(session, session.settings)
    assert share == pytest.approx((sum(min(old[n], new) for n in lacking) - new) / (2 * new))
    for name, told in zip(session.labels.names, often, strict=True):
        assert told == pytest.approx(0 if name == "money" else math.log(new / 2 / min(old[name], new)), abs=0.06)
    for changed in ({"replay_share": 1.0}, {"replay_share": 0.1, "prototypes": False}, {"remember": "distil"}):
        other = Session(further(project, run, "other", **changed).folder, lambda event: None)
        assert not prototypes.wanted(other, other.settings)
    data.close()


def test_the_last_layer_learns_from_what_stands_for_old_texts_and_the_rest_does_not():
    body, layer = torch.nn.Linear(2, 2), torch.nn.Linear(2, 3)
    model = torch.nn.Module()
    model.body, model.head = body, layer
    old = seen(np.array([[4.0, 0.0], [4.0, 0.1], [0.0, 4.0], [0.1, 4.0]]), np.array([0, 0, 2, 2]), {0: 5, 2: 5})
    often, right = torch.tensor([-1.0, 0.0, -1.0]), torch.tensor([1])
    asked = lambda outputs: torch.nn.functional.cross_entropy(outputs, right)  # noqa: E731
    outputs = layer(torch.ones(1, 2))
    look = SimpleNamespace(model=model, outputs=outputs, loss_of=asked)
    standing = Standing(lambda: old, 1.5, often)
    torch.manual_seed(3)
    told = standing.loss(look, asked(outputs) + 0.25)
    torch.manual_seed(3)
    places = torch.multinomial(old.counts, DRAWN, replacement=True)
    said = layer(old.drawn(places, torch.randn(DRAWN, 2)))
    drawn = torch.nn.functional.cross_entropy(said, old.labels[places])
    assert told.item() == pytest.approx((0.25 + asked(outputs + often) + 1.5 * drawn).item())
    told.backward()
    assert layer.weight.grad.abs().sum() > 0 and body.weight.grad is None
    again = Standing(lambda: pytest.fail("measured twice"), 1.5, often)
    again.restore(standing.tensors())
    torch.manual_seed(3)
    assert again.loss(look, asked(outputs) + 0.25).item() == pytest.approx(told.item())
