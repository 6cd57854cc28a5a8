"""The zip: whole, without Hone, with the same answers; and refused when it is not."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

from core.errors import Cancelled, Missing, RunError
from core.export import pack, program
from core.export.recipe import read_recipe
from core.inference import Predictor
from core.models.methods import METHODS
from core.training.runs import Run

KINDS = ["classic_run", "tuned_run", "standard_run", "probe_run"]


@pytest.fixture(params=KINDS)
def run(request: pytest.FixtureRequest) -> Run:
    return request.getfixturevalue(request.param)


@pytest.fixture
def unpacked(run: Run, tmp_path: Path) -> Path:
    made = pack.pack(run.folder)
    with zipfile.ZipFile(made["zip"]) as archive:
        archive.extractall(tmp_path)
    (folder,) = tmp_path.iterdir()
    return folder


def ask(folder: Path, *arguments: str, input: str | None = None) -> str:
    """The copy's own predict.py, in an interpreter that sees nothing of this project."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    command = [sys.executable, "-I", "-X", "utf8", str(folder / "predict.py"), *arguments]
    done = subprocess.run(
        command,
        cwd=folder.parent,
        env=environment,
        input=input,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_copy_answers_as_the_run_does(run: Run, unpacked: Path):
    texts = ["a red bike", "我的卡丢了", "great film"]
    lines = ask(unpacked, "--json", *texts[:1], "--lines", input="\n".join(texts[1:]) + "\n").splitlines()
    expected = Predictor.open(run.model, device="cpu").predict(texts)
    for line, text, right in zip(map(json.loads, lines), texts, expected, strict=True):
        assert (line["text"], line["label"]) == (text, right.label)
        assert line["probabilities"] == pytest.approx(right.probabilities, abs=1e-4)


def test_the_copy_was_compared_on_every_test_text(run: Run):
    told = pack.pack(run.folder)
    assert told["checked"] == told["equal"] == 66
    assert told["size"] == Path(told["zip"]).stat().st_size
    assert pack.read(run.folder) == told
    assert [p.name for p in (run.folder / "export").iterdir() if p.name.startswith(".packing")] == []


def test_the_manifest_names_every_file_with_its_checksum(unpacked: Path):
    files = json.loads((unpacked / "MANIFEST.json").read_text(encoding="utf-8"))["files"]
    there = {p.relative_to(unpacked).as_posix() for p in unpacked.rglob("*") if p.is_file()} - {"MANIFEST.json"}
    assert set(files) == there
    assert {"README.md", "predict.py", "recipe.yaml", "labels.json", "scores.json", "model/hone.json"} <= there
    for name, told in files.items():
        assert hashlib.sha256((unpacked / name).read_bytes()).hexdigest() == told["sha256"]


def test_nothing_of_this_machine_travels_with_it(run: Run, unpacked: Path):
    base = str(run.spec["base"]["source"] or run.folder)
    for path in unpacked.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert str(run.folder).encode() not in data and base.encode() not in data, path.name


def test_a_csv_file_comes_back_with_answers(unpacked: Path, tmp_path: Path):
    (tmp_path / "in.csv").write_text('text,n\n"=1+1, red bike",1\ngreat film,-2\n', encoding="utf-8")
    ask(unpacked, "--file", str(tmp_path / "in.csv"))
    with (tmp_path / "in.answered.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["text"] for row in rows] == ["'=1+1, red bike", "great film"]
    assert rows[1]["n"] == "-2" and all(0 < float(row["probability"]) <= 1 for row in rows)


def test_the_classic_copy_needs_python_alone_and_says_why(classic_run: Run, tmp_path: Path):
    with zipfile.ZipFile(pack.pack(classic_run.folder)["zip"]) as archive:
        archive.extractall(tmp_path)
    (folder,) = tmp_path.iterdir()
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(folder / "predict.py"), "--why", "a red bike"],  # -S: no installed packages
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("bicycle\t") and "'bike'" in done.stdout


def test_the_recipe_repeats_the_run(run: Run, unpacked: Path):
    recipe = read_recipe((unpacked / "recipe.yaml").read_text(encoding="utf-8"))
    assert recipe.problems == [] and recipe.phases == run.spec["phases"]
    assert recipe.settings == run.spec["settings"] | {"base": Path(run.spec["settings"]["base"]).name}


def test_the_card_tells_data_settings_scores_limits_and_licence(run: Run, unpacked: Path):
    text = (unpacked / "README.md").read_text(encoding="utf-8")
    _, front, body = text.split("---\n", 2)
    told = yaml.safe_load(front)
    assert told["pipeline_tag"] == "text-classification"
    assert told["model-index"][0]["results"][0]["metrics"][0]["type"] == "accuracy"
    for title in (
        "How good it is",
        "How to use it",
        "What it learnt from",
        "How it was tuned",
        "Where it ends",
        "Licence",
    ):
        assert f"## {title}\n" in body
    assert "| lost card |" in body and "This run" in body and "0.95" not in front
    assert all(METHODS[phase["method"]].title.said() in body for phase in run.spec["phases"])
    if (unpacked / "curves.svg").exists():
        assert "](curves.svg)" in body
        assert ElementTree.parse(unpacked / "curves.svg").getroot().tag.endswith("svg")


def test_the_card_speaks_chinese_where_asked(tuned_run: Run, tmp_path: Path):
    shutil.copytree(tuned_run.folder, tmp_path / "run", ignore=shutil.ignore_patterns("export"))
    told = pack.pack(tmp_path / "run", language="zh")
    with zipfile.ZipFile(told["zip"]) as archive:
        name = next(n for n in archive.namelist() if n.endswith("README.md"))
        text = archive.read(name).decode("utf-8")
    assert told["language"] == "zh" and "## " in text


def test_words_of_the_data_are_no_markup_in_the_card(make_run, tmp_path: Path):
    rows = [
        {"text": f"{word} {i}", "label": label, "split": ("train", "test", "validation")[i % 3]}
        for i in range(24)
        for word, label in (("red", "<b>|a|</b>"), ("blue", "[x](javascript:1)\nnew"))
    ]
    run = make_run("classic:ngram", ["head"], rows)
    with zipfile.ZipFile(pack.pack(run.folder)["zip"]) as archive:
        name = next(n for n in archive.namelist() if n.endswith("README.md"))
        text = archive.read(name).decode("utf-8")
    body = text.split("---\n", 2)[2]
    bare = re.sub(r"\\.", "", body)  # without what is escaped
    assert "<b>" not in bare and "](javascript" not in bare and "[x" not in bare


def test_a_copy_with_other_answers_is_not_offered(tuned_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = tmp_path / "run"
    shutil.copytree(tuned_run.folder, folder, ignore=shutil.ignore_patterns("export"))
    spoilt = tmp_path / "standalone"
    shutil.copytree(program.STANDALONE, spoilt)
    source = (spoilt / "encoder.py").read_text(encoding="utf-8")
    (spoilt / "encoder.py").write_text(
        source.replace('self.head["bias"]', 'self.head["bias"].flip(0)'), encoding="utf-8"
    )
    monkeypatch.setattr(program, "STANDALONE", spoilt)
    with pytest.raises(RunError, match="texts differently, so it is not offered"):
        pack.pack(folder)
    assert pack.read(folder) is None and not list((folder / "export").glob("*.zip"))
    (spoilt / "encoder.py").write_text("import no_such_module\n", encoding="utf-8")
    with pytest.raises(RunError, match=r"does not run in a fresh process.*no_such_module"):
        pack.pack(folder)


def test_a_new_model_makes_the_old_copy_void(tuned_run: Run, tmp_path: Path):
    folder = tmp_path / "run"
    shutil.copytree(tuned_run.folder, folder, ignore=shutil.ignore_patterns("export"))
    first = pack.pack(folder)
    assert pack.pack(folder)["made"] == first["made"]
    os.utime(folder / "model" / "hone.json")
    assert pack.read(folder) is None
    assert pack.pack(folder)["made"] > first["made"]


def test_cancelling_and_a_missing_model_leave_nothing(tuned_run: Run, tmp_path: Path):
    folder = tmp_path / "run"
    shutil.copytree(tuned_run.folder, folder, ignore=shutil.ignore_patterns("export"))
    with pytest.raises(Cancelled):
        pack.pack(folder, cancelled=lambda: True)
    assert pack.read(folder) is None
    with pytest.raises(Missing):
        pack.pack(tmp_path / "none")


@pytest.mark.parametrize(
    "name, expected", [("a/b: c", "a-b-c"), ("训练 1", "训练-1"), ("../..", "model"), ("", "model")]
)
def test_the_zip_is_called_like_the_run_and_never_a_path(name: str, expected: str):
    assert pack.slug(name) == expected
