"""Reports of finished runs of every kind: parts as they become ready, figures that agree, rows behind every cell."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import openpyxl
import pyarrow as pa
import pytest
from sklearn.metrics import f1_score

from core.errors import Cancelled, Missing, RunError
from core.evaluation import answers, report
from core.inference import Predictor
from core.training.runs import Run
from core.words import Message
from core.workspace import read_json, write_json


@pytest.fixture
def copied(tmp_path: Path):
    """A copy of a run's folder, free to be spoilt."""

    def copy(run: Run) -> Path:
        shutil.copytree(run.folder, tmp_path / "run", ignore=shutil.ignore_patterns("report", "export"))
        return tmp_path / "run"

    return copy


@pytest.fixture(scope="module")
def judged(tuned_run: Run) -> tuple[Run, dict]:
    return tuned_run, report.make(tuned_run.folder)


def test_the_figures_are_those_of_the_model_on_the_test_split(judged):
    run, made = judged
    found, names = report.splits(run.folder, run.spec["labels"]["names"])
    said = Predictor.open(run.model).probabilities(found["test"].texts).argmax(axis=1)
    assert made["split"] == "test" and made["total"] == 66 and made["labels"] == names
    assert made["correct"] == int((said == found["test"].labels).sum())
    assert made["accuracy"] == pytest.approx(run.view().test["accuracy"])
    assert made["macro_f1"] == pytest.approx(run.view().test["macro_f1"])
    assert made["macro_f1"] == pytest.approx(f1_score(found["test"].labels, said, average="macro"))
    assert sum(n for _, _, n in made["confusion"]) == 66
    assert [row["support"] for row in made["per_label"]] == np.bincount(found["test"].labels, minlength=3).tolist()
    assert [row["id"] for row in made["averages"]] == ["micro", "macro", "weighted"]


def test_all_contenders_are_asked_the_same_texts_with_intervals(judged):
    _, made = judged
    assert [c["id"] for c in made["contenders"]] == ["majority", "counting", "before", "run"]
    assert all(c["state"] == "ready" and c["total"] == 66 for c in made["contenders"])
    assert all(0 <= c["low"] <= c["accuracy"] <= c["high"] <= 1 for c in made["contenders"])
    by = {c["id"]: c for c in made["contenders"]}
    assert by["majority"]["accuracy"] < by["counting"]["accuracy"]
    assert str(Message.from_json(by["counting"]["title"])) == "Counts words"
    assert "Wilson" in str(Message.from_json(made["interval"]))
    assert set(made["ready"]) == {
        "answers", "labels", "confusion", "verdict", "majority", "counting", "before", "changes",
    }  # fmt: skip
    assert made["done"] and made["data"]["version"] == judged[0].spec["data"]["version"]


def test_before_tuning_is_the_runs_own_probe(judged):
    run, _made = judged
    found, names = report.splits(run.folder, run.spec["labels"]["names"])
    probe = Predictor.open(run.folder / "probe")
    said = [names.index(a.label) for a in probe.predict(found["test"].texts)]
    assert answers.load(run.folder).rivals["before"].tolist() == said


def test_a_run_without_a_probe_gets_one_fitted(standard_run: Run, copied):
    folder = copied(standard_run)
    assert not (folder / "probe").exists()
    made = report.make(folder)
    before = next(c for c in made["contenders"] if c["id"] == "before")
    assert before["state"] == "ready" and before["total"] == 66


def test_the_fitted_probe_agrees_with_the_runs_own(tuned_run: Run, copied):
    folder = copied(tuned_run)
    own = report.make(folder)["contenders"][2]["correct"]
    shutil.rmtree(folder / "probe")
    shutil.rmtree(folder / "report")
    assert abs(report.make(folder)["contenders"][2]["correct"] - own) <= 3


def test_what_was_mended_and_broken_can_be_read(judged):
    run, made = judged
    changes = made["changes"]
    assert changes["against"] == "before" and 0 < changes["p"] <= 1
    for only in ("mended", "broken"):
        found = answers.rows_of(run.folder, only=only)
        assert found["total"] == changes[only]
        for row in found["rows"]:
            mine, theirs = row["predicted"] == row["label"], row["before"] == row["label"]
            assert (mine, theirs) == ((True, False) if only == "mended" else (False, True))
    right = {c["id"]: c["correct"] for c in made["contenders"]}
    assert right["run"] - right["before"] == changes["mended"] - changes["broken"]


def test_every_cell_of_the_matrix_opens_its_rows(judged):
    run, made = judged
    for gold, said, n in made["confusion"]:
        found = answers.rows_of(run.folder, gold, said)
        assert found["total"] == n
        assert {(row["label"], row["predicted"]) for row in found["rows"]} == {
            (made["labels"][gold], made["labels"][said])
        }
    assert (
        answers.rows_of(run.folder, "praise")["total"] == made["per_label"][made["labels"].index("praise")]["support"]
    )
    assert answers.rows_of(run.folder, "no such label")["total"] == 0


