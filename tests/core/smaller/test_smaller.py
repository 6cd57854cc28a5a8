"""A finished run made smaller in every way: what is left opens in a fresh process, is as small as it says, and answers as its model did."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from finished_runs import fill, finish, messages
from run_folders import events
from test_worker import word_at

from core.cli import main
from core.errors import HoneError
from core.projects import create
from core.smaller import measuring, results, starting, ways
from core.training.worker import worker
from core.workspace import Workspace, read_json

ROOT = Path(__file__).resolve().parents[3]
TEXTS = ["good great film happy", "lost card bank", "red wheel bike"]


@pytest.fixture(scope="module")
def project(tmp_path_factory, tiny_encoder):
    """A project with a finished run of a tiny encoder; a third of what there is to learn from has no label."""
    made = create(Workspace.open(tmp_path_factory.mktemp("smaller")), "Small things")
    rows = messages(150, wrong=0.0)
    for i, row in enumerate(rows):
        if i % 5 == 1:
            row["label"] = ""
    fill(made, rows)
    finish(
        made,
        base=tiny_encoder,
        phases=("full",),
        epochs=4,
        learning_rate=5e-3,
        batch_size=8,
        name="Mail",
        start_from_probe=False,
    )
    return made


@pytest.fixture(scope="module")
def run(project):
    return next(one for one in project.runs() if not one.spec.get("from"))


@pytest.fixture(scope="module")
def made(project, run, tiny_encoder):
    """Every way once: name -> the run."""
    few = {"rounds": 2.0}
    wanted = {
        "layers": few,
        "neurons": few,
        "weights": {"share": 0.8, **few},
        "distil": few,
        "int8": {},
        "distil_words": {},
    }
    wanted["distil_base"] = {"base": str(tiny_encoder), "rounds": 0.5}
    assert set(wanted) == set(ways.SMALLER)
    found = {}
    for name, values in wanted.items():
        found[name] = starting.begin(run, name, values, project.dataset())
        worker(str(found[name].folder))
        assert found[name].view().state == "finished", found[name].error
    return found


def tensors(run):
    from safetensors.numpy import load_file

    found = {}
    for path in (run.folder / "model").glob("*.safetensors"):
        found |= load_file(path)
    return found


def weights(run):
    return sum(one.size for one in tensors(run).values())


def answers(folder):
    from core.models.loading import load_model

    return np.array(load_model(folder).probabilities(TEXTS))


def in_a_fresh_process(folder):
    code = "import sys, json; from core.models.loading import load_model; print(json.dumps(load_model(sys.argv[1]).probabilities(json.loads(sys.argv[2])).tolist()))"
    told = subprocess.run(
        [sys.executable, "-c", code, str(folder), json.dumps(TEXTS)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return np.array(json.loads(told.stdout.strip().splitlines()[-1]))


def test_what_is_cut_is_really_gone(run, made):
    from safetensors import safe_open

    assert weights(made["layers"]) < weights(run) and weights(made["distil"]) == weights(made["layers"])
    assert read_json(made["layers"].model / "config.json")["num_hidden_layers"] == 1
    assert read_json(made["neurons"].model / "config.json")["intermediate_size"] == 32
    assert weights(run) - weights(made["neurons"]) == 2 * (
        2 * 32 * 32 + 32
    )  # of 64 neurons in 2 layers: in, out and bias of half of them
    with safe_open(made["neurons"].model / "model.safetensors", "numpy") as file:
        assert file.get_slice("encoder.layer.0.intermediate.dense.weight").get_shape() == [32, 32]


def test_what_was_expected_of_the_size_holds(run, made):
    earlier = ways.Earlier(run.folder, run.spec)
    for name in ("layers", "neurons"):
        way = ways.way(name)
        expected = way.expected(earlier, way.checked(earlier, {})).size
        assert weights(made[name]) / weights(run) == pytest.approx(expected, rel=0.01)


def test_a_share_of_the_weights_is_nought_and_stayed_so_while_it_learnt(made):
    matrices = [w for name, w in tensors(made["weights"]).items() if ".layer." in name and w.ndim == 2]
    share = sum(int((w == 0).sum()) for w in matrices) / sum(w.size for w in matrices)
    assert share == pytest.approx(0.8, abs=0.001)


def test_whole_numbers_are_smaller_and_answer_nearly_the_same(run, made):
    size = lambda one: sum(path.stat().st_size for path in one.model.glob("*.safetensors"))  # noqa: E731
    assert size(made["int8"]) < 0.45 * size(run)  # a tiny model's norms and biases weigh much; a real one is at 0.26
    assert {str(w.dtype) for w in tensors(made["int8"]).values()} == {"int8", "float32"}
    assert np.abs(answers(made["int8"].model) - answers(run.model)).max() < 0.05
    assert not list(made["int8"].model.glob("*.bin")) and not list(made["int8"].model.glob("*.p*kl"))


def test_a_fresh_process_says_the_same(made):
    assert np.allclose(in_a_fresh_process(made["neurons"].model), answers(made["neurons"].model), atol=1e-5)


def test_texts_without_a_label_carry_what_the_run_said(run, made):
    with pa.OSFile(str(made["distil_words"].folder / "unlabelled.arrow")) as source:
        table = pa.ipc.open_file(source).read_all().to_pylist()
    assert len(table) == 30 and {row["split"] for row in table} == {"train"}
    from core.models.loading import load_model

    said = [p.label for p in load_model(run.model).answer([{"text": row["text"]} for row in table])]
    assert [row["label"] for row in table] == said
    assert made["distil_words"].spec["base"]["kind"] == "classic"


def test_the_result_goes_its_own_way_when_the_run_is_gone(made, tmp_path):
    """Its folder is the whole run: another one with the same folder comes to the same model."""
    copy = tmp_path / "again"
    shutil.copytree(
        made["neurons"].folder,
        copy,
        ignore=shutil.ignore_patterns("model", "events.jsonl", "cut", "checkpoints", "*.lock"),
    )
    shutil.copytree(made["neurons"].folder / "from", copy / "from", dirs_exist_ok=True)
    worker(str(copy))
    assert np.allclose(answers(copy / "model"), answers(made["neurons"].model))


@pytest.mark.parametrize("name", ["distil", "weights"])
def test_broken_off_and_gone_on_ends_with_the_same_bits(project, run, made, name):
    again = starting.begin(run, name, made[name].spec["smaller"]["values"], project.dataset())
    word_at(again.folder, "leave", "evaluated")
    worker(str(again.folder))
    assert not events(again.folder, "finished")
    (again.folder / "control").unlink(missing_ok=True)
    worker(str(again.folder))
    assert events(again.folder, "resumed")
    same, whole = tensors(again), tensors(made[name])
    again.delete()
    assert all(np.array_equal(same[key], whole[key]) for key in whole) and set(same) == set(whole)


def test_the_command_line_tells_the_ways_and_the_table(run, made, capsys):
    assert main(["smaller", str(run.folder), "--json"]) == 0
    told = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    assert [one["way"] for one in told["ways"]] == list(ways.SMALLER) and all(
        one["why_not"] is None for one in told["ways"]
    )
    assert {one["run"] for one in told["table"]} == {run.id, *(one.id for one in made.values())}


def test_the_copy_to_take_away_of_whole_numbers_answers_as_the_run(made):
    from core.export import pack

    told = pack.pack(made["int8"].folder)
    assert told["checked"] == told["equal"] > 0
    with zipfile.ZipFile(told["zip"]) as archive:
        card = archive.read(next(n for n in archive.namelist() if n.endswith("README.md"))).decode("utf-8")
    assert "| Made smaller | Whole numbers (dynamic int8 quantization) |" in card
    assert "Steps of the tuning" not in card  # nothing was learnt


def test_both_are_measured_on_the_same_rows_and_a_sentence_says_it(run, made):
    measuring.measure(run.folder, [str(made["int8"].folder)])
    first, second = results.table(run, [made["int8"]])
    assert first.figures["ids"] == second.figures["ids"] and len(first.figures["ids"]) == 30
    assert (
        second.figures["size"] < first.figures["size"]
        and second.figures["rate"] > 0
        and second.figures["memory"] > 2**20
    )
    assert "of the size" in second.sentence.said("en") and "no clear difference in score" in second.sentence.said("en")
    assert results.unmeasured(run, [made["int8"], made["layers"]]) == [made["layers"]]


def test_differences_are_judged_answer_by_answer():
    first = {"ids": list("abcdefgh"), "credits": [1.0] * 8, "value": 1.0}
    other = {"ids": list("hgfedcba"), "credits": [1.0] * 2 + [0.0] * 6, "value": 0.25}
    p, gain = results.paired(first, other)
    assert p == pytest.approx(2 * 0.5**6) and gain == pytest.approx(-0.75)  # six of six coins on one side
    assert (
        results.of_size(0.34).said("en") == "A third of the size"
        and results.of_size(0.4).said("en") == "40 % of the size"
    )
    assert results.of_speed(2.13).said("en") == "2.1 times as fast" and results.of_speed(0.98).said("en") == "as fast"


def test_what_cannot_be_made_smaller_says_why(made):
    words = made["distil_words"]
    assert "counts words" in str(ways.way("layers").why_not(ways.Earlier(words.folder, words.spec)))
    whole = made["int8"]
    assert "whole numbers already" in str(ways.way("neurons").why_not(ways.Earlier(whole.folder, whole.spec)))
    one = made["layers"]
    assert "one by one" in str(ways.way("distil").why_not(ways.Earlier(one.folder, one.spec)))
    with pytest.raises(HoneError, match="must lie between"):
        starting.begin(made["neurons"], "neurons", {"share": 3})
    with pytest.raises(HoneError, match="no way to make a run smaller"):
        ways.way("melt")