def test_mistakes_come_surest_first_and_in_pages(judged):
    run, made = judged
    all_of_them = answers.rows_of(run.folder, only="mistakes", count=500)
    assert all_of_them["total"] == made["mistakes"] == 66 - made["correct"] > 0
    shares = [row["probability"] for row in all_of_them["rows"]]
    assert shares == sorted(shares, reverse=True)
    assert answers.rows_of(run.folder, only="mistakes", start=1, count=2)["rows"] == all_of_them["rows"][1:3]


def test_a_run_of_the_last_layer_only_has_nothing_before_it(probe_run: Run):
    made = report.make(probe_run.folder)
    assert [c["id"] for c in made["contenders"]] == ["majority", "counting", "run"]
    assert made["changes"]["against"] == "counting"
    assert str(Message.from_json(made["verdict"]["tuning"])).startswith("This run learned only the last layer.")


def test_a_classic_run_is_measured_against_word_counting(classic_run: Run):
    made = report.make(classic_run.folder)
    assert [c["id"] for c in made["contenders"]] == ["majority", "counting", "run"]
    assert made["verdict"]["tuning"] is None and made["changes"]["against"] == "counting"


def test_parts_can_be_read_before_all_is_done_and_a_cancelled_report_goes_on_anew(tuned_run: Run, copied):
    folder = copied(tuned_run)
    seen: list[list[str]] = []

    def progress(done: int, total: int) -> None:
        told = report.read(folder)
        if told and (not seen or told["ready"] != seen[-1]):
            seen.append(told["ready"])

    with pytest.raises(Cancelled):
        report.make(folder, progress, cancelled=lambda: bool(seen) and "counting" in seen[-1])
    assert "answers" in seen[0] and "counting" in seen[-1] and "before" not in seen[-1]
    part = report.read(folder)
    assert not part["done"] and [c["state"] for c in part["contenders"]] == ["ready", "ready", "waiting", "ready"]
    assert "before" not in answers.load(folder).rivals
    assert report.make(folder)["done"]


def test_a_finished_report_is_not_made_twice_and_a_new_model_makes_it_void(tuned_run: Run, copied):
    folder = copied(tuned_run)
    first = report.make(folder)
    assert report.make(folder)["made"] == first["made"]
    about = folder / "model" / "hone.json"
    write_json(about, read_json(about))
    assert report.read(folder) is None
    assert report.make(folder)["made"] > first["made"]


def test_without_test_texts_validation_is_asked_and_that_is_said(tuned_run: Run, copied):
    folder = copied(tuned_run)
    _resplit(folder, {"test": "train"})
    made = report.make(folder)
    assert made["split"] == "validation" and made["verdict"]["caution"]
    shutil.rmtree(folder / "report")
    _resplit(folder, {"validation": "train"})
    with pytest.raises(RunError, match="kept no texts aside"):
        report.make(folder)


def test_a_run_without_a_model_is_told(tmp_path: Path):
    with pytest.raises(Missing, match="no model yet"):
        report.make(tmp_path)
    assert report.read(tmp_path) is None
    with pytest.raises(Missing, match="has not been evaluated"):
        answers.rows_of(tmp_path)


def test_the_downloads_agree_with_the_report(judged, tmp_path: Path):
    run, made = judged

    def read(what: str) -> list[dict[str, str]]:
        path = answers.download(run.folder, what, tmp_path / f"{what}.csv")
        with path.open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file))

    labels = read("labels")
    assert [row["label"] for row in labels] == [*made["labels"], "(micro)", "(macro)", "(weighted)"]
    assert float(labels[-2]["f1"]) == pytest.approx(made["macro_f1"])
    matrix = read("confusion")
    assert sum(int(row[name]) for row in matrix for name in made["labels"]) == 66
    rows = read("rows")
    assert len(rows) == 66 and sum(row["right"] == "yes" for row in rows) == made["correct"]
    assert {"majority", "counting", "before"} <= set(rows[0])
    assert len(read("mistakes")) == made["mistakes"]
    assert [row["contender"] for row in read("contenders")] == ["majority", "counting", "before", "run"]
    sheet = openpyxl.load_workbook(answers.download(run.folder, "labels", tmp_path / "labels.xlsx")).active
    assert sheet.max_row == 1 + len(labels)
    with pytest.raises(Missing):
        answers.download(run.folder, "../rows", tmp_path / "x.csv")


def test_the_report_is_plain_json_and_readable_without_torch(judged):
    run, made = judged
    assert json.loads(json.dumps(made, allow_nan=False)) == report.read(run.folder)
    code = (
        "import sys\nfrom core.evaluation import answers, report\n"
        f"assert report.read({str(run.folder)!r})['done'] and answers.rows_of({str(run.folder)!r})['total'] == 66\n"
        "assert not {'torch', 'transformers', 'sklearn', 'scipy', 'datasets'} & set(sys.modules)\n"
    )
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def _resplit(folder: Path, moved: dict[str, str]) -> None:
    with pa.OSFile(str(folder / "rows.arrow"), "rb") as source:
        table = pa.ipc.open_file(source).read_all()
    splits = pa.array([moved.get(s, s) for s in table.column("split").to_pylist()], pa.string())
    table = table.set_column(table.column_names.index("split"), "split", splits)
    with pa.OSFile(str(folder / "rows.arrow"), "wb") as sink, pa.ipc.new_file(sink, table.schema) as out:
        out.write_table(table)
